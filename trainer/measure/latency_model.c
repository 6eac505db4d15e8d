/* trainer/measure/latency_model.c -- see latency_model.h. */
#include "trainer/measure/latency_model.h"

#include <assert.h>
#include <math.h>

#include "space/stem.h"

enum { sweeps = 2000 };

enum term { CALL, LAYERS, ENDS, PROJECT, SCORES, FFN, SOFTMAX, NORMS, GELU, HEADS };
_Static_assert(HEADS + 1 == TR_LATENCY_TERMS, "a weight each");

void tr_latency_terms(const struct space_arch *arch, const struct space_shape *shape,
                      double term[TR_LATENCY_TERMS])
{
    const double d = arch->width;
    const bool one = shape->pool == SPACE_POOL_CLASS || shape->pool == SPACE_POOL_LAST;
    struct space_stem stem;
    struct space_cost cost;

    space_stem_of(arch, shape, &stem);
    space_cost_of(arch, shape, &cost);
    const double tokens = stem.tokens + stem.class_rows;
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        term[i] = 0;
    term[CALL] = 1;
    term[LAYERS] = arch->depth;
    for (int l = 0; l < arch->depth; l++) {
        const double h = arch->heads[l], a = h * arch->head_dim, f = arch->ffn[l];
        const double rows = one && l == arch->depth - 1 ? 1 : tokens; /* that go on */
        term[PROJECT] += 2 * (rows + tokens) * d * a;
        term[SCORES] += 2 * rows * tokens * a;
        term[FFN] += 2 * rows * d * f;
        term[SOFTMAX] += rows * tokens * h;
        term[NORMS] += (tokens + rows) * d;
        term[GELU] += rows * f;
        term[HEADS] += h;
    }
    term[ENDS] = fmax(0, (double)cost.macs - term[PROJECT] - term[SCORES] - term[FFN]);
}

/* Normal equations of the relative errors, each term scaled to a unit diagonal. */
static void equations(const double *term, const double *ns, int n,
                      double a[TR_LATENCY_TERMS][TR_LATENCY_TERMS], double b[TR_LATENCY_TERMS],
                      double scale[TR_LATENCY_TERMS])
{
    for (int i = 0; i < TR_LATENCY_TERMS; i++) {
        double sum = 0;
        for (int r = 0; r < n; r++)
            sum += pow(term[r * TR_LATENCY_TERMS + i] / ns[r], 2);
        scale[i] = sum > 0 ? 1 / sqrt(sum) : 0;
    }
    for (int i = 0; i < TR_LATENCY_TERMS; i++) {
        b[i] = 0;
        for (int r = 0; r < n; r++)
            b[i] += term[r * TR_LATENCY_TERMS + i] / ns[r] * scale[i];
        for (int j = 0; j < TR_LATENCY_TERMS; j++) {
            a[i][j] = 0;
            for (int r = 0; r < n; r++)
                a[i][j] += term[r * TR_LATENCY_TERMS + i] * scale[i] *
                           term[r * TR_LATENCY_TERMS + j] * scale[j] / (ns[r] * ns[r]);
        }
    }
}

void tr_latency_fit(const double *term, const double *ns, int n, struct tr_latency_model *model)
{
    double a[TR_LATENCY_TERMS][TR_LATENCY_TERMS], b[TR_LATENCY_TERMS], scale[TR_LATENCY_TERMS];
    double w[TR_LATENCY_TERMS] = {0};

    *model = (struct tr_latency_model){.count = 0};
    if (n < TR_LATENCY_LEAST)
        return;
    equations(term, ns, n, a, b, scale);
    for (int sweep = 0; sweep < sweeps; sweep++)
        for (int i = 0; i < TR_LATENCY_TERMS; i++) {
            double rest = b[i];
            for (int j = 0; j < TR_LATENCY_TERMS; j++)
                rest -= j == i ? 0 : a[i][j] * w[j];
            w[i] = a[i][i] > 0 ? fmax(0, rest / a[i][i]) : 0;
        }
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        model->weight[i] = w[i] * scale[i];
    model->count = n;
    for (int r = 0; r < n; r++)
        model->error +=
            fabs(tr_latency_predict(model, term + (ptrdiff_t)r * TR_LATENCY_TERMS) / ns[r] - 1) / n;
}

double tr_latency_predict(const struct tr_latency_model *model, const double term[TR_LATENCY_TERMS])
{
    double ns = 0;

    assert(model->count >= 0);
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        ns += model->weight[i] * term[i];
    return model->count ? ns : (double)NAN;
}
