/* reports/expected.h -- how right the surrogate was about the latest trials.
 *
 * The same as the view `calibration` of the view `expectations`; of the latest MOST_TOLD each with each
 * other, which SQL is slow at.
 */
#ifndef REPORTS_EXPECTED_H
#define REPORTS_EXPECTED_H
#include "reports/rows.h"

struct report__expected { /* of one objective */
    int quantity;         /* its place */
    double trials;        /* that it was asked about */
    double within_1_sd, within_2_sd, rms_error;
    double tau_b; /* NaN: not defined */
};

/* Of the objectives that it says something about, in the study's order. */
rt_status report__expected_load(struct store *store, const struct report__quantities *quantities,
                                struct report__expected expected[STORE_MAX_OBJECTIVES], int *count,
                                struct rt_err *err);
#endif
