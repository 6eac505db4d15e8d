/* trainer/distill/layer_loss.c -- hidden states and layer maps; the rest is in relation_loss.c. */
#include "trainer/distill/layer_loss.h"

#include <math.h>

void tr_project(const double *hidden, const double *weight, const double *bias, int rows, int ds,
                int dt, double *out)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < dt; j++) {
            double sum = bias[j];
            for (int k = 0; k < ds; k++)
                sum += hidden[i * ds + k] * weight[j * ds + k];
            out[i * dt + j] = sum;
        }
}

void tr_project_backward(const double *hidden, const double *weight, const double *dout, int rows,
                         int ds, int dt, double *dhidden, double *dweight, double *dbias)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (int k = 0; k < ds; k++)
            dhidden[i * ds + k] = 0;
        for (ptrdiff_t j = 0; j < dt; j++) {
            const double e = dout[i * dt + j];
            dbias[j] += e;
            for (int k = 0; k < ds; k++) {
                dhidden[i * ds + k] += e * weight[j * ds + k];
                dweight[j * ds + k] += e * hidden[i * ds + k];
            }
        }
    }
}

static int count_valid(const unsigned char *valid, int rows)
{
    int count = 0;

    for (int i = 0; i < rows; i++)
        count += !valid || valid[i];
    return count;
}

double tr_hidden_mse(const double *y, const double *teacher, const unsigned char *valid, int rows,
                     int width, double *dy)
{
    const double n = (double)count_valid(valid, rows) * width;
    double loss = 0;

    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t at = i * width; at < (i + 1) * width; at++) {
            const double gap = !valid || valid[i] ? y[at] - teacher[at] : 0;
            dy[at] = n > 0 ? 2 * gap / n : 0;
            loss += n > 0 ? gap * gap / n : 0;
        }
    return loss;
}

/* 1 - cos(a, b) of one row, gradient by a times scale; a row of zeros has cosine 0. */
static double cosine_row(const double *a, const double *b, int width, double scale, double *da)
{
    double aa = 0, bb = 0, ab = 0;

    for (int k = 0; k < width; k++) {
        aa += a[k] * a[k];
        bb += b[k] * b[k];
        ab += a[k] * b[k];
    }
    const double norms = sqrt(aa * bb), cosine = norms > 0 ? ab / norms : 0;
    for (int k = 0; k < width; k++)
        da[k] = norms > 0 ? scale * (cosine * a[k] / aa - b[k] / norms) : 0;
    return 1 - cosine;
}

double tr_hidden_cosine(const double *y, const double *teacher, const unsigned char *valid,
                        int rows, int width, double *dy)
{
    const int n = count_valid(valid, rows);
    double loss = 0;

    for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t at = i * width;
        if (!valid || valid[i])
            loss += cosine_row(y + at, teacher + at, width, 1.0 / n, dy + at) / n;
        else
            for (int k = 0; k < width; k++)
                dy[at + k] = 0;
    }
    return loss;
}

void tr_layer_map(enum tr_layer_map kind, int student, int teacher, struct rt_rng *rng, int *map)
{
    for (int m = 1; m <= student; m++) {
        const int low = (m - 1) * teacher / student, high = m * teacher / student;
        int layer = m; /* first */
        switch (kind) {
        case TR_LAYERS_UNIFORM: layer = (2 * m * teacher + student) / (2 * student); break;
        case TR_LAYERS_LAST: layer = m + teacher - student; break;
        case TR_LAYERS_KEPT: layer = low + 1; break;
        case TR_LAYERS_RANDOM:
            layer = low + 1 + (int)rt_rng_below(rng, (uint64_t)(high - low));
            break;
        case TR_LAYERS_FIRST: break;
        }
        map[m - 1] = layer;
    }
}

double tr_layer_balance(double logits_loss, double layer_loss)
{
    return layer_loss > 0 ? logits_loss / layer_loss : 1;
}
