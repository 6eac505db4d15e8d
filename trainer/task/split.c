/* trainer/task/split.c -- see split.h.
 *
 * All parts are drawn alike: how many of each class, by largest remainder, then the first so many of
 * each in a shuffled order.
 */
#include "trainer/task/split.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/random.h"

struct classes {      /* what drawing needs for each class */
    const int *label; /* of each row */
    int count;
    int *have, *validation, *train;
    int64_t *remainder;
};

static bool classes_init(struct classes *c, const int *label, int count)
{
    const size_t n = (size_t)count;

    *c = (struct classes){.label = label, .count = count};
    c->have = calloc(n, sizeof *c->have);
    c->validation = calloc(n, sizeof *c->validation);
    c->train = calloc(n, sizeof *c->train);
    c->remainder = calloc(n, sizeof *c->remainder);
    return c->have && c->validation && c->train && c->remainder;
}

static void classes_release(struct classes *c)
{
    free(c->have);
    free(c->validation);
    free(c->train);
    free(c->remainder);
}

/* How many of `total` each class gets, in proportion to have[], by largest remainder. */
static void apportion(const struct classes *c, int total, int *want)
{
    int64_t all = 0;
    int given = 0;

    for (int k = 0; k < c->count; k++)
        all += c->have[k];
    for (int k = 0; k < c->count; k++) {
        want[k] = all ? (int)((int64_t)total * c->have[k] / all) : 0;
        c->remainder[k] = all ? (int64_t)total * c->have[k] % all : 0;
        given += want[k];
    }
    for (; given < total; given++) {
        int best = -1;
        for (int k = 0; k < c->count; k++)
            if (want[k] < c->have[k] && (best < 0 || c->remainder[k] > c->remainder[best]))
                best = k;
        if (best < 0)
            return;
        want[best]++;
        c->remainder[best] = -1;
    }
}

/* The numbers 0 .. n - 1 in the order of (seed, RT_STREAM_SPLIT, index). */
static void draw_order(uint64_t seed, uint64_t index, int n, int *order)
{
    struct rt_rng rng;

    for (int i = 0; i < n; i++)
        order[i] = i;
    rt_rng_init(&rng, seed, RT_STREAM_SPLIT, index);
    rt_rng_shuffle(&rng, order, (size_t)n);
}

/* ---- validation and train rows ---- */

enum { unused, in_train, in_validation };

/* The rows marked `wanted`, in ascending order; returns how many. */
static int collect(const unsigned char *mark, unsigned char wanted, int n, int *out)
{
    int count = 0;

    for (int i = 0; i < n; i++)
        if (mark[i] == wanted)
            out[count++] = i;
    return count;
}

/* Walk the rows in shuffled order and mark the first of each class as validation, unless those are
 * given, the next as train, as many as wanted. */
static void mark_rows(struct classes *c, const int *order, int rows,
                      const struct tr_split_sizes *sizes, int train, unsigned char *mark)
{
    for (int i = 0; sizes->validation_rows && i < sizes->validation; i++)
        mark[sizes->validation_rows[i]] = in_validation;
    for (int i = 0; i < rows; i++) {
        assert(c->label[i] >= 0 && c->label[i] < c->count);
        c->have[c->label[i]] += mark[i] == unused;
    }
    if (!sizes->validation_rows)
        apportion(c, sizes->validation, c->validation);
    for (int k = 0; k < c->count; k++)
        c->have[k] -= c->validation[k];
    apportion(c, train, c->train);
    for (int i = 0; i < rows; i++) {
        const int row = order[i], label = c->label[row];
        if (mark[row] != unused)
            continue;
        if (c->validation[label] > 0) {
            c->validation[label]--;
            mark[row] = in_validation;
        } else if (c->train[label] > 0) {
            c->train[label]--;
            mark[row] = in_train;
        }
    }
}

static rt_status draw_parts(struct tr_split *split, struct classes *c, int rows,
                            const struct tr_split_sizes *sizes, struct rt_err *err)
{
    const int limit = sizes->train_limit ? sizes->train_limit + sizes->held_out : 0;
    const int rest = rows - sizes->validation, train = limit && limit < rest ? limit : rest;
    unsigned char *mark = calloc((size_t)rows, 1);
    int *order = malloc((size_t)rows * sizeof *order);
    rt_status rc = RT_OK;

    split->train = malloc((size_t)rows * sizeof(int));
    split->validation = malloc((size_t)sizes->validation * sizeof(int));
    if (mark && order && split->train && split->validation) {
        draw_order(sizes->seed, 0, rows, order);
        mark_rows(c, order, rows, sizes, train, mark);
        split->train_count = collect(mark, in_train, rows, split->train);
        split->validation_count = collect(mark, in_validation, rows, split->validation);
    } else {
        rc = rt_fail(err, RT_ENOMEM, "no memory to split %d examples", rows);
    }
    free(mark);
    free(order);
    return rc;
}

/* ---- held-out rows ---- */

/* Move `count` of the train rows to held_out: the first of each class in the order of the places
 * `order`, as many as its share. Both ascend. What is taken is marked by a negative number. */
static void take_rows(struct tr_split *split, struct classes *c, const int *order, int count)
{
    int *from = split->train, *taken = split->held_out, kept = 0, total = 0;

    for (int k = 0; k < c->count; k++)
        c->have[k] = 0;
    for (int i = 0; i < split->train_count; i++)
        c->have[c->label[from[i]]]++;
    apportion(c, count, c->train);
    for (int i = 0; i < split->train_count; i++) {
        const int label = c->label[from[order[i]]];
        if (c->train[label] > 0) {
            c->train[label]--;
            taken[total++] = order[i];
        }
    }
    for (int i = 0; i < total; i++)
        from[taken[i]] = -1 - from[taken[i]];
    total = 0;
    for (int i = 0; i < split->train_count; i++)
        if (from[i] < 0)
            taken[total++] = -1 - from[i];
        else
            from[kept++] = from[i];
    split->train_count = kept;
    split->held_out_count = total;
}

static rt_status hold_out(struct tr_split *split, struct classes *c,
                          const struct tr_split_sizes *sizes, struct rt_err *err)
{
    const int count = sizes->held_out;

    if (count == 0)
        return RT_OK;
    if (count < 0 || count >= split->train_count)
        return rt_fail(err, RT_EARG,
                       "data.held_out is %d, want 0 to %d: %d rows are left to train on", count,
                       split->train_count - 1, split->train_count);
    int *order = malloc((size_t)split->train_count * sizeof *order);
    split->held_out = malloc((size_t)count * sizeof *split->held_out);
    if (!order || !split->held_out) {
        free(order);
        return rt_fail(err, RT_ENOMEM, "no memory to hold out %d examples", count);
    }
    draw_order(sizes->seed, 1, split->train_count, order);
    take_rows(split, c, order, count);
    free(order);
    return RT_OK;
}

/* ---- all parts ---- */

static rt_status check_sizes(const struct tr_split_sizes *sizes, int rows, struct rt_err *err)
{
    if (sizes->train_limit < 0)
        return rt_fail(err, RT_EARG, "data.train_limit is %d, want 0 for all rows, or more",
                       sizes->train_limit);
    if (sizes->validation < 1 || sizes->validation >= rows)
        return rt_fail(
            err, RT_EARG, "data.validation%s %d, want 1 to %d: the training file has %d examples",
            sizes->validation_rows ? "_rows are" : " is", sizes->validation, rows - 1, rows);
    for (int i = 0; sizes->validation_rows && i < sizes->validation; i++) {
        const int row = sizes->validation_rows[i];
        assert(row >= 0 && (i == 0 || row > sizes->validation_rows[i - 1]));
        if (row >= rows)
            return rt_fail(err, RT_EARG,
                           "data.validation_rows has row %d, but the training file has rows 0 to "
                           "%d",
                           row, rows - 1);
    }
    return RT_OK;
}

rt_status tr_split_init(struct tr_split *split, const int *label, int rows, int classes,
                        const struct tr_split_sizes *sizes, struct rt_err *err)
{
    struct classes c;
    rt_status rc;

    *split = (struct tr_split){0};
    RT_TRY(check_sizes(sizes, rows, err));
    if (classes_init(&c, label, classes)) {
        rc = draw_parts(split, &c, rows, sizes, err);
        if (rc == RT_OK)
            rc = hold_out(split, &c, sizes, err);
    } else {
        rc = rt_fail(err, RT_ENOMEM, "no memory to split %d classes", classes);
    }
    if (rc != RT_OK)
        tr_split_release(split);
    classes_release(&c);
    return rc;
}

void tr_split_release(struct tr_split *split)
{
    free(split->train);
    free(split->validation);
    free(split->held_out);
    *split = (struct tr_split){0};
}
