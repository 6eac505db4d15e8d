/* trainer/nn/kernels.c -- see kernels.h; the choice among the kernel sets. */
#include "trainer/nn/kernels.h"

#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "trainer/nn/kernels_internal.h"

#ifdef __x86_64__
static bool has_v3(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static bool has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

const struct tr_kernels *tr_kernels_by_name(const char *name)
{
#ifdef __x86_64__
    const struct {
        const struct tr_kernels *set;
        bool usable;
    } sets[] = {{&tr__kernels_v3, has_v3()},
                {&tr__kernels_v3_openblas, has_v3()},
                {&tr__kernels_v4, has_v4()},
                {&tr__kernels_v4_openblas, has_v4()}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (!strcmp(name, sets[i].set->name))
            return sets[i].usable ? sets[i].set : NULL;
#endif
    return strcmp(name, "plain") ? NULL : &tr__kernels_plain;
}

const struct tr_kernels *tr_kernels_with_openblas(const struct tr_kernels *kernels)
{
#ifdef __x86_64__
    if (kernels == &tr__kernels_v3)
        return &tr__kernels_v3_openblas;
    if (kernels == &tr__kernels_v4)
        return &tr__kernels_v4_openblas;
#endif
    return kernels;
}

const struct tr_kernels *tr_kernels_without_openblas(const struct tr_kernels *kernels)
{
#ifdef __x86_64__
    if (kernels == &tr__kernels_v3_openblas)
        return &tr__kernels_v3;
    if (kernels == &tr__kernels_v4_openblas)
        return &tr__kernels_v4;
#endif
    return kernels;
}

rt_status tr_kernels_choose(const struct tr_kernels **kernels, struct rt_err *err)
{
    static const char *const best_first[] = {"v4", "v3", "plain"};
    const char *wish = getenv("RETORT_KERNELS");
    const struct tr_kernels *found = NULL;

    RT_TRY(tr__openblas_load(err));
    if (wish && *wish) {
        found = tr_kernels_by_name(wish);
        if (!found)
            return rt_fail(err, RT_EARG,
                           "RETORT_KERNELS is \"%.40s\", but this processor has no such kernels: "
                           "use plain, v3 (AVX2) or v4 (AVX-512), or unset it",
                           wish);
    }
    for (size_t i = 0; !found && i < sizeof best_first / sizeof *best_first; i++)
        found = tr_kernels_by_name(best_first[i]); /* plain at the latest */
    if (found == &tr__kernels_plain)
        RT_TRY(tr__openblas_check_room(rt_cores(), err));
    *kernels = found;
    return RT_OK;
}

rt_status tr_kernels_run_by(bool int8, const struct tr_kernels **kernels, struct rt_err *err)
{
    const struct tr_kernels *found = int8 ? &tr__kernels_integer : tr_kernels_by_name("v4");

    if (!found)
        found = tr_kernels_by_name("v3");
    if (!found)
        found = &tr__kernels_plain;
    if (found == &tr__kernels_integer || found == &tr__kernels_plain)
        RT_TRY(tr__openblas_load(err));
    *kernels = found;
    return RT_OK;
}

const struct tr_kernels *tr_kernels_integer(void)
{
    return &tr__kernels_integer;
}

const char *tr_kernels_name(const struct tr_kernels *kernels)
{
    return kernels->name;
}
