/* search/surrogate.c -- see surrogate.h.
 *
 * The factor L of the covariance is made row by row, each from the rows before it, so that points
 * added one at a time give the same bits as all at once. With z = L^-1 y kept beside it the mean at
 * x is k(x).w, w = L^-T z, and the variance s - v.v for v = L^-1 k(x), whose beginning gives a
 * bound. Believing a prediction is a row of L with a zero in z.
 *
 * Features lie one behind the other for all points, and so do gaps, so that loops over points are of
 * neighbours (search/loops.h). A child differs from the place that was looked at before in few
 * positions, so only their gaps are measured anew.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/surrogate_internal.h"

void search__weigh(const struct search_model *m, const float *gaps, size_t stride, size_t n,
                   float *r2)
{
    m->points->loops->weigh(gaps, stride, m->points->positions, m->scale, r2, n);
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
    p->loops = search_loops_of(0);
    p->room = room;
    p->fitted = fitted;
    p->position = calloc(f, sizeof *p->position);
    p->gene = calloc((size_t)p->positions, sizeof *p->gene);
    p->share = calloc(f, sizeof *p->share);
    p->x = calloc(f * room, sizeof *p->x);
    p->look = calloc(f, sizeof *p->look);
    p->next = calloc(f, sizeof *p->next);
    p->gap = calloc((size_t)p->positions * room, sizeof *p->gap);
    p->pairs = calloc((size_t)p->positions * pairs, sizeof *p->pairs);
    p->part = calloc(room, sizeof *p->part);
    if (!p->position || !p->gene || !p->share || !p->x || !p->look || !p->next || !p->gap ||
        !p->pairs || !p->part) {
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
    free(p->next);
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
    p->measured = 0; /* others come where those were */
    if (p->count < p->fitted)
        p->pairs_of = 0;
}

/* Gaps of the place p->next to the first n points; it becomes p->look. */
static void measure_gaps(struct search_points *p, size_t n)
{
    const bool known = p->measured == n;

    for (int f = 0, end; f < p->features; f = end) {
        const int position = p->position[f];
        for (end = f; end < p->features && p->position[end] == position;)
            end++;
        const size_t bytes = (size_t)(end - f) * sizeof *p->look;
        if (known && memcmp(p->look + f, p->next + f, bytes) == 0)
            continue;
        memcpy(p->look + f, p->next + f, bytes);
        p->loops->gaps(p->x + (size_t)f * p->room, p->room, end - f, p->share + f, p->look + f,
                       p->gap + (size_t)position * p->room, n);
    }
    p->measured = n;
    p->looks++;
}

void search_points_look(struct search_points *p, int seat, const double *x)
{
    assert(seat >= 0 && seat < SEARCH_SEATS);
    p->seat = seat;
    for (int f = 0; f < p->features; f++)
        p->next[f] = (float)x[f];
    measure_gaps(p, p->count);
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
        p->next[f] = p->x[(size_t)f * p->room + i];
    measure_gaps(p, i + 1);
}

/* ---- lifecycle of a model ---- */

/* Zeros, at the beginning of a cache line, or each row that is read would be read as two of these. */
static double *calloc_lines(size_t count)
{
    enum { LINE = 64 };
    const size_t bytes = (count * sizeof(double) + LINE - 1) / LINE * LINE;
    double *numbers = aligned_alloc(LINE, bytes);

    if (numbers)
        memset(numbers, 0, bytes);
    return numbers;
}

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
    m->l = calloc_lines(room * room);
    m->inverse = calloc(room, sizeof *m->inverse);
    m->z = calloc(room, sizeof *m->z);
    m->w = calloc_lines(room);
    m->k = calloc_lines(SEARCH_SEATS * room);
    m->v = calloc_lines(SEARCH_SEATS * room);
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
    search__forget_looks(m);
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

void search__forget_looks(struct search_model *m)
{
    memset(m->look, 0, sizeof m->look);
}

/* k of the place looked at last to the first n points. */
static const double *covary(struct search_model *m, size_t n)
{
    const int seat = m->points->seat;
    double *k = m->k + (size_t)seat * m->points->room;
    const double signal = search__signal_of(m);

    search__weigh(m, m->points->gap, m->points->room, n, m->r2);
    m->points->loops->matern(m->r2, k, n);
    for (size_t i = 0; i < n; i++)
        k[i] *= signal;
    m->look[seat] = m->points->looks;
    m->solved[seat] = 0;
    m->rest[seat] = signal;
    return k;
}

void search__solve(const struct search_model *m, size_t first, const double *k, double *v, size_t n)
{
    const size_t room = m->points->room;
    static const int alone = 0;

    m->points->loops->solve(m->l + first * room + first, room, m->inverse + first, k, v, 0, &alone,
                            1, 0, n);
}

/* v = L^-1 k up to row n, at places where as much of it is known. */
static void solve(struct search_model *m, const int *seat, int count, size_t n)
{
    const size_t room = m->points->room, from = count ? m->solved[seat[0]] : n;

    if (n <= from)
        return;
    m->points->loops->solve(m->l, room, m->inverse, m->k, m->v, room, seat, count, from, n);
    for (int j = 0; j < count; j++) {
        const double *v = m->v + (size_t)seat[j] * room;
        assert(m->solved[seat[j]] == from);
        for (size_t i = from; i < n; i++)
            m->rest[seat[j]] -= v[i] * v[i];
        m->solved[seat[j]] = n;
    }
}

/* The place looked at becomes the last row; returns its mean, standardised. */
static double append(struct search_model *m)
{
    const size_t n = m->count;
    const int seat = m->points->seat;
    double *row = m->l + n * m->points->room;

    assert(n < m->points->room);
    if (m->look[seat] != m->points->looks)
        covary(m, n);
    solve(m, &seat, 1, n);
    memcpy(row, m->v + (size_t)seat * m->points->room, n * sizeof *row);
    row[n] = sqrt(fmax(m->rest[seat] + search__noise_of(m) * m->points->part[n], 1e-12));
    m->inverse[n] = 1 / row[n];
    m->count++;
    m->weighed = false;
    search__forget_looks(m);
    return m->points->loops->dot(row, m->z, n);
}

void search_model_add(struct search_model *m, double y)
{
    const size_t n = m->count;
    const double mean = append(m);

    m->z[n] = ((y - m->mean) / m->sd - mean) * m->inverse[n];
}

void search_model_believe(struct search_model *m)
{
    const bool weighed = m->weighed;

    append(m);
    m->z[m->count - 1] = 0;
    m->w[m->count - 1] = 0; /* the others stay as they are */
    m->weighed = weighed;
}

void search__find_weights(struct search_model *m)
{
    memcpy(m->w, m->z, m->count * sizeof *m->w);
    m->points->loops->solve_back(m->l, m->points->room, m->inverse, m->w, m->count);
    m->weighed = true;
}

double search_model_mean(struct search_model *m)
{
    assert(m->points->looks && m->count);
    if (!m->weighed)
        search__find_weights(m);
    const double *k = covary(m, m->count);
    return m->mean + m->sd * m->points->loops->dot(k, m->w, m->count);
}

void search_model_deviations(struct search_model *m, const int *seat, int count, size_t known,
                             double *deviation)
{
    solve(m, seat, count, known < m->count ? known : m->count);
    for (int j = 0; j < count; j++) {
        assert(m->look[seat[j]]);
        deviation[j] = m->sd * sqrt(fmax(m->rest[seat[j]], 1e-12));
    }
}

double search_model_noise(const struct search_model *m)
{
    return m->sd * sqrt(search__noise_of(m));
}
