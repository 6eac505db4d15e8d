/* trainer/task/batch.h -- some examples as a network reads them: rows one behind the other.
 *
 * Example  1 to T rows of the network, its class row included, T = space_tokens(): as many as the
 *          image has patches, and one in front where a class token is read.
 * Rows     example m has rows start[m] .. start[m+1] - 1, without padding. Norms and matrices see
 *          all rows, attention of an example its own. So an answer never depends on its neighbours:
 *          the same bits as alone (by rounding alone where OpenBLAS multiplies).
 * Numbers  a stem that reads numbers cuts the first tokens out of `values`, as many as the example
 *          has rows, the class row aside; each example has room for all T.
 * Answer   one an example: C logits, which a loss compares with a label and with what the teachers
 *          said about the example, K logit vectors.
 * Memory   carved once by tr_batch_init(), then filled again and again.
 * Threads  a batch belongs to one thread.
 */
#ifndef TRAINER_TASK_BATCH_H
#define TRAINER_TASK_BATCH_H
#include "base/arena.h"
#include "space/arch.h"

struct tr_batch {
    int room, tokens, numbers; /* most examples; T; floats of one example */
    int examples;              /* in it now */
    int *start;                /* [examples + 1] */
    int length;                /* rows of each example when all have as many, else 0 */
    float *values;             /* (examples, numbers) */
    int *label;                /* [examples]; -1: unknown */
    const float **said;        /* [examples] -> (K,C), set by who knows teachers; or NULL */
};
/* Room for `room` examples of what a network of this architecture reads. */
rt_status tr_batch_init(struct tr_batch *batch, const struct space_arch *arch,
                        const struct space_shape *shape, int room, struct rt_arena *arena,
                        struct rt_err *err);
/* n examples of length[m] rows each, 1 to T; NULL: T. Their values are the caller's to write. */
void tr_batch_resize(struct tr_batch *batch, int n, const int *length);
/* Rows of the network, all examples together. */
static inline int tr_batch_rows(const struct tr_batch *batch)
{
    return batch->start[batch->examples];
}
#endif
