/* search/loops_avx2.c -- AVX2; CMakeLists.txt has the options. */
#define SET search__loops_avx2
#define ROWS 4
#include "search/loops_body.h"
