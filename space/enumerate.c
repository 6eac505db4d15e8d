/* space/enumerate.c -- the exact size of a space, and its members by number.
 *
 * Members = head_dims * patches * sum over widths and depths of (heads * ffns(width)) ^ groups, with
 * whatever other study-wide genes there are beside head_dims and patches. No two choices give one
 * architecture, since ffn widths are counted once each and every group has a layer. The sum is
 * GMP's: 64 layers of 12 pairs are 10^69.
 */
#include <assert.h>
#include <limits.h>

#include "space/space_internal.h"

_Static_assert(LONG_MAX > (INT64_C(1) << 62), "mpz_get_si must hold 2^62");

/* Members alike in depth, width and layers: the product of the other genes' choices. */
static int64_t others(const struct space *space)
{
    int64_t product = 1;

    for (enum space__kind k = SPACE__HEAD_DIM; k < SPACE__LISTS; k++)
        if (space__count(space, k))
            product *= space__count(space, k);
    return product;
}

/* Pairs of (heads, ffn) at a width. */
static int pairs(const struct space *space, int width)
{
    int rank[SPACE_MAX_CHOICES];
    return space->heads.count * space__ffn_distinct(space, width, rank);
}

static void count(const struct space *space, mpz_t size)
{
    mpz_t block;

    if (space->gene_count) {
        space__genes_count(space, size);
        return;
    }
    mpz_init(block);
    mpz_set_ui(size, 0);
    for (int w = 0; w < space->width.count; w++)
        for (int d = 0; d < space->depth.count; d++) {
            mpz_ui_pow_ui(block, (unsigned long)pairs(space, space->width.value[w]),
                          (unsigned long)space__groups(space, space->depth.value[d]));
            mpz_add(size, size, block);
        }
    mpz_mul_ui(size, size, (unsigned long)others(space));
    mpz_clear(block);
}

char *space_size_text(const struct space *space)
{
    mpz_t size;
    char *text;

    mpz_init(size);
    count(space, size);
    text = mpz_get_str(NULL, 10, size); /* from malloc, GMP's allocator unless told otherwise */
    mpz_clear(size);
    return text;
}

int64_t space_size(const struct space *space)
{
    int64_t answer = -1;
    mpz_t size, most;

    mpz_init(size);
    mpz_init_set_ui(most, 1UL << 62);
    count(space, size);
    if (mpz_cmp(size, most) <= 0)
        answer = mpz_get_si(size);
    mpz_clear(most);
    mpz_clear(size);
    return answer;
}

/* The next digit of a mixed-radix number. */
static int digit(int64_t *index, int base)
{
    assert(base > 0);
    const int d = (int)(*index % base);
    *index /= base;
    return d;
}

/* Members of one width and depth; the whole space is known to be countable here. */
static int64_t block_size(const struct space *space, int width, int depth)
{
    int64_t size = others(space);

    for (int g = space__groups(space, depth); g > 0; g--)
        size *= pairs(space, width);
    return size;
}

void space_nth(const struct space *space, int64_t index, struct space_arch *arch)
{
    struct space_ranks ranks = {.groups = 0};
    int *const width = &ranks.wide[SPACE__WIDTH], *const depth = &ranks.wide[SPACE__DEPTH];
    int distinct[SPACE_MAX_CHOICES];

    if (space->gene_count) {
        space__genes_nth(space, index, arch);
        return;
    }
    assert(index >= 0);
    for (;;) {
        const int64_t block =
            block_size(space, space->width.value[*width], space->depth.value[*depth]);
        if (index < block)
            break;
        index -= block;
        if (++*depth == space->depth.count) {
            *depth = 0;
            ++*width;
        }
        assert(*width < space->width.count);
    }
    for (enum space__kind k = SPACE__HEAD_DIM; k < SPACE__LISTS; k++)
        if (space__count(space, k))
            ranks.wide[k] = digit(&index, space__count(space, k));
    ranks.groups = space__groups(space, space__depth(space, &ranks));
    const int ffns = space__ffn_distinct(space, space->width.value[*width], distinct);
    for (int g = 0; g < ranks.groups; g++) {
        ranks.heads[g] = digit(&index, space->heads.count);
        ranks.ffn[g] = distinct[digit(&index, ffns)];
    }
    space__unrank(space, &ranks, arch);
}
