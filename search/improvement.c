/* search/improvement.c -- see improvement.h.
 *
 * Boxes are held as places among the distinct values of each objective, so that the normal
 * distribution is asked once a value and not once a box. They are found objective by objective:
 * between two neighbouring values of the last one the same members count, and what these leave free
 * is the same task with one objective less.
 */
#include "search/improvement.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/pareto.h"
#include "store/store.h"

struct box {
    unsigned short low[STORE_MAX_OBJECTIVES], high[STORE_MAX_OBJECTIVES];
};

struct search_boxes {
    int m;
    size_t n;
    double *value[STORE_MAX_OBJECTIVES]; /* n + 2: minus infinity, of the members, the reference */
    double *below[STORE_MAX_OBJECTIVES]; /* scratch: expected room below each value */
    unsigned short *place;               /* of members among values, rows of m */
    struct box *box;
    size_t count, room;
};

size_t search_improvement_most(int m)
{
    static const size_t most[] = {0, 1, 256, 80, 26, 16, 12, 10};
    return most[m];
}

/* ---- cutting ---- */

static rt_status add_box(struct search_boxes *b, const struct box *box, struct rt_err *err)
{
    if (b->count == b->room) {
        const size_t room = b->room ? 2 * b->room : 64;
        struct box *grown = realloc(b->box, room * sizeof *grown);
        if (!grown)
            return rt_fail(err, RT_ENOMEM, "no memory for the improvement of a front");
        b->box = grown;
        b->room = room;
    }
    b->box[b->count++] = *box;
    return RT_OK;
}

static rt_status cut(struct search_boxes *b, int k, const unsigned char *counts, struct box *box,
                     struct rt_err *err)
{
    const unsigned short end = (unsigned short)(b->n + 1);
    unsigned char *within;
    rt_status rc = RT_OK;

    box->low[k] = 0;
    if (k == 0) {
        box->high[0] = end;
        for (size_t i = 0; i < b->n; i++)
            if (counts[i] && b->place[i * (size_t)b->m] < box->high[0])
                box->high[0] = b->place[i * (size_t)b->m];
        return add_box(b, box, err);
    }
    within = calloc(b->n + 1, 1);
    if (!within)
        return rt_fail(err, RT_ENOMEM, "no memory for the improvement of a front");
    for (unsigned short v = 1; v <= end && rc == RT_OK; v++) {
        bool any = v == end;
        for (size_t i = 0; i < b->n; i++)
            any |= counts[i] && b->place[i * (size_t)b->m + (size_t)k] == v;
        if (!any)
            continue;
        box->high[k] = v;
        rc = cut(b, k - 1, within, box, err);
        box->low[k] = v;
        for (size_t i = 0; i < b->n; i++)
            within[i] |= counts[i] && b->place[i * (size_t)b->m + (size_t)k] == v;
    }
    free(within);
    return rc;
}

static int compare(const void *va, const void *vb)
{
    const double a = *(const double *)va, b = *(const double *)vb;
    return (a > b) - (a < b);
}

/* Values ascending and each member's place among them; equal ones share the first. */
static void rank(struct search_boxes *b, const double *front, int k)
{
    double *value = b->value[k];

    for (size_t i = 0; i < b->n; i++)
        value[i + 1] = fmin(front[i * (size_t)b->m + (size_t)k], value[b->n + 1]);
    qsort(value + 1, b->n, sizeof *value, compare);
    for (size_t i = 0; i < b->n; i++) {
        const double v = fmin(front[i * (size_t)b->m + (size_t)k], value[b->n + 1]);
        unsigned short place = 1;
        while (value[place] < v)
            place++;
        b->place[i * (size_t)b->m + (size_t)k] = place;
    }
}

rt_status search_boxes_open(const double *front, size_t n, int m, const double *reference,
                            struct search_boxes **boxes, struct rt_err *err)
{
    struct search_boxes *b = calloc(1, sizeof *b);
    unsigned char *all = calloc(n + 1, 1);
    struct box box = {{0}, {0}};
    bool good = b && all;
    rt_status rc;

    if (good) {
        b->m = m;
        b->n = n;
        good = (b->place = calloc((n + 1) * (size_t)m, sizeof *b->place)) != NULL;
        for (int k = 0; k < m; k++)
            good &= (b->value[k] = calloc(n + 2, sizeof *b->value[k])) &&
                    (b->below[k] = calloc(n + 2, sizeof *b->below[k]));
    }
    if (!good) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for the improvement of a front of %zu", n);
        goto done;
    }
    memset(all, 1, n);
    for (int k = 0; k < m; k++) {
        b->value[k][0] = -INFINITY;
        b->value[k][n + 1] = reference[k];
        rank(b, front, k);
    }
    rc = cut(b, m - 1, all, &box, err);
done:
    free(all);
    if (rc == RT_OK)
        *boxes = b;
    else
        search_boxes_close(b);
    return rc;
}

void search_boxes_close(struct search_boxes *b)
{
    if (!b)
        return;
    for (int k = 0; k < b->m; k++) {
        free(b->value[k]);
        free(b->below[k]);
    }
    free(b->place);
    free(b->box);
    free(b);
}

/* ---- expecting ---- */

/* E[max(0, top - y)] */
static double room_below(double top, double mean, double sd)
{
    if (!(sd > 0) || isinf(top))
        return fmax(0, top - mean);
    const double t = (top - mean) / sd;
    const double tail = erfc(-t * 0.70710678118654752440) / 2;
    return fmax(0, sd * (t * tail + 0.39894228040143267794 * exp(-t * t / 2)));
}

double search_improvement(struct search_boxes *b, const double *mean, const double *sd)
{
    double sum = 0;

    for (int k = 0; k < b->m; k++)
        for (size_t i = 0; i < b->n + 2; i++)
            b->below[k][i] = room_below(b->value[k][i], mean[k], sd[k]);
    for (size_t i = 0; i < b->count; i++) {
        const struct box *box = &b->box[i];
        double product = 1;
        for (int k = b->m; k-- > 0 && product > 0;)
            product *= b->below[k][box->high[k]] - b->below[k][box->low[k]];
        sum += product;
    }
    return sum;
}
