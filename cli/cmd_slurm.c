/* cli/cmd_slurm.c -- `retort slurm STUDY`: a search on a cluster that Slurm runs. */
#define _XOPEN_SOURCE 700 /* realpath() */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/process.h"
#include "cli/command.h"
#include "cli/costs.h"
#include "cli/plan.h"
#include "cli/slurm_jobs.h"
#include "search/link.h"

struct wishes {
    struct slurm_jobs jobs; /* what the options say of them */
    const char *study, *db, *key;
    int64_t workers, slots, port;
    bool print;
};

struct paths { /* absolute */
    char program[RT_PATH_MAX], study[RT_PATH_MAX], db[RT_PATH_MAX], key[RT_PATH_MAX];
    char folder[RT_PATH_MAX];
    char coordinator[RT_PATH_MAX], workers[RT_PATH_MAX], address[RT_PATH_MAX];
    char name[STUDY_NAME + 16]; /* of the jobs */
};

enum { megabyte = 1 << 20 };

/* ---- where things are ---- */

static rt_status absolute(const char *path, char out[RT_PATH_MAX], struct rt_err *err)
{
    char here[RT_PATH_MAX] = "";
    int length;

    if (path[0] != '/' && !getcwd(here, sizeof here))
        return rt_fail(err, RT_EIO, "cannot tell the current folder: %s", strerror(errno));
    length = snprintf(out, RT_PATH_MAX, "%s%s%s", here, here[0] ? "/" : "", path);
    return length > 0 && length < RT_PATH_MAX ? RT_OK
                                              : rt_fail(err, RT_EARG, "'%s' is too long", path);
}

static rt_status in_folder(const char *folder, const char *name, char out[RT_PATH_MAX],
                           struct rt_err *err)
{
    const int length = snprintf(out, RT_PATH_MAX, "%s/%s", folder, name);

    return length > 0 && length < RT_PATH_MAX ? RT_OK
                                              : rt_fail(err, RT_EARG, "'%s' is too long", folder);
}

/* Two studies of one name in two folders are two names, or one would wait for the other. */
static void name_jobs(const struct study *study, struct paths *paths)
{
    char hash[RT_HASH_TEXT];
    size_t n;

    rt_hash_bytes(paths->db, strlen(paths->db), hash);
    n = (size_t)snprintf(paths->name, sizeof paths->name, "retort-%s", study->name);
    n = n < sizeof paths->name - 8 ? n : sizeof paths->name - 8;
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
                    paths->name[i]))
            paths->name[i] = '_';
    (void)snprintf(paths->name + n, 8, "-%.6s", hash);
}

/* All stands in the folder STUDY.slurm beside the study file. */
static rt_status find_paths(const struct study *study, const struct wishes *w, struct paths *p,
                            struct rt_err *err)
{
    const char *dot;
    int stem;

    if (!realpath("/proc/self/exe", p->program))
        return rt_fail(err, RT_EIO, "cannot tell where this program is: %s", strerror(errno));
    if (!realpath(study->path, p->study))
        return rt_fail(err, RT_EIO, "cannot tell where '%s' is: %s", study->path, strerror(errno));
    RT_TRY(absolute(w->db ? w->db : study->store, p->db, err));
    dot = strrchr(p->study, '.');
    stem = dot && dot > strrchr(p->study, '/') + 1 ? (int)(dot - p->study) : (int)strlen(p->study);
    if (snprintf(p->folder, sizeof p->folder, "%.*s.slurm", stem, p->study) >=
        (int)sizeof p->folder)
        return rt_fail(err, RT_EARG, "'%s' is too long", p->study);
    RT_TRY(in_folder(p->folder, "coordinator.sh", p->coordinator, err));
    RT_TRY(in_folder(p->folder, "workers.sh", p->workers, err));
    RT_TRY(in_folder(p->folder, "address", p->address, err));
    RT_TRY(w->key ? absolute(w->key, p->key, err) : in_folder(p->folder, "key", p->key, err));
    name_jobs(study, p);
    return RT_OK;
}

/* ---- what the jobs need ---- */

/* Bytes that this process holds now. */
static int64_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long long pages = 0;

    if (file && fscanf(file, "%*d %lld", &pages) != 1)
        pages = 0;
    if (file)
        (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* A tenth more than is known to be needed: allocators and libraries have their own. */
static int64_t with_reserve(double bytes)
{
    return (int64_t)(1.1 * bytes) + 128 * (int64_t)megabyte;
}

/* Each slot is a process of its own (cli/remote_study.h) with the data as it is read here, what the
 * teachers say, which they share, and the largest trial. */
static rt_status count_memory(struct session *session, struct slurm_jobs *jobs, struct rt_err *err)
{
    struct space_arch largest;
    struct costs costs;
    size_t trial = 0;

    if (session->study.own) /* its command's needs are not known here */
        return RT_OK;
    RT_TRY(session_prepare(session, err));
    const double data = (double)resident(), shared = plan_shared_bytes(session);
    RT_TRY(costs_open(&costs, session, err));
    space_largest(&session->study.space, &largest);
    const rt_status rc = costs_bytes(&costs, &largest, &trial, err);
    costs_close(&costs);
    RT_TRY(rc);
    jobs->coordinator_bytes = with_reserve(2 * (data + shared));
    jobs->worker_bytes = with_reserve(shared + jobs->slots * (data + (double)trial));
    return RT_OK;
}

/* ---- writing ---- */

/* Was it written by this command, or is it not there? */
static rt_status check_ours(const char *path, struct rt_err *err)
{
    char *text, *second;
    size_t bytes;

    if (access(path, F_OK) != 0)
        return RT_OK;
    RT_TRY(rt_file_read(path, megabyte, &text, &bytes, err));
    second = strchr(text, '\n');
    const bool ours = second && strncmp(second + 1, SLURM_MARK, strlen(SLURM_MARK)) == 0;
    free(text);
    return ours ? RT_OK
                : rt_fail(err, RT_EARG,
                          "'%s' is not of 'retort slurm' and is left alone; move it away", path);
}

static rt_status write_script(const struct slurm_jobs *jobs, const char *path,
                              void (*write)(const struct slurm_jobs *, FILE *), struct rt_err *err)
{
    struct rt_writer writer;

    RT_TRY(rt_writer_open(&writer, path, err));
    write(jobs, writer.file);
    const rt_status rc = rt_writer_commit(&writer, err);
    rt_writer_abandon(&writer);
    return rc;
}

/* Nothing is written unless all can be. */
static rt_status write_all(const struct wishes *w, const struct paths *p, struct rt_err *err)
{
    RT_TRY(check_ours(p->coordinator, err));
    RT_TRY(check_ours(p->workers, err));
    RT_TRY(rt_folder_make(p->folder, err));
    if (!w->key && access(p->key, F_OK) != 0)
        RT_TRY(link_key_make(p->key, err));
    RT_TRY(write_script(&w->jobs, p->coordinator, slurm_write_coordinator, err));
    return write_script(&w->jobs, p->workers, slurm_write_workers, err);
}

static void print_all(const struct wishes *w, const struct paths *p)
{
    if (!w->key)
        (void)printf("# once: retort keygen '%s'\n", p->key);
    (void)printf("# ==== %s\n", p->coordinator);
    slurm_write_coordinator(&w->jobs, stdout);
    (void)printf("\n# ==== %s\n", p->workers);
    slurm_write_workers(&w->jobs, stdout);
}

/* ---- submitting ---- */

/* Before anything is written. */
static rt_status find_sbatch(struct rt_err *err)
{
    const char *path = getenv("PATH");
    char file[RT_PATH_MAX];

    while (path && *path) {
        const int length = (int)strcspn(path, ":");
        if (snprintf(file, sizeof file, "%.*s/sbatch", length, path) < (int)sizeof file &&
            access(file, X_OK) == 0)
            return RT_OK;
        path += length + (path[length] == ':');
    }
    return rt_fail(
        err, RT_EIO,
        "there is no 'sbatch' here: run this where Slurm is, or see the jobs with --print");
}

struct heard {
    char text[64];
    size_t used;
};

static void hear(void *context, const char *text, size_t bytes)
{
    struct heard *heard = context;

    for (size_t i = 0; i < bytes && heard->used < sizeof heard->text - 1; i++)
        heard->text[heard->used++] = text[i];
    heard->text[heard->used] = '\0';
}

/* Runs sbatch; the number of the job goes to *job. */
static rt_status submit(char *const *argv, const char *script, const char *folder, long *job,
                        struct rt_err *err)
{
    struct rt_process process = {0};
    struct heard heard = {.used = 0};
    int status = 0;

    RT_TRY(rt_process_start(&process, argv, folder, err));
    (void)rt_process_wait(&process, 0, NULL, hear, &heard, &status);
    if (status == 0)
        *job = strtol(heard.text, NULL, 10); /* "12" or "12;cluster" */
    const rt_status rc =
        status == 0 && *job > 0
            ? RT_OK
            : rt_fail(err, RT_EIO, "sbatch did not take the job '%s': %s", script,
                      *rt_process_last_line(&process) ? rt_process_last_line(&process)
                                                      : "it did not say why");
    rt_process_release(&process);
    return rc;
}

static rt_status submit_both(const struct paths *p, int workers, struct rt_err *err)
{
    char after[48];
    char *const first[] = {(char[]){"sbatch"}, (char[]){"--parsable"}, (char *)p->coordinator,
                           NULL};
    char *const second[] = {(char[]){"sbatch"}, (char[]){"--parsable"}, after, (char *)p->workers,
                            NULL};
    long coordinator = 0, array = 0;

    if (unlink(p->address) && errno != ENOENT)
        return rt_fail(err, RT_EIO, "cannot remove '%s': %s", p->address, strerror(errno));
    RT_TRY(submit(first, p->coordinator, p->folder, &coordinator, err));
    (void)snprintf(after, sizeof after, "--dependency=after:%ld", coordinator);
    if (submit(second, p->workers, p->folder, &array, err)) {
        const struct rt_err why = *err;
        return rt_fail(err, RT_EIO, "%.300s; the coordinator is job %ld: scancel %ld", why.text,
                       coordinator, coordinator);
    }
    (void)printf("coordinator  job %ld\nworkers      job %ld, %d of them\nwritten to   %s\n",
                 coordinator, array, workers, p->folder);
    return RT_OK;
}

/* ---- the command ---- */

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"workers", required_argument, NULL, 'w'},
                                   {"slots", required_argument, NULL, 's'},
                                   {"db", required_argument, NULL, 'd'},
                                   {"key", required_argument, NULL, 'k'},
                                   {"time", required_argument, NULL, 't'},
                                   {"partition", required_argument, NULL, 'p'},
                                   {"host", required_argument, NULL, 'h'},
                                   {"port", required_argument, NULL, 'P'},
                                   {"sbatch", required_argument, NULL, 'o'},
                                   {"print", no_argument, NULL, 'n'},
                                   {0}};
    struct slurm_jobs *jobs = &w->jobs;
    bool good = true;

    *w = (struct wishes){.slots = 1};
    for (int o; good && (o = command_option("slurm", argc, argv, "", longs)) != -1;) {
        switch (o) {
        case 'w': good = command_int64("slurm", "--workers", optarg, 1, 100000, &w->workers); break;
        case 's': good = command_int64("slurm", "--slots", optarg, 1, 1024, &w->slots); break;
        case 'P': good = command_int64("slurm", "--port", optarg, 1, 65535, &w->port); break;
        case 'd': w->db = optarg; break;
        case 'k': w->key = optarg; break;
        case 't': jobs->time = optarg; break;
        case 'p': jobs->partition = optarg; break;
        case 'h': jobs->host = optarg; break;
        case 'n': w->print = true; break;
        case 'o':
            if (jobs->option_count == SLURM_OPTIONS) {
                command_usage("slurm", "--sbatch is given more than %d times", SLURM_OPTIONS);
                good = false;
            } else {
                jobs->options[jobs->option_count++] = optarg;
            }
            break;
        default: good = false;
        }
    }
    if (!good || !command_operand("slurm", argc, argv, "STUDY", &w->study) ||
        !command_no_more("slurm", argc, argv))
        return COMMAND_USAGE;
    return w->workers ? COMMAND_DONE
                      : command_usage("slurm", "--workers N is missing: how many jobs may train");
}

/* A port of its own for each study, and the same one at each start, so that workers find their search
 * again. */
static int port_of(const struct paths *paths)
{
    unsigned long hash = strtoul(paths->name + strlen(paths->name) - 6, NULL, 16);

    return 20000 + (int)(hash % 10000);
}

static rt_status check_nobody_searches(const char *db, struct rt_err *err)
{
    struct store_writer writer;
    struct store *store;

    if (access(db, F_OK) != 0)
        return RT_OK;
    RT_TRY(store_open(db, STORE_READ, NULL, &store, err));
    store_writer_of(store, &writer);
    store_close(store);
    return writer.alive ? rt_fail(err, RT_EARG, "'%s' is being searched already, on %s", db,
                                  *writer.host ? writer.host : "this machine")
                        : RT_OK;
}

static rt_status launch(struct wishes *w, struct paths *paths, struct session *session,
                        struct rt_err *err)
{
    struct slurm_jobs *jobs = &w->jobs;

    RT_TRY(find_paths(&session->study, w, paths, err));
    jobs->name = paths->name;
    jobs->program = paths->program;
    jobs->study = paths->study;
    jobs->db = paths->db;
    jobs->folder = paths->folder;
    jobs->key = paths->key;
    jobs->workers = (int)w->workers;
    jobs->slots = (int)w->slots;
    jobs->port = w->port ? (int)w->port : port_of(paths);
    RT_TRY(slurm_check(jobs, err));
    RT_TRY(count_memory(session, jobs, err));
    if (w->print) {
        print_all(w, paths);
        return RT_OK;
    }
    RT_TRY(find_sbatch(err));
    RT_TRY(check_nobody_searches(paths->db, err));
    RT_TRY(write_all(w, paths, err));
    return submit_both(paths, jobs->workers, err);
}

static int run(int argc, char **argv)
{
    struct session session;
    struct wishes wishes;
    struct paths paths; /* which the wishes' jobs point to */
    struct rt_err err;
    const int code = parse(argc, argv, &wishes);

    if (code != COMMAND_DONE)
        return code;
    if (session_load(&session, wishes.study, NULL, &err))
        return command_failed("slurm", &err);
    const rt_status rc = launch(&wishes, &paths, &session, &err);
    session_close(&session);
    return rc == RT_OK ? COMMAND_DONE : command_failed("slurm", &err);
}

const struct command command_slurm = {
    .name = "slurm",
    .use = "STUDY --workers N [--slots N] [--time T] [--partition P] [--print] [OPTION]...",
    .summary = "search on a cluster: a coordinator's job and an array of workers, for Slurm",
    .help =
        "Writes two jobs into the folder STUDY.slurm beside the study file and submits them with\n"
        "sbatch: a coordinator, which is `retort search --listen`, and an array of `retort "
        "worker`.\n"
        "Memory is what the study's data and its largest trial need. Slurm starts again what lost "
        "its\n"
        "node, and the same command goes on with a study that was begun. The study's folder and "
        "this\n"
        "program have to be on a file system that all nodes share; see docs/machines.md.\n"
        "\n"
        "  --workers N       jobs of the array\n"
        "  --slots N         trials at once in each of them, a core each (1)\n"
        "  --time T          limit of both jobs, as sbatch takes it\n"
        "  --partition P     of both jobs\n"
        "  --sbatch OPTION   another option of sbatch for both jobs, --sbatch=--account=x; "
        "repeated\n"
        "  --db FILE         as for `search`\n"
        "  --key FILE        of `retort keygen`; without it one is made in that folder\n"
        "  --host NAME       by which workers reach the coordinator's node (what `hostname` says "
        "there)\n"
        "  --port N          that it listens at (a number made of the database's path)\n"
        "  --print           print both jobs, and write and submit nothing\n",
    .run = run,
};
