/* trainer/nn/kernels.c -- see kernels.h; the choice among the kernel sets. */
#include "trainer/nn/kernels.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/nn/kernels_internal.h"

const struct tr_kernels *tr_kernels_by_name(const char *name)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (!strcmp(name, "v4"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")
                   ? &tr__kernels_v4
                   : NULL;
    if (!strcmp(name, "v3"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi2")
                   ? &tr__kernels_v3
                   : NULL;
#endif
    return strcmp(name, "plain") ? NULL : &tr__kernels_plain;
}

rt_status tr_kernels_choose(const struct tr_kernels **kernels, struct rt_err *err)
{
    static const char *const best_first[] = {"v4", "v3", "plain"};
    const char *wish = getenv("RETORT_KERNELS");
    const struct tr_kernels *found = NULL;

    openblas_set_num_threads(1);
    if (wish && *wish) {
        found = tr_kernels_by_name(wish);
        if (!found)
            return rt_fail(err, RT_EARG,
                           "RETORT_KERNELS is \"%.40s\", but this processor has no such kernels: "
                           "use plain, v3 (AVX2) or v4 (AVX-512), or unset it",
                           wish);
    }
    for (size_t i = 0; !found; i++) /* plain is always found */
        found = tr_kernels_by_name(best_first[i]);
    *kernels = found;
    return RT_OK;
}

const char *tr_kernels_name(const struct tr_kernels *kernels)
{
    return kernels->name;
}
