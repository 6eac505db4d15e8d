/* cli/remote_study.h -- a study of a search on another machine, as its worker has it here.
 *
 * In a folder ID of the cache: study.db, the study without trials; root/, below which its files stand as they
 * do where it is searched, each a link to the same file here, or what was sent; study.checkpoints/. Several
 * workers of a machine share the folder; who puts it together holds its `lock`.
 * Trials run in children, a `retort worker` or the study's own command a slot (search/external.h). When one
 * fails by a fault and a file is no longer what was sent, the machine is to blame, and the worker ends.
 * States    of long trials stay in study.runs/ when their worker is killed: until all trials of the search are
 *           done, or for a month, after which any worker that starts removes them.
 */
#ifndef CLI_REMOTE_STUDY_H
#define CLI_REMOTE_STUDY_H
#include "search/remote_worker.h"

struct remote_study;

/* `cache` NULL: $XDG_CACHE_HOME/retort, or ~/.cache/retort. `copy`: files are sent even where they are here. RT_EIO
 * without any cache. */
rt_status remote_study_open(struct remote_study **study, const char *cache, bool copy, int slots,
                            const atomic_int *stop, struct rt_err *err);
/* `done`: none of its trials will come again, and what lost ones left goes. */
void remote_study_close(struct remote_study *study, bool done);

/* For the members of struct remote_options, with a struct remote_study as context. */
rt_status remote_study_welcome(void *context, const char *text, struct rt_err *err);
bool remote_study_missing(void *context, struct remote_file *file);
rt_status remote_study_begin(void *context, bool *begun, struct rt_err *err);
bool remote_study_weights(void *context, int64_t trial, char path[RT_PATH_MAX]);
void remote_study_evaluate(void *context, int slot, const char *job, const atomic_int *stop,
                           struct remote_answer *answer);
#endif
