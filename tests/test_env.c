/* tests/test_env.c -- built-in environments against Gymnasium's numbers, and what all batches do. */
#include "env_support.h"

enum { most_steps = 5, most_state = 4 };

struct path {
    const char *name;
    double start[most_state];
    int state, steps;
    double action[most_steps], reward[most_steps];
    double want[most_steps][most_state]; /* all zeros: not given */
    double tolerance;
};

/* Gymnasium 1.x, printed to 9 digits. */
static const struct path paths[] = {
    {.name = "pendulum",
     .start = {3, .5},
     .state = 2,
     .steps = 5,
     .action = {2, -1.5, .5, 3, -2},
     .reward = {-9.029, -9.3581079788, -9.5614611286, -9.8552491344, -9.7384378198},
     .want = {{3.045292, .905840006},
              {3.0829397, .752953913},
              {3.12653562, .871918414},
              {3.18569615, 1.18321076},
              {3.22820335, .850143861}},
     .tolerance = 1e-8},
    {.name = "cartpole",
     .start = {.01, -.02, .03, .04},
     .state = 4,
     .steps = 5,
     .action = {1, 0, 1, 1, 0},
     .reward = {1, 1, 1, 1, 1},
     .want = {{.0096, .174679196, .0308, -.243068718},
              {.0130935839, -.0208688489, .0259386256, .0591679999},
              {0},
              {0},
              {.0235255587, .173162637, .0124330878, -.209501529}},
     .tolerance = 1e-9},
    {.name = "acrobot",
     .start = {.1, -.2, .3, -.4},
     .state = 4,
     .steps = 5,
     .action = {2, 0, 1, 2, 2},
     .reward = {-1, -1, -1, -1, -1},
     .want = {{.128211631, -.211840321, -.0234847315, .286795215},
              {0},
              {0},
              {0},
              {-.0794256751, .258838838, -.505334829, 1.05262161}},
     .tolerance = 1e-8},
    {.name = "mountain_car",
     .start = {-.5, .01},
     .state = 2,
     .steps = 5,
     .action = {2, 2, 0, 1, 2},
     .reward = {-1, -1, -1, -1, -1},
     .want = {{-.48917684300416925, .010823156995830743},
              {-.47761139191054885, .011565451093620416},
              {-.46738975310612013, .010221638804428723},
              {-.4575876869233449, .00980206618277523},
              {-.4472774742844961, .010310212638848818}},
     .tolerance = 1e-15},
};

static void walk(const struct path *p)
{
    struct sample_env s = open_named(p->name, 1);
    double state[most_state];

    assert_int_equal(tr_env_state_size(s.env), p->state);
    tr_env_set_state(s.batch, 0, p->start);
    for (int t = 0; t < p->steps; t++) {
        step_all(&s, &p->action[t]);
        assert_near(s.batch->reward[0], p->reward[t], 1e-9);
        assert_int_equal(s.batch->flags[0], 0);
        tr_env_get_state(s.batch, 0, state);
        for (int j = 0; j < p->state && p->want[t][0] != 0; j++)
            assert_near(state[j], p->want[t][j], p->tolerance);
    }
    close_env(&s);
}

static void built_in_environments_move_as_gymnasiums_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        walk(&paths[i]);
}

/* Put there, pushed once: the reward and flags that follow. */
static void assert_step(const char *name, const double *from, double action, double reward,
                        unsigned flags)
{
    struct sample_env s = open_named(name, 1);

    tr_env_set_state(s.batch, 0, from);
    step_all(&s, &action);
    assert_near(s.batch->reward[0], reward, 1e-9);
    assert_int_equal(s.batch->flags[0], flags);
    close_env(&s);
}

/* One step a line, as tests/peers/gymnasium_paths.py writes them: name, numbers of a state, the state,
 * action, reward, whether it ended, the state then. */
static bool compare_line(FILE *f, int *compared)
{
    char name[32];
    int size, ended;
    double from[most_state], to[most_state], got[most_state], action, reward;

    if (fscanf(f, "%31s %d", name, &size) != 2)
        return false;
    assert_true(size > 0 && size <= most_state);
    for (int i = 0; i < size; i++)
        assert_int_equal(fscanf(f, "%lf", &from[i]), 1);
    assert_int_equal(fscanf(f, "%lf %lf %d", &action, &reward, &ended), 3);
    for (int i = 0; i < size; i++)
        assert_int_equal(fscanf(f, "%lf", &to[i]), 1);
    struct sample_env s = open_named(name, 1);
    tr_env_set_state(s.batch, 0, from);
    step_all(&s, &action);
    tr_env_get_state(s.batch, 0, got);
    assert_near(s.batch->reward[0], reward, 1e-14);
    assert_int_equal((s.batch->flags[0] & TR_ENV_TERMINATED) != 0, ended);
    for (int i = 0; i < size; i++)
        assert_near(got[i], to[i], 4e-15);
    close_env(&s);
    ++*compared;
    return true;
}

static void steps_of_a_witness_are_taken(void **state)
{
    const char *path = getenv("RETORT_STEPS");
    FILE *f = path ? fopen(path, "r") : NULL;
    int compared = 0;
    (void)state;

    if (!f) {
        skip_without("steps of Gymnasium's (RETORT_STEPS names no file)");
    }
    while (compare_line(f, &compared))
        ;
    assert_int_equal(fclose(f), 0);
    assert_true(compared > 0);
}

static void episodes_end_where_they_should(void **state)
{
    (void)state;
    assert_step("cartpole", (double[]){2.39, 1, 0, 0}, 1, 1, TR_ENV_TERMINATED);
    assert_step("cartpole", (double[]){-2.39, -1, 0, 0}, 0, 1, TR_ENV_TERMINATED);
    assert_step("cartpole", (double[]){0, 0, .209, .1}, 1, 1, TR_ENV_TERMINATED);
    assert_step("cartpole", (double[]){0, 0, .2, .1}, 1, 1, 0);
    assert_step("acrobot", (double[]){3, 0, 0, 0}, 1, 0, TR_ENV_TERMINATED);
    assert_step("acrobot", (double[]){1, 0, 0, 0}, 1, -1, 0);
    assert_step("mountain_car", (double[]){.45, .06}, 2, -1, TR_ENV_TERMINATED | TR_ENV_SUCCESS);
    assert_step("mountain_car", (double[]){.4, .06}, 2, -1, 0);
    assert_step("pendulum", (double[]){0, 0}, 0, 0, 0);
}

static void a_car_that_hits_the_wall_stops(void **state)
{
    struct sample_env s = open_named("mountain_car", 1);
    double got[2];
    (void)state;

    tr_env_set_state(s.batch, 0, (double[]){-1.19, -.05});
    step_all(&s, (double[]){0});
    tr_env_get_state(s.batch, 0, got);
    assert_near(got[0], -1.2, 0);
    assert_near(got[1], 0, 0);
    close_env(&s);
}

static void a_horizon_truncates_and_zero_is_the_environments_own(void **state)
{
    const struct tr_env_spec spec = {.name = "pendulum", .horizon = 3};
    struct sample_env own = open_named("pendulum", 1), s = open_env(&spec, 1);
    struct rt_err err;
    const uint64_t seed = 7;
    (void)state;

    assert_int_equal(tr_env_info(own.env)->horizon, 200);
    assert_int_equal(tr_env_info(s.env)->horizon, 3);
    assert_string_not_equal(tr_env_info(s.env)->hash, tr_env_info(own.env)->hash);
    assert_ok(tr_env_reset(s.batch, all_of, &seed, &err));
    for (int t = 0; t < 3; t++) {
        assert_int_equal(s.batch->flags[0], 0);
        step_all(&s, (double[]){0});
    }
    assert_int_equal(s.batch->flags[0], TR_ENV_TRUNCATED);
    assert_ok(tr_env_reset(s.batch, all_of, &seed, &err));
    assert_int_equal(s.batch->flags[0], 0);
    close_env(&own);
    close_env(&s);
}

static void actions_are_clipped_to_their_limits(void **state)
{
    struct sample_env s = open_named("pendulum", 3);
    const double from[2] = {1, 0}, action[3] = {2, 5, NAN};
    double a[2], b[2];
    (void)state;

    for (int i = 0; i < 3; i++)
        tr_env_set_state(s.batch, i, from);
    step_all(&s, action);
    tr_env_get_state(s.batch, 0, a);
    tr_env_get_state(s.batch, 1, b);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(&s.batch->reward[0], &s.batch->reward[1], sizeof(double));
    assert_near(s.batch->action[2], -2, 0);
    close_env(&s);
}

/* The same episode as copy `at` among `count`, others begun with other seeds and some of them still. */
static size_t play(const char *name, int count, int at, double *sum, double *last)
{
    struct sample_env s = open_named(name, count);
    const int o = tr_env_info(s.env)->observation;
    bool live[8] = {false};
    uint64_t seed[8];
    double action[8];
    struct rt_err err;

    for (int i = 0; i < count; i++)
        seed[i] = i == at ? 11 : 100 + (uint64_t)i;
    assert_ok(tr_env_reset(s.batch, all_of, seed, &err));
    *sum = 0;
    for (int t = 0; t < 40 && !s.batch->flags[at]; t++) {
        for (int i = 0; i < count; i++) {
            live[i] = !s.batch->flags[i] && (i == at || t % 3 != i % 3);
            action[i] = t % 2;
        }
        assert_ok(tr_env_step(s.batch, live, action, false, &err));
        *sum += s.batch->reward[at];
    }
    memcpy(last, s.batch->observation + at * o, (size_t)o * sizeof *last);
    close_env(&s);
    return (size_t)o * sizeof *last;
}

static void an_episode_does_not_depend_on_those_beside_it(void **state)
{
    (void)state;
    for (int i = 0; tr_env_builtin(i); i++) {
        double alone[8], among[8], sum, other;
        const size_t bytes = play(tr_env_builtin(i), 1, 0, &sum, alone);
        play(tr_env_builtin(i), 7, 5, &other, among);
        assert_true(sum == other);
        assert_memory_equal(alone, among, bytes);
    }
}

static void starts_are_drawn_where_they_should_be(void **state)
{
    struct sample_env s = open_named("pendulum", 64);
    uint64_t seed[64];
    double least = 9, most = -9, got[2];
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 64; i++)
        seed[i] = tr_episode_seed(3, RT_STREAM_EVALUATE, (uint64_t)i);
    assert_ok(tr_env_reset(s.batch, all_of, seed, &err));
    for (int i = 0; i < 64; i++) {
        tr_env_get_state(s.batch, i, got);
        assert_true(fabs(got[1]) <= 1);
        least = fmin(least, got[0]);
        most = fmax(most, got[0]);
        assert_near(s.batch->observation[3 * i], cos(got[0]), 0);
    }
    assert_true(least > -3.1416 && least < -2.5 && most < 3.1416 && most > 2.5);
    close_env(&s);
}

static void a_view_takes_components_and_the_last_action(void **state)
{
    const struct tr_env_info box = {
        .observation = 3, .actions = 2, .low = (double[]){-2, 0}, .high = (double[]){2, 4}};
    const struct tr_env_info choice = {.observation = 3, .actions = 1, .choices = 3};
    const struct tr_observed view = {2, (int[]){0, 2}, true}, plain = {1, (int[]){1}, false};
    const double o[3] = {.5, .25, -1};
    float got[5];
    (void)state;

    assert_int_equal(tr_observed_size(&view, &box), 4);
    assert_int_equal(tr_observed_size(&view, &choice), 5);
    assert_int_equal(tr_observed_size(&plain, &choice), 1);
    tr_observed_take(&view, &box, o, (double[]){1, 4}, got);
    assert_close(got, ((float[]){.5F, -1, .5F, 1}), 4, 0, 0);
    tr_observed_take(&view, &box, o, NULL, got);
    assert_close(got, ((float[]){.5F, -1, 0, 0}), 4, 0, 0);
    tr_observed_take(&view, &choice, o, (double[]){1}, got);
    assert_close(got, ((float[]){.5F, -1, 0, 1, 0}), 5, 0, 0);
    tr_observed_take(&plain, &choice, o, NULL, got);
    assert_near((double)got[0], .25, 0);
}

static void what_there_is_not_is_refused_with_what_there_is(void **state)
{
    struct tr_env *env = NULL;
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_env_open(&env, &(struct tr_env_spec){.name = "pendulun"}, &err), RT_EARG);
    assert_non_null(strstr(err.text, "'pendulun'"));
    assert_non_null(strstr(err.text, "pendulum, cartpole, acrobot, mountain_car"));
    assert_int_equal(
        tr_env_open(&env, &(struct tr_env_spec){.name = "acrobot", .model = "x.xml"}, &err),
        RT_EARG);
    assert_int_equal(
        tr_env_open(&env, &(struct tr_env_spec){.name = "acrobot", .horizon = -1}, &err), RT_EARG);
    assert_null(env);
}

/* The rod from (42, 42) upward, then to the right: thick there, dark elsewhere. */
static void a_pendulum_is_drawn_as_two_frames(void **state)
{
    struct sample_env s = open_named("pendulum_pixels", 2);
    struct sample_env plain = open_named("pendulum", 1);
    const unsigned char *frame;
    (void)state;

    assert_int_equal(tr_env_info(s.env)->pixels[2], 2);
    tr_env_set_state(s.batch, 1, (double[]){3.141592653589793 / 2, .5, 0});
    frame = s.batch->pixels + 84 * 84 * 2;
    assert_int_equal(frame[(20 * 84 + 42) * 2], 255);     /* upward, the last angle */
    assert_int_equal(frame[(20 * 84 + 42) * 2 + 1], 0);   /* no more */
    assert_int_equal(frame[(42 * 84 + 60) * 2 + 1], 255); /* to the right, now */
    assert_int_equal(frame[(42 * 84 + 60) * 2], 0);
    assert_int_equal(frame[(39 * 84 + 60) * 2 + 1], 255); /* 2.5 from the rod's middle */
    assert_int_equal(frame[(38 * 84 + 60) * 2 + 1], 0);   /* 3.5 */
    assert_int_equal(frame[(42 * 84 + 78) * 2 + 1], 242); /* sqrt(2.5^2 + .5^2) from its end */
    tr_env_set_state(plain.batch, 0, (double[]){3.141592653589793 / 2, .5});
    assert_memory_equal(plain.batch->observation, s.batch->observation + 3, 3 * sizeof(double));
    step_all(&plain, (double[]){1});
    step_all(&s, (double[]){0, 1});
    assert_memory_equal(plain.batch->observation, s.batch->observation + 3, 3 * sizeof(double));
    assert_near(plain.batch->reward[0], s.batch->reward[1], 0);
    assert_int_equal(frame[(42 * 84 + 60) * 2], 255);
    close_env(&s);
    close_env(&plain);
}

static void all_built_in_ones_can_be_drawn(void **state)
{
    (void)state;
    for (int i = 0; tr_env_builtin(i); i++) {
        struct sample_env s = open_named(tr_env_builtin(i), 1);
        struct tr_capsule capsules[2] = {{0}, {.radius = -1}};
        struct rt_err err;
        assert_ok(tr_env_reset(s.batch, all_of, &(uint64_t){1}, &err));
        assert_true(tr_env_draw(s.batch, 0, 1, capsules) >= 1);
        assert_true(capsules[0].radius > 0 && capsules[1].radius < 0);
        close_env(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_environments_move_as_gymnasiums_do),
        cmocka_unit_test(steps_of_a_witness_are_taken),
        cmocka_unit_test(episodes_end_where_they_should),
        cmocka_unit_test(a_car_that_hits_the_wall_stops),
        cmocka_unit_test(a_horizon_truncates_and_zero_is_the_environments_own),
        cmocka_unit_test(actions_are_clipped_to_their_limits),
        cmocka_unit_test(an_episode_does_not_depend_on_those_beside_it),
        cmocka_unit_test(starts_are_drawn_where_they_should_be),
        cmocka_unit_test(a_view_takes_components_and_the_last_action),
        cmocka_unit_test(what_there_is_not_is_refused_with_what_there_is),
        cmocka_unit_test(a_pendulum_is_drawn_as_two_frames),
        cmocka_unit_test(all_built_in_ones_can_be_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
