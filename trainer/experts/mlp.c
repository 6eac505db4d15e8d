/* trainer/experts/mlp.c -- passes of perceptrons on the kernels. */
#include "trainer/experts/mlp.h"

#include <assert.h>

void tr_mlp_init(struct tr_mlp *mlp, const struct tr_kernels *kernels, struct rt_arena *arena)
{
    size_t count = 0;

    assert(mlp->layers > 0 && mlp->layers <= TR_MLP_LAYERS);
    for (int l = 0; l < mlp->layers; l++) {
        assert(mlp->size[l] > 0 && mlp->size[l] <= TR_MLP_WIDTH);
        mlp->offset[l] = count;
        count += ((size_t)mlp->size[l] + 1) * (size_t)mlp->size[l + 1];
    }
    mlp->kernels = kernels;
    mlp->param_count = count;
    mlp->params = rt_arena_zalloc(arena, count + TR_SLACK, sizeof(float));
    for (int l = 0; l < mlp->layers; l++) {
        const int in = mlp->size[l], out = mlp->size[l + 1];
        const size_t forward = kernels->packed_floats(in, out);
        mlp->linear[l] = (struct tr_linear){.in = in, .out = out};
        mlp->packed[l] = rt_arena_alloc(arena, forward + kernels->packed_floats(out, in) + TR_SLACK,
                                        sizeof(float));
        if (!mlp->params)
            continue;
        mlp->linear[l].weight = mlp->params + mlp->offset[l];
        mlp->linear[l].bias = mlp->linear[l].weight + (size_t)in * (size_t)out;
        if (forward > 0) {
            mlp->linear[l].forward = mlp->packed[l];
            mlp->linear[l].backward = mlp->packed[l] + forward;
        }
    }
}

void tr_mlp_pack(struct tr_mlp *mlp, bool backward)
{
    for (int l = 0; l < mlp->layers; l++) {
        const int in = mlp->size[l], out = mlp->size[l + 1];
        float *forward = mlp->packed[l], *back = forward + mlp->kernels->packed_floats(in, out);
        if (mlp->linear[l].forward)
            mlp->kernels->pack(mlp->linear[l].weight, out, in, forward, backward ? back : NULL);
    }
}

/* Eigen's rational approximation of tanh, of degrees 13 and 6, on +-7.905, beyond which it is 1 in
 * floats. No branches: the compiler makes vectors of it, and each value's bits are the same. */
void tr_tanh(size_t n, float *v)
{
    const float most = 7.90531110763549805F;

    for (size_t i = 0; i < n; i++) {
        float x = v[i] < most ? v[i] : most;
        x = x > -most ? x : -most;
        const float s = x * x;
        float p = -2.76076847742355e-16F, q = 1.19825839466702e-06F;
        p = p * s + 2.00018790482477e-13F;
        p = p * s + -8.60467152213735e-11F;
        p = p * s + 5.12229709037114e-08F;
        p = p * s + 1.48572235717979e-05F;
        p = p * s + 6.37261928875436e-04F;
        p = p * s + 4.89352455891786e-03F;
        q = q * s + 1.18534705686654e-04F;
        q = q * s + 2.26843463243900e-03F;
        q = q * s + 4.89352518554385e-03F;
        v[i] = x * p / q;
    }
}

/* v (rows, size), and whatever pads its rows. */
static void activate(enum tr_activation activation, size_t n, float *v)
{
    if (activation == TR_ACT_TANH)
        tr_tanh(n, v);
    else
        for (size_t i = 0; i < n; i++)
            v[i] = v[i] > 0 ? v[i] : 0;
}

void tr_mlp_forward(const struct tr_mlp *mlp, int rows, const float *x, float *const *behind)
{
    struct tr_view in = {x, tr_mlp_ld(mlp->size[0])};

    for (int l = 0; l < mlp->layers; l++) {
        const int size = mlp->size[l + 1];
        const struct tr_out out = {behind[l], tr_mlp_ld(size)};
        mlp->kernels->linear(&mlp->linear[l], rows, in, (struct tr_view){NULL, 0}, out);
        if (l < mlp->layers - 1)
            for (int r = 0; r < rows; r++)
                activate(mlp->activation, (size_t)size, out.at + r * out.ld);
        in = tr_seen(out);
    }
}

/* Values behind an activation become its slope there. */
static void slope(enum tr_activation activation, int rows, int size, float *v)
{
    for (int r = 0; r < rows; r++, v += tr_mlp_ld(size))
        for (int i = 0; i < size; i++)
            if (activation == TR_ACT_TANH)
                v[i] = 1 - v[i] * v[i];
            else
                v[i] = v[i] > 0 ? 1.0F : 0.0F;
}

void tr_mlp_backward(const struct tr_mlp *mlp, int rows, const float *x, float *const *behind,
                     const float *dy, float *grads, float *const *spare)
{
    struct tr_view d = {dy, tr_mlp_ld(mlp->size[mlp->layers])};

    for (int l = mlp->layers - 1; l >= 0; l--) {
        const struct tr_linear *linear = &mlp->linear[l];
        const ptrdiff_t ld = tr_mlp_ld(linear->in);
        float *dweight = grads + mlp->offset[l];
        const struct tr_view in = {l > 0 ? behind[l - 1] : x, ld};
        mlp->kernels->linear_dw(linear, rows, d, in, dweight,
                                dweight + (size_t)linear->in * (size_t)linear->out);
        if (l == 0)
            return;
        slope(mlp->activation, rows, linear->in, behind[l - 1]);
        const struct tr_out dx = {spare[l % 2], ld};
        mlp->kernels->linear_dx(linear, rows, d, in, false, dx);
        d = tr_seen(dx);
    }
}
