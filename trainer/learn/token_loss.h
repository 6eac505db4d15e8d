/* trainer/learn/token_loss.h -- distill/distill.h of answers by row, of thousands of classes each: the
 * same loss and gradient, in floats by the kernels' softmax.
 *
 *   L = a CE + (1 - a) T^2 KL(p || q) + reg_weight Reg     CE, Reg at T = 1
 *
 * Knows     what students of a next token are usually given: loss fkl of the ensemble's probabilities,
 *           and l2 or l2sq towards them. Whatever else is asked for takes distill.h, which is right
 *           for any number of classes and slow for many.
 * Threads   pure functions of their arguments.
 */
#ifndef TRAINER_LEARN_TOKEN_LOSS_H
#define TRAINER_LEARN_TOKEN_LOSS_H
#include "trainer/learn/recipe.h"

/* Is it a loss that the function below knows, by live teachers or by none? */
bool tr__token_loss_knows(const struct tr_distill *distill, const struct tr_data *data);
size_t tr__token_loss_floats(int classes);
/* As tr_distill_loss(); answers have labels. row: tr__token_loss_floats(). */
void tr__token_loss(const struct tr_training *job, double progress,
                    const struct tr_answers *answers, double scale, float *row, float *grad,
                    struct tr_distill_stats *stats);
#endif
