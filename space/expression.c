/* space/expression.c -- see expression.h. Recursive descent into a table of nodes; each node's
 * operands stand before it. */
#include "space/expression.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "space/view.h"

enum { DEPTH = 32 }; /* of parentheses, signs and powers */

enum op { NUMBER, GENE, PREV, IS, SUM, ADD, SUB, MUL, DIV, POW, NEG, FIRST_FUNCTION };
enum function { MIN = FIRST_FUNCTION, MAX, SQRT, LOG, EXP, CEIL, FLOOR };

static const struct {
    const char *name;
    int op, arguments;
} functions[] = {{"min", MIN, 2}, {"max", MAX, 2},   {"sqrt", SQRT, 1},  {"log", LOG, 1},
                 {"exp", EXP, 1}, {"ceil", CEIL, 1}, {"floor", FLOOR, 1}};

struct parser {
    const struct space *space;
    const char *at;
    struct space_expression *e;
    struct rt_err *err;
    int depth;
    bool summing;
    int list; /* within sum(): the first list named; -1: none yet */
};

static rt_status parse_sum(struct parser *p, int *node);

/* ---- words ---- */

static void skip(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static bool take(struct parser *p, char c)
{
    skip(p);
    const bool there = *p->at == c;
    p->at += there;
    return there;
}

static rt_status expect(struct parser *p, char c)
{
    if (take(p, c))
        return RT_OK;
    return rt_fail(p->err, RT_EARG, "there should be '%c' %s%.40s%s", c, *p->at ? "before '" : "at",
                   *p->at ? p->at : " the end", *p->at ? "'" : "");
}

/* Its length; 0: there is none. */
static size_t word(struct parser *p)
{
    size_t n = 0;

    skip(p);
    if (isalpha((unsigned char)*p->at))
        while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')
            n++;
    return n;
}

static bool is_word(const char *name, const char *at, size_t n)
{
    return strlen(name) == n && memcmp(name, at, n) == 0;
}

static rt_status add(struct parser *p, struct space_node node, int *at)
{
    if (p->e->count == SPACE_EXPRESSION_NODES)
        return rt_fail(p->err, RT_EARG, "it has more than %d parts", SPACE_EXPRESSION_NODES);
    *at = p->e->count;
    p->e->node[p->e->count++] = node;
    return RT_OK;
}

/* ---- genes ---- */

static rt_status find_gene(struct parser *p, int *gene)
{
    const size_t n = word(p);

    for (*gene = 0; *gene < p->space->gene_count; ++*gene)
        if (is_word(p->space->gene[*gene].name, p->at, n)) {
            p->at += n;
            return RT_OK;
        }
    return rt_fail(p->err, RT_EARG, "'%.*s' is no gene and no function", n ? (int)n : 20, p->at);
}

static bool same_layers(const struct space_gene *a, const struct space_gene *b)
{
    if (!a->length_name || !b->length_name)
        return !a->length_name && !b->length_name && a->length == b->length;
    return strcmp(a->length_name, b->length_name) == 0;
}

/* A list stands within sum(), with others of as many layers. */
static rt_status check_list(struct parser *p, int gene)
{
    const struct space_gene *g = &p->space->gene[gene];

    if (!g->list)
        return RT_OK;
    if (!p->summing)
        return rt_fail(p->err, RT_EARG, "'%s' is a list; use it within sum()", g->name);
    if (p->list < 0)
        p->list = gene;
    if (!same_layers(g, &p->space->gene[p->list]))
        return rt_fail(p->err, RT_EARG, "'%s' and '%s' have different lengths; give each a sum()",
                       p->space->gene[p->list].name, g->name);
    return RT_OK;
}

static rt_status check_numbers(struct parser *p, int gene)
{
    const struct space_gene *g = &p->space->gene[gene];

    for (int c = 0; c < g->choice_count; c++) {
        char *end;
        const double value = strtod(g->choice[c], &end);
        if (!*g->choice[c] || *end || !isfinite(value))
            return rt_fail(p->err, RT_EARG, "'%s' has choices that are no numbers; use is(%s, %s)",
                           g->name, g->name, g->choice[c]);
    }
    return RT_OK;
}

static rt_status parse_gene(struct parser *p, int *node)
{
    int gene;

    RT_TRY(find_gene(p, &gene));
    RT_TRY(check_list(p, gene));
    RT_TRY(check_numbers(p, gene));
    return add(p, (struct space_node){.op = GENE, .gene = gene}, node);
}

/* ---- functions ---- */

static rt_status parse_each(struct parser *p, int *node)
{
    int inner;

    if (p->summing)
        return rt_fail(p->err, RT_EARG, "there is a sum() within sum()");
    p->summing = true;
    p->list = -1;
    RT_TRY(parse_sum(p, &inner));
    p->summing = false;
    if (p->list < 0)
        return rt_fail(p->err, RT_EARG, "there is no list within sum()");
    return add(p, (struct space_node){.op = SUM, .gene = p->list, .a = inner}, node);
}

static rt_status parse_prev(struct parser *p, int *node)
{
    int gene, first;

    RT_TRY(find_gene(p, &gene));
    if (!p->space->gene[gene].list)
        return rt_fail(p->err, RT_EARG, "'%s' is no list", p->space->gene[gene].name);
    RT_TRY(check_list(p, gene));
    RT_TRY(check_numbers(p, gene));
    RT_TRY(expect(p, ','));
    RT_TRY(parse_sum(p, &first));
    return add(p, (struct space_node){.op = PREV, .gene = gene, .a = first}, node);
}

static rt_status parse_is(struct parser *p, int *node)
{
    int gene;

    RT_TRY(find_gene(p, &gene));
    RT_TRY(check_list(p, gene));
    RT_TRY(expect(p, ','));
    skip(p);
    const struct space_gene *g = &p->space->gene[gene];
    const size_t n = strcspn(p->at, " \t)");
    for (int c = 0; c < g->choice_count; c++)
        if (is_word(g->choice[c], p->at, n)) {
            p->at += n;
            return add(p, (struct space_node){.op = IS, .gene = gene, .a = c}, node);
        }
    return rt_fail(p->err, RT_EARG, "'%.*s' is no choice of '%s'", n < 32 ? (int)n : 32, p->at,
                   g->name);
}

static rt_status parse_function(struct parser *p, size_t which, int *node)
{
    int a, b = 0;

    RT_TRY(parse_sum(p, &a));
    if (functions[which].arguments == 2) {
        RT_TRY(expect(p, ','));
        RT_TRY(parse_sum(p, &b));
    }
    return add(p, (struct space_node){.op = functions[which].op, .a = a, .b = b}, node);
}

/* What stands before '(', if it is a function at all. */
static rt_status parse_call(struct parser *p, size_t n, int *node)
{
    const char *name = p->at;
    size_t which = 0;

    while (which < sizeof functions / sizeof *functions && !is_word(functions[which].name, name, n))
        which++;
    const bool each = is_word("sum", name, n), prev = is_word("prev", name, n),
               is = is_word("is", name, n);
    if (!each && !prev && !is && which == sizeof functions / sizeof *functions)
        return rt_fail(p->err, RT_EARG, "'%.*s' is no function", n < 32 ? (int)n : 32, name);
    p->at += n;
    RT_TRY(expect(p, '('));
    RT_TRY(each   ? parse_each(p, node)
           : prev ? parse_prev(p, node)
           : is   ? parse_is(p, node)
                  : parse_function(p, which, node));
    return expect(p, ')');
}

/* ---- operators ---- */

static rt_status parse_atom(struct parser *p, int *node)
{
    char *end;
    const size_t n = word(p);

    if (n) {
        const char *behind = p->at + n + strspn(p->at + n, " \t");
        return *behind == '(' ? parse_call(p, n, node) : parse_gene(p, node);
    }
    if (take(p, '(')) {
        RT_TRY(parse_sum(p, node));
        return expect(p, ')');
    }
    if (!isdigit((unsigned char)*p->at) && *p->at != '.')
        return rt_fail(p->err, RT_EARG, "a number or a gene is missing %s%.40s%s",
                       *p->at ? "before '" : "at", *p->at ? p->at : " the end", *p->at ? "'" : "");
    const double value = strtod(p->at, &end);
    if (end == p->at || !isfinite(value))
        return rt_fail(p->err, RT_EARG, "'%.20s' is no number", p->at);
    p->at = end;
    return add(p, (struct space_node){.op = NUMBER, .number = value}, node);
}

/* A sign and a power: -2 ^ 2 is -4, 2 ^ 3 ^ 2 is 2 ^ 9. */
static rt_status parse_power(struct parser *p, int *node)
{
    int a, b;

    if (++p->depth > DEPTH)
        return rt_fail(p->err, RT_EARG, "it is nested more than %d deep", DEPTH);
    if (take(p, '-')) {
        RT_TRY(parse_power(p, &a));
        RT_TRY(add(p, (struct space_node){.op = NEG, .a = a}, node));
    } else {
        RT_TRY(parse_atom(p, &a));
        *node = a;
        if (take(p, '^')) {
            RT_TRY(parse_power(p, &b));
            RT_TRY(add(p, (struct space_node){.op = POW, .a = a, .b = b}, node));
        }
    }
    p->depth--;
    return RT_OK;
}

static rt_status parse_product(struct parser *p, int *node)
{
    int b;

    RT_TRY(parse_power(p, node));
    for (;;) {
        const int op = take(p, '*') ? MUL : take(p, '/') ? DIV : NUMBER;
        if (op == NUMBER)
            return RT_OK;
        RT_TRY(parse_power(p, &b));
        RT_TRY(add(p, (struct space_node){.op = op, .a = *node, .b = b}, node));
    }
}

static rt_status parse_sum(struct parser *p, int *node)
{
    int b;

    RT_TRY(parse_product(p, node));
    for (;;) {
        const int op = take(p, '+') ? ADD : take(p, '-') ? SUB : NUMBER;
        if (op == NUMBER)
            return RT_OK;
        RT_TRY(parse_product(p, &b));
        RT_TRY(add(p, (struct space_node){.op = op, .a = *node, .b = b}, node));
    }
}

rt_status space_expression_parse(const struct space *space, const char *text,
                                 struct space_expression *expression, struct rt_err *err)
{
    struct parser p = {.space = space, .at = text, .e = expression, .err = err, .list = -1};

    assert(space->gene_count > 0);
    expression->count = 0;
    RT_TRY(parse_sum(&p, &expression->root));
    skip(&p);
    if (*p.at)
        return rt_fail(err, RT_EARG, "'%.40s' is too much", p.at);
    return RT_OK;
}

/* ---- values ---- */

struct place { /* of what is evaluated */
    const struct space_expression *e;
    const struct space *space;
    const struct space_arch *arch;
};

static double gene_value(const struct place *at, int gene, int layer)
{
    struct space_value value;

    space_value_of(at->space, at->arch, gene, at->space->gene[gene].list ? layer : 0, &value);
    return value.real;
}

static bool has_choice(const struct place *at, int gene, int choice, int layer)
{
    struct space_value value;

    space_value_of(at->space, at->arch, gene, at->space->gene[gene].list ? layer : 0, &value);
    return strcmp(value.text, at->space->gene[gene].choice[choice]) == 0;
}

static bool takes_two(int op)
{
    return (op >= ADD && op <= POW) || op == MIN || op == MAX;
}

static double function_of(int op, double a, double b)
{
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case POW: return pow(a, b);
    case NEG: return -a;
    case MIN: return a < b || isnan(a) ? a : b; /* NaN when either is */
    case MAX: return a > b || isnan(a) ? a : b;
    case SQRT: return sqrt(a);
    case LOG: return log(a);
    case EXP: return exp(a);
    case CEIL: return ceil(a);
    default: return floor(a);
    }
}

/* Of a node in a layer, as deep as the text is nested. */
static double value_of(const struct place *at, int n, int layer)
{
    const struct space_node *node = &at->e->node[n];
    double sum = 0;

    switch (node->op) {
    case NUMBER: return node->number;
    case GENE: return gene_value(at, node->gene, layer);
    case IS: return has_choice(at, node->gene, node->a, layer);
    case PREV: return layer ? gene_value(at, node->gene, layer - 1) : value_of(at, node->a, layer);
    case SUM:
        for (int l = 0; l < space_gene_length(at->space, at->arch, node->gene); l++)
            sum += value_of(at, node->a, l);
        return sum;
    default: break;
    }
    const double a = value_of(at, node->a, layer);
    return function_of(node->op, a, takes_two(node->op) ? value_of(at, node->b, layer) : 0);
}

double space_expression_value(const struct space_expression *expression, const struct space *space,
                              const struct space_arch *arch)
{
    assert(expression->count > 0 && expression->root < expression->count);
    return value_of(&(struct place){expression, space, arch}, expression->root, 0);
}
