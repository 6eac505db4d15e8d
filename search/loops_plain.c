/* search/loops_plain.c -- for any processor; CMakeLists.txt has the options. */
#define SET search__loops_plain
#define ROWS 4
#include "search/loops_body.h"
