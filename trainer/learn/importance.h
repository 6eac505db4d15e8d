/* trainer/learn/importance.h -- how much each part of a network matters, by running it on calibration
 * rows.
 *
 *   activation  channels of the residual stream: the scores of prune.h of every norm's output,
 *               summed over the norms; neurons: of the FFN's hidden layer; heads: of their output
 *   gradient    |sum w dL/dw| over the weights that alone read a part, which is |sum a dL/da| over
 *               its activations a; mean over examples; channels summed over the norms
 *   layers      activation: 1 - mean cos(input, output); gradient: of what attention and FFN add
 *
 * L is the cross-entropy with the answer of the ensemble, or with the labels when data has no
 * knowledge: the KL of a teacher to an ensemble that is this teacher alone is 0 everywhere.
 * The last block of a network with a class token is scored by the class row, which is all of it
 * that is read. One thread, inference mode: the same bits on every run of one kernel set.
 */
#ifndef TRAINER_LEARN_IMPORTANCE_H
#define TRAINER_LEARN_IMPORTANCE_H
#include "trainer/learn/recipe.h"

enum tr_importance_kind { TR_IMPORTANCE_ACTIVATION, TR_IMPORTANCE_GRADIENT };

struct tr_importance { /* more is better; owned */
    struct space_arch arch;
    double layer[SPACE_MAX_DEPTH];
    double *channel;                  /* [width] */
    double *head[SPACE_MAX_DEPTH];    /* [heads] */
    double *context[SPACE_MAX_DEPTH]; /* [heads * head_dim]: of the values of each head */
    double *neuron[SPACE_MAX_DEPTH];  /* [ffn] */
};

/* All scores 0. */
rt_status tr_importance_init(struct tr_importance *scores, const struct space_arch *arch,
                             struct rt_err *err);
void tr_importance_release(struct tr_importance *scores);

/* `count` of the train rows, drawn by seed; all of them when there are fewer. */
rt_status tr_calibration_rows(const struct tr_split *split, uint64_t seed, int count, int **rows,
                              int *n, struct rt_err *err);

/* Initialise and score. `weights` packed, and for training when by gradient. */
rt_status tr_importance_measure(struct tr_importance *scores, enum tr_importance_kind kind,
                                const struct tr_student *network, const struct tr_weights *weights,
                                const struct tr_data *data, const int *rows, int n,
                                struct rt_err *err);
/* Bytes that scoring takes for a while. */
size_t tr_importance_bytes(enum tr_importance_kind kind, const struct tr_student *network,
                           const struct tr_data *data);
#endif
