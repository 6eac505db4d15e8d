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
#include "search/surrogate.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 30, MAX_THETA = SEARCH_MODEL_GROUPS + 2, LANES = 8 };

/* Logarithms of the scales w_g, of the signal s and of the noise, for values with variance 1. What
 * is exact has next to no noise, hence the low bound of that. */
static const struct {
    double mean, sd, least, most;
} prior[] = {{0, 2, -9.2, 9.2}, {0, 1, -9.2, 9.2}, {-5, 2, -16, 9.2}};
enum { SCALE, SIGNAL, NOISE };

struct search_points {
    int features, groups;
    size_t room, fitted, count;
    int *group;      /* [features] */
    float *share;    /* [features] 1 / features of its group */
    float *x;        /* (features, room) */
    float *look;     /* [features] the place that models are asked about */
    float *gap;      /* (groups, room) of it to all points, squared */
    float *pairs;    /* (groups, fitted * (fitted + 1) / 2) of all pairs of the fitted */
    size_t pairs_of; /* so many points; 0: to be measured */
    uint64_t looks;  /* so far */
};

struct search_model {
    struct search_points *points;
    size_t count;
    uint64_t look;   /* of which `row` is */
    size_t solved;   /* beginning of v that is known */
    double rest;     /* s - v.v of it */
    bool weighed;    /* w is of all points */
    double *theta;   /* [groups + 2] */
    double mean, sd; /* of the values fitted */
    double *l;       /* (room, room) lower triangle */
    double *inverse; /* [room] of its diagonal */
    double *z, *w;   /* [room] */
    double *k, *v;   /* [room] of the place looked at */
    float *r2;       /* [room], or of all pairs of a fit, as the next two */
    double *pair_k, *pair_slope;
    double *full; /* (fitted, fitted) the covariance's inverse, in a fit */
};

/* ---- sums in a fixed order ---- */

static double dot(const double *a, const double *b, size_t n)
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
static void matern(const float *restrict r2, double *restrict k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(limited(5. * (double)r2[i]));
        k[i] = (1 + a + a * a * (1. / 3)) * exp_of_minus(a);
    }
}

/* slope[n] of k by r2. */
static void matern_slope(const float *restrict r2, double *restrict slope, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(limited(5. * (double)r2[i]));
        slope[i] = -5. / 6 * (1 + a) * exp_of_minus(a);
    }
}

/* r2[n] = sum over groups of w_g times gaps, rows of `stride`. */
static void weigh(const struct search_model *m, const float *gaps, size_t stride, size_t n,
                  float *restrict r2)
{
    memset(r2, 0, n * sizeof *r2);
    for (int g = 0; g < m->points->groups; g++) {
        const float weight = (float)exp(m->theta[g]), *restrict gap = gaps + (size_t)g * stride;
        for (size_t i = 0; i < n; i++)
            r2[i] += weight * gap[i];
    }
}

/* ---- points ---- */

static rt_status no_memory(struct rt_err *err, size_t room)
{
    return rt_fail(err, RT_ENOMEM, "no memory for a surrogate of %zu points", room);
}

rt_status search_points_open(int features, const int *group, int groups, size_t room, size_t fitted,
                             struct search_points **points, struct rt_err *err)
{
    struct search_points *p;
    const size_t f = (size_t)features, pairs = fitted * (fitted + 1) / 2;

    assert(features > 0 && groups > 0 && fitted > 0 && fitted <= room);
    if (groups > SEARCH_MODEL_GROUPS)
        return rt_fail(err, RT_EARG, "a surrogate has at most %d scales, not %d",
                       SEARCH_MODEL_GROUPS, groups);
    p = calloc(1, sizeof *p);
    if (!p)
        return no_memory(err, room);
    p->features = features;
    p->groups = groups;
    p->room = room;
    p->fitted = fitted;
    p->group = calloc(f, sizeof *p->group);
    p->share = calloc(f, sizeof *p->share);
    p->x = calloc(f * room, sizeof *p->x);
    p->look = calloc(f, sizeof *p->look);
    p->gap = calloc((size_t)groups * room, sizeof *p->gap);
    p->pairs = calloc((size_t)groups * pairs, sizeof *p->pairs);
    if (!p->group || !p->share || !p->x || !p->look || !p->gap || !p->pairs) {
        search_points_close(p);
        return no_memory(err, room);
    }
    memcpy(p->group, group, f * sizeof *group);
    for (int i = 0; i < features; i++) {
        int members = 0;
        for (int j = 0; j < features; j++)
            members += group[j] == group[i];
        p->share[i] = 1.f / (float)members;
    }
    *points = p;
    return RT_OK;
}

void search_points_close(struct search_points *p)
{
    if (!p)
        return;
    free(p->group);
    free(p->share);
    free(p->x);
    free(p->look);
    free(p->gap);
    free(p->pairs);
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
    for (int g = 0; g < p->groups; g++)
        memset(p->gap + (size_t)g * p->room, 0, n * sizeof *p->gap);
    for (int f = 0; f < p->features; f++) {
        const float here = p->look[f],
                    share = p->share[f], *restrict x = p->x + (size_t)f * p->room;
        float *restrict gap = p->gap + (size_t)p->group[f] * p->room;
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
    p->count++;
    return true;
}

/* Gaps of all pairs of the first n points: row by row, each to those before it and itself. */
static void measure_pairs(struct search_points *p, size_t n)
{
    const size_t stride = p->fitted * (p->fitted + 1) / 2;
    size_t pair = 0;

    if (p->pairs_of == n)
        return;
    for (size_t i = 0; i < n; i++) {
        for (int f = 0; f < p->features; f++)
            p->look[f] = p->x[(size_t)f * p->room + i];
        measure_gaps(p, i + 1);
        for (int g = 0; g < p->groups; g++)
            memcpy(p->pairs + (size_t)g * stride + pair, p->gap + (size_t)g * p->room,
                   (i + 1) * sizeof *p->gap);
        pair += i + 1;
    }
    p->pairs_of = n;
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
    m->theta = calloc((size_t)points->groups + 2, sizeof *m->theta);
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
    if (!m->theta || !m->l || !m->inverse || !m->z || !m->w || !m->k || !m->v || !m->r2 ||
        !m->pair_k || !m->pair_slope || !m->full) {
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

static double signal_of(const struct search_model *m)
{
    return exp(m->theta[m->points->groups]);
}

static double noise_of(const struct search_model *m)
{
    return exp(m->theta[m->points->groups + 1]) + 1e-8; /* the latter keeps L regular */
}

/* ---- conditioning and prediction ---- */

/* k of the place looked at to the first n points. */
static void covary(struct search_model *m, size_t n)
{
    const double signal = signal_of(m);

    weigh(m, m->points->gap, m->points->room, n, m->r2);
    matern(m->r2, m->k, n);
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
        m->v[i] = (m->k[i] - dot(m->l + i * m->points->room, m->v, i)) * m->inverse[i];
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
    row[n] = sqrt(fmax(m->rest + noise_of(m), 1e-12));
    m->inverse[n] = 1 / row[n];
    m->count++;
    m->weighed = false;
    m->look = 0;
    return dot(row, m->z, n);
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
static void find_weights(struct search_model *m)
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
        find_weights(m);
    covary(m, m->count);
    return m->mean + m->sd * dot(m->k, m->w, m->count);
}

double search_model_deviation(struct search_model *m, size_t known)
{
    assert(m->look == m->points->looks);
    solve(m, known < m->count ? known : m->count);
    return m->sd * sqrt(fmax(m->rest, 1e-12));
}

double search_model_noise(const struct search_model *m)
{
    return m->sd * sqrt(noise_of(m));
}

/* ---- fitting ---- */

/* L of the covariance of the first n points, from their pairs; z = L^-1 y. */
static void factor(struct search_model *m, const double *y, size_t n)
{
    const double signal = signal_of(m), noise = noise_of(m);
    const size_t room = m->points->room;
    size_t pair = 0;

    for (size_t i = 0; i < n; i++) {
        double *li = m->l + i * room;
        for (size_t j = 0; j < i; j++, pair++)
            li[j] = (signal * m->pair_k[pair] - dot(li, m->l + j * room, j)) * m->inverse[j];
        li[i] = sqrt(fmax(signal * m->pair_k[pair++] + noise - dot(li, li, i), 1e-12));
        m->inverse[i] = 1 / li[i];
        m->z[i] = ((y[i] - m->mean) / m->sd - dot(li, m->z, i)) * m->inverse[i];
    }
    m->count = n;
    m->weighed = false;
}

/* The inverse of the covariance, L^-T L^-1, into the upper triangle of m->full. */
static void invert(struct search_model *m)
{
    const size_t n = m->count, width = m->points->fitted;

    for (size_t c = 0; c < n; c++) { /* column c of L^-1 as row c, from c on */
        double *u = m->full + c * width;
        u[c] = m->inverse[c];
        for (size_t i = c + 1; i < n; i++)
            u[i] = -dot(m->l + i * m->points->room + c, u + c, i - c) * m->inverse[i];
    }
    for (size_t i = 0; i < n; i++) /* what is overwritten is not read again */
        for (size_t j = 0; j <= i; j++)
            m->full[j * width + i] = dot(m->full + i * width + i, m->full + j * width + i, n - i);
}

static int kind_of(const struct search_model *m, int t)
{
    return t < m->points->groups ? SCALE : t == m->points->groups ? SIGNAL : NOISE;
}

/* Logarithm of likelihood times prior, but for constants. */
static double evidence(const struct search_model *m)
{
    double sum = -dot(m->z, m->z, m->count) / 2;

    for (size_t i = 0; i < m->count; i++)
        sum += log(m->inverse[i]);
    for (int t = 0; t < m->points->groups + 2; t++) {
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
    const double signal = signal_of(m);
    double by_signal = 0, by_noise = 0;
    size_t pair = 0;

    invert(m);
    find_weights(m);
    matern_slope(m->r2, m->pair_slope, n * (n + 1) / 2);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++, pair++) {
            const double pull = (m->w[i] * m->w[j] - m->full[j * p->fitted + i]) * (j < i ? 1 : .5);
            by_signal += pull * m->pair_k[pair];
            by_noise += j == i ? pull : 0;
            m->pair_slope[pair] *= pull;
        }
    for (int g = 0; g < p->groups; g++) {
        const float *gap = p->pairs + (size_t)g * stride;
        double sum[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= pair; i += LANES)
            for (int j = 0; j < LANES; j++)
                sum[j] += m->pair_slope[i + (size_t)j] * (double)gap[i + (size_t)j];
        for (; i < pair; i++)
            sum[0] += m->pair_slope[i] * (double)gap[i];
        slope[g] =
            exp(m->theta[g]) * signal *
            (((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])));
    }
    slope[p->groups] = signal * by_signal;
    slope[p->groups + 1] = exp(m->theta[p->groups + 1]) * by_noise;
    for (int t = 0; t < p->groups + 2; t++) {
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

/* Uphill, each logarithm by a step of its own that grows while the slope keeps its sign; the best
 * place met is kept. */
static void climb(struct search_model *m, const double *y, size_t n)
{
    const int count = m->points->groups + 2;
    double slope[MAX_THETA] = {0}, before[MAX_THETA] = {0}, step[MAX_THETA] = {0};
    double best[MAX_THETA], most = -INFINITY;

    memcpy(best, m->theta, sizeof *best * (size_t)count);
    for (int t = 0; t < count; t++)
        step[t] = .5;
    for (int s = 0; s <= STEPS; s++) {
        weigh(m, m->points->pairs, m->points->fitted * (m->points->fitted + 1) / 2, n * (n + 1) / 2,
              m->r2);
        matern(m->r2, m->pair_k, n * (n + 1) / 2);
        factor(m, y, n);
        const double here = evidence(m);
        if (here > most) {
            most = here;
            memcpy(best, m->theta, sizeof *best * (size_t)count);
        }
        if (s == STEPS)
            break;
        slopes(m, slope);
        for (int t = 0; t < count; t++) {
            const int kind = kind_of(m, t);
            const double turn = slope[t] * before[t];
            step[t] = fmin(1, fmax(1e-3, step[t] * (turn > 0 ? 1.2 : turn < 0 ? .5 : 1)));
            m->theta[t] += slope[t] > 0 ? step[t] : slope[t] < 0 ? -step[t] : 0;
            m->theta[t] = fmin(prior[kind].most, fmax(prior[kind].least, m->theta[t]));
            before[t] = slope[t];
        }
    }
    memcpy(m->theta, best, sizeof *best * (size_t)count);
}

void search_model_fit(struct search_model *m, const double *y)
{
    struct search_points *p = m->points;
    const size_t count = p->count, n = count < p->fitted ? count : p->fitted;

    assert(count > 0);
    for (int t = 0; t < p->groups + 2; t++)
        m->theta[t] = prior[kind_of(m, t)].mean;
    standardise(m, y, n);
    measure_pairs(p, n);
    climb(m, y, n);
    m->count = 0;
    for (size_t i = 0; i < count; i++) { /* each as if it came after those before it */
        for (int f = 0; f < p->features; f++)
            p->look[f] = p->x[(size_t)f * p->room + i];
        measure_gaps(p, i);
        p->looks++;
        search_model_add(m, y[i]);
    }
}
