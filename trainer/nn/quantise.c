/* trainer/nn/quantise.c -- see quantise.h.
 *
 * Division is by multiplication with the inverse scale in float, as inference engines do: the two
 * differ at ties, and the exported model must give what training saw.
 */
#include "trainer/nn/quantise.h"

#include <assert.h>
#include <math.h>

static float clamp(float v, struct tr_quant_range range)
{
    return v < range.low ? range.low : v > range.high ? range.high : v;
}

float tr_quant_scale(float amax, struct tr_quant_range range)
{
    return amax > 0 ? amax / range.high : 1;
}

float tr_quant_track(float amax, float seen, float decay)
{
    return amax < 0 ? seen : decay * amax + (1 - decay) * seen;
}

void tr_fake_quant(const float *x, size_t n, float scale, struct tr_quant_range range, float *out,
                   unsigned char *pass)
{
    const float inverse = 1 / scale;

    for (size_t i = 0; i < n; i++) {
        const float code = rintf(x[i] * inverse);
        if (pass)
            pass[i] = code >= range.low && code <= range.high;
        out[i] = clamp(code, range) * scale;
    }
}

void tr_quantise(const float *x, size_t n, float scale, struct tr_quant_range range, int8_t *q)
{
    const float inverse = 1 / scale;

    for (size_t i = 0; i < n; i++) {
        const float code = clamp(rintf(x[i] * inverse), range);
        q[i] = (int8_t)(isnan(code) ? range.low : code); /* no integer stands for NaN */
    }
}

void tr_quant_product(const int8_t *w, const int8_t *x, int rows, int cols, int32_t *acc)
{
    assert(rows >= 0 && cols >= 1 && cols <= TR_QUANT_MOST_TERMS); /* or acc overflows */
    for (ptrdiff_t r = 0; r < rows; r++) {
        acc[r] = 0;
        for (int c = 0; c < cols; c++)
            acc[r] += (int32_t)w[r * cols + c] * x[c];
    }
}
