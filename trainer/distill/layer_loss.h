/* trainer/distill/layer_loss.h -- which losses between inner layers there are, which layers they
 * compare, and how they are balanced. Their sums are the kernels' (trainer/nn/kernels_internal.h),
 * their formulas in tests/layer_reference.h.
 *
 * Source   Jiao et al. 2020, "TinyBERT", arXiv:1909.10351; relations Wang et al. 2021, "MiniLMv2",
 *          arXiv:2012.15828; the layer map `kept` Hou et al. 2020, "DynaBERT", arXiv:2004.04037.
 */
#ifndef TRAINER_DISTILL_LAYER_LOSS_H
#define TRAINER_DISTILL_LAYER_LOSS_H
#include "base/random.h"

enum tr_attention_loss {
    TR_ATTENTION_LOGITS,
    TR_ATTENTION_PROBS,
    TR_ATTENTION_KL,
    TR_ATTENTION_RELATION
};

/* Teacher layer (1..N) of each student layer m = 1..M, into map[m - 1]; M at most N.
 * uniform  floor(m N/M + 1/2)       last  m + N - M       first  m
 * kept     floor((m-1) N/M) + 1     random  one of each of M equal slices, anew each epoch */
enum tr_layer_map {
    TR_LAYERS_UNIFORM,
    TR_LAYERS_LAST,
    TR_LAYERS_FIRST,
    TR_LAYERS_KEPT,
    TR_LAYERS_RANDOM
};
/* rng: for random alone, of (seed, RT_STREAM_LAYER_MAP, epoch); else NULL. */
void tr_layer_map(enum tr_layer_map kind, int student, int teacher, struct rt_rng *rng, int *map);

/* Weight that makes a layer's loss as large as that of the logits, itself held constant. */
double tr_layer_balance(double logits_loss, double layer_loss);
#endif
