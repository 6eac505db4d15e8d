/* tests/test_mujoco.c -- robots of MuJoCo: paths of its version 2.2.2, terms, and models that fail.
 *
 * The hopper is examples/policy/hopper.xml. The other robots' files are Gymnasium's: with
 * RETORT_MJCF=.../gymnasium/envs/mujoco/assets their paths are compared too. */
#include "env_support.h"

#include <unistd.h>

#include "trainer/env/actions.h"

#ifndef RT_MUJOCO

static void without_it_the_mend_is_said(void **state)
{
    struct tr_env *env;
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_env_open(&env, &(struct tr_env_spec){.name = "hopper"}, &err), RT_EARG);
    assert_non_null(strstr(err.text, "install libmujoco-dev"));
}

static void robots_move(void **state)
{
    (void)state;
    skip_without("MuJoCo (package libmujoco-dev)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_it_the_mend_is_said),
                                       cmocka_unit_test(robots_move)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
#include <mujoco/mujoco.h>

#define HOPPER RT_TEST_DATA "/../examples/policy/hopper.xml"
#define MODEL "test-model.xml"
enum { version = 222, most_state = 24 };

/* From the model at rest, action j at step t is .5 sin(.3 t + j); the return, and qpos then. */
struct path {
    const char *name, *file;
    int steps;
    double sum, qpos[9], qvel[6];
    int nq, nv; /* of what is compared */
};

static const struct path hopper_paths[] = {
    {"hopper",
     HOPPER,
     1,
     1.011587923,
     {9.5773172e-05, 1.24962618, .000238796765, -8.64644889e-05, .000488920315, .00257816143},
     {0},
     6,
     0},
    {"hopper",
     HOPPER,
     10,
     10.165769686,
     {.00135615848, 1.21730658, .00243075221, .00151143257, -.0020269864, .0679470042},
     {-.0582997663, -.690983828, -.29523193, -.00906330423, -.50153574, -1.13764651},
     6,
     6},
};
static const struct path other_paths[] = {
    {"swimmer",
     "swimmer.xml",
     10,
     .276879573,
     {.0110854017, .215513952, -.285885595, .223678057, .451515632},
     {.333561388, 1.56404654, -1.72928884, 2.69935508, -.961321},
     5,
     5},
    {"half_cheetah",
     "half_cheetah.xml",
     10,
     -.930008634,
     {-.00898523167, -.195560029, .0906231318, .291202922, .0211864082, -.169373989, -.466318817,
      -.172300414, -.0706127525},
     {0},
     9,
     0},
    {"walker2d",
     "walker2d_v5.xml",
     10,
     6.414599648,
     {-.0286231785, 1.21958104, -.134655919, -.0995998709, -.0194140853, .559612566, -.0241254759,
      -.256535519, .211109073},
     {0},
     9,
     0},
    {"inverted_double_pendulum",
     "inverted_double_pendulum.xml",
     1,
     9.36,
     {1.24991171e-08, 1.81384031e-12, -2.29801116e-12},
     {0},
     3,
     0},
};

static struct sample_env open_robot(const char *name, const char *file, int copies)
{
    const struct tr_env_spec spec = {.name = name, .model = file};

    return open_env(&spec, copies);
}

/* At rest as the model's file has it: a reset without noise. */
static void put_to_rest(struct sample_env *s, const char *file)
{
    char why[200];
    mjModel *m = mj_loadXML(file, NULL, why, sizeof why);
    double state[2 * most_state] = {0};

    assert_non_null(m);
    assert_int_equal(tr_env_state_size(s->env), m->nq + m->nv);
    memcpy(state, m->qpos0, (size_t)m->nq * sizeof *state);
    mj_deleteModel(m);
    tr_env_set_state(s->batch, 0, state);
}

static void assert_path(const struct path *p, const char *file)
{
    struct sample_env s = open_robot(p->name, file, 1);
    const int n = tr_env_info(s.env)->actions;
    double action[8], got[2 * most_state], sum = 0;

    put_to_rest(&s, file);
    for (int t = 0; t < p->steps; t++) {
        for (int j = 0; j < n; j++)
            action[j] = .5 * sin(.3 * t + j);
        step_all(&s, action);
        assert_int_equal(s.batch->flags[0], 0);
        sum += s.batch->reward[0];
    }
    tr_env_get_state(s.batch, 0, got);
    if (mj_version() == version) {
        assert_near(sum, p->sum, 1e-9);
        for (int j = 0; j < p->nq; j++)
            assert_near(got[j], p->qpos[j], 1e-8 * fabs(p->qpos[j]) + 1e-16);
        for (int j = 0; j < p->nv; j++)
            assert_near(got[p->nq + j], p->qvel[j], 1e-8);
    } else {
        assert_near(sum, p->sum, 1e-2);
    }
    close_env(&s);
}

static void the_hopper_moves_as_gymnasiums_does(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_path(&hopper_paths[i], hopper_paths[i].file);
}

static void other_robots_move_as_gymnasiums_do(void **state)
{
    const char *folder = getenv("RETORT_MJCF");
    (void)state;

    if (!folder) {
        skip_without("Gymnasium's models (RETORT_MJCF names no folder)");
    }
    for (size_t i = 0; i < sizeof other_paths / sizeof *other_paths; i++) {
        char file[1024];
        (void)snprintf(file, sizeof file, "%s/%s", folder, other_paths[i].file);
        assert_path(&other_paths[i], file);
    }
}

/* Twice the same episode, once alone and once among others that were used before. */
static void episodes_are_functions_of_their_seed(void **state)
{
    struct sample_env alone = open_robot("hopper", HOPPER, 1),
                      among = open_robot("hopper", HOPPER, 3);
    uint64_t seed[3] = {8, 9, 7};
    double action[9];
    struct rt_err err;
    (void)state;

    assert_ok(tr_env_reset(among.batch, all_of, seed, &err));
    for (int t = 0; t < 12; t++) {
        for (int j = 0; j < 9; j++)
            action[j] = cos(t + j);
        step_all(&among, action);
    }
    seed[2] = 5;
    assert_ok(tr_env_reset(among.batch, all_of, seed, &err));
    assert_ok(tr_env_reset(alone.batch, all_of, &(uint64_t){5}, &err));
    for (int t = 0; t < 12; t++) {
        for (int j = 0; j < 9; j++)
            action[j] = sin(t + j);
        step_all(&among, action);
        step_all(&alone, action + 6);
        assert_memory_equal(alone.batch->observation, among.batch->observation + 22,
                            11 * sizeof(double));
        assert_memory_equal(alone.batch->reward, among.batch->reward + 2, sizeof(double));
    }
    close_env(&alone);
    close_env(&among);
}

static void a_hopper_that_falls_ends_its_episode(void **state)
{
    struct sample_env s = open_robot("hopper", HOPPER, 1);
    struct rt_err err;
    int t = 0;
    (void)state;

    assert_ok(tr_env_reset(s.batch, all_of, &(uint64_t){1}, &err));
    assert_true(fabs(s.batch->observation[0] - 1.25) <= .005);
    while (!s.batch->flags[0]) {
        step_all(&s, (double[]){1, 1, 1});
        t++;
    }
    assert_int_equal(s.batch->flags[0], TR_ENV_TERMINATED);
    assert_true(t > 5 && t < 200);
    close_env(&s);
}

/* ---- models and terms of one's own ---- */

static void write_model(const char *size, const char *range, const char *option)
{
    FILE *f = fopen(MODEL, "w");

    assert_non_null(f);
    (void)fprintf(f,
                  "<mujoco><option timestep=\"0.01\" %s/>%s<worldbody><body><joint type=\"slide\" "
                  "axis=\"1 0 0\" damping=\"1\"/><geom size=\"0.1\"/><site name=\"s\" pos=\"0 0 "
                  "0.5\"/></body><body pos=\"3 0 0\"><joint type=\"hinge\" axis=\"0 1 0\"/><geom "
                  "type=\"box\" size=\"0.1 0.2 0.3\"/></body></worldbody>\n<actuator><motor "
                  "joint=\"\" %s/></actuator></mujoco>",
                  option, size, range);
    assert_int_equal(fclose(f), 0);
}

/* The same with a joint that has a name. */
static void write_cart(const char *size, const char *range, const char *option)
{
    FILE *f = fopen(MODEL, "w");

    assert_non_null(f);
    (void)fprintf(f,
                  "<mujoco><option timestep=\"0.01\" %s/>%s<worldbody><body><joint name=\"j\" "
                  "type=\"slide\" axis=\"1 0 0\" damping=\"1\"/><geom size=\"0.1\"/><site "
                  "name=\"s\" pos=\"0 0 0.5\"/></body></worldbody>\n<actuator><motor joint=\"j\" "
                  "%s/></actuator></mujoco>",
                  option, size, range);
    assert_int_equal(fclose(f), 0);
}

static const char *const limited = "ctrllimited=\"true\" ctrlrange=\"-3 2\"";

static const struct tr_mujoco_spec cart = {
    .skip = 2,
    .observation = "qpos, qvel clip 0.001, sin 0, cos 0:1, site_x 0, site_z",
    .reward = "2 forward 0, 10 alive, -0.5 control, -1 square site_z 0 from 2",
    .healthy = "qpos 0 within -inf 0.5",
    .start_qpos = 0,
    .start_qvel = 0};

static rt_status try_model(const struct tr_mujoco_spec *terms, struct sample_env *s,
                           struct rt_err *err)
{
    const struct tr_env_spec spec = {.name = "mujoco", .model = MODEL, .mujoco = terms};

    *s = (struct sample_env){NULL, NULL};
    const rt_status rc = tr_env_open(&s->env, &spec, err);
    return rc != RT_OK ? rc : tr_env_batch_open(&s->batch, s->env, 1, err);
}

static void any_model_is_played_by_terms(void **state)
{
    struct sample_env s;
    struct rt_err err;
    double got[2];
    (void)state;

    write_cart("", limited, "");
    assert_ok(try_model(&cart, &s, &err));
    assert_int_equal(tr_env_info(s.env)->observation, 6);
    assert_near(tr_env_info(s.env)->low[0], -3, 0);
    assert_near(tr_env_info(s.env)->high[0], 2, 0);
    assert_ok(tr_env_reset(s.batch, all_of, &(uint64_t){1}, &err));
    step_all(&s, (double[]){9}); /* clipped to 2 */
    tr_env_get_state(s.batch, 0, got);
    const double *o = s.batch->observation;
    assert_true(got[0] > 0 && got[1] > .001);
    assert_near(o[0], got[0], 0);
    assert_near(o[1], .001, 0);
    assert_near(o[2], sin(got[0]), 0);
    assert_near(o[3], cos(got[0]), 0);
    assert_near(o[5], .5, 1e-12);
    assert_near(s.batch->reward[0], 2 * got[0] / .02 + 10 - .5 * 4 - 2.25, 1e-12);
    tr_env_set_state(s.batch, 0, (double[]){.6, 0});
    step_all(&s, (double[]){0});
    assert_int_equal(s.batch->flags[0], TR_ENV_TERMINATED);
    assert_near(s.batch->reward[0], -2.25, 1e-9); /* not alive any more */
    close_env(&s);
}

static void assert_refused(const struct tr_mujoco_spec *terms, rt_status code, const char *word)
{
    struct sample_env s;
    struct rt_err err = {0};

    assert_int_equal(try_model(terms, &s, &err), code);
    if (!strstr(err.text, word) || strchr(err.text, '\n'))
        fail_msg("'%s' does not say '%s'", err.text, word);
    close_env(&s);
}

static void terms_that_do_not_fit_are_named(void **state)
{
    static const struct {
        const char *observation, *reward, *healthy, *word;
        rt_status code;
    } cases[] = {
        {"qpos 1", "1 alive", "", "1 numbers of qpos", RT_ESHAPE},
        {"qpos 0:2", "1 alive", "", "wants number 1", RT_ESHAPE},
        {"sensor", "1 alive", "", "0 numbers of sensor", RT_ESHAPE},
        {"qpos", "1 forward 4", "", "wants number 4", RT_ESHAPE},
        {"qpos", "1 alive", "site_z 3 within 0 1", "numbers of site_z", RT_ESHAPE},
        {"qpos", "", "", "`reward`", RT_EARG},
        {"", "1 alive", "", "`observation`", RT_EARG},
        {"qpos,,qvel", "1 alive", "", "empty term", RT_EARG},
        {"qposs", "1 alive", "", "'qposs'", RT_EARG},
        {"qpos 3:1", "1 alive", "", "'qpos 3:1'", RT_EARG},
        {"qpos clip -1", "1 alive", "", "'qpos clip -1'", RT_EARG},
        {"qpos clip nan", "1 alive", "", "'qpos clip nan'", RT_EARG},
        {"qpos", "alive", "", "'alive'", RT_EARG},
        {"qpos", "1 alive 2", "", "'1 alive 2'", RT_EARG},
        {"qpos", "1 forward 0:2", "", "'1 forward 0:2'", RT_EARG},
        {"qpos", "inf alive", "", "'inf alive'", RT_EARG},
        {"qpos", "1 square qpos", "", "'1 square qpos'", RT_EARG},
        {"qpos", "1 alive", "qpos within 2 1", "'qpos within 2 1'", RT_EARG},
        {"qpos", "1 alive", "qpos 0", "'qpos 0'", RT_EARG},
    };
    (void)state;

    write_cart("", limited, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tr_mujoco_spec terms = {.skip = 1,
                                             .observation = cases[i].observation,
                                             .reward = cases[i].reward,
                                             .healthy = cases[i].healthy};
        assert_refused(&terms, cases[i].code, cases[i].word);
    }
    assert_refused(NULL, RT_EARG, "terms");
    assert_refused(&(struct tr_mujoco_spec){0, "qpos", "1 alive", "", 0, 0, false}, RT_EARG,
                   "skip");
}

static void models_that_fail_are_refused_and_nothing_ends(void **state)
{
    struct tr_env *env;
    struct rt_err err;
    FILE *f;
    (void)state;

    write_model("", limited, ""); /* a motor of no joint */
    assert_refused(&cart, RT_EFORMAT, MODEL);
    f = fopen(MODEL, "w");
    assert_non_null(f);
    (void)fputs("<mujoco><worldbody>\n<body>\n<geom size=\"x\"/>", f);
    assert_int_equal(fclose(f), 0);
    assert_refused(&cart, RT_EFORMAT, MODEL);
    assert_int_equal(
        tr_env_open(
            &env, &(struct tr_env_spec){.name = "mujoco", .model = "nowhere.xml", .mujoco = &cart},
            &err),
        RT_EFORMAT);
    assert_non_null(strstr(err.text, "nowhere.xml"));
    assert_int_equal(tr_env_open(&env, &(struct tr_env_spec){.name = "hopper"}, &err), RT_EARG);
    assert_non_null(strstr(err.text, "`model`"));
    write_cart("", limited, "");
    assert_int_equal(
        tr_env_open(&env, &(struct tr_env_spec){.name = "walker2d", .model = MODEL}, &err),
        RT_ESHAPE); /* a robot's terms on a model that is another */
}

/* A stack far too small: the library's error function is called in the middle of a step. */
static void an_error_in_a_step_fails_that_batch_alone(void **state)
{
    struct sample_env s;
    struct rt_err err = {0};
    (void)state;

    write_cart("<size nstack=\"1\"/>", limited, "");
    if (mj_version() != version)
        skip(); /* later ones have no such size */
    rt_status rc = try_model(&cart, &s, &err);
    if (rc == RT_OK)
        rc = tr_env_reset(s.batch, all_of, &(uint64_t){1}, &err);
    if (rc == RT_OK)
        rc = tr_env_step(s.batch, all_of, (double[]){1}, false, &err);
    assert_int_equal(rc, RT_EFORMAT);
    assert_non_null(strstr(err.text, "MuJoCo"));
    close_env(&s);
}

/* A state that explodes is reset by the library, with a warning: the episode is over. */
static void a_state_that_explodes_ends_its_episode(void **state)
{
    const struct tr_mujoco_spec terms = {1, "qpos, qvel", "1 alive", "", 0, 0, false};
    struct sample_env s;
    struct rt_err err;
    (void)state;

    write_cart("", limited, "");
    assert_ok(try_model(&terms, &s, &err));
    tr_env_set_state(s.batch, 0, (double[]){0, 1e12});
    step_all(&s, (double[]){0});
    assert_int_equal(s.batch->flags[0], TR_ENV_TERMINATED);
    assert_near(s.batch->reward[0], 0, 0);
    close_env(&s);
}

static void motors_without_limits_have_no_bins(void **state)
{
    struct sample_env s;
    struct tr_actions a;
    struct rt_err err;
    (void)state;

    write_cart("", "", "");
    assert_ok(try_model(&cart, &s, &err));
    assert_int_equal(tr_actions_of(&a, tr_env_info(s.env), 16, TR_GRID_ENDS, .05, &err), RT_EARG);
    close_env(&s);
}

static void memory_is_counted_and_geoms_are_drawn(void **state)
{
    struct sample_env s = open_robot("hopper", HOPPER, 2);
    struct tr_capsule c[8] = {{0}};
    struct rt_err err;
    (void)state;

    assert_true(tr_env_batch_bytes(s.env, 2) > 2 * 300000 &&
                tr_env_batch_bytes(s.env, 2) < 2 * 1000000);
    assert_ok(tr_env_reset(s.batch, all_of, (uint64_t[]){1, 2}, &err));
    assert_int_equal(tr_env_draw(s.batch, 0, 8, c), 5); /* floor, torso, thigh, leg, foot */
    assert_near(c[1].radius, .05, 0);
    assert_near(fabs(c[1].y1 - c[1].y0), .4, .01);
    assert_near(fabs(c[4].x1 - c[4].x0), .39, .01);
    close_env(&s);
}

static int remove_model(void **state)
{
    (void)state;
    remove(MODEL);
    return 0;
}

static void no_log_file_was_left(void **state)
{
    (void)state;
    assert_int_not_equal(access("MUJOCO_LOG.TXT", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hopper_moves_as_gymnasiums_does),
        cmocka_unit_test(other_robots_move_as_gymnasiums_do),
        cmocka_unit_test(episodes_are_functions_of_their_seed),
        cmocka_unit_test(a_hopper_that_falls_ends_its_episode),
        cmocka_unit_test(any_model_is_played_by_terms),
        cmocka_unit_test(terms_that_do_not_fit_are_named),
        cmocka_unit_test(models_that_fail_are_refused_and_nothing_ends),
        cmocka_unit_test(an_error_in_a_step_fails_that_batch_alone),
        cmocka_unit_test(a_state_that_explodes_ends_its_episode),
        cmocka_unit_test(motors_without_limits_have_no_bins),
        cmocka_unit_test(memory_is_counted_and_geoms_are_drawn),
        cmocka_unit_test(no_log_file_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, remove_model);
}
#endif
