/* trainer/nn/kernels_v4.c -- the kernel set of x86-64-v4: AVX-512 F, BW, CD, DQ, VL; empty
 * elsewhere. */
#include "trainer/nn/kernels_internal.h"

#ifdef __x86_64__
#define SET_NAME "v4"
#define SET_SYMBOL tr__kernels_v4
#define SET_SYMBOL_OPENBLAS tr__kernels_v4_openblas
#include "trainer/nn/kernels_simd.h"
#endif
