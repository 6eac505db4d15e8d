/* trainer/distill/regulariser.c -- see regulariser.h. */
#include "trainer/distill/regulariser.h"

#include <math.h>

static const double eps = 1e-6;

double tr_regularise(enum tr_regulariser kind, const double *q, const double *p, int classes,
                     double *grad)
{
    double sq = 0, along = 0;

    for (int c = 0; c < classes; c++) {
        const double r = q[c] - p[c];
        sq += r * r;
        along += q[c] * r;
    }
    const double norm = kind == TR_REG_L2 ? sqrt(sq + eps * eps) : sq;
    const double factor = kind == TR_REG_NONE ? 0 : kind == TR_REG_L2 ? 1 / norm : 2;
    for (int c = 0; c < classes; c++)
        grad[c] = factor * q[c] * (q[c] - p[c] - along);
    return kind == TR_REG_NONE ? 0 : norm;
}
