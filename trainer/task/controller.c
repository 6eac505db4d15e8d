/* trainer/task/controller.c -- notes to numbers, and one step of a policy. */
#include "trainer/task/controller.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/task.h"

/* ---- notes ---- */

static rt_status lacks(const struct tr_notes *notes, const char *key, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT,
                   "'%.200s' has no sound '%s' among its metadata; write it anew with 'retort "
                   "distill'",
                   notes->file, key);
}

static rt_status whole(const struct tr_notes *notes, const char *key, int most, int *value,
                       struct rt_err *err)
{
    const char *text = notes->note(notes->from, key);
    char *end = NULL;
    const long number = text ? strtol(text, &end, 10) : 0;

    if (!text || end == text || *end || number < 1 || number > most)
        return lacks(notes, key, err);
    *value = (int)number;
    return RT_OK;
}

/* Exactly n finite numbers with blanks between them. */
static rt_status list(const struct tr_notes *notes, const char *key, int n, double *value,
                      struct rt_err *err)
{
    const char *text = notes->note(notes->from, key);

    for (int i = 0; text && i < n; i++) {
        char *end = NULL;
        value[i] = strtod(text, &end);
        text = end == text || !isfinite(value[i]) || fabs(value[i]) > 1e30 ? NULL : end;
    }
    return text && *text == '\0' ? RT_OK : lacks(notes, key, err);
}

/* Which of these words, ended by NULL. */
static rt_status word(const struct tr_notes *notes, const char *key, const char *const *words,
                      int *which, struct rt_err *err)
{
    const char *text = notes->note(notes->from, key);

    for (*which = 0; text && words[*which]; ++*which)
        if (strcmp(text, words[*which]) == 0)
            return RT_OK;
    return lacks(notes, key, err);
}

static rt_status recall_actions(const struct tr_notes *notes, struct tr_controller *c,
                                double *limits, struct rt_err *err)
{
    struct tr_actions *a = &c->actions;
    int grid = 0;

    if (a->choice)
        return RT_OK;
    RT_TRY(word(notes, "grid", (const char *const[]){"ends", "inner", NULL}, &grid, err));
    RT_TRY(list(notes, "action_low", a->parts, limits, err));
    RT_TRY(list(notes, "action_high", a->parts, limits + a->parts, err));
    for (int i = 0; i < a->parts; i++)
        if (!(limits[i] < limits[a->parts + i]))
            return lacks(notes, "action_high", err);
    a->grid = grid ? TR_GRID_INNER : TR_GRID_ENDS;
    a->low = limits;
    a->high = limits + a->parts;
    return RT_OK;
}

/* Into memory behind *c: mean, scale, then, as doubles, what lists are read into and kept. */
static rt_status recall_lists(const struct tr_notes *notes, struct tr_controller *c, double *limits,
                              double *spare, struct rt_err *err)
{
    for (int which = 0; which < 2 && c->features; which++) {
        float *to = which ? c->scale : c->mean;
        RT_TRY(list(notes, which ? "feature_scale" : "feature_mean", c->features, spare, err));
        for (int i = 0; i < c->features; i++)
            if ((to[i] = (float)spare[i]) < 1e-30F && which)
                return lacks(notes, "feature_scale", err);
    }
    return recall_actions(notes, c, limits, err);
}

static rt_status recall_sizes(const struct tr_notes *notes, const struct space_shape *shape,
                              struct tr_controller *c, struct rt_err *err)
{
    static const char *const yes_no[] = {"no", "yes", NULL};
    static const char *const reads[] = {"mean", "mode", "sample", NULL};
    const bool frames = notes->note(notes->from, "pixel_mean");
    int previous = 0, read, parts;

    if (!frames) {
        RT_TRY(whole(notes, "features", 1 << 20, &c->features, err));
        RT_TRY(word(notes, "previous_action", yes_no, &previous, err));
    }
    RT_TRY(whole(notes, "parts", shape->classes, &parts, err));
    RT_TRY(word(notes, "read", reads, &read, err));
    if ((!frames && c->features != notes->features) || shape->classes % parts ||
        shape->classes / parts < 2 || shape->classes / parts > TR_BINS_MOST)
        return lacks(notes, "parts", err);
    const int class_rows = shape->pool == SPACE_POOL_CLASS; /* no step's */
    if (shape->pool == SPACE_POOL_NONE || (!frames && notes->tokens <= class_rows))
        return lacks(notes, "pool", err);
    c->history = frames ? 0 : notes->tokens - class_rows;
    c->read = read == TR_READ_MODE ? TR_READ_MODE : TR_READ_MEAN;
    c->actions = (struct tr_actions){.parts = parts,
                                     .bins = shape->classes / parts,
                                     .choice = !notes->note(notes->from, "grid"),
                                     .tau = 1};
    c->observed = c->features - (!previous           ? 0
                                 : c->actions.choice ? c->actions.bins
                                                     : c->actions.parts);
    return !frames && c->observed < 1 ? lacks(notes, "previous_action", err) : RT_OK;
}

rt_status tr_controller_recall(const struct tr_notes *notes, struct space_shape *shape,
                               struct tr_controller **controller, struct rt_err *err)
{
    struct tr_controller sizes = {0}, *c;

    RT_TRY(recall_sizes(notes, shape, &sizes, err));
    const size_t f = (size_t)sizes.features, parts = (size_t)sizes.actions.parts;
    double *spare = calloc(f + 1, sizeof *spare);
    c = calloc(1, sizeof *c + 2 * parts * sizeof(double) + 2 * f * sizeof(float));
    if (!c || !spare) {
        free(c);
        free(spare);
        return rt_fail(err, RT_ENOMEM, "no memory for what '%.200s' acts by", notes->file);
    }
    *c = sizes;
    double *limits = (double *)(c + 1);
    c->mean = (float *)(limits + 2 * parts);
    c->scale = c->mean + f;
    const rt_status rc = recall_lists(notes, c, limits, spare, err);
    free(spare);
    if (rc != RT_OK) {
        free(c);
        return rc;
    }
    shape->features = c->features;
    shape->parts = c->actions.parts;
    shape->classes = c->actions.bins;
    *controller = c;
    return RT_OK;
}

void tr_controller_free(struct tr_controller *controller)
{
    free(controller);
}

/* ---- a step ---- */

static void see_action(const struct tr_controller *c, const double *action, float *to)
{
    const struct tr_actions *a = &c->actions;

    for (int i = 0; i < tr_controller_previous(c); i++)
        if (!action)
            to[i] = 0;
        else if (a->choice)
            to[i] = (int)action[0] == i ? 1 : 0;
        else
            to[i] = (float)(2 * (action[i] - a->low[i]) / (a->high[i] - a->low[i]) - 1);
}

void tr_controller_see(const struct tr_controller *c, const float *observed, const double *action,
                       float *input)
{
    const size_t f = (size_t)c->features, before = (size_t)(c->history - 1) * f;
    float *now = input + before;

    assert(c->history >= 1 && c->observed >= 1);
    memmove(input, input + f, before * sizeof *input);
    memcpy(now, observed, (size_t)c->observed * sizeof *now);
    see_action(c, action, now + c->observed);
    for (size_t i = 0; i < f; i++) {
        const float x = (now[i] - c->mean[i]) * c->scale[i];
        now[i] = x > TR_CONTROLLER_CUT    ? TR_CONTROLLER_CUT
                 : x < -TR_CONTROLLER_CUT ? -TR_CONTROLLER_CUT
                                          : x;
    }
    for (int k = 0; !action && k < c->history - 1; k++)
        memcpy(input + (size_t)k * f, now, f * sizeof *now);
}

void tr_controller_bins(const struct tr_actions *a, int part, double line[2])
{
    line[0] = tr_bin_centre(a, part, 0);
    line[1] = tr_bin_centre(a, part, 1) - line[0];
}

void tr_controller_scaled(const struct tr_actions *a, int part, double line[2])
{
    line[1] = 2 / (a->high[part] - a->low[part]);
    line[0] = -a->low[part] * line[1] - 1;
}

void tr_controller_act(const struct tr_controller *c, const float *logits, double *action)
{
    assert(c->read != TR_READ_SAMPLE);
    tr_logits_act(&c->actions, logits, c->read, NULL, action);
}
