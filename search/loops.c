/* search/loops.c -- see loops.h. */
#include <assert.h>

#include "search/loops_internal.h"

const struct search_loops *search_loops_of(int i)
{
    const struct search_loops *sets[4] = {0};
    int count = 0;

    assert(i >= 0);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        sets[count++] = &search__loops_avx512;
    if (__builtin_cpu_supports("avx2"))
        sets[count++] = &search__loops_avx2;
#endif
    sets[count++] = &search__loops_plain;
    return i < count ? sets[i] : 0;
}
