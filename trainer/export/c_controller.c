/* trainer/export/c_controller.c -- a policy in C around its network: it remembers what it saw and did, so
 * a call takes an observation and gives an action. One of frames remembers nothing and is an image's
 * student but for what it says.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "trainer/export/c_source_internal.h"
#include "trainer/task/controller.h"

static const struct tr_controller *controller_of(const struct tr__source *s)
{
    assert(s->model->input.controller);
    return s->model->input.controller;
}

static int logits_of(const struct tr_controller *c)
{
    return c->actions.parts * c->actions.bins;
}

/* ---- constants ---- */

/* first + second * x of each component, by `of`. */
static void put_lines(struct tr__source *s, const char *first, const char *second,
                      void (*of)(const struct tr_actions *a, int part, double line[2]))
{
    const struct tr_actions *a = &controller_of(s)->actions;

    for (int which = 0; which < 2; which++) {
        tr__array_begin(s, "float", which ? second : first, a->parts, 4);
        for (int i = 0; i < a->parts; i++) {
            double line[2];
            of(a, i, line);
            tr__put_float(s, i, (float)line[which]);
        }
        tr__array_end(s);
    }
}

void tr__c_controller_constants(struct tr__source *s)
{
    const struct tr_controller *c = controller_of(s);
    const struct tr_actions *a = &c->actions;

    fprintf(s->out, "#define ACTIONS %d\n#define BINS %d\n", a->parts, a->bins);
    if (s->steps) {
        fprintf(s->out,
                "#define OBSERVED %d\n#define FEATURES %d\n#define STEPS %d\n"
                "#define CUT %.1ff\n\n",
                c->observed, c->features, c->history, (double)TR_CONTROLLER_CUT);
        tr__put_floats(s, "feature_mean", c->mean, c->features);
        tr__put_floats(s, "feature_scale", c->scale, c->features);
    }
    if (!a->choice)
        put_lines(s, "action_first", "action_step", tr_controller_bins);
    if (!a->choice && tr_controller_previous(c))
        put_lines(s, "scaled_zero", "scaled_slope", tr_controller_scaled);
}

/* ---- memory ---- */

void tr__c_controller_memory(const struct tr__source *s, FILE *out)
{
    const struct tr_controller *c = controller_of(s);

    fprintf(out,
            "    int running;      /* 0: the next step is the first of an episode */\n"
            "    float seen[%d];  /* the last steps, normalised, the oldest first */\n"
            "    float logits[%d]; /* of the last step: (actions,bins) */\n",
            c->history * c->features, logits_of(c));
    if (tr_controller_previous(c))
        fprintf(out, "    float previous[%d]; /* the last action as it is seen */\n",
                tr_controller_previous(c));
}

int64_t tr__c_controller_bytes(const struct tr__source *s)
{
    const struct tr_controller *c = controller_of(s);

    return 4 * (1 + (int64_t)c->history * c->features + logits_of(c) + tr_controller_previous(c));
}

/* ---- functions ---- */

static const char see[] =
    "/* seen (STEPS,FEATURES) moves on by one step. */\n"
    "static void see(const float *observation, const float *previous, int begins, float *seen)\n"
    "{\n"
    "    float *now = seen + (STEPS - 1) * FEATURES;\n"
    "    int i;\n"
    "    for (i = 0; !begins && i < (STEPS - 1) * FEATURES; i++)\n"
    "        seen[i] = seen[i + FEATURES];\n"
    "    for (i = 0; i < FEATURES; i++) {\n"
    "        float x = i < OBSERVED ? observation[i] : begins ? 0 : previous[i - OBSERVED];\n"
    "        x = (x - feature_mean[i]) * feature_scale[i];\n"
    "        now[i] = x > CUT ? CUT : x < -CUT ? -CUT : x;\n"
    "    }\n"
    "    for (i = 0; begins && i < (STEPS - 1) * FEATURES; i++)\n"
    "        seen[i] = now[i % FEATURES];\n"
    "}\n\n";

static void put_act(struct tr__source *s)
{
    const struct tr_controller *c = controller_of(s);
    const bool choice = c->actions.choice, mean = c->read == TR_READ_MEAN && !choice;
    const bool previous = tr_controller_previous(c) > 0;

    fprintf(s->out,
            "static void act(const float *logits, float *action%s)\n{\n"
            "    int a, k, best;\n"
            "    for (a = 0; a < ACTIONS; a++, logits += BINS) {\n"
            "%s        best = 0;\n"
            "        for (k = 1; k < BINS; k++)\n"
            "            best = logits[k] > logits[best] ? k : best;\n",
            previous ? ", float *previous" : "",
            mean ? "        float sum = 0, bin = 0, p;\n" : "");
    if (mean)
        fputs("        for (k = 0; k < BINS; k++) {\n"
              "            p = expf(logits[k] - logits[best]);\n"
              "            sum += p;\n"
              "            bin += p * (float)k;\n"
              "        }\n"
              "        action[a] = action_first[a] + bin / sum * action_step[a];\n",
              s->out);
    else
        fputs(choice ? "        action[a] = (float)best;\n"
                     : "        action[a] = action_first[a] + (float)best * action_step[a];\n",
              s->out);
    if (previous)
        fputs(choice ? "        for (k = 0; k < BINS; k++)\n"
                       "            previous[k] = k == best ? 1 : 0;\n"
                     : "        previous[a] = scaled_zero[a] + action[a] * scaled_slope[a];\n",
              s->out);
    fputs("    }\n}\n\n", s->out);
}

/* A class token is a row of zeros in front, with its position. */
static void put_stem(struct tr__source *s)
{
    const int first = s->stem->class_rows;
    char y[48];

    fprintf(s->out,
            "/* Rows of what was seen, one a step, to the residual stream. */\n"
            "static void stem(struct %s_memory *m)\n{\n"
            "    int i, t;\n%s"
            "    for (t = 0; t < STEPS; t++) {\n",
            s->options->name,
            first ? "    for (i = 0; i < WIDTH; i++)\n        m->stream[i] = 0;\n" : "");
    (void)snprintf(y, sizeof y, "m->stream + (t + %d) * WIDTH", first);
    tr__put_call(s, "        ", "stem", &s->model->student->plan->stem, "m->seen + t * FEATURES",
                 false, y);
    fputs("    }\n"
          "    for (i = 0; i < TOKENS * WIDTH; i++)\n"
          "        m->stream[i] += position[i];\n"
          "}\n\n",
          s->out);
}

void tr__c_controller_functions(struct tr__source *s)
{
    if (s->frames) {
        put_act(s);
        return;
    }
    fputs(see, s->out);
    put_act(s);
    put_stem(s);
}

/* ---- what is called from elsewhere ---- */

/* Up to its parameters' end. */
static void put_prototype(const struct tr__source *s, FILE *out)
{
    fprintf(out, "void %s_run(%s%sconst float *observation, float *action)", s->options->name,
            s->options->reentrant ? s->parameter : "", s->options->reentrant ? ", " : "");
}

void tr__c_controller_declare(const struct tr__source *s, FILE *out)
{
    fprintf(out,
            "/* One step of control: observation (%s_OBSERVED) to action (%s_ACTIONS)%s. It\n"
            " * remembers the steps before. Cannot fail. %s. */\n",
            s->upper, s->upper,
            controller_of(s)->actions.choice ? ", the number of the choice" : "",
            s->options->reentrant ? "Threads: one memory each" : "One call at a time");
    put_prototype(s, out);
    fprintf(
        out,
        ";\n/* The next step is the first of an episode, as it is when memory is all zeros. */\n"
        "void %s_reset(%s);\n",
        s->options->name, s->parameter);
}

void tr__c_controller_sizes(const struct tr__source *s, FILE *out)
{
    const struct tr_controller *c = controller_of(s);

    fprintf(out,
            "#define %s_OBSERVED %d /* numbers of an observation */\n"
            "#define %s_ACTIONS %d\n",
            s->upper, c->observed, s->upper, c->actions.parts);
}

void tr__c_controller_run(struct tr__source *s)
{
    const bool previous = tr_controller_previous(controller_of(s)) > 0;
    const bool mean = s->model->student->shape.pool == SPACE_POOL_MEAN;
    const char *name = s->options->name, *own = s->options->reentrant ? "memory" : "&own";

    if (!s->options->reentrant)
        fprintf(s->out, "static struct %s_memory own;\n\n", name);
    fprintf(s->out, "void %s_reset(%s)\n{\n    (%s)->running = 0;\n}\n\n", name, s->parameter, own);
    put_prototype(s, s->out);
    fprintf(s->out,
            "\n{\n    struct %s_memory *const m = %s;\n%s"
            "    see(observation, %s, !m->running, m->seen);\n"
            "    m->running = 1;\n"
            "    stem(m);\n",
            name, own, mean ? "    int i, t;\n" : "", previous ? "m->previous" : "0");
    for (int l = 0; l < s->model->student->arch.depth; l++)
        fprintf(s->out, "    block%d(m);\n", l);
    tr__c_pool(s);
    tr__put_call(s, "    ", "head", &s->model->student->plan->head, "m->row", false, "m->logits");
    fprintf(s->out, "    act(m->logits, action%s);\n}\n", previous ? ", m->previous" : "");
}

/* ---- the self-test ---- */

enum { episodes = 32 }; /* of which the clearest is kept */

/* How far an action may be off: in int8 a number on a rounding border moves a mean by a little, and the
 * likeliest bin to its neighbour. */
static float tolerance(const struct tr__source *s, int part)
{
    const struct tr_controller *c = controller_of(s);
    const struct tr_actions *a = &c->actions;
    const bool int8 = s->model->weights->int8;
    double line[2];

    if (a->choice)
        return .5F;
    tr_controller_bins(a, part, line);
    if (int8 && c->read == TR_READ_MODE)
        return (float)(line[1] * (a->bins > 2 ? 1.01 : .5));
    return (float)((a->high[part] - a->low[part]) * (int8 ? .05 : 1e-3));
}

/* What the student does in an episode: in, numbers or, of frames, bytes of all examples. */
static void put_episode(struct tr__source *s, const void *in, const float *actions)
{
    const struct tr_controller *c = controller_of(s);
    const int64_t rom = s->rom; /* the test's constants are not the student's */
    const int64_t count = (int64_t)TR__C_EXAMPLES * s->stem->numbers;
    const uint8_t *bytes = in;

    fputs("\n", s->out);
    if (s->frames) {
        tr__array_begin(s, "uint8_t", "test_input", count, 1);
        for (int64_t i = 0; i < count; i++)
            tr__put_int8(s, i, bytes[i]);
        tr__array_end(s);
    } else {
        tr__put_floats(s, "test_input", in, (int64_t)TR__C_EXAMPLES * c->observed);
    }
    tr__put_floats(s, "test_action", actions, (int64_t)TR__C_EXAMPLES * c->actions.parts);
    tr__array_begin(s, "float", "test_near", c->actions.parts, 4);
    for (int i = 0; i < c->actions.parts; i++)
        tr__put_float(s, i, tolerance(s, i));
    tr__array_end(s);
    s->rom = rom;
}

/* Each example is a step of one episode; of frames there is nothing to begin anew. */
static void put_test(struct tr__source *s)
{
    const char *name = s->options->name, *memory = s->options->reentrant ? "memory, " : "";
    char reset[TR_C_NAME + 32] = "";

    if (s->steps)
        (void)snprintf(reset, sizeof reset, "    %s_reset(%s);\n", name,
                       s->options->reentrant ? "memory" : "");
    fprintf(s->out,
            "\nint %s_selftest(%s)\n{\n    float action[ACTIONS];\n"
            "    int e, i, wrong = 0;\n%s"
            "    for (e = 0; e < %d; e++) {\n"
            "        int bad = 0;\n"
            "        %s_run(%stest_input + e * %d, action);\n"
            "        for (i = 0; i < ACTIONS; i++) {\n"
            "            const float off = action[i] - test_action[e * ACTIONS + i];\n"
            "            bad |= !(off < test_near[i] && -off < test_near[i]);\n"
            "        }\n"
            "        wrong += bad;\n"
            "    }\n%s"
            "    return wrong;\n}\n",
            name, s->parameter, reset, TR__C_EXAMPLES, name, memory,
            s->frames ? s->stem->numbers : controller_of(s)->observed, reset);
}

/* Frames of noise, some darker than others, to logits and actions as below. */
static rt_status watch(const struct tr__source *s, struct rt_rng *rng, uint8_t *bytes, float *said,
                       struct rt_err *err)
{
    const struct tr_controller *c = controller_of(s);
    const ptrdiff_t outputs = logits_of(c), parts = c->actions.parts;
    float *actions = said + TR__C_EXAMPLES * outputs;
    double *action = malloc((size_t)parts * sizeof *action);

    if (!action)
        return rt_fail(err, RT_ENOMEM, "no memory for a self-test in C");
    for (ptrdiff_t i = 0; i < (ptrdiff_t)TR__C_EXAMPLES * s->stem->numbers; i++)
        bytes[i] = (uint8_t)rt_rng_below(rng, 32U << i / s->stem->numbers % 4);
    const rt_status rc = tr_model_answer(s->model, bytes, TR__C_EXAMPLES, said, err);
    for (ptrdiff_t e = 0; e < TR__C_EXAMPLES && rc == RT_OK; e++) {
        tr_controller_act(c, said + e * outputs, action);
        for (ptrdiff_t i = 0; i < parts; i++)
            actions[e * parts + i] = (float)action[i];
    }
    free(action);
    return rc;
}

/* An episode of noise, within what observations were in training: in (examples,observed) to
 * logits (examples,parts,bins) and, behind them, actions (examples,parts). */
static rt_status play(const struct tr__source *s, uint64_t seed, void *in, float *said,
                      struct rt_err *err)
{
    const struct tr_controller *c = controller_of(s);
    float *observed = in;
    struct rt_rng rng;

    rt_rng_init(&rng, seed, RT_STREAM_LATENCY, 0);
    if (s->frames)
        return watch(s, &rng, in, said, err);
    for (int i = 0; i < TR__C_EXAMPLES * c->observed; i++) {
        const int k = i % c->observed;
        observed[i] = c->mean[k] + (float)rt_rng_normal(&rng) / c->scale[k];
    }
    return tr_model_act(s->model, observed, TR__C_EXAMPLES, said,
                        said + (ptrdiff_t)TR__C_EXAMPLES * logits_of(c), err);
}

/* The smallest distance of the best two of any row of logits (rows,bins). */
static float apart(const float *logits, ptrdiff_t rows, int bins)
{
    float least = INFINITY;

    for (; rows > 0; rows--, logits += bins) {
        float best = -INFINITY, second = -INFINITY;
        for (int k = 0; k < bins; k++) {
            second = fmaxf(second, fminf(best, logits[k]));
            best = fmaxf(best, logits[k]);
        }
        least = fminf(least, best - second);
    }
    return least;
}

/* Where the likeliest bin acts, rounding must not choose another: of several episodes that whose best
 * bins are furthest before the second best. */
static rt_status play_clearest(const struct tr__source *s, void *in, float *said,
                               struct rt_err *err)
{
    const struct tr_controller *c = controller_of(s);
    const bool likeliest = c->actions.choice || c->read == TR_READ_MODE;
    const ptrdiff_t rows = (ptrdiff_t)TR__C_EXAMPLES * c->actions.parts;
    uint64_t clearest = 1;
    float most = -1;

    for (uint64_t seed = 1; likeliest && seed <= episodes; seed++) {
        RT_TRY(play(s, seed, in, said, err));
        const float distance = apart(said, rows, c->actions.bins);
        if (distance > most) {
            most = distance;
            clearest = seed;
        }
    }
    return play(s, clearest, in, said, err);
}

rt_status tr__c_controller_test(struct tr__source *s, struct rt_err *err)
{
    const struct tr_controller *c = controller_of(s);
    const size_t n = TR__C_EXAMPLES, outputs = (size_t)logits_of(c);
    void *in =
        malloc(s->frames ? n * (size_t)s->stem->numbers : n * (size_t)c->observed * sizeof(float));
    float *said = malloc(n * (outputs + (size_t)c->actions.parts) * sizeof *said);
    rt_status rc = in && said ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for a self-test in C");

    if (rc == RT_OK)
        rc = play_clearest(s, in, said, err);
    if (rc == RT_OK) {
        put_episode(s, in, said + n * outputs);
        put_test(s);
    }
    free(in);
    free(said);
    return rc;
}
