/* trainer/learn/batch_loss.h -- the loss of some answers of a step: what the student answered about
 * its examples against their labels and what the teachers said. Internal to training.
 *
 * Most losses add up over answers (one an example unless the shape says otherwise), and each
 * micro-batch has its own. A loss that compares the answers of a batch (tr_distill_needs_batch()), or peers that learn from each other, need the
 * whole batch: training first asks the student about all micro-batches, then takes the loss, then
 * goes through them again, now with the gradient of each; so the result depends on the micro-batch
 * by rounding alone. It costs a second forward pass.
 * Threads  one belongs to a thread; all may gather into one at different places.
 */
#ifndef TRAINER_LEARN_BATCH_LOSS_H
#define TRAINER_LEARN_BATCH_LOSS_H
#include "trainer/learn/recipe.h"
#include "trainer/teachers/live.h"

struct tr_batch_loss {
    int room;                /* answers */
    int *label;              /* [room] */
    float *weight;           /* [room] */
    const float **said;      /* [room] -> (K,C), inside the knowledge; NULL without teachers */
    float *logits, *dlogits; /* (room,C) */
    float *ema;              /* (room,C) of the student's mean weights; NULL: not wanted */
    float *each;             /* [room] where the soft loss of each answer goes; NULL: nowhere */
    double *scratch;         /* NULL where rows are long: token_loss.h */
    float *row;              /* then */
    struct tr_live live; /* of one with a batch of its own: teachers that are asked about each */
};

/* label, weight and said are those of `batch` or, of a whole batch (NULL), its own. */
rt_status tr__batch_loss_init(struct tr_batch_loss *loss, const struct tr_training *job, int room,
                              const struct tr_batch *batch, struct rt_arena *arena,
                              struct rt_err *err);
/* Of live teachers: what they say of that batch, which is filled. */
void tr__batch_loss_ask(const struct tr_batch_loss *loss, struct tr_batch *batch);
/* From the student's first `count` answers to dlogits, times scale, which is 1 / the answers of the
 * step; adds to stats. */
void tr__batch_loss_take(struct tr_batch_loss *loss, const struct tr_training *job, int count,
                         double progress, double scale, struct tr_distill_stats *stats);
#endif
