/* search/improvement.c -- see improvement.h.
 *
 * Boxes are held as places among the distinct values of each objective, so that the normal
 * distribution is asked once a value and not once a box. For up to three objectives a plane falls
 * through the members by the third one; the plane of the first two is cut into strips, and a member
 * ends those that it reaches into and begins two at most. Beyond, objective by objective: between
 * two neighbouring values of the last one the same members count, and what these leave free is the
 * same task with one objective less.
 */
#include "search/improvement.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    size_t *order;                       /* members by the third objective, ascending */
    struct box *box;
    size_t count, room;
};

size_t search_improvement_most(int m)
{
    static const size_t most[] = {0, 1, 4096, 4096, 100, 30, 16, 12};
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

/* A strip of the plane of the first two objectives that is still free: from x to the next one's x,
 * below y, since the third objective was z. */
struct strip {
    unsigned short x, y, z;
};

static rt_status close_strip(struct search_boxes *b, const struct strip *strip,
                             unsigned short right, unsigned short z, struct box *box,
                             struct rt_err *err)
{
    if (b->m > 2 && strip->z == z)
        return RT_OK;
    box->low[0] = strip->x;
    box->high[0] = right;
    box->high[1] = strip->y;
    if (b->m > 2) {
        box->low[2] = strip->z;
        box->high[2] = z;
    }
    return add_box(b, box, err);
}

/* Free strips, ascending by x and falling by y, of which the member takes what it dominates. */
static rt_status insert(struct search_boxes *b, struct strip *strip, size_t *count,
                        const unsigned short *place, struct box *box, struct rt_err *err)
{
    const unsigned short z = b->m > 2 ? place[2] : 0, end = (unsigned short)(b->n + 1);
    size_t first = 0, last;

    while (first + 1 < *count && strip[first + 1].x <= place[0])
        first++;
    for (last = first; last < *count && strip[last].y > place[1]; last++)
        if (b->m > 2)
            RT_TRY(close_strip(b, &strip[last], last + 1 < *count ? strip[last + 1].x : end, z, box,
                               err));
    if (last == first)
        return RT_OK;
    const bool left = strip[first].x < place[0];
    const struct strip rest = {strip[first].x, strip[first].y, z};
    memmove(strip + first + left + 1, strip + last, (*count - last) * sizeof *strip);
    *count = *count - last + first + left + 1;
    if (left)
        strip[first] = rest;
    strip[first + left] = (struct strip){place[0], place[1], z};
    return RT_OK;
}

/* A plane falls through the members by their third objective. */
static rt_status sweep(struct search_boxes *b, const unsigned char *counts, struct box *box,
                       struct rt_err *err)
{
    const unsigned short end = (unsigned short)(b->n + 1);
    struct strip *strip = calloc(2 * b->n + 2, sizeof *strip);
    size_t count = 1;
    rt_status rc = RT_OK;

    if (!strip)
        return rt_fail(err, RT_ENOMEM, "no memory for the improvement of a front");
    strip[0] = (struct strip){0, end, 0};
    for (size_t i = 0; i < b->n && rc == RT_OK; i++) {
        const size_t at = b->order[i];
        const unsigned short *place = b->place + at * (size_t)b->m;
        if (counts[at])
            rc = insert(b, strip, &count, place, box, err);
    }
    for (size_t i = 0; i < count && rc == RT_OK; i++)
        rc = close_strip(b, &strip[i], i + 1 < count ? strip[i + 1].x : end, end, box, err);
    free(strip);
    return rc;
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
    if (k < 3)
        return sweep(b, counts, box, err);
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
        size_t low = 1, high = b->n + 1; /* the first that is not less */
        while (low < high) {
            const size_t middle = low + (high - low) / 2;
            if (value[middle] < v)
                low = middle + 1;
            else
                high = middle;
        }
        b->place[i * (size_t)b->m + (size_t)k] = (unsigned short)low;
    }
}

/* Members by their places of the third objective, those of one place as they came: by counting. */
static void order_members(struct search_boxes *b, size_t *begin)
{
    const size_t m = (size_t)b->m, third = m < 3 ? 0 : 2;

    for (size_t i = 0; i < b->n; i++) /* begin[v + 1]: how many are in place v */
        begin[b->place[i * m + third] + 1]++;
    for (size_t v = 1; v < b->n + 2; v++)
        begin[v] += begin[v - 1];
    for (size_t i = 0; i < b->n; i++)
        b->order[begin[b->place[i * m + third]]++] = i;
}

rt_status search_boxes_open(const double *front, size_t n, int m, const double *reference,
                            struct search_boxes **boxes, struct rt_err *err)
{
    struct search_boxes *b = calloc(1, sizeof *b);
    unsigned char *all = calloc(n + 1, 1);
    size_t *begin = calloc(n + 3, sizeof *begin); /* scratch */
    struct box box = {{0}, {0}};
    bool good = b && all && begin;
    rt_status rc;

    assert(m >= 1 && m <= STORE_MAX_OBJECTIVES && n < USHRT_MAX);

    if (good) {
        b->m = m;
        b->n = n;
        good = (b->place = calloc((n + 1) * (size_t)m, sizeof *b->place)) != NULL;
        good &= (b->order = calloc(n + 1, sizeof *b->order)) != NULL;
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
    order_members(b, begin);
    rc = cut(b, m - 1, all, &box, err);
done:
    free(all);
    free(begin);
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
    free(b->order);
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
    if (t < -30 || t > 8) /* what is left is next to nothing, or lost beside the room */
        return fmax(0, top - mean);
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
