/* bench/search/lm.c -- language models of 12, 24 and 36 layers, as evaluators of own genes.
 *
 * Genes    width, depth, bias; of each layer the heads and the FFN's ratio: the spaces of
 *          HW-GPT-Bench (Sukthanker et al. 2024, arXiv:2405.10299), whose errors these are not.
 * Error    a scaling law: floor + range * width^-.45 * (sum over layers of what each gives)^-.6. A
 *          layer's attention is worth more early and its FFN in the middle, each by a factor of
 *          its own; how well it works depends on the head dimension that the layer likes best
 *          and on how soon its FFN is wide enough, so the best heads and ratio differ from layer to
 *          layer and with the width. Attention feeds the next FFN; two wide FFNs in a row do in part
 *          the same work; and what no formula explains stands between neighbours.
 * Params   embeddings, attention and FFN: heads cost nothing, biases a little, so widths are far
 *          apart.
 * Latency  waves of four tiles: of 256 x 256 weights, and of 64 wide heads. A tile that is not full
 *          takes as long as a full one, so heads cost unevenly and narrow FFNs alike.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/search/stack.h"

enum gene { WIDTH, DEPTH, BIAS, HEADS, RATIO };
enum { UNITS = 100000, VOCABULARY = 32000, POSITIONS = 1024 };
enum purpose { ATTENTION_WORTH, FFN_WORTH, LIKED_DIM, FFN_RATE, SCATTER };

static int value(const struct bench_problem *p, const struct space_arch *a, enum gene gene, int l)
{
    return bench_stack_value(p, a, (int)gene, l);
}

/* .1 to 2.8, 1 on the whole */
static double own(const struct bench_problem *p, enum purpose purpose, int l)
{
    const double u = bench_uneven(p, purpose, (uint64_t)l);

    return .1 + 2.7 * u * u;
}

static double attention(const struct bench_problem *p, const struct space_arch *a, int l)
{
    const double dim = (double)value(p, a, WIDTH, 0) / value(p, a, HEADS, l);
    const double off = log2(dim) - 5 - 2 * bench_uneven(p, LIKED_DIM, (uint64_t)l);

    return exp(-off * off / 4.5);
}

static double ffn(const struct bench_problem *p, const struct space_arch *a, int l)
{
    const double rate = .25 + .5 * bench_uneven(p, FFN_RATE, (uint64_t)l);

    return 1 - exp(-rate * value(p, a, RATIO, l));
}

static int unary(const struct bench_problem *p, const struct space_arch *a, int l)
{
    const double at = (l + .5) / value(p, a, DEPTH, 0);
    const double early = .5 + exp(-3 * at), middle = .5 + .8 * sin(acos(-1) * at);

    return (int)lround(UNITS * (early * own(p, ATTENTION_WORTH, l) * attention(p, a, l) +
                                middle * own(p, FFN_WORTH, l) * ffn(p, a, l)));
}

static int pair(const struct bench_problem *p, const struct space_arch *a, int l)
{
    uint64_t key = (uint64_t)value(p, a, WIDTH, 0) * 64 + (uint64_t)l;

    for (int i = l; i <= l + 1; i++)
        key = key * 1024 + (uint64_t)value(p, a, HEADS, i) * 16 + (uint64_t)value(p, a, RATIO, i);
    return (int)lround(UNITS * (.2 * attention(p, a, l) * ffn(p, a, l + 1) -
                                .25 * ffn(p, a, l) * ffn(p, a, l + 1) +
                                .1 * (bench_uneven(p, SCATTER, key) - .5)));
}

static double error(const struct bench_problem *p, const struct space_arch *a, int score)
{
    const double sum = fmax(.01, (double)score / UNITS / p->scale);
    const double width = value(p, a, WIDTH, 0) / 256.;

    return .05 + .3 * pow(width, -.45) * pow(sum, -.6) * (value(p, a, BIAS, 0) ? .996 : 1);
}

static int64_t ceil_of(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t ffn_waves(int64_t width, int64_t ratio)
{
    return ceil_of(2 * ceil_of(width, 256) * ceil_of(ratio * width, 256), 4);
}

/* Of two FFN matrices a width by a width; of the waves what is above the least. */
static void units(const struct bench_problem *p, const struct space_arch *a, int l, int units[2])
{
    const int width = value(p, a, WIDTH, 0), heads = value(p, a, HEADS, l);
    const int ratio = value(p, a, RATIO, l);

    units[0] = ratio;
    units[1] = p->objective_count < 3 ? 0
                                      : (int)(ffn_waves(width, ratio) - ffn_waves(width, 1) +
                                              ceil_of(heads * ceil_of(width / heads, 64), 4));
}

static double cost(const struct bench_problem *p, const struct space_arch *a, int k, int64_t units)
{
    const int64_t d = value(p, a, WIDTH, 0), depth = value(p, a, DEPTH, 0);
    const int64_t bias = value(p, a, BIAS, 0);

    if (k == 1)
        return (double)((VOCABULARY + POSITIONS) * d + depth * (4 * d * d + 4 * d + 5 * d * bias) +
                        units * (2 * d * d + d * bias));
    return (double)(ceil_of(ceil_of(d, 256) * ceil_of(VOCABULARY, 256), 4) +
                    depth * (ceil_of(d, 256) * ceil_of(d, 256) + ffn_waves(d, 1)) + units);
}

const struct bench_stack bench_lm = {unary, pair, units, error, cost};
