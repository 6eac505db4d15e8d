/* trainer/learn/resume.h -- the state of a training run on disk, so that a run that was killed goes on,
 * with the same bits.
 *
 * State    weights, their moments, mean and ranges, step, counts and curve of the run, or of each student
 *          of a cohort, and what its feed gathered. Rows, draws and schedules are functions of seed and step.
 * Written  each minute, less often when that takes more than a twentieth of the time, and when a run is
 *          asked to stop; what cannot be written is not. What was learnt from a cache that others wrote
 *          into is never written: the run ends by RT_EDIRTY. base/state.h has the file.
 * Read     when a run begins, if it is whole, of the same run on the same kernels, and has no number that
 *          such a run could not have; else left alone.
 */
#ifndef TRAINER_LEARN_RESUME_H
#define TRAINER_LEARN_RESUME_H
#include "base/file.h"
#include "base/hash.h"

struct tr_resume {
    char path[RT_PATH_MAX]; /* its folder is made */
    char made_of
        [RT_HASH_TEXT]; /* of data, recipe and program; what else a run knows it adds itself */
    int every;          /* steps between two states; 0: a minute */
    double least;       /* seconds that a run must have lasted to be worth it when it is stopped */
};

/* What the run was for is kept: removes the state, and its folder when it was the last there. */
void tr_resume_forget(const struct tr_resume *resume);
#endif
