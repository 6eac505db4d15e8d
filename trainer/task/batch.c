/* trainer/task/batch.c -- see batch.h. */
#include "trainer/task/batch.h"

#include <assert.h>
#include <string.h>

#include "base/random.h"
#include "space/stem.h"

int tr_batch_most_answers(const struct space_arch *arch, const struct space_shape *shape,
                          int examples)
{
    assert(examples >= 1 && (shape->pool != SPACE_POOL_NONE || shape->parts <= 1));
    if (shape->pool == SPACE_POOL_NONE)
        return examples * space_tokens(arch, shape);
    return examples * (shape->parts > 1 ? shape->parts : 1);
}

rt_status tr_batch_init(struct tr_batch *batch, const struct space_arch *arch,
                        const struct space_shape *shape, int room, struct rt_arena *arena,
                        struct rt_err *err)
{
    struct tr_batch b = {.room = room, .tokens = space_tokens(arch, shape)};
    struct space_stem stem;

    assert(room >= 1);
    space_stem_of(arch, shape, &stem);
    b.numbers = stem.numbers;
    b.vocabulary = stem.vocabulary;
    const bool by_row = shape->pool == SPACE_POOL_NONE;
    const size_t answers = (size_t)tr_batch_most_answers(arch, shape, room);
    const size_t rows = (size_t)room * b.tokens;
    b.parts = by_row ? 0 : (int)answers / room;
    b.start = rt_arena_zalloc(arena, (size_t)room + 1, sizeof *b.start);
    if (b.vocabulary)
        b.ids = rt_arena_zalloc(arena, rows, sizeof *b.ids);
    else
        b.values = rt_arena_zalloc(arena, (size_t)room * b.numbers, sizeof *b.values);
    if (shape->segments)
        b.segment = rt_arena_zalloc(arena, rows, sizeof *b.segment);
    if (by_row)
        b.asking = rt_arena_zalloc(arena, rows, sizeof *b.asking);
    b.label = rt_arena_zalloc(arena, answers, sizeof *b.label);
    b.weight = rt_arena_zalloc(arena, answers, sizeof *b.weight);
    b.said = rt_arena_zalloc(arena, answers, sizeof *b.said);
    RT_TRY(rt_arena_check(arena, "a batch", err));
    *batch = b;
    return RT_OK;
}

static void set_answers(struct tr_batch *batch, int answers)
{
    batch->answers = answers;
    for (int i = 0; i < answers; i++)
        batch->weight[i] = 1;
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
    batch->asked = NULL;
    set_answers(batch, batch->parts ? n * batch->parts : tr_batch_rows(batch));
}

void tr_batch_ask(struct tr_batch *batch, int count, const int *rows)
{
    assert(!batch->parts && count >= 1 && count <= tr_batch_rows(batch));
    for (int i = 0; i < count; i++)
        assert(rows[i] < tr_batch_rows(batch) && rows[i] >= 0 && (!i || rows[i] > rows[i - 1]));
    memcpy(batch->asking, rows, (size_t)count * sizeof *rows);
    batch->asked = batch->asking;
    set_answers(batch, count);
}

void tr_batch_noise(struct tr_batch *batch, struct rt_rng *rng)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)batch->examples * batch->numbers; i++)
        batch->values[i] = (float)rt_rng_normal(rng);
    for (int r = 0; batch->ids && r < tr_batch_rows(batch); r++)
        batch->ids[r] = (int)rt_rng_below(rng, (uint64_t)batch->vocabulary);
}
