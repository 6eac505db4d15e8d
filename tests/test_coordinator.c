/* tests/test_coordinator.c -- workers elsewhere, over real sockets: the same rows whoever comes, goes, is late,
 * says things twice, or talks garbage. */
#include "far_support.h"

#include <sys/resource.h>

#include "search/transfer.h"

static void rows_are_those_of_one_worker(void **state)
{
    struct near a, b;
    struct far far;
    (void)state;

    for (int own = 0; own <= 1; own++) { /* workers of the search's own beside them */
        begin(&far, own);
        start(&a, &far, "2", 2000);
        start(&b, &far, "1", 3000);
        end(&far);
        finish(&a);
        finish(&b);
        check_rows(&far);
        assert_int_equal(far_integer(&far, "select count(*) from remote where there"), 0);
        if (!own)
            assert_int_equal(far_integer(&far, "select sum(trials) from remote"), TRIALS);
        sample_remove(&far.study);
    }
}

static void a_lost_workers_trial_is_given_out_again(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    free(hand_take(&hand, &far, &job));
    assert_int_equal(job.number, 0);
    hand_close(&hand);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    check_rows(&far);
    assert_int_equal(far_integer(&far, "select count(*) from event where kind = "
                                       "'lost' and trial = 0"),
                     1);
    assert_int_equal(far_integer(&far, "select count(*) from execution where trial = "
                                       "0 and outcome = 'interrupted'"),
                     1);
    assert_int_equal(far_integer(&far, "select sum(lost) from remote"), 1);
    sample_remove(&far.study);
}

static void a_late_result_is_taken_once(void **state)
{
    struct wire_message job;
    struct hand hand, again;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    char *answer = hand_take(&hand, &far, &job);
    hand_close(&hand); /* cut off, and back with its result */
    hand_open(&again, &far, "a worker by hand");
    hand_hail(&again);
    job.key ^= 1; /* of another history: no use for it */
    hand_answer(&again, &job, answer);
    hand_hear(&again, WIRE_TAKEN);
    assert_int_equal(far_integer(&far, "select count(*) from metric"), 0);
    job.key ^= 1;
    for (int i = 0; i < 3; i++) {
        hand_answer(&again, &job, answer);
        hand_hear(&again, WIRE_TAKEN);
        assert_int_equal(again.got.number, job.number);
    }
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&again);
    check_rows(&far);
    assert_int_equal(far_integer(&far, "select count(*) from execution where trial = "
                                       "0 and outcome <> 'interrupted'"),
                     1);
    sample_remove(&far.study);
    free(answer);
}

static void a_failure_is_believed_to_who_has_the_trial(void **state)
{
    static const char failure[] = "{\"trial\":0,\"error\":\"no luck\",\"kind\":\"crash\"}";
    struct wire_message job, second;
    struct hand hand, other;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    free(hand_take(&hand, &far, &job));
    hand_close(&hand);
    while (!far_integer(&far, "select count(*) from event where kind = 'lost'"))
        sample_sleep(2000);
    hand_open(&other, &far, "another by hand.");
    hand_hail(&other);
    char *answer = hand_take(&other, &far, &second);
    assert_int_equal(second.number, 0);
    assert_int_equal(second.attempt, 2);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    hand_answer(&hand, &job, failure);
    hand_hear(&hand, WIRE_TAKEN); /* and dropped */
    hand_answer(&other, &second, answer);
    hand_hear(&other, WIRE_TAKEN);
    hand_close(&hand);
    hand_close(&other);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    check_rows(&far);
    sample_remove(&far.study);
    free(answer);
}

/* Nobody has the trial: who had it last may still say how it ended, by whatever attempt. */
static void a_late_failure_is_that_of_a_trial_that_nobody_has(void **state)
{
    static const char failure[] = "{\"trial\":0,\"error\":\"no luck\",\"kind\":\"crash\"}";
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    free(hand_take(&hand, &far, &job));
    hand_close(&hand);
    while (!far_integer(&far, "select count(*) from event where kind = 'lost'"))
        sample_sleep(2000);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    hand_answer(&hand, &job, failure);
    hand_hear(&hand, WIRE_TAKEN);
    hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    assert_int_equal(far_integer(&far, "select count(*) from trial where number = 0 "
                                       "and error_kind = 'crash'"),
                     1);
    sample_remove(&far.study);
}

static void a_trial_that_is_lost_three_times_fails(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    for (int i = 0; i < 3; i++) {
        hand_open(&hand, &far, "a worker by hand");
        hand_hail(&hand);
        free(hand_take(&hand, &far, &job));
        assert_int_equal(job.number, 0);
        assert_int_equal(job.attempt, i + 1);
        hand_close(&hand);
    }
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    assert_int_equal(far_integer(&far, "select count(*) from trial where number = 0 "
                                       "and error_kind = 'lost'"),
                     1);
    sample_remove(&far.study);
}

static void what_is_given_back_is_no_loss(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    for (int i = 0; i < 4; i++) {
        free(hand_take(&hand, &far, &job));
        hand_say(&hand, (struct wire_message){.type = WIRE_BACK,
                                              .number = job.number,
                                              .key = job.key,
                                              .text = "asked to stop",
                                              .text_bytes = 13});
    }
    hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    check_rows(&far);
    assert_int_equal(far_integer(&far, "select sum(lost) from remote"), 0);
    assert_int_equal(far_integer(&far, "select sum(returned) from remote"), 4);
    sample_remove(&far.study);
}

static void a_trial_that_no_worker_can_do_fails(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    for (int i = 0; i < 3; i++) {
        free(hand_take(&hand, &far, &job));
        assert_int_equal(job.number, 0);
        hand_say(&hand, (struct wire_message){.type = WIRE_BACK,
                                              .number = job.number,
                                              .key = job.key,
                                              .text = "its disk is full",
                                              .text_bytes = 16});
    }
    hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    assert_int_equal(far_integer(&far,
                                 "select count(*) from trial where number = 0 and error_kind = "
                                 "'lost' and error like '%: its disk is full'"),
                     1);
    sample_remove(&far.study);
}

static void a_worker_that_is_refused_later_is_lost(void **state)
{
    struct wire_message hello = {.type = WIRE_HELLO, .text = "8", .text_bytes = 1};
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_say(&hand, hello);
    hand_hear(&hand, WIRE_WELCOME);
    hand.seat = hand.got.seat;
    hand_say(&hand, (struct wire_message){.type = WIRE_IDLE, .number = 8});
    for (int i = 0; i < 6; i++) /* the window; two of its slots stay idle */
        hand_hear(&hand, WIRE_JOB);
    hello.text = "0";
    for (int i = 0; i < 2; i++) {
        hand_say(&hand, hello);
        hand_hear(&hand, WIRE_REFUSED);
    }
    assert_int_equal(far_integer(&far, "select count(*) from event where kind = 'lost'"), 6);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    check_rows(&far);
    sample_remove(&far.study);
}

static void hand_piece(struct hand *hand, const char *data)
{
    hand_say(hand, (struct wire_message){.type = WIRE_PIECE,
                                         .number = (int64_t)strlen(data),
                                         .text = "weights/1",
                                         .text_bytes = 9,
                                         .data = (const unsigned char *)data,
                                         .data_bytes = strlen(data)});
}

/* Connected anew before its weights are here: it says the result once more, and is asked once more. */
static void hand_over_twice(struct hand *hand, const struct far *far, const char *weights,
                            const char *hash)
{
    struct wire_message job;
    char *answer = hand_take(hand, far, &job);

    assert_int_equal(job.number, 1);
    hand_answer_with(hand, &job, answer, hash);
    hand_hear(hand, WIRE_GET);
    hand_hail(hand);
    hand_answer_with(hand, &job, answer, hash);
    hand_say(hand, (struct wire_message){.type = WIRE_IDLE, .number = 1});
    hand_hear(hand, WIRE_GET);
    hand_piece(hand, weights);
    hand_hear(hand, WIRE_TAKEN);
    free(answer);
}

/* Weights that do not come: the trial waits again, and its worker need not keep what it has. */
static void a_result_is_none_without_its_weights(void **state)
{
    static const char weights[] = "some weights";
    char hash[RT_HASH_TEXT], path[RT_PATH_MAX];
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    rt_hash_bytes(weights, strlen(weights), hash);
    begin_keeping(&far, 0, 0, weights_of_the_second);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    char *answer = hand_take(&hand, &far, &job);
    hand_answer(&hand, &job, answer); /* a failure, which has none */
    hand_hear(&hand, WIRE_TAKEN);
    for (int i = 0; i < 2; i++) {
        free(answer);
        answer = hand_take(&hand, &far, &job);
        assert_int_equal(job.number, 1);
        hand_answer_with(&hand, &job, answer, i == 0 ? "" : hash);
        if (i == 1) {
            hand_hear(&hand, WIRE_GET);
            hand_piece(&hand, "some weighty");
        }
        hand_hear(&hand, WIRE_TAKEN);
        assert_int_equal(far_integer(&far, "select count(*) from event where kind = 'lost'"),
                         i + 1);
    }
    free(answer);
    hand_over_twice(&hand, &far, weights, hash);
    hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    check_rows(&far);
    path_of_weights(&far, path);
    assert_true(transfer_has(path, hash));
    unlink(path);
    sample_remove(&far.study);
}

/* A connection takes a descriptor: for 20,000 workers, where they may be had. */
static void descriptors_are_as_many_as_may_be(void **state)
{
    struct rlimit before, few, got;
    struct near near;
    struct far far;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = before.rlim_max < 200 ? before.rlim_max : 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    begin(&far, 0);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &got), 0);
    assert_true(got.rlim_cur == (before.rlim_max < 20064 ? before.rlim_max : 20064));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    sample_remove(&far.study);
}

static void strangers_are_counted_and_dropped(void **state)
{
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand.seat = 3; /* nobody's */
    hand_say(&hand, (struct wire_message){.type = WIRE_IDLE, .number = 1});
    hand_hear(&hand, WIRE_AGAIN);
    hand_hail(&hand);
    for (int i = 0; i < 10; i++) {
        unsigned char noise[WIRE_HEADER + 30];
        memset(noise, 17 * i, sizeof noise);
        zmq_send(hand.link.socket, noise, sizeof noise - (size_t)i, ZMQ_SNDMORE);
        zmq_send(hand.link.socket, noise, sizeof noise, 0);
    }
    hand_say(&hand, (struct wire_message){.type = WIRE_IDLE, .number = INT64_MIN});
    hand_say(&hand, (struct wire_message){.type = WIRE_RESULT, .number = INT64_MIN});
    hand_say(&hand, (struct wire_message){.type = WIRE_RESULT, .number = INT64_MAX});
    hand_say(&hand,
             (struct wire_message){.type = WIRE_PIECE, .text = "weights/0", .text_bytes = 9});
    hand_say(&hand,
             (struct wire_message){.type = WIRE_GET, .text = "/etc/passwd", .text_bytes = 11});
    hand_hear(&hand, WIRE_PIECE);
    assert_int_equal(hand.got.number, -1);
    hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
    hand.seat = 0;
    hand_say(&hand, (struct wire_message){.type = WIRE_HELLO, .text = "0", .text_bytes = 1});
    hand_hear(&hand, WIRE_REFUSED);
    hand_close(&hand);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    check_rows(&far);
    assert_int_equal(far_integer(&far, "select count(*) from event where kind = "
                                       "'strangers' and text like '11 messages%'"),
                     1);
    sample_remove(&far.study);
}

static void a_worker_outlives_the_search(void **state)
{
    struct near near;
    struct far far, second;
    struct rt_err err;
    (void)state;

    begin(&far, 0);
    far.context.stop_after = 0;
    start(&near, &far, "2", 20000);
    while (far_integer(&far, "select count(*) from trial where state = 'committed'") < 5)
        sample_sleep(2000);
    atomic_store(&far.context.stop, 1);
    pthread_join(far.thread, NULL);
    assert_int_equal(far.rc, RT_OK);
    assert_int_equal(far.end, SEARCH_END_STOPPED);

    char address[LINK_ADDRESS];
    snprintf(address, sizeof address, "%s", search_coordinator_address(far.coordinator));
    search_coordinator_close(far.coordinator);
    second = far; /* at the same address, which the worker still knows */
    second.how.address = address;
    second.how.options = &second.options;
    second.how.context = &second;
    second.how.key = &second.key;
    second.how.space = &second.space;
    atomic_store(&second.context.stop, 0);
    assert_ok(search_coordinator_open(&second.how, &second.coordinator, &err));
    second.elsewhere.context = second.coordinator;
    second.options.elsewhere = &second.elsewhere;
    assert_int_equal(pthread_create(&second.thread, NULL, search_on, &second), 0);
    end(&second);
    finish(&near);
    check_rows(&second);
    sample_remove(&second.study);
}

static rt_status ready_when_told(void *context, bool *begun, struct rt_err *err)
{
    (void)err;
    *begun = atomic_load(&((struct near *)context)->may_begin);
    return RT_OK;
}

/* Longer than a worker may be silent, by a clock of the search that goes twice as fast. */
/* Whose time is over goes on with the same trials: what a worker has of them is not to go. */
static void a_worker_knows_whether_all_trials_are_done(void **state)
{
    struct near near;
    struct far far;
    (void)state;

    for (int late = 0; late < 2; late++) {
        begin_keeping(&far, 0, late ? 1. / 3600 : 0, no_weights);
        start(&near, &far, "1", late ? 100000 : 0);
        pthread_join(near.thread, NULL);
        pthread_join(far.thread, NULL);
        assert_int_equal(near.rc, RT_OK);
        assert_int_equal(far.rc, RT_OK);
        assert_int_equal(far.end, late ? SEARCH_END_HOURS : SEARCH_END_TRIALS);
        assert_int_equal(near.done, !late);
        search_coordinator_close(far.coordinator);
        sample_remove(&far.study);
    }
}

static void a_worker_that_takes_long_to_begin_is_there(void **state)
{
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    start_with(&near, &far, "2", 0, ready_when_told);
    for (int i = 0; i < 30; i++) {
        sample_sleep(100000);
        atomic_fetch_add(&far.skipped, INT64_C(100000000));
    }
    atomic_store(&near.may_begin, 1);
    end(&far);
    finish(&near);
    check_rows(&far);
    assert_int_equal(far_integer(&far, "select count(*) from event where kind = 'lost'"), 0);
    assert_int_equal(far_integer(&far, "select count(*) from remote"), 1);
    sample_remove(&far.study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_one_worker),
        cmocka_unit_test(a_lost_workers_trial_is_given_out_again),
        cmocka_unit_test(a_late_result_is_taken_once),
        cmocka_unit_test(a_failure_is_believed_to_who_has_the_trial),
        cmocka_unit_test(a_late_failure_is_that_of_a_trial_that_nobody_has),
        cmocka_unit_test(a_trial_that_is_lost_three_times_fails),
        cmocka_unit_test(what_is_given_back_is_no_loss),
        cmocka_unit_test(a_trial_that_no_worker_can_do_fails),
        cmocka_unit_test(a_worker_that_is_refused_later_is_lost),
        cmocka_unit_test(a_result_is_none_without_its_weights),
        cmocka_unit_test(descriptors_are_as_many_as_may_be),
        cmocka_unit_test(strangers_are_counted_and_dropped),
        cmocka_unit_test(a_worker_outlives_the_search),
        cmocka_unit_test(a_worker_knows_whether_all_trials_are_done),
        cmocka_unit_test(a_worker_that_takes_long_to_begin_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
