/* cli/remote_study.c -- see remote_study.h. flock() is none of POSIX's, hence the define. */
#define _DEFAULT_SOURCE
#include "cli/remote_study.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "cli/checkpoints.h"
#include "cli/isolation.h"
#include "cli/kept_study.h"
#include "cli/remote_files.h"
#include "cli/trial_states.h"
#include "search/external.h"
#include "search/protocol.h"
#include "search/transfer.h"

#define LIST_MAX ((size_t)1 << 28) /* bytes of a list of files */
#define TRY_NS                                                                                     \
    INT64_C(3600000000000) /* for a child to open the study, as long as that ever takes */

#define STATES_KEPT (30 * 86400.) /* seconds */

/* The file that runs now, also when another one, of a later build, has taken its place. */
static const char itself[] = "/proc/self/exe";

struct
    attempt { /* of a child to open the study, in a thread: the worker has to say that it is there */
    pthread_t thread;
    bool runs; /* the thread is to be waited for */
    int64_t until_ns;
    atomic_int done, halt; /* it has ended; it should */
    rt_status rc;
    struct rt_err err;
};

struct remote_study {
    char cache[RT_PATH_MAX], folder[RT_PATH_MAX]; /* the latter once welcomed */
    char id[RT_HASH_TEXT], list[RT_HASH_TEXT];
    int slots, lock; /* lock -1: not held */
    const atomic_int *stop;
    bool listed, copy;
    struct remote_files files;
    int next; /* of the files, those before it are here */
    bool begun;
    struct store *store;
    struct session session;
    struct settings settings;
    char db[RT_PATH_MAX], checkpoints[RT_PATH_MAX];
    struct search_external_options how;
    struct search_options options; /* of children that are Retort itself: nothing is wanted */
    struct search_external *external;
    struct attempt attempt;
};

/* ---- the folder ---- */

static bool good_hash(const char *text)
{
    return strlen(text) == RT_HASH_TEXT - 1 && strspn(text, "0123456789abcdef") == strlen(text);
}

/* Nobody else's to read, as what it is made of may be. */
static rt_status make_private(const char *folder, struct rt_err *err)
{
    RT_TRY(rt_folder_make_for(folder, err));
    if (mkdir(folder, 0700) && errno != EEXIST)
        return rt_fail(err, RT_EIO, "cannot make folder '%s': %s", folder, strerror(errno));
    return RT_OK;
}

static rt_status join(char out[RT_PATH_MAX], const char *folder, const char *name,
                      struct rt_err *err)
{
    if (snprintf(out, RT_PATH_MAX, "%s%s", folder, name) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
}

/* Of any study. */
static void remove_old_states(const struct remote_study *s)
{
    DIR *folder = opendir(s->cache);
    char path[RT_PATH_MAX];
    struct dirent *found;

    while (folder && (found = readdir(folder)))
        if (good_hash(found->d_name) && snprintf(path, sizeof path, "%s/%s/study.runs", s->cache,
                                                 found->d_name) < (int)sizeof path)
            trial_states_clear(path, STATES_KEPT);
    if (folder)
        (void)closedir(folder);
}

rt_status remote_study_open(struct remote_study **study, const char *cache, bool copy, int slots,
                            const atomic_int *stop, struct rt_err *err)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    struct remote_study *s = calloc(1, sizeof *s);
    char folder[RT_PATH_MAX];
    rt_status rc;

    if (!s)
        return rt_fail(err, RT_ENOMEM, "no memory for a worker");
    s->slots = slots;
    s->copy = copy;
    s->stop = stop;
    s->lock = -1;
    if (cache)
        rc = join(folder, cache, "", err);
    else if (base && base[0] == '/')
        rc = join(folder, base, "/retort", err);
    else if (home && home[0] == '/')
        rc = join(folder, home, "/.cache/retort", err);
    else
        rc = rt_fail(err, RT_EIO, "there is no home folder for a cache: give --cache DIR");
    if (rc == RT_OK && (rc = remote_files_absolute(folder, s->cache, err)) == RT_OK)
        rc = make_private(s->cache, err);
    if (rc != RT_OK) {
        free(s);
        return rc;
    }
    remove_old_states(s);
    *study = s;
    return RT_OK;
}

static void end_attempt(struct attempt *attempt)
{
    if (!attempt->runs)
        return;
    atomic_store(&attempt->halt, 1);
    (void)pthread_join(attempt->thread, NULL);
    attempt->runs = false;
}

void remote_study_close(struct remote_study *study, bool done)
{
    char states[RT_PATH_MAX];

    if (!study)
        return;
    end_attempt(&study->attempt);
    if (study->external)
        search_external_close(study->external);
    if (done && study->db[0] && checkpoints_beside(study->db, "runs", states, NULL) == RT_OK)
        trial_states_clear(states, 0);
    if (study->begun)
        session_close(&study->session);
    if (study->store)
        store_close(study->store);
    if (study->lock >= 0)
        (void)close(study->lock);
    remote_files_release(&study->files);
    free(study);
}

/* Waits while another worker of this machine puts the folder together. */
static rt_status lock_folder(struct remote_study *s, struct rt_err *err)
{
    const struct timespec tick = {.tv_nsec = 50000000};
    char path[RT_PATH_MAX];

    RT_TRY(join(path, s->folder, "/lock", err));
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    while (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB)) {
        if (atomic_load(s->stop) || errno != EWOULDBLOCK) {
            (void)close(s->lock);
            s->lock = -1;
            return atomic_load(s->stop) ? rt_fail(err, RT_ESTOP, "stopped")
                                        : rt_fail(err, RT_EIO, "cannot lock '%s'", path);
        }
        (void)nanosleep(&tick, NULL);
    }
    return s->lock >= 0 ? RT_OK
                        : rt_fail(err, RT_EIO, "cannot write '%s': %s", path, strerror(errno));
}

/* ---- what the search says ---- */

rt_status remote_study_welcome(void *context, const char *text, struct rt_err *err)
{
    struct remote_study *s = context;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *id, *list;
    char name[RT_HASH_TEXT + 1];
    rt_status rc = RT_OK;

    if (json_unpack(all, "{s:s, s:s}", "study", &id, "list", &list) || !good_hash(id) ||
        !good_hash(list))
        rc = rt_fail(err, RT_EFORMAT, "what the search says of its study is not readable");
    else if (s->id[0] && strcmp(s->id, id) != 0)
        rc = rt_fail(err, RT_EMISMATCH,
                     "the search is of another study now than the one that this worker has");
    if (rc == RT_OK && !s->id[0]) {
        memcpy(s->id, id, sizeof s->id);
        memcpy(s->list, list, sizeof s->list);
        (void)snprintf(name, sizeof name, "/%s", id);
        if ((rc = join(s->folder, s->cache, name, err)) == RT_OK &&
            (rc = make_private(s->folder, err)) == RT_OK)
            rc = lock_folder(s, err);
    } else if (rc == RT_OK && !s->begun && strcmp(s->list, list) != 0) {
        memcpy(s->list, list, sizeof s->list); /* of a search that was begun anew meanwhile */
        remote_files_release(&s->files);
        s->listed = false;
        s->next = 0;
    }
    json_decref(all);
    return rc;
}

/* ---- files ---- */

static bool want(struct remote_file *file, const char *name, const char *path, const char *hash)
{
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    memcpy(file->hash, hash, sizeof file->hash);
    return true;
}

/* Nothing needs no sending. */
static bool make_empty(const char *path)
{
    FILE *file = rt_folder_make_for(path, NULL) == RT_OK ? fopen(path, "wb") : NULL;

    return file && fclose(file) == 0;
}

/* Is file i here? By its path on the searching machine, too, which may be on a disk that both have. */
static bool is_here(const struct remote_study *s, int i, char path[RT_PATH_MAX])
{
    const struct remote_entry *entry = &s->files.entry[i];
    char empty[RT_HASH_TEXT];
    struct stat about;

    rt_hash_bytes("", 0, empty);
    if (snprintf(path, RT_PATH_MAX, "%s/root%s", s->folder, entry->path) >= RT_PATH_MAX)
        return false;
    if (!entry->hash[0])
        return rt_folder_make(path, NULL) == RT_OK;
    if (transfer_has(path, entry->hash) &&
        !(s->copy && lstat(path, &about) == 0 && S_ISLNK(about.st_mode))) {
        if (entry->executable && stat(path, &about) == 0 && !(about.st_mode & S_IXUSR))
            (void)chmod(path, 0755);
        return true;
    }
    (void)unlink(path); /* a link to what is another file by now */
    if (strcmp(entry->hash, empty) == 0)
        return make_empty(path);
    return !s->copy && transfer_has(entry->path, entry->hash) &&
           rt_folder_make_for(path, NULL) == RT_OK && symlink(entry->path, path) == 0;
}

static bool read_list(struct remote_study *s, const char *path)
{
    char *text, part[RT_PATH_MAX];
    size_t bytes;

    if (rt_file_read(path, LIST_MAX, &text, &bytes, NULL) != RT_OK)
        return false;
    if (join(part, s->folder, "/study.db.part", NULL) == RT_OK)
        (void)unlink(part); /* of another start of the search, likely */
    s->listed = remote_files_parse(text, &s->files, NULL) == RT_OK;
    free(text);
    return s->listed;
}

bool remote_study_missing(void *context, struct remote_file *file)
{
    struct remote_study *s = context;
    char path[RT_PATH_MAX], name[32];

    if (s->begun) /* and is being tried */
        return false;
    if (!s->listed) {
        (void)snprintf(name, sizeof name, "/%.8s.json", s->list);
        if (join(path, s->folder, name, NULL) != RT_OK)
            return false;
        if (!transfer_has(path, s->list))
            return want(file, "list", path, s->list);
        if (!read_list(s, path))
            return false; /* begin tells */
    }
    /* of the same bytes, though equal ones of another start would do: who has that open goes on */
    if (join(s->db, s->folder, "/study.db", NULL) == RT_OK &&
        !transfer_has(s->db, s->files.db.hash))
        return want(file, "db", s->db, s->files.db.hash);
    for (; s->next < s->files.count; s->next++)
        if (!is_here(s, s->next, path)) {
            (void)snprintf(name, sizeof name, "file/%d", s->next);
            return want(file, name, path, s->files.entry[s->next].hash);
        }
    return false;
}

/* ---- trials ---- */

/* Where relative paths of the study are seen from, though no file of it may be there. */
static rt_status make_study_folder(const struct remote_study *s, struct rt_err *err)
{
    char path[RT_PATH_MAX];

    if (snprintf(path, sizeof path, "%s/root%s", s->folder, s->files.study) >= (int)sizeof path)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", s->folder);
    return rt_folder_make_for(path, err);
}

static rt_status check_there(const struct remote_study *s, struct rt_err *err)
{
    for (int i = 0; i < s->files.there_count; i++)
        if (access(s->files.there[i], F_OK))
            return rt_fail(err, RT_EIO,
                           "a command of the study names '%.200s', which is not on this machine",
                           s->files.there[i]);
    return RT_OK;
}

/* Can a child begin here? One that is asked for no trial, since a trial would be to blame for what this machine
 * lacks. */
static void *try_child(void *context)
{
    struct remote_study *s = context;
    struct attempt *a = &s->attempt;
    struct rt_process process = {.pid = 0};
    int status = 0;

    a->rc = rt_process_start(&process, (char *const *)s->how.argv, s->how.folder, &a->err);
    if (a->rc == RT_OK && !rt_process_wait(&process, 0, &a->halt, NULL, NULL, &status))
        a->rc = rt_fail(&a->err, RT_ESTOP, "stopped");
    else if (a->rc == RT_OK && status != 0)
        a->rc = rt_fail(&a->err, RT_EIO, "the study cannot be opened here: %.300s",
                        rt_process_last_line(&process));
    rt_process_release(&process);
    atomic_store(&a->done, 1);
    return NULL;
}

static rt_status begin_attempt(struct remote_study *s, struct rt_err *err)
{
    s->attempt.until_ns = rt_now_ns() + TRY_NS;
    if (pthread_create(&s->attempt.thread, NULL, try_child, s))
        return rt_fail(err, RT_ENOMEM, "cannot start a thread that opens the study");
    s->attempt.runs = true;
    return RT_OK;
}

/* *ended: and well. */
static rt_status look_at_attempt(struct remote_study *s, bool *ended, struct rt_err *err)
{
    struct attempt *a = &s->attempt;

    if (!atomic_load(&a->done))
        return rt_now_ns() < a->until_ns
                   ? RT_OK
                   : rt_fail(err, RT_EIO, "the study could not be opened here within an hour");
    end_attempt(a);
    if (a->rc != RT_OK)
        return rt_fail(err, a->rc, "%s", a->err.text);
    *ended = true;
    return RT_OK;
}

static rt_status prepare_children(struct remote_study *s, struct rt_err *err)
{
    struct study *study = &s->session.study;

    s->options.workers = s->slots;
    if (s->files.own) {
        study->search.workers = s->slots;
        s->how = study->external;
        s->how.texts = s->settings.texts;
        return RT_OK;
    }
    if (s->files.weights) {
        RT_TRY(checkpoints_folder(s->store, s->checkpoints, err));
        RT_TRY(rt_folder_make(s->checkpoints, err));
    }
    s->how = (struct search_external_options){.argv = {itself, "worker", "--mixed", "--", s->db},
                                              .folder = ".",
                                              .retries = 1,
                                              .stall = ISOLATION_STALL,
                                              .believed = true};
    return begin_attempt(s, err);
}

/* Those of other starts of the search. */
static void remove_old_lists(const struct remote_study *s)
{
    DIR *folder = opendir(s->folder);
    char path[RT_PATH_MAX];
    struct dirent *found;

    while (folder && (found = readdir(folder))) {
        const char *dot = strrchr(found->d_name, '.');
        if (dot && strcmp(dot, ".json") == 0 && strncmp(found->d_name, s->list, 8) != 0 &&
            snprintf(path, sizeof path, "%s/%s", s->folder, found->d_name) < (int)sizeof path)
            (void)unlink(path);
    }
    if (folder)
        (void)closedir(folder);
}

static rt_status open_study(struct remote_study *s, struct rt_err *err)
{
    if (!s->listed)
        return rt_fail(err, RT_EFORMAT, "the search's list of files is not readable");
    RT_TRY(check_there(s, err));
    RT_TRY(make_study_folder(s, err));
    RT_TRY(store_open(s->db, STORE_READ, NULL, &s->store, err));
    RT_TRY(kept_study_load(s->store, &s->session, &s->settings, err));
    s->begun = true;
    remove_old_lists(s);
    (void)close(s->lock);
    s->lock = -1;
    return prepare_children(s, err);
}

rt_status remote_study_begin(void *context, bool *begun, struct rt_err *err)
{
    struct remote_study *s = context;
    const struct study *study = &s->session.study;
    bool ended;

    assert(!s->external);
    if (!s->begun)
        RT_TRY(open_study(s, err));
    ended = !s->attempt.runs;
    if (!ended)
        RT_TRY(look_at_attempt(s, &ended, err));
    if (!ended)
        return RT_OK;
    *begun = true;
    return search_external_open(&s->how, &study->space, s->files.own ? &study->search : &s->options,
                                &s->external, err);
}

bool remote_study_weights(void *context, int64_t trial, char path[RT_PATH_MAX])
{
    const struct remote_study *s = context;

    return s->checkpoints[0] && checkpoints_path(s->checkpoints, trial, path, NULL) == RT_OK;
}

/* What is not here as it was sent. */
static void look_at_files(const struct remote_study *s, struct rt_err *unfit)
{
    char path[RT_PATH_MAX], empty[RT_HASH_TEXT];

    rt_hash_bytes("", 0, empty);
    for (int i = 0; i < s->files.count; i++) {
        const struct remote_entry *entry = &s->files.entry[i];
        if (!entry->hash[0] || strcmp(entry->hash, empty) == 0 ||
            snprintf(path, sizeof path, "%s/root%s", s->folder, entry->path) >= (int)sizeof path ||
            transfer_has(path, entry->hash))
            continue;
        rt_report(unfit, RT_EDIRTY,
                  "'%.200s' is no longer what the search has, so no trial can be trusted here; "
                  "start this worker again, which fetches it",
                  path);
        return;
    }
}

static bool is_fault(const struct store_result *result)
{
    return result->status == RT_EDIRTY ||
           (result->status != RT_OK && result->status != RT_ESTOP && search_is_fault(result->kind));
}

static void fail_job(struct store_result *result, const struct rt_err *err)
{
    result->status = RT_EIO;
    (void)snprintf(result->kind, sizeof result->kind, "garbage");
    (void)snprintf(result->error, sizeof result->error, "%s", err->text);
}

void remote_study_evaluate(void *context, int slot, const char *job, const atomic_int *stop,
                           struct remote_answer *answer)
{
    struct remote_study *s = context;
    struct store_result result = {.status = RT_OK};
    char path[RT_PATH_MAX];
    struct search_job what = {0};
    struct space_arch arch;
    struct rt_err err;

    if (search_protocol_job(job, &s->session.study.space, &what, &arch, &err) == RT_OK) {
        what.worker = slot;
        what.stop = stop;
        search_external_evaluate(s->external, &what, &result);
    } else {
        fail_job(&result, &err);
    }
    if (result.status == RT_OK && !s->files.own)
        result.retries = 0; /* what happened to a process is an event, and not in the rows */
    if (result.status == RT_OK && remote_study_weights(s, what.number, path))
        (void)transfer_hash(path, answer->hash, NULL);
    if (!s->files.own && is_fault(&result))
        look_at_files(s, &answer->unfit);
    if (result.status == RT_EDIRTY && answer->unfit.code == RT_OK) /* it is mended by now */
        rt_report(&answer->unfit, RT_EDIRTY, "%.300s, and start this worker again", result.error);
    if (result.status != RT_ESTOP && answer->unfit.code == RT_OK)
        answer->line = search_protocol_tell(what.number, &result);
    store_result_release(&result);
}
