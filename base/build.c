/* base/build.c -- gnu_get_libc_version() is GNU's, hence the define. */
#define _GNU_SOURCE
#include "base/build.h"

#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>

void rt_build_query(struct rt_build *build)
{
    FILE *file = fopen("/proc/self/exe", "rb");
    struct rt_hash *hash = file ? rt_hash_open() : NULL;
    char bytes[1 << 14];
    size_t n;

    memset(build, 0, sizeof *build);
    (void)snprintf(build->version, sizeof build->version, "%s", RT_VERSION);
    (void)snprintf(build->libc, sizeof build->libc, "glibc %s", gnu_get_libc_version());
    if (hash) {
        do {
            n = fread(bytes, 1, sizeof bytes, file);
            rt_hash_add(hash, bytes, n);
        } while (n == sizeof bytes);
        rt_hash_close(hash, build->hash);
    }
    if (file)
        fclose(file);
}
