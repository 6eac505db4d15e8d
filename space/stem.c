/* space/stem.c -- see stem.h.
 *
 * The one place that knows what a patch is made of; a task that reads something else adds its case.
 */
#include "space/stem.h"

#include <assert.h>

static void stem_of_text(const struct space_arch *arch, const struct space_shape *shape,
                         struct space_stem *stem)
{
    const int e = arch->embedding ? arch->embedding : arch->width;

    assert(arch->vocabulary > 0);
    *stem = (struct space_stem){.tokens = shape->length,
                                .vocabulary = arch->vocabulary,
                                .projected = e != arch->width,
                                .features = e,
                                .down = shape->length,
                                .across = 1};
}

static int class_rows(const struct space_shape *shape)
{
    if (shape->pool == SPACE_POOL_PAIR)
        return 2;
    return shape->pool == SPACE_POOL_CLASS ? 1 + shape->variant.registers : 0;
}

static void stem_of_states(const struct space_arch *arch, const struct space_shape *shape,
                           struct space_stem *stem)
{
    const int k = arch->history, n = shape->features;

    assert(k > 0 && n <= INT32_MAX / k);
    *stem = (struct space_stem){.class_rows = class_rows(shape),
                                .projected = true,
                                .tokens = k,
                                .features = n,
                                .numbers = k * n,
                                .down = k,
                                .across = 1,
                                .lines = 1,
                                .run = n,
                                .line = n};
}

void space_stem_of(const struct space_arch *arch, const struct space_shape *shape,
                   struct space_stem *stem)
{
    const int p = arch->patch;

    if (shape->length) {
        stem_of_text(arch, shape, stem);
        return;
    }
    if (shape->features) {
        stem_of_states(arch, shape, stem);
        return;
    }
    assert(p > 0 && shape->channels > 0);
    assert(shape->height % p == 0 && shape->width % p == 0);
    *stem = (struct space_stem){.class_rows = class_rows(shape),
                                .projected = true,
                                .down = shape->height / p,
                                .across = shape->width / p,
                                .lines = p,
                                .run = p * shape->channels,
                                .line = shape->width * shape->channels};
    stem->tokens = stem->down * stem->across;
    stem->features = stem->lines * stem->run;
    stem->numbers = stem->tokens * stem->features;
    assert(stem->tokens > 0);
}

rt_status space_same_tokens(const struct space_arch *arch, const struct space_arch *other,
                            struct rt_err *err)
{
    if (arch->vocabulary > other->vocabulary)
        return rt_fail(err, RT_EARG, "space.vocabulary: of %d tokens only %d are known",
                       arch->vocabulary, other->vocabulary);
    if (arch->history != other->history)
        return rt_fail(err, RT_EARG, "space.history: %d time steps are not %d", arch->history,
                       other->history);
    if (arch->patch == other->patch)
        return RT_OK;
    return rt_fail(err, RT_EARG, "space.patch: patches of %d are not patches of %d", arch->patch,
                   other->patch);
}
