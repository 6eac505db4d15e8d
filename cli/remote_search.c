/* cli/remote_search.c -- see remote_search.h. */
#include "cli/remote_search.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/checkpoints.h"
#include "cli/command.h"
#include "cli/program.h"
#include "cli/remote_files.h"
#include "cli/remote_hello.h"
#include "cli/search_store.h"
#include "search/coordinator.h"
#include "search/transfer.h"

struct remote_search {
    const struct remote_wishes *wishes;
    const struct settings *settings;
    struct evaluator *evaluator; /* NULL: of a study with an evaluator of its own */
    struct store_program ours;
    struct link_key key;
    struct remote_files files;
    int db, list; /* files without a name, which nobody else can take or leave behind; -1: none */
    char *welcome;
    struct search_coordinator_options options;
    struct search_coordinator *coordinator;
    struct search_elsewhere elsewhere;
};

/* ---- who may work ---- */

struct joining {
    const struct remote_hello *hello;
    struct store_remote *remote;
};

static rt_status record(void *context, struct store *store, struct rt_err *err)
{
    const struct joining *j = context;

    RT_TRY(store_host(store, &j->hello->machine, j->hello->program.kernels, &j->remote->host, err));
    return store_program_of(store, &j->hello->program, &j->remote->program, err);
}

static bool admit(void *context, struct run *run, const char *text, struct store_remote *remote,
                  char why[COORDINATOR_WHY])
{
    const struct remote_search *r = context;
    struct remote_hello hello;
    struct joining joining = {&hello, remote};
    struct rt_err err;

    if (remote_hello_parse(text, &hello, &err) != RT_OK) {
        (void)snprintf(why, COORDINATOR_WHY, "%.200s", err.text);
        return false;
    }
    if (!r->evaluator)
        (void)snprintf(hello.program.kernels, sizeof hello.program.kernels, "none");
    remote->slots = hello.slots;
    remote->mixed = !remote_hello_same(&hello, &r->ours, r->settings, why, COORDINATOR_WHY);
    if (remote->mixed && !r->wishes->mixed)
        return false;
    if (remote->mixed)
        search_event(run, "mixed", why);
    search_write(run, record, &joining);
    return true;
}

/* ---- what they may have ---- */

static bool file(void *context, const char *name, char path[RT_PATH_MAX])
{
    const struct remote_search *r = context;
    const char *found = NULL;
    int64_t number;

    if (strcmp(name, "list") == 0 || strcmp(name, "db") == 0)
        return snprintf(path, RT_PATH_MAX, "/proc/self/fd/%d", name[0] == 'l' ? r->list : r->db) >
               0;
    if (sscanf(name, "file/%9" SCNd64, &number) == 1 && number >= 0 && number < r->files.count)
        found = r->files.entry[number].path;
    else if (sscanf(name, "weights/%18" SCNd64, &number) == 1 && number >= 0 && r->evaluator &&
             r->evaluator->checkpoints)
        return checkpoints_path(r->evaluator->checkpoints, number, path, NULL) == RT_OK;
    if (found)
        (void)snprintf(path, RT_PATH_MAX, "%s", found);
    return found != NULL;
}

static bool weights(void *context, int64_t trial, char path[RT_PATH_MAX])
{
    const struct remote_search *r = context;

    return r->evaluator && r->evaluator->checkpoints &&
           checkpoints_path(r->evaluator->checkpoints, trial, path, NULL) == RT_OK;
}

static void finish(void *context, const struct search_job *job, struct store_result *result)
{
    evaluator_finish(((struct remote_search *)context)->evaluator, job, result);
}

static rt_status look(void *context, const atomic_int *stop, struct rt_err *err)
{
    const struct remote_search *r = context;

    return tr_data_look_until(r->evaluator->data, stop, err);
}

/* ---- what they are sent ---- */

/* The study as a database without trials: what `retort worker DB` reads. Workers put it beside a folder
 * `root`, below which the study's files stand as they do here. */
static rt_status write_db(const struct remote_search *r, const struct study *study,
                          const struct session *session, const char *path, struct rt_err *err)
{
    struct settings settings = *r->settings;
    struct store *store;
    rt_status rc;

    if (snprintf(settings.study, sizeof settings.study, "root%s", r->files.study) >=
        (int)sizeof settings.study)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", r->files.study);
    (void)snprintf(settings.root, sizeof settings.root, "root");
    RT_TRY(search_store_create(study, path, &settings, &store, err));
    rc = session ? session_record_teachers(session, store, err) : RT_OK;
    store_close(store);
    return rc;
}

static rt_status write_list(struct remote_search *r, const char *db, const char *path,
                            struct rt_err *err)
{
    struct rt_writer writer;
    char *text;
    rt_status rc;

    r->files.db.path = strdup("/study.db"); /* where it lies is the workers' business */
    if (!r->files.db.path)
        return rt_fail(err, RT_ENOMEM, "no memory for a list of files");
    RT_TRY(transfer_hash(db, r->files.db.hash, err));
    RT_TRY(remote_files_print(&r->files, &text, err));
    if ((rc = rt_writer_open(&writer, path, err)) == RT_OK) {
        (void)fputs(text, writer.file);
        rc = rt_writer_commit(&writer, err);
        rt_writer_abandon(&writer);
    }
    free(text);
    return rc;
}

/* What is sent, but for the study's files, in a folder of its own that is gone at once: `hash` is the list's. */
static rt_status write_both(struct remote_search *r, const struct study *study,
                            const struct session *session, char hash[RT_HASH_TEXT],
                            struct rt_err *err)
{
    static const char *const beside[] = {"", "-wal", "-shm"};
    const char *parent = getenv("TMPDIR");
    char folder[RT_PATH_MAX - 64], list[RT_PATH_MAX], db[RT_PATH_MAX], path[RT_PATH_MAX + 8];
    rt_status rc;

    parent = parent && parent[0] ? parent : "/tmp";
    if (snprintf(folder, sizeof folder, "%s/retort-remote-XXXXXX", parent) >= (int)sizeof folder ||
        !mkdtemp(folder))
        return rt_fail(err, RT_EIO, "cannot make a temporary folder in '%.200s'; set TMPDIR",
                       parent);
    (void)snprintf(list, sizeof list, "%s/list", folder);
    (void)snprintf(db, sizeof db, "%s/db", folder);
    if ((rc = write_db(r, study, session, db, err)) == RT_OK &&
        (rc = write_list(r, db, list, err)) == RT_OK &&
        (rc = transfer_hash(list, hash, err)) == RT_OK) {
        r->db = open(db, O_RDONLY | O_CLOEXEC);
        r->list = open(list, O_RDONLY | O_CLOEXEC);
        if (r->db < 0 || r->list < 0)
            rc = rt_fail(err, RT_EIO, "cannot open '%s': %s", db, strerror(errno));
    }
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        (void)snprintf(path, sizeof path, "%s%s", db, beside[i]);
        (void)unlink(path);
    }
    (void)unlink(list);
    (void)rmdir(folder);
    return rc;
}

/* What a worker must find again to keep what it has: all but the database's own bytes, which are others at
 * each start. */
static rt_status identify(const struct remote_search *r, const struct study *study, bool weighed,
                          char id[RT_HASH_TEXT], struct rt_err *err)
{
    const struct tr_ensemble *ensemble = &study->ensemble;
    struct rt_hash *hash = rt_hash_open();
    char study_hashed[RT_HASH_TEXT], *files = NULL, *settings = NULL;
    rt_status rc = hash ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to hash the study");

    if (rc == RT_OK && (rc = remote_files_print(&r->files, &files, err)) == RT_OK)
        rc = settings_print(r->settings, &settings, err);
    if (rc == RT_OK) {
        study_hash(study, study_hashed);
        rt_hash_add(hash, study_hashed, sizeof study_hashed);
        rt_hash_add(hash, study->yaml, strlen(study->yaml));
        rt_hash_add(hash, files, strlen(files));
        rt_hash_add(hash, settings, strlen(settings));
        for (int k = 0; weighed && k < study->teachers.count; k++) {
            rt_hash_add(hash, &ensemble->weight[k], sizeof ensemble->weight[k]);
            rt_hash_add(hash, &ensemble->calibration[k], sizeof ensemble->calibration[k]);
        }
    }
    if (hash)
        rt_hash_close(hash, id);
    free(files);
    free(settings);
    return rc;
}

static rt_status prepare(struct remote_search *r, struct study *study,
                         const struct session *session, struct rt_err *err)
{
    char id[RT_HASH_TEXT], hash[RT_HASH_TEXT];
    json_t *all;

    RT_TRY(remote_files_of(study, &r->files, err));
    RT_TRY(identify(r, study, session != NULL, id, err));
    RT_TRY(write_both(r, study, session, hash, err));
    all = json_pack("{s:s, s:s, s:s}", "study", id, "name", study->name, "list", hash);
    r->welcome = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return r->welcome ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to welcome workers");
}

/* ---- the whole ---- */

/* A command's words are sent where they are files beside the study. */
static void warn_of_absolute(const struct remote_files *files)
{
    for (int i = 0; i < files->there_count; i++)
        command_warn("search", "'%.200s' is not sent: it has to be on all machines",
                     files->there[i]);
}

static rt_status begin(struct remote_search *r, struct study *study, const struct session *session,
                       struct rt_err *err)
{
    const bool finishes =
        r->evaluator && (r->evaluator->latency_count || r->evaluator->checkpoints);

    RT_TRY(link_key_read(r->wishes->key, &r->key, err));
    RT_TRY(link_check(r->wishes->listen, &r->key, err));
    program_query(r->settings->kernels, &r->ours);
    RT_TRY(prepare(r, study, session, err));
    r->options = (struct search_coordinator_options){.address = r->wishes->listen,
                                                     .key = &r->key,
                                                     .space = &study->space,
                                                     .options = &study->search,
                                                     .texts = r->settings->texts,
                                                     .welcome = r->welcome,
                                                     .admit = admit,
                                                     .file = file,
                                                     .weights = weights,
                                                     .finish = finishes ? finish : NULL,
                                                     .look = r->evaluator ? look : NULL,
                                                     .context = r};
    RT_TRY(search_coordinator_open(&r->options, &r->coordinator, err));
    warn_of_absolute(&r->files);
    r->elsewhere = (struct search_elsewhere){search_coordinator_serve, r->coordinator};
    (void)fprintf(stderr, "listening at %s%s\n", search_coordinator_address(r->coordinator),
                  r->key.given ? "" : ", without a key: any user of this machine may work for it");
    return RT_OK;
}

rt_status remote_search_open(struct remote_search **remote, const struct remote_wishes *wishes,
                             struct study *study, const struct session *session,
                             const struct settings *settings, struct evaluator *evaluator,
                             struct rt_err *err)
{
    struct remote_search *r = calloc(1, sizeof *r);
    rt_status rc;

    assert(wishes->listen && !session == !evaluator);
    if (!r)
        return rt_fail(err, RT_ENOMEM, "no memory to listen");
    r->db = r->list = -1;
    r->wishes = wishes;
    r->settings = settings;
    r->evaluator = evaluator;
    if ((rc = begin(r, study, session, err)))
        remote_search_close(r);
    else
        *remote = r;
    return rc;
}

const struct search_elsewhere *remote_search_elsewhere(const struct remote_search *remote)
{
    return remote ? &remote->elsewhere : NULL;
}

void remote_search_close(struct remote_search *remote)
{
    if (!remote)
        return;
    search_coordinator_close(remote->coordinator);
    if (remote->db >= 0)
        (void)close(remote->db);
    if (remote->list >= 0)
        (void)close(remote->list);
    remote_files_release(&remote->files);
    free(remote->welcome);
    free(remote);
}
