/* search/loops_avx512.c -- AVX-512; CMakeLists.txt has the options. */
#define SET search__loops_avx512
#define ROWS 8
#include "search/loops_body.h"
