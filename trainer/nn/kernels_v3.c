/* trainer/nn/kernels_v3.c -- the kernel set of x86-64-v3: AVX2 and FMA; empty elsewhere. */
#include "trainer/nn/kernels_internal.h"

#ifdef __x86_64__
#define SET_NAME "v3"
#define SET_SYMBOL tr__kernels_v3
#define SET_SYMBOL_OPENBLAS tr__kernels_v3_openblas
#include "trainer/nn/kernels_simd.h"
#endif
