/* cli/disk.h -- what a study has yet to write, and whether there is room for it: told by `doctor`, `plan`
 * and at the start of a search.
 *
 * Estimated  trials by the rows that they leave, or by the database's own when it has some; weights by
 *            the largest student of the space; exports by the weights that they hold.
 * Room       of each file system by itself: the database's, with what stands beside it, and that of the
 *            teachers' cache.
 */
#ifndef CLI_DISK_H
#define CLI_DISK_H
#include "cli/study.h"

enum { DISK_TEXT = 600 };

struct disk {        /* bytes, unless it says otherwise */
    double done;     /* trials that the database has */
    double trials;   /* those to come; NAN: nobody knows */
    double trial;    /* of one, with its weights where children start from them */
    double database; /* of all to come, or of one */
    double cache;    /* of teachers: weights, what they say and what their layers do */
    double after;    /* of the stages that follow */
};

/* Of a study whose shape is bound, with its training data, or with an evaluator of its own: task NULL then.
 * trials NAN: as its limits and the pace of its database tell. Nothing is written. */
rt_status disk_estimate(const struct study *study, const char *db, const struct tr_task *task,
                        const struct tr_kernels *kernels, double trials, struct disk *disk,
                        struct rt_err *err);
/* In one line. *fits: false when one of the file systems has less. */
rt_status disk_tell(const struct disk *disk, const struct study *study, const char *db,
                    char text[DISK_TEXT], bool *fits, struct rt_err *err);
/* Both, to whoever looks on: on stdout, or as a warning of the command where it does not fit. What cannot
 * be looked at is not said. */
void disk_say(const char *command, const struct study *study, const char *db,
              const struct tr_task *task, const struct tr_kernels *kernels);
/* 1234567890 as "1.1 GiB". */
const char *disk_bytes(double bytes, char text[16]);
#endif
