/* cli/quantities.h -- what a new study hands its database about how its results are shown.
 *
 * Of students that are trained here: all that evaluator.c measures and that space.h knows, in the
 * order of every report; int8 only where it is an objective. Of a command's study: its objectives.
 */
#ifndef CLI_QUANTITIES_H
#define CLI_QUANTITIES_H
#include "cli/study.h"

struct quantities {
    int count;
    struct store_quantity row[STORE_MAX_QUANTITIES]; /* texts are constants, the study's, or: */
    char text[STUDY_LATENCIES][2]
             [128]; /* name, label of settings of latency; of the first the label alone */
};

/* Quantities, series, task, noun and method of a study; `quantities` must outlive the row. */
void quantities_place(const struct study *study, struct quantities *quantities,
                      struct store_study *row);
#endif
