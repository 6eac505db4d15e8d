/* trainer/env/acrobot.c -- swing the end of two hanging rods above a line: Gymnasium's Acrobot-v1
 * (Sutton 1996; the book's equations).
 *
 * State (p, q, dp, dq): angle of the first rod from hanging, of the second from the first, and their
 * velocities. Observation (cos p, sin p, cos q, sin q, dp, dq). Choices: torque -1, 0, 1 on the joint
 * between them. Reward -1 a step, 0 for the one that ends it. Lengths, masses and moments are 1. */
#include <math.h>

#include "trainer/env/env_internal.h"

static const double pi = 3.141592653589793;

static void start(struct rt_rng *rng, double *s)
{
    for (int i = 0; i < 4; i++)
        s[i] = .2 * rt_rng_uniform(rng) - .1;
}

static void observe(const double *s, double *o)
{
    o[0] = cos(s[0]);
    o[1] = sin(s[0]);
    o[2] = cos(s[1]);
    o[3] = sin(s[1]);
    o[4] = s[2];
    o[5] = s[3];
}

/* d/dt of the state. */
static void slope(const double *s, double torque, double *out)
{
    const double c = .5, g = 9.8, p = s[0], q = s[1], dp = s[2], dq = s[3];
    const double d1 = c * c + (1 + c * c + 2 * c * cos(q)) + 2, d2 = c * c + c * cos(q) + 1;
    const double f2 = c * g * cos(p + q - pi / 2);
    const double f1 =
        -c * dq * dq * sin(q) - 2 * c * dq * dp * sin(q) + (c + 1) * g * cos(p - pi / 2) + f2;

    out[0] = dp;
    out[1] = dq;
    out[3] = (torque + d2 / d1 * f1 - c * dp * dp * sin(q) - f2) / (c * c + 1 - d2 * d2 / d1);
    out[2] = -(d2 * out[3] + f1) / d1;
}

/* One step of the classical Runge-Kutta method of order 4. */
static void integrate(double *s, double torque, double dt)
{
    double k[4][4], at[4];

    slope(s, torque, k[0]);
    for (int i = 1; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            at[j] = s[j] + (i < 3 ? dt / 2 : dt) * k[i - 1][j];
        slope(at, torque, k[i]);
    }
    for (int j = 0; j < 4; j++)
        s[j] += dt / 6 * (k[0][j] + 2 * k[1][j] + 2 * k[2][j] + k[3][j]);
}

static double wrap(double angle)
{
    while (angle > pi)
        angle -= 2 * pi;
    while (angle < -pi)
        angle += 2 * pi;
    return angle;
}

static double step(double *s, double choice, unsigned *flags)
{
    integrate(s, choice - 1, .2);
    s[0] = wrap(s[0]);
    s[1] = wrap(s[1]);
    s[2] = fmax(-4 * pi, fmin(4 * pi, s[2]));
    s[3] = fmax(-9 * pi, fmin(9 * pi, s[3]));
    *flags = -cos(s[0]) - cos(s[0] + s[1]) > 1 ? TR_ENV_TERMINATED : 0;
    return *flags ? 0 : -1;
}

static int draw(const double *s, struct tr_capsule *capsules)
{
    const double x = sin(s[0]), y = -cos(s[0]);

    capsules[0] = (struct tr_capsule){-2, 1, 2, 1, .005};
    capsules[1] = (struct tr_capsule){0, 0, x, y, .1};
    capsules[2] = (struct tr_capsule){x, y, x + sin(s[0] + s[1]), y - cos(s[0] + s[1]), .1};
    return 3;
}

const struct tr__dynamics tr__acrobot = {
    .name = "acrobot",
    .state = 4,
    .observation = 6,
    .choices = 3,
    .horizon = 500,
    .seconds = .2,
    .numbers = {"cos first angle", "sin first angle", "cos second angle", "sin second angle",
                "first speed", "second speed"},
    .act = "torque: -1, 0, 1",
    .start = start,
    .observe = observe,
    .step = step,
    .draw = draw,
};
