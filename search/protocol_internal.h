/* search/protocol_internal.h -- what both sides of the protocol share. */
#ifndef SEARCH_PROTOCOL_INTERNAL_H
#define SEARCH_PROTOCOL_INTERNAL_H
#include <jansson.h>

#include "search/protocol.h"

/* One line, numbers to the last bit; takes the object, of which NULL gives NULL. Caller frees. */
char *search__json_line(json_t *object);
#endif
