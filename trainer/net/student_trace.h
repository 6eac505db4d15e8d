/* trainer/net/student_trace.h -- inference that keeps what inner layers say: the resident teacher's
 * forward.
 *
 * Shapes   R rows, padded to TR_PAD: the residual stream (d), and q, k and v side by side
 *          (3*heads*head_dim). No block is pruned.
 * Threads  one struct tr_trace a thread; the network and its weights are shared and read-only.
 */
#ifndef TRAINER_NET_STUDENT_TRACE_H
#define TRAINER_NET_STUDENT_TRACE_H
#include "trainer/net/student_internal.h"

struct tr_trace {
    int room; /* examples */
    float *features, *scratch;
    /* [0]: what the first block reads; [l]: what block l - 1 leaves */
    float *stream[SPACE_MAX_DEPTH + 1];
    float *qkv[SPACE_MAX_DEPTH]; /* [l]: of block l */
    struct tr_block_acts shared; /* by all blocks */
};

rt_status tr__trace_init(struct tr_trace *trace, const struct tr_student *network, int max_batch,
                         struct rt_arena *step, struct rt_err *err);
/* Through the first `depth` blocks; what lies behind is not computed. */
void tr__trace_run(struct tr_trace *trace, const struct tr_student *network,
                   const struct tr_weights *weights, const struct tr_batch *batch, int depth);
#endif
