/* bench/search/blocks.c -- `gaps`: 36 blocks of four kinds, and one gene that outweighs them all.
 *
 * Genes    channels; of each block its kind, a category, and how far it expands, which a block of
 *          kind `skip` does not read.
 * Error    floor + range * channels^-1.2 * (1 - a saturating share of the score): most of what
 *          can be won is the channels', and the later a block is improved the less it adds. Each
 *          block likes kinds of its own, kinds get on with their neighbours or do not, in a row of
 *          skips each loses, and what no formula explains stands between neighbours.
 * Params   channels^2 * (stem and head + sum of the blocks'): the dearest network of so many
 *          channels costs five sixths of the cheapest of the next, so the front has gaps.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/search/stack.h"

enum gene { CHANNELS, KIND, EXPAND };
enum kind { SKIP, SEPARABLE, CONV_3, CONV_5, kinds };
enum { UNITS = 100000, ENDS = 4000 };
enum purpose { LIKED_KIND, GOOD_PAIR, SCATTER, WORTH };

static int expand(const struct bench_problem *p, const struct space_arch *a, int l)
{
    return bench_stack_value(p, a, EXPAND, l);
}

static enum kind kind(const struct bench_problem *p, const struct space_arch *a, int l)
{
    return (enum kind)bench_stack_choice(p, a, KIND, l);
}

static int unary(const struct bench_problem *p, const struct space_arch *a, int l)
{
    const int k = (int)kind(p, a, l);
    const double u = bench_uneven(p, WORTH, (uint64_t)l);
    const double liked = bench_uneven(p, LIKED_KIND, (uint64_t)l * kinds + (uint64_t)k);

    if (k == SKIP)
        return 0;
    return (int)lround(UNITS * (.2 + 2 * u * u) * (.3 + liked + .1 * k) *
                       (1 - exp(-.7 * expand(p, a, l))));
}

static int pair(const struct bench_problem *p, const struct space_arch *a, int l)
{
    const int k = (int)kind(p, a, l), next = (int)kind(p, a, l + 1);
    const uint64_t both = (uint64_t)k * kinds + (uint64_t)next;
    const uint64_t key = ((uint64_t)l * 16 + both) * 64 + (uint64_t)expand(p, a, l) * 8 +
                         (uint64_t)expand(p, a, l + 1);

    if (k == SKIP && next == SKIP)
        return (int)lround(UNITS * -.3);
    return (int)lround(UNITS * (.5 * (bench_uneven(p, GOOD_PAIR, both) - .5) +
                                (k && next ? .1 * (bench_uneven(p, SCATTER, key) - .5) : 0)));
}

static void units(const struct bench_problem *p, const struct space_arch *a, int l, int units[2])
{
    static const int of_one[kinds] = {0, 3, 9, 25};

    units[0] = of_one[kind(p, a, l)] * expand(p, a, l);
    units[1] = 0;
}

static double error(const struct bench_problem *p, const struct space_arch *a, int score)
{
    const double sum = fmax(0, (double)score / UNITS / p->scale);
    const double channels = bench_stack_value(p, a, CHANNELS, 0) / 64.;

    return .04 + .5 * pow(channels, -1.2) * (1 - .45 * sum / (sum + 1));
}

static double cost(const struct bench_problem *p, const struct space_arch *a, int k, int64_t units)
{
    const int64_t channels = bench_stack_value(p, a, CHANNELS, 0);
    (void)k;

    return (double)(channels * channels * (ENDS + units));
}

const struct bench_stack bench_blocks = {unary, pair, units, error, cost};
