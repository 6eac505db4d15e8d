/* trainer/distill/layer_loss.h -- losses between inner layers of a student and its teacher.
 *
 *   hidden     Y = H_s W^T + b        mse:    mean over valid rows and widths of (Y - H_t)^2
 *                                     cosine: mean over valid rows of 1 - cos(Y, H_t)
 *   attention  logits: mean over valid pairs of (A_s - A_t)^2
 *              probs:  the same of the row-wise softmax
 *              kl:     mean over valid rows of KL(softmax A_t || softmax A_s)
 *   relation   heads joined, split anew into R: X_r X_r^T / sqrt(d_r), then the kl above, mean over
 *              R and rows; student and teacher may differ in heads and in width
 *   similarity mean over pairs of rows of (cos(h_i, h_j) of the student - that of the teacher)^2
 *
 * A pair is valid when its query and its key are: padding is left out of sums and denominators
 * alike, and is no part of a softmax. All in double; gradients are overwritten unless said.
 * Shapes   N rows (tokens of one sequence), ds and dt widths; attention (N,N) scores before the
 *          softmax; valid (N), non-zero for valid, or NULL for all.
 * Source   Jiao et al. 2020, "TinyBERT", arXiv:1909.10351; relations Wang et al. 2021, "MiniLMv2",
 *          arXiv:2012.15828; similarity Zhang et al. 2022, "MiniViT", arXiv:2204.07154; the layer
 *          map `kept` Hou et al. 2020, "DynaBERT", arXiv:2004.04037.
 */
#ifndef TRAINER_DISTILL_LAYER_LOSS_H
#define TRAINER_DISTILL_LAYER_LOSS_H
#include "base/random.h"

/* Y (N,dt) = H W^T + b; W (dt,ds). */
void tr_project(const double *hidden, const double *weight, const double *bias, int rows, int ds,
                int dt, double *out);
/* dhidden (N,ds) is written; dweight (dt,ds) and dbias (dt) are added to. */
void tr_project_backward(const double *hidden, const double *weight, const double *dout, int rows,
                         int ds, int dt, double *dhidden, double *dweight, double *dbias);

double tr_hidden_mse(const double *y, const double *teacher, const unsigned char *valid, int rows,
                     int width, double *dy);
double tr_hidden_cosine(const double *y, const double *teacher, const unsigned char *valid,
                        int rows, int width, double *dy);

enum tr_attention_loss {
    TR_ATTENTION_LOGITS,
    TR_ATTENTION_PROBS,
    TR_ATTENTION_KL,
    TR_ATTENTION_RELATION /* tr_relation_loss(); the others are for tr_attention_loss() */
};
/* scratch: 4 N doubles. */
double tr_attention_loss(enum tr_attention_loss kind, const double *student, const double *teacher,
                         const unsigned char *valid, int rows, double *scratch, double *dstudent);

/* One of queries, keys or values: x (N,width) with heads side by side. relations divides both
 * widths. scratch: tr_relation_scratch(rows) doubles. */
size_t tr_relation_scratch(int rows);
double tr_relation_loss(const double *student, int ds, const double *teacher, int dt, int relations,
                        const unsigned char *valid, int rows, double *scratch, double *dstudent);
/* scratch: as for relations. Rows of zeros have similarity 0 to all. */
double tr_similarity_loss(const double *student, int ds, const double *teacher, int dt, int rows,
                          double *scratch, double *dstudent);

/* Teacher layer (1..N) of each student layer m = 1..M, into map[m - 1]; M at most N.
 * uniform  floor(m N/M + 1/2)       last  m + N - M       first  m
 * kept     floor((m-1) N/M) + 1     random  one of each of M equal slices, anew each epoch */
enum tr_layer_map {
    TR_LAYERS_UNIFORM,
    TR_LAYERS_LAST,
    TR_LAYERS_FIRST,
    TR_LAYERS_KEPT,
    TR_LAYERS_RANDOM
};
/* rng: for random alone, of (seed, RT_STREAM_LAYER_MAP, epoch); else NULL. */
void tr_layer_map(enum tr_layer_map kind, int student, int teacher, struct rt_rng *rng, int *map);

/* Weight that makes a layer's loss as large as that of the logits, itself held constant. */
double tr_layer_balance(double logits_loss, double layer_loss);
#endif
