/* cli/cmd_worker.c -- `retort worker`: trials for a search that runs elsewhere. With a DB it is a child
 * that is asked by lines; with --connect it asks a search on any machine for them.
 *
 * A child speaks what docs/evaluator.md tells evaluators to, and dies with whoever started it: a trial of
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
#include "cli/remote_hello.h"
#include "cli/remote_study.h"
#include "search/protocol.h"

struct wishes {
    const char *db, *study; /* study NULL: as it is kept in the database */
    const char *connect, *key, *cache;
    bool copy, mixed;
    int64_t slots;
    double wait; /* seconds */
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
    if (wishes->mixed)
        settings_as_here(&settings, &session);
    if ((rc = kept_evaluator_open(&kept, &session, &settings, store, true, stop, err)) == RT_OK)
        rc = serve(&kept, &session.study.space, stop, err);
    kept_evaluator_close(&kept);
    session_close(&session);
    return rc;
}

/* ---- of a search on another machine ---- */

static void say(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "retort worker: %s\n", text);
}

static rt_status work_there(const struct wishes *w, const struct remote_hello *hello,
                            const struct link_key *key, const atomic_int *stop, struct rt_err *err)
{
    struct remote_options options = {.address = w->connect,
                                     .key = key,
                                     .slots = (int)w->slots,
                                     .wait = w->wait,
                                     .stop = stop,
                                     .welcome = remote_study_welcome,
                                     .missing = remote_study_missing,
                                     .begin = remote_study_begin,
                                     .weights = remote_study_weights,
                                     .evaluate = remote_study_evaluate,
                                     .say = say};
    struct remote_study *study = NULL;
    bool done = false;
    char *text = NULL;
    rt_status rc = remote_hello_print(hello, &text, err);

    options.hello = text;
    if (rc == RT_OK)
        rc = remote_study_open(&study, w->cache, w->copy, (int)w->slots, stop, err);
    options.context = study;
    if (rc == RT_OK)
        rc = search_remote_work(&options, &done, err);
    remote_study_close(study, done);
    free(text);
    return rc;
}

static int connect_and_work(const struct wishes *w)
{
    const atomic_int *stop = command_catch_signals();
    struct remote_hello hello;
    struct link_key key;
    struct rt_err err;
    rt_status rc = link_key_read(w->key, &key, &err);

    if (rc == RT_OK)
        rc = link_check(w->connect, &key, &err);
    if (rc == RT_OK)
        rc = remote_hello_query((int)w->slots, &hello, &err);
    if (rc == RT_OK)
        rc = work_there(w, &hello, &key, stop, &err);
    if (rc != RT_OK)
        return command_failed("worker", &err);
    (void)printf("the search at %s is over\n", w->connect);
    return COMMAND_DONE;
}

/* ---- the command ---- */

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"study", required_argument, NULL, 'S'},
                                   {"connect", required_argument, NULL, 'c'},
                                   {"key", required_argument, NULL, 'k'},
                                   {"slots", required_argument, NULL, 's'},
                                   {"cache", required_argument, NULL, 'C'},
                                   {"copy", no_argument, NULL, 'y'},
                                   {"wait", required_argument, NULL, 'w'},
                                   {"mixed", no_argument, NULL, 'm'},
                                   {0}};
    bool good = true;
    const char *other = NULL; /* an option that goes with --connect alone */

    *w = (struct wishes){.slots = 1};
    for (int o; good && (o = command_option("worker", argc, argv, "", longs)) != -1;) {
        for (const struct option *l = longs; l->name; l++)
            if (l->val == o && o != 'S' && o != 'm' && o != 'c')
                other = l->name;
        switch (o) {
        case 'S': w->study = optarg; break;
        case 'm': w->mixed = true; break;
        case 'c': w->connect = optarg; break;
        case 'k': w->key = optarg; break;
        case 'y': w->copy = true; break;
        case 'C': w->cache = optarg; break;
        case 's':
            good = command_int64("worker", "--slots", optarg, 1, REMOTE_MAX_SLOTS, &w->slots);
            break;
        case 'w': good = command_double("worker", "--wait", optarg, 0, 1e9, &w->wait); break;
        default: good = false;
        }
    }
    if (good && !w->connect && other)
        return command_usage("worker", "'--%s' goes with --connect", other);
    if (good && w->connect && (w->study || w->mixed))
        return command_usage("worker", "--%s is for a DB, and --connect for a search elsewhere",
                             w->study ? "study" : "mixed");
    return good && (w->connect || command_operand("worker", argc, argv, "DB", &w->db)) &&
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
    if (wishes.connect)
        return connect_and_work(&wishes);
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
    .use = "DB [--study FILE] [--mixed] | --connect tcp://ADDR:PORT [OPTION]...",
    .summary = "evaluate trials for a search that runs elsewhere",
    .help =
        "With --connect: works for the `retort search --listen` at that address, from any "
        "machine,\n"
        "until the search is over (exit code 0). It may come and go at any time. While no search\n"
        "answers it works on, keeps what it has and waits. What the study needs is fetched once a\n"
        "machine, unless it is here under the same path. SIGTERM or SIGINT: gives its trials back\n"
        "and leaves, with exit code 128 and the signal's number.\n"
        "\n"
        "  --connect tcp://ADDR:PORT   where the search listens\n"
        "  --key FILE    the key that the search listens with (retort keygen)\n"
        "  --slots N     trials at once, each on one core (1)\n"
        "  --wait S      give up when no search answers for so many seconds; 0: never (0)\n"
        "  --cache DIR   for what is fetched, in place of ~/.cache/retort\n"
        "  --copy        fetch also what is here, as from a slow disk that machines share\n"
        "\n"
        "With a DB: what 'retort search --isolate' starts, one a worker. Reads jobs from standard\n"
        "input and answers on standard output, one line of JSON each, as docs/evaluator.md says,\n"
        "until the input ends. Latency is not measured. Ends with whoever started it.\n"
        "\n"
        "  --study FILE  take the places of files from this file of the same study\n"
        "  --mixed       train as this machine does, though the study began with other kernels\n",
    .run = run,
};
