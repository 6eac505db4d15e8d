/* trainer/env/pendulum.c -- swing a rod up and hold it there: Gymnasium's Pendulum-v1.
 *
 * State (a, w): angle from upright, angular velocity. Observation (cos a, sin a, w). One torque u in
 * [-2, 2]; it never terminates. Rewards are of the state before the step. */
#include <math.h>

#include "trainer/env/env_internal.h"

static const double pi = 3.141592653589793;

static void start(struct rt_rng *rng, double *s)
{
    s[0] = pi * (2 * rt_rng_uniform(rng) - 1);
    s[1] = 2 * rt_rng_uniform(rng) - 1;
}

static void observe(const double *s, double *o)
{
    o[0] = cos(s[0]);
    o[1] = sin(s[0]);
    o[2] = s[1];
}

static double step(double *s, double u, unsigned *flags)
{
    const double turned = fmod(s[0] + pi, 2 * pi);
    const double a = (turned < 0 ? turned + 2 * pi : turned) - pi; /* in [-pi, pi) */
    const double reward = -(a * a + .1 * s[1] * s[1] + .001 * u * u);

    *flags = 0;
    s[1] = fmax(-8, fmin(8, s[1] + (15 * sin(s[0]) + 3 * u) * .05));
    s[0] += .05 * s[1];
    return reward;
}

static int draw(const double *s, struct tr_capsule *capsules)
{
    capsules[0] = (struct tr_capsule){0, 0, sin(s[0]), cos(s[0]), .1};
    return 1;
}

const struct tr__dynamics tr__pendulum = {
    .name = "pendulum",
    .state = 2,
    .observation = 3,
    .horizon = 200,
    .low = -2,
    .high = 2,
    .start = start,
    .observe = observe,
    .step = step,
    .draw = draw,
};
