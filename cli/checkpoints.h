/* cli/checkpoints.h -- the folder beside a store for the weights that children start from.
 *
 * NIGHT.db has NIGHT.checkpoints/, a file a trial. What a search goes on with must be what its
 * trials left: a child of other weights, or of none, would come to another result.
 */
#ifndef CLI_CHECKPOINTS_H
#define CLI_CHECKPOINTS_H
#include "base/file.h"
#include "store/store.h"

/* What lies beside a database: STUDY.db has STUDY.ending. */
rt_status checkpoints_beside(const char *db, const char *ending, char path[RT_PATH_MAX],
                             struct rt_err *err);
/* The folder of an open store. */
rt_status checkpoints_folder(struct store *store, char folder[RT_PATH_MAX], struct rt_err *err);
/* Makes it. RT_EIO: the weights that a trial left are missing or are not
 * its own. */
rt_status checkpoints_open(struct store *store, char folder[RT_PATH_MAX], struct rt_err *err);
/* The file of a trial. */
rt_status checkpoints_path(const char *folder, int64_t trial, char path[RT_PATH_MAX],
                           struct rt_err *err);
/* What the store keeps of a file that was written. */
rt_status checkpoints_note(const char *path, struct store_checkpoint *checkpoint,
                           struct rt_err *err);
#endif
