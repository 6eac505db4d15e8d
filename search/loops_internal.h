/* search/loops_internal.h -- the sets of loops, one a width of vectors: loops_body.h. */
#ifndef SEARCH_LOOPS_INTERNAL_H
#define SEARCH_LOOPS_INTERNAL_H
#include "search/loops.h"

extern const struct search_loops search__loops_plain, search__loops_avx2, search__loops_avx512;
#endif
