/* bench/search/stack.c -- see stack.h. */
#include "bench/search/stack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "space/view.h"

#define NEVER (INT32_MIN / 2)

int bench_stack_layers(const struct bench_problem *problem, const struct space_arch *arch)
{
    const struct space *s = &problem->space;
    int g = 0;

    while (!s->gene[g].list)
        g++;
    return space_gene_length(s, arch, g);
}

int bench_stack_value(const struct bench_problem *problem, const struct space_arch *arch, int gene,
                      int l)
{
    struct space_value value;

    space_value_of(&problem->space, arch, gene, l, &value);
    return (int)value.whole;
}

int bench_stack_choice(const struct bench_problem *problem, const struct space_arch *arch, int gene,
                       int l)
{
    struct space_value value;
    int c = 0;

    space_value_of(&problem->space, arch, gene, l, &value);
    while (problem->space.gene[gene].choice[c] != value.text)
        c++;
    return c;
}

void bench_stack_evaluate(const struct bench_problem *problem, const struct space_arch *arch,
                          double *objectives)
{
    const struct bench_stack *stack = problem->stack;
    const int layers = bench_stack_layers(problem, arch);
    int64_t sum[STORE_MAX_OBJECTIVES] = {0}; /* two are used */
    int score = 0;

    for (int l = 0; l < layers; l++) {
        int units[2] = {0, 0};
        stack->units(problem, arch, l, units);
        sum[0] += units[0];
        sum[1] += units[1];
        score += stack->unary(problem, arch, l);
        score += l + 1 < layers ? stack->pair(problem, arch, l) : 0;
    }
    objectives[0] = stack->error(problem, arch, score);
    assert(problem->objective_count <= 3);
    for (int k = 1; k < problem->objective_count; k++)
        objectives[k] = stack->cost(problem, arch, k, sum[k - 1]);
}

/* ---- the front ---- */

struct stack {
    struct bench_problem *problem;
    struct space_arch arch; /* the single genes, and scratch for the layers */
    int layers, choices;    /* of one layer: the product of its lists' */
    int *units;             /* [layer][choice][2] */
    int span[2];            /* sums of units are 0..span-1 */
    int reach[2];           /* the largest sums of the layers so far */
    int32_t *most, *longer; /* [choice][u][v] */
    double *rows;           /* (count, m) points of all single genes */
    size_t count, room;
};

/* Make layer l's genes those of a choice: a number whose digits are theirs. */
static void choose(struct stack *s, int l, int choice)
{
    const struct space *space = &s->problem->space;

    for (int g = 0; g < space->gene_count; g++)
        if (space->gene[g].list) {
            s->arch.choice[space->gene[g].first + l] =
                (int8_t)(choice % space->gene[g].choice_count);
            choice /= space->gene[g].choice_count;
        }
}

/* Likewise of the single genes; the layers make their first choices. */
static void choose_single(struct stack *s, int choice)
{
    const struct space *space = &s->problem->space;
    int index[SPACE_MAX_POSITIONS] = {0};

    for (int g = 0; g < space->gene_count; g++)
        if (!space->gene[g].list) {
            index[space->gene[g].first] = choice % space->gene[g].choice_count;
            choice /= space->gene[g].choice_count;
        }
    space_arch_of(space, index, &s->arch);
}

static int *units_of(const struct stack *s, int l, int choice)
{
    return s->units + 2 * ((ptrdiff_t)l * s->choices + choice);
}

static int32_t *cells(const struct stack *s, int32_t *from, int choice, int u)
{
    return from + ((ptrdiff_t)choice * s->span[0] + u) * s->span[1];
}

/* Layer l may add so much to the sums. */
static void extend(const struct stack *s, int l, int sum[2])
{
    int most[2] = {0, 0};

    for (int c = 0; c < s->choices; c++)
        for (int k = 0; k < 2; k++)
            most[k] = units_of(s, l, c)[k] > most[k] ? units_of(s, l, c)[k] : most[k];
    sum[0] += most[0];
    sum[1] += most[1];
}

static rt_status make_room(struct stack *s, struct rt_err *err)
{
    size_t size;

    free(s->units);
    s->units = calloc((size_t)s->layers * (size_t)s->choices * 2, sizeof *s->units);
    s->span[0] = s->span[1] = 1;
    for (int l = 0; l < s->layers && s->units; l++) {
        for (int c = 0; c < s->choices; c++) {
            choose(s, l, c);
            s->problem->stack->units(s->problem, &s->arch, l, units_of(s, l, c));
            assert(units_of(s, l, c)[0] >= 0 && units_of(s, l, c)[1] >= 0);
        }
        extend(s, l, s->span);
    }
    size = (size_t)s->choices * (size_t)s->span[0] * (size_t)s->span[1];
    free(s->most);
    free(s->longer);
    s->most = malloc(size * sizeof *s->most);
    s->longer = malloc(size * sizeof *s->longer);
    if (!s->units || !s->most || !s->longer)
        return rt_fail(err, RT_ENOMEM, "no memory for the front of '%s'", s->problem->name);
    for (size_t i = 0; i < size; i++)
        s->most[i] = s->longer[i] = NEVER;
    return RT_OK;
}

/* to[i + by] = max(to[i + by], from[i] + gain) */
static void relax(int32_t *to, const int32_t *from, int count, int by, int32_t gain)
{
    for (int i = 0; i < count; i++) {
        const int32_t there = from[i] + gain;
        to[i + by] = there > to[i + by] ? there : to[i + by];
    }
}

/* The sums of layers up to l - 1 become those of layers up to l. */
static void lengthen(struct stack *s, int l)
{
    const struct bench_stack *stack = s->problem->stack;
    const int size = s->choices * s->span[0] * s->span[1];
    const int count = s->reach[0] * s->span[1] + s->reach[1] + 1; /* cells that may be reached */
    int32_t *swap = s->most;

    for (int i = 0; i < size; i++)
        s->longer[i] = NEVER;
    for (int to = 0; to < s->choices; to++) {
        const int *units = units_of(s, l, to);
        choose(s, l, to);
        const int32_t unary = stack->unary(s->problem, &s->arch, l);
        for (int from = 0; from < s->choices; from++) {
            choose(s, l - 1, from);
            const int32_t gain = unary + stack->pair(s->problem, &s->arch, l - 1);
            relax(cells(s, s->longer, to, 0), cells(s, s->most, from, 0), count,
                  units[0] * s->span[1] + units[1], gain);
        }
    }
    extend(s, l, s->reach);
    s->most = s->longer;
    s->longer = swap;
}

static rt_status add_row(struct stack *s, int score, int u, int v, struct rt_err *err)
{
    const struct bench_problem *p = s->problem;
    const int m = p->objective_count;

    if (s->count == s->room) {
        const size_t room = s->room ? 2 * s->room : 4096;
        double *rows = realloc(s->rows, room * (size_t)m * sizeof *rows);
        if (!rows)
            return rt_fail(err, RT_ENOMEM, "no memory for the front of '%s'", p->name);
        s->rows = rows;
        s->room = room;
    }
    double *row = s->rows + s->count++ * (size_t)m;
    row[0] = p->stack->error(p, &s->arch, score);
    for (int k = 1; k < m; k++)
        row[k] = p->stack->cost(p, &s->arch, k, k == 1 ? u : v);
    return RT_OK;
}

/* The best of each pair of costs, but for what is no better than one of the same u and less v. */
static rt_status collect(struct stack *s, struct rt_err *err)
{
    for (int u = 0; u < s->span[0]; u++) {
        int32_t highest = NEVER / 2;
        for (int v = 0; v < s->span[1]; v++) {
            int32_t score = NEVER;
            for (int c = 0; c < s->choices; c++)
                score = cells(s, s->most, c, u)[v] > score ? cells(s, s->most, c, u)[v] : score;
            if (score <= highest)
                continue;
            highest = score;
            RT_TRY(add_row(s, score, u, v, err));
        }
    }
    return RT_OK;
}

static rt_status solve(struct stack *s, struct rt_err *err)
{
    s->layers = bench_stack_layers(s->problem, &s->arch);
    RT_TRY(make_room(s, err));
    for (int c = 0; c < s->choices; c++) {
        const int *units = units_of(s, 0, c);
        choose(s, 0, c);
        cells(s, s->most, c, units[0])[units[1]] =
            s->problem->stack->unary(s->problem, &s->arch, 0);
    }
    s->reach[0] = s->reach[1] = 0;
    extend(s, 0, s->reach);
    for (int l = 1; l < s->layers; l++)
        lengthen(s, l);
    return collect(s, err);
}

/* ---- what nothing beats ---- */

static int by_costs_2(const void *a, const void *b)
{
    const double *x = a, *y = b;

    if (x[1] != y[1])
        return x[1] < y[1] ? -1 : 1;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

static int by_costs_3(const void *a, const void *b)
{
    const double *x = a, *y = b;

    if (x[1] != y[1])
        return x[1] < y[1] ? -1 : 1;
    if (x[2] != y[2])
        return x[2] < y[2] ? -1 : 1;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* Steps [error, last cost]: what is best among the rows so far, ascending in cost and falling in
 * error. True when the row is a new one. */
static bool step_in(double *steps, size_t *count, double error, double cost)
{
    size_t low = 0, high = *count, end;

    while (low < high) { /* steps before `low` cost no more */
        const size_t middle = low + (high - low) / 2;
        if (steps[2 * middle + 1] <= cost)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && steps[2 * (low - 1)] <= error)
        return false;
    if (low > 0 && steps[2 * low - 1] == cost)
        low--;
    for (end = low; end < *count && steps[2 * end] >= error;)
        end++;
    memmove(steps + 2 * (low + 1), steps + 2 * end, 2 * (*count - end) * sizeof *steps);
    steps[2 * low] = error;
    steps[2 * low + 1] = cost;
    *count += 1 + low - end;
    return true;
}

static rt_status thin(struct stack *s, struct rt_err *err)
{
    const size_t m = (size_t)s->problem->objective_count;
    double *steps = malloc((s->count + 1) * 2 * sizeof *steps);
    size_t kept = 0, count = 0;

    if (!steps)
        return rt_fail(err, RT_ENOMEM, "no memory for the front of '%s'", s->problem->name);
    if (s->count)
        qsort(s->rows, s->count, m * sizeof *s->rows, m == 2 ? by_costs_2 : by_costs_3);
    for (size_t i = 0; i < s->count; i++) {
        const double *row = s->rows + i * m;
        if (step_in(steps, &count, row[0], m == 2 ? 0 : row[2]))
            memmove(s->rows + kept++ * m, row, m * sizeof *row);
    }
    free(steps);
    s->count = kept;
    return RT_OK;
}

rt_status bench_stack_front(struct bench_problem *problem, struct rt_err *err)
{
    const struct space *space = &problem->space;
    struct stack s = {.problem = problem, .choices = 1};
    int combinations = 1;
    rt_status rc = RT_OK;

    assert(problem->objective_count == 2 || problem->objective_count == 3);
    for (int g = 0; g < space->gene_count; g++)
        *(space->gene[g].list ? &s.choices : &combinations) *= space->gene[g].choice_count;
    for (int i = 0; i < combinations && rc == RT_OK; i++) {
        choose_single(&s, i);
        rc = solve(&s, err);
    }
    if (rc == RT_OK)
        rc = thin(&s, err);
    problem->front = s.rows;
    problem->front_count = s.count;
    free(s.units);
    free(s.most);
    free(s.longer);
    return rc;
}
