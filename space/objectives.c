/* space/objectives.c -- see objectives.h. Measured ones are here beside costs, though the space knows
 * nothing of training, because all that shows or searches them stands on this folder.
 */
#include "space/objectives.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const struct space_objective space_objectives[SPACE_OBJECTIVES] = {
    {"error", "error", "validation error", "%", 100, 2, false, false, 0, false},
    {"kl", "KL", "KL to the ensemble", "", 1, 4, false, false, 0, false},
    {"params", "params", "parameters", "", 1, 0, true, true, NAN, false},
    {"bytes", "bytes", "bytes of the weights (fp32)", "", 1, 0, true, true, NAN, false},
    {"macs", "MACs", "multiply-accumulates", "", 1, 0, true, true, NAN, false},
    {"memory", "memory", "peak activation bytes", "", 1, 0, true, true, NAN, false},
    {"latency", "latency", "latency", "ms", 1, -1, true, false, 0, false},
    {"int8_error", "error in int8", "validation error in int8", "%", 100, 2, false, false, 0,
     false},
    {"int8_kl", "KL in int8", "KL to the ensemble in int8", "", 1, 4, false, false, 0, false},
    {"int8_bytes", "bytes in int8", "bytes of the weights in int8", "", 1, 0, true, true, NAN,
     false},
};

const struct space_objective *space_objective_named(const char *name)
{
    for (int i = 0; i < SPACE_OBJECTIVES; i++)
        if (strcmp(space_objectives[i].name, name) == 0)
            return &space_objectives[i];
    return NULL;
}
