/* trainer/env/pendulum.c -- swing a rod up and hold it there: Gymnasium's Pendulum-v1.
 *
 * State (a, w): angle from upright, angular velocity. Observation (cos a, sin a, w). One torque u in
 * [-2, 2]; it never terminates. Rewards are of the state before the step.
 * pendulum_pixels also draws its last two angles, 84 x 84 greys each; its state has the last angle. */
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
    .seconds = .05,
    .numbers = {"cos angle", "sin angle", "speed"},
    .act = "torque",
    .low = -2,
    .high = 2,
    .start = start,
    .observe = observe,
    .step = step,
    .draw = draw,
};

/* ---- as pixels ---- */

enum { side = 84 };

static void start_seen(struct rt_rng *rng, double *s)
{
    start(rng, s);
    s[2] = s[0];
}

static double step_seen(double *s, double u, unsigned *flags)
{
    s[2] = s[0];
    return step(s, u, flags);
}

/* The square of the distance of (x, y) from the rod: the segment from (42, 42) by (dx, dy), whose length is
 * 34. */
static double distance2(double x, double y, double dx, double dy)
{
    const double along = ((x - 42) * dx + (y - 42) * dy) / (34 * 34.0);
    const double t = along > 0 ? (along < 1 ? along : 1) : 0;
    const double away = x - 42 - t * dx, off = y - 42 - t * dy;

    return away * away + off * off;
}

static unsigned char grey(double d2)
{
    const double light = d2 < 3.5 * 3.5 ? 3.5 - sqrt(d2) : 0;

    return (unsigned char)(255 * (light < 1 ? light : 1) + .5);
}

/* pixels (84, 84, 2): the rod at the last angle and at this one, some 7 pixels thick. */
static void render(const double *s, unsigned char *pixels)
{
    for (int f = 0; f < 2; f++) {
        const double a = s[f == 0 ? 2 : 0], dx = 34 * sin(a), dy = -34 * cos(a);
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
                pixels[(y * side + x) * 2 + f] = grey(distance2(x + .5, y + .5, dx, dy));
    }
}

const struct tr__dynamics tr__pendulum_pixels = {
    .name = "pendulum_pixels",
    .state = 3,
    .observation = 3,
    .horizon = 200,
    .seconds = .05,
    .numbers = {"cos angle", "sin angle", "speed"},
    .act = "torque",
    .low = -2,
    .high = 2,
    .start = start_seen,
    .observe = observe,
    .step = step_seen,
    .draw = draw,
    .pixels = {side, side, 2},
    .render = render,
};
