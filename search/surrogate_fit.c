/* search/surrogate_fit.c -- the scales of a model by the values of its points; see surrogate.h.
 *
 * Uphill on the logarithm of likelihood times prior, whose slopes are exact. A position's factor is
 * pulled to 1 by its prior and stays there until there are as many points as a fit takes: positions
 * share their gene's scale until the values say otherwise.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "search/surrogate_internal.h"

enum { STEPS = 30 };

/* Of logarithms: the scales of genes, the factors of positions, s, and the noise's variance, for
 * values with variance 1. What is exact has next to no noise, hence the low bound of that. */
enum kind { SCALE, FACTOR, SIGNAL, NOISE };
static const struct {
    double mean, sd, least, most;
} prior[] = {{0, 2, -9.2, 9.2}, {0, .7, -4, 4}, {0, 1, -9.2, 9.2}, {-5, 2, -16, 9.2}};

static enum kind kind_of(const struct search_model *m, int t)
{
    return t < m->points->genes ? SCALE
           : t < m->scales - 2  ? FACTOR
           : t == m->scales - 2 ? SIGNAL
                                : NOISE;
}

/* Gaps of all pairs of the first n points: row by row, each to those before it and itself. */
static void measure_pairs(struct search_points *p, size_t n)
{
    const size_t stride = p->fitted * (p->fitted + 1) / 2;
    size_t pair = 0;

    if (p->pairs_of == n)
        return;
    for (size_t i = 0; i < n; i++) {
        search__look_again(p, i);
        for (int g = 0; g < p->positions; g++)
            memcpy(p->pairs + (size_t)g * stride + pair, p->gap + (size_t)g * p->room,
                   (i + 1) * sizeof *p->gap);
        pair += i + 1;
    }
    p->pairs_of = n;
}

/* What the logarithms make of each position. */
static void find_scales(struct search_model *m)
{
    const int genes = m->points->genes;

    for (int g = 0; g < m->points->positions; g++)
        m->scale[g] = (float)exp(m->theta[m->points->gene[g]] + m->theta[genes + g]);
}

/* L of the covariance of the first n points, from their pairs; z = L^-1 y. */
static void factor(struct search_model *m, const double *y, size_t n)
{
    const double signal = search__signal_of(m), noise = search__noise_of(m);
    const struct search_loops *loops = m->points->loops;
    const size_t room = m->points->room;
    size_t pair = 0;

    for (size_t i = 0; i < n; i++) {
        double *li = m->l + i * room;
        for (size_t j = 0; j < i; j++)
            m->k[j] = signal * m->pair_k[pair++];
        search__solve(m, 0, m->k, li, i);
        li[i] = sqrt(
            fmax(signal * m->pair_k[pair++] + noise * m->points->part[i] - loops->dot(li, li, i),
                 1e-12));
        m->inverse[i] = 1 / li[i];
        m->z[i] = ((y[i] - m->mean) / m->sd - loops->dot(li, m->z, i)) * m->inverse[i];
    }
    search__forget_looks(m);
    m->count = n;
    m->weighed = false;
}

/* The inverse of the covariance, L^-T L^-1, into the upper triangle of m->full. */
static void invert(struct search_model *m)
{
    const size_t n = m->count, width = m->points->fitted;
    const struct search_loops *loops = m->points->loops;

    for (size_t c = 0; c < n; c++) { /* column c of L^-1 as row c, from c on, of unit vector c */
        memset(m->k, 0, n * sizeof *m->k);
        m->k[0] = 1;
        search__solve(m, c, m->k, m->full + c * width + c, n - c);
    }
    for (size_t i = 0; i < n; i++) /* what is overwritten is not read again */
        loops->dots(m->full + i, width, i + 1, m->full + i * width + i, n - i, m->full + i, width);
}

/* Logarithm of likelihood times prior, but for constants. */
static double evidence(const struct search_model *m)
{
    double sum = -m->points->loops->dot(m->z, m->z, m->count) / 2;

    for (size_t i = 0; i < m->count; i++)
        sum += log(m->inverse[i]);
    for (int t = 0; t < m->scales; t++) {
        const double off = (m->theta[t] - prior[kind_of(m, t)].mean) / prior[kind_of(m, t)].sd;
        sum -= off * off / 2;
    }
    return sum;
}

/* Its derivatives; overwrites m->pair_k. */
static void slopes(struct search_model *m, double *slope)
{
    const struct search_points *p = m->points;
    const size_t n = m->count, stride = p->fitted * (p->fitted + 1) / 2;
    const double signal = search__signal_of(m);
    double by_signal = 0, by_noise = 0;
    size_t pair = 0;

    invert(m);
    search__find_weights(m);
    p->loops->matern_slope(m->r2, m->pair_slope, n * (n + 1) / 2);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++, pair++) {
            const double pull = (m->w[i] * m->w[j] - m->full[j * p->fitted + i]) * (j < i ? 1 : .5);
            by_signal += pull * m->pair_k[pair];
            by_noise += j == i ? pull * p->part[i] : 0;
            m->pair_slope[pair] *= pull;
        }
    memset(slope, 0, (size_t)m->scales * sizeof *slope);
    for (int g = 0; g < p->positions; g++) {
        const double by =
            (double)m->scale[g] * signal *
            p->loops->sum_gaps(m->pair_slope, p->pairs + (size_t)g * stride, n * (n + 1) / 2);
        slope[p->gene[g]] += by;
        slope[p->genes + g] = n == p->fitted ? by : 0;
    }
    slope[m->scales - 2] = signal * by_signal;
    slope[m->scales - 1] = exp(m->theta[m->scales - 1]) * by_noise;
    for (int t = 0; t < m->scales; t++) {
        const double sd = prior[kind_of(m, t)].sd;
        slope[t] -= (m->theta[t] - prior[kind_of(m, t)].mean) / (sd * sd);
    }
}

/* In parts of the largest, whose square may be beyond all numbers. */
static void standardise(struct search_model *m, const double *y, size_t n)
{
    double most = 0, sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(y[i]));
    most = most > 0 ? most : 1;
    for (size_t i = 0; i < n; i++)
        sum += y[i] / most;
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (y[i] / most - mean) * (y[i] / most - mean);
    m->mean = mean * most;
    m->sd = squares > 0 ? sqrt(squares / (double)n) * most : 1;
}

/* One step, each logarithm by one of its own that grows while the slope keeps its sign. */
static void step_up(struct search_model *m)
{
    double *slope = m->climb, *before = slope + m->scales, *step = before + m->scales;

    for (int t = 0; t < m->scales; t++) {
        const int kind = kind_of(m, t);
        const double turn = slope[t] * before[t];
        step[t] = fmin(1, fmax(1e-3, step[t] * (turn > 0 ? 1.2 : turn < 0 ? .5 : 1)));
        m->theta[t] += slope[t] > 0 ? step[t] : slope[t] < 0 ? -step[t] : 0;
        m->theta[t] = fmin(prior[kind].most, fmax(prior[kind].least, m->theta[t]));
        before[t] = slope[t];
    }
}

/* Uphill; the best place met is kept. */
static void climb(struct search_model *m, const double *y, size_t n)
{
    const size_t size = (size_t)m->scales * sizeof *m->theta, pairs = n * (n + 1) / 2;
    double *before = m->climb + m->scales, *step = before + m->scales, *best = step + m->scales;
    double most = -INFINITY;

    memset(before, 0, size);
    memcpy(best, m->theta, size);
    for (int t = 0; t < m->scales; t++)
        step[t] = .5;
    for (int s = 0; s <= STEPS; s++) {
        find_scales(m);
        search__weigh(m, m->points->pairs, m->points->fitted * (m->points->fitted + 1) / 2, pairs,
                      m->r2);
        m->points->loops->matern(m->r2, m->pair_k, pairs);
        factor(m, y, n);
        const double here = evidence(m);
        if (here > most) {
            most = here;
            memcpy(best, m->theta, size);
        }
        if (s == STEPS)
            break;
        slopes(m, m->climb);
        step_up(m);
    }
    memcpy(m->theta, best, size);
    find_scales(m);
}

void search_model_fit(struct search_model *m, const double *y)
{
    struct search_points *p = m->points;
    const size_t count = p->count, n = count < p->fitted ? count : p->fitted;

    assert(count > 0);
    for (int t = 0; t < m->scales; t++)
        m->theta[t] = prior[kind_of(m, t)].mean;
    standardise(m, y, n);
    measure_pairs(p, n);
    climb(m, y, n);
    m->count = 0;
    for (size_t i = 0; i < count; i++) { /* each as if it came after those before it */
        search__look_again(p, i);
        search_model_add(m, y[i]);
    }
}
