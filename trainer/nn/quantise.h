/* trainer/nn/quantise.h -- int8 arithmetic as it will be deployed, felt while training.
 *
 *   q = clamp(rint(x / s), low, high), half to even          x^ = q s
 *   weights      one s a row (output channel): max |w| / 127, range -127..127; 1 for a row of zeros
 *   activations  one s a tensor: amax / 127, range -128..127, or 0..255 with amax / 255 after ReLU
 *   amax         running: decay amax + (1 - decay) seen, the first seen as it is
 *   gradient     straight through where low <= rint(x / s) <= high, 0 beyond
 *
 * Rows of the integer product are exact in int32 up to 2^31 / 128^2 terms: TR_QUANT_MOST_TERMS.
 * Shapes   w (rows,cols) as in y = x W^T, one row an output channel.
 * Source   Jacob et al. 2018, arXiv:1712.05877.
 */
#ifndef TRAINER_NN_QUANTISE_H
#define TRAINER_NN_QUANTISE_H
#include <stddef.h>
#include <stdint.h>

#define TR_QUANT_MOST_TERMS 131071

struct tr_quant_range {
    float low, high;
};
static const struct tr_quant_range TR_QUANT_WEIGHT = {-127, 127};
static const struct tr_quant_range TR_QUANT_SIGNED = {-128, 127};
static const struct tr_quant_range TR_QUANT_UNSIGNED = {0, 255};

/* Scale of activations with this largest absolute value; 1 for none. */
float tr_quant_scale(float amax, struct tr_quant_range range);
/* amax < 0: nothing seen so far. */
float tr_quant_track(float amax, float seen, float decay);

/* x^ of n values; pass (n), unless NULL, is 1 where the gradient passes. out may be x. */
void tr_fake_quant(const float *x, size_t n, float scale, struct tr_quant_range range, float *out,
                   unsigned char *pass);

/* What is stored and run: codes of weights and of signed activations, and their product. */
void tr_quantise(const float *x, size_t n, float scale, struct tr_quant_range range, int8_t *q);
/* acc (rows) = W x in integers; multiply by scale_x * scale_w[row] for y. */
void tr_quant_product(const int8_t *w, const int8_t *x, int rows, int cols, int32_t *acc);
#endif
