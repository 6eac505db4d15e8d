/* search/surrogate.c -- see surrogate.h.
 *
 * The factor L of the covariance is made row by row, each from the rows before it, so that points
 * added one at a time give the same bits as all at once. With z = L^-1 y kept beside it the mean at
 * x is k(x).w, w = L^-T z, and the variance s - v.v for v = L^-1 k(x), whose beginning gives a
 * bound. Believing a prediction is a row of L with a zero in z.
 *
 * Features lie one behind the other for all points, and so do gaps, so that loops over points have
 * no order that a compiler's vectors could change: bits are the same for any of them. exp() is
 * written out for the same reason, and because that makes it several times as fast.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/surrogate_internal.h"

enum { LANES = 8 };

/* ---- sums in a fixed order ---- */

double search__dot(const double *a, const double *b, size_t n)
{
    double s[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            s[j] += a[i + (size_t)j] * b[i + (size_t)j];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* ---- the kernel ---- */

/* exp(-a) for a in 0..700, by 2^whole of what is left, whose powers are summed up. */
static inline double exp_of_minus(double a)
{
    const double magic = 0x1.8p52, t = a * -1.4426950408889634074;
    const double shifted = t + magic; /* its last bits are the whole number next to t */
    const double x = (t - (shifted - magic)) * .69314718055994530942;
    double p = 1. / 39916800, scale;
    uint64_t bits;

    p = p * x + 1. / 3628800;
    p = p * x + 1. / 362880;
    p = p * x + 1. / 40320;
    p = p * x + 1. / 5040;
    p = p * x + 1. / 720;
    p = p * x + 1. / 120;
    p = p * x + 1. / 24;
    p = p * x + 1. / 6;
    p = p * x + .5;
    p = p * x + 1;
    p = p * x + 1;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline double limited(double x)
{
    return x < 4e5 ? x : 4e5;
}

/* k[n] without the signal. */
void search__matern(const float *restrict r2, double *restrict k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(limited(5. * (double)r2[i]));
        k[i] = (1 + a + a * a * (1. / 3)) * exp_of_minus(a);
    }
}

/* slope[n] of k by r2. */
void search__matern_slope(const float *restrict r2, double *restrict slope, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(limited(5. * (double)r2[i]));
        slope[i] = -5. / 6 * (1 + a) * exp_of_minus(a);
    }
}

void search__weigh(const struct search_model *m, const float *gaps, size_t stride, size_t n,
                   float *restrict r2)
{
    memset(r2, 0, n * sizeof *r2);
    for (int p = 0; p < m->points->positions; p++) {
        const float scale = m->scale[p], *restrict gap = gaps + (size_t)p * stride;
        for (size_t i = 0; i < n; i++)
            r2[i] += scale * gap[i];
    }
}

/* ---- points ---- */

static rt_status no_memory(struct rt_err *err, size_t room)
{
    return rt_fail(err, RT_ENOMEM, "no memory for a surrogate of %zu points", room);
}

rt_status search_points_open(int features, const int *position, const int *gene, size_t room,
                             size_t fitted, struct search_points **points, struct rt_err *err)
{
    struct search_points *p;
    const size_t f = (size_t)features, pairs = fitted * (fitted + 1) / 2;

    assert(features > 0 && fitted > 0 && fitted <= room);
    p = calloc(1, sizeof *p);
    if (!p)
        return no_memory(err, room);
    p->features = features;
    p->positions = position[features - 1] + 1;
    p->genes = gene[p->positions - 1] + 1;
    p->room = room;
    p->fitted = fitted;
    p->position = calloc(f, sizeof *p->position);
    p->gene = calloc((size_t)p->positions, sizeof *p->gene);
    p->share = calloc(f, sizeof *p->share);
    p->x = calloc(f * room, sizeof *p->x);
    p->look = calloc(f, sizeof *p->look);
    p->gap = calloc((size_t)p->positions * room, sizeof *p->gap);
    p->pairs = calloc((size_t)p->positions * pairs, sizeof *p->pairs);
    p->part = calloc(room, sizeof *p->part);
    if (!p->position || !p->gene || !p->share || !p->x || !p->look || !p->gap || !p->pairs ||
        !p->part) {
        search_points_close(p);
        return no_memory(err, room);
    }
    memcpy(p->position, position, f * sizeof *position);
    memcpy(p->gene, gene, (size_t)p->positions * sizeof *gene);
    for (int i = 0; i < features; i++) {
        int members = 0;
        for (int j = 0; j < features; j++)
            members += gene[position[j]] == gene[position[i]];
        p->share[i] = 1.f / (float)members;
    }
    *points = p;
    return RT_OK;
}

void search_points_close(struct search_points *p)
{
    if (!p)
        return;
    free(p->position);
    free(p->gene);
    free(p->share);
    free(p->x);
    free(p->look);
    free(p->gap);
    free(p->pairs);
    free(p->part);
    free(p);
}

size_t search_points_count(const struct search_points *p)
{
    return p->count;
}

void search_points_keep(struct search_points *p, size_t count)
{
    p->count = count < p->count ? count : p->count;
    if (p->count < p->fitted)
        p->pairs_of = 0;
}

/* Gaps of the place `look` to the first n points. */
static void measure_gaps(struct search_points *p, size_t n)
{
    for (int g = 0; g < p->positions; g++)
        memset(p->gap + (size_t)g * p->room, 0, n * sizeof *p->gap);
    for (int f = 0; f < p->features; f++) {
        const float here = p->look[f],
                    share = p->share[f], *restrict x = p->x + (size_t)f * p->room;
        float *restrict gap = p->gap + (size_t)p->position[f] * p->room;
        for (size_t i = 0; i < n; i++)
            gap[i] += share * ((x[i] - here) * (x[i] - here));
    }
}

void search_points_look(struct search_points *p, const double *x)
{
    for (int f = 0; f < p->features; f++)
        p->look[f] = (float)x[f];
    measure_gaps(p, p->count);
    p->looks++;
}

bool search_points_add(struct search_points *p)
{
    if (p->count == p->room)
        return false;
    for (int f = 0; f < p->features; f++)
        p->x[(size_t)f * p->room + p->count] = p->look[f];
    p->part[p->count++] = 1;
    return true;
}

void search_points_repeated(struct search_points *p, int measurements)
{
    assert(p->count > 0 && measurements >= 1);
    p->part[p->count - 1] = 1. / measurements;
}

void search__look_again(struct search_points *p, size_t i)
{
    for (int f = 0; f < p->features; f++)
        p->look[f] = p->x[(size_t)f * p->room + i];
    measure_gaps(p, i + 1);
    p->looks++;
}

/* ---- lifecycle of a model ---- */

rt_status search_model_open(struct search_points *points, struct search_model **model,
                            struct rt_err *err)
{
    const size_t room = points->room, pairs = points->fitted * (points->fitted + 1) / 2;
    const size_t most = pairs > room ? pairs : room;
    struct search_model *m = calloc(1, sizeof *m);

    if (!m)
        return no_memory(err, room);
    m->points = points;
    m->scales = points->genes + points->positions + 2;
    m->theta = calloc((size_t)m->scales, sizeof *m->theta);
    m->climb = calloc(4 * (size_t)m->scales, sizeof *m->climb);
    m->scale = calloc((size_t)points->positions, sizeof *m->scale);
    m->l = calloc(room * room, sizeof *m->l);
    m->inverse = calloc(room, sizeof *m->inverse);
    m->z = calloc(room, sizeof *m->z);
    m->w = calloc(room, sizeof *m->w);
    m->k = calloc(room, sizeof *m->k);
    m->v = calloc(room, sizeof *m->v);
    m->r2 = calloc(most, sizeof *m->r2);
    m->pair_k = calloc(pairs, sizeof *m->pair_k);
    m->pair_slope = calloc(pairs, sizeof *m->pair_slope);
    m->full = calloc(points->fitted * points->fitted, sizeof *m->full);
    if (!m->theta || !m->climb || !m->scale || !m->l || !m->inverse || !m->z || !m->w || !m->k ||
        !m->v || !m->r2 || !m->pair_k || !m->pair_slope || !m->full) {
        search_model_close(m);
        return no_memory(err, room);
    }
    *model = m;
    return RT_OK;
}

void search_model_close(struct search_model *m)
{
    if (!m)
        return;
    free(m->theta);
    free(m->climb);
    free(m->scale);
    free(m->l);
    free(m->inverse);
    free(m->z);
    free(m->w);
    free(m->k);
    free(m->v);
    free(m->r2);
    free(m->pair_k);
    free(m->pair_slope);
    free(m->full);
    free(m);
}

void search_model_keep(struct search_model *m, size_t count)
{
    if (count >= m->count)
        return;
    m->count = count;
    m->weighed = false;
    m->look = 0;
}

double search__signal_of(const struct search_model *m)
{
    return exp(m->theta[m->scales - 2]);
}

double search__noise_of(const struct search_model *m)
{
    return exp(m->theta[m->scales - 1]) + 1e-8; /* the latter keeps L regular */
}

/* ---- conditioning and prediction ---- */

/* k of the place looked at to the first n points. */
static void covary(struct search_model *m, size_t n)
{
    const double signal = search__signal_of(m);

    search__weigh(m, m->points->gap, m->points->room, n, m->r2);
    search__matern(m->r2, m->k, n);
    for (size_t i = 0; i < n; i++)
        m->k[i] *= signal;
    m->look = m->points->looks;
    m->solved = 0;
    m->rest = signal;
}

/* v = L^-1 k up to row n. */
static void solve(struct search_model *m, size_t n)
{
    for (size_t i = m->solved; i < n; i++) {
        m->v[i] = (m->k[i] - search__dot(m->l + i * m->points->room, m->v, i)) * m->inverse[i];
        m->rest -= m->v[i] * m->v[i];
    }
    m->solved = n > m->solved ? n : m->solved;
}

/* The place looked at becomes the last row; returns its mean, standardised. */
static double append(struct search_model *m)
{
    const size_t n = m->count;
    double *row = m->l + n * m->points->room;

    assert(n < m->points->room);
    if (m->look != m->points->looks)
        covary(m, n);
    solve(m, n);
    memcpy(row, m->v, n * sizeof *row);
    row[n] = sqrt(fmax(m->rest + search__noise_of(m) * m->points->part[n], 1e-12));
    m->inverse[n] = 1 / row[n];
    m->count++;
    m->weighed = false;
    m->look = 0;
    return search__dot(row, m->z, n);
}

void search_model_add(struct search_model *m, double y)
{
    const size_t n = m->count;
    const double mean = append(m);

    m->z[n] = ((y - m->mean) / m->sd - mean) * m->inverse[n];
}

void search_model_believe(struct search_model *m)
{
    append(m);
    m->z[m->count - 1] = 0;
}

/* w = L^-T z: from the last row up, each taken from those before it. */
void search__find_weights(struct search_model *m)
{
    memcpy(m->w, m->z, m->count * sizeof *m->w);
    for (size_t i = m->count; i-- > 0;) {
        const double *row = m->l + i * m->points->room;
        const double w = m->w[i] *= m->inverse[i];
        for (size_t j = 0; j < i; j++)
            m->w[j] -= row[j] * w;
    }
    m->weighed = true;
}

double search_model_mean(struct search_model *m)
{
    assert(m->points->looks && m->count);
    if (!m->weighed)
        search__find_weights(m);
    covary(m, m->count);
    return m->mean + m->sd * search__dot(m->k, m->w, m->count);
}

double search_model_deviation(struct search_model *m, size_t known)
{
    assert(m->look == m->points->looks);
    solve(m, known < m->count ? known : m->count);
    return m->sd * sqrt(fmax(m->rest, 1e-12));
}

double search_model_noise(const struct search_model *m)
{
    return m->sd * sqrt(search__noise_of(m));
}
