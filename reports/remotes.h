/* reports/remotes.h -- workers on other machines, for people. */
#ifndef REPORTS_REMOTES_H
#define REPORTS_REMOTES_H
#include "store/store.h"

typedef void report__line(void *context, const char *label, const char *text);

/* A line a host; none when nobody worked elsewhere. `alive`: the search runs, and who is there is so. */
rt_status report__remotes(struct store *store, bool alive, report__line *line, void *context,
                          struct rt_err *err);
#endif
