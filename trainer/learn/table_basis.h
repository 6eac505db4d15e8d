/* trainer/learn/table_basis.h -- a table of token ids in fewer dimensions: principal components.
 *
 *   rows E (V,d) of the table, projected where the source projects; m their mean
 *   C = sum over rows of (E - m)^T (E - m) / V      eigenvectors U, the largest eigenvalue first
 *   P = s (E - m) U[:, :e]                          s makes the root of P's mean square .02
 *
 * Each eigenvector's sign is such that its largest component is positive. So a student of another
 * width starts from what the source knows of its words: P in place of its table and, where its blocks
 * are the source's, W = U / s, b = m in place of its projection, so that W P + b is E as nearly as
 * e dimensions allow.
 * Threads  read-only once made.
 * Source   Pearson 1901; LAPACK's dsyev, from OpenBLAS.
 */
#ifndef TRAINER_LEARN_TABLE_BASIS_H
#define TRAINER_LEARN_TABLE_BASIS_H
#include "trainer/net/student.h"

struct tr_table_basis { /* all zero: there is none */
    int width;          /* d */
    double *mean;       /* owned: [d] */
    double *vectors;    /* owned: (d,d), a row an eigenvector, the largest first */
    double *values;     /* owned: [d] */
};
/* Of a network that reads ids; of others nothing is made. */
rt_status tr_table_basis_init(struct tr_table_basis *basis, const struct tr_student *source,
                              const float *params, struct rt_err *err);
void tr_table_basis_release(struct tr_table_basis *basis);

/* Row `id` of the source's table as its first block has it: (d). */
void tr_table_row(const struct tr_student *source, const float *params, int id, float *row);
/* What an e of the source's variance keeps: 0 to 1. */
double tr_table_basis_kept(const struct tr_table_basis *basis, int e);
/* s of e dimensions: the expected mean square of them is the mean of their eigenvalues. */
double tr_table_basis_scale(const struct tr_table_basis *basis, int e);
/* out (e) = scale (x - m) U, or without the mean, for positions. */
void tr_table_basis_project(const struct tr_table_basis *basis, const float *x, bool centred,
                            double scale, int e, float *out);
#endif
