/* trainer/teachers/live.h -- teachers that are asked beside the student, each time anew.
 *
 * Of a task with an answer a row (pool none: a next token) the teachers' logits are too many to be
 * kept: 2 M tokens of 4,000 classes are 32 GB. The last hidden rows would be half a GB and give the
 * same logits, but most of what a teacher costs is the product with its table, which they do not
 * save: d128 L2 f256, V = 4,000 makes 262 k multiply-adds a token in its blocks and 512 k there.
 *
 * Ensemble p = sum_k w_k softmax(v_k / (c_k T)): probabilities, by weights that no row changes.
 * Threads  a struct tr_live belongs to a thread; the networks are read-only and shared.
 */
#ifndef TRAINER_TEACHERS_LIVE_H
#define TRAINER_TEACHERS_LIVE_H
#include "trainer/distill/ensemble.h"
#include "trainer/teachers/knowledge.h"

struct tr_live {
    const struct tr_knowledge *knowledge; /* of live teachers */
    struct tr_infer *infer[TR_MAX_TEACHERS];
    float *said; /* (most answers, K, C) */
    float *one;  /* (most answers, C) of one teacher; NULL when there is but one */
};

/* For batches of at most so many examples. */
rt_status tr_live_init(struct tr_live *live, const struct tr_knowledge *knowledge, int max_batch,
                       struct rt_arena *arena, struct rt_err *err);
/* What they say of each answer of the batch, into batch->said. */
void tr_live_ask(const struct tr_live *live, struct tr_batch *batch);

/* p (C) at this temperature of logits (K,C) that were said of one answer; returns sum p ln p.
 * work: C floats, used when there are several. */
double tr_live_target(const struct tr_knowledge *knowledge, const struct tr_ensemble *ensemble,
                      const float *said, double temperature, float *p, float *work);
#endif
