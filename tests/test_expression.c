/* tests/test_expression.c -- costs of own genes as studies write them: values, and what is refused. */
#include "space/expression.h"

#include "genes_sample.h"

static const char text[] = "act=gelu,lr=0.01,depth=4,op=relu.gelu.gelu.swish,heads=2.2.1.1,ffn=3,"
                           "mask=0.1.1";

static double value(const char *expression)
{
    static struct space_expression e; /* large */
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    struct space_arch arch;
    struct rt_err err;

    assert_ok(space_parse(&space, text, &arch, &err));
    assert_ok(space_expression_parse(&space, expression, &e, &err));
    return space_expression_value(&e, &space, &arch);
}

static void values(void **state)
{
    static const struct {
        const char *text;
        double value;
    } of[] = {
        {"1 + 2 * 3 - 4 / 8", 6.5},
        {"(1+2)*3", 9},
        {"-2 ^ 2", -4},
        {"2 ^ 3 ^ 2", 512},
        {"2 ^ -1", .5},
        {"10 - 4 - 3", 3},
        {"16 / 4 / 2", 2},
        {"1e3 * .5", 500},
        {"depth * lr", .04},
        {"sum(heads)", 6},
        {"sum(heads * ffn)", 18},
        {"sum(1 + 0 * heads)", 4},
        {"sum(heads * prev(heads, depth))", 8 + 4 + 2 + 1},
        {"sum(mask) + sum(ffn)", 14},
        {"is(act, gelu) + 10 * is(act, relu)", 1},
        {"sum(is(op, gelu))", 2},
        {"sum(heads * is( op , gelu ))", 3},
        {"min(depth, 3) + max(depth, 3)", 7},
        {"sqrt(depth) + ceil(1.2) + floor(1.8) + log(exp(2))", 2 + 2 + 1 + 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        assert_near(value(of[i].text), of[i].value, 1e-12);
    assert_true(isinf(value("1 / (depth - 4)")));
    assert_true(isnan(value("log(-depth)")));
    assert_true(isnan(value("max(log(-depth), 5)")));
    assert_true(isnan(value("max(5, log(-depth))")));
    assert_true(isnan(value("min(log(-depth), 5)")));
    assert_true(isnan(value("min(5, log(-depth))")));
}

static void refusals(void **state)
{
    static const char *const of[][2] = {
        {"", "a number or a gene is missing at the end"},
        {"1 +", "a number or a gene is missing at the end"},
        {"1 + * 2", "a number or a gene is missing before '* 2'"},
        {"(1 + 2", "there should be ')' at the end"},
        {"1 2", "'2' is too much"},
        {"width", "'width' is no gene and no function"},
        {"sin(1)", "'sin' is no function"},
        {"min(1)", "there should be ',' before ')'"},
        {"heads", "'heads' is a list; use it within sum()"},
        {"sum(depth)", "there is no list within sum()"},
        {"sum(sum(heads))", "there is a sum() within sum()"},
        {"sum(heads * mask)", "'heads' and 'mask' have different lengths; give each a sum()"},
        {"prev(heads, 1)", "'heads' is a list; use it within sum()"},
        {"sum(prev(depth, 1))", "'depth' is no list"},
        {"act", "'act' has choices that are no numbers; use is(act, relu)"},
        {"is(act, tanh)", "'tanh' is no choice of 'act'"},
        {"is(depth)", "there should be ',' before ')'"},
        {"1e999", "'1e999' is no number"},
    };
    struct space_expression e;
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    char nested[200] = "";
    struct rt_err err;

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        assert_int_equal(space_expression_parse(&space, of[i][0], &e, &err), RT_EARG);
        assert_string_equal(err.text, of[i][1]);
    }
    memset(nested, '(', sizeof nested - 1);
    assert_int_equal(space_expression_parse(&space, nested, &e, &err), RT_EARG);
    assert_string_equal(err.text, "it is nested more than 32 deep");
    for (size_t i = 0; i + 2 < sizeof nested; i += 2)
        memcpy(nested + i, "1+", 3);
    memcpy(nested + sizeof nested - 2, "1", 2);
    assert_int_equal(space_expression_parse(&space, nested, &e, &err), RT_EARG);
    assert_string_equal(err.text, "it has more than 128 parts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
