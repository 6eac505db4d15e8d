/* trainer/distill/prune.c -- see prune.h. */
#include "trainer/distill/prune.h"

#include <assert.h>
#include <math.h>

void tr_importance_add(const float *a, int examples, int tokens, int channels, double *sum)
{
    for (ptrdiff_t b = 0; b < examples; b++)
        for (int c = 0; c < channels; c++) {
            double mean = 0;
            for (ptrdiff_t t = 0; t < tokens; t++)
                mean += fabs((double)a[(b * tokens + t) * channels + c]) / tokens;
            sum[c] += mean * mean;
        }
}

void tr_importance_scores(double *sum, int channels)
{
    for (int c = 0; c < channels; c++)
        sum[c] = sqrt(sum[c]);
}

void tr_head_scores(const double *channel, int heads, int head_dim, double *score)
{
    for (ptrdiff_t h = 0; h < heads; h++) {
        double sq = 0;
        for (int k = 0; k < head_dim; k++)
            sq += channel[h * head_dim + k] * channel[h * head_dim + k];
        score[h] = sqrt(sq);
    }
}

void tr_head_gradient_add(const float *a, const float *da, int examples, int tokens, int heads,
                          int head_dim, double *sum)
{
    const ptrdiff_t width = (ptrdiff_t)heads * head_dim;

    for (ptrdiff_t b = 0; b < examples; b++)
        for (ptrdiff_t h = 0; h < heads; h++) {
            double along = 0;
            for (ptrdiff_t t = 0; t < tokens; t++) {
                const ptrdiff_t at = (b * tokens + t) * width + h * head_dim;
                for (int k = 0; k < head_dim; k++)
                    along += (double)a[at + k] * (double)da[at + k];
            }
            sum[h] += fabs(along);
        }
}

void tr_neuron_first_order_add(const struct tr_neurons *n, double *score)
{
    for (ptrdiff_t j = 0; j < n->neurons; j++) {
        double in = (double)n->bias[j] * (double)n->dbias[j], out = 0;
        for (ptrdiff_t k = 0; k < n->width; k++) {
            in += (double)n->in[j * n->width + k] * (double)n->din[j * n->width + k];
            out += (double)n->out[k * n->neurons + j] * (double)n->dout[k * n->neurons + j];
        }
        score[j] += fabs(in) + fabs(out);
    }
}

double tr_layer_influence(const float *input, const float *output, int tokens, int width)
{
    double sum = 0;

    assert(tokens >= 1);
    for (ptrdiff_t t = 0; t < tokens; t++) {
        double aa = 0, bb = 0, ab = 0;
        for (int k = 0; k < width; k++) {
            const double a = (double)input[t * width + k], b = (double)output[t * width + k];
            aa += a * a;
            bb += b * b;
            ab += a * b;
        }
        sum += aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    }
    return 1 - sum / tokens;
}

/* An order for all of them: what is not a number comes last. */
static double worth(double score)
{
    return isnan(score) ? -INFINITY : score;
}

void tr_keep_best(const double *score, int n, int keep, int *kept)
{
    int count = 0;

    assert(keep >= 0 && keep <= n);
    for (int i = 0; i < n; i++) {
        const double mine = worth(score[i]);
        int better = 0; /* how many come before i */
        for (int j = 0; j < n; j++)
            better += worth(score[j]) > mine || (worth(score[j]) == mine && j < i);
        if (better < keep)
            kept[count++] = i;
    }
}

size_t tr_slice(const float *w, int stride, const int *rows, int row_count, const int *cols,
                int col_count, float *out)
{
    size_t copied = 0;

    for (ptrdiff_t r = 0; r < row_count; r++) {
        const ptrdiff_t row = rows ? rows[r] : r;
        for (int c = 0; c < col_count && row >= 0; c++) {
            const int col = cols ? cols[c] : c;
            if (col < 0)
                continue;
            assert(col < stride); /* within its row */
            out[r * col_count + c] = w[row * stride + col];
            copied++;
        }
    }
    return copied;
}

void tr_merge_heads(float *head, int heads, int keep, int size)
{
    assert(keep <= heads && 2 * keep >= heads);
    for (ptrdiff_t i = 2 * keep - heads; i < keep; i++) { /* from 0: partner 2 keep - 1 - i */
        float *kept = head + i * size;
        const float *dropped = head + (2 * keep - 1 - i) * size;
        for (int k = 0; k < size; k++)
            kept[k] += kept[k] - dropped[k];
    }
}
