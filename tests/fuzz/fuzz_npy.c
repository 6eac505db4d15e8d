/* Any bytes either are refused or are a matrix no larger than the file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "trainer/data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tr_matrix matrix;

    if (tr_npy_parse("fuzz", data, size, &matrix, NULL) != RT_OK)
        return 0;
    if (matrix.rows < 1 || matrix.columns < 1 || matrix.rows > size / 4 / matrix.columns)
        abort();
    volatile float last = matrix.values[matrix.rows * matrix.columns - 1]; /* is it there? */
    (void)last;
    tr_matrix_release(&matrix);
    return 0;
}
