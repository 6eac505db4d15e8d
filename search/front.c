/* search/front.c -- the front of all committed trials, and its hypervolume.
 *
 * The volume is kept up by what each new member adds: its own box less what it shares with the
 * members before it. That is one small volume instead of the whole, and as it depends on the
 * committed trials and their order alone, a resumed search comes to the same bits.
 *
 * Scale    is frozen once max(W, 8) trials with objectives are committed, or with rungs the first 8 of
 *          the last one: reference = their worst, but for measured values far beyond them all
 *          (search_ceiling()), ideal = the bests seen or known then (search__known_best()). Before
 *          that the volume is NaN.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"
#include "space/view.h"

void search__front_init(struct search__front *front, const struct space *space,
                        const struct search_options *options)
{
    struct space_arch any;

    assert(options->objective_count >= 1 && options->objective_count <= STORE_MAX_OBJECTIVES);
    space_smallest(space, &any);
    *front = (struct search__front){.m = options->objective_count, .volume = NAN};
    search__seeds_init(&front->seeds, space, options);
    front->before_volume = options->window > 8 && options->rung_count <= 1 ? options->window : 8;
    for (int k = 0; k < front->m; k++) {
        front->known[k] = search__known_best(space, options->objectives[k]);
        front->exact[k] = !isnan(space_exact(space, &any, options->objectives[k]));
        front->ideal[k] = NAN;
        front->reference[k] = NAN;
    }
}

void search__front_release(struct search__front *front)
{
    free(front->number);
    free(front->removed);
    free(front->entered);
    free(front->probability);
    search__seeds_release(&front->seeds);
    free(front->points);
    free(front->scratch);
    free(front->early);
    *front = (struct search__front){.m = 0};
}

static rt_status grow(struct search__front *front, struct rt_err *err)
{
    const size_t room = front->room ? 2 * front->room : 64, row = (size_t)front->m * sizeof(double);
    int64_t *number = realloc(front->number, room * sizeof *number);
    if (number)
        front->number = number;
    int64_t *removed = realloc(front->removed, room * sizeof *removed);
    if (removed)
        front->removed = removed;
    int64_t *entered = realloc(front->entered, room * sizeof *entered);
    if (entered)
        front->entered = entered;
    double *probability = realloc(front->probability, room * sizeof *probability);
    if (probability)
        front->probability = probability;
    double *points = realloc(front->points, room * row);
    if (points)
        front->points = points;
    double *scratch = realloc(front->scratch, room * row);
    if (scratch)
        front->scratch = scratch;
    if (!number || !removed || !entered || !probability || !points || !scratch)
        return rt_fail(err, RT_ENOMEM, "no memory for a front of %zu trials", room);
    front->room = room;
    return RT_OK;
}

static rt_status volume_of(const struct search__front *front, const double *points, size_t n,
                           double *volume, struct rt_err *err)
{
    return search_hypervolume(points, n, front->m, front->ideal, front->reference, volume, err);
}

/* The volume that `point` adds to the members. */
static rt_status add_volume(struct search__front *front, const double *point, struct rt_err *err)
{
    const size_t m = (size_t)front->m;
    double own, shared;

    assert(front->count <= front->room);
    for (size_t i = 0; i < front->count * m; i++)
        front->scratch[i] = fmax(front->points[i], point[i % m]);
    RT_TRY(volume_of(front, point, 1, &own, err));
    RT_TRY(volume_of(front, front->scratch, front->count, &shared, err));
    front->volume = fmin(1, front->volume + fmax(0, own - shared));
    return RT_OK;
}

/* The worst of the first trials that is not far beyond them all. */
static double worst_of(struct search__front *front, int k)
{
    const size_t m = (size_t)front->m, n = (size_t)front->early_count;
    double *values = front->early + n * m; /* it has room for one more of each */
    double worst = -INFINITY;

    assert(n >= 1);
    for (size_t i = 0; i < n; i++)
        values[i] = front->early[i * m + (size_t)k];
    const double most = front->exact[k] ? INFINITY : search_ceiling(values, n, SEARCH_FAR);
    for (size_t i = 0; i < n; i++)
        worst = values[i] <= most ? fmax(worst, values[i]) : worst;
    return worst;
}

/* The box: from the best to the worst of the first trials. Where all are equal it gets some depth,
 * because one objective without spread must not hide the others. */
static rt_status freeze(struct search__front *front, struct rt_err *err)
{
    for (int k = 0; k < front->m; k++) {
        front->reference[k] = worst_of(front, k);
        front->ideal[k] = fmin(front->ideal[k], front->known[k]);
        if (!(front->reference[k] > front->ideal[k]))
            front->reference[k] = front->ideal[k] + fmax(1, fabs(front->ideal[k]));
    }
    return volume_of(front, front->points, front->count, &front->volume, err);
}

/* One of the trials that make the box. */
static rt_status join_early(struct search__front *front, const double *point, struct rt_err *err)
{
    const size_t m = (size_t)front->m, n = (size_t)front->early_count;

    assert(front->before_volume > 0);
    if (!front->early)
        front->early = calloc((size_t)front->before_volume * (m + 1), sizeof *front->early);
    if (!front->early)
        return rt_fail(err, RT_ENOMEM, "no memory for the scale of the hypervolume");
    memcpy(front->early + n * m, point, m * sizeof *point);
    front->early_count++;
    for (size_t k = 0; k < m; k++)
        front->ideal[k] = fmin(front->ideal[k], point[k]);
    return --front->before_volume == 0 ? freeze(front, err) : RT_OK;
}

/* Take the members that `point` dominates out, into `removed`. */
static int remove_dominated(struct search__front *front, const double *point)
{
    const size_t m = (size_t)front->m;
    size_t left = 0;
    int removed = 0;

    for (size_t i = 0; i < front->count; i++) {
        const double *member = front->points + i * m;
        if (search_dominates(point, member, front->m)) {
            front->removed[removed++] = front->number[i];
            continue;
        }
        memmove(front->points + left * m, member, m * sizeof *member);
        front->number[left++] = front->number[i];
    }
    front->count = left;
    return removed;
}

static bool dominated(const struct search__front *front, const double *point)
{
    for (size_t i = 0; i < front->count; i++)
        if (search_dominates(front->points + i * (size_t)front->m, point, front->m))
            return true;
    return false;
}

static rt_status enter(struct search__front *front, int64_t number, const double *point,
                       struct store_commit *commit, struct rt_err *err)
{
    if (front->count == front->room)
        RT_TRY(grow(front, err));
    if (front->before_volume == 0)
        RT_TRY(add_volume(front, point, err));
    commit->enters_front = true;
    commit->removed_count = remove_dominated(front, point);
    memcpy(front->points + front->count * (size_t)front->m, point,
           (size_t)front->m * sizeof *point);
    front->number[front->count++] = number;
    return RT_OK;
}

/* What a commit says of the front as it is now. */
static void say(const struct search__front *front, struct store_commit *commit)
{
    commit->removed = front->removed;
    commit->entered = front->entered;
    commit->hypervolume = front->volume;
    commit->front_size = (int)front->count;
}

rt_status search__front_membership(struct search__front *front, struct rt_err *err)
{
    return search__seeds_membership(&front->seeds, front->number, front->count, front->probability,
                                    err);
}

rt_status search__front_add(struct search__front *front, int64_t number, const double *objectives,
                            struct store_commit *commit, struct rt_err *err)
{
    *commit = (struct store_commit){.number = number, .failed = !objectives};
    if (objectives) {
        RT_TRY(search__seeds_add(&front->seeds, number, objectives, err));
        if (!dominated(front, objectives))
            RT_TRY(enter(front, number, objectives, commit, err));
        if (front->before_volume > 0)
            RT_TRY(join_early(front, objectives, err));
    }
    say(front, commit);
    return RT_OK;
}

/* ---- when the value of a candidate changes ---- */

/* The front of all means, in the place of the one that there was. */
static rt_status choose_again(struct search__front *front, struct rt_err *err)
{
    const struct search__seeds *all = &front->seeds;
    const size_t m = (size_t)front->m;

    front->count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const double *point = all->mean + i * m;
        if (dominated(front, point))
            continue;
        if (front->count == front->room)
            RT_TRY(grow(front, err));
        remove_dominated(front, point);
        memcpy(front->points + front->count * m, point, m * sizeof *point);
        front->number[front->count++] = all->first[i];
    }
    return front->before_volume > 0
               ? RT_OK
               : volume_of(front, front->points, front->count, &front->volume, err);
}

static bool is_in(const int64_t *number, size_t count, int64_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (number[i] == wanted)
            return true;
    return false;
}

rt_status search__front_repeat(struct search__front *front, int64_t number, int64_t first,
                               const double *objectives, struct store_commit *commit,
                               struct rt_err *err)
{
    const size_t before = front->count;
    int64_t *members;

    *commit = (struct store_commit){.number = number, .failed = !objectives, .repeats = true};
    say(front, commit);
    if (!objectives)
        return RT_OK;
    members = malloc((before + 1) * sizeof *members);
    if (!members)
        return rt_fail(err, RT_ENOMEM, "no memory for a front of %zu trials", before);
    memcpy(members, front->number, before * sizeof *members);
    search__seeds_repeat(&front->seeds, first, objectives);
    const rt_status rc = choose_again(front, err);
    for (size_t i = 0; rc == RT_OK && i < front->count; i++)
        if (!is_in(members, before, front->number[i]))
            front->entered[commit->entered_count++] = front->number[i];
    for (size_t i = 0; rc == RT_OK && i < before; i++)
        if (!is_in(front->number, front->count, members[i]))
            front->removed[commit->removed_count++] = members[i];
    free(members);
    say(front, commit);
    return rc;
}

rt_status search__set_front(struct store *store, struct search__front *front, struct rt_err *err)
{
    if (front->seeds.wanted)
        RT_TRY(search__front_membership(front, err));
    return store_front_set(store, front->number, front->seeds.wanted ? front->probability : NULL,
                           (int)front->count, err);
}
