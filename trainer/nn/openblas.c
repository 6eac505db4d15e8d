/* trainer/nn/openblas.c -- OpenBLAS, loaded when it is first needed, with one thread.
 *
 * An OpenBLAS that the program is linked with starts a thread a core before main(), whatever is set
 * afterwards, and these try again for ever where memory is limited (`ulimit -v`), so that not even
 * `retort --version` ended. How many it starts is said by the environment alone, as it is loaded:
 * hence dlopen(), and the functions of cblas.h that we use are defined here and pass on to it.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <assert.h>
#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "trainer/nn/kernels_internal.h"

static const char library[] = "libopenblas.so.0", threads[] = "OPENBLAS_NUM_THREADS";

static struct {
    void (*sgemm)(enum CBLAS_ORDER, enum CBLAS_TRANSPOSE, enum CBLAS_TRANSPOSE, blasint, blasint,
                  blasint, float, const float *, blasint, const float *, blasint, float, float *,
                  blasint);
    void (*dsyev)(const char *, const char *, const blasint *, double *, const blasint *, double *,
                  double *, const blasint *, blasint *, size_t, size_t); /* LAPACK's */
    char *(*config)(void), *(*core)(void);
    int (*parallel)(void), (*threads)(void);
    struct rt_err failure; /* to load it */
} blas;

static bool find(void *handle, const char *name, void *function)
{
    void *const found = dlsym(handle, name);

    memcpy(function, &found, sizeof found);
    return found;
}

/* The variable is as it was afterwards: evaluators' commands are not to be held to one thread. */
static void *open_with_one_thread(void)
{
    const char *given = getenv(threads);
    char *before = given ? strdup(given) : NULL;

    (void)setenv(threads, "1", 1);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (before)
        (void)setenv(threads, before, 1);
    else
        (void)unsetenv(threads);
    free(before);
    return handle;
}

/* Its library and, for each thread that multiplies, a buffer: of either OpenBLAS asks for ever when
 * it cannot have them, version 0.3.29 as it is loaded. */
static const size_t library_bytes = (size_t)48 << 20, buffer_bytes = (size_t)128 << 20;

/* RT_ENOMEM when addresses are limited to fewer than so many more. */
static rt_status check_addresses(size_t bytes, const char *what, struct rt_err *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return RT_OK;
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return rt_fail(err, RT_ENOMEM,
                       "OpenBLAS needs %zu MiB of addresses %s, and this process may not have "
                       "them; raise 'ulimit -v'",
                       bytes >> 20, what);
    (void)munmap(room, bytes);
    return RT_OK;
}

static void load(void)
{
    void *handle;

    if (check_addresses(library_bytes + buffer_bytes, "to be loaded", &blas.failure))
        return;
    handle = open_with_one_thread();
    if (!handle || !find(handle, "cblas_sgemm", &blas.sgemm) ||
        !find(handle, "dsyev_", &blas.dsyev) ||
        !find(handle, "openblas_get_config", &blas.config) ||
        !find(handle, "openblas_get_corename", &blas.core) ||
        !find(handle, "openblas_get_parallel", &blas.parallel) ||
        !find(handle, "openblas_get_num_threads", &blas.threads))
        rt_report(&blas.failure, RT_EIO, "cannot load OpenBLAS (%s); install libopenblas0-pthread",
                  dlerror());
}

rt_status tr__openblas_load(struct rt_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, load);
    if (blas.failure.code && err)
        *err = blas.failure;
    return blas.failure.code;
}

rt_status tr__openblas_check_room(int threads_at_once, struct rt_err *err)
{
    char what[80];

    assert(threads_at_once > 0);
    (void)snprintf(what, sizeof what, "for %d threads%s", threads_at_once,
                   threads_at_once > 1 ? ", fewer unless RETORT_KERNELS is plain" : "");
    return check_addresses(buffer_bytes * (size_t)threads_at_once, what, err);
}

/* What cannot multiply cannot go on: tr_kernels_choose() has told of it. */
static void need(void)
{
    struct rt_err err;

    if (tr__openblas_load(&err))
        abort();
}

/* a (n,n), the upper half by rows: LAPACK's lower half by columns, so that eigenvectors are rows. */
rt_status tr__symmetric_eigen(int n, double *a, double *values, struct rt_err *err)
{
    const blasint size = n, room = 64 * n;
    blasint failed = 0;
    double *work;

    assert(n > 0);
    RT_TRY(tr__openblas_load(err));
    RT_TRY(tr__openblas_check_room(1, err));
    work = malloc((size_t)room * sizeof *work);
    if (!work)
        return rt_fail(err, RT_ENOMEM, "no memory for eigenvectors");
    blas.dsyev("V", "L", &size, a, &size, values, work, &room, &failed, 1, 1);
    free(work);
    return failed ? rt_fail(err, RT_ENAN, "no eigenvectors were found of a table of %d columns", n)
                  : RT_OK;
}

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transpose_a,
                 enum CBLAS_TRANSPOSE transpose_b, blasint m, blasint n, blasint k, float alpha,
                 const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                 blasint ldc)
{
    need();
    blas.sgemm(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

char *openblas_get_config(void)
{
    need();
    return blas.config();
}

char *openblas_get_corename(void)
{
    need();
    return blas.core();
}

int openblas_get_parallel(void)
{
    need();
    return blas.parallel();
}

int openblas_get_num_threads(void)
{
    need();
    return blas.threads();
}
