/* trainer/env/actions.c -- bins, masses, choices, and what is done with them. */
#include "trainer/env/actions.h"

#include <assert.h>
#include <math.h>

static const double least_mass = 1e-30; /* ln of it is -69: far from what floats overflow at */

rt_status tr_actions_of(struct tr_actions *actions, const struct tr_env_info *info, int bins,
                        enum tr_grid grid, double tau, struct rt_err *err)
{
    if (info->choices) {
        *actions = (struct tr_actions){1, info->choices, true, grid, tau, NULL, NULL};
        return RT_OK;
    }
    if (bins < 2 || bins > TR_BINS_MOST)
        return rt_fail(err, RT_EARG, "bins %d: an action of %s takes 2 to %d", bins, info->name,
                       TR_BINS_MOST);
    for (int i = 0; i < info->actions; i++)
        if (!(isfinite(info->low[i]) && isfinite(info->high[i]) && info->low[i] < info->high[i]))
            return rt_fail(err, RT_EARG,
                           "%s: component %d of its actions has no limits, which bins need",
                           info->name, i);
    *actions = (struct tr_actions){info->actions, bins, false, grid, tau, info->low, info->high};
    return RT_OK;
}

static double spacing(const struct tr_actions *a, int part)
{
    return (a->high[part] - a->low[part]) / (a->grid == TR_GRID_ENDS ? a->bins - 1 : a->bins);
}

double tr_bin_centre(const struct tr_actions *a, int part, int bin)
{
    assert(bin >= 0 && bin < a->bins && part >= 0 && part < a->parts);
    if (a->choice)
        return bin;
    return a->low[part] + (a->grid == TR_GRID_ENDS ? bin : bin + .5) * spacing(a, part);
}

int tr_bin_nearest(const struct tr_actions *a, int part, double action)
{
    double place, bin;

    if (a->choice)
        place = action;
    else
        place = (action - a->low[part]) / spacing(a, part) - (a->grid == TR_GRID_ENDS ? 0 : .5);
    bin = ceil(place - .5); /* halves down */
    return bin > 0 ? (bin < a->bins - 1 ? (int)bin : a->bins - 1) : 0;
}

/* P(x < edge), x ~ N(0, 1). */
static double below(double edge)
{
    return .5 * erfc(-edge * 0.7071067811865476);
}

/* P(from < x < to): by the tails on whose side it lies, so that small masses keep their digits. */
static double between(double from, double to)
{
    return from > 0 ? below(-from) - below(-to) : below(to) - below(from);
}

void tr_bin_masses(const struct tr_actions *a, int part, double mean, double sd, bool squashed,
                   double *mass)
{
    const double span = a->high[part] - a->low[part];
    double from = -INFINITY;

    assert(!a->choice && sd > 0);
    for (int k = 0; k < a->bins; k++) {
        double to = INFINITY;
        if (k < a->bins - 1) {
            const double edge = tr_bin_centre(a, part, k) + spacing(a, part) / 2;
            to = squashed ? atanh(2 * (edge - a->low[part]) / span - 1) : edge;
            to = (to - mean) / sd;
        }
        mass[k] = between(from, to);
        from = to;
    }
}

int tr_label_size(const struct tr_actions *a, enum tr_env_labels labels)
{
    switch (labels) {
    case TR_LABELS_GAUSSIAN:
    case TR_LABELS_TANH: return 2 * a->parts;
    case TR_LABELS_LOGITS:
    case TR_LABELS_Q: return a->parts * a->bins;
    case TR_LABELS_NONE: break;
    }
    return 0;
}

/* ln sd as a sd that masses can be taken of: what is too narrow for doubles is a spike. */
static double sd_of(double log_sd)
{
    return exp(fmax(-30, fmin(30, log_sd)));
}

void tr_label_logits(const struct tr_actions *a, enum tr_env_labels labels, const double *label,
                     float *logits)
{
    double mass[TR_BINS_MOST];

    assert(labels != TR_LABELS_NONE);
    if (labels == TR_LABELS_LOGITS || labels == TR_LABELS_Q) {
        for (int i = 0; i < a->parts * a->bins; i++)
            logits[i] = (float)(labels == TR_LABELS_Q ? label[i] / a->tau : label[i]);
        return;
    }
    for (int part = 0; part < a->parts; part++) {
        tr_bin_masses(a, part, label[part], sd_of(label[a->parts + part]), labels == TR_LABELS_TANH,
                      mass);
        for (int k = 0; k < a->bins; k++)
            logits[part * a->bins + k] = (float)log(fmax(mass[k], least_mass));
    }
}

static double limit(double v, double low, double high)
{
    return v > low ? (v < high ? v : high) : low;
}

static void act_gaussian(const struct tr_actions *a, const double *label, bool squashed,
                         struct rt_rng *rng, double *action)
{
    for (int i = 0; i < a->parts; i++) {
        double x = label[i];
        if (rng)
            x += sd_of(label[a->parts + i]) * rt_rng_normal(rng);
        if (squashed)
            x = a->low[i] + (a->high[i] - a->low[i]) * (tanh(x) + 1) / 2;
        action[i] = limit(x, a->low[i], a->high[i]);
    }
}

/* One row of logits as the component of an action. z is scaled by 1/tau first. */
static double read_row(const struct tr_actions *a, int part, const double *z, enum tr_read read,
                       double draw)
{
    double p[TR_BINS_MOST], sum = 0, mean = 0;
    int best = 0;

    assert(a->bins >= 1);
    for (int k = 1; k < a->bins; k++)
        if (z[k] > z[best])
            best = k;
    if (read == TR_READ_MODE || (read == TR_READ_MEAN && a->choice))
        return tr_bin_centre(a, part, best);
    for (int k = 0; k < a->bins; k++)
        sum += p[k] = exp(z[k] - z[best]);
    if (read == TR_READ_SAMPLE) {
        int k = 0;
        for (draw *= sum; k < a->bins - 1 && draw >= p[k]; k++)
            draw -= p[k];
        return tr_bin_centre(a, part, k);
    }
    for (int k = 0; k < a->bins; k++)
        mean += p[k] / sum * tr_bin_centre(a, part, k);
    return mean;
}

void tr_label_act(const struct tr_actions *a, enum tr_env_labels labels, const double *label,
                  struct rt_rng *rng, double *action)
{
    double z[TR_BINS_MOST];

    assert(labels != TR_LABELS_NONE);
    if (labels == TR_LABELS_GAUSSIAN || labels == TR_LABELS_TANH) {
        act_gaussian(a, label, labels == TR_LABELS_TANH, rng, action);
        return;
    }
    for (int i = 0; i < a->parts; i++) {
        for (int k = 0; k < a->bins; k++)
            z[k] = label[i * a->bins + k] / (labels == TR_LABELS_Q ? a->tau : 1);
        action[i] =
            read_row(a, i, z, rng ? TR_READ_SAMPLE : TR_READ_MEAN, rng ? rt_rng_uniform(rng) : 0);
    }
}

void tr_logits_act(const struct tr_actions *a, const float *logits, enum tr_read read,
                   struct rt_rng *rng, double *action)
{
    double z[TR_BINS_MOST];

    assert(a->bins <= TR_BINS_MOST && (rng || read != TR_READ_SAMPLE));
    for (int i = 0; i < a->parts; i++) {
        for (int k = 0; k < a->bins; k++)
            z[k] = (double)logits[i * a->bins + k];
        action[i] = read_row(a, i, z, read, read == TR_READ_SAMPLE ? rt_rng_uniform(rng) : 0);
    }
}

double tr_perturb_chance(double p, int n)
{
    return 1 - pow(1 - p, 1.0 / n);
}

int tr_bin_other(int bin, int bins, double draw)
{
    int r;

    assert(bin >= 0 && bin < bins && draw >= 0 && draw < 1);
    if (bins < 2)
        return bin;
    r = (int)((bins - 1) * draw);
    return r + (r >= bin);
}

int tr_perturb_bins(int *bin, int n, int bins, double chance, const double *coin,
                    const double *draw)
{
    int changed = 0;

    for (int i = 0; i < n; i++)
        if (coin[i] < chance) {
            bin[i] = tr_bin_other(bin[i], bins, draw[i]);
            changed++;
        }
    return changed;
}

bool tr_perturb_action(const struct tr_actions *a, double p, struct rt_rng *rng, double *action)
{
    const double chance = tr_perturb_chance(p, a->parts);
    bool changed = false;

    for (int i = 0; i < a->parts; i++) {
        const double coin = rt_rng_uniform(rng), draw = rt_rng_uniform(rng);
        int bin = tr_bin_nearest(a, i, action[i]);
        if (tr_perturb_bins(&bin, 1, a->bins, chance, &coin, &draw)) {
            action[i] = tr_bin_centre(a, i, bin);
            changed = true;
        }
    }
    return changed;
}
