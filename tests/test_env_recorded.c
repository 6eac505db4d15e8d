/* tests/test_env_recorded.c -- recorded trajectories: played row by row, and arrays that disagree. */
#include "env_support.h"

#include "trainer/task/npy.h"

#define OBSERVATIONS "test-recorded-o.npy"
#define SAID "test-recorded-a.npy"
#define ENDS "test-recorded-e.npy"
enum { rows = 7 };

static void write_matrix(const char *path, size_t n, size_t columns, const float *values)
{
    const struct tr_matrix m = {n, columns, (float *)values};
    struct rt_err err;

    assert_ok(tr_npy_write(path, &m, &err));
}

/* Two episodes, rows 0..2 and 3..6: observations (row, -row), actions (0.1 row, 1 - row). */
static int write_arrays(void **state)
{
    float o[rows * 2], a[rows * 2];
    struct rt_err err;
    (void)state;

    for (int r = 0; r < rows; r++) {
        o[2 * r] = (float)r;
        o[2 * r + 1] = (float)-r;
        a[2 * r] = .1F * (float)r;
        a[2 * r + 1] = 1 - (float)r;
    }
    write_matrix(OBSERVATIONS, rows, 2, o);
    write_matrix(SAID, rows, 2, a);
    assert_ok(tr_npy_write_rows(ENDS, (int[]){2, 6}, 2, &err));
    return 0;
}

static int remove_arrays(void **state)
{
    (void)state;
    remove(OBSERVATIONS);
    remove(SAID);
    remove(ENDS);
    return 0;
}

static const struct tr_recorded_spec actions = {
    .observations = OBSERVATIONS, .actions = SAID, .ends = ENDS, .bins = 16};

static void episodes_go_through_their_rows(void **state)
{
    const struct tr_env_spec spec = {.recorded = &actions};
    struct sample_env s = open_env(&spec, 2);
    const struct tr_env_info *info = tr_env_info(s.env);
    const bool second[2] = {false, true};
    struct rt_err err;
    (void)state;

    assert_int_equal(info->horizon, 4);
    assert_int_equal(info->label, 4);
    assert_near(info->low[1], -5, 0);
    assert_near(info->high[1], 1, 0);
    assert_ok(tr_env_reset(s.batch, all_of, (uint64_t[]){4, 7}, &err));
    assert_near(s.batch->observation[0], 0, 0);
    assert_near(s.batch->observation[2], 3, 0);
    assert_near(s.batch->label[5], -2, 0);
    assert_near(exp(s.batch->label[7]), 6 / 15.0 / 2, 1e-12); /* half a bin */
    step_all(&s, (double[]){0, 1, .3, 1}); /* as recorded; and half the range off */
    assert_near(s.batch->reward[0], 0, 1e-12);
    assert_near(s.batch->reward[1], -.5 * .25, 1e-7);
    assert_near(s.batch->observation[0], 1, 0);
    assert_near(s.batch->observation[2], 4, 0);
    step_all(&s, (double[]){0, 0, 0, 0});
    step_all(&s, (double[]){0, 0, 0, 0});
    assert_int_equal(s.batch->flags[0], TR_ENV_TERMINATED);
    assert_int_equal(s.batch->flags[1], 0);
    assert_ok(tr_env_step(s.batch, second, (double[]){0, 0, 0, 0}, true, &err));
    assert_int_equal(s.batch->flags[1], TR_ENV_TERMINATED);
    close_env(&s);
}

static void labels_of_choices_are_worth_the_best(void **state)
{
    const struct tr_recorded_spec choices = {
        .observations = OBSERVATIONS, .labels = SAID, .ends = ENDS, .says = TR_LABELS_Q};
    const struct tr_env_spec spec = {.recorded = &choices};
    struct sample_env s = open_env(&spec, 1);
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_env_info(s.env)->choices, 2);
    assert_ok(tr_env_reset(s.batch, all_of, &(uint64_t){0}, &err));
    step_all(&s, (double[]){1}); /* values 0, 1 */
    assert_near(s.batch->reward[0], 1, 0);
    step_all(&s, (double[]){1}); /* 0.1, 0 */
    assert_near(s.batch->reward[0], 0, 0);
    close_env(&s);
}

static void assert_refused(const struct tr_recorded_spec *r, rt_status code, const char *word)
{
    struct tr_env *env;
    struct rt_err err = {0};

    assert_int_equal(tr_env_open(&env, &(struct tr_env_spec){.recorded = r}, &err), code);
    if (!strstr(err.text, word) || strchr(err.text, '\n'))
        fail_msg("'%s' does not say '%s'", err.text, word);
}

static void arrays_that_disagree_are_named(void **state)
{
    const struct tr_recorded_spec both = {
        .observations = OBSERVATIONS, .actions = SAID, .labels = SAID, .ends = ENDS};
    const struct tr_recorded_spec gaussians = {
        .observations = OBSERVATIONS, .labels = SAID, .ends = ENDS, .says = TR_LABELS_GAUSSIAN};
    float odd[rows * 3] = {0}, nan[rows * 2] = {0};
    struct rt_err err;
    (void)state;

    assert_refused(&both, RT_EARG, "`actions` or `labels`");
    assert_ok(tr_npy_write_rows(ENDS, (int[]){2, 5}, 2, &err));
    assert_refused(&actions, RT_ESHAPE, ENDS);
    assert_ok(tr_npy_write_rows(ENDS, (int[]){6}, 1, &err));
    write_matrix(SAID, 5, 2, odd);
    assert_refused(&actions, RT_ESHAPE, "has 5");
    write_matrix(SAID, rows, 2, odd);
    assert_refused(&actions, RT_ESHAPE, "never changes");
    write_matrix(SAID, rows, 3, odd);
    assert_refused(&gaussians, RT_ESHAPE, "3 columns");
    nan[3] = NAN;
    write_matrix(SAID, rows, 2, nan);
    assert_refused(&actions, RT_ENAN, "row 1");
    remove(SAID);
    assert_refused(&actions, RT_EIO, SAID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(episodes_go_through_their_rows),
        cmocka_unit_test(labels_of_choices_are_worth_the_best),
        cmocka_unit_test(arrays_that_disagree_are_named),
    };
    return cmocka_run_group_tests(tests, write_arrays, remove_arrays);
}
