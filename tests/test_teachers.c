/* tests/test_teachers.c -- teaching, its cache, and when the cache is refused. */
#include "teachers_sample.h"

static void teach_trains_then_open_gives_the_knowledge(void **state)
{
    struct bed *bed = *state;
    struct tr_knowledge knowledge;
    struct rt_err err;

    assert_false(tr_teachers_cached(&bed->spec));
    refuse_open(bed, RT_EIO, "ann.safetensors'");
    teach(bed);

    assert_true(tr_teachers_cached(&bed->spec));
    assert_int_equal(bed->steps[0], 18); /* 3 epochs of 96 examples by 16 */
    assert_int_equal(bed->steps[1], 18);
    assert_ok(tr_teachers_open(&bed->teaching, &knowledge, &err));
    assert_int_equal(knowledge.key.teachers, 2);
    assert_int_equal(knowledge.key.rows, examples);
    assert_int_equal(knowledge.key.classes, toy_classes);
    assert_string_equal(knowledge.key.name[1], "bob");
    tr_knowledge_close(&knowledge);
}

static void what_is_known_is_what_the_teachers_predict(void **state)
{
    struct bed *bed = *state;
    const size_t n = (size_t)examples * 2 * toy_classes;
    float *logits, *predicted = malloc(n * sizeof *predicted);
    struct rt_err err;

    assert_non_null(predicted);
    teach(bed);
    logits = known(bed);
    assert_ok(tr_teachers_predict(&bed->teaching, bed->task, predicted, &err));

    assert_memory_equal(logits, predicted, n * sizeof *logits);
    free(logits);
    free(predicted);
}

static void teach_again_trains_nothing(void **state)
{
    struct bed *bed = *state;
    const size_t bytes = (size_t)examples * 2 * toy_classes * sizeof(float);
    float *first, *second;

    teach(bed);
    first = known(bed);
    teach(bed);
    second = known(bed);

    assert_int_equal(bed->steps[0] + bed->steps[1], 0);
    assert_memory_equal(first, second, bytes);
    free(first);
    free(second);
}

static void weights_are_the_same_for_one_and_two_threads(void **state)
{
    struct bed *bed = *state;
    const size_t bytes = (size_t)examples * 2 * toy_classes * sizeof(float);
    float *one, *two;

    teach(bed);
    one = known(bed);
    snprintf(bed->spec.folder, sizeof bed->spec.folder, "%s/two", bed->folder);
    bed->teaching.threads = 2;
    teach(bed);
    two = known(bed);

    assert_int_equal(bed->steps[0], 18); /* trained anew, elsewhere */
    assert_memory_equal(one, two, bytes);
    free(one);
    free(two);
}

static void refuse_teach(struct bed *bed, rt_status code, const char *text)
{
    struct rt_err err;

    assert_int_equal(tr_teachers_teach(&bed->teaching, &err), code);
    assert_says(&err, text);
    assert_int_equal(bed->steps[0] + bed->steps[1], 0);
}

static void a_changed_recipe_is_refused_until_its_teacher_is_named(void **state)
{
    struct bed *bed = *state;
    struct tr_teacher_spec *bob = &bed->spec.teacher[1], kept;

    teach(bed);
    kept = *bob;
    for (int change = 0; change < 7; change++) {
        *bob = kept;
        switch (change) {
        case 0: bob->epochs = 4; break;
        case 1: bob->batch = 12; break;
        case 2: bob->learning_rate = 2e-3; break;
        case 3: bob->warmup = .2; break;
        case 4: bob->weight_decay = .02; break;
        case 5: bob->seed = 6; break;
        default: bob->arch.ffn[0] = 12;
        }
        refuse_open(bed, RT_EMISMATCH, "teacher 'bob'");
        refuse_open(bed, RT_EMISMATCH, "'retort teach --retrain bob'");
    }
    bed->steps[0] = bed->steps[1] = 0;
    refuse_teach(bed, RT_EMISMATCH, "'retort teach --retrain bob'");
    bed->teaching.retrain[1] = true;
    teach(bed);
    bed->teaching.retrain[1] = false;

    assert_int_equal(bed->steps[0], 0); /* ann did not change */
    assert_int_equal(bed->steps[1], 18);
    free(known(bed));
    *bob = kept;
    refuse_open(bed, RT_EMISMATCH, "teacher 'bob'");
}

static void other_data_or_another_split_is_refused_by_open(void **state)
{
    struct bed *bed = *state;
    struct tr_task *other =
        toy_task_split(examples, (struct tr_split_sizes){.validation = 24, .seed = 2});
    char kept;

    teach(bed);
    kept = bed->task->hash[0];
    bed->task->hash[0] = '*';
    refuse_open(bed, RT_EMISMATCH, "other data");
    bed->task->hash[0] = kept;
    bed->teaching.task = other;
    refuse_open(bed, RT_EMISMATCH, "other data");
    bed->teaching.task = bed->task;
    free(known(bed));
    tr_task_close(other);
}

static void a_weight_does_not_make_the_cache_stale(void **state)
{
    struct bed *bed = *state;

    teach(bed);
    bed->spec.teacher[0].weight = 3;
    free(known(bed));
}

static void fewer_or_reordered_teachers_are_refused_by_open(void **state)
{
    struct bed *bed = *state;
    struct tr_teacher_spec ann = bed->spec.teacher[0];

    teach(bed);
    bed->spec.count = 1;
    refuse_open(bed, RT_EMISMATCH, "knows 2 teachers, the study has 1");
    bed->spec.count = 2;
    bed->spec.teacher[0] = bed->spec.teacher[1];
    bed->spec.teacher[1] = ann;
    refuse_open(bed, RT_EMISMATCH, "teacher 1 of");
}

static void damaged_weights_are_refused_until_their_teacher_is_named(void **state)
{
    struct bed *bed = *state;
    float *before, *after;
    char path[256];
    struct stat info;

    teach(bed);
    before = known(bed);
    snprintf(path, sizeof path, "%s/some/cache/ann.safetensors", bed->folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size / 2), 0);
    refuse_open(bed, RT_EFORMAT, "ann.safetensors'");
    bed->steps[0] = bed->steps[1] = 0;
    refuse_teach(bed, RT_EFORMAT, "'retort teach --retrain ann'");
    bed->teaching.retrain[0] = true;
    teach(bed);
    after = known(bed);

    assert_int_equal(bed->steps[0], 18);
    assert_int_equal(bed->steps[1], 0);
    assert_memory_equal(before, after, (size_t)examples * 2 * toy_classes * sizeof *before);
    free(before);
    free(after);
}

/* Of another program, or more open files than the system allows: hours of work stay. */
static void what_cannot_be_read_is_not_overwritten(void **state)
{
    static const char foreign[] = "not ours at all";
    struct bed *bed = *state;
    char path[256], kept[sizeof foreign] = {0};

    teach(bed);
    bed->steps[0] = bed->steps[1] = 0;
    snprintf(path, sizeof path, "%s/some/cache/bob.safetensors", bed->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(foreign, file) >= 0 && fclose(file) == 0);
    refuse_teach(bed, RT_EFORMAT, "'retort teach --retrain bob'");
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(kept, sizeof kept, file));
    fclose(file);
    assert_string_equal(kept, foreign);

    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct rt_err err;
    const rt_status rc = tr_teachers_teach(&bed->teaching, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_not_equal(rc, RT_OK);
    assert_int_equal(bed->steps[0], 0);
}

static void teach_stops_when_asked_and_leaves_no_knowledge(void **state)
{
    struct bed *bed = *state;
    atomic_int stop = 1;
    struct rt_err err;

    bed->teaching.stop = &stop;
    assert_int_equal(tr_teachers_teach(&bed->teaching, &err), RT_ESTOP);
    assert_false(tr_teachers_cached(&bed->spec));
}

static void teach_refuses_a_number_of_steps_that_never_ends(void **state)
{
    struct bed *bed = *state;
    struct rt_err err;

    bed->spec.teacher[1].epochs = 1e12;
    assert_int_equal(tr_teachers_teach(&bed->teaching, &err), RT_EARG);
    assert_says(&err, "teacher 'bob'");
}

/* Make teacher 1 a recorded one with logits of rows x columns, 0, 1/8, 2/8, ... */
static void record(struct bed *bed, size_t rows, size_t columns, float last)
{
    struct tr_teacher_spec *bob = &bed->spec.teacher[1];
    struct tr_matrix matrix = {rows, columns, malloc(rows * columns * sizeof(float))};
    struct rt_err err;

    assert_non_null(matrix.values);
    for (size_t i = 0; i < rows * columns; i++)
        matrix.values[i] = (float)i / 8;
    matrix.values[rows * columns - 1] = last;
    bob->kind = &tr_teacher_recorded;
    snprintf(bob->train_logits, sizeof bob->train_logits, "%s/bob.npy", bed->folder);
    assert_ok(tr_npy_write(bob->train_logits, &matrix, &err));
    tr_matrix_release(&matrix);
}

static void recorded_logits_stand_beside_those_of_a_trained_teacher(void **state)
{
    struct bed *bed = *state;
    float *logits;

    record(bed, examples, toy_classes, 2);
    teach(bed);
    logits = known(bed);

    for (int i = 0; i < examples; i++)
        for (int c = 0; c < toy_classes; c++) {
            const int at = i * toy_classes + c;
            assert_near(logits[(i * 2 + 1) * toy_classes + c],
                        at == examples * toy_classes - 1 ? 2 : at / 8., 0);
        }
    assert_int_equal(tr_teacher_params(&bed->spec.teacher[1], &bed->shape), 0);
    assert_true(tr_teacher_params(&bed->spec.teacher[0], &bed->shape) > 500);
    record(bed, examples, toy_classes, 3); /* recorded again, otherwise */
    refuse_open(bed, RT_EMISMATCH, "another teacher 'bob'");
    free(logits);
}

static void recorded_logits_that_do_not_fit_the_data_are_refused(void **state)
{
    static const size_t rows[] = {examples - 1, examples + 1, examples, examples};
    static const size_t columns[] = {toy_classes, toy_classes, toy_classes - 1, toy_classes + 1};
    static const char *const text[] = {"119 examples but the data has 120",
                                       "121 examples but the data has 120",
                                       "2 classes but the data has 3", "4 classes but"};
    struct bed *bed = *state;
    struct rt_err err;

    bed->spec.count = 2;
    for (int i = 0; i < 4; i++) {
        record(bed, rows[i], columns[i], 0);
        assert_int_equal(tr_teachers_teach(&bed->teaching, &err), RT_ESHAPE);
        assert_says(&err, "bob.npy'");
        assert_says(&err, text[i]);
        assert_false(tr_teachers_cached(&bed->spec));
    }
}

static void a_recorded_logit_that_is_not_finite_is_named(void **state)
{
    struct bed *bed = *state;
    struct rt_err err;

    record(bed, examples, toy_classes, NAN);
    assert_int_equal(tr_teachers_teach(&bed->teaching, &err), RT_ENAN);
    assert_says(&err, "bob.npy'");
    assert_says(&err, "example 119, class 2");
}

static void predict_wants_test_logits_of_a_recorded_teacher(void **state)
{
    struct bed *bed = *state;
    float *logits = malloc((size_t)examples * 2 * toy_classes * sizeof *logits);
    struct rt_err err;

    assert_non_null(logits);
    record(bed, examples, toy_classes, 0);
    teach(bed);
    assert_int_equal(tr_teachers_predict(&bed->teaching, bed->task, logits, &err), RT_EARG);
    assert_says(&err, "teacher 'bob'");
    memcpy(bed->spec.teacher[1].test_logits, bed->spec.teacher[1].train_logits, RT_PATH_MAX);
    assert_ok(tr_teachers_predict(&bed->teaching, bed->task, logits, &err));
    assert_near(logits[2 * toy_classes + toy_classes + 1], 4 / 8., 0); /* row 1, bob, class 1 */
    free(logits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_bed(teach_trains_then_open_gives_the_knowledge),
        in_bed(what_is_known_is_what_the_teachers_predict),
        in_bed(teach_again_trains_nothing),
        in_bed(weights_are_the_same_for_one_and_two_threads),
        in_bed(a_changed_recipe_is_refused_until_its_teacher_is_named),
        in_bed(other_data_or_another_split_is_refused_by_open),
        in_bed(a_weight_does_not_make_the_cache_stale),
        in_bed(fewer_or_reordered_teachers_are_refused_by_open),
        in_bed(damaged_weights_are_refused_until_their_teacher_is_named),
        in_bed(what_cannot_be_read_is_not_overwritten),
        in_bed(teach_stops_when_asked_and_leaves_no_knowledge),
        in_bed(teach_refuses_a_number_of_steps_that_never_ends),
        in_bed(recorded_logits_stand_beside_those_of_a_trained_teacher),
        in_bed(recorded_logits_that_do_not_fit_the_data_are_refused),
        in_bed(a_recorded_logit_that_is_not_finite_is_named),
        in_bed(predict_wants_test_logits_of_a_recorded_teacher),
    };
    return cmocka_run_group_tests_name("trainer/teachers", tests, NULL, NULL);
}
