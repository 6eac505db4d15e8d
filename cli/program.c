/* cli/program.c -- "OpenBLAS 0.3.21 Haswell": its version is the second word of its configuration. */
#include "cli/program.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "base/build.h"

void program_query(const char *kernels, struct store_program *program)
{
    char name[16] = "", version[24] = "";
    struct rt_build build;

    rt_build_query(&build);
    memset(program, 0, sizeof *program);
    memcpy(program->version, build.version, sizeof program->version);
    memcpy(program->build, build.hash, sizeof program->build);
    memcpy(program->libc, build.libc, sizeof program->libc);
    (void)snprintf(program->kernels, sizeof program->kernels, "%s", kernels);
    if (strcmp(kernels, "none") == 0)
        return;
    (void)sscanf(openblas_get_config(), "%15s %23s", name, version);
    (void)snprintf(program->blas, sizeof program->blas, "%s %s %s", name, version,
                   openblas_get_corename());
}

rt_status program_record(struct store *store, const char *kernels, struct rt_err *err)
{
    struct store_program program;

    program_query(kernels, &program);
    return store_program(store, &program, err);
}
