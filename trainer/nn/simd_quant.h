/* trainer/nn/simd_quant.h -- int8 felt in float, in vectors; see kernels_internal.h. */
#ifndef TRAINER_NN_SIMD_QUANT_H
#define TRAINER_NN_SIMD_QUANT_H
#include <math.h>

#include "trainer/nn/kernels_internal.h"
#include "trainer/nn/simd_vector.h"

/* Half to even; a bit a lane that is true; lanes whose bit is 0 become 0. */
#ifdef __AVX512F__
#define NEAREST(v) _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

INLINE unsigned within(vf v, float low, float high)
{
    return (unsigned)_mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(v, SET1(low), _CMP_GE_OQ), v,
                                             SET1(high), _CMP_LE_OQ);
}

INLINE vf where_bits(unsigned bits, vf v)
{
    return _mm512_maskz_mov_ps((__mmask16)bits, v);
}
#else
#define NEAREST(v) _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

INLINE unsigned within(vf v, float low, float high)
{
    return (unsigned)_mm256_movemask_ps(_mm256_and_ps(_mm256_cmp_ps(v, SET1(low), _CMP_GE_OQ),
                                                      _mm256_cmp_ps(v, SET1(high), _CMP_LE_OQ)));
}

INLINE vf where_bits(unsigned bits, vf v)
{
    const vi lane = {1, 2, 4, 8, 16, 32, 64, 128};
    return (vf)(((lane & (int32_t)bits) != 0) & (vi)v);
}
#endif

static float largest(int rows, int cols, struct tr_view x)
{
    vf top = SET1(0.0F), finite = SET1(0.0F);
    float lanes[VL], all = 0;

    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c += VL) {
            const vf v = load_some(x.at + r * x.ld + c, cols - c);
            top = VMAX(VMAX(v, -v), top);
            finite += v * SET1(0.0F);
        }
    if (!isfinite(lanes_sum(finite)))
        return NAN;
    STORE(lanes, top);
    for (int i = 0; i < VL; i++)
        all = lanes[i] > all ? lanes[i] : all;
    return all;
}

static void fake_quant(int rows, int cols, float scale, struct tr_out x, unsigned char *pass)
{
    const float low = -128, high = 127;
    const vf inverse = SET1(1 / scale);
    const ptrdiff_t bytes = (cols + TR_PAD - 1) / TR_PAD * TR_PAD / 8;

    for (ptrdiff_t r = 0; r < rows; r++) {
        if (pass)
            pass[r * bytes + bytes - 1] = 0; /* perhaps beyond the last vector */
        for (int c = 0; c < cols; c += VL) {
            float *at = x.at + r * x.ld + c;
            const int n = cols - c;
            const vf code = NEAREST(load_some(at, n) * inverse);
            unsigned through = within(code, low, high);
            /* NaN stays: min and max take the second operand */
            store_some(at, VMIN(SET1(high), VMAX(SET1(low), code)) * SET1(scale), n);
            if (!pass)
                continue;
            through &= n < VL ? (1U << n) - 1 : ~0U;
            for (int b = 0; b < VL / 8; b++)
                pass[r * bytes + c / 8 + b] = (unsigned char)(through >> 8 * b);
        }
    }
}

static void fake_quant_back(int rows, int cols, const unsigned char *pass, struct tr_out dx)
{
    const ptrdiff_t bytes = (cols + TR_PAD - 1) / TR_PAD * TR_PAD / 8;

    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c += VL) {
            float *at = dx.at + r * dx.ld + c;
            unsigned bits = 0;
            for (int b = 0; b < VL / 8; b++)
                bits |= (unsigned)pass[r * bytes + c / 8 + b] << 8 * b;
            store_some(at, where_bits(bits, load_some(at, cols - c)), cols - c);
        }
}
#endif
