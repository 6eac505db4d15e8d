/* cli/after_plan.h -- what `after:` comes to before it has run: for `doctor`, `plan` and `cli/disk.h`. As
 * if none of it were done.
 */
#ifndef CLI_AFTER_PLAN_H
#define CLI_AFTER_PLAN_H
#include "cli/study.h"

struct after_plan {
    bool asked;     /* is there anything to do? */
    bool known;     /* is there a front to go by? Else one of 20 is taken */
    double members; /* of the front */
    double runs;    /* of confirm */
    double students, exports;
    double bytes; /* of files, and of the states of runs, of the largest student of the space */
};

/* Of a study whose shape is bound. `trials` that it will have in all; NAN: nobody knows. */
void after_plan_make(const struct study *study, const char *db, double trials,
                     struct after_plan *plan);
#endif
