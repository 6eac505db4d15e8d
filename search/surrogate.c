/* search/surrogate.c -- see surrogate.h.
 *
 * The factor L of the covariance is made row by row, each from the rows before it, so that points
 * added one at a time give the same bits as all at once. With z = L^-1 y kept beside it the mean at
 * x is v.z and the variance s - v.v for v = L^-1 k(x): one triangular solve a prediction. Believing
 * a prediction is a row of L with a zero in z.
 */
#include "search/surrogate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 30, MAX_THETA = SEARCH_MODEL_GROUPS + 2 };
#define LOG_MOST 9.2 /* of each logarithm: 1e-4 to 1e4 */

static const double log_scale_mean = 0, log_scale_sd = 2;  /* of w_g */
static const double log_noise_mean = -5, log_noise_sd = 2; /* of values with variance 1 */
static const double log_signal_mean = 0, log_signal_sd = 1;

struct search_model {
    int features, groups;
    size_t room, count;
    const int *group; /* owned, as all below */
    double *share;    /* 1 / features of its group, a feature */
    double *theta;    /* logarithms: w_g, signal, noise */
    double mean, sd;  /* of the values fitted */
    double *x;        /* scaled rows: feature * sqrt(w_g / features of g) */
    double *l;        /* lower triangle, rows of `room` */
    double *z;
    double *row, *scaled;          /* scratch: a row of l; a scaled point */
    double *inverse, *gaps, *pair; /* scratch of a fit */
};

/* ---- sums in a fixed order, four at a time ---- */

static double dot(const double *a, const double *b, size_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++)
        s0 += a[i] * b[i];
    return (s0 + s2) + (s1 + s3);
}

static double gap2(const double *a, const double *b, int n)
{
    double s0 = 0, s1 = 0;
    int i = 0;

    for (; i + 2 <= n; i += 2) {
        s0 += (a[i] - b[i]) * (a[i] - b[i]);
        s1 += (a[i + 1] - b[i + 1]) * (a[i + 1] - b[i + 1]);
    }
    if (i < n)
        s0 += (a[i] - b[i]) * (a[i] - b[i]);
    return s0 + s1;
}

/* ---- lifecycle ---- */

rt_status search_model_open(int features, const int *group, int groups, size_t room,
                            struct search_model **model, struct rt_err *err)
{
    struct search_model *m = calloc(1, sizeof *m);
    const size_t f = (size_t)features;
    int *own;

    if (!m)
        return rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    if (groups > SEARCH_MODEL_GROUPS) {
        free(m);
        return rt_fail(err, RT_EARG, "a surrogate has at most %d scales, not %d",
                       SEARCH_MODEL_GROUPS, groups);
    }
    m->features = features;
    m->groups = groups;
    m->room = room;
    m->group = own = calloc(f, sizeof *own);
    m->share = calloc(f, sizeof *m->share);
    m->theta = calloc((size_t)groups + 2, sizeof *m->theta);
    m->x = calloc(room * f, sizeof *m->x);
    m->l = calloc(room * room, sizeof *m->l);
    m->z = calloc(room, sizeof *m->z);
    m->row = calloc(room, sizeof *m->row);
    m->scaled = calloc(f, sizeof *m->scaled);
    m->inverse = calloc(room * room, sizeof *m->inverse);
    m->gaps = calloc(room * (room + 1) / 2 * (size_t)groups, sizeof *m->gaps);
    m->pair = calloc(room * (room + 1) / 2, sizeof *m->pair);
    if (!own || !m->share || !m->theta || !m->x || !m->l || !m->z || !m->row || !m->scaled ||
        !m->inverse || !m->gaps || !m->pair) {
        search_model_close(m);
        return rt_fail(err, RT_ENOMEM, "no memory for a surrogate of %zu points", room);
    }
    memcpy(own, group, f * sizeof *own);
    for (int i = 0; i < features; i++) {
        int members = 0;
        for (int j = 0; j < features; j++)
            members += group[j] == group[i];
        m->share[i] = 1. / members;
    }
    *model = m;
    return RT_OK;
}

void search_model_close(struct search_model *m)
{
    if (!m)
        return;
    free((void *)m->group);
    free(m->share);
    free(m->theta);
    free(m->x);
    free(m->l);
    free(m->z);
    free(m->row);
    free(m->scaled);
    free(m->inverse);
    free(m->gaps);
    free(m->pair);
    free(m);
}

size_t search_model_count(const struct search_model *m)
{
    return m->count;
}

void search_model_keep(struct search_model *m, size_t count)
{
    m->count = count < m->count ? count : m->count;
}

/* ---- conditioning and prediction ---- */

static double matern(double r2)
{
    const double a = sqrt(5 * r2);
    return (1 + a + a * a / 3) * exp(-a);
}

static double signal_of(const struct search_model *m)
{
    return exp(m->theta[m->groups]);
}

static double noise_of(const struct search_model *m)
{
    return exp(m->theta[m->groups + 1]) + 1e-8; /* the latter keeps L regular */
}

static void scale(const struct search_model *m, const double *x, double *scaled)
{
    for (int f = 0; f < m->features; f++)
        scaled[f] = x[f] * sqrt(exp(m->theta[m->group[f]]) * m->share[f]);
}

/* v = L^-1 k(x) into m->row for the scaled point. */
static void solve(struct search_model *m, const double *scaled)
{
    const double signal = signal_of(m);

    for (size_t i = 0; i < m->count; i++) {
        const double *l = m->l + i * m->room;
        const double k = signal * matern(gap2(m->x + i * (size_t)m->features, scaled, m->features));
        m->row[i] = (k - dot(l, m->row, i)) / l[i];
    }
}

/* The point in m->scaled becomes the last one; its z is (value - mean) / deviation. */
static double append(struct search_model *m)
{
    const size_t n = m->count;

    solve(m, m->scaled);
    memcpy(m->l + n * m->room, m->row, n * sizeof *m->row);
    const double rest = signal_of(m) + noise_of(m) - dot(m->row, m->row, n);
    m->l[n * m->room + n] = sqrt(fmax(rest, 1e-12));
    memcpy(m->x + n * (size_t)m->features, m->scaled, (size_t)m->features * sizeof *m->x);
    m->count++;
    return dot(m->row, m->z, n);
}

void search_model_add(struct search_model *m, const double *x, double y)
{
    const size_t n = m->count;

    if (n == m->room)
        return;
    scale(m, x, m->scaled);
    const double mean = append(m);
    m->z[n] = ((y - m->mean) / m->sd - mean) / m->l[n * m->room + n];
}

void search_model_believe(struct search_model *m, const double *x)
{
    if (m->count == m->room)
        return;
    scale(m, x, m->scaled);
    append(m);
    m->z[m->count - 1] = 0;
}

void search_model_predict(struct search_model *m, const double *x, double *mean, double *sd)
{
    scale(m, x, m->scaled);
    solve(m, m->scaled);
    const double variance = signal_of(m) + noise_of(m) - dot(m->row, m->row, m->count);
    *mean = m->mean + m->sd * dot(m->row, m->z, m->count);
    *sd = m->sd * sqrt(fmax(variance, 1e-12));
}

/* ---- fitting ---- */

/* Squared gaps of all pairs, by group: gaps[group][pair]. */
static void measure_gaps(struct search_model *m, const double *x, size_t n)
{
    const size_t pairs = n * (n + 1) / 2;
    size_t pair = 0;

    memset(m->gaps, 0, pairs * (size_t)m->groups * sizeof *m->gaps);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++, pair++)
            for (int f = 0; f < m->features; f++) {
                const double gap =
                    x[i * (size_t)m->features + (size_t)f] - x[j * (size_t)m->features + (size_t)f];
                m->gaps[(size_t)m->group[f] * pairs + pair] += gap * gap * m->share[f];
            }
}

/* r2 of all pairs into m->pair. */
static void weigh_gaps(struct search_model *m, size_t n)
{
    const size_t pairs = n * (n + 1) / 2;

    memset(m->pair, 0, pairs * sizeof *m->pair);
    for (int g = 0; g < m->groups; g++) {
        const double weight = exp(m->theta[g]), *gaps = m->gaps + (size_t)g * pairs;
        for (size_t p = 0; p < pairs; p++)
            m->pair[p] += weight * gaps[p];
    }
}

/* L of the covariance, from m->pair; z = L^-1 y. */
static void factor(struct search_model *m, const double *y, size_t n)
{
    const double signal = signal_of(m), noise = noise_of(m);
    size_t pair = 0;

    for (size_t i = 0; i < n; i++) {
        double *li = m->l + i * m->room;
        for (size_t j = 0; j <= i; j++, pair++) {
            const double *lj = m->l + j * m->room;
            const double k = signal * matern(m->pair[pair]) - dot(li, lj, j);
            li[j] = j < i ? k / lj[j] : sqrt(fmax(k + noise, 1e-12));
        }
        m->z[i] = ((y[i] - m->mean) / m->sd - dot(li, m->z, i)) / li[i];
    }
    m->count = n;
}

/* The inverse of the covariance, L^-T L^-1, into the upper triangle of m->inverse. */
static void invert(struct search_model *m)
{
    const size_t n = m->count;

    for (size_t c = 0; c < n; c++) { /* column c of L^-1 as row c, from c on */
        double *u = m->inverse + c * m->room;
        u[c] = 1 / m->l[c * m->room + c];
        for (size_t i = c + 1; i < n; i++) {
            const double *l = m->l + i * m->room;
            u[i] = -dot(l + c, u + c, i - c) / l[i];
        }
    }
    for (size_t i = 0; i < n; i++) /* what is overwritten is not read again */
        for (size_t j = 0; j <= i; j++)
            m->inverse[j * m->room + i] =
                dot(m->inverse + i * m->room + i, m->inverse + j * m->room + i, n - i);
}

/* K^-1 y into m->row. */
static void weights(struct search_model *m)
{
    const size_t n = m->count;

    for (size_t i = n; i-- > 0;) {
        double sum = m->z[i];
        for (size_t j = i + 1; j < n; j++)
            sum -= m->l[j * m->room + i] * m->row[j];
        m->row[i] = sum / m->l[i * m->room + i];
    }
}

static double prior_mean(const struct search_model *m, int t)
{
    return t < m->groups ? log_scale_mean : t == m->groups ? log_signal_mean : log_noise_mean;
}

static double prior_sd(const struct search_model *m, int t)
{
    return t < m->groups ? log_scale_sd : t == m->groups ? log_signal_sd : log_noise_sd;
}

/* Logarithm of likelihood times prior, but for constants. */
static double evidence(const struct search_model *m)
{
    double sum = -dot(m->z, m->z, m->count) / 2;

    for (size_t i = 0; i < m->count; i++)
        sum -= log(m->l[i * m->room + i]);
    for (int t = 0; t < m->groups + 2; t++) {
        const double off = (m->theta[t] - prior_mean(m, t)) / prior_sd(m, t);
        sum -= off * off / 2;
    }
    return sum;
}

/* Its derivatives; overwrites m->pair. */
static void slopes(struct search_model *m, double *slope)
{
    const size_t n = m->count, pairs = n * (n + 1) / 2;
    const double signal = signal_of(m);
    double by_signal = 0, by_noise = 0;
    size_t pair = 0;

    invert(m);
    weights(m);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++, pair++) {
            const double a = sqrt(5 * m->pair[pair]);
            const double pull =
                (m->row[i] * m->row[j] - m->inverse[j * m->room + i]) * (j < i ? 1 : .5) * exp(-a);
            by_signal += pull * (1 + a + a * a / 3);
            by_noise += j == i ? pull : 0;
            m->pair[pair] = -5. / 6 * (1 + a) * pull;
        }
    for (int g = 0; g < m->groups; g++)
        slope[g] = exp(m->theta[g]) * signal * dot(m->pair, m->gaps + (size_t)g * pairs, pairs);
    slope[m->groups] = signal * by_signal;
    slope[m->groups + 1] = exp(m->theta[m->groups + 1]) * by_noise;
    for (int t = 0; t < m->groups + 2; t++)
        slope[t] -= (m->theta[t] - prior_mean(m, t)) / (prior_sd(m, t) * prior_sd(m, t));
}

static void standardise(struct search_model *m, const double *y, size_t n)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++)
        sum += y[i];
    m->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (y[i] - m->mean) * (y[i] - m->mean);
    m->sd = squares > 0 ? sqrt(squares / (double)n) : 1;
}

/* Uphill, each logarithm by a step of its own that grows while the slope keeps its sign; the best
 * place met is kept. */
static void climb(struct search_model *m, const double *y, size_t n)
{
    double slope[MAX_THETA] = {0}, before[MAX_THETA] = {0}, step[MAX_THETA] = {0};
    double best[MAX_THETA], most = -INFINITY;

    for (int t = 0; t < m->groups + 2; t++)
        step[t] = .5;
    for (int s = 0; s <= STEPS; s++) {
        weigh_gaps(m, n);
        factor(m, y, n);
        const double here = evidence(m);
        if (here > most) {
            most = here;
            memcpy(best, m->theta, sizeof *best * (size_t)(m->groups + 2));
        }
        if (s == STEPS)
            break;
        slopes(m, slope);
        for (int t = 0; t < m->groups + 2; t++) {
            const double turn = slope[t] * before[t];
            step[t] = fmin(1, fmax(1e-3, step[t] * (turn > 0 ? 1.2 : turn < 0 ? .5 : 1)));
            m->theta[t] += slope[t] > 0 ? step[t] : slope[t] < 0 ? -step[t] : 0;
            m->theta[t] = fmin(LOG_MOST, fmax(-LOG_MOST, m->theta[t]));
            before[t] = slope[t];
        }
    }
    memcpy(m->theta, best, sizeof *best * (size_t)(m->groups + 2));
}

void search_model_fit(struct search_model *m, const double *x, const double *y, size_t n)
{
    for (int t = 0; t < m->groups + 2; t++)
        m->theta[t] = prior_mean(m, t);
    standardise(m, y, n);
    measure_gaps(m, x, n);
    climb(m, y, n);
    m->count = 0;
    for (size_t i = 0; i < n; i++)
        search_model_add(m, x + i * (size_t)m->features, y[i]);
}
