/* trainer/learn/resume.h -- the state of a training run on disk, so that a run that was killed goes on,
 * with the same bits.
 *
 * State    weights, their moments, mean and ranges, step, counts and curve of the run, or of each student
 *          of a cohort. Rows, draws and schedules are functions of seed and step.
 * Written  beside and renamed, each minute and when a run is asked to stop; what cannot be written is not.
 * Read     when a run begins, if it is whole and of the same run on the same kernels; else left alone.
 * Not for  tasks whose runs gather rows of their own (policies): these begin anew.
 */
#ifndef TRAINER_LEARN_RESUME_H
#define TRAINER_LEARN_RESUME_H
#include <stdbool.h>

#include "base/file.h"
#include "base/hash.h"

struct tr_resume {
    char path[RT_PATH_MAX]; /* its folder is made */
    char made_of
        [RT_HASH_TEXT]; /* of data, recipe and program; what else a run knows it adds itself */
    int every;          /* steps between two states; 0: a minute */
};

/* Removes the state, now that what the run was for is kept. */
void tr_resume_forget(const struct tr_resume *resume);
/* Is this a whole state? Of a file in memory, for tests. */
bool tr_resume_is_whole(const unsigned char *data, size_t bytes);
#endif
