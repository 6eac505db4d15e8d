/* trainer/measure/estimate.c -- see estimate.h. */
#include "trainer/measure/estimate.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#define NEAR_BEST 1.015 /* the reference beside a clear block, as times its best */
#define AGREE 1.01      /* of three blocks, the third as times the first */
#define STEADY 1.05     /* of the references beside a block, one as times the other */
#define MARGIN .04      /* half a floor's interval */
#define SHIFT .09       /* half an estimate's, at least, ... */
#define UNLIKE .06      /* ... and so much more a factor of ten between network and reference */
#define FEW .10         /* and the standard error of a ratio known from one block */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x. */
static double median_of(double *x, int n)
{
    assert(n > 0);
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* The least of sorted x[n] that two others come within AGREE of; NaN: none. */
static double confirmed(const double *x, int n)
{
    for (int i = 0; i + 2 < n; i++)
        if (x[i + 2] <= AGREE * x[i])
            return x[i];
    return NAN;
}

static bool has_reference(const struct tr_block *b)
{
    return b->before > 0 && b->after > 0;
}

static double weather_of(const struct tr_block *b, double best)
{
    return fmax(b->before, b->after) / best;
}

const char *tr_latency_state_name(enum tr_latency_state state)
{
    static const char *const names[] = {[TR_LATENCY_CLEAR] = "clear",
                                        [TR_LATENCY_ESTIMATED] = "estimated",
                                        [TR_LATENCY_SINGLE] = "single"};
    assert((size_t)state < sizeof names / sizeof *names);
    return names[state];
}

/* A block of the reference stands between two others and is told by both: it counts once. */
double tr_reference_best(const struct tr_block *block, int count, bool *confirms)
{
    double *x = malloc(2 * (size_t)count * sizeof *x), best;
    int n = 0, kept = 0;

    if (confirms)
        *confirms = false;
    if (!x)
        return NAN;
    for (int i = 0; i < count; i++)
        if (has_reference(&block[i])) {
            x[n++] = block[i].before;
            x[n++] = block[i].after;
        }
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    for (int i = 0; i < n; i++)
        if (i == 0 || x[i] > x[kept - 1])
            x[kept++] = x[i];
    best = confirmed(x, kept);
    if (confirms)
        *confirms = !isnan(best);
    if (isnan(best) && kept)
        best = x[0];
    free(x);
    return best;
}

bool tr_block_is_clear(const struct tr_block *block, double best)
{
    return has_reference(block) && weather_of(block, best) <= NEAR_BEST;
}

/* ---- the figure ---- */

struct place {
    double weather, ratio;
};

static int compare_places(const void *a, const void *b)
{
    return compare_doubles(&((const struct place *)a)->weather,
                           &((const struct place *)b)->weather);
}

/* Ratios of the half of the blocks, three at least, in the best weather. Those between unlike
 * references count only where there are no three others. */
static int calm_ratios(const struct tr_block *block, int count, double best, struct place *place,
                       double *ratio)
{
    int n = 0;

    for (int strict = 1; strict >= 0 && n < 3; strict--) {
        n = 0;
        for (int i = 0; i < count; i++) {
            const struct tr_block *b = &block[i];
            const double low = fmin(b->before, b->after), high = fmax(b->before, b->after);
            if (has_reference(b) && (!strict || high <= STEADY * low))
                place[n++] = (struct place){high / best, b->p10 / (low + high) * 2};
        }
    }
    qsort(place, (size_t)n, sizeof *place, compare_places);
    const int half = (n + 1) / 2, most = half > 3 ? half : n < 3 ? n : 3;
    for (int i = 0; i < most; i++)
        ratio[i] = place[i].ratio;
    return most;
}

/* Of the median of ratios, as a share of it; from few it is known badly. */
static double standard_error(double *ratio, int n, double median)
{
    const double mad_to_se = 1.2533 * 1.4826; /* of a median, from the MAD of normal samples */

    for (int i = 0; i < n; i++)
        ratio[i] = fabs(ratio[i] - median);
    return fmax(mad_to_se * median_of(ratio, n) / median / sqrt(n), FEW / n / n);
}

static void estimate(const struct tr_block *block, int count, double best, double least,
                     struct place *place, double *x, struct tr_latency_figure *f)
{
    const int n = calm_ratios(block, count, best, place, x);
    const double ratio = median_of(x, n);
    const double shift = SHIFT + UNLIKE * fabs(log10(ratio));
    const double half = hypot(shift, 1.96 * standard_error(x, n, ratio));

    f->state = TR_LATENCY_ESTIMATED;
    f->value = fmin(ratio * best, least);
    f->low = f->value * (1 - half);
    f->high = f->value * (1 + half);
}

static void floor_of(double value, struct tr_latency_figure *f)
{
    f->state = TR_LATENCY_CLEAR;
    f->value = value;
    f->low = value * (1 - MARGIN);
    f->high = value * (1 + MARGIN);
}

/* The medians of one number of all blocks each. */
static void describe(const struct tr_block *block, int count, double best, double *x,
                     struct tr_latency_figure *f)
{
    int n = 0;

    for (int i = 0; i < count; i++)
        x[i] = block[i].median;
    f->median = median_of(x, count);
    for (int i = 0; i < count; i++)
        x[i] = block[i].p90;
    f->p90 = median_of(x, count);
    for (int i = 0; i < count; i++)
        if (has_reference(&block[i]))
            x[n++] = weather_of(&block[i], best);
    f->weather = n ? median_of(x, n) : (double)NAN;
}

void tr_latency_estimate(const struct tr_block *block, int count, double best,
                         struct tr_latency_figure *figure)
{
    double *x = malloc((size_t)count * sizeof *x), least = INFINITY;
    struct place *place = malloc((size_t)count * sizeof *place);
    int clear = 0, referred = 0;

    assert(count >= 1);
    *figure = (struct tr_latency_figure){TR_LATENCY_SINGLE, NAN, NAN, NAN, NAN, NAN, NAN, count, 0};
    if (!x || !place)
        goto done;
    for (int i = 0; i < count; i++) {
        referred += has_reference(&block[i]);
        least = fmin(least, has_reference(&block[i]) ? block[i].p10 : INFINITY);
        if (tr_block_is_clear(&block[i], best))
            x[clear++] = block[i].p10;
    }
    qsort(x, (size_t)clear, sizeof *x, compare_doubles);
    const double bottom = confirmed(x, clear);
    if (!isnan(bottom))
        floor_of(bottom, figure);
    else if (referred)
        estimate(block, count, best, least, place, x, figure);
    figure->clear = clear;
    describe(block, count, best, x, figure);
    if (!referred)
        figure->value = figure->median;
done:
    free(x);
    free(place);
}
