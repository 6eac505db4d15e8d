/* tests/test_search_genes.c -- whole searches over the user's own genes. */
#include "genes_sample.h"
#include "search_sample.h"

/* Two metrics that no choice serves both of; distinct for every choice. */
static void evaluate(void *context, const struct search_job *job, struct store_result *result)
{
    const struct space *space = context;
    double feature[100], loss = 0, cost = 0;

    space_features(space, job->arch, feature);
    for (int i = 0; i < space_feature_count(space); i++) {
        loss += (1 - feature[i]) * (1 - feature[i]) / (i + 2);
        cost += feature[i] / (i + 3);
    }
    result->value_count = 2;
    result->values[0] = (struct store_value){"loss", loss, NAN};
    result->values[1] = (struct store_value){"seconds", cost, NAN};
}

static struct search_options options_of(int64_t trials, int workers)
{
    struct search_options options = sample_options(trials, workers);

    snprintf(options.objectives[0], STORE_NAME, "loss");
    snprintf(options.objectives[1], STORE_NAME, "seconds");
    return options;
}

static rt_status go(struct sample_study *s, const struct space *space,
                    struct search_options options, enum search_end *end, struct rt_err *err)
{
    const struct search_evaluator evaluator = {evaluate, (void *)space, NULL};
    atomic_int stop = 0;

    options.host = s->host;
    return search_run(space, &options, &evaluator, s->store, &stop, NULL, NULL, end, err);
}

static void rows_are_the_same_for_any_number_of_workers_and_after_a_stop(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    char *want = NULL;
    (void)state;
    for (int workers = 1; workers <= 4; workers++) {
        struct sample_study s;
        enum search_end end;
        struct rt_err err;
        char *rows;
        sample_create(&s, &(struct search_options){
                              .seed = 11, .objective_count = 2, .objectives = {"loss", "seconds"}});
        if (workers > 2)
            assert_ok(go(&s, &space, options_of(17, workers), &end, &err));
        assert_ok(go(&s, &space, options_of(50, workers), &end, &err));
        assert_int_equal(end, SEARCH_END_TRIALS);
        rows = sample_rows(s.store);
        if (want)
            assert_rows_equal(rows, want);
        else
            want = strdup(rows);
        free(rows);
        sample_remove(&s);
    }
    free(want);
}

static void choices_are_rows_that_a_person_can_ask_for(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    const struct search_options options = options_of(3, 1);
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    char text[200];
    (void)state;

    sample_create(&s, &options);
    assert_ok(go(&s, &space, options, &end, &err));

    sample_text(s.store, "select arch from candidate where id = 2", text, sizeof text);
    assert_string_equal(text, "act=relu,lr=0.001,depth=2,op=relu,heads=1,ffn=3,mask=0");
    sample_text(s.store,
                "select group_concat(name || '.' || position || ' ' || value || ' ' ||"
                " typeof(value), '; ') from gene where candidate = 2 and name in"
                " ('act', 'lr', 'heads')",
                text, sizeof text);
    assert_string_equal(text, "act.0 relu text; heads.0 1 integer; heads.1 1 integer;"
                              " lr.0 0.001 real");
    assert_int_equal(sample_integer(s.store, "select count(*) from layer"), 0);
    sample_remove(&s);
}

static bool few(const struct space *space, const struct space_arch *arch, char why[128])
{
    (void)space;
    (void)why;
    return arch->choice[0] == 1 && arch->choice[1] != 2;
}

static double exact_cost(const struct space *space, const struct space_arch *arch, const char *name)
{
    (void)space;
    return strcmp(name, "cost") == 0 ? arch->choice[2] : (double)NAN;
}

static void what_c_code_knows_is_kept_to_and_stored(void **state)
{
    const struct space_known known = {.feasible = few, .exact = exact_cost};
    struct space_gene row[1];
    struct space space = genes_row(row, 3);
    struct search_options options = options_of(0, 2);
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;

    space.known = &known;
    snprintf(options.objectives[1], STORE_NAME, "cost");
    sample_create(&s, &options);
    assert_ok(go(&s, &space, options, &end, &err));

    assert_int_equal(end, SEARCH_END_EXHAUSTED);
    assert_int_equal(sample_integer(s.store, "select count(*) from trial"), 3 * 4);
    assert_int_equal(sample_integer(s.store, "select max(value) from objective_values"
                                             " where name = 'cost'"),
                     3);
    assert_ok(go(&s, &space, options, &end, &err)); /* and is there when it resumes */
    assert_int_equal(end, SEARCH_END_EXHAUSTED);
    sample_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_for_any_number_of_workers_and_after_a_stop),
        cmocka_unit_test(choices_are_rows_that_a_person_can_ask_for),
        cmocka_unit_test(what_c_code_knows_is_kept_to_and_stored),
    };
    return cmocka_run_group_tests_name("search/genes", tests, NULL, NULL);
}
