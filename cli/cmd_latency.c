/* cli/cmd_latency.c -- `retort latency DB`: how long students take, measured again; here, or where a
 * command measures.
 */
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kept_study.h"
#include "cli/time_again.h"
#include "reports/text.h"

struct wishes {
    const char *db, *study, *host, *command;
    int64_t first, count; /* operands that name candidates: argv[first] and on */
    int64_t blocks;
    double seconds;
    bool all, answer;
};

struct job {
    const struct wishes *wishes;
    struct store *store;
    struct session session;
    struct settings settings;
    struct time_again again;
    int count;
    char **arch; /* [count] candidates to measure */
    const atomic_int *stop;
};

/* ---- which candidates ---- */

static rt_status add_arch(struct job *job, const char *arch, struct rt_err *err)
{
    char **more = realloc(job->arch, (size_t)(job->count + 1) * sizeof *more);

    if (!more)
        return rt_fail(err, RT_ENOMEM, "no memory for the candidates");
    job->arch = more;
    job->arch[job->count] = strdup(arch);
    if (!job->arch[job->count])
        return rt_fail(err, RT_ENOMEM, "no memory for the candidates");
    job->count++;
    return RT_OK;
}

/* The front, or all that have results. */
static rt_status list_members(struct job *job, struct rt_err *err)
{
    static const char front[] = "select distinct c.arch from front f join trial t on t.number ="
                                " f.trial join candidate c on c.id = t.candidate order by c.id",
                      all[] = "select distinct c.arch from trial t join candidate c on c.id ="
                              " t.candidate where t.state = 'committed' order by c.id";
    sqlite3 *db = store_handle(job->store);
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int code = SQLITE_ERROR;

    if (sqlite3_prepare_v2(db, job->wishes->all ? all : front, -1, &q, NULL) == SQLITE_OK)
        while (rc == RT_OK && (code = sqlite3_step(q)) == SQLITE_ROW)
            rc = add_arch(job, (const char *)sqlite3_column_text(q, 0), err);
    if (rc == RT_OK && code != SQLITE_DONE)
        rc = rt_fail(err, RT_EDB, "cannot read '%s': %s", job->wishes->db, sqlite3_errmsg(db));
    sqlite3_finalize(q);
    if (rc == RT_OK && !job->count)
        rc = rt_fail(err, RT_EEND, "'%s' has no front yet: there is nothing to measure",
                     job->wishes->db);
    return rc;
}

static rt_status list_candidates(struct job *job, char **argv, struct rt_err *err)
{
    const struct wishes *w = job->wishes;

    for (int64_t i = 0; i < w->count; i++) {
        char text[SPACE_ARCH_TEXT];
        struct space_arch arch;
        RT_TRY(kept_study_candidate(job->store, argv[w->first + i], &arch, err));
        space_arch_print(&arch, text);
        RT_TRY(add_arch(job, text, err));
    }
    return w->count ? RT_OK : list_members(job, err);
}

/* ---- results ---- */

static const char *us(double ns, char text[REPORT__CELL])
{
    return report__ms(ns * 1e-6, text);
}

static void print_row(const struct job *job, const char *arch, int setting)
{
    char name[STORE_NAME], value[REPORT__CELL], low[REPORT__CELL], high[REPORT__CELL];
    char weather[16] = "-"; /* without a reference nobody knows it */
    struct tr_latency_figure f;

    if (!latencies_figure(job->again.latencies, arch, setting, &f))
        return;
    study_latency_name(&job->again.setting[setting], setting == 0, name);
    if (!isnan(f.weather))
        (void)snprintf(weather, sizeof weather, "%.3f", f.weather);
    (void)printf("%-11s %9s %9s %9s %6d %5d %7s  %s\n", tr_latency_state_name(f.state),
                 us(f.value, value), us(f.low, low), us(f.high, high), f.blocks, f.clear, weather,
                 arch);
}

static void print_table(const struct job *job)
{
    char name[STORE_NAME];

    for (int s = 0; s < job->again.settings_count; s++) {
        study_latency_name(&job->again.setting[s], s == 0, name);
        (void)printf("%s%s, %d thread%s, batch %d\n", s ? "\n" : "", name,
                     job->again.setting[s].threads, job->again.setting[s].threads == 1 ? "" : "s",
                     job->again.setting[s].batch);
        (void)printf("%-11s %9s %9s %9s %6s %5s %7s  %s\n", "state", "figure", "from", "to",
                     "blocks", "clear", "weather", "architecture");
        for (int i = 0; i < job->count; i++)
            print_row(job, job->arch[i], s);
    }
}

/* ---- a measurement elsewhere ---- */

static rt_status answer_line(const char *line, struct latency_answer *answer, struct rt_err *err)
{
    struct latency_request request;
    const struct tr_kernels *kernels;

    RT_TRY(latency_request_parse(line, &request, err));
    RT_TRY(tr_kernels_choose(&kernels, err));
    (void)snprintf(answer->kernels, sizeof answer->kernels, "%s", tr_kernels_name(kernels));
    return tr_latency_take(&request.arch, &request.shape, kernels, &request.setting, request.blocks,
                           request.seconds, &answer->measured, err);
}

/* The other side: a line of JSON each way, until the input ends. */
static int answer(void)
{
    struct latency_answer answer = {.kernels = "unknown"};
    char *line = NULL;
    size_t room = 0;
    bool good = true;

    rt_machine_query(&answer.machine);
    while (good && getline(&line, &room, stdin) > 0) {
        struct rt_err err;
        const rt_status rc = answer_line(line, &answer, &err);
        char *text = latency_answer_print(&answer, rc == RT_OK ? NULL : err.text);
        good = text && fputs(text, stdout) >= 0 && fflush(stdout) == 0;
        free(text);
    }
    free(line);
    return good ? COMMAND_DONE : COMMAND_FAILED;
}

/* ---- the command ---- */

static rt_status work(struct job *job, struct rt_err *err)
{
    const struct tr_kernels *begun = tr_kernels_by_name(job->settings.kernels);

    job->session.kernels = begun ? begun : job->session.kernels;
    job->again = (struct time_again){.store = job->store,
                                     .session = &job->session,
                                     .settings = &job->settings,
                                     .command = job->wishes->command,
                                     .host = job->wishes->host,
                                     .arch = job->arch,
                                     .count = job->count,
                                     .seconds = job->wishes->seconds,
                                     .blocks = (int)job->wishes->blocks,
                                     .stop = job->stop};
    RT_TRY(time_again(&job->again, err));
    print_table(job);
    return RT_OK;
}

static void release(struct job *job)
{
    time_again_close(&job->again);
    for (int i = 0; i < job->count; i++)
        free(job->arch[i]);
    free(job->arch);
    session_close(&job->session);
    store_close(job->store);
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {
        {"seconds", required_argument, NULL, 's'}, {"blocks", required_argument, NULL, 'b'},
        {"host", required_argument, NULL, 'h'},    {"command", required_argument, NULL, 'c'},
        {"study", required_argument, NULL, 'S'},   {"all", no_argument, NULL, 'a'},
        {"answer", no_argument, NULL, 'A'},        {0}};
    bool good = true;

    *w = (struct wishes){.seconds = 60};
    for (int o; good && (o = command_option("latency", argc, argv, "", longs)) != -1;) {
        switch (o) {
        case 's': good = command_double("latency", "--seconds", optarg, 0, 1e6, &w->seconds); break;
        case 'b': good = command_int64("latency", "--blocks", optarg, 1, 10000, &w->blocks); break;
        case 'h': w->host = optarg; break;
        case 'c': w->command = optarg; break;
        case 'S': w->study = optarg; break;
        case 'a': w->all = true; break;
        case 'A': w->answer = true; break;
        default: good = false;
        }
    }
    if (!good)
        return COMMAND_USAGE;
    if (w->answer)
        return command_no_more("latency", argc, argv) ? COMMAND_DONE : COMMAND_USAGE;
    if (!command_operand("latency", argc, argv, "DB", &w->db))
        return COMMAND_USAGE;
    if (!w->command != !w->host)
        return command_usage("latency", "--host names the machine of a --command; give both");
    if (w->host && (!*w->host || strlen(w->host) > 60))
        return command_usage("latency", "--host is a name of 1 to 60 characters");
    w->first = optind;
    w->count = argc - optind;
    return COMMAND_DONE;
}

static int run(int argc, char **argv)
{
    struct wishes wishes;
    struct job job = {.wishes = &wishes};
    struct rt_err err;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (wishes.answer)
        return answer();
    job.stop = command_catch_signals();
    if (store_open(wishes.db, STORE_WRITE, NULL, &job.store, &err))
        return command_failed("latency", &err);
    rt_status rc =
        kept_study_open(job.store, wishes.study, false, &job.session, &job.settings, &err);
    if (rc != RT_OK) {
        store_close(job.store);
        return command_failed("latency", &err);
    }
    if ((rc = list_candidates(&job, argv, &err)) == RT_OK)
        rc = work(&job, &err);
    release(&job);
    return rc == RT_OK ? COMMAND_DONE : command_failed("latency", &err);
}

const struct command command_latency = {
    .name = "latency",
    .use = "DB [CANDIDATE ...] [--all] [--seconds S] [--blocks N] [--host ...]",
    .summary = "measure latency again, here or on another machine",
    .help =
        "Takes further blocks of calls of the students on the front, or of the candidates named,\n"
        "until each figure is clear or the time is up (docs/latency.md); then metrics and front\n"
        "are those of all blocks. With --command another machine measures, and its figures are\n"
        "kept as those of --host; without it, the machine that the study names by\n"
        "latency.command, or this one. No search may run on the database meanwhile.\n"
        "\n"
        "  --all          all candidates with results, not the front alone\n"
        "  --seconds S    time for what is unsure, 60 unless said otherwise; all get one turn\n"
        "  --blocks N     what has fewer than so many blocks is unsure, however clear it is\n"
        "  --command CMD  a program that measures, in words without a shell, such as\n"
        "                 'ssh pi retort latency --answer'\n"
        "  --host NAME    what to call its machine\n"
        "  --study FILE   the study's file, when its data have moved\n"
        "  --answer       be such a program: requests on stdin, answers on stdout\n",
    .run = run,
};
