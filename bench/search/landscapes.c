/* bench/search/landscapes.c -- the errors that the problems give to architectures.
 *
 * `even` is what training is hoped to be: more of everything helps, ever less; layers differ in
 * what they are worth; attention feeds the next FFN; neighbours of unlike size lose; and an
 * unevenness that no formula explains stands for what a training run scatters. `trap` rewards
 * neighbours that are as unlike as can be and punishes every step on the way there, so that equal
 * layers are a local optimum in all of their genes at once.
 */
#include "bench/search/landscapes.h"

#include <math.h>
#include <stdlib.h>

static uint64_t key_of(const struct space_arch *a, int l)
{
    return (uint64_t)a->width << 40 ^ (uint64_t)a->depth << 32 ^ (uint64_t)l << 24 ^
           (uint64_t)a->heads[l] << 16 ^ (uint64_t)a->ffn[l];
}

static double attention(const struct space_arch *a, int l)
{
    return 1 - exp(-1.5 * a->heads[l] * a->head_dim / a->width);
}

static double ffn(const struct space_arch *a, int l)
{
    return 1 - exp(-0.8 * a->ffn[l] / a->width);
}

/* What a layer is worth: on the whole more in the middle, and very different from layer to layer.
 */
static double worth(const struct bench_problem *problem, const struct space_arch *a, int l,
                    uint64_t purpose)
{
    const double u = bench_uneven(problem, purpose, (uint64_t)a->depth << 8 ^ (uint64_t)l);
    const double off = ((l + .5) / a->depth - .45) / .35;

    return (.3 + .7 * exp(-off * off)) * (.05 + 5 * u * u * u * u);
}

static int even_unary(const struct bench_problem *problem, const struct space_arch *a, int l)
{
    const double at = attention(a, l), up = ffn(a, l);

    return (int)lround(
        problem->landscape->units *
        (worth(problem, a, l, 1) * at + worth(problem, a, l, 2) * up + .1 * fmin(at, up)));
}

static int even_pair(const struct bench_problem *problem, const struct space_arch *a, int l)
{
    const double unlike = fabs(log2((double)a->ffn[l] / a->ffn[l + 1]));
    const double scatter = bench_uneven(problem, 3, key_of(a, l) * 31 + key_of(a, l + 1)) - .5;

    return (int)lround(problem->landscape->units *
                       (.3 * attention(a, l) * ffn(a, l + 1) - .03 * unlike + .1 * scatter));
}

/* Depth and width help together; finer patches see more. */
static double even_error(const struct bench_problem *problem, const struct space_arch *a, int score)
{
    const double sum = fmax(0, (double)score / problem->landscape->units);
    const double sight = 1 + .05 * (7 - a->patch);

    return .05 + .85 / (1 + pow(problem->scale * sight * pow(a->width / 96., .5) * sum, 2.5));
}

static double rank(const struct space_choices *choices, int value)
{
    int i = 0;

    while (choices->value[i] < value)
        i++;
    return choices->count > 1 ? (double)i / (choices->count - 1) : 0;
}

/* How far layers l and l+1 are the one all attention, the other all FFN: -1..1. */
static double contrast(const struct bench_problem *problem, const struct space_arch *a, int l)
{
    const struct space *s = &problem->space;
    const double heads = rank(&s->heads, a->heads[l]) - rank(&s->heads, a->heads[l + 1]);
    const double wide = rank(&s->ffn, a->ffn[l + 1]) - rank(&s->ffn, a->ffn[l]);

    return (heads + wide) / 2;
}

static int trap_pair(const struct bench_problem *problem, const struct space_arch *a, int l)
{
    const double z = l % 2 == 0 ? contrast(problem, a, l) : 0;
    const double reward = z > .8 ? 1.6 : -.5 * fabs(z);
    const double scatter = bench_uneven(problem, 3, key_of(a, l) * 31 + key_of(a, l + 1)) - .5;

    return (int)lround(problem->landscape->units * (reward + .05 * scatter));
}

const struct bench_landscape bench_even = {200, even_unary, even_pair, even_error};
const struct bench_landscape bench_trap = {200, even_unary, trap_pair, even_error};
