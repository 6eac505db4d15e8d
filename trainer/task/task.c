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

rt_status tr_feed_init(struct tr_feed *feed, const struct tr_task *task, uint64_t seed,
                       struct rt_arena *arena, struct rt_err *err)
{
    assert(task->split.train_count > 0);
    *feed = (struct tr_feed){.task = task, .seed = seed};
    feed->order = rt_arena_alloc(arena, (size_t)task->split.train_count, sizeof *feed->order);
    return rt_arena_check(arena, "the order of a task's rows", err);
}

static void shuffle_epoch(struct tr_feed *feed)
{
    const struct tr_split *split = &feed->task->split;
    struct rt_rng rng;

    memcpy(feed->order, split->train, (size_t)split->train_count * sizeof *feed->order);
    rt_rng_init(&rng, feed->seed, RT_STREAM_ORDER, (uint64_t)tr_feed_epoch(feed));
    rt_rng_shuffle(&rng, feed->order, (size_t)split->train_count);
}

void tr_feed_next(struct tr_feed *feed, int n, int *rows)
{
    const int count = feed->task->split.train_count;

    assert(count > 0);
    for (int i = 0; i < n; i++, feed->next++) {
        if (feed->next % count == 0)
            shuffle_epoch(feed);
        rows[i] = feed->order[feed->next % count];
    }
}

int64_t tr_feed_epoch(const struct tr_feed *feed)
{
    return feed->next / feed->task->split.train_count;
}
