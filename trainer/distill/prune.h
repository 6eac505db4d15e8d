/* trainer/distill/prune.h -- which parts of a teacher matter, and how to cut them out as a student.
 *
 *   activation  channel c: sqrt(sum over examples of (mean over tokens of |a_c|)^2)
 *               head: L2 norm of the scores of its channels of the context (the input of W_o)
 *   gradient    head: mean over examples of |sum over tokens and channels of a * dL/da|
 *   first order neuron: |sum w_in dw_in + b db| + |sum w_out dw_out|      (Taylor, per neuron)
 *   influence   layer: 1 - mean over tokens of cos(input, output)
 *
 * Scores come from rows in inference mode. The absolute value is taken for each example,
 * not of a batch's sum, where signs would cancel; gradients belong to one example's loss.
 * Slicing      keep the head width and drop whole heads; neurons are rows of W_in, b_in and columns
 *              of W_out; channels of the residual stream are the same set everywhere.
 * Source       Michel et al. 2019, arXiv:1905.10650 (gradient); Hou et al. 2020, "DynaBERT",
 *              arXiv:2004.04037 (first order); Muralidharan et al. 2024, "Minitron",
 *              arXiv:2407.14679 (activation, influence, merging).
 */
#ifndef TRAINER_DISTILL_PRUNE_H
#define TRAINER_DISTILL_PRUNE_H
#include <stddef.h>

/* Add a batch of activations (examples, tokens, channels) to sum (channels), which starts at 0. */
void tr_importance_add(const float *a, int examples, int tokens, int channels, double *sum);
/* Scores from the sums, in place. */
void tr_importance_scores(double *sum, int channels);
/* score (heads) from the scores of heads * head_dim channels. */
void tr_head_scores(const double *channel, int heads, int head_dim, double *score);

/* Add |sum a da| of each example and head of (examples, tokens, heads * head_dim) to sum (heads).
 * Divide by the examples. */
void tr_head_gradient_add(const float *a, const float *da, int examples, int tokens, int heads,
                          int head_dim, double *sum);
/* score (neurons) += first order; in (neurons,width), bias (neurons), out (width,neurons). */
struct tr_neurons {
    const float *in, *din, *bias, *dbias, *out, *dout;
    int neurons, width;
};
void tr_neuron_first_order_add(const struct tr_neurons *n, double *score);
/* 1 - mean cosine of rows of (tokens, width). */
double tr_layer_influence(const float *input, const float *output, int tokens, int width);

/* The indices of the `keep` best of n scores, ascending; the earlier of equals; NaN is the
 * worst. */
void tr_keep_best(const double *score, int n, int keep, int *kept);
/* out (row_count, col_count) = w at those rows and columns; w has `stride` columns. NULL: 0, 1, ..
 * Where either is below 0, out stays as it is. Returns how many values were copied. */
size_t tr_slice(const float *w, int stride, const int *rows, int row_count, const int *cols,
                int col_count, float *out);
/* Heads in order of importance, `size` values each: before the last (heads - keep) are dropped, the
 * last of the kept take up their difference: h_i += h_i - h_(2 keep - i + 1), i from 1, for i above
 * 2 keep - heads. keep at least heads / 2. */
void tr_merge_heads(float *head, int heads, int keep, int size);
#endif
