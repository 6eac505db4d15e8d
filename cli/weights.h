/* cli/weights.h -- the trained student that a command line names: WEIGHTS, or DB CANDIDATE.
 *
 * WEIGHTS is a file that `retort distill -o` wrote, floats or int8; of a candidate it is the newest
 * one written for it. Which task it is of stands in the file.
 */
#ifndef CLI_WEIGHTS_H
#define CLI_WEIGHTS_H
#include "base/file.h"
#include "cli/study_task.h"
#include "trainer/export/model.h"

struct weights {
    struct tr_model_file *file;
    const struct tr_model *model; /* of the file */
    const struct study_task *task;
    char path[RT_PATH_MAX];
};

/* candidate NULL: `from` is a file of weights, else a database. */
rt_status weights_open(struct weights *weights, const char *from, const char *candidate,
                       struct rt_err *err);
void weights_close(struct weights *weights);
#endif
