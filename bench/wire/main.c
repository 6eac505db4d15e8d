/* bench/wire/main.c -- how many results a second a search takes from workers elsewhere, over real sockets.
 *
 *   bench_wire WORKERS TRIALS [WINDOW]
 *
 * One process searches, with a store in a temporary folder and no workers of its own; another plays so many
 * workers of one slot, each with a connection of its own, that answer at once. So what is measured is the
 * search's side alone: proposals, commits, SQLite, messages. Prints one line of CSV: workers, trials, seconds,
 * results a second, milliseconds from a job's being sent to its result's being there with one worker, the
 * search's resident megabytes, and seconds of CPU that it took a result.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "search/coordinator.h"
#include "search/protocol.h"

#define KEEP_ALIVE_NS INT64_C(1000000000)

static struct space some_space(void)
{
    struct space space = {
        .shape = {.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_MEAN},
        .tie = SPACE_TIE_LAYER,
        .depth = {4, {1, 2, 4, 6}},
        .width = {4, {16, 32, 64, 96}},
        .head_dim = {1, {16}},
        .heads = {3, {1, 2, 4}},
        .patch = {2, {4, 7}},
        .ratio_count = 4,
        .ffn_ratio = {1, 1.7, 3, 4}};

    if (space_init(&space, NULL))
        abort();
    return space;
}

/* ---- workers ---- */

struct player {
    struct link link;
    uint32_t seat;
};

static void say(struct player *p, struct wire_message message)
{
    message.seat = p->seat;
    (void)link_send(&p->link, NULL, &message);
}

/* An error that falls with the architecture's length: something to search. */
static void answer(struct player *p, const struct wire_message *job)
{
    char line[160];

    (void)snprintf(line, sizeof line, "{\"trial\":%" PRId64 ",\"metrics\":{\"error\":%.6f}}\n",
                   job->number, 1. / (1. + (double)(job->key % 1000) + (double)job->text_bytes));
    say(p, (struct wire_message){.type = WIRE_RESULT,
                                 .number = job->number,
                                 .key = job->key,
                                 .attempt = job->attempt,
                                 .text = line,
                                 .text_bytes = strlen(line)});
    say(p, (struct wire_message){.type = WIRE_IDLE, .number = 1});
}

/* False: the search is over. */
static bool play(struct player *p)
{
    struct wire_message message;
    zmq_msg_t frame;
    bool more = true;
    int other;

    while (link_receive(&p->link, NULL, &frame, &message, &other) == LINK_MESSAGE) {
        if (message.type == WIRE_WELCOME) {
            p->seat = message.seat;
            say(p, (struct wire_message){.type = WIRE_IDLE, .number = 1});
        } else if (message.type == WIRE_JOB) {
            answer(p, &message);
        } else if (message.type == WIRE_OVER) {
            more = false;
        }
        (void)zmq_msg_close(&frame);
    }
    return more;
}

/* players[count], items[count]. */
static int play_all(const char *address, void *context, struct player *players,
                    zmq_pollitem_t *items, int count)
{
    static const struct link_key no_key;
    int64_t beat = rt_now_ns();
    bool over = false;

    (void)zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 4 * count + 16);
    for (int i = 0; i < count; i++) {
        unsigned char name[WIRE_NAME] = "p";
        (void)snprintf((char *)name + 1, sizeof name - 1, "%d", i);
        if (link_connect(&players[i].link, context, address, &no_key, name, NULL))
            return 1;
        items[i] = (zmq_pollitem_t){.socket = players[i].link.socket, .events = ZMQ_POLLIN};
        say(&players[i], (struct wire_message){.type = WIRE_HELLO, .text = "1", .text_bytes = 1});
    }
    while (!over && zmq_poll(items, count, 1000) >= 0) {
        const bool beats = rt_now_ns() - beat > KEEP_ALIVE_NS;
        for (int i = 0; i < count; i++) {
            if (items[i].revents && !play(&players[i]))
                over = true;
            if (beats)
                say(&players[i], (struct wire_message){.type = WIRE_BEAT});
        }
        beat = beats ? rt_now_ns() : beat;
    }
    return 0;
}

static int play_game(const char *address, int count)
{
    void *context = zmq_ctx_new();
    struct player *players = calloc((size_t)count, sizeof *players);
    zmq_pollitem_t *items = calloc((size_t)count, sizeof *items);
    const int code =
        context && players && items ? play_all(address, context, players, items, count) : 1;

    free(players);
    free(items);
    return code; /* the process ends, and its sockets with it */
}

/* ---- the search ---- */

static bool admit(void *context, struct run *run, const char *hello, struct store_remote *remote,
                  char why[COORDINATOR_WHY])
{
    (void)run;
    (void)hello;
    why[0] = '\0';
    remote->host = *(const int64_t *)context;
    remote->slots = 1;
    return true;
}

static bool no_file(void *context, const char *name, char path[RT_PATH_MAX])
{
    (void)context;
    (void)name;
    path[0] = '\0';
    return false;
}

static bool no_weights(void *context, int64_t trial, char path[RT_PATH_MAX])
{
    (void)context;
    (void)trial;
    path[0] = '\0';
    return false;
}

static rt_status make_store(const char *path, const struct search_options *options,
                            const struct space *space, struct store **store, int64_t *host,
                            struct rt_err *err)
{
    static const struct rt_machine machine = {.host = "bench", .cpu = "some", .cores = 1};
    const struct store_study study = {
        .name = "wire",
        .space = space,
        .yaml = "",
        .hash = "0123456789abcdef0123456789abcdef",
        .settings = "{}",
        .seed = options->seed,
        .objective_count = options->objective_count,
        .objectives = {options->objectives[0], options->objectives[1]}};

    RT_TRY(store_create(path, &study, store, err));
    return store_host(*store, &machine, "none", host, err);
}

static void report(int workers, int64_t trials, double seconds)
{
    struct rusage usage;
    char line[160];
    long resident = 0;
    FILE *status = fopen("/proc/self/status", "r");

    while (status && fgets(line, sizeof line, status))
        (void)sscanf(line, "VmHWM: %ld kB", &resident);
    if (status)
        (void)fclose(status);
    (void)getrusage(RUSAGE_SELF, &usage);
    const double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    (void)printf(
        "workers,trials,seconds,results_per_second,ms_per_result,peak_mb,cpu_ms_per_result\n"
        "%d,%" PRId64 ",%.2f,%.0f,%.3f,%.1f,%.3f\n",
        workers, trials, seconds, (double)trials / seconds, 1e3 * seconds / (double)trials,
        (double)resident / 1024, 1e3 * cpu / (double)trials);
}

static rt_status search_all(struct search_coordinator_options *how, struct search_options *options,
                            struct store *store, int to, double *seconds, struct rt_err *err)
{
    static const struct search_evaluator nobody = {0};
    struct search_coordinator *coordinator;
    struct search_elsewhere elsewhere = {.serve = search_coordinator_serve};
    enum search_end end;

    RT_TRY(search_coordinator_open(how, &coordinator, err));
    elsewhere.context = coordinator;
    options->elsewhere = &elsewhere;
    (void)!write(to, search_coordinator_address(coordinator), LINK_ADDRESS);
    const int64_t began = rt_now_ns();
    const rt_status rc =
        search_run(how->space, options, &nobody, store, NULL, NULL, NULL, &end, err);
    *seconds = (double)(rt_now_ns() - began) * 1e-9;
    search_coordinator_close(coordinator);
    return rc;
}

static int search_and_report(int workers, int64_t trials, int window, int to)
{
    const struct space space = some_space();
    const struct link_key no_key = {0};
    struct search_options options = {.seed = 1,
                                     .trials = trials,
                                     .window = window,
                                     .population = 40,
                                     .crossover = .7,
                                     .random = .1,
                                     .initial = 100,
                                     .objective_count = 2,
                                     .objectives = {"error", "macs"}};
    struct search_coordinator_options how = {.address = "tcp://127.0.0.1:*",
                                             .key = &no_key,
                                             .space = &space,
                                             .options = &options,
                                             .welcome = "{}",
                                             .admit = admit,
                                             .file = no_file,
                                             .weights = no_weights,
                                             .context = &options.host};
    char folder[] = "/tmp/retort-wire-XXXXXX", path[64], more[80];
    struct store *store;
    struct rt_err err;
    double seconds;
    rt_status rc;

    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(path, sizeof path, "%s/wire.db", folder);
    rc = make_store(path, &options, &space, &store, &options.host, &err);
    if (rc == RT_OK) {
        rc = search_all(&how, &options, store, to, &seconds, &err);
        store_close(store);
    }
    if (rc == RT_OK)
        report(workers, trials, seconds);
    else
        (void)fprintf(stderr, "bench_wire: %s\n", err.text);
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        (void)snprintf(more, sizeof more, "%s%s", path, ends[i]);
        (void)unlink(more);
    }
    (void)rmdir(folder);
    return rc != RT_OK;
}

int main(int argc, char **argv)
{
    const int workers = argc > 2 ? atoi(argv[1]) : 0;
    const int64_t trials = argc > 2 ? atoll(argv[2]) : 0;
    const int window = argc > 3 ? atoi(argv[3]) : 2 * workers;
    char address[LINK_ADDRESS] = "";
    int ends[2];

    if (workers < 1 || trials < 1 || window < 1 || pipe(ends)) {
        (void)fprintf(stderr, "usage: bench_wire WORKERS TRIALS [WINDOW]\n");
        return 2;
    }
    const pid_t child = fork(); /* before there is any thread */
    if (child == 0) {
        (void)close(ends[1]);
        return read(ends[0], address, sizeof address) > 0 ? play_game(address, workers) : 1;
    }
    (void)close(ends[0]);
    const int code = search_and_report(workers, trials, window, ends[1]);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return code;
}
