/* tests/test_distill_correlation.c -- dist: correlations of rows and of columns, with gradients. */
#include "distill_support.h"

#include "trainer/distill/correlation.h"
#include "trainer/distill/distill.h"
#include "trainer/distill/softmax.h"

enum { C = 4, most = 3 };

/* Three examples: a column of two correlates by 1 or -1 whatever is in it. */
static const double student[most][C] = {{1, 2, .5, -1}, {.3, -.7, 1.5, .2}, {-.5, .4, .1, 1.2}};
static const double teacher[most][C] = {{2, 1, .1, -1.5}, {0, .5, 2.5, -1}, {.2, -.3, .6, 1.9}};

struct pair {
    int rows;
    double t, beta, gamma;
};

/* T^2 times the mean loss of the rows in z, and its gradient. */
static double dist(void *context, const double *z, double *grad)
{
    const struct pair *pair = context;
    double q[most][C], p[most][C], logs[C], space[TR_COLUMN_ROWS * C], loss = 0;
    struct tr_columns columns;

    for (ptrdiff_t i = 0; i < pair->rows; i++) {
        tr_softmax(z + i * C, C, 1 / pair->t, q[i], logs);
        tr_softmax(teacher[i], C, 1 / pair->t, p[i], logs);
    }
    tr_columns_init(&columns, C, space);
    for (int i = 0; i < pair->rows; i++)
        tr_columns_mean(&columns, q[i], p[i]);
    for (int i = 0; i < pair->rows; i++)
        tr_columns_product(&columns, q[i], p[i]);
    for (ptrdiff_t i = 0; i < pair->rows; i++) {
        double g[C] = {0}, along = 0;
        loss += pair->beta * tr_correlation_row(q[i], p[i], C, pair->beta, g);
        loss += pair->gamma * tr_columns_loss(&columns, q[i], p[i], pair->gamma, g);
        for (int c = 0; c < C; c++)
            along += q[i][c] * g[c];
        for (int c = 0; c < C; c++)
            grad[i * C + c] = pair->t * q[i][c] * (g[c] - along) / pair->rows;
    }
    return loss * pair->t * pair->t / pair->rows;
}

static void correlation_of_rows_reproduces_its_printed_values(void **state)
{
    static const double want[2 * C] = {-.213945633, .162737902,  .039074219,  .012133513,
                                       .026448781,  -.017257279, -.038085117, .028893614};
    struct pair inter = {2, 1, 1, 0}, both = {2, 1, 1, 1};
    double grad[2 * C];
    (void)state;
    assert_near(dist(&inter, student[0], grad), .394843948, PRINTED);
    assert_row(grad, want, 2 * C, PRINTED);
    /* with two rows each column's correlation is 1 or -1, which no small step changes */
    dist(&both, student[0], grad);
    assert_row(grad, want, 2 * C, PRINTED);
}

/* Values and gradients by numpy, with differences of sixth order. */
static void correlation_of_columns_reproduces_what_numpy_says(void **state)
{
    static const struct {
        struct pair pair;
        double value, grad[most * C];
    } cases[] = {
        {{3, 1, 0, 1},
         0.112991865,
         {-0.160017563, 0.116809023, 0.038368474, 0.004840066, 0.217578444, -0.029876828,
          -0.165972007, -0.021729610, -0.046782593, 0.060040887, -0.000433596, -0.012824699}},
        {{3, 1, 1, 1},
         0.402580700,
         {-0.302647986, 0.225300958, 0.064417953, 0.012929074, 0.235210965, -0.041381680,
          -0.191362084, -0.002467200, -0.063267977, 0.140560017, -0.012870063, -0.064421977}},
        {{3, 2, 2, 0.5},
         2.354077442,
         {-1.251030423, 0.809313899, 0.282617033, 0.159099491, 0.591749247, -0.427436099,
          -0.580871987, 0.416558838, -0.377047148, 1.169719248, -0.177596699, -0.615075401}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair = cases[i].pair;
        double grad[most * C];
        assert_near(dist(&pair, student[0], grad), cases[i].value, PRINTED);
        assert_row(grad, cases[i].grad, most * C, PRINTED);
        assert_gradient(dist, &pair, student[0], most * C);
    }
}

static void the_objective_takes_the_columns_of_the_rows_it_gets(void **state)
{
    struct tr_distill distill;
    struct tr_distill_stats stats = {0};
    float z[most * C], v[most * C], grad[most * C];
    const struct tr_ensemble ensemble = ensemble_of(1, alone);
    double want[most * C];
    static const int labels[most] = {0, 2, 1};
    struct pair pair = {3, 2, 1, .5};
    (void)state;
    for (int i = 0; i < most * C; i++) {
        z[i] = (float)student[i / C][i % C];
        v[i] = (float)teacher[i / C][i % C];
    }
    tr_distill_defaults(&distill);
    distill.loss = TR_LOSS_DIST;
    distill.dist_gamma = .5;
    distill.t_schedule = TR_SCHEDULE_CONSTANT;
    distill.t0 = 2;
    distill.mix = TR_MIX_CONSTANT;
    distill.ce0 = 0;
    distill.reg = TR_REG_NONE;
    assert_true(tr_distill_needs_batch(&distill));

    loss_of_rows(&distill, &ensemble, 0,
                 (struct tr_answers){
                     .count = most, .classes = C, .teachers = 1, .logits = z, .label = labels},
                 v, 1. / most, grad, &stats);

    assert_near(stats.total / most, dist(&pair, student[0], want), 2e-6);
    for (int i = 0; i < most * C; i++)
        assert_near((double)grad[i], want[i], 2e-6);
    distill.dist_gamma = 0;
    assert_false(tr_distill_needs_batch(&distill));
}

static void what_hardly_varies_has_neither_correlation_nor_gradient(void **state)
{
    static const double even[C] = {.25, .25, .25, .25}, sure[C] = {1, 0, 0, 0};
    double grad[C] = {0}, space[TR_COLUMN_ROWS * C];
    struct tr_columns columns;
    (void)state;
    assert_near(tr_correlation_row(even, sure, C, 1, grad), 1, 0);
    assert_near(tr_correlation_row(sure, even, C, 1, grad), 1, 0);
    tr_columns_init(&columns, C, space);
    for (int i = 0; i < 3; i++)
        tr_columns_mean(&columns, even, sure);
    for (int i = 0; i < 3; i++)
        tr_columns_product(&columns, even, sure);
    assert_near(tr_columns_loss(&columns, even, sure, 1, grad), 1, 0);
    for (int c = 0; c < C; c++)
        assert_near(grad[c], 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correlation_of_rows_reproduces_its_printed_values),
        cmocka_unit_test(correlation_of_columns_reproduces_what_numpy_says),
        cmocka_unit_test(the_objective_takes_the_columns_of_the_rows_it_gets),
        cmocka_unit_test(what_hardly_varies_has_neither_correlation_nor_gradient),
    };
    return cmocka_run_group_tests_name("distill/correlation", tests, NULL, NULL);
}
