/* search/outlet.h -- tells someone who may be slow, without waiting for them.
 *
 * What is put is written in its order by a thread of the outlet's own. When `room` items wait
 * already, the newest of them gives its place to the next, so an outlet with room for one tells the
 * latest there is.
 * Threads  put() is for any number at once; open and close are for one.
 */
#ifndef SEARCH_OUTLET_H
#define SEARCH_OUTLET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Writes one item, before which `missed` others gave their place. It may block for ever. */
typedef void search__outlet_fn(void *context, const void *item, int64_t missed);

struct search__outlet;

/* `context`, of so many bytes, is copied. end(), unless NULL, is called with it when nothing is written
 * any more: by close(), or by the thread that was left behind. */
rt_status search__outlet_open(size_t room, search__outlet_fn *write, void (*end)(void *context),
                              const void *context, size_t bytes, struct search__outlet **outlet,
                              struct rt_err *err);
/* Takes `item`, which is malloc'ed; NULL is left out. */
void search__outlet_put(struct search__outlet *outlet, void *item);
/* Waits until all is written, but `seconds` at most. False: a write is under way still, after which
 * its thread ends; the rest is dropped. */
bool search__outlet_close(struct search__outlet *outlet, double seconds);
#endif
