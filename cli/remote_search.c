/* cli/remote_search.c -- see remote_search.h. */
#include "cli/remote_search.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/checkpoints.h"
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
    char db[RT_PATH_MAX], list[RT_PATH_MAX]; /* beside the store */
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

    if (strcmp(name, "list") == 0)
        found = r->list;
    else if (strcmp(name, "db") == 0)
        found = r->db;
    else if (sscanf(name, "file/%9" SCNd64, &number) == 1 && number >= 0 && number < r->files.count)
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

/* ---- what they are sent ---- */

static rt_status beside(const struct store *store, const char *ending, char path[RT_PATH_MAX],
                        struct rt_err *err)
{
    const char *db = store_path(store), *dot = strrchr(db, '.'), *slash = strrchr(db, '/');
    const int stem = dot && (!slash || dot > slash + 1) ? (int)(dot - db) : (int)strlen(db);

    if (snprintf(path, RT_PATH_MAX, "%.*s.remote.%s", stem, db, ending) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", db);
}

/* The study as a database without trials: what `retort worker DB` reads. Workers put it beside a folder
 * `root`, below which the study's files stand as they do here. */
static rt_status write_db(const struct remote_search *r, const struct study *study,
                          const struct session *session, struct rt_err *err)
{
    struct settings settings = *r->settings;
    struct store *store;
    rt_status rc;

    if (snprintf(settings.study, sizeof settings.study, "root%s", r->files.study) >=
        (int)sizeof settings.study)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", r->files.study);
    (void)snprintf(settings.root, sizeof settings.root, "root");
    (void)unlink(r->db);
    RT_TRY(search_store_create(study, r->db, &settings, &store, err));
    rc = session ? session_record_teachers(session, store, err) : RT_OK;
    store_close(store);
    return rc;
}

static rt_status write_list(struct remote_search *r, struct rt_err *err)
{
    struct rt_writer writer;
    char *text;
    rt_status rc;

    r->files.db.path = strdup("/study.db"); /* where it lies is the workers' business */
    if (!r->files.db.path)
        return rt_fail(err, RT_ENOMEM, "no memory for a list of files");
    RT_TRY(transfer_hash(r->db, r->files.db.hash, err));
    RT_TRY(remote_files_print(&r->files, &text, err));
    if ((rc = rt_writer_open(&writer, r->list, err)) == RT_OK) {
        (void)fputs(text, writer.file);
        rc = rt_writer_commit(&writer, err);
        rt_writer_abandon(&writer);
    }
    free(text);
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
                         const struct session *session, struct store *store, struct rt_err *err)
{
    char id[RT_HASH_TEXT], hash[RT_HASH_TEXT];
    json_t *all;

    RT_TRY(beside(store, "db", r->db, err));
    RT_TRY(beside(store, "json", r->list, err));
    RT_TRY(remote_files_of(study, &r->files, err));
    RT_TRY(identify(r, study, session != NULL, id, err));
    RT_TRY(write_db(r, study, session, err));
    RT_TRY(write_list(r, err));
    RT_TRY(transfer_hash(r->list, hash, err));
    all = json_pack("{s:s, s:s, s:s}", "study", id, "name", study->name, "list", hash);
    r->welcome = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return r->welcome ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to welcome workers");
}

/* ---- the whole ---- */

static rt_status begin(struct remote_search *r, struct study *study, const struct session *session,
                       struct store *store, struct rt_err *err)
{
    const bool finishes =
        r->evaluator && (r->evaluator->latency_count || r->evaluator->checkpoints);

    RT_TRY(link_key_read(r->wishes->key, &r->key, err));
    RT_TRY(link_check(r->wishes->listen, &r->key, err));
    program_query(r->settings->kernels, &r->ours);
    RT_TRY(prepare(r, study, session, store, err));
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
                                                     .context = r};
    RT_TRY(search_coordinator_open(&r->options, &r->coordinator, err));
    r->elsewhere = (struct search_elsewhere){search_coordinator_serve, r->coordinator};
    (void)fprintf(stderr, "listening at %s%s\n", search_coordinator_address(r->coordinator),
                  r->key.given ? "" : ", without a key");
    return RT_OK;
}

rt_status remote_search_open(struct remote_search **remote, const struct remote_wishes *wishes,
                             struct study *study, const struct session *session,
                             const struct settings *settings, struct evaluator *evaluator,
                             struct store *store, struct rt_err *err)
{
    struct remote_search *r = calloc(1, sizeof *r);
    rt_status rc;

    assert(wishes->listen && !session == !evaluator);
    if (!r)
        return rt_fail(err, RT_ENOMEM, "no memory to listen");
    r->wishes = wishes;
    r->settings = settings;
    r->evaluator = evaluator;
    if ((rc = begin(r, study, session, store, err)))
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
    if (remote->db[0])
        (void)unlink(remote->db);
    if (remote->list[0])
        (void)unlink(remote->list);
    remote_files_release(&remote->files);
    free(remote->welcome);
    free(remote);
}
