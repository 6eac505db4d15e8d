/* tests/test_expert_network.c -- policies of others: each kind of names, what is refused, and how. */
#include "support.h"
#include "tensor_sample.h"
#include "trainer/experts/mlp.h"
#include "trainer/experts/network.h"
#include "trainer/nn/kernels.h"

#define FILE_NAME "test-policy.safetensors"
enum { o = 3, h = 5, a = 2 };

static const double low[a] = {-1, -1}, high[a] = {1, 1};
static const struct tr_env_info box = {
    .name = "box", .observation = o, .actions = a, .low = low, .high = high};
static const struct tr_env_info choices = {
    .name = "choices", .observation = o, .actions = 1, .choices = 4};

static float w0[h * o], b0[h], w1[h * h], b1[h], w2[4 * h], b2[4], w3[a * h], b3[a];
static float log_sd[a] = {-.5F, .25F}, mean[o] = {.5F, -1, 2}, var[o] = {4, .25F, 0};
static float one[a] = {1, 1}, zero[a];

static int fill_weights(void **state)
{
    (void)state;
    fill_uniform(w0, h * o, 1);
    fill_uniform(b0, h, 2);
    fill_uniform(w1, h * h, 3);
    fill_uniform(b1, h, 4);
    fill_uniform(w2, 4 * h, 5);
    fill_uniform(b2, 4, 6);
    fill_uniform(w3, a * h, 7);
    fill_uniform(b3, a, 8);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    remove(FILE_NAME);
    return 0;
}

/* y (out) = W x + b in doubles, through tanh or relu when asked. */
static void layer(const float *w, const float *b, int out, int in, const double *x, double *y,
                  int act)
{
    for (int i = 0; i < out; i++) {
        double sum = (double)b[i];
        for (int j = 0; j < in; j++)
            sum += (double)w[i * in + j] * x[j];
        y[i] = act == 0 ? sum : act == 1 ? tanh(sum) : fmax(sum, 0);
    }
}

static void hidden(const double *x, int act, double *y)
{
    double first[h];

    layer(w0, b0, h, o, x, first, act);
    layer(w1, b1, h, h, first, y, act);
}

static rt_status try_open(struct tr_expert *e, const struct tr_env_info *info, struct rt_err *err)
{
    const struct tr_kernels *kernels;

    assert_int_equal(tr_kernels_choose(&kernels, err), RT_OK);
    return tr_expert_network(e, FILE_NAME, info, kernels, err);
}

/* Opens, asks about one state, lets go. */
static struct tr_expert ask(const struct tr_env_info *info, const double *x, double *out)
{
    struct tr_expert e;
    struct rt_err err;

    assert_ok(try_open(&e, info, &err));
    e.answer(e.self, x, 1, out);
    tr_expert_release(&e);
    return e;
}

static const double state_0[o] = {.3, -.7, 1.9};

static void files_of_ones_own_are_normalised_and_say_gaussians(void **state)
{
    const struct tensor tensors[] = {{"layers.0.weight", h, o, w0}, {"layers.0.bias", 0, h, b0},
                                     {"layers.1.weight", h, h, w1}, {"layers.1.bias", 0, h, b1},
                                     {"mean.weight", a, h, w2},     {"mean.bias", 0, a, b2},
                                     {"log_std", 0, a, log_sd},     {"obs_mean", 0, o, mean},
                                     {"obs_var", 0, o, var},        {NULL, 0, 0, NULL}};
    double x[o] = {(.3 - .5) / 2, (-.7 + 1) / .5, -5}, y[h], want[a], out[4];
    (void)state;

    write_tensors(FILE_NAME, tensors, "{\"activation\":\"relu\",\"obs_clip\":\"5\"}");
    const struct tr_expert e = ask(&box, state_0, out);
    hidden(x, 2, y);
    layer(w2, b2, a, h, y, want, 0);
    assert_near(out[0], want[0], 1e-5);
    assert_near(out[1], want[1], 1e-5);
    assert_near(out[2], -.5, 0);
    assert_near(out[3], .25, 0);
    assert_int_equal(e.says, TR_LABELS_GAUSSIAN);
    assert_int_equal(e.numbers, 4);
    assert_int_equal(e.params, h * o + h + h * h + h + a * h + a + a);
    assert_false(e.raw);
}

/* mu by tanh, raw observations. */
static void assert_means(const struct tensor *tensors, const char *notes, enum tr_env_labels says,
                         double *out)
{
    double y[h], want[a];

    write_tensors(FILE_NAME, tensors, notes);
    const struct tr_expert e = ask(&box, state_0, out);
    hidden(state_0, 1, y);
    layer(w2, b2, a, h, y, want, 0);
    assert_near(out[0], want[0], 2e-6);
    assert_near(out[1], want[1], 2e-6);
    assert_int_equal(e.says, says);
    assert_true(e.raw);
}

static void files_of_stable_baselines_and_cleanrl_are_read(void **state)
{
    const struct tensor sb3[] = {{"mlp_extractor.policy_net.0.weight", h, o, w0},
                                 {"mlp_extractor.policy_net.0.bias", 0, h, b0},
                                 {"mlp_extractor.policy_net.2.weight", h, h, w1},
                                 {"mlp_extractor.policy_net.2.bias", 0, h, b1},
                                 {"action_net.weight", a, h, w2},
                                 {"action_net.bias", 0, a, b2},
                                 {"log_std", 0, a, log_sd},
                                 {"value_net.weight", 1, h, w3},
                                 {NULL, 0, 0, NULL}};
    const struct tensor clean[] = {
        {"actor_mean.0.weight", h, o, w0}, {"actor_mean.0.bias", 0, h, b0},
        {"actor_mean.2.weight", h, h, w1}, {"actor_mean.2.bias", 0, h, b1},
        {"actor_mean.4.weight", a, h, w2}, {"actor_mean.4.bias", 0, a, b2},
        {"actor_logstd", 1, a, log_sd},    {NULL, 0, 0, NULL}};
    double out[4];
    (void)state;

    assert_means(sb3, "{\"activation\":\"tanh\"}", TR_LABELS_GAUSSIAN, out);
    assert_near(out[3], .25, 0);
    assert_means(sb3, "{\"activation\":\"tanh\",\"squash\":\"tanh\"}", TR_LABELS_TANH, out);
    assert_means(clean, "{\"activation\":\"tanh\"}", TR_LABELS_GAUSSIAN, out);
    assert_near(out[2], -.5, 0);
}

static void soft_actor_critics_say_deviations_of_each_state(void **state)
{
    const struct tensor sb3[] = {{"actor.latent_pi.0.weight", h, o, w0},
                                 {"actor.latent_pi.0.bias", 0, h, b0},
                                 {"actor.latent_pi.2.weight", h, h, w1},
                                 {"actor.latent_pi.2.bias", 0, h, b1},
                                 {"actor.mu.weight", a, h, w2},
                                 {"actor.mu.bias", 0, a, b2},
                                 {"actor.log_std.weight", a, h, w3},
                                 {"actor.log_std.bias", 0, a, b3},
                                 {NULL, 0, 0, NULL}};
    const struct tensor clean[] = {{"fc1.weight", h, o, w0},
                                   {"fc1.bias", 0, h, b0},
                                   {"fc2.weight", h, h, w1},
                                   {"fc2.bias", 0, h, b1},
                                   {"fc_mean.weight", a, h, w2},
                                   {"fc_mean.bias", 0, a, b2},
                                   {"fc_logstd.weight", a, h, w3},
                                   {"fc_logstd.bias", 0, a, b3},
                                   {"action_scale", 0, a, one},
                                   {"action_bias", 0, a, zero},
                                   {NULL, 0, 0, NULL}};
    double y[h], sd[a], out[4];
    (void)state;

    hidden(state_0, 1, y);
    layer(w3, b3, a, h, y, sd, 0);
    assert_means(sb3, "{\"activation\":\"tanh\"}", TR_LABELS_TANH, out);
    assert_near(out[2], fmax(-20, fmin(2, sd[0])), 2e-6);
    assert_means(clean, "{\"activation\":\"tanh\"}", TR_LABELS_TANH, out);
    assert_near(out[3], -5 + 3.5 * (tanh(sd[1]) + 1), 5e-6);
}

static void choices_have_logits_or_values(void **state)
{
    static const char *const names[][3] = {{"q_net.q_net.0", "q_net.q_net.2", "q_net.q_net.4"},
                                           {"network.0", "network.2", "network.4"},
                                           {"actor.0", "actor.2", "actor.4"}};
    (void)state;

    for (int i = 0; i < 3; i++) {
        char name[6][64];
        struct tensor tensors[7] = {{0}};
        const float *const values[6] = {w0, b0, w1, b1, w2, b2};
        const int rows[6] = {h, 0, h, 0, 4, 0}, columns[6] = {o, h, h, h, h, 4};
        double y[h], want[4], out[4];
        for (int t = 0; t < 6; t++) {
            (void)snprintf(name[t], sizeof *name, "%s.%s", names[i][t / 2],
                           t % 2 ? "bias" : "weight");
            tensors[t] = (struct tensor){name[t], rows[t], columns[t], values[t]};
        }
        write_tensors(FILE_NAME, tensors, "{\"activation\":\"relu\"}");
        const struct tr_expert e = ask(&choices, state_0, out);
        hidden(state_0, 2, y);
        layer(w2, b2, 4, h, y, want, 0);
        for (int k = 0; k < 4; k++)
            assert_near(out[k], want[k], 2e-6);
        assert_int_equal(e.says, i < 2 ? TR_LABELS_Q : TR_LABELS_LOGITS);
        assert_near(e.tau, .01, 0);
    }
}

static void what_is_said_of_a_state_does_not_depend_on_others(void **state)
{
    const struct tensor tensors[] = {{"layers.0.weight", h, o, w0}, {"layers.0.bias", 0, h, b0},
                                     {"mean.weight", a, h, w2},     {"mean.bias", 0, a, b2},
                                     {"log_std", 0, a, log_sd},     {NULL, 0, 0, NULL}};
    enum { n = 37 };
    double x[n * o], together[n * 4], alone[4];
    struct tr_expert e;
    struct rt_err err;
    (void)state;

    write_tensors(FILE_NAME, tensors, "{\"activation\":\"tanh\"}");
    assert_ok(try_open(&e, &box, &err));
    for (int i = 0; i < n * o; i++)
        x[i] = sin(i);
    e.answer(e.self, x, n, together);
    for (int i = 0; i < n; i++) {
        e.answer(e.self, x + i * o, 1, alone);
        assert_memory_equal(alone, together + 4 * (ptrdiff_t)i, sizeof alone);
    }
    tr_expert_release(&e);
}

struct refusal {
    const struct tr_env_info *info;
    int drop; /* tensor that is left out, or -1 */
    int at;   /* tensor that is another one, or -1 */
    struct tensor other;
    const char *notes;
    rt_status code;
    const char *word;
};

static const struct tensor good[] = {{"layers.0.weight", h, o, w0}, {"layers.0.bias", 0, h, b0},
                                     {"mean.weight", a, h, w2},     {"mean.bias", 0, a, b2},
                                     {"log_std", 0, a, log_sd},     {"obs_mean", 0, o, mean},
                                     {"obs_var", 0, o, var},        {NULL, 0, 0, NULL}};

static void assert_refused(const struct refusal *r)
{
    struct tensor tensors[8];
    struct tr_expert e = {0};
    struct rt_err err = {0};
    int n = 0;

    for (int t = 0; t < 8; t++)
        if (t != r->drop)
            tensors[n++] = t == r->at ? r->other : good[t];
    write_tensors(FILE_NAME, tensors, r->notes);
    assert_int_equal(try_open(&e, r->info, &err), r->code);
    if (!strstr(err.text, r->word) || !strstr(err.text, FILE_NAME))
        fail_msg("'%s' does not say '%s'", err.text, r->word);
    assert_null(e.self);
}

static void what_does_not_fit_is_refused_by_name(void **state)
{
    static const float nan_weights[h * o] = {NAN}, below[o] = {1, -1, 1}, wide[4 * o];
    static const char *const tanh_note = "{\"activation\":\"tanh\"}";
    const struct tr_env_info other = {
        .name = "other", .observation = 4, .actions = a, .low = low, .high = high};
    const struct refusal refusals[] = {
        {&box, -1, -1, {0}, "{}", RT_EFORMAT, "activation"},
        {&box, -1, -1, {0}, "{\"activation\":\"gelu\"}", RT_EFORMAT, "activation"},
        {&box, -1, -1, {0}, "{\"activation\":\"tanh\",\"squash\":\"no\"}", RT_EFORMAT, "squash"},
        {&box,
         -1,
         -1,
         {0},
         "{\"activation\":\"tanh\",\"obs_clip\":\"-1\"}",
         RT_EFORMAT,
         "obs_clip"},
        {&box,
         -1,
         -1,
         {0},
         "{\"activation\":\"tanh\",\"obs_epsilon\":\"x\"}",
         RT_EFORMAT,
         "obs_epsilon"},
        {&other, -1, -1, {0}, tanh_note, RT_ESHAPE, "reads 3 numbers, other has 4"},
        {&choices, -1, -1, {0}, tanh_note, RT_ESHAPE, "4 choices"},
        {&box, 1, -1, {0}, tanh_note, RT_EFORMAT, "layers.0.bias"},
        {&box, 2, -1, {0}, tanh_note, RT_EFORMAT, "has no policy"},
        {&box, 4, -1, {0}, tanh_note, RT_ESHAPE, "discrete"},
        {&box, 6, -1, {0}, tanh_note, RT_EFORMAT, "obs_var"},
        {&box,
         -1,
         0,
         {"layers.0.weight", h, o, nan_weights},
         tanh_note,
         RT_ENAN,
         "layers.0.weight"},
        {&box, -1, 0, {"layers.0.weight", 4, o, wide}, tanh_note, RT_ESHAPE, "mean.weight"},
        {&box, -1, 1, {"layers.0.bias", 0, o, var}, tanh_note, RT_ESHAPE, "layers.0.bias"},
        {&box, -1, 6, {"obs_var", 0, o, below}, tanh_note, RT_EFORMAT, "obs_var"},
        {&box, -1, 5, {"obs_mean", 0, a, mean}, tanh_note, RT_ESHAPE, "obs_mean"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i]);
}

static void a_stretch_that_is_not_the_environments_is_refused(void **state)
{
    static const float two[a] = {2, 2};
    const struct tensor clean[] = {
        {"fc1.weight", h, o, w0},    {"fc1.bias", 0, h, b0},         {"fc_mean.weight", a, h, w2},
        {"fc_mean.bias", 0, a, b2},  {"fc_logstd.weight", a, h, w3}, {"fc_logstd.bias", 0, a, b3},
        {"action_scale", 0, a, two}, {"action_bias", 0, a, zero},    {NULL, 0, 0, NULL}};
    struct tr_expert e;
    struct rt_err err;
    (void)state;

    write_tensors(FILE_NAME, clean, "{\"activation\":\"relu\"}");
    assert_int_equal(try_open(&e, &box, &err), RT_ESHAPE);
    assert_non_null(strstr(err.text, "action_scale"));
    remove(FILE_NAME);
    assert_int_equal(try_open(&e, &box, &err), RT_EIO);
}

static void tanh_is_near_the_librarys(void **state)
{
    double worst = 0;
    (void)state;

    for (int i = -12000; i <= 12000; i++) {
        float v = (float)i * 1e-3F;
        const double want = tanh((double)v);
        tr_tanh(1, &v);
        worst = fmax(worst, fabs((double)v - want));
    }
    assert_true(worst < 4e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_ones_own_are_normalised_and_say_gaussians),
        cmocka_unit_test(files_of_stable_baselines_and_cleanrl_are_read),
        cmocka_unit_test(soft_actor_critics_say_deviations_of_each_state),
        cmocka_unit_test(choices_have_logits_or_values),
        cmocka_unit_test(what_is_said_of_a_state_does_not_depend_on_others),
        cmocka_unit_test(what_does_not_fit_is_refused_by_name),
        cmocka_unit_test(a_stretch_that_is_not_the_environments_is_refused),
        cmocka_unit_test(tanh_is_near_the_librarys),
    };
    return cmocka_run_group_tests_name("trainer/experts/network", tests, fill_weights, remove_file);
}
