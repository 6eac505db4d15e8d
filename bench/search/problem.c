/* bench/search/problem.c -- the list of the problems, and what all of them share.
 *
 * The limits of `narrow` and all spaces are fixed: test_bench guards the volumes of their fronts.
 */
#include "bench/search/problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/landscapes.h"
#include "bench/search/stack.h"
#include "bench/search/table.h"
#include "space/space_internal.h"

const char *const bench_names[] = {"layers",       "deep",
                                   "trap",         "narrow",
                                   "table",        "lm27",
                                   "lm51",         "lm75",
                                   "lm27-latency", "lm51-latency",
                                   "lm75-latency", "lm27-noisy",
                                   "lm75-noisy",   "lm75-latency-noisy",
                                   "gaps",         NULL};

#define IMAGE                                                                                      \
    .shape = {.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS},  \
    .tie = SPACE_TIE_AUTO

/* clang-format off */
#define SINGLE(NAME, COUNT, ...)                                                                   \
    {.name = NAME, .choice = (const char *const[]){__VA_ARGS__}, .choice_count = COUNT,            \
     .ordered = true}
#define LIST(NAME, COUNT, ...)                                                                     \
    {.name = NAME, .choice = (const char *const[]){__VA_ARGS__}, .choice_count = COUNT,            \
     .ordered = true, .list = true, .length_name = "depth", .tie = SPACE_TIE_AUTO}
#define LM(NAME, ABOUT, GENES, SEED, SCALE, ...)                                                   \
    {.name = NAME, .about = ABOUT, .space = {.gene_count = 5, .gene = GENES}, .seed = SEED,        \
     .scale = SCALE, .stack = &bench_lm, __VA_ARGS__}
/* clang-format on */

/* space_init() writes into them, always the same. */
static struct space_gene lm27[] = {
    SINGLE("width", 3, "192", "384", "768"), SINGLE("depth", 3, "10", "11", "12"),
    SINGLE("bias", 2, "0", "1"), LIST("heads", 3, "4", "8", "12"), LIST("ratio", 3, "2", "3", "4")};
static struct space_gene lm51[] = {SINGLE("width", 3, "256", "512", "1024"),
                                   SINGLE("depth", 3, "22", "23", "24"),
                                   SINGLE("bias", 2, "0", "1"), LIST("heads", 3, "8", "12", "16"),
                                   LIST("ratio", 3, "2", "3", "4")};
static struct space_gene lm75[] = {SINGLE("width", 3, "320", "640", "1280"),
                                   SINGLE("depth", 3, "34", "35", "36"),
                                   SINGLE("bias", 2, "0", "1"), LIST("heads", 3, "8", "16", "20"),
                                   LIST("ratio", 3, "2", "3", "4")};

static struct space_gene gaps[] = {
    SINGLE("channels", 3, "64", "96", "144"),
    {.name = "kind",
     .choice = (const char *const[]){"skip", "separable", "conv3", "conv5"},
     .choice_count = 4,
     .list = true,
     .length = 36,
     .tie = SPACE_TIE_AUTO},
    {.name = "expand",
     .choice = (const char *const[]){"1", "2", "4"},
     .choice_count = 3,
     .ordered = true,
     .list = true,
     .length = 36,
     .tie = SPACE_TIE_AUTO}};

#define SIZE .objective_count = 2, .objectives = {"error", "params"}
#define LATENCY .objective_count = 3, .objectives = {"error", "params", "latency"}

static const struct bench_problem problems[] = {
    {.name = "layers",
     .about = "26 genes: layers that are worth more and less and feed each other",
     .space = {IMAGE, .depth = {3, {8, 10, 12}}, .width = {3, {96, 120, 144}},
               .head_dim = {1, {16}}, .heads = {5, {1, 2, 3, 4, 6}}, .patch = {1, {7}},
               .ratio_count = 5, .ffn_ratio = {.5, 1, 2, 3, 4}},
     .objective_count = 2,
     .objectives = {"error", "params"},
     .landscape = &bench_even,
     .seed = 1,
     .scale = .13},
    {.name = "deep",
     .about = "74 genes: the same with up to 36 layers",
     .space = {IMAGE, .depth = {3, {24, 30, 36}}, .width = {3, {96, 120, 144}},
               .head_dim = {1, {16}}, .heads = {4, {1, 2, 4, 6}}, .patch = {1, {7}},
               .ratio_count = 4, .ffn_ratio = {.5, 1, 2, 4}},
     .objective_count = 2,
     .objectives = {"error", "params"},
     .landscape = &bench_even,
     .seed = 2,
     .scale = .045},
    {.name = "trap",
     .about = "17 genes, deceptive: neighbours should be opposites, and each step there is a loss",
     .space = {IMAGE, .depth = {1, {8}}, .width = {3, {48, 96, 144}}, .head_dim = {1, {16}},
               .heads = {4, {1, 2, 3, 4}}, .patch = {1, {7}}, .ffn = {4, {48, 96, 192, 288}}},
     .objective_count = 2,
     .objectives = {"error", "params"},
     .landscape = &bench_trap,
     .seed = 3,
     .scale = .15},
    {.name = "narrow",
     .about = "27 genes, of whose combinations the limits on macs and memory forbid 95 %",
     .space = {IMAGE, .depth = {4, {6, 8, 10, 12}}, .width = {3, {96, 120, 144}},
               .head_dim = {1, {16}}, .heads = {5, {1, 2, 3, 4, 6}}, .patch = {2, {4, 7}},
               .ratio_count = 5, .ffn_ratio = {.5, 1, 2, 3, 4},
               .limits = {.macs = 6500000, .memory = 42000}},
     .objective_count = 2,
     .objectives = {"error", "macs"},
     .landscape = &bench_even,
     .seed = 4,
     .scale = .15},
    {.name = "table",
     .about = "5 genes, three objectives: 432 students as they were trained on Fashion-MNIST",
     .space = {.shape = {.height = 28,
                         .width = 28,
                         .channels = 1,
                         .classes = 10,
                         .pool = SPACE_POOL_CLASS}, /* as in table.yaml */
               .tie = SPACE_TIE_UNIFORM,
               .depth = {4, {1, 2, 3, 4}},
               .width = {6, {16, 24, 32, 48, 64, 96}},
               .head_dim = {1, {8}},
               .heads = {3, {1, 2, 4}},
               .patch = {2, {7, 14}},
               .ratio_count = 3,
               .ffn_ratio = {1, 2, 4}},
     .objective_count = 3,
     .objectives = {"error", "params", "macs"}},
    LM("lm27", "27 own genes: language models of 10 to 12 layers", lm27, 5, 12, SIZE),
    LM("lm51", "51 own genes: the same of 22 to 24 layers", lm51, 6, 24, SIZE),
    LM("lm75", "75 own genes: the same of 34 to 36 layers", lm75, 7, 36, SIZE),
    LM("lm27-latency", "lm27 with three objectives", lm27, 5, 12, LATENCY),
    LM("lm51-latency", "lm51 with three objectives", lm51, 6, 24, LATENCY),
    LM("lm75-latency", "lm75 with three objectives", lm75, 7, 36, LATENCY),
    LM("lm27-noisy", "lm27 with noise", lm27, 5, 12, SIZE, .noise = .02),
    LM("lm75-noisy", "lm75 with noise", lm75, 7, 36, SIZE, .noise = .02),
    LM("lm75-latency-noisy", "lm75-latency with noise", lm75, 7, 36, LATENCY, .noise = .02),
    {.name = "gaps",
     .about = "73 own genes: blocks of four kinds, and one gene that outweighs them all",
     .space = {.gene_count = 3, .gene = gaps},
     SIZE,
     .stack = &bench_blocks,
     .seed = 8,
     .scale = 20},
};

/* ---- opening ---- */

static rt_status frame(struct bench_problem *p, struct rt_err *err)
{
    const int m = p->objective_count;

    for (int k = 0; k < m; k++) {
        double best = INFINITY, worst = -INFINITY;
        for (size_t i = 0; i < p->front_count; i++) {
            best = fmin(best, p->front[i * (size_t)m + (size_t)k]);
            worst = fmax(worst, p->front[i * (size_t)m + (size_t)k]);
        }
        p->ideal[k] = best;
        p->reference[k] = worst + .1 * (worst - best);
    }
    return search_hypervolume(p->front, p->front_count, m, p->ideal, p->reference, &p->volume, err);
}

rt_status bench_solve(struct bench_problem *problem, struct rt_err *err)
{
    rt_status rc = space_init(&problem->space, err);

    problem->front = NULL;
    problem->front_count = 0;
    problem->table = NULL;
    if (rc == RT_OK)
        rc = problem->landscape ? bench_chain_front(problem, err)
             : problem->stack   ? bench_stack_front(problem, err)
                                : bench_table_open(problem, err);
    if (rc == RT_OK)
        rc = frame(problem, err);
    if (rc != RT_OK)
        bench_close(problem);
    return rc;
}

rt_status bench_open(const char *name, struct bench_problem *problem, struct rt_err *err)
{
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (strcmp(problems[i].name, name) == 0) {
            *problem = problems[i];
            return bench_solve(problem, err);
        }
    return rt_fail(err, RT_EARG, "there is no problem '%s'", name);
}

void bench_close(struct bench_problem *problem)
{
    free(problem->front);
    bench_table_close(problem->table);
    problem->front = NULL;
    problem->front_count = 0;
    problem->table = NULL;
}

/* ---- one architecture ---- */

void bench_evaluate(const struct bench_problem *problem, const struct space_arch *arch, int rung,
                    double *objectives)
{
    struct space_cost cost;

    if (problem->stack) {
        bench_stack_evaluate(problem, arch, objectives);
        return;
    }
    space_cost_of(arch, &problem->space.shape, &cost);
    for (int i = 0; i < problem->objective_count; i++) {
        const char *name = problem->objectives[i];
        objectives[i] = strcmp(name, "params") == 0 ? (double)cost.params
                        : strcmp(name, "macs") == 0 ? (double)cost.macs
                        : problem->table            ? bench_table_error(problem, arch, rung)
                                                    : bench_chain_error(problem, arch);
    }
}

double bench_uneven(const struct bench_problem *problem, uint64_t purpose, uint64_t key)
{
    struct rt_rng rng;

    rt_rng_init(&rng, problem->seed + 1000 * purpose, RT_STREAM_TEST, key);
    return rt_rng_uniform(&rng);
}

/* A number of its own for each architecture. */
static uint64_t key_of(const struct bench_problem *problem, const struct space_arch *arch)
{
    int choice[SPACE_MAX_POSITIONS];
    uint64_t key = 1469598103934665603u; /* FNV-1a */

    space_choices_of(&problem->space, arch, choice);
    for (int i = 0; i < space_positions(&problem->space); i++)
        key = (key ^ (uint64_t)(choice[i] + 1)) * 1099511628211u;
    return key;
}

void bench_measure(const struct bench_problem *problem, const struct space_arch *arch, int rung,
                   double *objectives)
{
    bench_measure_again(problem, arch, rung, 0, objectives);
}

void bench_measure_again(const struct bench_problem *problem, const struct space_arch *arch,
                         int rung, int replicate, double *objectives)
{
    const uint64_t luck = (uint64_t)replicate * UINT64_C(0x9e3779b97f4a7c15);
    struct rt_rng rng;

    bench_evaluate(problem, arch, rung, objectives);
    if (problem->noise == 0)
        return;
    rt_rng_init(&rng, problem->seed, RT_STREAM_TEST, key_of(problem, arch) ^ luck);
    objectives[0] += problem->noise * (problem->reference[0] - problem->ideal[0]) / 1.1 *
                     rt_rng_normal(&rng); /* frame() widens the range by a tenth */
}

static double beyond(int64_t value, int64_t limit)
{
    return limit > 0 && value > limit ? (double)value / (double)limit - 1 : 0;
}

double bench_violation(const struct bench_problem *problem, const struct space_arch *arch)
{
    const struct space_limits *limits = &problem->space.limits;
    struct space_cost cost;

    if (problem->space.gene_count)
        return 0;
    space_cost_of(arch, &problem->space.shape, &cost);
    return beyond(cost.params, limits->params) + beyond(cost.bytes, limits->bytes) +
           beyond(cost.macs, limits->macs) + beyond(cost.memory, limits->memory);
}

/* ---- genes ---- */

/* Every position is a gene of its own: lists are not tied. */
static int own_genes(const struct space *s, struct bench_gene genes[BENCH_MAX_GENES])
{
    int count = 0;

    for (int g = 0; g < space_genes(s); g++) {
        struct space_gene_view view;
        space_gene_of(s, g, &view);
        for (int i = 0; i < view.positions; i++, count++) {
            genes[count].choices = view.choices;
            if (view.positions > 1)
                snprintf(genes[count].name, sizeof genes->name, "%s.%d", view.name, i);
            else
                snprintf(genes[count].name, sizeof genes->name, "%s", view.name);
        }
    }
    return count;
}

static bool own_decode(const struct space *s, const int *index, struct space_arch *arch)
{
    for (int g = 0, at = 0; g < space_genes(s); g++) {
        struct space_gene_view view;
        space_gene_of(s, g, &view);
        for (int i = 0; i < view.positions; i++, at++)
            if (index[at] < 0 || index[at] >= view.choices)
                return false;
    }
    space_arch_of(s, index, arch);
    return true;
}

static void add_gene(struct bench_gene *genes, int *count, int choices, const char *name, int layer)
{
    if (choices < 2)
        return;
    genes[*count].choices = choices;
    if (layer < 0)
        snprintf(genes[*count].name, sizeof genes->name, "%s", name);
    else
        snprintf(genes[*count].name, sizeof genes->name, "%s%d", name, layer);
    (*count)++;
}

int bench_genes(const struct bench_problem *problem, struct bench_gene genes[BENCH_MAX_GENES])
{
    const struct space *s = &problem->space;
    int count = 0;

    if (s->gene_count)
        return own_genes(s, genes);
    add_gene(genes, &count, s->depth.count, "depth", -1);
    add_gene(genes, &count, s->width.count, "width", -1);
    add_gene(genes, &count, s->head_dim.count, "head_dim", -1);
    add_gene(genes, &count, s->patch.count, "patch", -1);
    for (int l = 0; l < space__groups(s, s->depth.value[s->depth.count - 1]); l++) {
        add_gene(genes, &count, s->heads.count, "heads", l);
        add_gene(genes, &count, space__count(s, SPACE__FFN), "ffn", l);
    }
    return count;
}

/* The next index of a gene; 0 for a gene with one choice, which is not in the list. */
static int next(const int **index, int choices, bool *good)
{
    int i = 0;

    if (choices > 1)
        i = *(*index)++;
    if (i >= 0 && i < choices)
        return i;
    *good = false;
    return 0;
}

bool bench_decode(const struct bench_problem *problem, const int *index, struct space_arch *arch)
{
    const struct space *s = &problem->space;
    bool good = true;

    if (s->gene_count)
        return own_decode(s, index, arch);
    *arch = (struct space_arch){.depth = s->depth.value[next(&index, s->depth.count, &good)]};
    arch->width = s->width.value[next(&index, s->width.count, &good)];
    arch->head_dim = s->head_dim.value[next(&index, s->head_dim.count, &good)];
    arch->patch = s->patch.value[next(&index, s->patch.count, &good)];
    for (int l = 0; l < arch->depth; l++) {
        const bool again = l > 0 && s->tie == SPACE_TIE_UNIFORM;
        arch->heads[l] =
            again ? arch->heads[0] : s->heads.value[next(&index, s->heads.count, &good)];
        arch->ffn[l] =
            again ? arch->ffn[0]
                  : space__ffn(s, arch->width, next(&index, space__count(s, SPACE__FFN), &good));
    }
    return good;
}

/* ---- scores ---- */

void bench_score_open(struct bench_score *score, const struct bench_problem *problem)
{
    *score = (struct bench_score){.problem = problem};
}

void bench_score_close(struct bench_score *score)
{
    free(score->archs);
    free(score->front);
    *score = (struct bench_score){.problem = NULL};
}

static rt_status remember(struct bench_score *s, const struct space_arch *arch, struct rt_err *err)
{
    for (int64_t i = 0; i < s->trained; i++)
        if (space_arch_equal(&s->archs[i], arch))
            return RT_EEND;
    if (s->trained == s->room) {
        const int64_t room = s->room ? 2 * s->room : 256;
        struct space_arch *archs = realloc(s->archs, (size_t)room * sizeof *archs);
        if (!archs)
            return rt_fail(err, RT_ENOMEM, "no memory for a score");
        s->archs = archs;
        s->room = room;
    }
    s->archs[s->trained++] = *arch;
    return RT_OK;
}

static rt_status add_point(struct bench_score *s, const double *point, struct rt_err *err)
{
    const size_t m = (size_t)s->problem->objective_count;
    size_t kept = 0;

    for (size_t i = 0; i < s->front_count; i++)
        if (search_dominates(s->front + i * m, point, (int)m))
            return RT_OK;
    for (size_t i = 0; i < s->front_count; i++)
        if (!search_dominates(point, s->front + i * m, (int)m))
            memmove(s->front + kept++ * m, s->front + i * m, m * sizeof *s->front);
    if (kept == s->front_room) {
        const size_t room = s->front_room ? 2 * s->front_room : 64;
        double *front = realloc(s->front, room * m * sizeof *front);
        if (!front)
            return rt_fail(err, RT_ENOMEM, "no memory for a score");
        s->front = front;
        s->front_room = room;
    }
    memcpy(s->front + kept * m, point, m * sizeof *point);
    s->front_count = kept + 1;
    return RT_OK;
}

rt_status bench_score_add(struct bench_score *score, const struct space_arch *arch,
                          const double *objectives, struct rt_err *err)
{
    const struct bench_problem *p = score->problem;
    double volume;

    RT_TRY(remember(score, arch, err));
    RT_TRY(add_point(score, objectives, err));
    RT_TRY(search_hypervolume(score->front, score->front_count, p->objective_count, p->ideal,
                              p->reference, &volume, err));
    score->volume = volume / p->volume;
    return RT_OK;
}
