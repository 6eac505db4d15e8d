/* trainer/env/cartpole.c -- keep a pole upright on a cart: Gymnasium's CartPole-v1.
 *
 * State and observation (x, v, a, w): the cart's place and speed, the pole's angle from upright and
 * angular velocity. Choices: a force of -10 or +10. A reward of 1 a step; ends at |x| > 2.4 or 12
 * degrees. Explicit Euler, positions first. */
#include <math.h>
#include <string.h>

#include "trainer/env/env_internal.h"

static void start(struct rt_rng *rng, double *s)
{
    for (int i = 0; i < 4; i++)
        s[i] = .1 * rt_rng_uniform(rng) - .05;
}

static void observe(const double *s, double *o)
{
    memcpy(o, s, 4 * sizeof *s);
}

static double step(double *s, double choice, unsigned *flags)
{
    const double dt = .02, force = choice > 0 ? 10 : -10, c = cos(s[2]), sine = sin(s[2]);
    const double t = (force + .05 * s[3] * s[3] * sine) / 1.1;
    const double turn = (9.8 * sine - c * t) / (.5 * (4.0 / 3.0 - .1 * c * c / 1.1));
    const double push = t - .05 * turn * c / 1.1;

    s[0] += dt * s[1];
    s[1] += dt * push;
    s[2] += dt * s[3];
    s[3] += dt * turn;
    *flags =
        fabs(s[0]) > 2.4 || fabs(s[2]) > 12 * 2 * 3.141592653589793 / 360 ? TR_ENV_TERMINATED : 0;
    return 1;
}

static int draw(const double *s, struct tr_capsule *capsules)
{
    capsules[0] = (struct tr_capsule){-2.4, -.1, 2.4, -.1, .005};
    capsules[1] = (struct tr_capsule){s[0] - .15, 0, s[0] + .15, 0, .1};
    capsules[2] = (struct tr_capsule){s[0], 0, s[0] + sin(s[2]), cos(s[2]), .03};
    return 3;
}

const struct tr__dynamics tr__cartpole = {
    .name = "cartpole",
    .state = 4,
    .observation = 4,
    .choices = 2,
    .horizon = 500,
    .seconds = .02,
    .numbers = {"place", "speed", "angle", "angular speed"},
    .act = "push: left, right",
    .start = start,
    .observe = observe,
    .step = step,
    .draw = draw,
};
