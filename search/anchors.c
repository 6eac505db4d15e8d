/* search/anchors.c -- the feasible architecture nearest to one that the limits forbid.
 *
 * The first trials are the corners of the space, so that the front spans it from the start. Where
 * limits cut the largest off, its place is taken by what comes nearest: by looking at all in a
 * small space, else by annealing from the nearest of some samples. The cheapest members are
 * among the starts, so there is always one when the space has any feasible architecture.
 */
#include <assert.h>
#include <math.h>

#include "search/search_internal.h"

enum { LOOK_AT_ALL = 1 << 16, SAMPLES = 512, STEPS = 8192 };

struct nearest {
    const struct space *space;
    const struct space_arch *target;
    struct space_arch *arch;
    double distance; /* infinite until one is found */
};

/* Keeps the architecture when it is the nearest so far; its distance, or infinity when infeasible.
 */
static double consider(struct nearest *best, const struct space_arch *arch)
{
    double distance;

    if (!space_feasible(best->space, arch, NULL))
        return INFINITY;
    distance = space_distance(best->space, arch, best->target);
    if (distance < best->distance) {
        *best->arch = *arch;
        best->distance = distance;
    }
    return distance;
}

static void consider_starts(struct nearest *best, struct rt_rng *rng)
{
    struct space_arch arch;

    for (int i = 0; i < space_cheapest_count(best->space); i++) {
        space_cheapest(best->space, i, &arch);
        consider(best, &arch);
    }
    for (int i = 0; i < SAMPLES; i++) {
        space_sample(best->space, rng, &arch);
        consider(best, &arch);
    }
}

/* Annealing, since the limits trade one gene for another and a strict descent would end where no
 * single gene can grow. Crossing with the target takes several genes from it at once, mutation
 * moves single ones. */
static void walk(struct nearest *best, struct rt_rng *rng)
{
    struct space_arch at = *best->arch;
    double distance = best->distance;

    assert(best->distance < INFINITY); /* there is somewhere to start */
    for (int i = 0; i < STEPS && best->distance > 0; i++) {
        const double heat = 0.05 * (1 - (double)i / (double)STEPS);
        const double slack = -heat * log(1 - rt_rng_uniform(rng));
        struct space_arch child;
        if (i % 4)
            space_mutate(best->space, rng, &at, &child);
        else
            space_crossover(best->space, rng, &at, best->target, &child);
        const double there = consider(best, &child);
        if (there < distance + slack) {
            at = child;
            distance = there;
        }
    }
}

bool search__nearest(const struct space *space, struct rt_rng *rng, const struct space_arch *target,
                     struct space_arch *nearest)
{
    struct nearest best = {space, target, nearest, INFINITY};
    const int64_t size = space_size(space);

    if (consider(&best, target) < INFINITY)
        return true;
    if (size >= 0 && size <= LOOK_AT_ALL) {
        for (int64_t i = 0; i < size; i++) {
            struct space_arch arch;
            space_nth(space, i, &arch);
            consider(&best, &arch);
        }
        return best.distance < INFINITY;
    }
    consider_starts(&best, rng);
    if (best.distance < INFINITY)
        walk(&best, rng);
    return best.distance < INFINITY;
}
