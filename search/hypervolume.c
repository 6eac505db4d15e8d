/* search/hypervolume.c -- see pareto.h for the definition and the source.
 *
 * Points become boxes: u = how far a point improves on the reference, as a fraction of the box, so
 * that a point covers [0,u1] x ... x [0,um] and larger is better here. Beyond three objectives the
 * recursion goes through the points from the shallowest in the last coordinate to the deepest: what
 * a point shares with those after it then has its own depth, so its share is a volume of one
 * dimension less times that depth.
 */
#include "search/pareto.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sets of boxes ---- */

/* qsort() takes no context, hence a copy of the coordinate to sort by. */
struct key {
    double v;
    size_t index;
};

static int compare_keys(const void *va, const void *vb)
{
    const struct key *a = va, *b = vb;

    if (a->v != b->v)
        return a->v < b->v ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The order of `u` by one coordinate, ascending. */
static void sort_by(const double *u, size_t n, int m, int coordinate, struct key *keys)
{
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct key){u[i * (size_t)m + (size_t)coordinate], i};
    qsort(keys, n, sizeof *keys, compare_keys);
}

static bool covers(const double *a, const double *b, int m)
{
    for (int k = 0; k < m; k++)
        if (a[k] < b[k])
            return false;
    return true;
}

/* Drop what another box covers; of equal boxes one stays. Returns how many are left. */
static size_t keep_outer(double *u, size_t n, int m)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const double *candidate = u + i * (size_t)m;
        bool inside = false;
        for (size_t j = 0; j < kept && !inside; j++)
            inside = covers(u + j * (size_t)m, candidate, m);
        if (inside)
            continue;
        size_t left = 0;
        for (size_t j = 0; j < kept; j++) {
            if (covers(candidate, u + j * (size_t)m, m))
                continue;
            memmove(u + left * (size_t)m, u + j * (size_t)m, (size_t)m * sizeof *u);
            left++;
        }
        memmove(u + left * (size_t)m, candidate, (size_t)m * sizeof *u);
        kept = left + 1;
    }
    return kept;
}

/* ---- one, two, three ---- */

static double volume_1(const double *u, size_t n)
{
    double best = 0;
    for (size_t i = 0; i < n; i++)
        best = fmax(best, u[i]);
    return best;
}

static double volume_2(const double *u, size_t n, struct key *keys)
{
    double volume = 0, height = 0;

    sort_by(u, n, 2, 0, keys);
    for (size_t r = n; r-- > 0;) { /* from the widest */
        const double *p = u + keys[r].index * 2;
        if (p[1] > height) {
            volume += p[0] * (p[1] - height);
            height = p[1];
        }
    }
    return volume;
}

/* The union of rectangles [0,x] x [0,y]: steps with x falling and y rising, and their area. */
struct stair {
    double *x, *y;
    size_t count;
    double area;
};

static void stair_add(struct stair *s, double x, double y)
{
    size_t low = 0, high = s->count, end;
    double left, below;

    while (low < high) { /* steps before `low` are at least as wide */
        const size_t middle = low + (high - low) / 2;
        if (s->x[middle] >= x)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && s->y[low - 1] >= y)
        return;
    below = low > 0 ? s->y[low - 1] : 0;
    for (end = low; end < s->count && s->y[end] <= y; end++) { /* these vanish under the new one */
        s->area += (x - s->x[end]) * (s->y[end] - below);
        below = s->y[end];
    }
    assert(low <= end && end <= s->count);
    left = end < s->count ? s->x[end] : 0;
    s->area += (x - left) * (y - below);
    if (low > 0 && s->x[low - 1] == x) /* an equally wide, lower step goes too */
        low--;
    memmove(s->x + low + 1, s->x + end, (s->count - end) * sizeof *s->x);
    memmove(s->y + low + 1, s->y + end, (s->count - end) * sizeof *s->y);
    s->x[low] = x;
    s->y[low] = y;
    s->count = low + 1 + (s->count - end);
}

/* A plane falls from the deepest box to zero; the staircase is what it cuts. `room`: 2 (n + 1). */
static double volume_3(const double *u, size_t n, struct key *keys, double *room)
{
    struct stair s = {room, room + n + 1, 0, 0};
    double volume = 0;

    sort_by(u, n, 3, 2, keys);
    for (size_t r = n; r-- > 0;) {
        const double *p = u + keys[r].index * 3;
        const double next = r > 0 ? u[keys[r - 1].index * 3 + 2] : 0;
        stair_add(&s, p[0], p[1]);
        volume += s.area * (p[2] - next);
    }
    return volume;
}

/* ---- beyond ---- */

static size_t level_doubles(size_t n, int m)
{
    return (n + 1) * (size_t)(m > 3 ? m : 3);
}

/* `room` and `keys` are cut from the front; a level needs no more than its n. */
static double volume_any(const double *u, size_t n, int m, struct key *keys, double *room)
{
    double volume = 0;

    assert(m >= 1);
    if (m == 1)
        return volume_1(u, n);
    if (m == 2)
        return volume_2(u, n, keys);
    if (m == 3)
        return volume_3(u, n, keys, room);
    sort_by(u, n, m, m - 1, keys);
    for (size_t r = 0; r < n; r++) {
        const double *p = u + keys[r].index * (size_t)m;
        double own = 1;
        for (int k = 0; k + 1 < m; k++)
            own *= p[k];
        double *shared = room;
        size_t count = 0;
        for (size_t s = r + 1; s < n; s++, count++)
            for (int k = 0; k + 1 < m; k++)
                shared[count * (size_t)(m - 1) + (size_t)k] =
                    fmin(p[k], u[keys[s].index * (size_t)m + (size_t)k]);
        count = keep_outer(shared, count, m - 1);
        own -= volume_any(shared, count, m - 1, keys + n, room + level_doubles(n, m - 1));
        volume += own * p[m - 1];
    }
    return volume;
}

/* Boxes of the points that improve on the reference everywhere; NaN does not. */
static size_t make_boxes(const double *points, size_t n, int m, const double *ideal,
                         const double *reference, double *u)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        bool inside = true;
        for (int k = 0; k < m && inside; k++) {
            const double p = points[i * (size_t)m + (size_t)k];
            const double side = (reference[k] - fmax(p, ideal[k])) / (reference[k] - ideal[k]);
            inside = p < reference[k] && side > 0;
            u[count * (size_t)m + (size_t)k] = side;
        }
        count += inside;
    }
    return count;
}

rt_status search_hypervolume(const double *points, size_t n, int m, const double *ideal,
                             const double *reference, double *volume, struct rt_err *err)
{
    const size_t levels = m > 3 ? (size_t)m - 2 : 1;
    struct key *keys = NULL;
    double *u = NULL, *room = NULL;
    rt_status rc = RT_OK;
    size_t count;

    if (m < 1)
        return rt_fail(err, RT_EARG, "a hypervolume needs at least one objective, not %d", m);
    for (int k = 0; k < m; k++)
        if (!(ideal[k] < reference[k])) {
            *volume = 0;
            return RT_OK;
        }
    u = calloc((n + 1) * (size_t)m, sizeof *u);
    keys = calloc(levels * (n + 1), sizeof *keys);
    room = calloc(levels * level_doubles(n, m), sizeof *room);
    if (!u || !keys || !room) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for the hypervolume of %zu points", n);
        goto done;
    }
    count = keep_outer(u, make_boxes(points, n, m, ideal, reference, u), m);
    *volume = fmin(1, volume_any(u, count, m, keys, room));
done:
    free(u);
    free(keys);
    free(room);
    return rc;
}

/* ---- as a front grows: it is kept, and its volume computed anew when a point enters it ---- */

/* False when a member beats the point, or it is not finite; else members that it beats leave. */
static bool enters(double *front, size_t *count, const double *point, size_t m)
{
    size_t kept = 0;

    for (size_t k = 0; k < m; k++)
        if (!isfinite(point[k]))
            return false;
    for (size_t i = 0; i < *count; i++)
        if (search_dominates(front + i * m, point, (int)m))
            return false;
    for (size_t i = 0; i < *count; i++)
        if (!search_dominates(point, front + i * m, (int)m))
            memmove(front + kept++ * m, front + i * m, m * sizeof *front);
    memcpy(front + kept * m, point, m * sizeof *front);
    *count = kept + 1;
    return true;
}

rt_status search_hypervolumes(const double *points, size_t n, int m, const double *ideal,
                              const double *reference, double *volumes, size_t *front,
                              struct rt_err *err)
{
    const size_t row = m > 0 ? (size_t)m : 1;
    double *members = calloc((n + 1) * row, sizeof *members);
    rt_status rc = RT_OK;
    double volume = 0;
    size_t count = 0;

    if (!members)
        return rt_fail(err, RT_ENOMEM, "no memory for the hypervolume of %zu points", n);
    for (size_t i = 0; i < n && rc == RT_OK; i++) {
        if (enters(members, &count, points + i * row, row))
            rc = search_hypervolume(members, count, m, ideal, reference, &volume, err);
        volumes[i] = volume;
    }
    *front = count;
    free(members);
    return rc;
}
