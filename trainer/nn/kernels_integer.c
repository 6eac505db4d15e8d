/* trainer/nn/kernels_integer.c -- see kernels_internal.h: linear layers as an int8 machine runs
 * them.
 *
 * What comes in are floats that stand for codes, q s; their codes are found again exactly, since q
 * is a whole number of at most 8 bits and the product and quotient by s err by parts in 10^7.
 */
#include <assert.h>

#include "trainer/nn/kernels_internal.h"
#include "trainer/nn/quantise.h"

enum { most_rows = 16, room = 2 * TR_QUANT_MOST_TERMS };

/* Output channel o of `count` rows, codes (count,in), W (out,in), y (count,out): the sums, and what they stand for. */
static void channel(const struct tr_linear *layer, int o, const int8_t *codes, int count,
                    struct tr_view residual, struct tr_out y)
{
    const float scale = layer->weight_scale[o];
    int8_t w[TR_QUANT_MOST_TERMS];
    int32_t sum[most_rows];

    tr_quantise(layer->weight + (ptrdiff_t)o * layer->in, (size_t)layer->in, scale, TR_QUANT_WEIGHT,
                w);
    tr_quant_product(codes, w, count, layer->in, sum);
    for (ptrdiff_t r = 0; r < count; r++)
        y.at[r * y.ld + o] = (float)sum[r] * (scale * layer->input_scale) + layer->bias[o] +
                             (residual.at ? residual.at[r * residual.ld + o] : 0);
}

/* x (rows,in), W (out,in), residual, y (rows,out) */
void tr__integer_linear(const struct tr_linear *layer, int rows, struct tr_view x,
                        struct tr_view residual, struct tr_out y)
{
    const int fit = room / layer->in, step = fit < most_rows ? fit : most_rows;
    int8_t codes[room];

    if (!layer->weight_scale) {
        tr__openblas_linear(layer, rows, x, residual, y);
        return;
    }
    assert(layer->in >= 1 && layer->in <= TR_QUANT_MOST_TERMS && step > 0);
    for (ptrdiff_t first = 0; first < rows; first += step) {
        const int count = rows - first < step ? (int)(rows - first) : step;
        const struct tr_view add = {residual.at ? residual.at + first * residual.ld : NULL,
                                    residual.ld};
        const struct tr_out out = {y.at + first * y.ld, y.ld};
        for (ptrdiff_t r = 0; r < count; r++)
            tr_quantise(x.at + (first + r) * x.ld, (size_t)layer->in, layer->input_scale,
                        TR_QUANT_SIGNED, codes + r * layer->in);
        for (int o = 0; o < layer->out; o++)
            channel(layer, o, codes, count, add, out);
    }
}
