/* search/anchors.c -- the feasible architecture nearest to one that the limits forbid.
 *
 * The first trials are the corners of the space, so that the front spans it from the start. Where
 * limits cut the largest off, its place is taken by what comes nearest: by looking at all in a
 * small space, else by a walk towards it from the nearest of some samples. The cheapest members are
 * among the starts, so there is always one when the space has any feasible architecture.
 */
#include "search/search_internal.h"

enum { LOOK_AT_ALL = 1 << 16, SAMPLES = 512, STEPS = 2048 };

struct nearest {
    const struct space *space;
    const struct space_arch *target;
    struct space_arch *arch;
    double distance;
    bool found;
};

static void consider(struct nearest *best, const struct space_arch *arch)
{
    double distance;

    if (!space_feasible(best->space, arch, NULL))
        return;
    distance = space_distance(best->space, arch, best->target);
    if (best->found && distance >= best->distance)
        return;
    *best->arch = *arch;
    best->distance = distance;
    best->found = true;
}

void search__cheapest(const struct space *space, int patch, struct space_arch *arch)
{
    space_smallest(space, arch);
    arch->patch = space->patch.value[patch];
}

static void consider_starts(struct nearest *best, struct rt_rng *rng)
{
    struct space_arch arch;

    for (int i = 0; i < best->space->patch.count; i++) {
        search__cheapest(best->space, i, &arch);
        consider(best, &arch);
    }
    for (int i = 0; i < SAMPLES; i++) {
        space_sample(best->space, rng, &arch);
        consider(best, &arch);
    }
}

/* Crossing with the target takes several genes from it at once, mutation moves single ones. */
static void walk(struct nearest *best, struct rt_rng *rng)
{
    for (int i = 0; i < STEPS && best->distance > 0; i++) {
        struct space_arch step, child;
        if (i % 2) {
            space_mutate(best->space, rng, best->arch, &child);
        } else {
            space_crossover(best->space, rng, best->arch, best->target, &step);
            space_crossover(best->space, rng, best->arch, &step, &child);
        }
        consider(best, &child);
    }
}

bool search__nearest(const struct space *space, struct rt_rng *rng, const struct space_arch *target,
                     struct space_arch *nearest)
{
    struct nearest best = {space, target, nearest, 0, false};
    const int64_t size = space_size(space);

    consider(&best, target);
    if (best.found)
        return true;
    if (size >= 0 && size <= LOOK_AT_ALL) {
        for (int64_t i = 0; i < size; i++) {
            struct space_arch arch;
            space_nth(space, i, &arch);
            consider(&best, &arch);
        }
        return best.found;
    }
    consider_starts(&best, rng);
    if (best.found)
        walk(&best, rng);
    return best.found;
}
