/* tests/test_replay.c -- prioritised replay: printed values, and a plain search beside the tree. */
#include "support.h"
#include "trainer/env/replay.h"

struct held {
    struct rt_arena arena;
    struct tr_replay replay;
};

static void hold(struct held *h, int count, double alpha)
{
    struct rt_err err;

    assert_ok(rt_arena_init(&h->arena, 1 << 16, &err));
    tr_replay_init(&h->replay, count, alpha, &h->arena);
    assert_ok(rt_arena_check(&h->arena, "replay", &err));
}

static void hold_five(struct held *h)
{
    static const double priority[5] = {1, 2, 3, 4, .5};

    hold(h, 8, .6);
    for (int i = 0; i < 5; i++)
        tr_replay_set(&h->replay, i, priority[i]);
}

static void trees_draws_and_weights_are_those_printed(void **state)
{
    static const double at4[5] = {.846745516, .716977882, .650494867, .607097697, 1};
    static const double at7[5] = {.747424938, .558643921, .471169076, .417544267, 1};
    struct held h;
    int rows[4];
    (void)state;

    hold_five(&h);
    assert_int_equal(h.replay.capacity, 8);
    assert_int_equal(h.replay.rows, 5);
    assert_near(tr_replay_total(&h.replay), 7.406051854, 1e-9);
    assert_near(h.replay.sum[2], 6.746297107, 1e-9);
    assert_near(h.replay.sum[3], .659754747, 1e-9);
    assert_near(h.replay.sum[4], 2.515717621, 1e-9);
    assert_near(h.replay.sum[8 + 4], .659754747, 1e-9);
    tr_replay_draw(&h.replay, 4, (double[]){.25, .5, .75, .125}, rows);
    assert_memory_equal(rows, ((int[]){0, 2, 3, 3}), sizeof rows);
    for (int i = 0; i < 5; i++) {
        assert_near(tr_replay_weight(&h.replay, i, .4), at4[i], 1e-9);
        assert_near(tr_replay_weight(&h.replay, i, .7), at7[i], 1e-9);
    }
    rt_arena_release(&h.arena);
}

static void a_priority_that_changes_is_followed(void **state)
{
    static const double mass[6] = {0, 1, 2.6, 4.4, 4.5, 4.7};
    static const int want[6] = {0, 0, 2, 2, 3, 3};
    struct held h;
    (void)state;

    hold_five(&h);
    tr_replay_set(&h.replay, 3, .1);
    assert_near(tr_replay_total(&h.replay), 5.359844950, 1e-9);
    for (int i = 0; i < 6; i++)
        assert_int_equal(tr_replay_find(&h.replay, mass[i]), want[i]);
    assert_int_equal(tr_replay_find(&h.replay, 99), 4); /* never an absent row */
    tr_replay_add(&h.replay, 5);                        /* as the largest so far: 4 */
    assert_near(h.replay.sum[8 + 5], pow(4 + 1e-6, .6), 1e-12);
    tr_replay_remove(&h.replay, 4);
    assert_int_equal(h.replay.rows, 5);
    assert_near(tr_replay_weight(&h.replay, 3, 1), 1, 0); /* the least that is left */
    rt_arena_release(&h.arena);
}

static void beta_grows_to_one(void **state)
{
    (void)state;
    assert_near(tr_replay_beta(.4, 0, 100), .4, 1e-15);
    assert_near(tr_replay_beta(.4, 25, 100), .55, 1e-15);
    assert_near(tr_replay_beta(.4, 50, 100), .7, 1e-15);
    assert_near(tr_replay_beta(.4, 100, 100), 1, 0);
    assert_near(tr_replay_beta(.4, 200, 100), 1, 0);
}

/* Row by row. */
static int find_slowly(const double *leaf, int n, double mass)
{
    int i = 0;

    while (i < n - 1 && mass >= leaf[i])
        mass -= leaf[i++];
    return i;
}

static void the_tree_finds_what_a_walk_over_all_rows_finds(void **state)
{
    enum { n = 37 };
    struct held h;
    struct rt_rng rng;
    double leaf[n];
    (void)state;

    hold(&h, n, 1);
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < n; i++) {
        leaf[i] = floor(8 * rt_rng_uniform(&rng)) / 8 + .125; /* sums are exact but for eps */
        tr_replay_set(&h.replay, i, leaf[i]);
    }
    for (int i = 0; i < 2000; i++) {
        const double share = rt_rng_uniform(&rng);
        double total = 0;
        for (int j = 0; j < n; j++)
            total += leaf[j];
        const int slow = find_slowly(leaf, n, share * total);
        assert_int_equal(tr_replay_find(&h.replay, share * tr_replay_total(&h.replay)), slow);
    }
    rt_arena_release(&h.arena);
}

static void what_it_holds_does_not_depend_on_the_order_of_writing(void **state)
{
    struct held a, b;
    (void)state;

    hold(&a, 100, .6);
    hold(&b, 100, .6);
    for (int i = 0; i < 100; i++) {
        tr_replay_set(&a.replay, i, i * .01);
        tr_replay_set(&b.replay, 99 - i, 3);
    }
    for (int i = 0; i < 100; i++)
        tr_replay_set(&b.replay, 99 - i, (99 - i) * .01);
    assert_memory_equal(a.replay.sum + 1, b.replay.sum + 1, 255 * sizeof(double));
    assert_memory_equal(a.replay.least + 1, b.replay.least + 1, 255 * sizeof(double));
    rt_arena_release(&a.arena);
    rt_arena_release(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_draws_and_weights_are_those_printed),
        cmocka_unit_test(a_priority_that_changes_is_followed),
        cmocka_unit_test(beta_grows_to_one),
        cmocka_unit_test(the_tree_finds_what_a_walk_over_all_rows_finds),
        cmocka_unit_test(what_it_holds_does_not_depend_on_the_order_of_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
