/* space/expression.h -- exact costs of architectures of own genes, as a study writes them.
 *
 *   sum(units * prev(units, 784) + units) + 10 * width ^ 2 * is(norm, layer)
 *
 *   NUMBER, + - * / ^ ( )      as everywhere; ^ before -, and from the right
 *   GENE                       its choice, a number; of a list only within sum()
 *   sum(E)                     of E in each layer of the lists that E names
 *   prev(LIST, FIRST)          within sum(): the choice of the layer before, in the first one FIRST
 *   is(GENE, CHOICE)           1 where the gene (in this layer, of a list) has that choice, else 0
 *   min max sqrt log exp ceil floor
 *
 * Threads   a parsed expression is read-only.
 */
#ifndef SPACE_EXPRESSION_H
#define SPACE_EXPRESSION_H
#include "space/space.h"

enum { SPACE_EXPRESSION_NODES = 128 };

struct space_expression {
    int count, root;
    struct space_node {
        int op, gene; /* of expression.c */
        int a, b;     /* operands: earlier nodes; or of is() a choice */
        double number;
    } node[SPACE_EXPRESSION_NODES];
};

/* Of a space whose genes are in their place; RT_EARG says what is wrong with the text. */
rt_status space_expression_parse(const struct space *space, const char *text,
                                 struct space_expression *expression, struct rt_err *err);
/* Of a member of that space, after space_init(). May be NaN or infinite. */
double space_expression_value(const struct space_expression *expression, const struct space *space,
                              const struct space_arch *arch);
#endif
