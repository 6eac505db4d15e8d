/* trainer/export/onnx_controller.c -- a policy's graph around its network: a step of control in, an action out.
 *
 * A graph remembers nothing, so what a policy remembers goes out as "next_memory" and comes in again as
 * "memory" (N,K,F) with the next observation: the last K - 1 steps as they were seen, and behind them a row
 * of which the last action alone is read. Where "first" is set an episode begins, and memory is not looked
 * at. A policy that sees one step, or its frame, and not what it did last, has neither.
 */
#include <assert.h>
#include <stdlib.h>

#include "trainer/export/onnx_internal.h"
#include "trainer/task/controller.h"

static const struct tr_controller *controller_of(const struct tr__graph *g)
{
    assert(g->model->input.controller);
    return g->model->input.controller;
}

static bool remembers(const struct tr_controller *c)
{
    return c->history > 1 || tr_controller_previous(c) > 0;
}

void tr__controller_declare(struct tr__graph *g, int batch)
{
    const struct tr_controller *c = controller_of(g);
    const int memory[2] = {c->history, c->features};

    if (tr_controller_frames(c))
        tr__declare(g, graph_input, g->model->input.name, is_uint8, batch, g->model->input.dims,
                    g->model->input.shape);
    else
        tr__declare(g, graph_input, g->model->input.name, is_float, batch, 1, &c->observed);
    if (remembers(c)) {
        tr__declare(g, graph_input, "memory", is_float, batch, 2, memory);
        tr__declare(g, graph_input, "first", is_bool, batch, 0, NULL);
    }
    tr__declare(g, graph_output, "action", c->actions.choice ? is_int64 : is_float, batch, 1,
                &c->actions.parts);
    if (remembers(c))
        tr__declare(g, graph_output, "next_memory", is_float, batch, 2, memory);
}

/* x to y: from .. to - 1 of an axis. */
static void slice(struct tr__graph *g, const char *x, int axis, int64_t from, int64_t to,
                  const char *y)
{
    const struct tr__name first = tr__named("%s.first", y), end = tr__named("%s.end", y);
    const struct tr__name along = tr__named("%s.axis", y);

    INTEGERS(g, first.text, from);
    INTEGERS(g, end.text, to);
    INTEGERS(g, along.text, axis);
    tr__node(g, "Slice", INPUTS(x, first.text, end.text, along.text), y, NULL);
}

/* "now" (N,1,F): the observation and the last action, zeros in the first step. */
static void see_now(struct tr__graph *g)
{
    const struct tr_controller *c = controller_of(g);

    INTEGERS(g, "observed.shape", -1, 1, c->observed);
    const char *observed = tr_controller_previous(c) ? "observed" : "now";
    tr__node(g, "Reshape", INPUTS(g->model->input.name, "observed.shape"), observed, NULL);
    if (remembers(c)) {
        INTEGERS(g, "first.shape", -1, 1, 1);
        tr__node(g, "Reshape", INPUTS("first", "first.shape"), "begins", NULL);
    }
    if (!tr_controller_previous(c))
        return;
    tr__number(g, "nothing", 0);
    slice(g, "memory", 1, c->history - 1, c->history, "memory.last");
    slice(g, "memory.last", 2, c->observed, c->features, "memory.action");
    tr__node(g, "Where", INPUTS("begins", "nothing", "memory.action"), "previous", NULL);
    tr__node(g, "Concat", INPUTS("observed", "previous"), "now", ATTRIBUTES(INT("axis", 2)));
}

void tr__controller_see(struct tr__graph *g)
{
    const struct tr_controller *c = controller_of(g);
    const char *steps = "now";

    see_now(g);
    if (c->history > 1) {
        slice(g, "memory", 1, 0, c->history - 1, "memory.steps");
        tr__node(g, "Where", INPUTS("begins", "now", "memory.steps"), "before", NULL);
        tr__node(g, "Concat", INPUTS("before", "now"), "steps", ATTRIBUTES(INT("axis", 1)));
        steps = "steps";
    }
    tr__floats(g, "feature_mean", c->mean, c->features);
    tr__floats(g, "feature_scale", c->scale, c->features);
    tr__number(g, "least", -TR_CONTROLLER_CUT);
    tr__number(g, "most", TR_CONTROLLER_CUT);
    tr__node(g, "Sub", INPUTS(steps, "feature_mean"), "centred", NULL);
    tr__node(g, "Mul", INPUTS("centred", "feature_scale"), "normalised", NULL);
    tr__node(g, "Clip", INPUTS("normalised", "least", "most"), "values", NULL);
}

/* (parts,2): what maps bins or actions, x * second + first; by `of` of each part. */
static void put_line(struct tr__graph *g, const char *first, const char *second,
                     void (*of)(const struct tr_actions *a, int part, double line[2]))
{
    const struct tr_actions *a = &controller_of(g)->actions;
    float *values = malloc(2 * (size_t)a->parts * sizeof *values);

    if (!values) {
        g->body.failed = true;
        return;
    }
    for (int i = 0; i < a->parts; i++) {
        double line[2];
        of(a, i, line);
        values[i] = (float)line[0];
        values[a->parts + i] = (float)line[1];
    }
    tr__floats(g, first, values, a->parts);
    tr__floats(g, second, values + a->parts, a->parts);
    free(values);
}

/* "bin" (N,parts): the most likely or, in floats, the mean. */
static void read_bins(struct tr__graph *g)
{
    const struct tr_controller *c = controller_of(g);
    const bool mean = c->read == TR_READ_MEAN && !c->actions.choice;

    INTEGERS(g, "bins.shape", -1, c->actions.parts, c->actions.bins);
    tr__node(g, "Reshape", INPUTS("logits", "bins.shape"), "bins", NULL);
    if (!mean) {
        tr__node(g, "ArgMax", INPUTS("bins"), c->actions.choice ? "action" : "likeliest",
                 ATTRIBUTES(INT("axis", -1), INT("keepdims", 0)));
        if (!c->actions.choice)
            tr__node(g, "Cast", INPUTS("likeliest"), "bin", ATTRIBUTES(INT("to", is_float)));
        return;
    }
    float numbers[TR_BINS_MOST];
    for (int k = 0; k < c->actions.bins; k++)
        numbers[k] = (float)k;
    tr__floats(g, "bins.numbers", numbers, c->actions.bins);
    tr__node(g, "Softmax", INPUTS("bins"), "bins.probs", ATTRIBUTES(INT("axis", -1)));
    tr__node(g, "MatMul", INPUTS("bins.probs", "bins.numbers"), "bin", NULL);
}

/* "action" as it is seen in the next step: (N,1,F-S). */
static void see_action(struct tr__graph *g)
{
    const struct tr_controller *c = controller_of(g);
    const char *scaled = "action.scaled";

    if (c->actions.choice) {
        const float off_on[2] = {0, 1};
        const int64_t choices = c->actions.bins;
        INTEGERS(g, "choices", choices);
        tr__floats(g, "off_on", off_on, 2);
        tr__node(g, "OneHot", INPUTS("action", "choices", "off_on"), "done", NULL);
        return;
    }
    put_line(g, "action.zero", "action.slope", tr_controller_scaled);
    INTEGERS(g, "done.shape", -1, 1, tr_controller_previous(c));
    tr__node(g, "Mul", INPUTS("action", "action.slope"), "action.times", NULL);
    tr__node(g, "Add", INPUTS("action.times", "action.zero"), scaled, NULL);
    tr__node(g, "Reshape", INPUTS(scaled, "done.shape"), "done", NULL);
}

static void remember(struct tr__graph *g)
{
    const struct tr_controller *c = controller_of(g);
    const char *last = "now";

    if (tr_controller_previous(c)) {
        see_action(g);
        tr__node(g, "Concat", INPUTS("observed", "done"), c->history > 1 ? "last" : "next_memory",
                 ATTRIBUTES(INT("axis", 2)));
        last = "last";
    }
    if (c->history == 1)
        return;
    slice(g, "steps", 1, 1, c->history, "steps.kept");
    tr__node(g, "Concat", INPUTS("steps.kept", last), "next_memory", ATTRIBUTES(INT("axis", 1)));
}

void tr__controller_act(struct tr__graph *g)
{
    const struct tr_controller *c = controller_of(g);

    read_bins(g);
    if (!c->actions.choice) {
        put_line(g, "bins.first", "bins.step", tr_controller_bins);
        tr__node(g, "Mul", INPUTS("bin", "bins.step"), "bin.times", NULL);
        tr__node(g, "Add", INPUTS("bin.times", "bins.first"), "action", NULL);
    }
    if (remembers(c))
        remember(g);
}
