/* trainer/learn/lookup.c -- see lookup.h. */
#include "trainer/learn/lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

rt_status tr__lookup_init(struct tr_lookup *lookup, const struct tr_student *student, int batch,
                          struct rt_arena *arena, struct rt_err *err)
{
    const size_t rows = (size_t)batch * student->tokens;
    const int vocabulary = student->stem.vocabulary, e = student->stem.features;
    struct tr_lookup t = {.student = student, .batch = batch, .tokens = student->tokens};

    assert(vocabulary > 0);
    t.length = rt_arena_zalloc(arena, (size_t)batch, sizeof *t.length);
    t.ids = rt_arena_zalloc(arena, rows, sizeof *t.ids);
    t.dlookup = rt_arena_zalloc(arena, rows * e, sizeof *t.dlookup);
    if ((int64_t)vocabulary * e > TR_LOOKUP_DENSE && student->dense_count < student->param_count) {
        t.touched = rt_arena_zalloc(arena, rows, sizeof *t.touched);
        t.step = rt_arena_zalloc(arena, (size_t)vocabulary, sizeof *t.step);
    }
    *lookup = t;
    return rt_arena_check(arena, "the gradient of a table", err);
}

void tr__lookup_take(const struct tr_lookup *lookup, const struct tr_pass *pass,
                     const struct tr_batch *batch, int first)
{
    const ptrdiff_t e = lookup->student->stem.features;
    ptrdiff_t ld;
    const float *from = tr_pass_dlookup(pass, &ld);

    assert(first >= 0 && first + batch->examples <= lookup->batch);
    for (int m = 0; m < batch->examples; m++) {
        const ptrdiff_t slot = (ptrdiff_t)(first + m) * lookup->tokens;
        const int begin = batch->start[m], rows = batch->start[m + 1] - begin;
        lookup->length[first + m] = rows;
        memcpy(lookup->ids + slot, batch->ids + begin, (size_t)rows * sizeof *lookup->ids);
        for (ptrdiff_t r = 0; r < rows; r++)
            memcpy(lookup->dlookup + (slot + r) * e, from + (begin + r) * ld,
                   (size_t)e * sizeof *from);
    }
}

static int compare(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The distinct ids of the step, ascending, so that their norm does not depend on the batch's order. */
static void list_touched(struct tr_lookup *lookup, struct tr_adamw *adamw)
{
    int count = 0;

    lookup->now++;
    for (int m = 0; m < lookup->batch; m++)
        for (int r = 0; r < lookup->length[m]; r++) {
            const int id = lookup->ids[(ptrdiff_t)m * lookup->tokens + r];
            if (lookup->step[id] != lookup->now)
                lookup->touched[count++] = id;
            lookup->step[id] = lookup->now;
        }
    qsort(lookup->touched, (size_t)count, sizeof *lookup->touched, compare);
    adamw->touched = lookup->touched;
    adamw->touched_count = count;
}

void tr__lookup_gather(struct tr_lookup *lookup, float *grads, struct tr_adamw *adamw)
{
    const ptrdiff_t e = lookup->student->stem.features;

    for (ptrdiff_t m = 0; m < lookup->batch; m++) {
        const ptrdiff_t slot = m * lookup->tokens;
        tr_lookup_back(lookup->student, lookup->length[m], lookup->ids + slot,
                       lookup->dlookup + slot * e, e, grads);
    }
    if (lookup->touched)
        list_touched(lookup, adamw);
}
