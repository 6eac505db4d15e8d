/* trainer/distill/regulariser.c -- see regulariser.h. */
#include "trainer/distill/regulariser.h"

#include <math.h>

#include "trainer/distill/soft_loss.h"

double tr_regularise(enum tr_regulariser kind, const double *z, const double *p, int n,
                     double *work, double *grad)
{
    double *q = work, squares = 0, along = 0;

    tr_softmax(z, n, 1, q, work + n);
    for (int i = 0; i < n; i++) {
        const double r = q[i] - p[i];
        squares += r * r;
        along += q[i] * r;
    }
    const double norm = sqrt(squares + 1e-12);
    const double factor = kind == TR_REG_L2 ? 1 / norm : 2;
    for (int i = 0; i < n; i++)
        grad[i] = factor * q[i] * (q[i] - p[i] - along);
    return kind == TR_REG_L2 ? norm : squares;
}
