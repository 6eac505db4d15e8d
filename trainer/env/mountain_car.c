/* trainer/env/mountain_car.c -- drive out of a valley too steep for the engine: Gymnasium's
 * MountainCar-v0 (Moore 1990).
 *
 * State and observation (x, v). Choices: push left, not, right. Reward -1 a step until x >= .5. */
#include <math.h>
#include <string.h>

#include "trainer/env/env_internal.h"

static void start(struct rt_rng *rng, double *s)
{
    s[0] = -.6 + .2 * rt_rng_uniform(rng);
    s[1] = 0;
}

static void observe(const double *s, double *o)
{
    memcpy(o, s, 2 * sizeof *s);
}

static double step(double *s, double choice, unsigned *flags)
{
    s[1] = fmax(-.07, fmin(.07, s[1] + ((choice - 1) * .001 + cos(3 * s[0]) * -.0025)));
    s[0] = fmax(-1.2, fmin(.6, s[0] + s[1]));
    if (s[0] <= -1.2 && s[1] < 0)
        s[1] = 0;
    *flags = s[0] >= .5 && s[1] >= 0 ? TR_ENV_TERMINATED | TR_ENV_SUCCESS : 0;
    return -1;
}

static double hill(double x)
{
    return .45 * sin(3 * x) + .55;
}

static int draw(const double *s, struct tr_capsule *capsules)
{
    enum { pieces = 6 };

    for (int i = 0; i < pieces; i++) {
        const double x0 = -1.2 + 1.8 * i / pieces, x1 = -1.2 + 1.8 * (i + 1) / pieces;
        capsules[i] = (struct tr_capsule){x0, hill(x0), x1, hill(x1), .005};
    }
    capsules[pieces] =
        (struct tr_capsule){s[0] - .04, hill(s[0]) + .06, s[0] + .04, hill(s[0]) + .06, .04};
    return pieces + 1;
}

const struct tr__dynamics tr__mountain_car = {
    .name = "mountain_car",
    .state = 2,
    .observation = 2,
    .choices = 3,
    .horizon = 200,
    .numbers = {"place", "speed"},
    .act = "push: left, none, right",
    .start = start,
    .observe = observe,
    .step = step,
    .draw = draw,
};
