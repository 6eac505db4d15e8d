/* base/text.h -- which of some words was meant. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stddef.h>

/* Levenshtein distance: how many letters to change, add or leave out to make one word of the other.
 * SIZE_MAX when either has more than 63: far from everything. */
size_t rt_edit_distance(const char *a, const char *b);
#endif
