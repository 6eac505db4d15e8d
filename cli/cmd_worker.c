/* cli/cmd_worker.c -- `retort worker DB`: trials for a search that runs elsewhere, by lines.
 *
 * It speaks what docs/evaluator.md tells evaluators to, and dies with whoever started it: a trial of
 * a search that was killed is nobody's any more.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/kept_evaluator.h"
#include "search/protocol.h"

struct wishes {
    const char *db, *study; /* study NULL: as it is kept in the database */
};

static rt_status answer(int64_t number, const struct store_result *result, struct rt_err *err)
{
    char *line = search_protocol_tell(number, result);
    const bool told = line && fputs(line, stdout) >= 0 && fflush(stdout) == 0;

    free(line);
    return told ? RT_OK : rt_fail(err, RT_EIO, "cannot answer trial %lld", (long long)number);
}

/* Until the input ends, or the search wants no more of it. */
static rt_status serve(struct kept_evaluator *kept, const struct space *space,
                       const atomic_int *stop, struct rt_err *err)
{
    struct store_result result;
    struct space_arch arch;
    struct search_job job;
    char *line = NULL;
    size_t room = 0;
    rt_status rc = RT_OK;

    while (rc == RT_OK && getline(&line, &room, stdin) > 0) {
        if ((rc = search_protocol_job(line, space, &job, &arch, err)))
            break;
        job.stop = stop;
        evaluator_run(&kept->evaluator, &job, &result);
        rc = result.status == RT_ESTOP ? rt_fail(err, RT_ESTOP, "stopped")
                                       : answer(job.number, &result, err);
        store_result_release(&result);
    }
    free(line);
    return rc;
}

static rt_status work(const struct wishes *wishes, struct store *store, const atomic_int *stop,
                      struct rt_err *err)
{
    struct kept_evaluator kept = {0};
    struct session session;
    struct settings settings;
    rt_status rc;

    RT_TRY(kept_study_open(store, wishes->study, false, &session, &settings, err));
    if ((rc = kept_evaluator_open(&kept, &session, &settings, store, true, stop, err)) == RT_OK)
        rc = serve(&kept, &session.study.space, stop, err);
    kept_evaluator_close(&kept);
    session_close(&session);
    return rc;
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"study", required_argument, NULL, 'S'}, {0}};
    bool good = true;

    *w = (struct wishes){0};
    for (int o; good && (o = command_option("worker", argc, argv, "", longs)) != -1;) {
        if (o == 'S')
            w->study = optarg;
        else
            good = false;
    }
    return good && command_operand("worker", argc, argv, "DB", &w->db) &&
                   command_no_more("worker", argc, argv)
               ? COMMAND_DONE
               : COMMAND_USAGE;
}

static int run(int argc, char **argv)
{
    const pid_t parent = getppid();
    struct wishes wishes;
    struct store *store;
    struct rt_err err;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
        return COMMAND_FAILED; /* nobody is left to answer */
    const atomic_int *stop = command_catch_signals();
    if (!(store = command_open_read("worker", wishes.db)))
        return COMMAND_FAILED;
    const rt_status rc = work(&wishes, store, stop, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("worker", &err);
}

const struct command command_worker = {
    .name = "worker",
    .use = "DB [--study FILE]",
    .summary = "evaluate trials of DB's study for a search that asks by lines",
    .help =
        "What 'retort search --isolate' starts, one a worker. Reads jobs from standard input and\n"
        "answers on standard output, one line of JSON each, as docs/evaluator.md says, until the\n"
        "input ends. Latency is not measured. Ends with whoever started it.\n"
        "\n"
        "  --study FILE  take the places of files from this file of the same study\n",
    .run = run,
};
