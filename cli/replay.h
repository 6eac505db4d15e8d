/* cli/replay.h -- is what a trial came to again what it came to before?
 *
 * All metrics and their standard errors, all points of the curve and, of a failure, its kind; bit
 * for bit. Latency is a property of the machine and the minute, and left aside.
 */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H
#include <stdio.h>

#include "store/store.h"

struct replay {
    int values, points;                           /* compared */
    int different_values, different_points;       /* missing on one side included */
    bool failed_before, failed_now, another_kind; /* the trial as a whole */
};

/* Latencies of before, where now has none: nobody measures them again, and objectives want them. */
void replay_lend_latency(const struct store_result *before, struct store_result *now);
/* Sorts both curves. Of what is different each value, and of each series the first point, is printed to `out`. */
void replay_compare(struct store_result *before, struct store_result *now, FILE *out,
                    struct replay *replay);
bool replay_equal(const struct replay *replay);
#endif
