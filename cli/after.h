/* cli/after.h -- what a study goes on with when its search has ended: `after:`, stage by stage.
 *
 * Stages   confirm, then for each student distill and its exports; each a child process (stage.h) whose
 *          words go to a log beside what it makes, in the folder STORE.students.
 * Resumed  a stage that was done is kept in the database with what it depends on, and not run again
 *          while that and its files are there; what failed or was interrupted is.
 * Time     `after.hours` of one run; then the stage at hand is stopped, and the next run goes on.
 */
#ifndef CLI_AFTER_H
#define CLI_AFTER_H
#include "cli/study.h"

struct after_wishes {
    const char *study; /* the file, for `full` and `gates`; NULL: as the database keeps it */
    const char *db;
    int workers;
    const atomic_int *stop;
};

/* The exit code: that of a search when there is nothing to do. */
int after_run(const struct study *study, const struct after_wishes *wishes);

/* The words of `retort export`. */
struct after_export {
    char output[RT_PATH_MAX];
    char *argv[10]; /* of output and of what was given */
};
/* Of a file of weights, beside it; db not NULL: recorded there. */
void after_export_words(struct after_export *e, const char *weights, enum study_export format,
                        const char *db);
#endif
