/* cli/cmd_search.c -- `retort search STUDY`: the main job. */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/after.h"
#include "cli/checkpoints.h"
#include "cli/command.h"
#include "cli/disk.h"
#include "cli/evaluator.h"
#include "cli/program.h"
#include "cli/remote_search.h"
#include "cli/search_store.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/smoke.h"

struct wishes { /* options; negative or NULL: as the study says */
    const char *study, *db, *log;
    int64_t trials, workers, seed;
    double hours;
    bool isolate;           /* trials run in processes of their own, */
    double stall;           /* which hang after so many seconds without processor time; < 0: 300 */
    bool pin;               /* each worker stays on a CPU */
    bool smoke;             /* a sliver of it all, thrown away */
    bool no_after;          /* the search alone */
    bool retry;             /* failed trials, */
    const char *retry_kind; /* of one kind; NULL: all */
    struct remote_wishes remote;
};

/* ---- progress ---- */

struct screen {
    bool terminal;
    double last;       /* when a line was drawn, in seconds */
    int64_t committed; /* then */
    char trouble[160]; /* told last */
};

static void clock_text(double seconds, char text[24])
{
    if (!isfinite(seconds))
        (void)snprintf(text, 24, "?");
    else
        (void)snprintf(text, 24, "%d:%02d:%02d", (int)(seconds / 3600),
                       (int)(fmod(seconds, 3600) / 60), (int)fmod(seconds, 60));
}

static void show_trouble(struct screen *screen, const char *trouble)
{
    char line[256];

    if (trouble[0] && strcmp(trouble, screen->trouble) != 0) {
        (void)snprintf(line, sizeof line, "%sretort search: warning: %s\n",
                       screen->terminal ? "\r\033[K" : "", trouble);
        (void)!write(STDERR_FILENO, line, strlen(line));
    }
    (void)snprintf(screen->trouble, sizeof screen->trouble, "%s", trouble);
}

static void show(void *context, const struct search_progress *p)
{
    struct screen *screen = context;
    const double now = (double)rt_now_ns() * 1e-9;
    const int64_t done = p->committed;
    const bool end = p->wanted && done >= p->wanted;
    char left[24], wanted[24] = "", failed[32] = "", volume[24] = "-", line[256];

    show_trouble(screen, p->trouble);
    if (screen->terminal ? now - screen->last < .2 && !end
                         : done == screen->committed || (now - screen->last < 10 && !end))
        return;
    screen->last = now;
    screen->committed = done;
    clock_text(p->seconds_left, left);
    if (p->wanted)
        (void)snprintf(wanted, sizeof wanted, "/%lld", (long long)p->wanted);
    if (p->failed)
        (void)snprintf(failed, sizeof failed, " (%lld failed)", (long long)p->failed);
    if (isfinite(p->hypervolume))
        (void)snprintf(volume, sizeof volume, "%.4f", p->hypervolume);
    (void)snprintf(
        line, sizeof line, "%s%lld%s done%s, %lld running, %.0f/h, front %d, volume %s, left %s%s",
        screen->terminal ? "\r" : "", (long long)done, wanted, failed, (long long)p->running,
        p->trials_per_hour, p->front_size, volume, left, screen->terminal ? "\033[K" : "\n");
    /* By no stream: whoever is stuck here must not hold its lock. */
    (void)!write(STDERR_FILENO, line, strlen(line));
}

/* ---- the run ---- */

static const char *end_text(enum search_end end)
{
    switch (end) {
    case SEARCH_END_TRIALS: return "all trials are done";
    case SEARCH_END_HOURS: return "the time is up";
    case SEARCH_END_STOPPED: return "stopped; run the same command again to go on";
    case SEARCH_END_EXHAUSTED: return "the whole space has been tried";
    case SEARCH_END_PATIENCE: return "the front stands still; raise search.patience to go on";
    }
    return "";
}

static void say_end(const struct study *study, const char *db, enum search_end end)
{
    char untied[16];

    (void)printf("%s: %s", db, end_text(end));
    if (end == SEARCH_END_EXHAUSTED && study_untied(study, untied))
        (void)printf("; lists are tied: with tie: auto it has %s architectures", untied);
    (void)printf("\n");
}

/* Of one kind, or all, before the search goes on. */
static rt_status retry_failed(const struct study *study, const struct search_options *options,
                              const struct wishes *wishes, struct store *store, struct rt_err *err)
{
    int64_t count = 0;

    if (!wishes->retry)
        return RT_OK;
    RT_TRY(search_retry_failed(&study->space, options, store, wishes->retry_kind, &count, err));
    if (count == 0 && wishes->retry_kind)
        return rt_fail(err, RT_EARG,
                       "no trial of '%s' failed by '%.40s'; 'select * from failures' lists the "
                       "kinds",
                       store_path(store), wishes->retry_kind);
    (void)fprintf(stderr, "%lld failed trials are tried again\n", (long long)count);
    return RT_OK;
}

/* A night without one result must not end as if all were well. */
static rt_status check_any_result(struct store *store, struct rt_err *err)
{
    static const char sql[] = "select count(*) from trial where state = 'committed'",
                      last[] = "select number, error_kind, error, (select count(*) from trial where"
                               " state = 'failed') from trial where state = 'failed'"
                               " order by number desc limit 1";
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    bool any = true;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        any = sqlite3_column_int64(q, 0) > 0;
    (void)sqlite3_finalize(q);
    if (!any && sqlite3_prepare_v2(store_handle(store), last, -1, &q, NULL) == SQLITE_OK) {
        if (sqlite3_step(q) == SQLITE_ROW)
            rc = rt_fail(err, RT_EIO,
                         "all %lld trials failed, the last is trial %lld (%.31s): %.200s; when it "
                         "is mended, --retry-failed tries them again",
                         (long long)sqlite3_column_int64(q, 3),
                         (long long)sqlite3_column_int64(q, 0), sqlite3_column_text(q, 1),
                         sqlite3_column_text(q, 2));
        (void)sqlite3_finalize(q);
    }
    return rc;
}

static rt_status this_host(struct store *store, const struct settings *settings, int64_t *host,
                           struct rt_err *err)
{
    struct rt_machine machine;

    rt_machine_query(&machine);
    RT_TRY(program_record(store, settings->kernels, err));
    return store_host(store, &machine, settings->kernels, host, err);
}

static rt_status search(const struct study *study, const struct search_evaluator *evaluator,
                        const struct search_elsewhere *elsewhere, const struct wishes *wishes,
                        int64_t host, struct store *store, const atomic_int *stop,
                        enum search_end *end, struct rt_err *err)
{
    struct search_options options = study->search;
    static struct screen screen; /* stays when a stopped terminal is left behind */
    rt_status rc;

    options.elsewhere = elsewhere;
    options.host = host;
    options.log = wishes->log;
    RT_TRY(retry_failed(study, &options, wishes, store, err));
    screen = (struct screen){.terminal = isatty(STDERR_FILENO), .committed = -1};
    rc = search_run(&study->space, &options, evaluator, store, stop, show, &screen, end, err);
    if (screen.terminal)
        (void)fputs("\n", stderr);
    return rc == RT_OK && *end != SEARCH_END_STOPPED ? check_any_result(store, err) : rc;
}

/* The machine that measures latency: this one, or that of the study's command, which is met first so
 * that one that does not answer ends the search before any trial. */
static rt_status open_latencies(const struct study *study, struct evaluator *context,
                                struct store *store, int64_t host, const atomic_int *stop,
                                struct rt_err *err)
{
    const struct study_latency *l = &study->latency;
    struct latency_answer answer;

    context->host = host;
    if (l->command[0]) {
        RT_TRY(device_open(&context->device, l->command, l->folder, stop, err));
        RT_TRY(device_meet(context->device, l->host, study, &answer, err));
        RT_TRY(store_host(store, &answer.machine, answer.kernels, &context->host, err));
    }
    return latencies_open(&context->latencies, context->latency, context->latency_count,
                          study->search.workers, store, context->host, err);
}

/* A trial that ended the program twice may do so again. */
static rt_status has_crashed(struct store *store, bool *found, struct rt_err *err)
{
    RT_TRY(store_has_crashed(store, found, err));
    if (*found)
        command_warn("search", "a trial of this study ended the program more than once: each "
                               "worker's trials run in a process of its own now (--isolate)");
    return RT_OK;
}

/* Memory for trials, once data and teachers are there: enough for the smallest student's, or it is
 * no use to begin. */
static rt_status open_room(const struct session *session, struct evaluator *evaluator,
                           struct room *room, struct rt_err *err)
{
    struct space_arch smallest;
    size_t least;

    space_smallest(&session->study.space, &smallest);
    RT_TRY(evaluator_bytes(evaluator, &smallest, &least, err));
    RT_TRY(room_open(room, rt_memory_room(), least, err));
    evaluator->room = room;
    return RT_OK;
}

/* When that is wanted, or seems wise. */
static rt_status open_isolation(const struct session *session, const struct wishes *wishes,
                                struct store *store, struct evaluator *context, struct rt_err *err)
{
    const int workers = session->study.search.workers;
    bool isolate = wishes->isolate;

    if (workers > 0 && !isolate)
        RT_TRY(has_crashed(store, &isolate, err));
    if (workers == 0 || !isolate)
        return RT_OK;
    return isolation_open(
        &context->isolation,
        &(struct isolation_wishes){.study = wishes->seed < 0 ? wishes->study : NULL,
                                   .db = store_path(store),
                                   .workers = workers,
                                   .stall = wishes->stall < 0 ? ISOLATION_STALL : wishes->stall,
                                   .gate = latencies_gate(context->latencies)},
        &session->study.space, err);
}

static rt_status search_here(struct session *session, const struct wishes *wishes,
                             const struct settings *settings, struct store *store,
                             const atomic_int *stop, enum search_end *end, struct rt_err *err)
{
    struct tr_latency_options setting[STUDY_LATENCIES];
    struct evaluator context = {.shape = &session->shape,
                                .kernels = session->kernels,
                                .data = &session->data,
                                .recipe = &session->study.recipe,
                                .latency = setting,
                                .latency_count = study_latencies(&session->study, setting),
                                .settings = settings,
                                .memory_limit = (size_t)session->study.worker_memory};
    const struct search_evaluator evaluator = {evaluator_run, &context, &evaluator_timing};
    struct remote_search *remote = NULL;
    struct trial_states states;
    struct room room;
    char checkpoints[RT_PATH_MAX];
    int64_t host;
    rt_status rc;

    if (session->study.search.inherit != SEARCH_INHERIT_NONE) {
        RT_TRY(checkpoints_open(store, checkpoints, err));
        context.checkpoints = checkpoints;
    }
    RT_TRY(trial_states_open(&states, session, store_path(store), err));
    context.states = &states;
    RT_TRY(this_host(store, settings, &host, err));
    rc = open_latencies(&session->study, &context, store, host, stop, err);
    if (rc == RT_OK)
        rc = open_isolation(session, wishes, store, &context, err);
    if (rc == RT_OK && wishes->remote.listen)
        rc = remote_search_open(&remote, &wishes->remote, &session->study, session, settings,
                                &context, err);
    if (rc == RT_OK && (rc = open_room(session, &context, &room, err)) == RT_OK) {
        rc = search(&session->study, &evaluator, remote_search_elsewhere(remote), wishes, host,
                    store, stop, end, err);
        if (rc == RT_OK && *end != SEARCH_END_STOPPED && *end != SEARCH_END_HOURS)
            trial_states_clear(states.folder, 0);
        room_close(&room);
    }
    remote_search_close(remote);
    isolation_close(context.isolation);
    latencies_close(context.latencies);
    device_close(context.device);
    return rc;
}

/* By the study's own command, which is tried before there is a database. */
static rt_status search_outside(struct study *study, const struct wishes *wishes, const char *db,
                                const atomic_int *stop, enum search_end *end, struct rt_err *err)
{
    struct search_external_options how = study->external;
    struct search_external *external = NULL;
    struct remote_search *remote = NULL;
    struct settings settings;
    struct store *store;
    int64_t host;
    rt_status rc;

    if (study->search.workers > 0)
        RT_TRY(search_external_open(&how, &study->space, &study->search, &external, err));
    rc = search_store_open(study, NULL, db, &settings, &store, err);
    if (rc == RT_OK) {
        const struct search_evaluator evaluator = {search_external_evaluate, external, NULL};
        how.texts = settings.texts;
        disk_say("search", study, db, NULL, NULL);
        rc = this_host(store, &settings, &host, err);
        if (rc == RT_OK && wishes->remote.listen)
            rc = remote_search_open(&remote, &wishes->remote, study, NULL, &settings, NULL, err);
        if (rc == RT_OK)
            rc = search(study, &evaluator, remote_search_elsewhere(remote), wishes, host, store,
                        stop, end, err);
        remote_search_close(remote);
        store_close(store);
    }
    search_external_close(external);
    return rc;
}

/* Is how teachers do on validation rows to be trusted? When not, whoever looks on now is told, and
 * by one event of the kind "teachers" whoever looks at the database later. */
static rt_status note_rows(const struct session *session, struct store *store, struct rt_err *err)
{
    bool known = false;

    if (study_rows_unseen(&session->study))
        return RT_OK;
    command_warn("search", "%s", session_rows_warning);
    RT_TRY(store_has_event(store, "teachers", &known, err));
    return known ? RT_OK : store_event(store, "teachers", -1, session_rows_warning, err);
}

static rt_status teach_and_search(struct session *session, const struct wishes *wishes,
                                  const char *db, const atomic_int *stop, enum search_end *end,
                                  struct rt_err *err)
{
    struct settings settings;
    struct store *store;
    bool weighed = false;
    rt_status rc;

    RT_TRY(search_store_open(&session->study, session, db, &settings, &store, err));
    disk_say("search", &session->study, db, session->task, session->kernels);
    rc = tr_teachers_cached(&session->study.teachers) ? session_teachers_open(session, err)
                                                      : session_teach(session, NULL, stop, err);
    if (rc == RT_OK)
        rc = session_resident_open(session, &session->study.recipe, stop, err);
    if (rc == RT_ESTOP) { /* the teachers were interrupted, not the search */
        *end = SEARCH_END_STOPPED;
        rc = RT_OK;
    } else if (rc == RT_OK &&
               (rc = session_recall_weights(session, store, &weighed, err)) == RT_OK &&
               (weighed || (rc = session_weigh(session, err)) == RT_OK) &&
               (rc = session_donor_open(session, err)) == RT_OK &&
               (rc = session_record_teachers(session, store, err)) == RT_OK &&
               (rc = note_rows(session, store, err)) == RT_OK) {
        rc = search_here(session, wishes, &settings, store, stop, end, err);
    }
    store_close(store);
    return rc;
}

/* When all options are read. */
static int take_operands(int argc, char **argv, struct wishes *w)
{
    if (!w->remote.listen && (w->remote.key || w->remote.mixed || w->workers == 0))
        return command_usage("search", "%s goes with --listen",
                             w->remote.key     ? "--key"
                             : w->remote.mixed ? "--mixed"
                                               : "--workers 0");
    if (w->pin && w->isolate)
        return command_usage("search",
                             "--pin keeps threads on CPUs, and --isolate starts processes; "
                             "leave out one of them");
    if (w->workers == 0 && (w->pin || w->isolate))
        return command_usage("search",
                             "%s is for workers of this machine, and --workers 0 leaves none",
                             w->pin ? "--pin" : "--isolate");
    return command_operand("search", argc, argv, "STUDY", &w->study) &&
                   command_no_more("search", argc, argv)
               ? COMMAND_DONE
               : COMMAND_USAGE;
}

static const struct option longs[] = {{"db", required_argument, NULL, 'd'},
                                      {"trials", required_argument, NULL, 't'},
                                      {"hours", required_argument, NULL, 'h'},
                                      {"until", required_argument, NULL, 'u'},
                                      {"workers", required_argument, NULL, 'w'},
                                      {"log", required_argument, NULL, 'l'},
                                      {"retry-failed", optional_argument, NULL, 'r'},
                                      {"seed", required_argument, NULL, 's'},
                                      {"smoke", no_argument, NULL, 'k'},
                                      {"isolate", no_argument, NULL, 'i'},
                                      {"stall", required_argument, NULL, 'S'},
                                      {"pin", no_argument, NULL, 'p'},
                                      {"no-after", no_argument, NULL, 'a'},
                                      {"listen", required_argument, NULL, 'L'},
                                      {"key", required_argument, NULL, 'K'},
                                      {"mixed", no_argument, NULL, 'm'},
                                      {0}};

static int parse(int argc, char **argv, struct wishes *w)
{
    bool good = true;

    *w = (struct wishes){.trials = -1, .workers = -1, .seed = -1, .hours = -1, .stall = -1};
    for (int o; good && (o = command_option("search", argc, argv, "", longs)) != -1;) {
        switch (o) {
        case 'd': w->db = optarg; break;
        case 'l': w->log = optarg; break;
        case 'k': w->smoke = true; break;
        case 'i': w->isolate = true; break;
        case 'S': good = command_double("search", "--stall", optarg, 0, 1e7, &w->stall); break;
        case 'p': w->pin = true; break;
        case 'a': w->no_after = true; break;
        case 'L': w->remote.listen = optarg; break;
        case 'K': w->remote.key = optarg; break;
        case 'm': w->remote.mixed = true; break;
        case 'r':
            w->retry = true;
            w->retry_kind = optarg;
            break;
        case 't':
            good = command_int64("search", "--trials", optarg, 0, INT64_MAX, &w->trials);
            break;
        case 'w': good = command_int64("search", "--workers", optarg, 0, 1024, &w->workers); break;
        case 's':
            good =
                command_int64("search", "--seed", optarg, 0, INT64_C(9000000000000000), &w->seed);
            break;
        case 'h': good = command_double("search", "--hours", optarg, 0, 1e6, &w->hours); break;
        case 'u': good = command_until("search", optarg, &w->hours); break;
        default: good = false;
        }
    }
    return good ? take_operands(argc, argv, w) : COMMAND_USAGE;
}

/* With another seed it is another study, which needs a database of its own. */
static rt_status load(struct session *session, const struct wishes *wishes, struct rt_err *err)
{
    if (wishes->seed < 0)
        return session_load(session, wishes->study, NULL, err);
    if (!wishes->db)
        return rt_fail(err, RT_EARG, "--seed begins another study; give its database by --db");
    *session = (struct session){0};
    return study_load_seeded(wishes->study, wishes->seed, &session->study, err);
}

/* What the study goes on with; another seed's study is in the database alone. */
static int go_on(const struct study *study, const struct wishes *wishes, const char *db,
                 const atomic_int *stop)
{
    return wishes->no_after
               ? COMMAND_DONE
               : after_run(study, &(struct after_wishes){
                                      .study = wishes->seed < 0 ? wishes->study : NULL,
                                      .db = db,
                                      .workers = study->search.workers ? study->search.workers : 1,
                                      .stop = stop});
}

/* What was given beside a study that trains nothing here. */
static rt_status check_stall(const struct study *study, bool given, struct rt_err *err)
{
    if (given && study->own)
        return rt_fail(err, RT_EARG,
                       "--stall is for students that are trained here; the command of '%.200s' has "
                       "evaluator.timeout",
                       study->path);
    return RT_OK;
}

/* Threads that a pinned worker starts stay on its CPU, as children do; those of a command's were
 * started by nobody knows which. */
static rt_status check_pin(const struct study *study, bool pin, struct rt_err *err)
{
    if (pin && study->own)
        return rt_fail(err, RT_EARG,
                       "--pin is for students that are trained here; begin the command of "
                       "'%.200s' with taskset",
                       study->path);
    if (pin && study_latency_threads(study) > 1)
        return rt_fail(err, RT_EARG,
                       "--pin keeps each worker on one CPU, and '%.200s' measures latency on %d; "
                       "leave out one of them",
                       study->path, study_latency_threads(study));
    return RT_OK;
}

static int run(int argc, char **argv)
{
    enum search_end end = SEARCH_END_TRIALS;
    struct wishes wishes;
    struct rt_err err;
    struct session session;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (wishes.smoke) /* STUDY, and nothing else */
        return argc == 3 ? smoke_run(wishes.study)
                         : command_usage("search", "--smoke goes with no other option");
    const atomic_int *stop = command_catch_signals();
    if (load(&session, &wishes, &err))
        return command_failed("search", &err);
    const char *db = wishes.db ? wishes.db : session.study.store;
    if (study_as_begun(&session.study, db, &err)) {
        session_close(&session);
        return command_failed("search", &err);
    }
    struct search_options *options = &session.study.search;
    options->trials = wishes.trials >= 0 ? wishes.trials : options->trials;
    options->hours = wishes.hours >= 0 ? wishes.hours : options->hours;
    options->workers = wishes.workers >= 0 ? (int)wishes.workers : options->workers;
    options->pin = wishes.pin;
    rt_status rc = study_check_cores(&session.study, rt_cores(), &err);
    if (rc == RT_OK)
        rc = check_pin(&session.study, wishes.pin, &err);
    if (rc == RT_OK)
        rc = check_stall(&session.study, wishes.stall >= 0, &err);
    if (rc == RT_OK)
        rc = session.study.own ? search_outside(&session.study, &wishes, db, stop, &end, &err)
                               : session_prepare(&session, &err);
    if (rc == RT_OK && !session.study.own)
        rc = teach_and_search(&session, &wishes, db, stop, &end, &err);
    if (rc == RT_OK)
        say_end(&session.study, db, end);
    int code = rc != RT_OK                 ? command_failed("search", &err)
               : end == SEARCH_END_STOPPED ? command_stopped()
                                           : go_on(&session.study, &wishes, db, stop);
    session_close(&session);
    return code;
}

const struct command command_search = {
    .name = "search",
    .use = "STUDY [OPTION]...",
    .summary = "search students by distillation; resumes when the database exists",
    .help =
        "Trains the teachers when their cache is missing, then proposes, distils and measures\n"
        "students until the study's trials or hours are reached. With `evaluator:` in the study\n"
        "its command does that for each architecture (docs/evaluator.md). SIGINT, SIGTERM or "
        "SIGHUP\n"
        "ends it cleanly, with exit code 128 and the signal's number, a second one at once; the "
        "same\n"
        "command goes on where it was. It ends with exit code 1 when the evaluator itself fails\n"
        "`search.faults` times in a row, and those trials wait, or when all trials failed.\n"
        "\n"
        "  --db FILE    the database, in place of the study's `store`\n"
        "  --trials N   trials in all, in place of the study's; 0: no limit\n"
        "  --hours H    hours of this run, in place of the study's; 0: no limit\n"
        "  --until HH:MM  the same, by the time of the day at which it ends\n"
        "  --workers N  trials at once, each on one core, in place of the study's\n"
        "  --pin        keep the nth worker on the nth of the CPUs that this process may use\n"
        "  --no-after   leave out what the study's `after` goes on with when the search has ended\n"
        "  --log FILE   append one plain line an event\n"
        "  --seed N     the study as if it said `seed: N`, for repeats; with --db\n"
        "  --isolate    each worker's trials run in a process of its own: the same results, and "
        "what\n"
        "               crashes there, or is killed for lack of memory, costs that trial alone.\n"
        "               Data are read once a worker. By itself after a trial that ended the "
        "program\n"
        "               twice\n"
        "  --stall S    such a process hangs when it uses no processor time for S seconds (300): "
        "it is\n"
        "               killed, and its trial begun again, once; 0: it never hangs\n"
        "  --listen tcp://ADDR:PORT   let workers on other machines take part (retort worker "
        "--connect);\n"
        "               --workers 0: they alone. The rows are the same\n"
        "  --key FILE   the key that workers must have (retort keygen); needed beyond this "
        "machine\n"
        "  --mixed      take workers whose program, kernels or processor may give other last bits\n"
        "  --smoke      every stage on a sliver of the study, in a temporary folder, thrown away\n"
        "  --retry-failed[=KIND]   first try again what failed, or what failed by KIND\n",
    .run = run,
};
