/* trainer/measure/estimate.h -- from blocks of calls to one figure of latency, and how far to trust it.
 *
 * A pure function of the blocks and of the reference's best, so that a figure can be made again at any time.
 *
 * Best     what the reference network takes where nothing disturbs it: the least p10 of any of its
 *          blocks that two others come within 1 % of.
 * Clear    a block is clear when the reference on both sides of it is within 1.5 % of its best.
 * Figure   the floor: the least p10 of clear blocks that two other clear ones come within 1 % of. Its
 *          interval is 4 % to either side: what the reference may be off by and still count as at its best,
 *          and what networks unlike it are slowed by beside it.
 * Before   there are three such, an estimate: the median ratio of block and reference, of the half
 *          of the blocks in the best weather, times the reference's best, and no more than the least
 *          p10 seen. A ratio shifts between weathers, by some 7 % between a calm machine and one
 *          that is 1.9 times slower, the more the less alike network and reference are. So its interval is
 *          at least 9 % to either side, 6 points more a factor of ten between the two, and wider by the
 *          standard error of the median.
 * Single   blocks without a reference, as older programs measured: the median of medians, without an
 *          interval.
 */
#ifndef TRAINER_MEASURE_ESTIMATE_H
#define TRAINER_MEASURE_ESTIMATE_H
#include <stdbool.h>

struct tr_block { /* nanoseconds a call */
    double p10, median, p90;
    double before, after; /* p10 of the reference in the blocks beside it; NaN: none */
};

enum tr_latency_state { TR_LATENCY_CLEAR, TR_LATENCY_ESTIMATED, TR_LATENCY_SINGLE };

struct tr_latency_figure { /* nanoseconds a call */
    enum tr_latency_state state;
    double value, low, high; /* 95 % interval; NaN: unknown */
    double median, p90;      /* medians of the blocks' own */
    double weather; /* median of the reference's time as times its best; NaN: no reference */
    int blocks, clear;
};

/* "clear", "estimated", "single" */
const char *tr_latency_state_name(enum tr_latency_state state);
/* The reference's best; NaN when no block has one, and the least when no two others confirm it, which
 * *confirmed tells; it may be NULL. */
double tr_reference_best(const struct tr_block *block, int count, bool *confirmed);
bool tr_block_is_clear(const struct tr_block *block, double best);
/* count >= 1; `best` as above, of all blocks of this host and setting. */
void tr_latency_estimate(const struct tr_block *block, int count, double best,
                         struct tr_latency_figure *figure);
#endif
