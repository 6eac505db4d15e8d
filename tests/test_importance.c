/* tests/test_importance.c -- which genes matter, over hand-made studies where that is known. */
#include "report_sample.h"

#include "reports/gene_importance.h"
#include "space/view.h"

/* Error and cost of an architecture, as the test wants them. */
typedef void score_fn(const struct space_arch *arch, double *error, int64_t *params);

static void add_trial(struct store *store, int64_t n, int64_t host, const struct space_arch *arch,
                      score_fn *score)
{
    struct space_cost cost = {.params = 1, .bytes = 4, .macs = 1, .memory = 1};
    struct store_result result = {.status = RT_OK, .value_count = 1};
    struct rt_err err;
    double error;

    score(arch, &error, &cost.params);
    result.values[0] = (struct store_value){"error", error, NAN};
    assert_ok(store_trial_propose(store,
                                  &(struct store_proposal){.number = n,
                                                           .space = &sample_students,
                                                           .arch = arch,
                                                           .cost = &cost,
                                                           .origin = "random",
                                                           .parent_a = -1,
                                                           .parent_b = -1,
                                                           .inherits = -1,
                                                           .seed = (uint64_t)n},
                                  &err));
    assert_ok(store_trial_start(store, n, host, 0, &err));
    assert_ok(store_trial_done(store, n, &result, &err));
    assert_ok(store_trial_commit(
        store, &(struct store_commit){.number = n, .hypervolume = NAN, .front_size = 0}, &err));
}

/* `trials` architectures of three layers, every gene drawn alone; tied: all layers alike. */
static struct store *study(const char *name, int trials, bool tied, score_fn *score)
{
    static const int widths[] = {32, 48, 64}, ffns[] = {32, 64, 128};
    struct store_study what = sample_study;
    struct store *store = NULL;
    struct rt_rng rng;
    struct rt_err err;
    int64_t host;

    what.objective_count = 2;
    assert_ok(store_create(sample_path(name), &what, &store, &err));
    assert_ok(store_host(store, &sample_machine, "v3", &host, &err));
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int n = 0; n < trials; n++) {
        struct space_arch a = {.depth = 3, .head_dim = 16, .patch = 7};
        a.width = widths[rt_rng_below(&rng, 3)];
        for (int l = 0; l < 3; l++) {
            a.heads[l] = tied && l ? a.heads[0] : 1 + (int)rt_rng_below(&rng, 4);
            a.ffn[l] = tied && l ? a.ffn[0] : ffns[rt_rng_below(&rng, 3)];
        }
        add_trial(store, n, host, &a, score);
    }
    return store;
}

static struct report__importance judged(struct store *store)
{
    struct report__importance all;
    struct rt_err err;

    assert_ok(report__importance_load(store, &all, &err));
    return all;
}

static const struct report__gene *gene_of(const struct report__importance *all, const char *name)
{
    for (int g = 0; g < all->count; g++)
        if (strcmp(all->gene[g].name, name) == 0)
            return &all->gene[g];
    fail_msg("no gene '%s'", name);
    return NULL;
}

/* Orders what is otherwise equal, by no single gene. */
static double scatter(const struct space_arch *a)
{
    return 1e-6 * ((a->heads[0] * 131 + a->ffn[0] * 7 + a->heads[1] * 71 + a->ffn[1] * 3 +
                    a->heads[2] * 29 + a->ffn[2] * 5) %
                   97);
}

/* The width alone decides. */
static void by_width(const struct space_arch *a, double *error, int64_t *params)
{
    *error = (100 - a->width) / 100. + scatter(a);
    *params = 1000;
}

/* The heads of the second layer alone. */
static void by_layer(const struct space_arch *a, double *error, int64_t *params)
{
    *error = .5 - .1 * a->heads[1] + scatter(a);
    *params = 1000;
}

static void the_gene_that_decides_alone_has_the_largest_share(void **state)
{
    struct store *store = study("a.db", 200, false, by_width);
    struct report__importance all = judged(store);
    const struct report__gene *width = gene_of(&all, "width");
    char text[128];
    (void)state;

    assert_int_equal(all.trials, 200);
    assert_int_equal(all.top, 20);
    assert_ptr_equal(width, &all.gene[0]);
    assert_true(width->share > .8);
    assert_int_equal(width->positions, 1);
    assert_true(width->position[0].of_top == 1);
    assert_true(strncmp(report__favoured_text(width, text), "64: 100 % of the best, 3", 24) == 0);
    report__importance_release(&all);
    store_close(store);
}

static void divergence_is_that_of_the_formula(void **state)
{
    struct store *store = study("a.db", 200, false, by_width);
    struct report__importance all = judged(store);
    const struct report__position *p = &gene_of(&all, "width")->position[0];
    (void)state;

    /* all of the top chose 64: D = (1-q)^2/q + the others' shares = 1/q - 1 */
    const double want = 1 / p->of_all - 1 - 2. / 20 * 180 / 199;
    assert_true(fabs(p->importance - want) < 1e-12);
    report__importance_release(&all);
    store_close(store);
}

static void the_layer_that_matters_is_named(void **state)
{
    struct store *store = study("a.db", 200, false, by_layer);
    struct report__importance all = judged(store);
    const struct report__gene *heads = gene_of(&all, "heads");
    char text[128];
    (void)state;

    assert_ptr_equal(heads, &all.gene[0]);
    assert_int_equal(heads->main, 1);
    assert_non_null(strstr(report__favoured_text(heads, text), "4 in layer 1: 100 % of the best"));
    report__importance_release(&all);
    store_close(store);
}

static void tied_layers_count_once(void **state)
{
    struct store *store = study("a.db", 200, true, by_layer);
    struct report__importance all = judged(store);
    const struct report__gene *heads = gene_of(&all, "heads");
    (void)state;

    assert_true(fabs(heads->importance - heads->position[0].importance) < 1e-9);
    assert_true(heads->position[0].importance == heads->position[2].importance);
    report__importance_release(&all);
    store_close(store);
}

/* Two objectives at odds: all trials are of rank 0, and the subset spans the front. */
static void at_odds(const struct space_arch *a, double *error, int64_t *params)
{
    const int place = a->width / 16 * 64 + a->heads[0] * 16 + a->heads[1] * 4 + a->heads[2];

    *error = .9 - .001 * place;
    *params = 1000 + place;
}

static void a_rank_that_is_cut_gives_its_spread(void **state)
{
    struct store *store = study("a.db", 100, false, at_odds);
    struct report__importance all = judged(store);
    const struct report__gene *width = gene_of(&all, "width");
    int top = 0, seen[3] = {0};
    (void)state;

    for (size_t i = 0; i < all.trials; i++)
        if (all.is_top[i]) {
            top++;
            seen[width->position[0].choice[i]]++;
        }

    assert_int_equal(top, 10);
    assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
    report__importance_release(&all);
    store_close(store);
}

/* A study of the user's own genes, of which the activation decides. */
static void own_genes_are_judged_too(void **state)
{
    static const char *const activations[] = {"relu", "gelu", "tanh"};
    struct space_gene gene[] = {
        {.name = "activation", .choice = activations, .choice_count = 3},
        {.name = "units", .choice = space_numbers, .choice_count = 4, .ordered = true}};
    struct space space = {.gene_count = 2, .gene = gene};
    struct store_study what = sample_study;
    struct store *store = NULL;
    struct rt_rng rng;
    struct rt_err err;
    int64_t host;
    (void)state;
    what.objective_count = 2;
    what.objectives[1] = "kl";
    assert_ok(space_init(&space, &err));
    assert_ok(store_create(sample_path("own.db"), &what, &store, &err));
    assert_ok(store_host(store, &sample_machine, "v3", &host, &err));
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int n = 0; n < 100; n++) {
        struct space_arch a;
        struct store_result result = {.status = RT_OK, .value_count = 2};
        struct space_value act;
        space_sample(&space, &rng, &a);
        space_value_of(&space, &a, 0, 0, &act);
        const double value = strcmp(act.text, "gelu") == 0 ? 1 : 2;
        result.values[0] = (struct store_value){"error", value + 1e-3 * (n * 37 % 100), NAN};
        result.values[1] = (struct store_value){"kl", 1, NAN};
        assert_ok(store_trial_propose(store,
                                      &(struct store_proposal){.number = n,
                                                               .space = &space,
                                                               .arch = &a,
                                                               .origin = "random",
                                                               .parent_a = -1,
                                                               .parent_b = -1,
                                                               .seed = (uint64_t)n},
                                      &err));
        assert_ok(store_trial_start(store, n, host, 0, &err));
        assert_ok(store_trial_done(store, n, &result, &err));
        assert_ok(store_trial_commit(store, &(struct store_commit){.number = n, .hypervolume = NAN},
                                     &err));
    }
    struct report__importance all = judged(store);

    assert_int_equal(all.count, 2);
    assert_string_equal(all.gene[0].name, "activation");
    assert_string_equal(all.gene[0].choice[all.gene[0].position[0].favoured], "gelu");
    report__importance_release(&all);
    store_close(store);
}

static void few_trials_are_said_or_refused(void **state)
{
    struct store *few = study("few.db", 9, false, by_width),
                 *some = study("some.db", 40, false, by_width);
    struct text text;
    struct rt_err err;
    (void)state;

    assert_int_equal(report_importance(few, REPORT_TABLE, text_open(&text), &err), RT_EEND);
    assert_has(err.text, "few.db' has 9 trials with results: importance needs 10, better 50");
    text_close(&text);
    free(text.data);

    assert_ok(report_importance(some, REPORT_TABLE, text_open(&text), &err));
    assert_has(text_close(&text),
               "only 4 trials are in the best tenth: 5 say more, that is 50 trials\n");
    free(text.data);
    store_close(few);
    store_close(some);
}

static void every_format_and_the_page_tell_it(void **state)
{
    struct store *store = study("a.db", 60, false, by_width);
    char page[256], *data = NULL;
    struct text text;
    struct rt_err err;
    size_t bytes;
    (void)state;

    assert_ok(report_importance(store, REPORT_TABLE, text_open(&text), &err));
    assert_has(text_close(&text), "what sets the best 6 of 60 trials apart");
    assert_has(text.data, "\nwidth ");
    free(text.data);
    assert_ok(report_importance(store, REPORT_CSV, text_open(&text), &err));
    assert_int_equal(count_of(text_close(&text), "\n"), 1 + 1 + 3 + 3); /* width, heads, ffn */
    free(text.data);
    assert_ok(report_importance(store, REPORT_JSON, text_open(&text), &err));
    json_t *json = json_loads(text_close(&text), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "genes")), 3);
    json_decref(json);
    free(text.data);

    snprintf(page, sizeof page, "%s", sample_path("page.html"));
    assert_ok(report_page(store, page, &err));
    assert_ok(rt_file_read(page, 1 << 24, &data, &bytes, &err));
    assert_has(data, "Which genes matter");
    free(data);
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_gene_that_decides_alone_has_the_largest_share),
        TEST(divergence_is_that_of_the_formula),
        TEST(the_layer_that_matters_is_named),
        TEST(tied_layers_count_once),
        TEST(a_rank_that_is_cut_gives_its_spread),
        TEST(own_genes_are_judged_too),
        TEST(few_trials_are_said_or_refused),
        TEST(every_format_and_the_page_tell_it),
    };
    return cmocka_run_group_tests_name("reports/importance", tests, NULL, NULL);
}
