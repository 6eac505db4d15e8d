/* trainer/task/batch.c -- see batch.h. */
#include "trainer/task/batch.h"

#include <assert.h>

#include "space/stem.h"

rt_status tr_batch_init(struct tr_batch *batch, const struct space_arch *arch,
                        const struct space_shape *shape, int room, struct rt_arena *arena,
                        struct rt_err *err)
{
    struct tr_batch b = {.room = room, .tokens = space_tokens(arch, shape)};
    struct space_stem stem;

    assert(room >= 1);
    space_stem_of(arch, shape, &stem);
    b.numbers = stem.numbers;
    b.start = rt_arena_zalloc(arena, (size_t)room + 1, sizeof *b.start);
    b.values = rt_arena_zalloc(arena, (size_t)room * b.numbers, sizeof *b.values);
    b.label = rt_arena_zalloc(arena, (size_t)room, sizeof *b.label);
    b.said = rt_arena_zalloc(arena, (size_t)room, sizeof *b.said);
    RT_TRY(rt_arena_check(arena, "a batch", err));
    *batch = b;
    return RT_OK;
}

void tr_batch_resize(struct tr_batch *batch, int n, const int *length)
{
    assert(n >= 1 && n <= batch->room);
    batch->examples = n;
    batch->length = length ? length[0] : batch->tokens;
    for (int m = 0; m < n; m++) {
        const int rows = length ? length[m] : batch->tokens;
        assert(rows >= 1 && rows <= batch->tokens);
        batch->start[m + 1] = batch->start[m] + rows;
        batch->length = rows == batch->length ? rows : 0;
    }
}
