/* tests/test_ppo.c -- PPO: gradients against differences, the same bits for any threads, and that it
 * learns to balance a pole. */
#include "env_support.h"
#include "forged.h"

#include <limits.h>
#include <unistd.h>

#include "base/file.h"
#include "trainer/env/actions.h"
#include "trainer/experts/network.h"
#include "trainer/experts/ppo_internal.h"

#define FILE_NAME "test-ppo.safetensors"
static const atomic_int go_on = 0;

static const struct tr_kernels *kernels_of_machine(void)
{
    const struct tr_kernels *kernels;
    struct rt_err err;

    assert_ok(tr_kernels_choose(&kernels, &err));
    return kernels;
}

/* ---- gradients ---- */

enum { rows = 5, in = 3, answers = 2 };

struct small { /* an MLP with buffers */
    struct rt_arena arena;
    struct tr_mlp mlp;
    float *x, *behind[3], *dy, *grads, *spare[2];
};

static void make_small(struct small *s, enum tr_activation activation)
{
    struct rt_err err;

    assert_ok(rt_arena_init(&s->arena, 1 << 20, &err));
    s->mlp = (struct tr_mlp){.layers = 3, .size = {in, 7, 18, answers}, .activation = activation};
    tr_mlp_init(&s->mlp, kernels_of_machine(), &s->arena);
    s->x = rt_arena_zalloc(&s->arena, tr_mlp_floats(rows, in), sizeof(float));
    s->dy = rt_arena_zalloc(&s->arena, tr_mlp_floats(rows, answers), sizeof(float));
    s->grads = rt_arena_zalloc(&s->arena, s->mlp.param_count + TR_SLACK, sizeof(float));
    for (int l = 0; l < 3; l++)
        s->behind[l] = rt_arena_zalloc(&s->arena, tr_mlp_floats(rows, 18), sizeof(float));
    for (int i = 0; i < 2; i++)
        s->spare[i] = rt_arena_zalloc(&s->arena, tr_mlp_floats(rows, 18), sizeof(float));
    assert_ok(rt_arena_check(&s->arena, "small", &err));
    fill_uniform(s->mlp.params, s->mlp.param_count, 3);
    for (int r = 0; r < rows; r++)
        fill_uniform(s->x + r * tr_mlp_ld(in), in, 10 + (uint64_t)r);
}

/* sum of answers^2 / 2, and dy. */
static double loss_of(struct small *s)
{
    double sum = 0;

    tr_mlp_pack(&s->mlp, true);
    tr_mlp_forward(&s->mlp, rows, s->x, s->behind);
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < answers; k++) {
            const float y = s->behind[2][r * tr_mlp_ld(answers) + k];
            s->dy[r * tr_mlp_ld(answers) + k] = y;
            sum += .5 * (double)y * (double)y;
        }
    return sum;
}

static void gradients_are_those_of_differences(void **state)
{
    (void)state;
    for (int act = TR_ACT_TANH; act <= TR_ACT_RELU; act++) {
        struct small s;
        make_small(&s, (enum tr_activation)act);
        (void)loss_of(&s);
        tr_mlp_backward(&s.mlp, rows, s.x, s.behind, s.dy, s.grads, s.spare);
        for (size_t i = 0; i < s.mlp.param_count; i += 5) {
            const float at = s.mlp.params[i], h = 2e-3F;
            s.mlp.params[i] = at + h;
            const double up = loss_of(&s);
            s.mlp.params[i] = at - h;
            const double down = loss_of(&s);
            s.mlp.params[i] = at;
            assert_near((double)s.grads[i], (up - down) / (2 * (double)h),
                        4e-3 * (1 + fabs((double)s.grads[i])));
        }
        rt_arena_release(&s.arena);
    }
}

static void log_probabilities_and_their_gradients_are_right(void **state)
{
    const struct tr_env_info box = {.actions = 2}, choice = {.actions = 1, .choices = 3};
    float log_sd[2] = {-.5F, .25F}, said[3] = {.3F, -.2F, .9F}, action[2] = {.7F, .1F}, g[4];
    struct tr__ppo p = {.info = &box, .heads = 2, .log_sd = log_sd};
    const double z0 = .4 / exp(-.5), z1 = .3 / exp(.25);
    (void)state;

    assert_near(tr__ppo_logp(&p, said, action, g),
                -.5 * (z0 * z0 + z1 * z1) + .5 - .25 - log(2 * 3.141592653589793), 1e-6);
    assert_near((double)g[0], .4 / exp(-1), 1e-6);
    assert_near((double)g[3], z1 * z1 - 1, 1e-6);
    p = (struct tr__ppo){.info = &choice, .heads = 3};
    action[0] = 2;
    const double sum = exp(.3) + exp(-.2) + exp(.9);
    assert_near(tr__ppo_logp(&p, said, action, g), .9 - log(sum), 1e-6);
    assert_near((double)g[2], 1 - exp(.9) / sum, 1e-6);
    assert_near((double)g[0], -exp(.3) / sum, 1e-6);
}

/* ---- runs ---- */

struct last { /* what progress said last */
    double mean;
    int64_t steps;
};

static void note(void *to, int64_t steps, double mean, int episodes)
{
    struct last *last = to;

    if (episodes)
        last->mean = mean;
    last->steps = steps;
}

static void train(const char *name, const struct tr_ppo_recipe *r, int threads, struct last *last)
{
    struct tr_env *env;
    struct rt_err err;

    assert_ok(tr_env_open(&env, &(struct tr_env_spec){.name = name}, &err));
    assert_ok(tr_ppo_train(&(struct tr_ppo_run){.env = env,
                                                .recipe = r,
                                                .kernels = kernels_of_machine(),
                                                .threads = threads,
                                                .stop = &go_on,
                                                .progress = note,
                                                .to = last,
                                                .path = FILE_NAME,
                                                .hash = "abc"},
                           &err));
    tr_env_close(env);
}

static void threads_change_no_bit(void **state)
{
    static const char *const names[] = {"pendulum", "cartpole"};
    struct tr_ppo_recipe r;
    struct rt_err err;
    struct last last;
    (void)state;

    tr_ppo_defaults(&r);
    r.steps = 1024;
    r.steps_each = 64;
    r.epochs = 2;
    for (int i = 0; i < 2; i++) {
        char *one, *three;
        size_t bytes, again;
        train(names[i], &r, 1, &last);
        assert_ok(rt_file_read(FILE_NAME, 1 << 20, &one, &bytes, &err));
        train(names[i], &r, 3, &last);
        assert_ok(rt_file_read(FILE_NAME, 1 << 20, &three, &again, &err));
        assert_int_equal(bytes, again);
        assert_memory_equal(one, three, bytes);
        assert_int_equal(last.steps, 1024);
        free(one);
        free(three);
    }
}

static void it_learns_to_balance_a_pole_and_its_file_does(void **state)
{
    struct tr_ppo_recipe r;
    struct last last = {0, 0};
    struct sample_env s = open_named("cartpole", 1);
    struct tr_actions a;
    struct tr_expert e;
    struct rt_err err;
    double logits[2], action;
    int t = 0;
    (void)state;

    tr_ppo_defaults(&r);
    r.steps = 16384;
    r.steps_each = 64;
    r.rate = 1e-3;
    train("cartpole", &r, 1, &last);
    assert_true(last.mean > 60); /* at random: 22 */
    assert_ok(tr_expert_network(&e, FILE_NAME, tr_env_info(s.env), kernels_of_machine(), &err));
    assert_int_equal(e.says, TR_LABELS_LOGITS);
    assert_false(e.raw);
    assert_ok(tr_actions_of(&a, tr_env_info(s.env), 16, TR_GRID_ENDS, 1, &err));
    assert_ok(tr_env_reset(s.batch, all_of, &(uint64_t){3}, &err));
    for (; !s.batch->flags[0]; t++) {
        e.answer(e.self, s.batch->observation, 1, logits);
        tr_label_act(&a, e.says, logits, NULL, &action);
        step_all(&s, &action);
    }
    assert_true(t > 100);
    tr_expert_release(&e);
    close_env(&s);
}

static void recipes_out_of_range_are_refused_and_a_stop_writes_nothing(void **state)
{
    const atomic_int stop = 1;
    struct tr_ppo_recipe r;
    struct tr_env *env;
    struct rt_err err;
    (void)state;

    remove(FILE_NAME);
    assert_ok(tr_env_open(&env, &(struct tr_env_spec){.name = "pendulum"}, &err));
    tr_ppo_defaults(&r);
    r.batch = 4096;
    const struct tr_ppo_run run = {.env = env,
                                   .recipe = &r,
                                   .kernels = kernels_of_machine(),
                                   .stop = &stop,
                                   .path = FILE_NAME};
    assert_int_equal(tr_ppo_train(&run, &err), RT_EARG);
    tr_ppo_defaults(&r);
    assert_int_equal(tr_ppo_train(&run, &err), RT_ESTOP);
    assert_null(fopen(FILE_NAME, "r"));
    tr_env_close(env);
}

/* ---- going on ---- */

#define STATE_NAME "test-ppo.state"

struct stopping { /* behind so many updates of 512 steps */
    atomic_int stop;
    int64_t at, first;
};

static void stop_there(void *to, int64_t steps, double mean, int episodes)
{
    struct stopping *s = to;

    (void)mean;
    (void)episodes;
    if (!s->first)
        s->first = steps;
    if (steps >= s->at)
        atomic_store(&s->stop, 1);
}

static rt_status train_until(const struct tr_env *env, const struct tr_ppo_recipe *r, int64_t at,
                             int every, int threads, int64_t *first)
{
    struct stopping s = {0, at, 0};
    struct rt_err err;
    const rt_status rc = tr_ppo_train(&(struct tr_ppo_run){.env = env,
                                                           .recipe = r,
                                                           .kernels = kernels_of_machine(),
                                                           .threads = threads,
                                                           .stop = &s.stop,
                                                           .progress = stop_there,
                                                           .to = &s,
                                                           .path = FILE_NAME,
                                                           .hash = "abc",
                                                           .state = STATE_NAME,
                                                           .every = every},
                                      &err);
    *first = s.first;
    return rc;
}

static void assert_file_is(const char *whole, size_t bytes)
{
    struct rt_err err;
    size_t again;
    char *now;

    assert_ok(rt_file_read(FILE_NAME, 1 << 20, &now, &again, &err));
    assert_int_equal(bytes, again);
    assert_memory_equal(whole, now, bytes);
    free(now);
}

/* Episodes of 200 steps and more go on over several updates of 64 steps of each copy. */
static void a_run_that_was_stopped_or_killed_goes_on_with_the_same_bits(void **state)
{
    static const struct tr_env_spec specs[] = {
        {.name = "pendulum"},
        {.name = "cartpole"},
        {.name = "pendulum_pixels"},
#ifdef RT_MUJOCO
        {.name = "hopper", .model = RT_TEST_DATA "/../examples/policy/hopper.xml"}
#endif
    };
    struct tr_ppo_recipe r;
    struct rt_err err;
    (void)state;

    tr_ppo_defaults(&r);
    r.steps = 8 * 512;
    r.steps_each = 64;
    r.epochs = 2;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct tr_env *env;
        int64_t first;
        size_t bytes;
        char *whole;
        assert_ok(tr_env_open(&env, &specs[i], &err));
        remove(STATE_NAME);
        assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
        assert_ok(rt_file_read(FILE_NAME, 1 << 20, &whole, &bytes, &err));
        for (int64_t at = 512; at < r.steps; at += 1024) { /* stopped, and the next goes on there */
            assert_int_equal(train_until(env, &r, at, 0, 1, &first), RT_ESTOP);
            assert_int_equal(first, at > 512 ? at - 1024 : 512);
        }
        assert_int_equal(train_until(env, &r, INT64_MAX, 0, 2, &first), RT_OK);
        assert_int_equal(first, 7 * 512);
        assert_file_is(whole, bytes);
        remove(STATE_NAME); /* killed: the last state is of behind update 6 */
        assert_int_equal(train_until(env, &r, INT64_MAX, 3, 1, &first), RT_OK);
        assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
        assert_int_equal(first, 6 * 512);
        assert_file_is(whole, bytes);
        free(whole);
        tr_env_close(env);
    }
}

static struct tr_ppo_recipe three_updates(void)
{
    struct tr_ppo_recipe r;

    tr_ppo_defaults(&r);
    r.steps = 3 * 512;
    r.steps_each = 64;
    r.epochs = 1;
    return r;
}

static void a_state_of_another_run_or_cut_short_is_left_alone(void **state)
{
    struct tr_ppo_recipe r = three_updates();
    struct tr_env *env;
    struct rt_err err;
    int64_t first;
    (void)state;

    assert_ok(tr_env_open(&env, &(struct tr_env_spec){.name = "pendulum"}, &err));
    remove(STATE_NAME);
    assert_int_equal(train_until(env, &r, 1024, 0, 1, &first), RT_ESTOP);
    r.copies = 4; /* other sizes under the same name */
    r.steps_each = 128;
    assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
    assert_int_equal(first, 512);
    r.copies = 8;
    r.steps_each = 64;
    assert_int_equal(truncate(STATE_NAME, 100), 0);
    assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
    assert_int_equal(first, 512);
    tr_env_close(env);
}

/* Numbers that no run has, and actions that lead elsewhere: it begins anew, and ends as it would have. */
static void a_forged_state_is_left_alone(void **state)
{
    enum { parts = state_parts, copies = 8, copy = sizeof(struct rt_rng) + 3 * 8 };
    const struct {
        long at;
        double number;
        float single;
        int whole, bytes;                                        /* of the one that it is */
    } forged[] = {{-8, NAN, 0, 0, 8},                            /* the variance of returns, */
                  {-8, -1, 0, 0, 8},                             /* which is none below 0 */
                  {parts, 0, 0, INT_MAX, 4},                     /* steps of an episode */
                  {parts + copies * 4 + copy - 8, NAN, 0, 0, 8}, /* what it earned */
                  {parts + copies * 4 + copy, 0, NAN, 0, 4},     /* an action, of no torque */
                  {parts + copies * 4 + copy, 0, -1.5F, 0, 4}};  /* and of another one */
    const struct tr_ppo_recipe r = three_updates();
    struct tr_env *env;
    struct rt_err err;
    int64_t first;
    size_t bytes;
    char *whole;
    (void)state;

    assert_ok(tr_env_open(&env, &(struct tr_env_spec){.name = "pendulum"}, &err));
    remove(STATE_NAME);
    assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
    assert_ok(rt_file_read(FILE_NAME, 1 << 20, &whole, &bytes, &err));
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        const void *value = forged[i].bytes == 8 ? (const void *)&forged[i].number
                            : forged[i].whole    ? (const void *)&forged[i].whole
                                                 : (const void *)&forged[i].single;
        remove(STATE_NAME);
        assert_int_equal(train_until(env, &r, 1024, 0, 1, &first), RT_ESTOP);
        forge(STATE_NAME, forged[i].at, value, (size_t)forged[i].bytes);
        assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
        assert_int_equal(first, 512);
        assert_file_is(whole, bytes);
    }
    free(whole);
    tr_env_close(env);
}

/* Of an environment that is a child, which fails at an action that nobody draws, and is killed then. */
static void a_state_whose_actions_are_refused_is_left_alone(void **state)
{
    enum { action = state_parts + 8 * 4 + sizeof(struct rt_rng) + 3 * 8 };
    char *const argv[] = {"python3", "env.py", "strict", NULL};
    const struct tr_env_spec spec = {.command = argv,
                                     .folder = RT_TEST_DATA "/children",
                                     .hello_timeout = 30,
                                     .step_timeout = 30};
    const float refused = .5F;
    const struct tr_ppo_recipe r = three_updates();
    struct tr_env *env;
    struct rt_err err;
    int64_t first;
    size_t bytes;
    char *whole;
    (void)state;

    assert_ok(tr_env_open(&env, &spec, &err));
    remove(STATE_NAME);
    assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
    assert_ok(rt_file_read(FILE_NAME, 1 << 20, &whole, &bytes, &err));
    assert_int_equal(train_until(env, &r, 1024, 0, 1, &first), RT_ESTOP);
    forge(STATE_NAME, action, &refused, sizeof refused);
    assert_int_equal(train_until(env, &r, INT64_MAX, 0, 1, &first), RT_OK);
    assert_int_equal(first, 512);
    assert_file_is(whole, bytes);
    free(whole);
    tr_env_close(env);
}

static int remove_file(void **state)
{
    (void)state;
    remove(FILE_NAME);
    remove(STATE_NAME);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_differences),
        cmocka_unit_test(log_probabilities_and_their_gradients_are_right),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(it_learns_to_balance_a_pole_and_its_file_does),
        cmocka_unit_test(recipes_out_of_range_are_refused_and_a_stop_writes_nothing),
        cmocka_unit_test(a_run_that_was_stopped_or_killed_goes_on_with_the_same_bits),
        cmocka_unit_test(a_state_of_another_run_or_cut_short_is_left_alone),
        cmocka_unit_test(a_forged_state_is_left_alone),
        cmocka_unit_test(a_state_whose_actions_are_refused_is_left_alone),
    };
    return cmocka_run_group_tests_name("trainer/experts/ppo", tests, NULL, remove_file);
}
