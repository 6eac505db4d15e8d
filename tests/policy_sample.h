/* tests/policy_sample.h -- the pendulum as a small task of policies, with a teacher that costs nothing.
 */
#ifndef TESTS_POLICY_SAMPLE_H
#define TESTS_POLICY_SAMPLE_H
#include <math.h>

#include "support.h"
#include "trainer/task/policy/policy.h"

enum { sample_bins = 16, sample_horizon = 40 };

/* Swings it up by pushing along with its speed, as a Gaussian. o = (cos a, sin a, w). */
static inline void pushes(const void *self, const double *o, int n, double *out)
{
    for (int i = 0; i < n; i++, o += 3, out += 2) {
        const double toward = o[0] > .7 ? -4 * o[1] - o[2] : 2 * o[2];
        out[0] = toward > 2 ? 2 : toward < -2 ? -2 : toward;
        out[1] = log(.3);
    }
    (void)self;
}

static inline struct tr_expert pusher(void)
{
    return (struct tr_expert){.says = TR_LABELS_GAUSSIAN,
                              .observation = 3,
                              .numbers = 2,
                              .tau = 1,
                              .weight = 1,
                              .answer = pushes,
                              .params = 100,
                              .hash = "pusher"};
}

static inline struct tr_policy_options sample_options(void)
{
    return (struct tr_policy_options){
        .environment = {.name = "pendulum", .horizon = sample_horizon},
        .observe_count = 2,
        .observe = {0, 1},
        .previous_action = true,
        .success = .9,
        .success_return = NAN,
        .bins = sample_bins,
        .grid = TR_GRID_INNER,
        .rollouts = {.base = 6,
                     .rounds = 3,
                     .episodes = 5,
                     .beta = .5,
                     .perturb = .2,
                     .alpha = .6,
                     .importance = .4},
        .episodes = 10,
        .test_episodes = 12,
        .seed = 7};
}

/* The same seen as pictures. */
enum { sample_frame = 84 * 84 * 2 };
static inline struct tr_policy_options sample_pixels(void)
{
    struct tr_policy_options options = sample_options();

    options.environment.name = "pendulum_pixels";
    options.pixels = true;
    options.observe_count = 0;
    return options;
}

static inline struct tr_task *ungathered(const struct tr_policy_options *options)
{
    struct tr_task *task;
    struct rt_err err;

    assert_ok(tr_policy_task(&task, options, SPACE_POOL_LAST, &err));
    return task;
}

static inline struct tr_task *gathered(const struct tr_policy_options *options, int threads)
{
    struct tr_task *task = ungathered(options);
    struct tr_expert expert = pusher();
    struct rt_err err;

    assert_ok(tr_policy_gather(task, &expert, 1, threads, NULL, &err));
    return task;
}

static inline struct space_arch sample_policy(void)
{
    struct space_arch arch;

    assert_int_equal(space_arch_parse("L1-d8-k4-h1-f16-c4", &arch, NULL), RT_OK);
    return arch;
}

static inline struct space_arch sample_watcher(void)
{
    struct space_arch arch;

    assert_int_equal(space_arch_parse("L1-d8-k4-h1-f16-p12", &arch, NULL), RT_OK);
    return arch;
}

/* Two frames (84,84,2) of an episode, one step apart: the earlier one's last channel is the other's
 * first. */
static inline void assert_next_frame(const float *one, const float *next)
{
    for (int i = 0; i < sample_frame; i += 2)
        assert_true(next[i] == one[i + 1]);
}
#endif
