/* trainer/learn/table.c -- see table.h. */
#include "trainer/learn/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

rt_status tr__table_init(struct tr_table *table, const struct tr_student *student, int batch,
                         struct rt_arena *arena, struct rt_err *err)
{
    const size_t rows = (size_t)batch * student->tokens;
    const int vocabulary = student->stem.vocabulary, e = student->stem.features;
    struct tr_table t = {.student = student, .batch = batch, .tokens = student->tokens};

    assert(vocabulary > 0);
    t.length = rt_arena_zalloc(arena, (size_t)batch, sizeof *t.length);
    t.ids = rt_arena_zalloc(arena, rows, sizeof *t.ids);
    t.dlookup = rt_arena_zalloc(arena, rows * e, sizeof *t.dlookup);
    if ((int64_t)vocabulary * e > TR_TABLE_DENSE) {
        t.touched = rt_arena_zalloc(arena, rows, sizeof *t.touched);
        t.step = rt_arena_zalloc(arena, (size_t)vocabulary, sizeof *t.step);
    }
    *table = t;
    return rt_arena_check(arena, "the gradient of a table", err);
}

void tr__table_take(const struct tr_table *table, const struct tr_pass *pass,
                    const struct tr_batch *batch, int first)
{
    const ptrdiff_t e = table->student->stem.features;
    ptrdiff_t ld;
    const float *from = tr_pass_dlookup(pass, &ld);

    assert(first >= 0 && first + batch->examples <= table->batch);
    for (int m = 0; m < batch->examples; m++) {
        const ptrdiff_t slot = (ptrdiff_t)(first + m) * table->tokens;
        const int begin = batch->start[m], rows = batch->start[m + 1] - begin;
        table->length[first + m] = rows;
        memcpy(table->ids + slot, batch->ids + begin, (size_t)rows * sizeof *table->ids);
        for (ptrdiff_t r = 0; r < rows; r++)
            memcpy(table->dlookup + (slot + r) * e, from + (begin + r) * ld,
                   (size_t)e * sizeof *from);
    }
}

static int compare(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The distinct ids of the step, ascending, so that their norm does not depend on the batch's order. */
static void list_touched(struct tr_table *table, struct tr_adamw *adamw)
{
    int count = 0;

    table->now++;
    for (int m = 0; m < table->batch; m++)
        for (int r = 0; r < table->length[m]; r++) {
            const int id = table->ids[(ptrdiff_t)m * table->tokens + r];
            if (table->step[id] != table->now)
                table->touched[count++] = id;
            table->step[id] = table->now;
        }
    qsort(table->touched, (size_t)count, sizeof *table->touched, compare);
    adamw->touched = table->touched;
    adamw->touched_count = count;
}

void tr__table_gather(struct tr_table *table, float *grads, struct tr_adamw *adamw)
{
    const ptrdiff_t e = table->student->stem.features;

    for (ptrdiff_t m = 0; m < table->batch; m++) {
        const ptrdiff_t slot = m * table->tokens;
        tr_table_back(table->student, table->length[m], table->ids + slot,
                      table->dlookup + slot * e, e, grads);
    }
    if (table->touched)
        list_touched(table, adamw);
}
