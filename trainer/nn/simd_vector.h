/* trainer/nn/simd_vector.h -- one vector of floats, AVX-512 (16 lanes) or AVX2 (8 lanes).
 *
 * Included by kernels_simd.h alone. Arithmetic is the compilers' vector extension; intrinsics serve
 * only what it cannot say: minima, partial loads and stores, transposes.
 */
#ifndef TRAINER_NN_SIMD_VECTOR_H
#define TRAINER_NN_SIMD_VECTOR_H
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#ifdef __AVX512F__
#define VL 16
#define TILE_ROWS 14   /* of a tile two vectors wide: 28 sums of 32 registers */
#define TILE_ROWS_1 26 /* one vector wide */
typedef __m512 vf;
typedef int32_t vi __attribute__((vector_size(64)));
#define SET1(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define VMAX(a, b) _mm512_max_ps(a, b)
#define VMIN(a, b) _mm512_min_ps(a, b)
#define VSQRT(a) _mm512_sqrt_ps(a)

INLINE vf load_first(const float *p, int n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1U << n) - 1), p);
}

INLINE void store_first(float *p, vf v, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1U << n) - 1), v);
}

/* sign bit of s ? a : b */
INLINE vf where_negative(vf s, vf a, vf b)
{
    return _mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)s), b, a);
}

INLINE __m512d low_doubles(vf v)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(v));
}

INLINE __m512d high_doubles(vf v)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
}
typedef __m512d vd;

INLINE float lanes_sum(vf v)
{
    return _mm512_reduce_add_ps(v);
}

/* The sums of four vectors. */
INLINE __m128 lanes_sums(vf a, vf b, vf c, vf d)
{
    const vf ab = _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
    const vf cd = _mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d);
    const vf all = (vf)_mm512_unpacklo_pd((__m512d)ab, (__m512d)cd) +
                   (vf)_mm512_unpackhi_pd((__m512d)ab, (__m512d)cd);
    const __m256 half = _mm512_castps512_ps256(all) + _mm512_extractf32x8_ps(all, 1);
    return _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
}

INLINE float lanes_max(vf v)
{
    return _mm512_reduce_max_ps(v);
}

INLINE void transpose(vf r[VL])
{
    vf t[VL], u[VL];
    UNROLL for (int i = 0; i < VL; i += 2)
    {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < VL; i++)
    {
        const __m512d a = (__m512d)t[i / 4 * 4 + i % 4 / 2];
        const __m512d b = (__m512d)t[i / 4 * 4 + i % 4 / 2 + 2];
        u[i] = (vf)(i % 2 ? _mm512_unpackhi_pd(a, b) : _mm512_unpacklo_pd(a, b));
    }
    UNROLL for (int c = 0; c < 4; c++)
    {
        const vf a = _mm512_shuffle_f32x4(u[c], u[c + 4], 0x88);
        const vf b = _mm512_shuffle_f32x4(u[c], u[c + 4], 0xdd);
        const vf a2 = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0x88);
        const vf b2 = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0xdd);
        r[c] = _mm512_shuffle_f32x4(a, a2, 0x88);
        r[c + 4] = _mm512_shuffle_f32x4(b, b2, 0x88);
        r[c + 8] = _mm512_shuffle_f32x4(a, a2, 0xdd);
        r[c + 12] = _mm512_shuffle_f32x4(b, b2, 0xdd);
    }
}
#else
#define VL 8
#define TILE_ROWS 6 /* 12 sums of 16 registers */
#define TILE_ROWS_1 12
typedef __m256 vf;
typedef int32_t vi __attribute__((vector_size(32)));
#define SET1(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define VMAX(a, b) _mm256_max_ps(a, b)
#define VMIN(a, b) _mm256_min_ps(a, b)
#define VSQRT(a) _mm256_sqrt_ps(a)

INLINE __m256i first_lanes(int n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones + 8 - n));
}

INLINE vf load_first(const float *p, int n)
{
    return _mm256_maskload_ps(p, first_lanes(n));
}

INLINE void store_first(float *p, vf v, int n)
{
    _mm256_maskstore_ps(p, first_lanes(n), v);
}

/* sign bit of s ? a : b */
INLINE vf where_negative(vf s, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, s);
}

INLINE __m256d low_doubles(vf v)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(v));
}

INLINE __m256d high_doubles(vf v)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}
typedef __m256d vd;

INLINE float lanes_sum(vf v)
{
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* The sums of four vectors. */
INLINE __m128 lanes_sums(vf a, vf b, vf c, vf d)
{
    const vf ab = _mm256_unpacklo_ps(a, b) + _mm256_unpackhi_ps(a, b);
    const vf cd = _mm256_unpacklo_ps(c, d) + _mm256_unpackhi_ps(c, d);
    const vf all = (vf)_mm256_unpacklo_pd((__m256d)ab, (__m256d)cd) +
                   (vf)_mm256_unpackhi_pd((__m256d)ab, (__m256d)cd);
    return _mm256_castps256_ps128(all) + _mm256_extractf128_ps(all, 1);
}

INLINE float lanes_max(vf v)
{
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

INLINE void transpose(vf r[VL])
{
    vf t[VL], u[VL];
    UNROLL for (int i = 0; i < VL; i += 2)
    {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < VL; i++)
    {
        const __m256d a = (__m256d)t[i / 4 * 4 + i % 4 / 2];
        const __m256d b = (__m256d)t[i / 4 * 4 + i % 4 / 2 + 2];
        u[i] = (vf)(i % 2 ? _mm256_unpackhi_pd(a, b) : _mm256_unpacklo_pd(a, b));
    }
    UNROLL for (int c = 0; c < 4; c++)
    {
        r[c] = _mm256_permute2f128_ps(u[c], u[c + 4], 0x20);
        r[c + 4] = _mm256_permute2f128_ps(u[c], u[c + 4], 0x31);
    }
}
#endif

/* n floats, at most a vector of them; whole vectors need no mask. */
INLINE vf load_some(const float *p, int n)
{
    return n >= VL ? LOAD(p) : load_first(p, n);
}

INLINE void store_some(float *p, vf v, int n)
{
    if (n >= VL)
        STORE(p, v);
    else
        store_first(p, v, n);
}

/* 2^f on [-1/2,1/2], degree 6, minimax (1.9e-9 before rounding). */
INLINE vf exp2_fraction(vf f)
{
    vf p = SET1(1.5345814e-4F);
    p = p * f + SET1(1.3399933e-3F);
    p = p * f + SET1(9.6184890e-3F);
    p = p * f + SET1(5.5503288e-2F);
    p = p * f + SET1(2.4022647e-1F);
    p = p * f + SET1(6.9314721e-1F);
    return p * f + SET1(1.0F);
}

/* 2^x for x <= 127, relative error under 2e-7; far below -126 it is 0 or 2^-126. NaN goes through.
 */
INLINE vf exp2_lanes(vf x)
{
#if VL == 16
    const vf f = _mm512_reduce_ps(x, 0); /* x less the nearest integer */
    return _mm512_scalef_ps(exp2_fraction(f), x - f);
#else
    const vf magic = SET1(12582912.0F); /* 1.5 * 2^23: adding it rounds to an integer */
    x = VMAX(SET1(-126.0F), x);         /* the second operand is what NaN comes from */
    const vf shifted = x + magic;
    const vf p = exp2_fraction(x - (shifted - magic));
    return (vf)((vi)p + ((vi)shifted << 23));
#endif
}

/* u Phi(u) and its derivative. Phi(-x) = exp(-x^2/2) Q(x) for x = |u|, with Q minimax on [0,5] for
 * the weight exp(-x^2/2) max(1,x): no division, error of Phi under 6e-8 everywhere. */
INLINE void gelu_lanes(vf u, vf *value, vf *slope)
{
    const vf x = VMIN(SET1(5.0F), VMAX(u, -u));
    const vf e = exp2_lanes(u * u * SET1(-0.72134752F)); /* log2(e) / 2 */
    vf q = SET1(-2.5641372758400394e-07F);
    q = q * x + SET1(6.523742285935441e-06F);
    q = q * x + SET1(-7.471227581845596e-05F);
    q = q * x + SET1(0.0005163623136468232F);
    q = q * x + SET1(-0.0024548836518079042F);
    q = q * x + SET1(0.008760870434343815F);
    q = q * x + SET1(-0.02519773133099079F);
    q = q * x + SET1(0.06173576042056084F);
    q = q * x + SET1(-0.1327323019504547F);
    q = q * x + SET1(0.24995823204517365F);
    q = q * x + SET1(-0.3989395499229431F);
    q = q * x + SET1(0.4999999701976776F);
    const vf tail = e * q;
    const vf phi = where_negative(u, tail, SET1(1.0F) - tail);
    *value = u * phi;
    *slope = phi + u * e * SET1(0.39894228F);
}

/* 1 / (1 + 2^-x): the logistic function of x ln 2. Beyond 2^+-100 it is flat. */
INLINE vf logistic2_lanes(vf x)
{
    const vf bounded = VMIN(SET1(100.0F), VMAX(SET1(-100.0F), x)); /* NaN is the second operand */
    return SET1(1.0F) / (SET1(1.0F) + exp2_lanes(-bounded));
}

/* u s(2z), z = sqrt(2/pi) (u + .044715 u^3) */
INLINE void gelu_tanh_lanes(vf u, vf *value, vf *slope)
{
    const vf uu = u * u;
    const vf s = logistic2_lanes(u * (SET1(1.0F) + SET1(0.044715F) * uu) * SET1(2.3022082F));
    const vf dz = SET1(1.5957691F) * (SET1(1.0F) + SET1(0.134145F) * uu); /* 2 dz/du */
    *value = u * s;
    *slope = s + u * s * (SET1(1.0F) - s) * dz;
}

/* tanh u = 2 s(2u) - 1 loses digits near 0: there its series, to u^7. */
INLINE void tanh_lanes(vf u, vf *value, vf *slope)
{
    const vf uu = u * u, large = SET1(2.0F) * logistic2_lanes(u * SET1(2.8853901F)) - SET1(1.0F);
    vf p = SET1(-17.0F / 315.0F);
    p = p * uu + SET1(2.0F / 15.0F);
    p = p * uu + SET1(-1.0F / 3.0F);
    *value = where_negative(uu - SET1(0.0625F), u + u * uu * p, large);
    *slope = SET1(1.0F) - *value * *value;
}

INLINE void relu_lanes(vf u, vf *value, vf *slope)
{
    *value = VMAX(SET1(0.0F), u); /* NaN stays */
    *slope = where_negative(SET1(0.0F) - u, SET1(1.0F), SET1(0.0F));
}
#endif
