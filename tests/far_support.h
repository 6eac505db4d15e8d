/* tests/far_support.h -- a search that listens, workers of it in threads, and one that is played by hand. */
#ifndef TESTS_FAR_SUPPORT_H
#define TESTS_FAR_SUPPORT_H
#include "search_sample.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "search/coordinator.h"
#include "search/protocol.h"
#include "search/remote_worker.h"

enum { TRIALS = 40 };

/* ---- a search that listens ---- */

struct far {
    struct space space;
    struct search_options options;
    struct search_coordinator_options how;
    struct search_coordinator *coordinator;
    struct search_elsewhere elsewhere;
    struct sample_study study;
    struct sample_context context;
    struct link_key key;
    atomic_bool dirty;             /* what is learnt from */
    atomic_bool held, looking;     /* who looks at it stands; and is there */
    atomic_llong stopped, skipped; /* ns: where its clock stands, 0: it goes; that it is ahead */
    pthread_t thread;
    enum search_end end;
    rt_status rc;
    struct rt_err err;
};

static int64_t clock_of(void *context)
{
    struct far *far = context;
    const long long stopped = atomic_load(&far->stopped);

    return (stopped ? stopped : rt_now_ns()) + atomic_load(&far->skipped);
}

static bool admit(void *context, struct run *run, const char *hello, struct store_remote *remote,
                  char why[COORDINATOR_WHY])
{
    const struct far *far = context;
    (void)run;

    remote->slots = atoi(hello);
    remote->host = far->study.host;
    if (remote->slots < 1)
        snprintf(why, COORDINATOR_WHY, "it has no slots");
    return remote->slots >= 1;
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

static void path_of_weights(const struct far *far, char path[RT_PATH_MAX])
{
    snprintf(path, RT_PATH_MAX, "%s/1.weights", far->study.folder);
}

static bool weights_of_the_second(void *context, int64_t trial, char path[RT_PATH_MAX])
{
    path_of_weights(context, path);
    return trial == 1;
}

static rt_status look(void *context, const atomic_int *stop, struct rt_err *err)
{
    struct far *far = context;

    atomic_store(&far->looking, true);
    while (atomic_load(&far->held) && !atomic_load(stop))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return atomic_load(&far->dirty) ? rt_fail(err, RT_EDIRTY, "'a cache' was written into") : RT_OK;
}

static void *search_on(void *context)
{
    struct far *far = context;

    far->rc =
        sample_run(&far->study, &far->space, far->options, &far->context, &far->end, &far->err);
    return NULL;
}

/* `hours` 0: until all trials are done. */
static void begin_keeping(struct far *far, int workers, double hours,
                          bool (*weights)(void *, int64_t, char[RT_PATH_MAX]))
{
    struct rt_err err;

    *far = (struct far){.space = sample_space(SPACE_TIE_LAYER),
                        .options = sample_options(TRIALS, workers),
                        .context = {.fail_every = 7}};
    far->options.hours = hours;
    sample_create(&far->study, &far->options);
    far->how = (struct search_coordinator_options){.address = "tcp://127.0.0.1:*",
                                                   .key = &far->key,
                                                   .space = &far->space,
                                                   .options = &far->options,
                                                   .welcome = "{}",
                                                   .admit = admit,
                                                   .file = no_file,
                                                   .weights = weights,
                                                   .look = look,
                                                   .context = far,
                                                   .now = clock_of};
    assert_ok(search_coordinator_open(&far->how, &far->coordinator, &err));
    far->elsewhere = (struct search_elsewhere){search_coordinator_serve, far->coordinator};
    far->options.elsewhere = &far->elsewhere;
    assert_int_equal(pthread_create(&far->thread, NULL, search_on, far), 0);
}

static void begin(struct far *far, int workers)
{
    begin_keeping(far, workers, 0, no_weights);
}

/* By a connection of its own: the search's is of one thread at a time, which is the search's while it runs. */
static int64_t far_integer(const struct far *far, const char *sql)
{
    sqlite3_stmt *q = NULL;
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(far->study.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 20000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return value;
}

/* Waits for its end. */
static void end(struct far *far)
{
    pthread_join(far->thread, NULL);
    if (far->rc != RT_OK)
        print_error("%s\n", far->err.text);
    assert_int_equal(far->rc, RT_OK);
    assert_int_equal(far->end, SEARCH_END_TRIALS);
    search_coordinator_close(far->coordinator);
}

static char *rows_of_one_worker(void)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options options = sample_options(TRIALS, 1);
    struct sample_context context = {.fail_every = 7};
    struct sample_study s;
    enum search_end how;
    struct rt_err err;
    char *rows;

    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &how, &err));
    rows = sample_rows(s.store);
    sample_remove(&s);
    return rows;
}

static void check_rows(struct far *far)
{
    char *want = rows_of_one_worker(), *got = sample_rows(far->study.store);

    assert_rows_equal(got, want);
    free(got);
    free(want);
}

/* ---- workers ---- */

struct near {
    const struct far *far;
    char address[LINK_ADDRESS];
    struct remote_options options;
    struct link_key key;
    atomic_int stop;
    struct sample_context context;
    pthread_t thread;
    atomic_int may_begin; /* for a `begins` that looks */
    bool done;            /* so the search said */
    rt_status rc;
    struct rt_err err;
};

static rt_status take_study(void *context, const char *study, struct rt_err *err)
{
    (void)context;
    (void)err;
    assert_string_equal(study, "{}");
    return RT_OK;
}

static bool nothing_missing(void *context, struct remote_file *file)
{
    (void)context;
    file->name[0] = '\0';
    return false;
}

static rt_status ready(void *context, bool *begun, struct rt_err *err)
{
    (void)context;
    (void)err;
    *begun = true;
    return RT_OK;
}

static char *answer_to(const struct space *space, struct sample_context *context, const char *line,
                       const atomic_int *stop)
{
    struct store_result result = {.status = RT_OK};
    struct search_job job;
    struct space_arch arch;
    struct rt_err err;
    char *answer;

    assert_ok(search_protocol_job(line, space, &job, &arch, &err));
    job.stop = stop;
    sample_evaluate(context, &job, &result);
    answer = result.status == RT_ESTOP ? NULL : search_protocol_tell(job.number, &result);
    store_result_release(&result);
    return answer;
}

static void evaluate(void *context, int slot, const char *job, const atomic_int *stop,
                     struct remote_answer *answer)
{
    struct near *near = context;
    (void)slot;

    answer->line = answer_to(&near->far->space, &near->context, job, stop);
}

static void say_nothing(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static void *work(void *context)
{
    struct near *near = context;

    near->rc = search_remote_work(&near->options, &near->done, &near->err);
    return NULL;
}

static void start_with(struct near *near, const struct far *far, const char *slots, int delay_us,
                       rt_status (*begins)(void *, bool *, struct rt_err *))
{
    *near = (struct near){
        .far = far, .context = {.shape = far->space.shape, .fail_every = 7, .delay_us = delay_us}};
    snprintf(near->address, sizeof near->address, "%s",
             search_coordinator_address(far->coordinator));
    near->options = (struct remote_options){.address = near->address,
                                            .key = &near->key,
                                            .slots = atoi(slots),
                                            .wait = 60,
                                            .hello = slots,
                                            .stop = &near->stop,
                                            .welcome = take_study,
                                            .missing = nothing_missing,
                                            .begin = begins,
                                            .weights = no_weights,
                                            .evaluate = evaluate,
                                            .say = say_nothing,
                                            .context = near};
    assert_int_equal(pthread_create(&near->thread, NULL, work, near), 0);
}

static void start(struct near *near, const struct far *far, const char *slots, int delay_us)
{
    start_with(near, far, slots, delay_us, ready);
}

/* Who came when the search was over waits for the next one. */
static void finish(struct near *near)
{
    atomic_store(&near->stop, 1);
    pthread_join(near->thread, NULL);
    if (near->rc != RT_OK && near->rc != RT_ESTOP)
        print_error("%s\n", near->err.text);
    assert_true(near->rc == RT_OK || near->rc == RT_ESTOP);
}

/* ---- a worker by hand ---- */

struct hand {
    void *context;
    struct link link;
    uint32_t seat;
    unsigned char name[WIRE_NAME];
    zmq_msg_t frame;
    bool open; /* the frame */
    struct wire_message got;
};

static const struct link_key no_key;

static void hand_open(struct hand *hand, const struct far *far, const char *name)
{
    struct rt_err err;

    *hand = (struct hand){.context = zmq_ctx_new()};
    memcpy(hand->name, name, WIRE_NAME);
    assert_ok(link_connect(&hand->link, hand->context, search_coordinator_address(far->coordinator),
                           &no_key, hand->name, &err));
}

static void hand_close(struct hand *hand)
{
    if (hand->open)
        zmq_msg_close(&hand->frame);
    link_close(&hand->link, 100);
    zmq_ctx_term(hand->context);
}

static void hand_say(struct hand *hand, struct wire_message message)
{
    message.seat = hand->seat;
    assert_true(link_send(&hand->link, NULL, &message));
}

/* What is said next, of that kind; others are passed over. */
static void hand_hear(struct hand *hand, enum wire_type type)
{
    const int64_t until = rt_now_ns() + INT64_C(20000000000);
    zmq_pollitem_t item = {.socket = hand->link.socket, .events = ZMQ_POLLIN};
    int other;

    do {
        if (hand->open)
            zmq_msg_close(&hand->frame);
        hand->open = false;
        assert_true(rt_now_ns() < until);
        zmq_poll(&item, 1, 100);
        hand->open =
            link_receive(&hand->link, NULL, &hand->frame, &hand->got, &other) == LINK_MESSAGE;
    } while (!hand->open || hand->got.type != type);
}

static void hand_hail(struct hand *hand)
{
    hand_say(hand, (struct wire_message){.type = WIRE_HELLO, .text = "1", .text_bytes = 1});
    hand_hear(hand, WIRE_WELCOME);
    hand->seat = hand->got.seat;
}

/* A job, and the right answer to it. */
static char *hand_take(struct hand *hand, const struct far *far, struct wire_message *job)
{
    struct sample_context context = {.shape = far->space.shape, .fail_every = 7};
    const atomic_int never = 0;
    char *line, *answer;

    hand_say(hand, (struct wire_message){.type = WIRE_IDLE, .number = 1});
    hand_hear(hand, WIRE_JOB);
    *job = hand->got;
    line = wire_text(&hand->got);
    answer = answer_to(&far->space, &context, line, &never);
    free(line);
    return answer;
}

/* With the hash of its weights, or "". */
static void hand_answer_with(struct hand *hand, const struct wire_message *job, const char *answer,
                             const char *hash)
{
    hand_say(hand, (struct wire_message){.type = WIRE_RESULT,
                                         .number = job->number,
                                         .key = job->key,
                                         .attempt = job->attempt,
                                         .text = answer,
                                         .text_bytes = strlen(answer),
                                         .data = (const unsigned char *)hash,
                                         .data_bytes = strlen(hash)});
}

static void hand_answer(struct hand *hand, const struct wire_message *job, const char *answer)
{
    hand_answer_with(hand, job, answer, "");
}
#endif
