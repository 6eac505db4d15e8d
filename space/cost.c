/* space/cost.c -- space_cost_of() of arch.h: closed forms, checked against the built network.
 *
 * What is read enters through the stem alone, so whatever has a stem has costs.
 */
#include "space/stem.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* MACs of block l when `queries` of the `tokens` rows go on after attention. */
static int64_t block_macs(const struct space_arch *arch, int l, int64_t tokens, int64_t queries)
{
    const int64_t d = arch->width, a = (int64_t)arch->heads[l] * arch->head_dim, f = arch->ffn[l];

    return queries * d * a            /* q */
           + 2 * tokens * d * a       /* k, v */
           + 2 * queries * tokens * a /* scores and context */
           + queries * a * d          /* proj */
           + 2 * queries * d * f;     /* up, down */
}

static int64_t block_params(const struct space_arch *arch, int l)
{
    const int64_t d = arch->width, a = (int64_t)arch->heads[l] * arch->head_dim, f = arch->ffn[l];

    return 4 * d + 3 * a * d + 3 * a + d * a + d + f * d + f + d * f + d;
}

/* What int8 saves of a linear layer's 4 bytes a parameter: 3 a weight, less its scales. */
static int64_t int8_saves(int64_t in, int64_t out)
{
    return 3 * in * out - 4 * out - 4;
}

/* Of a row of the table 3 a weight, less its scale. */
static int64_t table_int8_saves(const struct space_stem *stem)
{
    return stem->vocabulary * (3 * (int64_t)stem->features - 4);
}

static int64_t block_int8_saves(const struct space_arch *arch, int l)
{
    const int64_t d = arch->width, a = (int64_t)arch->heads[l] * arch->head_dim, f = arch->ffn[l];

    return int8_saves(d, 3 * a) + int8_saves(a, d) + int8_saves(d, f) + int8_saves(f, d);
}

/* Floats alive at the worst moment of block l, the residual stream aside. */
static int64_t block_floats(const struct space_arch *arch, int l, int64_t tokens)
{
    const int64_t d = arch->width, a = (int64_t)arch->heads[l] * arch->head_dim, f = arch->ffn[l];

    return larger(tokens * d + 3 * tokens * a + tokens * tokens + tokens * a,
                  tokens * d + tokens * f);
}

static void add_linear(int64_t in, int64_t out, int64_t rows, struct space_cost *cost,
                       int64_t *saved)
{
    cost->params += in * out + out;
    cost->macs += rows * in * out;
    *saved += int8_saves(in, out);
}

/* Of `rows` pooled rows. */
static void add_head(const struct space_arch *arch, const struct space_shape *shape,
                     const struct space_stem *stem, int64_t rows, struct space_cost *cost,
                     int64_t *saved)
{
    const int64_t d = arch->width, e = stem->features;
    const int64_t pooled = shape->pool == SPACE_POOL_PAIR ? 2 * d : d;

    switch (shape->variant.head) {
    case SPACE_HEAD_LINEAR: break;
    case SPACE_HEAD_TANH:
    case SPACE_HEAD_RELU: add_linear(pooled, pooled, rows, cost, saved); break;
    case SPACE_HEAD_TIED: /* a bias of the table's own rows */
        if (stem->projected)
            add_linear(d, e, rows, cost, saved);
        cost->params += stem->vocabulary;
        cost->macs += rows * e * stem->vocabulary;
        *saved -= 4; /* the scale of its inputs */
        return;
    }
    add_linear(pooled, space_outputs(shape), rows, cost, saved);
}

void space_cost_of(const struct space_arch *arch, const struct space_shape *shape,
                   struct space_cost *cost)
{
    const int64_t d = arch->width;
    const bool by_row = shape->pool == SPACE_POOL_NONE;
    const bool one = shape->pool == SPACE_POOL_CLASS || shape->pool == SPACE_POOL_LAST;
    struct space_stem stem;

    space_stem_of(arch, shape, &stem);
    const int64_t features = stem.features, tokens = stem.tokens + stem.class_rows;
    int64_t floats = stem.projected ? tokens * features : 0;
    int64_t saved = table_int8_saves(&stem);

    cost->params = stem.vocabulary * features + (stem.class_rows + tokens + shape->segments) * d;
    cost->params += 2 * d * (!shape->variant.no_final_norm + shape->variant.stem_norm);
    cost->macs = 0;
    add_head(arch, shape, &stem, by_row ? tokens : 1, cost, &saved);
    if (stem.projected) {
        cost->params += d * features + d;
        cost->macs += stem.tokens * features * d;
        saved += int8_saves(features, d);
    }
    for (int l = 0; l < arch->depth; l++) {
        const bool last = l == arch->depth - 1;
        cost->params += block_params(arch, l);
        cost->macs += block_macs(arch, l, tokens, last && one ? 1 : tokens);
        floats = larger(floats, block_floats(arch, l, tokens));
        saved += block_int8_saves(arch, l);
    }
    cost->bytes = 4 * cost->params;
    cost->int8_bytes = cost->bytes - saved;
    cost->memory = 4 * (tokens * d + floats);
}
