/* tests/test_study_compress.c -- the study's keys for cutting students out of teachers, and int8.
 */
#include "cli/study.h"
#include "support.h"

#define DATA "data: {train_images: i.gz, train_labels: l.gz}\n"
#define TRAIN(n) "train: {arch: L" #n "-d16-k8-h1-f16-p7}"
#define TEACHERS                                                                                   \
    "teachers:\n  members:\n    - {name: told, weight: 9, logits: {train: t.npy}}\n"               \
    "    - {name: a, " TRAIN(1) "}\n    - {name: b, weight: 2, " TRAIN(                            \
        2) "}\n"                                                                                   \
           "    - {name: c, weight: 2, " TRAIN(3) "}\n"
#define SPACE "space: {depth: [1], width: [16], head_dim: [8], heads: [1], patch: [7], ffn: [32]}\n"
#define STUDY DATA TEACHERS SPACE /* eight lines */

static struct study parsed(const char *yaml)
{
    struct study study;
    struct rt_err err;

    assert_ok(study_parse("dir/s.yaml", yaml, strlen(yaml), &study, &err));
    return study;
}

static void assert_refused(const char *yaml, const char *text)
{
    struct study study;
    struct rt_err err = {0};

    assert_int_equal(study_parse("s.yaml", yaml, strlen(yaml), &study, &err), RT_EARG);
    assert_string_equal(err.text, text);
}

static void students_are_cut_out_of_the_weightiest_trained_teacher_unless_one_is_named(void **state)
{
    struct study study = parsed(STUDY);
    (void)state;
    assert_int_equal(study.recipe.init, TR_INIT_RANDOM);
    assert_int_equal(study.prune.teacher, 2); /* the first of equals */
    assert_int_equal(study.prune.importance, TR_IMPORTANCE_ACTIVATION);
    assert_int_equal(study.prune.calibration, 1024);
    assert_int_equal(study.prune.inherit.layers, TR_INHERIT_UNIFORM);
    assert_false(study.prune.inherit.merge_heads);
    study_release(&study);

    study = parsed(STUDY "distill: {init: prune}\nprune: {teacher: a, importance: gradient,\n"
                         "  calibration: 64, layers: influence, merge_heads: true}\n");
    assert_int_equal(study.recipe.init, TR_INIT_PRUNE);
    assert_int_equal(study.full.init, TR_INIT_PRUNE); /* taken over */
    assert_int_equal(study.prune.teacher, 1);
    assert_int_equal(study.prune.importance, TR_IMPORTANCE_GRADIENT);
    assert_int_equal(study.prune.calibration, 64);
    assert_int_equal(study.prune.inherit.layers, TR_INHERIT_INFLUENCE);
    assert_true(study.prune.inherit.merge_heads);
    study_release(&study);
}

static void a_start_that_no_teacher_can_give_is_refused(void **state)
{
    (void)state;
    assert_refused(STUDY "prune: {teacher: d}\n",
                   "'s.yaml':9:18: prune.teacher: no teacher is called 'd'; give one of "
                   "teachers.members");
    assert_refused(STUDY "prune: {teacher: told}\n",
                   "'s.yaml':9:18: prune.teacher: teacher 'told' is recorded and has no "
                   "weights to cut; give one with train");
    assert_refused(DATA "teachers: {members: [{name: a, logits: {train: t}}]}\n" SPACE
                        "distill: {init: prune}\n",
                   "'s.yaml':4:17: distill.init: no teacher has weights to be cut down; add one "
                   "with train, or give random");
    assert_refused(DATA "teachers: {members: [{name: a, logits: {train: t}}]}\n" SPACE
                        "full: {init: prune}\n",
                   "'s.yaml':4:14: full.init: no teacher has weights to be cut down; add one "
                   "with train, or give random");
}

static void int8_is_off_unless_it_is_asked_for(void **state)
{
    struct study study = parsed(STUDY);
    (void)state;
    assert_int_equal(study.recipe.quantise, TR_QUANTISE_NONE);
    assert_int_equal(study.recipe.ptq_rows, 1024);
    assert_near(study.recipe.qat.start, .8, 0);
    assert_near(study.recipe.qat.ema, .99, 0);
    assert_near(study.recipe.qat.freeze, .9, 0);
    study_release(&study);

    study = parsed(STUDY "distill: {quantise: ptq, ptq_rows: 9, qat: {start: .5}}\n"
                         "full: {quantise: qat, qat: {freeze: .95}}\n"
                         "search: {objectives: [int8_error, int8_bytes]}\n");
    assert_int_equal(study.recipe.quantise, TR_QUANTISE_PTQ);
    assert_int_equal(study.full.quantise, TR_QUANTISE_QAT);
    assert_int_equal(study.full.ptq_rows, 9);
    assert_near(study.full.qat.start, .5, 0);
    assert_near(study.full.qat.freeze, .95, 0);
    assert_near(study.recipe.qat.freeze, .9, 0);
    assert_string_equal(study.search.objectives[0], "int8_error");
    study_release(&study);
}

static void int8_that_cannot_be_measured_is_refused(void **state)
{
    (void)state;
    assert_refused(STUDY "search: {objectives: [params, int8_kl]}\n",
                   "'s.yaml':9:31: search.objectives[1]: 'int8_kl' is of students in int8; add "
                   "distill.quantise: ptq or qat");
    assert_refused(STUDY "distill: {qat: {start: .9, freeze: .5}}\n",
                   "'s.yaml':9:36: distill.qat.freeze: ranges cannot be kept from 0.5 on when they "
                   "are first seen at 0.9; give at least qat.start");
    assert_refused(STUDY "distill: {layers: {intermediate: 0}}\nfull: {quantise: qat}\n",
                   "'s.yaml':10:7: full.qat.start: at 0.8 layer-wise losses are in force, which "
                   "see no int8; begin later, or give layers.intermediate up to it");
}

static void a_cohort_without_a_mode_is_refused(void **state)
{
    struct study study;
    (void)state;
    assert_refused(
        STUDY "full: {online: {cohort: 3}}\n",
        "'s.yaml':9:16: full.online: without a mode nobody learns from anybody; give mode: "
        "dml, or mode: off");
    study = parsed(STUDY "full: {online: {mode: off, cohort: 3}}\n");
    assert_int_equal(study.online.mode, TR_ONLINE_OFF);
    study_release(&study);
}

static void what_no_recipe_reads_is_refused(void **state)
{
    (void)state;
    assert_refused(
        STUDY "prune: {calibration: 7}\n",
        "'s.yaml':9:8: prune: no recipe starts from a teacher; add init: prune, or leave "
        "it out");
    assert_refused(
        STUDY "distill: {quantise: ptq, qat: {start: .7}}\n",
        "'s.yaml':9:31: distill.qat: no recipe trains in int8; add quantise: qat, or leave "
        "it out");
    assert_refused(
        STUDY "distill: {quantise: ptq}\nfull: {quantise: qat, ptq_rows: 9}\n",
        "'s.yaml':10:33: full.ptq_rows: no recipe calibrates on rows; add quantise: ptq, "
        "or leave it out");
}

static void the_hash_knows_how_students_start_and_end(void **state)
{
    static const char *const different[] = {
        STUDY,
        STUDY "distill: {init: prune}\n",
        STUDY "distill: {init: prune}\nprune: {teacher: a}\n",
        STUDY "distill: {init: prune}\nprune: {importance: gradient}\n",
        STUDY "distill: {init: prune}\nprune: {calibration: 7}\n",
        STUDY "distill: {init: prune}\nprune: {layers: influence}\n",
        STUDY "distill: {init: prune}\nprune: {merge_heads: true}\n",
        STUDY "distill: {quantise: ptq}\n",
        STUDY "distill: {quantise: qat}\n",
        STUDY "distill: {quantise: ptq, ptq_rows: 5}\n",
        STUDY "distill: {quantise: qat, qat: {start: .7}}\n",
        STUDY "distill: {quantise: qat, qat: {ema: .9}}\n",
        STUDY "distill: {quantise: qat, qat: {freeze: .85}}\n"};
    enum { count = sizeof different / sizeof *different };
    char hash[count][RT_HASH_TEXT];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct study study = parsed(different[i]);
        study_hash(&study, hash[i]);
        study_release(&study);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(hash[i], hash[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            students_are_cut_out_of_the_weightiest_trained_teacher_unless_one_is_named),
        cmocka_unit_test(a_start_that_no_teacher_can_give_is_refused),
        cmocka_unit_test(int8_is_off_unless_it_is_asked_for),
        cmocka_unit_test(int8_that_cannot_be_measured_is_refused),
        cmocka_unit_test(a_cohort_without_a_mode_is_refused),
        cmocka_unit_test(what_no_recipe_reads_is_refused),
        cmocka_unit_test(the_hash_knows_how_students_start_and_end),
    };
    return cmocka_run_group_tests_name("cli/study, compression", tests, NULL, NULL);
}
