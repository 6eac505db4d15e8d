/* reports/gene_importance.h -- which genes matter to reach the front.
 *
 *   D(gene) = sum over its choices c of (top(c) - all(c))^2 / all(c)
 *
 * where all(c) and top(c) are the shares of the trials that chose c, of all trials with results and
 * of the best tenth (rounded up): by non-dominated rank, and within the rank that is cut by greedy
 * hypervolume subset selection. The importance is D less what a tenth picked blindly would show,
 * (k - 1) / n * (N - n) / (N - 1) with k choices, n of N trials; so it is about 0 for a gene that
 * does not matter. A position that not all architectures have counts among those that have it, and
 * then by (share of the top)^2 / (share of all).
 * Lists    are the sum over their positions, each divided by how many positions go with it, so
 *          that layers tied together count once.
 * Results  those of the highest rung that the study has reached; of more than 10,000 a sample, evenly
 *          by number: for that a share of all has a standard error of half a hundredth, one of the top of 1.6.
 * Source   Watanabe et al. 2023, "PED-ANOVA", arXiv:2304.10255; the chance term is ours.
 */
#ifndef REPORTS_GENE_IMPORTANCE_H
#define REPORTS_GENE_IMPORTANCE_H
#include <stdbool.h>
#include <stddef.h>

#include "reports/report.h"

#define REPORT__FEW_TOP 5 /* fewer top trials than this say little */

struct report__position {  /* of a gene; a single gene has one */
    int *choice;           /* index of the choice of each trial, -1: has none */
    double importance;     /* before the list's division; below 0: less than chance */
    int favoured;          /* the choice that the top has most beyond its share of all; -1: none */
    double of_top, of_all; /* shares of the favoured choice */
};

struct report__gene {
    char name[STORE_NAME];
    int choices, positions, choice_room, position_room;
    char (*choice)[STORE_NAME];
    struct report__position *position;
    double importance, share; /* 0 or more; share of the sum over genes */
    int main;                 /* the position that matters most */
};

struct report__importance {
    size_t trials, top;
    int64_t every; /* they are one in so many; 1: all */
    bool *is_top;  /* per trial with results */
    int count, room;
    struct report__gene *gene; /* with more than one choice; the most important first */
};

/* RT_EEND when there are too few trials to tell anything. */
rt_status report__importance_load(struct store *store, struct report__importance *importance,
                                  struct rt_err *err);
void report__importance_release(struct report__importance *importance);
/* "64 in 75 % of the best and 20 % of all trials", of a list with the layer; "-" for none. */
const char *report__favoured_text(const struct report__gene *gene, char text[128]);
#endif
