/* trainer/export/c_source.h -- a trained student as one .c and one .h file, for any C99 compiler.
 *
 * The code needs libm's erff, expf, sqrtf (and rintf in int8) and nothing else: no malloc, no
 * double, no file. Input: bytes as the data have them; the preprocessing is inside.
 * Float    logits equal the trainer's by rounding.
 * Int8     sums are integers, as tr_kernels_integer() has them; logits equal but for inputs that
 *          lie on a rounding border.
 * Sizes    NAME_RAM and NAME_ROM in the header are the exact bytes of variables and of constants.
 * Errors   RT_EARG for a name that C does not take; RT_ENOMEM, RT_EIO. Nothing half-written.
 */
#ifndef TRAINER_EXPORT_C_SOURCE_H
#define TRAINER_EXPORT_C_SOURCE_H
#include <stdbool.h>

#include "trainer/export/model.h"

#define TR_C_NAME 32 /* room for the prefix of all names */

struct tr_c_options {
    const char *name; /* of files, functions and, in capitals, macros; at most TR_C_NAME - 1 */
    bool reentrant;   /* memory is a parameter, not static */
    bool selftest;    /* made-up examples with the answers expected, and a function to check them */
};

/* `path` ends in ".c"; the header is written beside it. */
rt_status tr_c_source_write(const char *path, const struct tr_model *model,
                            const struct tr_c_options *options, struct rt_err *err);
#endif
