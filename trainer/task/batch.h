/* trainer/task/batch.h -- some examples as a network reads them: rows one behind the other.
 *
 * Example  1 to T rows of the network, a class token of its own included, T = space_tokens(): as many
 *          as the image has patches, and one in front where a class token is read; as many as a text
 *          has token ids.
 * Rows     example m has rows start[m] .. start[m+1] - 1, without padding. Norms and matrices see
 *          all rows, attention of an example its own. So an answer never depends on its neighbours:
 *          the same bits as alone (by rounding alone where OpenBLAS multiplies).
 * Numbers  a stem that reads numbers cuts the first tokens out of `values`, as many as the example
 *          has rows, the class row aside; each example has room for all T.
 * Ids      a stem that reads ids looks row r up at ids[r]. They are those of a vocabulary of
 *          `vocabulary` tokens: a task that has several fills by that one.
 * Answers  C logits each, which a loss compares with a label and with what the teachers said, K logit
 *          vectors:
 *            pooled   `parts` an example, one behind the other: answer m*parts + p is part p of
 *                     example m (space_shape.parts, 1 unless an action has several dimensions);
 *            by row   pool = none: one of each row in `asked`, or of all rows where it is NULL (a
 *                     next token at each but the last row).
 *          tr_batch_resize() sets all rows or all examples; tr_batch_ask() names rows. Either comes
 *          before labels are written, of which there are `answers`.
 * Filling  resize, values or ids (and segments), ask where pool = none, then label and, where
 *          answers do not count alike, weight.
 * Memory   carved once by tr_batch_init(), then filled again and again.
 * Threads  a batch belongs to one thread.
 */
#ifndef TRAINER_TASK_BATCH_H
#define TRAINER_TASK_BATCH_H
#include "base/arena.h"
#include "space/arch.h"

struct tr_batch {
    int room, tokens, numbers; /* most examples; T; floats of one example */
    int vocabulary;            /* of ids; 0: numbers are read */
    int parts;                 /* answers of an example; 0: one a row */
    int examples;              /* in it now */
    int *start;                /* [examples + 1] */
    int length;                /* rows of each example when all have as many, else 0 */
    float *values;             /* (examples, numbers); NULL of ids */
    int *ids;                  /* [rows]; NULL of numbers */
    int *segment;              /* [rows] 0 or 1; NULL where the shape has no segments */
    int answers;               /* in it now */
    const int *asked;          /* [answers] ascending rows; NULL: all rows, or pooled ones */
    int *label;                /* [answers]; -1: unknown */
    float *weight;             /* [answers] of its loss; all 1 after a resize */
    const float **said;        /* [answers] -> (K,C), set by who knows teachers; or NULL */
    int *asking;               /* where `asked` lies */
};
/* Room for `room` examples of what a network of this architecture reads. */
rt_status tr_batch_init(struct tr_batch *batch, const struct space_arch *arch,
                        const struct space_shape *shape, int room, struct rt_arena *arena,
                        struct rt_err *err);
/* n examples of length[m] rows each, 1 to T; NULL: T. Their values or ids are the caller's to write. */
void tr_batch_resize(struct tr_batch *batch, int n, const int *length);
/* Of pool = none: answers are asked of these rows alone, ascending, at least one. */
void tr_batch_ask(struct tr_batch *batch, int count, const int *rows);
/* Values drawn from a normal distribution, or ids from the whole vocabulary: to be timed. */
struct rt_rng;
void tr_batch_noise(struct tr_batch *batch, struct rt_rng *rng);
/* Rows of the network, all examples together. */
static inline int tr_batch_rows(const struct tr_batch *batch)
{
    return batch->start[batch->examples];
}
/* The most answers of so many examples. */
int tr_batch_most_answers(const struct space_arch *arch, const struct space_shape *shape,
                          int examples);
#endif
