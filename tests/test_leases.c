/* tests/test_leases.c -- whose a trial is, and until when, by a clock that tests put forward. */
#include "far_support.h"

#include <unistd.h>

/* What was said before is heard, and answered. */
static void hand_wait(struct hand *hand)
{
    hand_say(hand, (struct wire_message){.type = WIRE_GET, .text = "none", .text_bytes = 4});
    hand_hear(hand, WIRE_PIECE);
}

/* It is there, and at a trial, or at none (-1). */
static void hand_beat(struct hand *hand, int64_t trial)
{
    unsigned char number[8];

    wire_put_number(number, 0, trial);
    hand_say(hand, (struct wire_message){
                       .type = WIRE_BEAT, .data = number, .data_bytes = trial < 0 ? 0 : 8});
    hand_wait(hand);
}

static const char weights[] = "some weights";
#define WEIGHTS 12
#define SECOND INT64_C(1000000000)

/* Time goes by for the search alone. */
static void time_passes(struct far *far, int seconds)
{
    atomic_fetch_add(&far->skipped, seconds * SECOND);
}

static int64_t count_lost(const struct far *far)
{
    return far_integer(far, "select count(*) from event where kind = 'lost'");
}

/* Seconds from now on until the search gives trial 0 to somebody else; what its worker says meanwhile is
 * that it is there, if it `beats`, and at nothing. */
static double seconds_until_given(struct far *far, struct hand *hand, bool beats)
{
    const int64_t began = clock_of(far);
    struct wire_message job;
    struct hand other;

    hand_open(&other, far, "another by hand.");
    hand_hail(&other);
    while (count_lost(far) == 0) {
        time_passes(far, 1);
        hand_beat(&other, -1);
        if (beats)
            hand_beat(hand, -1);
        sample_sleep(120000); /* it looks at leases ten times a second */
    }
    free(hand_take(&other, far, &job));
    assert_int_equal(job.number, 0);
    assert_int_equal(job.attempt, 2);
    hand_say(&other, (struct wire_message){.type = WIRE_BYE});
    hand_close(&other);
    return (double)(clock_of(far) - began) * 1e-9;
}

static void a_lost_trial_is_given_out_within_ten_seconds_however_long_it_takes(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    for (int beats = 0; beats <= 1; beats++) { /* its worker is silent, or knows nothing of it */
        begin(&far, 0);
        atomic_store(&far.stopped, rt_now_ns()); /* a slow machine is no reason to lose anybody */
        hand_open(&hand, &far, "a worker by hand");
        hand_hail(&hand);
        free(hand_take(&hand, &far, &job));
        assert_int_equal(job.number, 0);
        for (int i = 0; i < 250; i++) { /* a quarter of an hour, and more */
            time_passes(&far, 4);
            hand_beat(&hand, 0);
        }
        assert_int_equal(count_lost(&far), 0);
        assert_true(seconds_until_given(&far, &hand, beats) <= 10);
        hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
        atomic_store(&far.stopped, 0);
        start(&near, &far, "1", 0);
        end(&far);
        finish(&near);
        hand_close(&hand);
        check_rows(&far);
        sample_remove(&far.study);
    }
}

/* A byte of the weights of the second trial, "some weights". */
static void hand_byte(struct hand *hand, int at)
{
    hand_say(hand, (struct wire_message){.type = WIRE_PIECE,
                                         .number = WEIGHTS,
                                         .key = (uint64_t)at,
                                         .text = "weights/1",
                                         .text_bytes = 9,
                                         .data = (const unsigned char *)weights + at,
                                         .data_bytes = 1});
}

/* Says the second trial's result, whose weights are asked for. */
static void hand_promise(struct hand *hand, const struct far *far)
{
    struct wire_message job;
    char hash[RT_HASH_TEXT], *answer = hand_take(hand, far, &job);

    assert_int_equal(job.number, 1);
    rt_hash_bytes(weights, WEIGHTS, hash);
    hand_answer_with(hand, &job, answer, hash);
    hand_hear(hand, WIRE_GET);
    free(answer);
}

/* They do not come, though its worker beats: they are asked for once more, and then it is lost. */
static void keep_weights(struct hand *hand, struct far *far)
{
    for (int i = 0; i < 2; i++) {
        time_passes(far, 3);
        hand_beat(hand, 1);
    }
    assert_int_equal(count_lost(far), 0);
    time_passes(far, 3);
    hand_hear(hand, WIRE_GET);
    for (int i = 0; i < 20 && count_lost(far) == 0; i++) {
        time_passes(far, 1);
        hand_beat(hand, 1);
        sample_sleep(120000);
    }
    assert_int_equal(count_lost(far), 1);
}

/* They come slowly, and no beat beside them: what else their worker is at is not lost. */
static void give_weights(struct hand *hand, struct far *far)
{
    struct wire_message other;

    free(hand_take(hand, far, &other));
    for (int i = 0; i < WEIGHTS; i++) {
        time_passes(far, 3);
        hand_byte(hand, i);
        hand_hear(hand, i < WEIGHTS - 1 ? WIRE_GET : WIRE_TAKEN);
    }
    sample_sleep(200000);
    assert_int_equal(count_lost(far), 1);
}

static void weights_that_do_not_come_hold_no_trial_for_ever(void **state)
{
    struct wire_message job;
    char path[RT_PATH_MAX];
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    begin_keeping(&far, 0, 0, weights_of_the_second);
    atomic_store(&far.stopped, rt_now_ns());
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    char *answer = hand_take(&hand, &far, &job);
    hand_answer(&hand, &job, answer);
    hand_hear(&hand, WIRE_TAKEN);
    free(answer);
    hand_promise(&hand, &far);
    keep_weights(&hand, &far);
    hand_promise(&hand, &far);
    give_weights(&hand, &far);
    hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
    atomic_store(&far.stopped, 0);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    check_rows(&far);
    path_of_weights(&far, path);
    assert_int_equal(unlink(path), 0);
    sample_remove(&far.study);
}

/* Of one who was never welcomed, under whatever seat, or who is no more. */
static void a_refused_workers_result_is_none(void **state)
{
    struct wire_message hello = {.type = WIRE_HELLO, .text = "0", .text_bytes = 1}, job;
    struct hand hand, other;
    struct near near;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    hand_hail(&hand);
    char *answer = hand_take(&hand, &far, &job);
    hand_open(&other, &far, "another by hand.");
    hand_say(&other, hello);
    hand_hear(&other, WIRE_REFUSED);
    for (uint32_t seat = 0; seat < 3; seat++) { /* the first is the other's */
        other.seat = seat;
        hand_answer(&other, &job, answer);
        hand_hear(&other, WIRE_AGAIN);
    }
    hand_say(&hand, hello);
    hand_hear(&hand, WIRE_REFUSED);
    hand_answer(&hand, &job, answer);
    hand_hear(&hand, WIRE_AGAIN);
    assert_int_equal(far_integer(&far, "select count(*) from metric"), 0);
    assert_int_equal(count_lost(&far), 1);
    start(&near, &far, "1", 0);
    end(&far);
    finish(&near);
    hand_close(&hand);
    hand_close(&other);
    check_rows(&far);
    assert_int_equal(far_integer(&far, "select sum(trials) from remote where slots = 1 "
                                       "and lost = 0"),
                     TRIALS);
    sample_remove(&far.study);
    free(answer);
}

/* It leaves and says why: whatever it had is nobody's fault. */
static void hand_leave(struct hand *hand)
{
    static const char why[] = "its cache was written into";

    hand_say(hand,
             (struct wire_message){.type = WIRE_BYE, .text = why, .text_bytes = sizeof why - 1});
}

/* Whoever works near does the rest, and no worker lost a trial. */
static void end_without_loss(struct far *far, struct hand *hand)
{
    struct near near;

    start(&near, far, "1", 0);
    end(far);
    finish(&near);
    hand_close(hand);
    check_rows(far);
    assert_int_equal(far_integer(far, "select sum(lost) from remote"), 0);
}

static void what_a_worker_had_whose_cache_is_dirty_is_not_lost(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    for (int i = 0; i < 4; i++) {
        hand_hail(&hand);
        free(hand_take(&hand, &far, &job));
        assert_int_equal(job.number, 0);
        hand_leave(&hand);
    }
    end_without_loss(&far, &hand);
    assert_int_equal(far_integer(&far,
                                 "select count(*) from event where kind = 'returned' and text ="
                                 " 'its worker left: its cache was written into'"),
                     4);
    sample_remove(&far.study);
}

/* By a launcher, for ever. A result from there, or some time, and it may try again. */
static void a_machine_whose_workers_leave_again_and_again_is_refused(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct far far;
    (void)state;

    begin(&far, 0);
    hand_open(&hand, &far, "a worker by hand");
    for (int i = 0; i < 4 + 5; i++) {
        hand_hail(&hand);
        char *answer = hand_take(&hand, &far, &job);
        if (i == 4) {
            hand_answer(&hand, &job, answer);
            hand_hear(&hand, WIRE_TAKEN);
        }
        free(answer);
        hand_leave(&hand);
    }
    for (int i = 0; i < 2; i++) {
        hand_say(&hand, (struct wire_message){.type = WIRE_HELLO, .text = "1", .text_bytes = 1});
        hand_hear(&hand, WIRE_REFUSED);
        char *why = wire_text(&hand.got);
        assert_non_null(why);
        assert_non_null(strstr(why, "5 workers of this machine in a row"));
        assert_non_null(strstr(why, "stop what writes there"));
        assert_non_null(strstr(why, "its cache was written into"));
        free(why);
    }
    atomic_store(&far.skipped, INT64_C(600000000000));
    hand_hail(&hand); /* one may try */
    hand_leave(&hand);
    hand_say(&hand, (struct wire_message){.type = WIRE_HELLO, .text = "1", .text_bytes = 1});
    hand_hear(&hand, WIRE_REFUSED);
    atomic_store(&far.skipped, 2 * INT64_C(600000000000));
    end_without_loss(&far, &hand);
    assert_int_equal(far_integer(&far, "select count(*) from event where kind = 'refused'"), 3);
    sample_remove(&far.study);
}

/* Whether nobody works, or one who learns from the same, and finds it first. */
static void what_the_search_has_is_dirty_and_ends_it(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct far far;
    (void)state;

    for (int out = 0; out <= 1; out++) {
        begin(&far, 0);
        hand_open(&hand, &far, "a worker by hand");
        hand_hail(&hand);
        if (out)
            free(hand_take(&hand, &far, &job));
        if (out) /* a second never goes by */
            atomic_store(&far.stopped, clock_of(&far));
        atomic_store(&far.dirty, true);
        if (out)
            hand_leave(&hand);
        alarm(120); /* or it would go on, or wait for the worker that left */
        pthread_join(far.thread, NULL);
        alarm(0);
        search_coordinator_close(far.coordinator);
        hand_close(&hand);
        assert_int_equal(far.rc, RT_EDIRTY);
        assert_non_null(strstr(far.err.text, "'a cache' was written into"));
        assert_non_null(strstr(far.err.text, "no trial is lost"));
        assert_int_equal(far_integer(&far, "select count(*) from trial where state <> 'proposed'"),
                         0);
        sample_remove(&far.study);
    }
}

/* It may hash many GB. */
static void who_looks_at_what_is_learnt_from_holds_nobody_up(void **state)
{
    struct wire_message job;
    struct hand hand;
    struct near near;
    struct far far;
    (void)state;

    for (int dirty = 0; dirty <= 1; dirty++) {
        begin(&far, 0);
        atomic_store(&far.held, true);
        atomic_store(&far.looking, false);
        while (!atomic_load(&far.looking))
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        hand_open(&hand, &far, "a worker by hand");
        hand_hail(&hand);
        char *answer = hand_take(&hand, &far, &job);
        hand_answer(&hand, &job, answer);
        hand_hear(&hand, WIRE_TAKEN);
        free(answer);
        hand_say(&hand, (struct wire_message){.type = WIRE_BYE});
        if (dirty) {
            atomic_store(&far.dirty, true);
            atomic_store(&far.held, false);
            pthread_join(far.thread, NULL);
            search_coordinator_close(far.coordinator);
            assert_int_equal(far.rc, RT_EDIRTY);
        } else { /* nor the search's end */
            start(&near, &far, "1", 0);
            end(&far);
            finish(&near);
            check_rows(&far);
        }
        hand_close(&hand);
        sample_remove(&far.study);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_trial_is_given_out_within_ten_seconds_however_long_it_takes),
        cmocka_unit_test(weights_that_do_not_come_hold_no_trial_for_ever),
        cmocka_unit_test(what_a_worker_had_whose_cache_is_dirty_is_not_lost),
        cmocka_unit_test(a_machine_whose_workers_leave_again_and_again_is_refused),
        cmocka_unit_test(what_the_search_has_is_dirty_and_ends_it),
        cmocka_unit_test(who_looks_at_what_is_learnt_from_holds_nobody_up),
        cmocka_unit_test(a_refused_workers_result_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
