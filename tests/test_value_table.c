/* tests/test_value_table.c -- the pendulum solved by value iteration: printed values and returns. */
#include "env_support.h"
#include "trainer/experts/value_table.h"

struct solved {
    struct sample_env s;
    struct tr_actions actions;
    struct tr_expert expert;
};

static void solve(struct solved *v, enum tr_grid grid, int copies)
{
    struct rt_err err;

    v->s = open_named("pendulum", copies);
    assert_ok(tr_actions_of(&v->actions, tr_env_info(v->s.env), 16, grid, .05, &err));
    assert_ok(tr_expert_value_table(&v->expert, tr_env_info(v->s.env), &v->actions, .99, &err));
}

static void let_go(struct solved *v)
{
    tr_expert_release(&v->expert);
    close_env(&v->s);
}

/* Return of each copy over its episode, from where it is; `read` of the values' softmax. */
static void play_out(struct solved *v, enum tr_read read, double *sum)
{
    const int n = v->s.batch->count;
    double q[64 * 16], action[64];
    float logits[16];

    for (int i = 0; i < n; i++)
        sum[i] = 0;
    for (int t = 0; t < 200; t++) {
        v->expert.answer(v->expert.self, v->s.batch->observation, n, q);
        for (int i = 0; i < n; i++) {
            tr_label_logits(&v->actions, TR_LABELS_Q, q + 16 * i, logits);
            tr_logits_act(&v->actions, logits, read, NULL, &action[i]);
        }
        step_all(&v->s, action);
        for (int i = 0; i < n; i++)
            sum[i] += v->s.batch->reward[i];
    }
}

/* 5 standard errors; random actions have -1182. */
static void assert_plays_far_better_than_chance(struct solved *v)
{
    uint64_t seed[64];
    double sum[64], mean = 0;
    struct rt_err err;

    for (int i = 0; i < 64; i++)
        seed[i] = tr_episode_seed(1, RT_STREAM_EVALUATE, (uint64_t)i);
    assert_ok(tr_env_reset(v->s.batch, all_of, seed, &err));
    play_out(v, TR_READ_MEAN, sum);
    for (int i = 0; i < 64; i++)
        mean += sum[i] / 64;
    assert_near(mean, -129, 5 * 110 / 8.0);
}

static void values_and_paths_are_those_printed(void **state)
{
    static const struct {
        enum tr_grid grid;
        double upright, hanging, turning, path;
    } printed[] = {{TR_GRID_INNER, -.0314, -264.8253, -110.4209, -312.38},
                   {TR_GRID_ENDS, -.0317, -255.9838, -110.1871, -231.65}};
    static const double pi = 3.141592653589793;
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct solved v;
        double sum[64];
        solve(&v, printed[i].grid, 64);
        assert_near(tr_value_table_value(&v.expert, 0, 0), printed[i].upright, 1e-2);
        assert_near(tr_value_table_value(&v.expert, -pi, 0), printed[i].hanging, 1e-2);
        assert_near(tr_value_table_value(&v.expert, -pi / 2, 2), printed[i].turning, 1e-2);
        for (int k = 0; k < 64; k++)
            tr_env_set_state(v.s.batch, k, (double[]){3, .5});
        play_out(&v, TR_READ_MODE, sum);
        assert_near(sum[0], printed[i].path, .01);
        assert_true(sum[63] == sum[0]);
        if (printed[i].grid == TR_GRID_ENDS)
            assert_plays_far_better_than_chance(&v);
        let_go(&v);
    }
}

static void it_is_there_for_the_pendulum_alone(void **state)
{
    struct sample_env s = open_named("cartpole", 1);
    struct tr_actions a;
    struct tr_expert e = {0};
    struct rt_err err;
    (void)state;

    assert_ok(tr_actions_of(&a, tr_env_info(s.env), 16, TR_GRID_ENDS, .05, &err));
    assert_int_equal(tr_expert_value_table(&e, tr_env_info(s.env), &a, .99, &err), RT_EARG);
    assert_non_null(strstr(err.text, "cartpole"));
    close_env(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_paths_are_those_printed),
        cmocka_unit_test(it_is_there_for_the_pendulum_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
