/* trainer/env/recorded.c -- arrays that are played as if they were an environment. */
#include "trainer/env/recorded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/env/env_internal.h"
#include "trainer/task/npy.h"

enum { most_choices = 256, most_actions = 256 };

struct shared {
    struct tr_matrix observations, said;
    int *ends, episodes;
    double *limits; /* low and high; NULL of choices */
    double log_sd;  /* of actions alone, in units of a component's range */
    bool actions;   /* `said` are actions */
};

struct place { /* of a copy */
    int row;
};

static rt_status check_values(const char *path, const struct tr_matrix *m, struct rt_err *err)
{
    for (size_t i = 0; i < m->rows * m->columns; i++)
        if (!isfinite(m->values[i]))
            return rt_fail(err, RT_ENAN, "'%s' is not finite in row %zu", path, i / m->columns);
    return RT_OK;
}

static rt_status read_arrays(struct shared *s, const struct tr_recorded_spec *r, struct rt_err *err)
{
    const char *said = r->actions ? r->actions : r->labels;

    RT_TRY(tr_npy_read(r->observations, &s->observations, err));
    RT_TRY(tr_npy_read(said, &s->said, err));
    RT_TRY(tr_npy_read_rows(r->ends, &s->ends, &s->episodes, err));
    RT_TRY(check_values(r->observations, &s->observations, err));
    RT_TRY(check_values(said, &s->said, err));
    if (s->observations.rows != s->said.rows)
        return rt_fail(err, RT_ESHAPE, "'%s' has %zu rows, '%s' has %zu", r->observations,
                       s->observations.rows, said, s->said.rows);
    if ((size_t)s->ends[s->episodes - 1] + 1 != s->said.rows)
        return rt_fail(err, RT_ESHAPE,
                       "'%s' ends the last episode in row %d, and '%s' has %zu rows; numbers are "
                       "those of last rows, as numpy.flatnonzero(ends)",
                       r->ends, s->ends[s->episodes - 1], said, s->said.rows);
    return RT_OK;
}

/* Of the first n columns of what was said: the least and the largest of each. */
static rt_status find_limits(struct shared *s, int n, bool squashed, struct rt_err *err)
{
    if (!(s->limits = calloc(2 * (size_t)n, sizeof *s->limits)))
        return rt_fail(err, RT_ENOMEM, "no memory for recorded trajectories");
    for (int i = 0; i < n; i++) {
        double low = squashed ? -1 : INFINITY, high = squashed ? 1 : -INFINITY;
        for (size_t row = 0; row < s->said.rows && !squashed; row++) {
            const double v = (double)s->said.values[row * s->said.columns + (size_t)i];
            low = fmin(low, v);
            high = fmax(high, v);
        }
        if (!(low < high))
            return rt_fail(err, RT_ESHAPE, "component %d of the recorded actions never changes", i);
        s->limits[i] = low;
        s->limits[n + i] = high;
    }
    return RT_OK;
}

static rt_status take_actions(struct tr_env *env, const struct tr_recorded_spec *r,
                              struct rt_err *err)
{
    struct tr_env_info *info = &env->info;
    struct shared *s = env->shared;
    const int columns = (int)s->said.columns;
    const enum tr_env_labels says = s->actions ? TR_LABELS_GAUSSIAN : (enum tr_env_labels)r->says;

    info->labels = says;
    if (says == TR_LABELS_LOGITS || says == TR_LABELS_Q) {
        info->actions = 1;
        info->choices = info->label = columns;
        return columns >= 2 && columns <= most_choices
                   ? RT_OK
                   : rt_fail(err, RT_ESHAPE, "'%s' has %d columns, 2 to %d choices are possible",
                             r->labels, columns, most_choices);
    }
    info->actions = s->actions ? columns : columns / 2;
    info->label = 2 * info->actions;
    if (info->actions < 1 || info->actions > most_actions || (!s->actions && columns % 2))
        return rt_fail(
            err, RT_ESHAPE,
            "'%s' has %d columns; a Gaussian has a mean and an ln deviation for each of 1 "
            "to %d components",
            s->actions ? r->actions : r->labels, columns, most_actions);
    RT_TRY(find_limits(s, info->actions, says == TR_LABELS_TANH, err));
    info->low = s->limits;
    info->high = s->limits + info->actions;
    s->log_sd = log(.5 / (r->bins > 1 ? r->bins - 1 : 1));
    return RT_OK;
}

static rt_status hash_arrays(const struct shared *s, char text[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory for recorded trajectories");
    rt_hash_add(hash, s->observations.values,
                s->observations.rows * s->observations.columns * sizeof(float));
    rt_hash_add(hash, s->said.values, s->said.rows * s->said.columns * sizeof(float));
    rt_hash_add(hash, s->ends, (size_t)s->episodes * sizeof *s->ends);
    rt_hash_add(hash, &s->log_sd, sizeof s->log_sd);
    rt_hash_close(hash, text);
    return RT_OK;
}

static rt_status recorded_open(struct tr_env *env, const struct tr_env_spec *spec,
                               struct rt_err *err)
{
    const struct tr_recorded_spec *r = spec->recorded;
    struct tr_env_info *info = &env->info;
    struct shared *s = calloc(1, sizeof *s);

    if (!s)
        return rt_fail(err, RT_ENOMEM, "no memory for recorded trajectories");
    env->shared = s;
    if (!r->observations || !r->ends || (!r->actions) == (!r->labels))
        return rt_fail(
            err, RT_EARG,
            "recorded trajectories are `observations`, `ends`, and `actions` or `labels`");
    s->actions = r->actions;
    RT_TRY(read_arrays(s, r, err));
    (void)snprintf(info->name, sizeof info->name, "recorded");
    info->observation = (int)s->observations.columns;
    for (int e = 0; e < s->episodes; e++) {
        const int length = s->ends[e] - (e ? s->ends[e - 1] : -1);
        info->horizon = length > info->horizon ? length : info->horizon;
    }
    RT_TRY(take_actions(env, r, err));
    return hash_arrays(s, info->hash, err);
}

static void recorded_close(struct tr_env *env)
{
    struct shared *s = env->shared;

    if (!s)
        return;
    tr_matrix_release(&s->observations);
    tr_matrix_release(&s->said);
    free(s->ends);
    free(s->limits);
    free(s);
}

static size_t recorded_bytes(const struct tr_env *env, int count)
{
    (void)env;
    return (size_t)count * sizeof(struct place);
}

static rt_status recorded_batch_open(struct tr_env_batch *batch, struct rt_err *err)
{
    batch->state = calloc((size_t)batch->count, sizeof(struct place));
    return batch->state ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for recorded trajectories");
}

static void recorded_batch_close(struct tr_env_batch *batch)
{
    free(batch->state);
}

/* The row where copy i is, into its arrays. */
static void show(struct tr_env_batch *batch, int i)
{
    const struct shared *s = batch->env->shared;
    const struct tr_env_info *info = &batch->env->info;
    const size_t row = (size_t)((struct place *)batch->state)[i].row;
    double *o = batch->observation + (ptrdiff_t)i * info->observation;
    double *label = batch->label + (ptrdiff_t)i * info->label;

    for (int k = 0; k < info->observation; k++)
        o[k] = (double)s->observations.values[row * s->observations.columns + (size_t)k];
    for (int k = 0; k < (int)s->said.columns; k++)
        label[k] = (double)s->said.values[row * s->said.columns + (size_t)k];
    for (int k = 0; k < info->actions && s->actions; k++)
        label[info->actions + k] = s->log_sd + log(info->high[k] - info->low[k]);
}

static rt_status recorded_reset(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                                struct rt_err *err)
{
    const struct shared *s = batch->env->shared;

    (void)err;
    for (int i = 0; i < batch->count; i++)
        if (which[i]) {
            const int episode = (int)(seed[i] % (uint64_t)s->episodes);
            ((struct place *)batch->state)[i].row = episode ? s->ends[episode - 1] + 1 : 0;
            show(batch, i);
        }
    return RT_OK;
}

/* What an action is worth where copy i is, by the label there. */
static double worth(const struct tr_env_batch *batch, int i)
{
    const struct tr_env_info *info = &batch->env->info;
    const double *label = batch->label + (ptrdiff_t)i * info->label;
    const double *action = batch->action + (ptrdiff_t)i * info->actions;
    double sum = 0;
    int best = 0;

    for (int k = 1; k < info->choices; k++)
        if (label[k] > label[best])
            best = k;
    if (info->choices)
        return (int)action[0] == best;
    for (int k = 0; k < info->actions; k++) {
        const double mean = info->labels == TR_LABELS_TANH ? tanh(label[k]) : label[k];
        const double d = (action[k] - mean) / (info->high[k] - info->low[k]);
        sum += d * d / info->actions;
    }
    return -sum;
}

static rt_status recorded_step(struct tr_env_batch *batch, const bool *live, bool labels,
                               struct rt_err *err)
{
    const struct shared *s = batch->env->shared;

    (void)labels; /* always there: the next step's worth is by them */
    (void)err;
    for (int i = 0; i < batch->count; i++) {
        struct place *place = (struct place *)batch->state + i;
        int e = 0;
        if (!live[i])
            continue;
        batch->reward[i] = worth(batch, i);
        for (int high = s->episodes - 1; e < high;) { /* the first end at or behind the row */
            const int middle = (e + high) / 2;
            if (s->ends[middle] < place->row)
                e = middle + 1;
            else
                high = middle;
        }
        if (place->row == s->ends[e]) {
            batch->flags[i] = TR_ENV_TERMINATED;
            continue;
        }
        place->row++;
        show(batch, i);
    }
    return RT_OK;
}

const struct tr_env_kind tr__env_recorded = {
    .open = recorded_open,
    .close = recorded_close,
    .bytes = recorded_bytes,
    .batch_open = recorded_batch_open,
    .batch_close = recorded_batch_close,
    .reset = recorded_reset,
    .step = recorded_step,
};
