/* trainer/teachers/suspect.h -- what is usually wrong with logits that others recorded, found by the
 * labels: a bug in a teacher's script looks like a bad teacher.
 *
 * Chance   right no more often than twice always saying the commonest class, or half of what is left
 *          to it, whichever is less.
 * Order    a permutation of columns that makes at least 20 points more of the rows right; among the
 *          permutations that which takes each column for the label it most often goes with.
 * Rows     at chance though each class is said about as often as it occurs: rows in another order.
 * Exact    the first that holds, in the order of the enum.
 */
#ifndef TRAINER_TEACHERS_SUSPECT_H
#define TRAINER_TEACHERS_SUSPECT_H
#include <stddef.h>

#include "base/status.h"

enum tr_suspicion {
    TR_UNSUSPECTED,
    TR_PROBABILITIES, /* no value below 0, and each row's sum is 1 */
    TR_CLASS_ORDER,
    TR_ROWS_SHUFFLED,
    TR_AT_CHANCE
};

struct tr_suspect {
    enum tr_suspicion what;
    double right, commonest; /* shares of the rows: answered right; of the commonest class */
    double reordered;        /* of TR_CLASS_ORDER: right with columns in the other order */
};

/* logits (n,C), rows `stride` floats apart; label[n] are 0 .. C-1, -1: unknown, and the row does
 * not count; of none known, or NULL, nothing but probabilities is found. RT_ENOMEM. */
rt_status tr_logits_suspect(const float *logits, ptrdiff_t stride, int n, int classes,
                            const int *label, struct tr_suspect *found, struct rt_err *err);
/* The finding in a line with its mend; "" of none. */
void tr_suspect_text(const struct tr_suspect *found, char text[240]);
#endif
