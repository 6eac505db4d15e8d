/* bench/search/chain.c -- the exact front of a landscape whose layers meet only their neighbours.
 *
 * For each width, depth, head dimension and patch: least[c][s] is the least cost of the first l
 * layers whose last one made choice c and whose score is s. One layer more is
 *
 *   least'[c2][s + unary(c2) + pair(c, c2)] = min over c of least[c][s] + cost(c2)
 *
 * Scores are whole numbers, so nothing is rounded and the arrays are dense. What costs a layer adds
 * is found by differences of space_cost_of(), which is a sum over layers for all costs but memory;
 * memory is a maximum over layers, so its limit forbids single choices.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/landscapes.h"
#include "space/space_internal.h"

#define NEVER (INT64_MAX / 4)

enum { MOST_CHOICES = 64 };

struct chain {
    struct bench_problem *problem;
    const char *cost_name;
    struct space_arch arch; /* the globals, and scratch for the layers */
    int choices;            /* heads x ffn */
    int heads[MOST_CHOICES], ffn[MOST_CHOICES];
    int64_t base, cost[MOST_CHOICES]; /* of the arch without layers, and of a layer */
    int64_t last[MOST_CHOICES];       /* the last layer may cost less */
    bool allowed[MOST_CHOICES];
    int low, span;           /* scores of prefixes are low..low+span-1 */
    int64_t *least, *longer; /* [choice][score - low] */
    size_t room;
};

double bench_chain_error(const struct bench_problem *problem, const struct space_arch *arch)
{
    const struct bench_landscape *land = problem->landscape;
    int score = 0;

    for (int l = 0; l < arch->depth; l++)
        score += land->unary(problem, arch, l);
    for (int l = 0; l + 1 < arch->depth; l++)
        score += land->pair(problem, arch, l);
    return land->error(problem, arch, score);
}

static int64_t cost_of(const struct chain *c)
{
    struct space_cost cost;

    space_cost_of(&c->arch, &c->problem->space.shape, &cost);
    return strcmp(c->cost_name, "params") == 0 ? cost.params : cost.macs;
}

static void choose(struct chain *c, int l, int choice)
{
    c->arch.heads[l] = c->heads[choice];
    c->arch.ffn[l] = c->ffn[choice];
}

static bool keeps_memory(const struct chain *c)
{
    const int64_t limit = c->problem->space.limits.memory;
    struct space_cost cost;

    space_cost_of(&c->arch, &c->problem->space.shape, &cost);
    return limit == 0 || cost.memory <= limit;
}

/* Costs of choices, with all other layers at choice 0, the least of all. */
static void measure(struct chain *c)
{
    const int end = c->arch.depth - 1;
    int64_t whole;

    for (int l = 0; l <= end; l++)
        choose(c, l, 0);
    whole = cost_of(c);
    for (int i = 0; i < c->choices; i++) {
        choose(c, end, i);
        c->last[i] = cost_of(c) - whole;
        c->allowed[i] = keeps_memory(c);
        choose(c, end, 0);
        choose(c, 0, i);
        c->cost[i] = end > 0 ? cost_of(c) - whole : c->last[i];
        choose(c, 0, 0);
    }
    c->base = whole;
}

/* The range of the scores of whole architectures and of their beginnings. */
static void bound(struct chain *c)
{
    const struct bench_problem *p = c->problem;
    int low = 0, high = 0;

    c->low = 0;
    for (int l = 0; l < c->arch.depth; l++) {
        int least = INT32_MAX, most = INT32_MIN;
        for (int i = 0; i < c->choices; i++) {
            choose(c, l, i);
            const int unary = p->landscape->unary(p, &c->arch, l);
            for (int j = 0; j < (l > 0 ? c->choices : 1); j++) {
                if (l > 0)
                    choose(c, l - 1, j);
                const int gain = unary + (l > 0 ? p->landscape->pair(p, &c->arch, l - 1) : 0);
                least = gain < least ? gain : least;
                most = gain > most ? gain : most;
            }
        }
        low += least;
        high += most;
        c->low = low < c->low ? low : c->low;
    }
    c->span = high - c->low + 1;
    if (high < c->low) /* not with landscapes that gain anything */
        c->span = 1;
}

static void fill(int64_t *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cells[i] = NEVER;
}

static void begin(struct chain *c)
{
    fill(c->least, (size_t)c->choices * (size_t)c->span);
    for (int i = 0; i < c->choices; i++) {
        if (!c->allowed[i])
            continue;
        choose(c, 0, i);
        const int score = c->problem->landscape->unary(c->problem, &c->arch, 0);
        c->least[(ptrdiff_t)i * c->span + score - c->low] =
            c->base + (c->arch.depth > 1 ? c->cost[i] : c->last[i]);
    }
}

/* to[s + gain] = min(to[s + gain], from[s] + cost) */
static void relax(int64_t *to, const int64_t *from, int span, int gain, int64_t cost)
{
    const int first = gain < 0 ? -gain : 0, end = gain > 0 ? span - gain : span;

    for (int s = first; s < end; s++) {
        const int64_t there = from[s] + cost;
        to[s + gain] = there < to[s + gain] ? there : to[s + gain];
    }
}

static void lengthen(struct chain *c, int l)
{
    const struct bench_problem *p = c->problem;
    const int64_t *cost = l == c->arch.depth - 1 ? c->last : c->cost;
    int64_t *swap = c->least;

    fill(c->longer, (size_t)c->choices * (size_t)c->span);
    for (int to = 0; to < c->choices; to++) {
        if (!c->allowed[to])
            continue;
        choose(c, l, to);
        const int unary = p->landscape->unary(p, &c->arch, l);
        for (int from = 0; from < c->choices; from++) {
            if (!c->allowed[from])
                continue;
            choose(c, l - 1, from);
            relax(c->longer + (ptrdiff_t)to * c->span, c->least + (ptrdiff_t)from * c->span,
                  c->span, unary + p->landscape->pair(p, &c->arch, l - 1), cost[to]);
        }
    }
    c->least = c->longer;
    c->longer = swap;
}

static int64_t limit_of(const struct chain *c)
{
    const struct space_limits *limits = &c->problem->space.limits;
    const int64_t limit = strcmp(c->cost_name, "params") == 0 ? limits->params : limits->macs;

    return limit ? limit : NEVER - 1;
}

static int compare_points(const void *a, const void *b)
{
    const double *x = a, *y = b; /* by cost, then by error */

    if (x[1] != y[1])
        return x[1] < y[1] ? -1 : 1;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* Keep what nothing cheaper equals or beats. */
static size_t thin(double *points, size_t count)
{
    size_t kept = 0;

    qsort(points, count, 2 * sizeof *points, compare_points);
    for (size_t i = 0; i < count; i++)
        if (!kept || points[2 * i] < points[2 * (kept - 1)]) {
            points[2 * kept] = points[2 * i];
            points[2 * kept + 1] = points[2 * i + 1];
            kept++;
        }
    return kept;
}

static rt_status collect(struct chain *c, struct rt_err *err)
{
    struct bench_problem *p = c->problem;
    const int64_t limit = limit_of(c);
    double *front = realloc(p->front, (p->front_count + (size_t)c->span) * 2 * sizeof *front);

    if (!front)
        return rt_fail(err, RT_ENOMEM, "no memory for the front of '%s'", p->name);
    p->front = front;
    for (int s = 0; s < c->span; s++) {
        int64_t least = NEVER;
        for (int i = 0; i < c->choices; i++)
            least = c->least[(ptrdiff_t)i * c->span + s] < least
                        ? c->least[(ptrdiff_t)i * c->span + s]
                        : least;
        if (least > limit)
            continue;
        front[2 * p->front_count] = p->landscape->error(p, &c->arch, s + c->low);
        front[2 * p->front_count + 1] = (double)least;
        p->front_count++;
    }
    p->front_count = thin(front, p->front_count);
    return RT_OK;
}

static rt_status make_room(struct chain *c, struct rt_err *err)
{
    const size_t cells = (size_t)c->choices * (size_t)c->span;

    if (cells <= c->room)
        return RT_OK;
    free(c->least);
    free(c->longer);
    c->least = calloc(cells, sizeof *c->least);
    c->longer = calloc(cells, sizeof *c->longer);
    c->room = c->least && c->longer ? cells : 0;
    return c->room ? RT_OK
                   : rt_fail(err, RT_ENOMEM, "no memory for the front of '%s'", c->problem->name);
}

/* One width, depth, head dimension and patch. */
static rt_status solve(struct chain *c, struct rt_err *err)
{
    const struct space *s = &c->problem->space;
    const int ffns = space__count(s, SPACE__FFN);

    c->choices = s->heads.count * ffns;
    for (int i = 0; i < c->choices; i++) {
        c->heads[i] = s->heads.value[i / ffns];
        c->ffn[i] = space__ffn(s, c->arch.width, i % ffns);
    }
    measure(c);
    bound(c);
    RT_TRY(make_room(c, err));
    begin(c);
    for (int l = 1; l < c->arch.depth; l++)
        lengthen(c, l);
    return collect(c, err);
}

rt_status bench_chain_front(struct bench_problem *problem, struct rt_err *err)
{
    const struct space *s = &problem->space;
    const int combinations = s->width.count * s->depth.count * s->head_dim.count * s->patch.count;
    struct chain c = {.problem = problem, .cost_name = problem->objectives[1]};
    rt_status rc = RT_OK;

    if (s->heads.count * space__count(s, SPACE__FFN) > MOST_CHOICES)
        return rt_fail(err, RT_EARG, "'%s' has more than %d choices a layer", problem->name,
                       MOST_CHOICES);
    for (int i = 0; i < combinations && rc == RT_OK; i++) {
        int rest = i;
        c.arch = (struct space_arch){.width = s->width.value[rest % s->width.count]};
        rest /= s->width.count;
        c.arch.depth = s->depth.value[rest % s->depth.count];
        rest /= s->depth.count;
        c.arch.head_dim = s->head_dim.value[rest % s->head_dim.count];
        c.arch.patch = s->patch.value[rest / s->head_dim.count];
        rc = solve(&c, err);
    }
    free(c.least);
    free(c.longer);
    return rc;
}
