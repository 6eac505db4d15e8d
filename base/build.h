/* base/build.h -- which program this is: its version, the bytes of its executable, its libc.
 *
 * Two runs with the same build, kernels, BLAS and seeds give the same bits; of other builds nobody
 * knows until a trial is trained again.
 */
#ifndef BASE_BUILD_H
#define BASE_BUILD_H
#include "base/hash.h"

struct rt_build {
    char version[24];        /* of retort */
    char hash[RT_HASH_TEXT]; /* of the executable's bytes; "" where it cannot be read */
    char libc[32];           /* "glibc 2.36" */
};

/* Reads the executable, which takes a millisecond. */
void rt_build_query(struct rt_build *build);
#endif
