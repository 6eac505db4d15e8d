#include "cli/study_internal.h"
#include "study_sample.h"

#define ROOT RT_TEST_DATA "/.."

static const struct space_shape fashion = {.height = 28,
                                           .width = 28,
                                           .channels = 1,
                                           .classes = 10,
                                           .pool = SPACE_POOL_MEAN}; /* its pool is ignored */

/* What the block of the study's task has for one of its keys. */
static const void *task_value(const struct study *study, const char *key)
{
    const struct study_key *row = study_task_of(study)->data;

    while (strcmp(row->key, key) != 0)
        row++;
    return (const char *)study->block + row->at;
}

static const char *task_text(const struct study *study, const char *key)
{
    return task_value(study, key);
}

/* ---- what is read ---- */

static void a_minimal_study_has_the_defaults(void **state)
{
    struct study study = parsed(MINIMAL), want;
    (void)state;
    study_defaults(&want);

    assert_string_equal(study.name, "s");
    assert_string_equal(study.path, "dir/s.yaml");
    assert_string_equal(study.yaml, MINIMAL);
    assert_string_equal(study.store, "dir/s.db");
    assert_string_equal(study.teachers.folder, "dir/s.teachers");
    assert_string_equal(task_text(&study, "train_images"), "dir/i.gz");
    assert_string_equal(task_text(&study, "test_images"), "");
    assert_int_equal(study.data.validation, 10000);
    assert_int_equal(study.seed, 1);
    assert_int_equal(study.search.seed, 1);
    assert_true(study.search.workers >= 1);
    assert_int_equal(study.search.window, want.search.window);
    assert_int_equal(study.search.objective_count, 3);
    assert_string_equal(study.search.objectives[2], "latency");
    assert_int_equal(study.recipe.steps, want.recipe.steps);
    assert_near(study.recipe.learning_rate, want.recipe.learning_rate, 0);
    assert_near(study.recipe.distill.t0, 4, 0);
    assert_true(study.recipe.distill.t2_scale);
    assert_near(study.ensemble.weight[0], 1, 0);
    assert_near(study.full_epochs, 20, 0);
    assert_near(study.ensemble.calibration[15], 1, 0); /* what has no key has its default */
    assert_int_equal(study.latency.samples, want.latency.samples);
    assert_int_equal(study.space.limits.params, 0);
    assert_int_equal(study.teachers.count, 1);
    assert_int_equal(study.teachers.teacher[0].arch.width, 16);
    assert_near(study.teachers.teacher[0].epochs, 10, 0);
    assert_int_equal(study.teachers.teacher[0].seed, 1);
    study_release(&study);
}

static void the_last_rung_has_the_steps_of_a_trial(void **state)
{
    struct study study = parsed(MINIMAL "search: {rungs: [60, 180, 540], eta: 2.5}\n");
    (void)state;

    assert_int_equal(study.search.rung_count, 3);
    assert_int_equal(study.search.rung_budget[1], 180);
    assert_near(study.search.eta, 2.5, 0);
    assert_int_equal(study.recipe.steps, 540);
    study_release(&study);
    study = parsed(MINIMAL "distill: {steps: 9}\n");
    assert_int_equal(study.search.rung_count, 0);
    study_release(&study);
}

/* Every kind of value, and each other than its default. */
static const char everything[] =
    "name: n\nseed: 9000000000000000\nstore: /a/b.db\n"
    "data: {train_images: /i, train_labels: ../l, test_images: x, test_labels: y,\n"
    "       classes: 12, validation: 7, train_limit: 8}\n"
    "teachers:\n  cache: c\n  combine: logit\n  members:\n"
    "    - {name: a, weight: 3, logits: {train: p.npy, test: /q.npy}}\n"
    "    - name: b\n      train: {arch: L2-d16-k8-h1.2-f16-p7, epochs: 1.5, batch: 3,\n"
    "              learning_rate: 2e-3, warmup: .25, weight_decay: 0.5, seed: 4}\n"
    "space: {tie: stage, stages: 2, depth: [2, 1, 2], width: [8], head_dim: [8],\n"
    "        heads: [1], ffn_ratio: [2, 1.0e+0, .5], patch: [7], pool: mean}\n"
    "limits: {params: 1, bytes: 2, macs: 3, memory: 5000000000}\n"
    "distill: {steps: 6, loss: dkd, t2_scale: false, mix: two_stage, reg: l2sq}\n"
    "full: {epochs: 2.5, t0: 3}\n"
    "search: {trials: 5000000, hours: 0.5, workers: 3, objectives: [kl, macs],\n"
    "         worker_memory: 6000000000}\n"
    "latency: {batch: 4, threads: 2, warmup: 0, samples: 3}\n";

static void pairs_of_threads_and_batch_are_settings_of_latency(void **state)
{
    struct study study = parsed(MINIMAL "latency: {batch: [1, 4, 8], threads: [1, 4]}\n"
                                        "search: {objectives: [error, latency, latency@4x8]}\n");
    static const int want[][2] = {{1, 1}, {1, 4}, {1, 8}, {4, 4}, {4, 8}};
    struct tr_latency_options setting[STUDY_LATENCIES];
    char name[STORE_NAME];
    (void)state;

    assert_int_equal(study_latencies(&study, setting), 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(setting[i].threads, want[i][0]);
        assert_int_equal(setting[i].batch, want[i][1]);
    }
    study_latency_name(&setting[0], true, name);
    assert_string_equal(name, "latency");
    study_latency_name(&setting[1], false, name);
    assert_string_equal(name, "latency@1x4");
    assert_true(study_is_latency(&study, "latency@4x8"));
    assert_false(study_is_latency(&study, "latency@1x1")); /* that is `latency` */
    assert_string_equal(study.search.objectives[2], "latency@4x8");
    assert_int_equal(study_latency_threads(&study), 4);
    study_release(&study);
}

static void values_reach_their_places_in_data_and_teachers(void **state)
{
    struct study study = parsed(everything);
    (void)state;
    assert_string_equal(study.name, "n");
    assert_true(study.seed == UINT64_C(9000000000000000));
    assert_true(study.search.seed == study.seed);
    assert_string_equal(study.store, "/a/b.db");
    assert_string_equal(study.teachers.folder, "dir/c");
    assert_string_equal(task_text(&study, "train_images"), "/i");
    assert_string_equal(task_text(&study, "train_labels"), "dir/../l");
    assert_string_equal(task_text(&study, "test_labels"), "dir/y");
    assert_int_equal(*(const int *)task_value(&study, "classes"), 12);
    assert_int_equal(study.data.train_limit, 8);
    assert_int_equal(study.ensemble.combine, TR_COMBINE_LOGIT);
    assert_near(study.ensemble.weight[0], .75, 1e-15);
    assert_near(study.ensemble.weight[1], .25, 1e-15);
    assert_ptr_equal(study.teachers.teacher[0].kind, &tr_teacher_recorded);
    assert_string_equal(study.teachers.teacher[0].train_logits, "dir/p.npy");
    assert_string_equal(study.teachers.teacher[0].test_logits, "/q.npy");
    assert_ptr_equal(study.teachers.teacher[1].kind, &tr_teacher_trained);
    assert_int_equal(study.teachers.teacher[1].arch.heads[1], 2);
    assert_near(study.teachers.teacher[1].epochs, 1.5, 0);
    assert_int_equal(study.teachers.teacher[1].batch, 3);
    assert_near(study.teachers.teacher[1].warmup, .25, 0);
    assert_int_equal(study.teachers.teacher[1].seed, 4);
    study_release(&study);
}

static void values_reach_their_places_in_space_recipes_and_search(void **state)
{
    struct study study = parsed(everything);
    (void)state;
    assert_int_equal(study.space.tie, SPACE_TIE_STAGE);
    assert_int_equal(study.space.depth.count, 2); /* sorted, without repeats */
    assert_int_equal(study.space.depth.value[0], 1);
    assert_int_equal(study.space.ratio_count, 3);
    assert_near(study.space.ffn_ratio[0], .5, 0);
    assert_int_equal(study.space.shape.pool, SPACE_POOL_MEAN);
    assert_true(study.space.limits.memory == INT64_C(5000000000));
    assert_int_equal(study.recipe.steps, 6);
    assert_int_equal(study.recipe.distill.loss, TR_LOSS_DKD);
    assert_false(study.recipe.distill.t2_scale);
    assert_int_equal(study.recipe.distill.mix, TR_MIX_TWO_STAGE);
    assert_int_equal(study.recipe.distill.reg, TR_REG_L2SQ);
    assert_int_equal(study.full.distill.loss, TR_LOSS_DKD); /* taken over from distill */
    assert_near(study.full.distill.t0, 3, 0);
    assert_near(study.recipe.distill.t0, 4, 0);
    assert_int_equal(study.search.trials, 5000000);
    assert_near(study.search.hours, .5, 0);
    assert_int_equal(study.search.workers, 3);
    assert_int_equal(study.search.objective_count, 2);
    assert_string_equal(study.search.objectives[1], "macs");
    assert_true(study.worker_memory == INT64_C(6000000000));
    assert_int_equal(study.latency.threads[0], 2);
    assert_int_equal(study.latency.thread_counts, 1);
    assert_int_equal(study.latency.warmup, 0);
    study_release(&study);
}

static void the_full_recipe_counts_epochs_or_steps(void **state)
{
    struct study epochs = parsed(MINIMAL "full: {epochs: 2, batch: 50}\n");
    struct study steps = parsed(MINIMAL "full: {steps: 77}\n");
    (void)state;
    assert_int_equal(study_full_recipe(&epochs, 1000).steps, 40);
    assert_int_equal(study_full_recipe(&epochs, 1000).batch, 50);
    assert_int_equal(study_full_recipe(&epochs, 1).steps, 1);
    assert_int_equal(study_full_recipe(&steps, 1000).steps, 77);
    study_release(&epochs);
    study_release(&steps);
}

static void the_micro_batch_is_fixed_unless_timing_it_is_asked_for(void **state)
{
    struct study usual = parsed(MINIMAL);
    struct study small = parsed(MINIMAL "distill: {batch: 3}\nfull: {batch: 2}\n");
    struct study timed = parsed(MINIMAL "distill: {micro_batch: 0}\n");
    (void)state;
    assert_int_equal(usual.recipe.micro_batch, 4); /* so that a study begun anew repeats */
    assert_int_equal(small.recipe.micro_batch, 3);
    assert_int_equal(small.full.micro_batch, 2);
    assert_int_equal(timed.recipe.micro_batch, 0);
    study_release(&usual);
    study_release(&small);
    study_release(&timed);
}

static void the_examples_load_and_fit_fashion_mnist(void **state)
{
    static const struct {
        const char *path;
        int teachers;
        int64_t students; /* more than these */
    } all[] = {{ROOT "/examples/fashion-mnist/quick.yaml", 2, 1000},
               {ROOT "/examples/fashion-mnist/overnight.yaml", 3, INT64_C(10000000000)},
               {ROOT "/examples/teachers/cnn.yaml", 1, 10000}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct study study;
        struct rt_err err;
        assert_ok(study_load(all[i].path, &study, &err));

        assert_ok(study_bind_shape(&study, &fashion, &err));

        assert_int_equal(study.space.shape.height, 28);
        assert_int_equal(study.space.shape.pool, SPACE_POOL_CLASS);
        assert_int_equal(study.teachers.count, all[i].teachers);
        assert_true(space_size(&study.space) > all[i].students);
        study_release(&study);
    }
}

static void the_examples_load_and_fit_wordnet(void **state)
{
    static const struct space_shape glosses = {
        .length = 32, .classes = 45, .pool = SPACE_POOL_MEAN};
    static const char *const paths[] = {ROOT "/examples/wordnet/quick.yaml",
                                        ROOT "/examples/wordnet/overnight.yaml"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct study study;
        struct rt_err err;
        assert_ok(study_load(paths[i], &study, &err));

        assert_ok(study_bind_shape(&study, &glosses, &err));

        assert_ptr_equal(study_task_of(&study), &study_text);
        assert_int_equal(study.space.shape.pool, SPACE_POOL_MEAN);
        assert_true(space_size(&study.space) > 500);
        study_release(&study);
    }
}

static void what_comes_next_is_a_task_of_its_own(void **state)
{
    static const struct space_shape tokens = {.length = 32,
                                              .classes = 2000,
                                              .pool = SPACE_POOL_NONE,
                                              .variant = {.causal = true, .head = SPACE_HEAD_TIED}};
    struct study study;
    struct rt_err err;
    (void)state;

    assert_ok(study_load(ROOT "/examples/wordnet/next-token.yaml", &study, &err));
    assert_ok(study_bind_shape(&study, &tokens, &err));
    assert_ptr_equal(study_task_of(&study), &study_text_next);
    assert_int_equal(study.space.shape.pool, SPACE_POOL_NONE);
    assert_true(study.teachers.live);
    assert_string_equal(study.search.objectives[0], "bits_per_character");
    study_release(&study);
}

/* ---- what needs the data ---- */

static void assert_bind_refused(const char *yaml, const char *text)
{
    struct study study = parsed(yaml);
    struct rt_err err = {0};

    assert_int_equal(study_bind_shape(&study, &fashion, &err), RT_EARG);
    assert_string_equal(err.text, text);
    study_release(&study);
}

static void bind_refuses_what_does_not_fit_the_images(void **state)
{
    (void)state;
    assert_bind_refused(DATA TEACHERS
                        "space: {depth: [1], width: [16], head_dim: [8], heads: [1],\n"
                        "        ffn: [16], patch: [5]}\n",
                        "'dir/s.yaml':8:27: space.patch: 5 does not divide images of 28x28 pixels; "
                        "give a divisor of both");
    assert_bind_refused(MEMBERS("  - {name: a, train: {arch: L1-d16-k8-h1-f16-p5}}\n"),
                        "'dir/s.yaml':6:29: teachers.members[0].train.arch: patch 5 does not "
                        "divide images of 28x28 pixels");
}

static void bind_refuses_limits_that_nothing_keeps(void **state)
{
    (void)state;
    assert_bind_refused(MINIMAL "limits: {macs: 3, params: 100}\n",
                        "'dir/s.yaml':14:27: limits.params: nothing in the space fits 100; the "
                        "smallest member needs 2978");
}

/* ---- the hash ---- */

static void hash_of(const char *yaml, char text[RT_HASH_TEXT])
{
    struct study study = parsed(yaml);

    study_hash(&study, text);
    study_release(&study);
}

static void the_hash_ignores_what_does_not_decide_results(void **state)
{
    static const char *const same[] = {
        "# a comment\n" MINIMAL,
        MINIMAL "name: other\nstore: elsewhere.db\n",
        MINIMAL "search: {workers: 7, hours: 2, trials: 30}\n",
        MINIMAL "full: {epochs: 3, t0: 2}\n",
        DATA "  seed: 1\n" TEACHERS SPACE,
        MINIMAL "seed: 1\nlimits: {params: 0}\n", /* defaults, spelt out */
        SPACE TEACHERS "  cache: other\n" DATA "  test_images: t\n  test_labels: u\n",
        DATA TEACHERS "space: {width: [16, 16], depth: [2, 1], ffn: [32], heads: [1],\n"
                      "        head_dim: [8], patch: [7]}\n",
    };
    char want[RT_HASH_TEXT], got[RT_HASH_TEXT];
    (void)state;
    hash_of(MINIMAL, want);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        hash_of(same[i], got);
        if (strcmp(got, want) != 0)
            fail_msg("another hash for\n%s", same[i]);
    }
}

static const char *const different[] = {
    MINIMAL,
    MINIMAL "seed: 2\n",
    DATA "  seed: 2\n" TEACHERS SPACE,
    DATA "  seed: 1\n" TEACHERS SPACE "seed: 2\n",
    MINIMAL "limits: {params: 9000}\n",
    MINIMAL "distill: {steps: 501}\n",
    MINIMAL "distill: {t0: 3.9999999999}\n",
    MINIMAL "distill: {t2_scale: false}\n",
    MINIMAL "distill: {loss: rkl}\n",
    MINIMAL "distill: {loss: dist}\n",
    MINIMAL "distill: {loss: dist, dist_gamma: 0}\n",
    MINIMAL "distill: {loss: dist, dist_beta: 2}\n",
    MINIMAL "distill: {tau_teacher: 0.01}\n",
    MINIMAL "distill: {standardise: true}\n",
    MINIMAL "distill: {reg_target: ema}\n",
    MINIMAL "distill: {reg_target: ema, reg_decay: 0.9}\n",
    MINIMAL "search: {window: 15}\n",
    MINIMAL "search: {rungs: [100, 500]}\n",
    MINIMAL "search: {inherit: parent}\n",
    MINIMAL "search: {rungs: [10, 500]}\n",
    MINIMAL "search: {rungs: [10, 500], eta: 2}\n",
    MINIMAL "search: {objectives: [error, params]}\n",
    MINIMAL "search: {objectives: [params, error]}\n",
    MINIMAL "search: {worker_memory: 5000000000}\n",
    MINIMAL "latency: {batch: 2}\n",
    DATA "  validation: 9\n" TEACHERS SPACE,
    DATA TEACHERS "  combine: logit\n" SPACE,
    DATA TEACHERS "  weights: entropy\n" SPACE,
    DATA TEACHERS "  weights: uniform\n" SPACE,
    DATA "  held_out: 9\n" TEACHERS SPACE,
    DATA "  held_out: 9\n" TEACHERS "  calibrate: true\n" SPACE,
    DATA TEACHERS SPACE "  pool: mean\n",
    DATA TEACHERS SPACE_BUT_FFN "  ffn: [32, 40]\n",
    DATA TEACHERS SPACE_BUT_FFN "  ffn_ratio: [2]\n",
    DATA TEACHERS SPACE_BUT_FFN "  ffn_ratio: [2.25]\n",
    MEMBERS("  - {name: u, " TRAIN "}\n"),
    MEMBERS("  - {name: t, train: {arch: L1-d16-k8-h1-f16-p7, epochs: 9}}\n"),
    MEMBERS("  - {name: t, train: {arch: L1-d16-k8-h1-f24-p7}}\n"),
    MEMBERS("  - {name: t, logits: {train: x}}\n"),
    MEMBERS("  - {name: t, logits: {train: y}}\n"),
    DATA "  validation_rows: r.npy\n" TEACHERS SPACE,
    DATA "  validation_rows: s.npy\n" TEACHERS SPACE,
    "data: {train_images: j.gz, train_labels: l.gz}\n" TEACHERS SPACE,
};

static void the_hash_changes_with_what_decides_results(void **state)
{
    enum { count = sizeof different / sizeof *different };
    static char hash[count][RT_HASH_TEXT];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        hash_of(different[i], hash[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(hash[i], hash[j]) == 0)
                fail_msg("one hash for\n%s\nand\n%s", different[i], different[j]);
    }
}

static void the_hash_does_not_change_when_the_shape_is_bound(void **state)
{
    struct study study = parsed(MINIMAL);
    char before[RT_HASH_TEXT], after[RT_HASH_TEXT];
    struct rt_err err;
    (void)state;
    study_hash(&study, before);
    assert_ok(study_bind_shape(&study, &fashion, &err));

    study_hash(&study, after);

    assert_string_equal(before, after);
    study_release(&study);
}

/* ---- the table and its description ---- */

struct keys {
    const char *docs;
    int numbers;
};

static bool is_number(const struct study_key *row)
{
    return row->value == STUDY_INT || row->value == STUDY_REAL;
}

static void visit(struct keys *keys, const struct study_task *task, const char *prefix,
                  const struct study_key *table)
{
    const struct study_key *row;
    size_t at;

    for (int i = 0; (row = study__row(table, task, i, &at)); i++) {
        char key[STUDY_KEY], line[STUDY_KEY];

        snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", row->key);
        if (table == study__full_keys && strcmp(row->key, "epochs") != 0 &&
            strcmp(row->key, "online") != 0)
            continue; /* one row says that it has the keys of distill */
        const char *member = strstr(key, "members[].");
        snprintf(line, sizeof line, "| `%s` |", member ? member + 10 : row->key);
        if (row->value != STUDY_BLOCK && !strstr(keys->docs, line))
            fail_msg("docs/study.md does not describe %s", key);
        snprintf(key + strlen(key), sizeof key - strlen(key), "%s", row->entries ? "[]" : "");
        if (row->value == STUDY_BLOCK)
            visit(keys, task, key, row->keys);
        if ((row->value == STUDY_WORD) != (row->words != NULL))
            fail_msg("%s has words, or should have", key);
        if (!is_number(row))
            continue;
        if (!(row->most > row->least))
            fail_msg("%s has no range", key);
        if (row->value == STUDY_INT && row->bytes == sizeof(int))
            assert_true(row->least >= INT32_MIN && row->most <= INT32_MAX);
        keys->numbers++;
    }
}

static void every_key_is_described_and_every_number_has_a_range(void **state)
{
    struct keys keys = {0};
    char *docs = NULL;
    size_t bytes;
    struct rt_err err;
    (void)state;
    assert_ok(rt_file_read(ROOT "/docs/study.md", 1 << 20, &docs, &bytes, &err));
    keys.docs = docs;

    for (int i = 0; study_tasks[i]; i++) {
        assert_string_equal(study_tasks[i]->name, study_task_names[i]);
        visit(&keys, study_tasks[i], "", study__keys);
    }

    assert_in_range(keys.numbers, 50, 500);
    free(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_study_has_the_defaults),
        cmocka_unit_test(the_last_rung_has_the_steps_of_a_trial),
        cmocka_unit_test(pairs_of_threads_and_batch_are_settings_of_latency),
        cmocka_unit_test(values_reach_their_places_in_data_and_teachers),
        cmocka_unit_test(values_reach_their_places_in_space_recipes_and_search),
        cmocka_unit_test(the_full_recipe_counts_epochs_or_steps),
        cmocka_unit_test(the_micro_batch_is_fixed_unless_timing_it_is_asked_for),
        cmocka_unit_test(the_examples_load_and_fit_fashion_mnist),
        cmocka_unit_test(the_examples_load_and_fit_wordnet),
        cmocka_unit_test(what_comes_next_is_a_task_of_its_own),
        cmocka_unit_test(bind_refuses_what_does_not_fit_the_images),
        cmocka_unit_test(bind_refuses_limits_that_nothing_keeps),
        cmocka_unit_test(the_hash_ignores_what_does_not_decide_results),
        cmocka_unit_test(the_hash_changes_with_what_decides_results),
        cmocka_unit_test(the_hash_does_not_change_when_the_shape_is_bound),
        cmocka_unit_test(every_key_is_described_and_every_number_has_a_range),
    };
    return cmocka_run_group_tests_name("cli/study", tests, NULL, NULL);
}
