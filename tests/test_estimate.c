/* tests/test_estimate.c -- figures of latency from made blocks, in weathers that were measured.
 *
 * A made machine slows the reference and the student by its weather, the student by up to 7 % more
 * or less, since what slows one cache or unit slows networks unlike each other unlike.
 */
#include "support.h"

#include <math.h>

#include "base/random.h"
#include "trainer/measure/estimate.h"

#define REFERENCE 15000.0

struct weather {
    double slow, spread; /* of the reference; of each block about it */
    double shift;        /* of the student beside the reference */
    double gusts;        /* share of blocks that are slower by up to a half */
};

static const struct weather clear = {1, .006, 1, 0};
static const struct weather overloaded = {1.003, .006, 1, .3}; /* p10 lies below the preemptions */
static const struct weather tenants = {1.9, .01, 1.07, 0};
static const struct weather pauses = {1.05, .12, .97, .1};

static double some(struct rt_rng *rng)
{
    return rt_rng_uniform(rng);
}

static int make_blocks(const struct weather *w, double floor_ns, uint64_t seed, int n,
                       struct tr_block *block)
{
    struct rt_rng rng;
    double before = REFERENCE * w->slow;

    rt_rng_init(&rng, seed, RT_STREAM_LATENCY, 0);
    for (int i = 0; i < n; i++) {
        const double gust = some(&rng) < w->gusts ? 1 + .5 * some(&rng) : 1;
        const double after = REFERENCE * w->slow * (1 + w->spread * some(&rng)) * gust;
        const double p10 =
            floor_ns * w->shift * (before + after) / 2 / REFERENCE * (1 + .004 * some(&rng));
        block[i] = (struct tr_block){p10, p10 * 1.03, p10 * 1.3, before, after};
        before = after;
    }
    return n;
}

static struct tr_latency_figure figure_of(const struct tr_block *block, int n, double best)
{
    struct tr_latency_figure f;

    tr_latency_estimate(block, n, best, &f);
    return f;
}

static void three_clear_blocks_that_agree_are_a_floor(void **state)
{
    const struct tr_block block[] = {{1010, 1100, 1200, 100, 101},
                                     {1000, 1100, 1200, 101, 100},
                                     {1004, 1100, 1200, 100, 101.4},
                                     {900, 1000, 1100, 101, 101.6}, /* not clear */
                                     {1500, 1600, 1700, 100, 100}};
    (void)state;

    const struct tr_latency_figure f = figure_of(block, 5, 100);
    assert_int_equal(f.state, TR_LATENCY_CLEAR);
    assert_near(f.value, 1000, 0);
    assert_near(f.low, 960, 1e-9);
    assert_near(f.high, 1040, 1e-9);
    assert_int_equal(f.clear, 4);
    assert_int_equal(f.blocks, 5);
    assert_near(f.median, 1100, 0);
    assert_near(f.p90, 1200, 0);
    assert_near(f.weather, 1.01, 1e-12);
}

static void two_clear_blocks_or_three_that_differ_are_none(void **state)
{
    const struct tr_block two[] = {{1000, 1, 1, 100, 100}, {1001, 1, 1, 100, 100}};
    const struct tr_block unlike[] = {
        {1000, 1, 1, 100, 100}, {1001, 1, 1, 100, 100}, {1012, 1, 1, 100, 100}};
    (void)state;

    assert_int_equal(figure_of(two, 2, 100).state, TR_LATENCY_ESTIMATED);
    const struct tr_latency_figure f = figure_of(unlike, 3, 100);
    assert_int_equal(f.state, TR_LATENCY_ESTIMATED);
    assert_near(f.value, 1000, 0); /* a floor is no more than what was seen */
    assert_true(f.low < 920 && f.high > 1080);
}

/* One lucky block is no floor: others confirm it, or the next is. */
static void a_lone_low_block_is_passed_over(void **state)
{
    const struct tr_block block[] = {{800, 1, 1, 100, 100},
                                     {1000, 1, 1, 100, 100},
                                     {1003, 1, 1, 100, 100},
                                     {1005, 1, 1, 100, 100}};
    (void)state;
    assert_near(figure_of(block, 4, 100).value, 1000, 0);
}

static void the_references_best_is_confirmed_by_other_blocks(void **state)
{
    /* 90 stands between two blocks and is told by both, yet was measured once */
    const struct tr_block block[] = {
        {1, 1, 1, 101, 90}, {1, 1, 1, 90, 100}, {1, 1, 1, 100.5, 102}, {1, 1, 1, NAN, NAN}};
    (void)state;

    bool confirmed;
    assert_near(tr_reference_best(block, 4, &confirmed), 100, 0);
    assert_true(confirmed);
    assert_near(tr_reference_best(block, 1, &confirmed), 90, 0);
    assert_false(confirmed);
    assert_true(isnan(tr_reference_best(&block[3], 1, NULL)));
}

static void blocks_without_a_reference_are_single(void **state)
{
    const struct tr_block block[] = {{90, 100, 120, NAN, NAN}, {95, 110, 130, NAN, NAN}};
    (void)state;

    const struct tr_latency_figure f = figure_of(block, 2, NAN);
    assert_int_equal(f.state, TR_LATENCY_SINGLE);
    assert_near(f.value, 105, 0);
    assert_true(isnan(f.low) && isnan(f.high) && isnan(f.weather));
    assert_string_equal(tr_latency_state_name(f.state), "single");
}

/* Ten sessions of twelve networks in each weather, the reference's best being known: floors agree
 * within 3 %, and intervals hold the truth. */
static void figures_hold_in_all_weathers(void **state)
{
    const struct weather *const all[] = {&clear, &overloaded, &tenants, &pauses};
    int clear_figures[4] = {0}, held[4] = {0}, near[4] = {0};
    struct tr_block block[40];
    (void)state;

    for (int w = 0; w < 4; w++)
        for (int i = 0; i < 120; i++) {
            const double truth = 800 * pow(125, (i % 12) / 11.);
            const int n = make_blocks(all[w], truth, (uint64_t)i, 40, block);
            const struct tr_latency_figure f = figure_of(block, n, REFERENCE);
            clear_figures[w] += f.state == TR_LATENCY_CLEAR;
            held[w] += f.low <= truth && truth <= f.high;
            near[w] += fabs(f.value / truth - 1) <= .03;
        }
    assert_int_equal(clear_figures[0], 120);
    assert_int_equal(near[0], 120);
    assert_true(clear_figures[1] >= 114 && near[1] >= 114);
    assert_int_equal(clear_figures[2], 0); /* steady, and yet not clear */
    for (int w = 0; w < 4; w++)
        assert_true(held[w] >= 114);
}

/* Of what is as long as the reference an estimate may be 9 % off, of what is unlike it by more. */
static void an_estimate_of_what_is_unlike_the_reference_is_less_sure(void **state)
{
    const double ns[] = {REFERENCE, REFERENCE / 10, REFERENCE * 10};
    struct tr_block block[40];
    double half[3];
    (void)state;

    for (int i = 0; i < 3; i++) {
        make_blocks(&tenants, ns[i], 1, 40, block);
        const struct tr_latency_figure f = figure_of(block, 40, REFERENCE);
        half[i] = (f.high - f.low) / 2 / f.value;
    }
    assert_true(half[0] >= .09 && half[0] < .1);
    for (int i = 1; i < 3; i++)
        assert_true(half[i] >= .145 && half[i] < .16);
}

/* Bad weather first, then clear: the record's figure is the floor, whatever came before. */
static void a_record_grows_into_a_floor(void **state)
{
    struct tr_block block[24];
    (void)state;

    make_blocks(&tenants, 5000, 1, 20, block);
    struct tr_latency_figure f = figure_of(block, 20, tr_reference_best(block, 20, NULL));
    assert_near(f.value, 5000 * 1.9 * 1.07, 300); /* all that is known is the slow machine */
    make_blocks(&clear, 5000, 2, 4, block + 20);
    f = figure_of(block, 24, tr_reference_best(block, 24, NULL));
    assert_int_equal(f.state, TR_LATENCY_CLEAR);
    assert_near(f.value, 5000, 60);
}

static void one_block_is_an_honest_estimate(void **state)
{
    const struct tr_block block = {2000, 2100, 2500, 200, 210};
    (void)state;

    const struct tr_latency_figure f = figure_of(&block, 1, 100);
    assert_int_equal(f.state, TR_LATENCY_ESTIMATED);
    assert_near(f.value, 2000 / 2.05, 1e-9);
    assert_true((f.high - f.low) / f.value > .4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_clear_blocks_that_agree_are_a_floor),
        cmocka_unit_test(two_clear_blocks_or_three_that_differ_are_none),
        cmocka_unit_test(a_lone_low_block_is_passed_over),
        cmocka_unit_test(the_references_best_is_confirmed_by_other_blocks),
        cmocka_unit_test(blocks_without_a_reference_are_single),
        cmocka_unit_test(figures_hold_in_all_weathers),
        cmocka_unit_test(an_estimate_of_what_is_unlike_the_reference_is_less_sure),
        cmocka_unit_test(a_record_grows_into_a_floor),
        cmocka_unit_test(one_block_is_an_honest_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
