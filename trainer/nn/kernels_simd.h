/* trainer/nn/kernels_simd.h -- the one source of the kernel sets v3 and v4, see kernels.h.
 *
 * kernels_v3.c and kernels_v4.c define SET_NAME and include this; the compiler options of each file
 * decide the width of a vector. Everything is static but the table.
 */
#ifndef TRAINER_NN_KERNELS_SIMD_H
#define TRAINER_NN_KERNELS_SIMD_H
#include <assert.h>

#include "trainer/nn/simd_attention.h"
#include "trainer/nn/simd_pairs.h"
#include "trainer/nn/simd_product.h"
#include "trainer/nn/simd_quant.h"
#include "trainer/nn/simd_rows.h"

/* --- linear layers --- */

/* Rows that dW sums over at a time: a panel of so many rows of x stays in L1. */
enum { chunk_rows = 128 };

static size_t own_packed_floats(int rows, int cols)
{
    return (size_t)rows * ((cols + 2 * VL - 1) / (2 * VL) * (2 * VL));
}

/* x (rows,cols) -> panels of 2 VL columns, each (rows,2 VL), the last one filled with zeros */
static void pack_rows(const float *x, int rows, int cols, float *panel)
{
    for (int c = 0; c < cols; c += 2 * VL)
        for (int r = 0; r < rows; r++, panel += 2 * VL) {
            const float *at = x + (ptrdiff_t)r * cols + c;
            const int n = cols - c;
            STORE(panel, load_some(at, n));
            STORE(panel + VL, n > VL ? load_some(at + VL, n - VL) : SET1(0.0F));
        }
}

/* W (out,in) -> forward: panels of W^T (in,out); backward: panels of W */
static void own_pack(const float *weight, int out, int in, float *forward, float *backward)
{
    for (int o = 0; o < out; o += 2 * VL) {
        float *panel = forward + (ptrdiff_t)o * in;
        const struct tr_view rows = {weight + (ptrdiff_t)o * in, in};
        const struct tr_view more = {rows.at + (out - o > VL ? VL : 0) * rows.ld, in};
        transpose_rows(rows, out - o, in, panel, 2 * VL);
        transpose_rows(more, out - o - VL, in, panel + VL, 2 * VL);
    }
    if (backward)
        pack_rows(weight, out, in, backward);
}

/* x (rows,in), W^T in panels of (in,2 VL), residual, y (rows,out) */
static void own_linear(const struct tr_linear *layer, int rows, struct tr_view x,
                       struct tr_view residual, struct tr_out y)
{
    const struct product p = {.a = x.at,
                              .a_row = x.ld,
                              .a_col = 1,
                              .b = layer->forward,
                              .b_row = 2 * VL,
                              .panel = (ptrdiff_t)2 * VL * layer->in,
                              .c = y.at,
                              .ldc = y.ld,
                              .m = rows,
                              .n = layer->out,
                              .k = layer->in,
                              .bias = layer->bias,
                              .add = residual.at,
                              .ld_add = residual.ld};
    assert(layer->forward && rows > 0 && x.ld >= layer->in && y.ld >= layer->out);
    multiply(&p);
}

/* dy (rows,out), W in panels of (out,2 VL), factor, dx (rows,in) */
static void own_linear_dx(const struct tr_linear *layer, int rows, struct tr_view dy,
                          struct tr_view factor, bool add, struct tr_out dx)
{
    const struct product p = {.a = dy.at,
                              .a_row = dy.ld,
                              .a_col = 1,
                              .b = layer->backward,
                              .b_row = 2 * VL,
                              .panel = (ptrdiff_t)2 * VL * layer->out,
                              .c = dx.at,
                              .ldc = dx.ld,
                              .m = rows,
                              .n = layer->in,
                              .k = layer->out,
                              .add = add ? dx.at : NULL,
                              .ld_add = dx.ld,
                              .mul = factor.at,
                              .ld_mul = factor.ld};
    assert(layer->backward && rows > 0 && dy.ld >= layer->out && dx.ld >= layer->in);
    multiply(&p);
}

/* dy (rows,out), x (rows,in), dweight (out,in), dbias (out) */
static void own_linear_dw(const struct tr_linear *layer, int rows, struct tr_view dy,
                          struct tr_view x, float *dweight, float *dbias)
{
    assert(rows > 0 && dy.ld >= layer->out && x.ld >= layer->in);
    for (int r = 0; r < rows; r += chunk_rows) {
        const int count = rows - r < chunk_rows ? rows - r : chunk_rows;
        const struct tr_view part = {dy.at + r * dy.ld, dy.ld};
        const struct product p = {.a = part.at,
                                  .a_row = 1,
                                  .a_col = dy.ld,
                                  .b = x.at + r * x.ld,
                                  .b_row = x.ld,
                                  .panel = 2 * VL,
                                  .c = dweight,
                                  .ldc = layer->in,
                                  .m = layer->out,
                                  .n = layer->in,
                                  .k = count,
                                  .add = dweight,
                                  .ld_add = layer->in};
        add_column_sums(count, layer->out, part, dbias); /* fetches what the product reads */
        multiply(&p);
    }
}

/* Enough chains that none waits for its last result. */
static double multiply_add(void)
{
    enum { rounds = 100000, chains = 12 };
    vf sum[chains], x = SET1(.5F);

    __asm__("" : "+x"(x));
    UNROLL for (int i = 0; i < chains; i++) sum[i] = SET1((float)i);
    for (int r = 0; r < rounds; r++)
        UNROLL for (int i = 0; i < chains; i++) sum[i] = sum[i] * x + x;
    UNROLL for (int i = 0; i < chains; i++) __asm__ volatile("" ::"x"(sum[i]));
    return 2.0 * rounds * chains * VL;
}

#define MEMBERS(prefix)                                                                            \
    .packed_floats = prefix##packed_floats, .pack = prefix##pack, .linear = prefix##linear,        \
    .linear_dx = prefix##linear_dx, .linear_dw = prefix##linear_dw, .probs_floats = probs_floats,  \
    .scratch_floats = scratch_floats, .attention = attention, .attention_back = attention_back,    \
    .scores = scores, .scores_back = scores_back, .pair_loss = pair_loss, .norm = norm,            \
    .norm_back = norm_back, .gelu = gelu, .activate = activate, .softmax = softmax,                \
    .add_column_sums = add_column_sums, .add_rows = add_rows, .adamw = adamw,                      \
    .sum_squares = sum_squares, .multiply_add = multiply_add, .largest = largest,                  \
    .fake_quant = fake_quant, .fake_quant_back = fake_quant_back

const struct tr_kernels SET_SYMBOL = {.name = SET_NAME, MEMBERS(own_)};
const struct tr_kernels SET_SYMBOL_OPENBLAS = {.name = SET_NAME "-openblas",
                                               MEMBERS(tr__openblas_)};
#endif
