/* space/objectives.h -- what is measured of students, each told once: name and looks.
 *
 * Exact    costs are known of an architecture before it is trained (space_exact()), so they may be
 *          limited; the others are metrics of a trained student.
 * Shown    as factor * value in `unit`, under `title` at the head of a column and under `label` on
 *          an axis. A study of the user's own metrics has names that are not here.
 */
#ifndef SPACE_OBJECTIVES_H
#define SPACE_OBJECTIVES_H
#include <stdbool.h>

struct space_objective {
    const char *name;  /* as in the study file and in the store */
    const char *title; /* short: "KL" */
    const char *label; /* without the unit: "KL to the ensemble" */
    const char *unit;  /* "%", "ms"; "" for none */
    double factor;     /* from the value as stored to that unit */
    int digits;        /* decimals; 0: whole numbers, as 12.3k; -1: as many as tell */
    bool logarithmic;  /* looked at on a logarithmic scale */
    bool exact;
    double best;     /* no value is below; NaN: unknown, or a cost: the cheapest member has it */
    bool shown_only; /* nothing to minimise: more is better, or another one tells the same */
};

/* In the order in which people are told of them. */
enum { SPACE_OBJECTIVES = 10 };
extern const struct space_objective space_objectives[SPACE_OBJECTIVES];

/* NULL when no student has such an objective. */
const struct space_objective *space_objective_named(const char *name);
#endif
