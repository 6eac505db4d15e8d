/* cli/search_store.h -- the database of a search: a new one, or the one that it goes on with. */
#ifndef CLI_SEARCH_STORE_H
#define CLI_SEARCH_STORE_H
#include "cli/settings.h"

/* A new database. */
rt_status search_store_create(const struct study *study, const char *path,
                              const struct settings *settings, struct store **store,
                              struct rt_err *err);
/* That, with settings that are chosen now, or the one that is there, with those that it began with; warns
 * of what cannot be as it was. One of another study is replaced where that tried nothing, else refused.
 * `session` NULL: of a study with an evaluator of its own. */
rt_status search_store_open(const struct study *study, const struct session *session,
                            const char *path, struct settings *settings, struct store **store,
                            struct rt_err *err);
#endif
