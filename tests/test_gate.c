/* tests/test_gate.c -- while one thread measures, no other that entered works. */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "base/gate.h"

enum { workers = 4, rounds = 300, closings = 25 };

static struct rt_gate gate = RT_GATE_INITIALIZER;
static atomic_int working, closed_by, violations, ended;
static int64_t shared; /* by whoever has closed the gate: a race, were there two */

/* What is measured must see nobody at work, nor another that measures. */
static void measure(void)
{
    rt_gate_close(&gate);
    if (atomic_fetch_add(&closed_by, 1) != 0)
        atomic_fetch_add(&violations, 1);
    for (int i = 0; i < 200; i++) {
        shared++;
        if (atomic_load(&working) != 0)
            atomic_fetch_add(&violations, 1);
    }
    atomic_fetch_sub(&closed_by, 1);
    rt_gate_open(&gate);
}

static void micro_batch(void)
{
    atomic_fetch_add(&working, 1);
    for (volatile int i = 0; i < 2000; i++)
        ;
    atomic_fetch_sub(&working, 1);
    rt_gate_pass();
}

static void *worker(void *arg)
{
    const int every = *(int *)arg; /* 0: it never measures */

    for (int trial = 0; trial < 5; trial++) {
        rt_gate_enter(&gate);
        if (every && trial % every == 0)
            measure();
        for (int i = 0; i < rounds; i++)
            micro_batch();
        rt_gate_leave(&gate);
    }
    atomic_fetch_add(&ended, 1);
    return NULL;
}

static void nobody_works_while_one_measures(void **state)
{
    static int every[workers] = {0, 1, 2, 0};
    pthread_t thread[workers];
    (void)state;

    atomic_store(&ended, 0);
    for (int i = 0; i < workers; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, worker, &every[i]), 0);
    for (int i = 0; i < closings; i++) { /* by one outside too */
        measure();
        (void)sched_yield();
    }
    for (int i = 0; i < workers; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);

    assert_int_equal(atomic_load(&ended), workers);
    assert_int_equal(atomic_load(&violations), 0);
    assert_int_equal(shared, (closings + 5 + 3) * 200);
    assert_int_equal(gate.inside, 0);
    assert_int_equal(gate.standing, 0);
}

static void *one_batch(void *arg)
{
    (void)arg;
    rt_gate_enter(&gate);
    micro_batch();
    rt_gate_leave(&gate);
    atomic_fetch_add(&ended, 1);
    return NULL;
}

/* Whoever comes to a closed gate stands, and for how long is known. */
static void standing_is_counted(void **state)
{
    const double before = rt_gate_standing(&gate);
    pthread_t thread;
    (void)state;

    atomic_store(&ended, 0);
    rt_gate_close(&gate);
    assert_int_equal(pthread_create(&thread, NULL, one_batch, NULL), 0);
    const int64_t began = rt_now_ns();
    while (rt_now_ns() - began < 20000000)
        (void)sched_yield();
    assert_int_equal(atomic_load(&ended), 0);
    rt_gate_open(&gate);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(rt_gate_standing(&gate) > before);
    assert_true(rt_gate_standing(&gate) < before + 60);
}

static void who_never_entered_passes(void **state)
{
    (void)state;
    rt_gate_close(&gate);
    rt_gate_pass();
    rt_gate_open(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_works_while_one_measures),
        cmocka_unit_test(standing_is_counted),
        cmocka_unit_test(who_never_entered_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
