/* base/text.h -- which of some words was meant, and text that a terminal may have. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stddef.h>

/* Levenshtein distance: how many letters to change, add or leave out to make one word of the other.
 * SIZE_MAX when either has more than 63: far from everything. */
size_t rt_edit_distance(const char *a, const char *b);
/* Control characters, which could write over what a person sees, become spaces: in place. */
void rt_text_plain(char *text);
#endif
