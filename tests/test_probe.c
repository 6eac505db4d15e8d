/* tests/test_probe.c -- a linear classifier on features: it learns what is linear, the same every time.
 */
#include "support.h"

#include "trainer/teachers/linear_probe.h"

enum { rows = 400, features = 6, classes = 3 };

static float x[rows * features];
static int label[rows], numbers[rows];
static const struct tr_probe_recipe recipe = {
    .epochs = 30, .batch = 16, .learning_rate = .02, .warmup = .1, .weight_decay = .001, .seed = 3};

/* Features of very unlike sizes and means; the label is the largest of three of them. */
static int make_rows(void **state)
{
    (void)state;
    fill_uniform(x, rows * features, 4);
    for (int i = 0; i < rows; i++) {
        float *row = x + (ptrdiff_t)i * features;
        numbers[i] = i;
        label[i] = row[0] > row[1] ? row[0] > row[2] ? 0 : 2 : row[1] > row[2] ? 1 : 2;
        for (int j = 0; j < features; j++)
            row[j] = row[j] * powf(10, (float)(j - 2)) + (float)j * 100;
    }
    return 0;
}

static double accuracy(const struct tr_linear_probe *probe, int first, int n)
{
    static float logits[rows * classes];
    int right = 0;

    tr_linear_probe_answer(probe, x + (ptrdiff_t)first * features, n, logits);
    for (int i = 0; i < n; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++)
            best = logits[i * classes + c] > logits[i * classes + best] ? c : best;
        right += best == label[first + i];
    }
    return (double)right / n;
}

static void what_is_linear_is_learnt(void **state)
{
    struct tr_linear_probe probe;
    struct rt_err err;
    (void)state;
    assert_ok(tr_linear_probe_train(&probe, features, classes, x, label, numbers, 300, &recipe,
                                    NULL, &err));
    assert_true(accuracy(&probe, 0, 300) > .95);
    assert_true(accuracy(&probe, 300, 100) > .9); /* rows that it has not seen */
    tr_linear_probe_release(&probe);
}

static void it_is_the_same_every_time_and_another_by_another_seed(void **state)
{
    struct tr_probe_recipe other = recipe;
    struct tr_linear_probe a, b, c;
    struct rt_err err;
    (void)state;
    other.seed = 4;
    assert_ok(
        tr_linear_probe_train(&a, features, classes, x, label, numbers, rows, &recipe, NULL, &err));
    assert_ok(
        tr_linear_probe_train(&b, features, classes, x, label, numbers, rows, &recipe, NULL, &err));
    assert_ok(
        tr_linear_probe_train(&c, features, classes, x, label, numbers, rows, &other, NULL, &err));
    assert_memory_equal(a.weight, b.weight, features * classes * sizeof(float));
    assert_memory_not_equal(a.weight, c.weight, features * classes * sizeof(float));
    tr_linear_probe_release(&a);
    tr_linear_probe_release(&b);
    tr_linear_probe_release(&c);
}

static void it_stops_when_asked(void **state)
{
    const atomic_int stop = 1;
    struct tr_linear_probe probe;
    struct rt_err err;
    (void)state;
    assert_int_equal(tr_linear_probe_train(&probe, features, classes, x, label, numbers, rows,
                                           &recipe, &stop, &err),
                     RT_ESTOP);
    assert_null(probe.weight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_linear_is_learnt),
        cmocka_unit_test(it_is_the_same_every_time_and_another_by_another_seed),
        cmocka_unit_test(it_stops_when_asked),
    };
    return cmocka_run_group_tests_name("probe", tests, make_rows, NULL);
}
