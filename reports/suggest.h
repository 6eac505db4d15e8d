/* reports/suggest.h -- which member of the front one would ship, and how two members differ.
 *
 * Suggested  the smallest (or fastest: the first objective beside the lead) whose lead is within one
 *            standard error of the best: what cannot be told from the best, and costs least.
 * Within     the same, for what may be lost of the lead: a share of 1, as 0.005 is half a point.
 * Knee       the member nearest to the best of every objective at once, each scaled to 0..1 over
 *            the front, costs by their logarithm. It favours size where two objectives are sizes
 *            in disguise.
 * Source     one standard error: Breiman, Friedman, Olshen and Stone 1984, section 3.4.3.
 */
#ifndef REPORTS_SUGGEST_H
#define REPORTS_SUGGEST_H
#include "reports/rows.h"

/* Members of the front as indices into rows, -1 without a front. */
int report__knee(const struct report__rows *rows);
int report__suggested(const struct report__rows *rows);
int report__within(const struct report__rows *rows, double loss);

/* What each is, for this study's objectives: goes after "it is". */
void report__knee_text(const struct report__rows *rows, char *text, size_t size);
void report__suggested_text(const struct report__rows *rows, char *text, size_t size);

/* Up to REPORT__STEPS further members, each the least that loses at most so much, as long as each
 * costs less than the one before; none when the lead is no share. Returns how many. */
enum { REPORT__STEPS = 3 };
struct report__step {
    int row;
    double loss;
};
int report__steps(const struct report__rows *rows, struct report__step step[REPORT__STEPS]);

/* "2.72 points less error, 2.4x the params, 1.2x the latency" of `other` beside `row`. */
void report__difference(const struct report__rows *rows, int other, int row, char *text,
                        size_t size);
#endif
