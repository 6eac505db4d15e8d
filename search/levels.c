/* search/levels.c -- non-dominated levels, one point at a time.
 *
 * Li et al. 2017, "Efficient nondomination level update": ranking ten thousand trials anew for each
 * proposal would cost more than some trials; a new point touches few levels, and when it dominates
 * a whole level it only pushes that one and all behind it down by one.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"

static rt_status no_memory(struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory for the ranks of the trials");
}

static rt_status append(struct search__level *level, size_t point, struct rt_err *err)
{
    if (level->count == level->room) {
        const size_t room = level->room ? 2 * level->room : 16;
        size_t *member = realloc(level->member, room * sizeof *member);
        if (!member)
            return no_memory(err);
        level->member = member;
        level->room = room;
    }
    level->member[level->count++] = point;
    return RT_OK;
}

static bool any_dominates(const struct search__level *level, const double *points, int m,
                          const double *p)
{
    for (size_t i = level->count; i-- > 0;)
        if (search_dominates(points + level->member[i] * (size_t)m, p, m))
            return true;
    return false;
}

/* Each member of a level is dominated by one of the level before, so bisection finds the first
 * level without a dominator. */
static size_t find_level(const struct search__levels *levels, const double *points, int m,
                         const double *p)
{
    size_t low = 0, high = levels->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (any_dominates(&levels->level[middle], points, m, p))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Make `content` the level number `at`, all later ones moving back; leaves `content` empty. */
static rt_status insert_level(struct search__levels *levels, size_t at,
                              struct search__level *content, struct rt_err *err)
{
    if (levels->count == levels->room) {
        const size_t room = levels->room ? 2 * levels->room : 16;
        struct search__level *level = realloc(levels->level, room * sizeof *level);
        if (!level)
            return no_memory(err);
        levels->level = level;
        levels->room = room;
    }
    assert(at <= levels->count);
    memmove(levels->level + at + 1, levels->level + at,
            (levels->count - at) * sizeof *levels->level);
    levels->level[at] = *content;
    *content = (struct search__level){NULL, 0, 0};
    levels->count++;
    return RT_OK;
}

/* Move the members that `by` dominates to `out`, keeping the order of both. */
static rt_status sift(struct search__level *level, const double *points, int m,
                      const struct search__level *by, struct search__level *out, struct rt_err *err)
{
    size_t left = 0;

    out->count = 0;
    for (size_t i = 0; i < level->count; i++) {
        const size_t point = level->member[i];
        if (any_dominates(by, points, m, points + point * (size_t)m))
            RT_TRY(append(out, point, err));
        else
            level->member[left++] = point;
    }
    level->count = left;
    return RT_OK;
}

rt_status search__levels_add(struct search__levels *levels, const double *points, int m,
                             size_t point, size_t *highest, struct rt_err *err)
{
    struct search__level *in = &levels->sinking[0], *out = &levels->sinking[1], *swap;
    size_t at = find_level(levels, points, m, points + point * (size_t)m);

    *highest = at;
    in->count = 0;
    RT_TRY(append(in, point, err));
    for (;; at++) {
        assert(in->count > 0 && at <= levels->count);
        if (at == levels->count)
            return insert_level(levels, at, in, err);
        struct search__level *level = &levels->level[at];
        RT_TRY(sift(level, points, m, in, out, err));
        if (level->count == 0) { /* the whole level sinks, and all behind it with it */
            const struct search__level emptied = *level;
            *level = *out;
            *out = emptied;
            return insert_level(levels, at, in, err);
        }
        for (size_t i = 0; i < in->count; i++)
            RT_TRY(append(level, in->member[i], err));
        if (out->count == 0)
            return RT_OK;
        swap = in;
        in = out;
        out = swap;
    }
}

void search__levels_release(struct search__levels *levels)
{
    for (size_t i = 0; i < levels->count; i++)
        free(levels->level[i].member);
    free(levels->level);
    free(levels->sinking[0].member);
    free(levels->sinking[1].member);
    *levels = (struct search__levels){NULL, 0, 0, {{NULL, 0, 0}, {NULL, 0, 0}}};
}

/* ---- the order within a level ---- */

static rt_status make_room(struct search__order *order, size_t count, struct rt_err *err)
{
    if (count <= order->room)
        return RT_OK;
    const size_t room = 2 * count;
    struct search__survivor *item = realloc(order->item, room * sizeof *item);
    if (item)
        order->item = item;
    struct search__key *key = realloc(order->key, 2 * room * sizeof *key);
    if (key)
        order->key = key;
    double *crowding = realloc(order->crowding, room * sizeof *crowding);
    if (crowding)
        order->crowding = crowding;
    if (!item || !key || !crowding)
        return no_memory(err);
    order->room = room;
    return RT_OK;
}

rt_status search__order_level(struct search__order *order, const double *points, int m,
                              const struct search__level *level, size_t rank, struct rt_err *err)
{
    RT_TRY(make_room(order, level->count, err));
    RT_TRY(search__crowd(points, level->member, level->count, m, order->crowding, err));
    for (size_t i = 0; i < level->count; i++)
        order->key[i] = (struct search__key){-order->crowding[i], level->member[i]};
    search__sort(order->key, level->count, order->key + level->count);
    for (size_t i = 0; i < level->count; i++)
        order->item[i] = (struct search__survivor){order->key[i].index, rank, -order->key[i].value};
    return RT_OK;
}

void search__order_release(struct search__order *order)
{
    free(order->item);
    free(order->key);
    free(order->crowding);
    *order = (struct search__order){.room = 0};
}
