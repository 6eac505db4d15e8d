/* trainer/task/task.c -- see task.h. */
#include "trainer/task/task.h"

#include <assert.h>
#include <string.h>

#include "base/random.h"

void tr_task_close(struct tr_task *task)
{
    if (task)
        task->kind->close(task);
}

static const struct tr_feed_kind *own(const struct tr_feed *feed)
{
    return feed->of.task->kind->feed;
}

rt_status tr_feed_init(struct tr_feed *feed, const struct tr_feeding *of, struct rt_arena *arena,
                       struct rt_err *err)
{
    const int rows = of->task->split.train_count;

    *feed = (struct tr_feed){.of = *of};
    if (own(feed))
        return own(feed)->init(feed, arena, err);
    assert(rows > 0);
    feed->order = rt_arena_alloc(arena, (size_t)rows, sizeof *feed->order);
    return rt_arena_check(arena, "the order of a task's rows", err);
}

static void shuffle_epoch(struct tr_feed *feed)
{
    const struct tr_split *split = &feed->of.task->split;
    struct rt_rng rng;

    memcpy(feed->order, split->train, (size_t)split->train_count * sizeof *feed->order);
    rt_rng_init(&rng, feed->of.seed, RT_STREAM_ORDER, (uint64_t)tr_feed_epoch(feed));
    rt_rng_shuffle(&rng, feed->order, (size_t)split->train_count);
}

rt_status tr_feed_next(struct tr_feed *feed, struct tr_actor *actor, int step, int n, int *rows,
                       struct rt_err *err)
{
    const int count = feed->of.task->split.train_count;

    if (own(feed))
        return own(feed)->next(feed, actor, step, n, rows, err);
    assert(count > 0);
    for (int i = 0; i < n; i++, feed->next++) {
        if (feed->next % count == 0)
            shuffle_epoch(feed);
        rows[i] = feed->order[feed->next % count];
    }
    return RT_OK;
}

void tr_feed_skip(struct tr_feed *feed, int64_t rows)
{
    assert(!own(feed) && rows >= 0);
    feed->next = rows;
    if (rows % feed->of.task->split.train_count != 0)
        shuffle_epoch(feed);
}

void tr_feed_fill(const struct tr_feed *feed, const int *rows, int n, struct tr_batch *batch)
{
    const struct tr_task *task = feed->of.task;
    const ptrdiff_t all = (ptrdiff_t)feed->of.teachers * task->shape.classes;

    assert(n <= batch->room);
    if (own(feed)) {
        own(feed)->fill(feed, rows, n, batch);
        return;
    }
    task->kind->fill(task, rows, n, batch);
    for (int i = 0; feed->of.said && i < batch->answers; i++) {
        const ptrdiff_t parts = batch->parts;
        assert(parts >= 1); /* the knowledge has a row for each part of each row of the task */
        batch->said[i] = feed->of.said + (rows[i / parts] * parts + i % parts) * all;
    }
}

int64_t tr_feed_epoch(const struct tr_feed *feed)
{
    const int count = feed->of.task->split.train_count;

    return count ? feed->next / count : 0;
}

void tr_feed_close(struct tr_feed *feed)
{
    if (feed->of.task && own(feed))
        own(feed)->close(feed);
}
