/* trainer/net/student.h -- a student network: parameters, forward, backward, inference.
 *
 * The network is that of space/arch.h. A struct tr_student is a plan: shapes, tensor table and
 * kernel choice; it is read-only after init and shared by threads. Weights resident in one flat vector
 * in the order of the tensor table, so gradients, optimiser state and checkpoints have its layout.
 *
 * Shapes   M examples a batch, R rows of all of them, T rows of one at most, class row included; F
 *          features of the stem, d width, a = heads*head_dim, f ffn, C classes: of a tied head the
 *          vocabulary. A answers, see
 *          task/batch.h; A = M but for several parts and pool = none. Logits (A,C), row-major
 *          float32.
 * Rows     example m has rows start[m] .. start[m+1] - 1, see task/batch.h; its class row is the
 *          first. A row's position is its place in its example.
 * Details  x0 = position + (class token | features W^T + b); the norms use TR_NORM_EPS of nn/, and
 *          GELU is exact (erf), but for what the shape's variant says; scores are scaled by 1/sqrt(head_dim); qkv rows are all q, then all k, then
 *          all v, head by head. Pooling follows the final norm: an example's first row, its last,
 *          or the mean of its rows.
 * Texts    row r starts as row ids[r] of the table (V,e), projected to d where e differs. The table is
 *          the last tensor, so that gradients can be held without it: a backward leaves the
 *          gradient of each row's look-up, which are few, and tr_lookup_back() adds those up by id.
 * Memory   tr_weights_bytes() and tr_pass_bytes() say how many bytes of an arena the init of that
 *          name takes; nothing is allocated later. With a counting arena the inits succeed, set
 *          their pointers to NULL, and only count.
 * Threads  forward/backward: one struct tr_pass a thread; `weights` is shared, read-only between
 *          calls of tr_weights_pack().
 * Exact    what is computed of an example, its logits and the gradients of its rows, is the same
 *          bits whatever stands beside it in the batch (by rounding alone where OpenBLAS
 *          multiplies). Gradients of parameters are sums over the rows of a batch, so they depend
 *          on how many there are by rounding. All is the same on every run of one kernel set.
 */
#ifndef TRAINER_NET_STUDENT_H
#define TRAINER_NET_STUDENT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "space/stem.h"
#include "trainer/nn/kernels.h"
#include "trainer/task/batch.h"

/* What a tensor is for. Only weights decay and have int8 codes; first values are normal for
 * weights, positions, tables and the class token, 1 for gains, 0 for biases. */
enum tr_role {
    TR_ROLE_WEIGHT, /* (out,in) of a linear layer */
    TR_ROLE_BIAS,   /* of a linear layer or a norm */
    TR_ROLE_GAIN,   /* of a norm */
    TR_ROLE_POSITION,
    TR_ROLE_CLASS_TOKEN,
    TR_ROLE_SEGMENT,
    TR_ROLE_TABLE /* of token ids: int8 codes by row */
};

struct tr_tensor {
    char name[40]; /* as in space/arch.h, blocks as "block.0.qkv.weight" */
    enum tr_role role;
    int dims, shape[3];
    size_t offset, count; /* in floats, in the flat vector */
};

struct tr_student {
    struct space_arch arch;
    struct space_shape shape;
    const struct tr_kernels *kernels;
    struct space_stem stem;
    int tokens; /* T */
    size_t param_count;
    size_t dense_count; /* of the parameters in front of the table: what a backward adds to */
    int tensor_count;
    struct tr_tensor *tensors; /* owned; freed by tr_student_release() */
    struct tr_plan *plan;      /* owned; layers and where they are packed: student_internal.h */
};

rt_status tr_student_init(struct tr_student *student, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          struct rt_err *err);
void tr_student_release(struct tr_student *student);

/* Truncated normal (sd .02, cut at 2 sd) for matrices, token and positions; ones and zeros for
 * norms and biases; the projection of looked-up rows has sd 1/sqrt(e), or what the first block
 * reads would be tiny. Tensor t draws from (seed, RT_STREAM_INIT, t). */
void tr_student_init_params(const struct tr_student *student, uint64_t seed, float *params);

/* Parameters and, behind them, what the kernels want them packed as. */
struct tr_int8; /* trainer/net/student_int8.h */
struct tr_weights {
    float *params; /* param_count floats */
    float *packed; /* kernel set's own layout; NULL for plain kernels */
    bool for_training;
    const struct tr_int8 *int8; /* NULL: a float network */
};
rt_status tr_weights_init(struct tr_weights *weights, const struct tr_student *student,
                          bool for_training, struct rt_arena *model, struct rt_err *err);
/* Without parameters of its own: `params` is then the caller's to set. */
rt_status tr_weights_init_packing(struct tr_weights *weights, const struct tr_student *student,
                                  bool for_training, struct rt_arena *model, struct rt_err *err);
size_t tr_weights_bytes(const struct tr_student *student, bool for_training);
/* After every change of params, before the next pass. Less is packed when not for_training. */
void tr_weights_pack(const struct tr_student *student, struct tr_weights *weights);

/* One thread's activations for training with micro-batches of at most `max_batch` examples. */
struct tr_pass;
rt_status tr_pass_init(struct tr_pass **pass, const struct tr_student *student, int max_batch,
                       struct rt_arena *step, struct rt_err *err);
size_t tr_pass_bytes(const struct tr_student *student, int max_batch);
/* From the next forward on; NULL: no more. Activations of an int8 network are quantised in place,
 * so the backward needs the observer that was there. */
struct tr_observer;
void tr_pass_observe(struct tr_pass *pass, struct tr_observer *observer);
/* logits (A,C) is written; weights are packed. */
void tr_pass_forward(struct tr_pass *pass, const struct tr_student *student,
                     const struct tr_weights *weights, const struct tr_batch *batch, float *logits);
/* From dlogits (A,C), adds to grads (layout of params, dense_count of them) for the batch of the last
 * forward, which is still as it was. */
void tr_pass_backward(struct tr_pass *pass, const struct tr_student *student,
                      const struct tr_weights *weights, const float *dlogits, float *grads);
/* What that backward left for the table: (R,e), the gradient by what each row looked up; the
 * distance between rows in floats goes to *ld. */
const float *tr_pass_dlookup(const struct tr_pass *pass, ptrdiff_t *ld);
/* Adds such rows to the table's gradient, in their order: grads has all param_count. */
void tr_lookup_back(const struct tr_student *student, int rows, const int *ids,
                    const float *dlookup, ptrdiff_t ld, float *grads);

/* Inference: no training state is kept or touched. This is what latency measures. */
struct tr_infer;
rt_status tr_infer_init(struct tr_infer **infer, const struct tr_student *student, int max_batch,
                        struct rt_arena *step, struct rt_err *err);
void tr_infer_run(struct tr_infer *infer, const struct tr_student *student,
                  const struct tr_weights *weights, const struct tr_batch *batch, float *logits);

/* What is counted in the network as built: must equal space_cost_of(). */
void tr_student_cost(const struct tr_student *student, struct space_cost *cost);
#endif
