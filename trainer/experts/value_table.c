/* trainer/experts/value_table.c -- value iteration over the pendulum's states. */
#include "trainer/experts/value_table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { angles = 240, speeds = 241, least_speed = -8, most_speed = 8, most_sweeps = 5000 };
static const double pi = 3.141592653589793, settled = 1e-4, dt = .05;

struct table {
    int bins;
    double gamma;
    double torque[TR_BINS_MOST];
    double sine[angles];
    double value[angles][speeds];
};

/* Bilinear. a within a turn of [-pi, pi], w within the limits of speed. */
static double value_at(const struct table *t, double a, double w)
{
    const double x = (a + 3 * pi) * (angles / (2 * pi)); /* a turn on: above 0 */
    const double y = (w - least_speed) * ((speeds - 1.0) / (most_speed - least_speed));
    const int turned = (int)x, j = y < speeds - 2 ? (int)y : speeds - 2;
    const double u = x - turned, v = y - j;
    const int i = turned % angles;
    const double *here = t->value[i], *next = t->value[i + 1 < angles ? i + 1 : 0];

    return (1 - u) * ((1 - v) * here[j] + v * here[j + 1]) +
           u * ((1 - v) * next[j] + v * next[j + 1]);
}

/* Q of one action at (a, w), a in [-pi, pi]; the equations of trainer/env/pendulum.c. */
static inline double q_of(const struct table *t, double a, double sine, double w, double torque)
{
    const double reward = -(a * a + .1 * w * w + .001 * torque * torque);
    double speed = w + (15 * sine + 3 * torque) * dt;

    speed = speed > least_speed ? (speed < most_speed ? speed : most_speed) : least_speed;
    return reward + t->gamma * value_at(t, a + dt * speed, speed);
}

static double angle_of(int i)
{
    return -pi + 2 * pi * i / angles;
}

/* The largest change. */
static double sweep(struct table *t)
{
    double moved = 0;

    for (int i = 0; i < angles; i++)
        for (int j = 0; j < speeds; j++) {
            const double w = least_speed + j * ((most_speed - least_speed) / (speeds - 1.0));
            double best = -INFINITY;
            for (int k = 0; k < t->bins; k++) {
                const double q = q_of(t, angle_of(i), t->sine[i], w, t->torque[k]);
                best = q > best ? q : best;
            }
            moved = fmax(moved, fabs(best - t->value[i][j]));
            t->value[i][j] = best;
        }
    return moved;
}

static void answer(const void *self, const double *observation, int n, double *out)
{
    const struct table *t = self;

    for (int m = 0; m < n; m++) {
        const double *o = observation + 3 * (ptrdiff_t)m; /* cos a, sin a, w */
        const double a = atan2(o[1], o[0]);
        for (int k = 0; k < t->bins; k++)
            out[(ptrdiff_t)m * t->bins + k] = q_of(t, a, sin(a), o[2], t->torque[k]);
    }
}

double tr_value_table_value(const struct tr_expert *expert, double a, double w)
{
    assert(expert->answer == answer);
    return value_at(expert->self, a, w);
}

static rt_status hash_table(const struct table *t, char text[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "value table: no memory");
    rt_hash_add(hash, &t->gamma, sizeof t->gamma);
    rt_hash_add(hash, t->torque, sizeof t->torque);
    rt_hash_add(hash, t->value, sizeof t->value);
    rt_hash_close(hash, text);
    return RT_OK;
}

rt_status tr_expert_value_table(struct tr_expert *expert, const struct tr_env_info *info,
                                const struct tr_actions *actions, double gamma, struct rt_err *err)
{
    struct tr_expert e = {.says = TR_LABELS_Q, .observation = 3, .numbers = actions->bins};
    struct table *t;
    int sweeps = 0;
    rt_status rc;

    if (strncmp(info->name, "pendulum", 8) != 0 || info->observation != 3)
        return rt_fail(err, RT_EARG, "a value table is there for pendulum alone, not for %s",
                       info->name);
    if (!(gamma > 0 && gamma < 1))
        return rt_fail(err, RT_EARG, "gamma %g of a value table: it must be above 0 and below 1",
                       gamma);
    if (!(t = calloc(1, sizeof *t)))
        return rt_fail(err, RT_ENOMEM, "value table: no memory");
    t->bins = actions->bins;
    t->gamma = gamma;
    for (int k = 0; k < t->bins; k++)
        t->torque[k] = tr_bin_centre(actions, 0, k);
    for (int i = 0; i < angles; i++)
        t->sine[i] = sin(angle_of(i));
    while (sweep(t) >= settled && ++sweeps < most_sweeps)
        ;
    if ((rc = hash_table(t, e.hash, err)) != RT_OK) {
        free(t);
        return rc;
    }
    e.tau = actions->tau;
    e.weight = 1;
    e.params = (int64_t)angles * speeds;
    e.answer = answer;
    e.release = free;
    e.self = t;
    *expert = e;
    return RT_OK;
}
