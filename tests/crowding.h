/* tests/crowding.h -- crowding of all points at once, each within its own rank. */
#ifndef TESTS_CROWDING_H
#define TESTS_CROWDING_H
#include "search/search_internal.h"
#include "support.h"

static inline void crowding_of(const double *points, size_t n, int m, const int *rank,
                               double *crowding)
{
    size_t *member = calloc(n, sizeof *member);
    double *share = calloc(n, sizeof *share);
    struct rt_err err;
    int ranks = 0;

    assert_true(member && share);
    for (size_t i = 0; i < n; i++) {
        crowding[i] = 0;
        ranks = rank[i] < ranks ? ranks : rank[i] + 1;
    }
    for (int r = 0; r < ranks; r++) {
        size_t count = 0;
        bool failed = false; /* failed trials are a rank of their own */
        for (size_t i = 0; i < n; i++)
            if (rank[i] == r)
                member[count++] = i;
        for (int k = 0; k < m && count; k++)
            failed = failed || isnan(points[member[0] * (size_t)m + (size_t)k]);
        if (failed || !count)
            continue;
        assert_ok(search__crowd(points, member, count, m, share, &err));
        for (size_t i = 0; i < count; i++)
            crowding[member[i]] = share[i];
    }
    free(member);
    free(share);
}
#endif
