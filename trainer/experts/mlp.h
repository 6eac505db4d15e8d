/* trainer/experts/mlp.h -- multilayer perceptrons: what policies of reinforcement learning are.
 *
 * Layers   y = act(x W^T + b) one after the other, without `act` after the last; W (out,in).
 * Params   one vector: W, b of the first layer, then of the next.
 * Rows     (rows, size) with rows tr_mlp_ld(size) floats apart and TR_SLACK floats behind the last.
 * Bits     of a row do not depend on the rows beside it; tanh is a rational function of its own
 *          (error below 4e-7), so that they do not depend on the C library either.
 * Threads  read-only but in tr_mlp_pack(); buffers are the caller's.
 */
#ifndef TRAINER_EXPERTS_MLP_H
#define TRAINER_EXPERTS_MLP_H
#include "base/arena.h"
#include "trainer/experts/mlp_sizes.h"
#include "trainer/nn/kernels_internal.h"

struct tr_mlp {
    int layers;
    int size[TR_MLP_LAYERS + 1]; /* of the input and behind each layer, at most TR_MLP_WIDTH */
    enum tr_activation activation;
    const struct tr_kernels *kernels;
    struct tr_linear linear[TR_MLP_LAYERS]; /* their places in params and packed */
    size_t offset[TR_MLP_LAYERS];           /* of a layer in params */
    size_t param_count;
    float *params; /* [param_count] */
    float *packed[TR_MLP_LAYERS];
};

/* By layers, size and activation; params are to be filled, then packed. */
void tr_mlp_init(struct tr_mlp *mlp, const struct tr_kernels *kernels, struct rt_arena *arena);
/* After params have changed. backward: for tr_mlp_backward() too. */
void tr_mlp_pack(struct tr_mlp *mlp, bool backward);

static inline ptrdiff_t tr_mlp_ld(int size)
{
    return (size + TR_PAD - 1) / TR_PAD * TR_PAD;
}
/* Floats of rows behind one layer. */
static inline size_t tr_mlp_floats(int rows, int size)
{
    return (size_t)rows * (size_t)tr_mlp_ld(size) + TR_SLACK;
}

/* x (rows, size[0]); behind [l] (rows, size[l+1]) is written for each layer; the last are the
 * answers. Buffers behind l and l+2 may be one when no gradient is wanted. */
void tr_mlp_forward(const struct tr_mlp *mlp, int rows, const float *x, float *const *behind);
/* From dy = the gradient by behind[layers-1]: adds to grads [param_count]. behind is used up; spare
 * [2] are buffers of the widest layer behind which there is another. */
void tr_mlp_backward(const struct tr_mlp *mlp, int rows, const float *x, float *const *behind,
                     const float *dy, float *grads, float *const *spare);

/* tanh of n values, in place. */
void tr_tanh(size_t n, float *v);
#endif
