/* trainer/env/replay.c -- a tree of sums and one of minima over the same leaves. */
#include "trainer/env/replay.h"

#include <assert.h>
#include <math.h>

void tr_replay_init(struct tr_replay *replay, int count, double alpha, struct rt_arena *arena)
{
    int capacity = 1;

    assert(count > 0 && count <= 1 << 29);
    while (capacity < count)
        capacity *= 2;
    *replay = (struct tr_replay){.capacity = capacity, .alpha = alpha, .largest = 1};
    replay->sum = rt_arena_zalloc(arena, 2 * (size_t)capacity, sizeof *replay->sum);
    replay->least = rt_arena_alloc(arena, 2 * (size_t)capacity, sizeof *replay->least);
    for (int i = 0; replay->least && i < 2 * capacity; i++)
        replay->least[i] = INFINITY;
}

/* leaf 0: absent. */
static void set_leaf(struct tr_replay *replay, int row, double leaf)
{
    ptrdiff_t i = replay->capacity + row;

    assert(row >= 0 && row < replay->capacity && leaf >= 0);
    replay->rows += (leaf > 0) - (replay->sum[i] > 0);
    replay->sum[i] = leaf;
    replay->least[i] = leaf > 0 ? leaf : INFINITY;
    while ((i /= 2) > 0) {
        replay->sum[i] = replay->sum[2 * i] + replay->sum[2 * i + 1];
        replay->least[i] = fmin(replay->least[2 * i], replay->least[2 * i + 1]);
    }
}

void tr_replay_set(struct tr_replay *replay, int row, double priority)
{
    priority = fmin(priority, TR_REPLAY_PRIORITY_MOST);
    assert(priority >= 0);
    replay->largest = fmax(replay->largest, priority);
    set_leaf(replay, row, pow(priority + TR_REPLAY_EPS, replay->alpha));
}

void tr_replay_add(struct tr_replay *replay, int row)
{
    tr_replay_set(replay, row, replay->largest);
}

void tr_replay_remove(struct tr_replay *replay, int row)
{
    set_leaf(replay, row, 0);
}

double *tr_replay_leaves(struct tr_replay *replay)
{
    return replay->sum + replay->capacity;
}

void tr_replay_settle(struct tr_replay *replay)
{
    replay->rows = 0;
    for (ptrdiff_t i = replay->capacity; i < 2 * (ptrdiff_t)replay->capacity; i++) {
        replay->rows += replay->sum[i] > 0;
        replay->least[i] = replay->sum[i] > 0 ? replay->sum[i] : INFINITY;
    }
    for (ptrdiff_t i = replay->capacity - 1; i > 0; i--) {
        replay->sum[i] = replay->sum[2 * i] + replay->sum[2 * i + 1];
        replay->least[i] = fmin(replay->least[2 * i], replay->least[2 * i + 1]);
    }
}

double tr_replay_total(const struct tr_replay *replay)
{
    return replay->sum[1];
}

int tr_replay_find(const struct tr_replay *replay, double mass)
{
    int i = 1;

    assert(replay->rows > 0 && mass >= 0);
    while (i < replay->capacity) {
        i *= 2;
        /* rounding may leave a mass for an empty half: not gone into */
        if (mass >= replay->sum[i] && replay->sum[i + 1] > 0) {
            mass -= replay->sum[i];
            i++;
        }
    }
    return i - replay->capacity;
}

void tr_replay_draw(const struct tr_replay *replay, int n, const double *offset, int *rows)
{
    for (int i = 0; i < n; i++)
        rows[i] = tr_replay_find(replay, (i + offset[i]) / n * tr_replay_total(replay));
}

double tr_replay_weight(const struct tr_replay *replay, int row, double beta)
{
    const double leaf = replay->sum[replay->capacity + row];

    assert(leaf > 0);
    return pow(leaf / replay->least[1], -beta);
}

double tr_replay_beta(double beta0, int64_t step, int64_t steps)
{
    return step < steps ? beta0 + (1 - beta0) * (double)step / (double)steps : 1;
}
