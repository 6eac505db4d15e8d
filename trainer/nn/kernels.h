/* trainer/nn/kernels.h -- the kernel sets: plain C with OpenBLAS, AVX2 (x86-64-v3), AVX-512 (-v4).
 *
 * A kernel set is a table of functions with one contract; `plain` holds the references and
 * OpenBLAS's sgemm, and runs on any machine. trainer/nn/kernels_simd.h is the one source of the
 * other two, compiled twice. The set is chosen by cpuid, overridden by the environment variable
 * RETORT_KERNELS=plain|v3|v4, and its name is recorded with every trial, since it changes last
 * bits. v3 and v4 have variants v3-openblas and v4-openblas whose linear layers are OpenBLAS's; which
 * of the two is faster for a student is measured, see tr_tune() in trainer/learn/train.h.
 */
#ifndef TRAINER_NN_KERNELS_H
#define TRAINER_NN_KERNELS_H
#include <stdbool.h>

#include "base/status.h"

#define TR_NORM_EPS 1e-6F /* of norms, unless a network says otherwise */

struct tr_kernels; /* defined in trainer/nn/kernels_internal.h */

/* The best set of this machine, or the one that RETORT_KERNELS names; RT_EARG when it does not
 * exist or this processor cannot run it, RT_EIO when OpenBLAS cannot be loaded. */
rt_status tr_kernels_choose(const struct tr_kernels **kernels, struct rt_err *err);
/* The best set of this processor, whatever the environment says, to run floats or int8 codes in
 * integers; OpenBLAS is loaded for those alone that need it. */
rt_status tr_kernels_run_by(bool int8, const struct tr_kernels **kernels, struct rt_err *err);
/* By name: "plain", "v3", "v4", "v3-openblas", "v4-openblas"; NULL when this processor cannot run
 * it. */
const struct tr_kernels *tr_kernels_by_name(const char *name);
/* The variant with OpenBLAS's linear layers; the plain set is its own. */
const struct tr_kernels *tr_kernels_with_openblas(const struct tr_kernels *kernels);
/* And the other way; a set without OpenBLAS is itself. */
const struct tr_kernels *tr_kernels_without_openblas(const struct tr_kernels *kernels);
/* Plain kernels that run int8 networks in integers; for inference. */
const struct tr_kernels *tr_kernels_integer(void);
const char *tr_kernels_name(const struct tr_kernels *kernels);
#endif
