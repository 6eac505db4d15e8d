/* trainer/measure/latency_model.c -- see latency_model.h. */
#include "trainer/measure/latency_model.h"

#include <assert.h>
#include <math.h>

#include "space/stem.h"

enum { sweeps = 2000 };

enum term { CALL, ROWS, ENDS, PROJECT, SCORES, FFN, SOFTMAX, CHAIN, GELU, HEADS };
_Static_assert(HEADS + 1 == TR_LATENCY_TERMS, "a weight each");

static double up_to(double x, double whole)
{
    return ceil(x / whole) * whole;
}

void tr_latency_terms(const struct space_arch *arch, const struct space_shape *shape, int lanes,
                      double term[TR_LATENCY_TERMS])
{
    const double d = arch->width, wide = up_to(d, lanes);
    const bool one = shape->pool == SPACE_POOL_CLASS || shape->pool == SPACE_POOL_LAST;
    struct space_stem stem;
    struct space_cost cost;

    assert(lanes >= 1);
    space_stem_of(arch, shape, &stem);
    space_cost_of(arch, shape, &cost);
    const double tokens = stem.tokens + stem.class_rows, paired = tokens > 1 ? up_to(tokens, 2) : 1;
    double head = (double)cost.macs; /* less all else */
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        term[i] = 0;
    term[CALL] = 1;
    for (int l = 0; l < arch->depth; l++) {
        const double h = arch->heads[l], a = h * arch->head_dim, f = arch->ffn[l];
        const bool single = tokens == 1 || (one && l == arch->depth - 1);
        const double rows = single ? 1 : tokens, pairs = single ? 1 : paired; /* that go on */
        term[ROWS] += tokens + rows;
        term[PROJECT] += (2 * paired + pairs) * up_to(a, lanes) * d + pairs * a * wide;
        term[SCORES] +=
            pairs * (up_to(tokens, lanes) * a + tokens * h * up_to(arch->head_dim, lanes));
        term[FFN] += pairs * (d * up_to(f, lanes) + f * wide);
        term[SOFTMAX] += rows * up_to(tokens, lanes) * h;
        term[CHAIN] += single ? 2 * d + a + f : 0;
        term[GELU] += rows * up_to(f, lanes);
        term[HEADS] += h;
        head -= 2 * ((rows + tokens) * d * a + rows * tokens * a + rows * d * f);
    }
    if (stem.projected) {
        term[ENDS] = paired * wide * stem.features;
        head -= (double)stem.tokens * d * stem.features;
    }
    const double outputs = space_outputs(shape);
    term[ENDS] += fmax(0, head) * up_to(outputs, lanes) / outputs;
}

struct equations { /* normal ones, of the relative errors */
    double a[TR_LATENCY_TERMS][TR_LATENCY_TERMS], b[TR_LATENCY_TERMS];
};

static void sum_up(const struct space_arch *arch, const struct space_shape *shape, const double *ns,
                   int n, int lanes, struct equations *e)
{
    *e = (struct equations){.b = {0}};
    for (int r = 0; r < n; r++) {
        double term[TR_LATENCY_TERMS];
        if (isnan(ns[r]))
            continue;
        tr_latency_terms(&arch[r], shape, lanes, term);
        for (int i = 0; i < TR_LATENCY_TERMS; i++) {
            e->b[i] += term[i] / ns[r];
            for (int j = 0; j < TR_LATENCY_TERMS; j++)
                e->a[i][j] += term[i] * term[j] / (ns[r] * ns[r]);
        }
    }
}

/* Each weight in turn, the others as they are; none below 0. */
static void solve(const struct equations *e, double weight[TR_LATENCY_TERMS])
{
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        weight[i] = 0;
    for (int sweep = 0; sweep < sweeps; sweep++)
        for (int i = 0; i < TR_LATENCY_TERMS; i++) {
            double rest = e->b[i];
            for (int j = 0; j < TR_LATENCY_TERMS; j++)
                rest -= j == i ? 0 : e->a[i][j] * weight[j];
            weight[i] = e->a[i][i] > 0 ? fmax(0, rest / e->a[i][i]) : 0;
        }
}

void tr_latency_fit(const struct space_arch *arch, const struct space_shape *shape,
                    const double *ns, int n, struct tr_latency_model *model)
{
    static const int lanes[] = {16, 8, 4, 1};
    int count = 0;

    *model = (struct tr_latency_model){.count = 0};
    for (int r = 0; r < n; r++)
        count += !isnan(ns[r]);
    if (count < TR_LATENCY_LEAST)
        return;
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        struct tr_latency_model tried = {.lanes = lanes[i], .count = count};
        struct equations e;
        sum_up(arch, shape, ns, n, lanes[i], &e);
        solve(&e, tried.weight);
        for (int r = 0; r < n; r++)
            if (!isnan(ns[r]))
                tried.error +=
                    fabs(tr_latency_predict(&tried, &arch[r], shape) / ns[r] - 1) / count;
        if (model->count == 0 || tried.error < model->error)
            *model = tried;
    }
}

double tr_latency_predict(const struct tr_latency_model *model, const struct space_arch *arch,
                          const struct space_shape *shape)
{
    double term[TR_LATENCY_TERMS], ns = 0;

    assert(model->count >= 0);
    if (!model->count)
        return NAN;
    tr_latency_terms(arch, shape, model->lanes, term);
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        ns += model->weight[i] * term[i];
    return ns;
}
