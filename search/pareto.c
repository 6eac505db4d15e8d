/* search/pareto.c -- see pareto.h for the definitions and the source.
 *
 * Ranks go through the points in lexicographic order (Zhang et al. 2015, "ENS"): a later point
 * never dominates an earlier one there, so each is compared with the fronts found so far only, and
 * since every member of a front is dominated by one of the front before, the front is found by
 * bisection.
 */
#include "search/pareto.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"

static bool has_nan(const double *p, int m)
{
    for (int k = 0; k < m; k++)
        if (isnan(p[k]))
            return true;
    return false;
}

bool search_dominates(const double *a, const double *b, int m)
{
    bool better = false;

    assert(m >= 1);
    if (has_nan(a, m))
        return false;
    if (has_nan(b, m))
        return true;
    for (int k = 0; k < m; k++) {
        if (a[k] > b[k])
            return false;
        if (a[k] < b[k])
            better = true;
    }
    return better;
}

/* ---- ranks ---- */

struct row {
    const double *p;
    size_t index;
    int m;
    bool nan;
};

/* Lexicographic; points with NaN last; the index decides, so that every qsort agrees. */
static int compare_rows(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;

    if (a->nan != b->nan)
        return a->nan ? 1 : -1;
    for (int k = 0; k < a->m && !a->nan; k++)
        if (a->p[k] != b->p[k])
            return a->p[k] < b->p[k] ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Fronts as linked lists through `next`, the newest member first: it dominates the most. */
struct fronts {
    const double *points;
    int m;
    size_t *head, *next;
    int count;
};

static bool front_dominates(const struct fronts *f, int front, const double *p)
{
    for (size_t i = f->head[front]; i != SIZE_MAX; i = f->next[i])
        if (search_dominates(f->points + i * (size_t)f->m, p, f->m))
            return true;
    return false;
}

static int find_front(const struct fronts *f, const double *p)
{
    int low = 0, high = f->count;

    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (front_dominates(f, middle, p))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

rt_status search_ranks(const double *points, size_t n, int m, int *rank, struct rt_err *err)
{
    struct row *rows = calloc(n + 1, sizeof *rows);
    struct fronts f = {points, m, calloc(n + 1, sizeof *f.head), calloc(n + 1, sizeof *f.next), 0};
    rt_status rc = RT_OK;

    if (!rows || !f.head || !f.next) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to rank %zu points", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        const double *p = points + i * (size_t)m;
        rows[i] = (struct row){p, i, m, has_nan(p, m)};
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    for (size_t r = 0; r < n; r++) {
        const size_t i = rows[r].index;
        if (rows[r].nan) {
            rank[i] = f.count; /* behind all others, together */
            continue;
        }
        const int front = find_front(&f, rows[r].p);
        if (front == f.count)
            f.head[f.count++] = SIZE_MAX;
        f.next[i] = f.head[front];
        f.head[front] = i;
        rank[i] = front;
    }
done:
    free(rows);
    free(f.head);
    free(f.next);
    return rc;
}

/* ---- crowding ---- */

static bool comes_before(struct search__key a, struct search__key b)
{
    return a.value != b.value ? a.value < b.value : a.index < b.index;
}

/* Merges neighbouring runs of ever more keys, from one array to the other and back. */
void search__sort(struct search__key *key, size_t n, struct search__key *scratch)
{
    struct search__key *from = key, *to = scratch, *swap;

    for (size_t run = 1; run < n; run *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * run) {
            const size_t middle = begin + run < n ? begin + run : n;
            const size_t end = middle + run < n ? middle + run : n;
            size_t a = begin, b = middle;
            for (size_t i = begin; i < end; i++)
                to[i] = b == end || (a < middle && comes_before(from[a], from[b])) ? from[a++]
                                                                                   : from[b++];
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != key)
        memcpy(key, from, n * sizeof *key);
}

/* One objective's share: v ascending. Points of equal value see the same two neighbours. */
static void add_gaps(const struct search__key *v, size_t n, double *crowding)
{
    const double spread = v[n - 1].value - v[0].value;
    size_t end;

    if (!(spread > 0))
        return;
    for (size_t begin = 0; begin < n; begin = end) {
        double gap = INFINITY;
        for (end = begin + 1; end < n && v[end].value == v[begin].value;)
            end++;
        if (begin > 0 && end < n) /* an infinite spread leaves no scale to measure the inside by */
            gap = isfinite(spread) ? (v[end].value - v[begin - 1].value) / spread : 0;
        for (size_t i = begin; i < end; i++)
            crowding[v[i].index] += gap;
    }
}

rt_status search__crowd(const double *points, const size_t *member, size_t n, int m,
                        double *crowding, struct rt_err *err)
{
    struct search__key *v = calloc(2 * n + 1, sizeof *v);

    assert(m >= 1);
    if (!v)
        return rt_fail(err, RT_ENOMEM, "no memory for the crowding of %zu points", n);
    for (size_t i = 0; i < n; i++)
        crowding[i] = 0;
    for (int k = 0; k < m && n > 0; k++) {
        for (size_t i = 0; i < n; i++)
            v[i] = (struct search__key){points[member[i] * (size_t)m + (size_t)k], i};
        search__sort(v, n, v + n);
        add_gaps(v, n, crowding);
    }
    free(v);
    return RT_OK;
}

/* ---- values that are far from all others ---- */

static int compare_values(const void *va, const void *vb)
{
    const double a = *(const double *)va, b = *(const double *)vb;
    return (a > b) - (a < b);
}

static void swap(double *a, double *b)
{
    const double was = *a;

    *a = *b;
    *b = was;
}

/* The value that stands at k when they are sorted; none larger before it, none smaller behind it. A million
 * are parted in some twenty rounds, unless somebody chose them so that they are not. */
static double at_rank(double *values, size_t n, size_t k)
{
    enum { most_rounds = 100 };
    size_t begin = 0, end = n;

    for (int round = 0; end - begin > 1; round++) {
        const double pivot = values[begin + (end - begin) / 2];
        size_t less = begin, more = end; /* before and from here on */
        if (round == most_rounds) {
            qsort(values + begin, end - begin, sizeof *values, compare_values);
            break;
        }
        for (size_t i = begin; i < more;)
            if (values[i] < pivot)
                swap(&values[i++], &values[less++]);
            else if (values[i] > pivot)
                swap(&values[i], &values[--more]);
            else
                i++;
        if (k >= less && k < more)
            break;
        begin = k < less ? begin : more;
        end = k < less ? less : end;
    }
    return values[k];
}

double search_ceiling(double *values, size_t n, double times)
{
    assert(n >= 1);
    const double high = at_rank(values, n, 3 * n / 4);
    const double low = at_rank(values, 3 * n / 4 + 1, n / 4);
    return high + times * (high > low ? high - low : fmax(1, fabs(high)));
}
