/* tests/space_sample.h -- small and large spaces for the tests of space/. */
#ifndef TESTS_SPACE_SAMPLE_H
#define TESTS_SPACE_SAMPLE_H
#include "space/space.h"
#include "support.h"

static const struct space_shape fashion = {
    .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};

static inline struct space small_space(enum space_tie tie)
{
    struct space space = {
        .shape = fashion,
        .tie = tie,
        .stages = tie == SPACE_TIE_STAGE ? 2 : 0,
        .depth = {3, {3, 1, 2}},
        .width = {3, {48, 16, 32}},
        .head_dim = {2, {8, 16}},
        .heads = {2, {1, 3}},
        .patch = {2, {7, 4}},
        .ratio_count = 3,
        .ffn_ratio = {2, 1, 1.25}, /* at width 16, ratios 1 and 1.25 both give 16 or 24 */
    };
    struct rt_err err;

    assert_ok(space_init(&space, &err));
    return space;
}

/* The kind of space of the overnight example: far beyond 64 bits. */
static inline struct space large_space(void)
{
    struct space space = {
        .shape = fashion,
        .tie = SPACE_TIE_LAYER,
        .depth = {12, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 64}},
        .width = {4, {16, 64, 128, 256}},
        .head_dim = {3, {8, 16, 32}},
        .heads = {6, {1, 2, 3, 4, 6, 8}},
        .patch = {3, {2, 4, 7}},
        .ratio_count = 4,
        .ffn_ratio = {.5, 1, 2, 4},
    };
    struct rt_err err;

    assert_ok(space_init(&space, &err));
    return space;
}

static inline struct space single_space(void)
{
    struct space space = {
        .shape = fashion,
        .tie = SPACE_TIE_LAYER,
        .depth = {1, {2}},
        .width = {1, {32}},
        .head_dim = {1, {8}},
        .heads = {1, {2}},
        .patch = {1, {7}},
        .ffn = {1, {64}},
    };
    struct rt_err err;

    assert_ok(space_init(&space, &err));
    return space;
}

static inline int compare_archs(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct space_arch));
}
#endif
