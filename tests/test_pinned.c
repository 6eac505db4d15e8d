/* tests/test_pinned.c -- six toy trials with every number that they came to, for each kernel set:
 * whatever is rebuilt, not one bit of what a study gets may move.
 *
 * What is wanted stands in golden/pinned.txt. Last bits depend on the C library (exp and log, and the
 * variant that it picks by cpuid), on the compiler of the kernels and, for `plain`, on OpenBLAS's
 * version and core type; the file says which made it. With the same ones numbers and digests must be
 * equal; with others numbers must be close (close_enough()), and the output says so, as it names the
 * sets that this processor has not.
 *
 * After a change that is meant to move bits:  test_pinned --write tests/golden/pinned.txt
 */
#include "toy_task.h"

#include <unistd.h>

#include "pinned.h"
#include "trainer/export/safetensors.h"
#include "trainer/learn/inherit.h"
#include "trainer/learn/teach.h"
#include "trainer/measure/trial.h"
#include "trainer/teachers/teachers.h"

enum { examples = 240, cohort = 3 };
static const char student_text[] = "L2-d16-k8-h2.1-f24.16-p4";

struct bed { /* a task, two taught teachers, and the weights that were fitted to them */
    char folder[64];
    struct tr_task *task;
    struct space_shape shape;
    struct tr_ensemble_spec spec;
    struct tr_teaching teaching;
    struct tr_knowledge knowledge;
    struct tr_data data;
    struct tr_network resident;
    struct tr_donor donor;
    struct tr_ensemble ensemble;
    struct tr_recipe recipe;
    struct pins *pins;
};

static struct tr_teacher_spec teacher_of(const char *name, const char *arch, double epochs)
{
    struct tr_teacher_spec teacher = {.kind = &tr_teacher_trained,
                                      .weight = 1,
                                      .epochs = epochs,
                                      .batch = 20,
                                      .learning_rate = 3e-3,
                                      .warmup = .1,
                                      .weight_decay = .01,
                                      .seed = 11};
    snprintf(teacher.name, sizeof teacher.name, "%s", name);
    assert_int_equal(space_arch_parse(arch, &teacher.arch, NULL), RT_OK);
    return teacher;
}

static void pin_metrics(struct pins *pins, const struct tr_metrics *metrics)
{
    char name[TR_METRIC_NAME + 4];

    for (int i = 0; i < metrics->count; i++) {
        const struct tr_metric *m = &metrics->list[i];
        pin_number(pins, m->name, m->value);
        snprintf(name, sizeof name, "%s_se", m->name);
        if (!isnan(m->error))
            pin_number(pins, name, m->error);
    }
}

static void teach(struct bed *bed, const struct tr_kernels *kernels)
{
    struct tr_metrics metrics = {0};
    struct rt_err err;

    bed->spec = (struct tr_ensemble_spec){
        .count = 2,
        .teacher = {teacher_of("ann", "L3-d24-k8-h3-f24-p4", 16),
                    teacher_of("bob", "L1-d12-k4-h1-f8-p4", 10)},
        .weights = TR_RULE_EM,
        .calibrate = true,
        .lanes = TR_LANES,
    };
    snprintf(bed->spec.folder, sizeof bed->spec.folder, "%s/teachers", bed->folder);
    bed->teaching = (struct tr_teaching){.train = tr_train_teacher,
                                         .spec = &bed->spec,
                                         .shape = &bed->shape,
                                         .task = bed->task,
                                         .kernels = kernels,
                                         .threads = 1};
    assert_ok(tr_teachers_teach(&bed->teaching, &err));
    assert_ok(tr_teachers_open(&bed->teaching, &bed->knowledge, &err));
    bed->data.knowledge = &bed->knowledge;
    bed->data.ensemble = &bed->ensemble;
    tr_ensemble_defaults(&bed->ensemble);
    assert_ok(tr_teachers_weigh(&bed->spec, bed->task, &bed->knowledge, &bed->ensemble, &err));
    bed->pins->run = "teachers";
    pin_digest(bed->pins, "logits", bed->knowledge.logits,
               (size_t)examples * 2 * toy_classes * sizeof(float));
    pin_number(bed->pins, "weight", bed->ensemble.weight[0]);
    pin_number(bed->pins, "calibration_0", bed->ensemble.calibration[0]);
    pin_number(bed->pins, "calibration_1", bed->ensemble.calibration[1]);
    assert_ok(tr_teacher_measure(bed->task, &bed->knowledge, &bed->ensemble, 2, &metrics, &err));
    pin_metrics(bed->pins, &metrics);
}

static void bed_init(struct bed *bed, const struct tr_kernels *kernels, struct pins *pins)
{
    const struct tr_prune prune = {
        .importance = TR_IMPORTANCE_GRADIENT, .calibration = 40, .inherit = {.merge_heads = true}};
    struct rt_err err;

    *bed = (struct bed){.folder = "/tmp/retort-pinned-XXXXXX", .shape = toy_shape(), .pins = pins};
    assert_non_null(mkdtemp(bed->folder));
    bed->task = toy_task_split(
        examples, (struct tr_split_sizes){.validation = 60, .held_out = 30, .seed = 1});
    bed->data = (struct tr_data){.task = bed->task};
    teach(bed, kernels);
    assert_ok(tr_teacher_open(&bed->resident, &bed->teaching, 0, TR_NETWORK_TRACE, &err));
    assert_ok(tr_donor_open(&bed->donor, &bed->teaching, &prune, &bed->data, 5, &err));
    bed->data.resident = &bed->resident;
    bed->data.donor = &bed->donor;
}

static void forget(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(remove(path), 0);
}

static void bed_release(struct bed *bed)
{
    static const char *const files[] = {"teachers/ann.safetensors", "teachers/bob.safetensors",
                                        "teachers/knowledge.rtk", "teachers", "student"};

    tr_donor_close(&bed->donor);
    tr_network_close(&bed->resident);
    tr_knowledge_close(&bed->knowledge);
    tr_task_close(bed->task);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        forget(bed->folder, files[i]);
    assert_int_equal(rmdir(bed->folder), 0);
}

/* A digest of the tensors that a file has. */
static void pin_weights(struct bed *bed, const char *path, const struct space_arch *arch)
{
    struct tr_student student;
    struct rt_err err;

    assert_ok(tr_student_init(&student, arch, &bed->shape, bed->teaching.kernels, &err));
    float *params = malloc(student.param_count * sizeof *params);
    assert_non_null(params);
    assert_ok(tr_safetensors_read(path, &student, params, &err));
    pin_digest(bed->pins, "weights", params, student.param_count * sizeof *params);
    free(params);
    tr_student_release(&student);
}

static void pin_curve(struct pins *pins, const struct tr_curve *curve)
{
    struct rt_hash *hash = rt_hash_open();

    assert_non_null(hash);
    for (int i = 0; i < curve->count; i++) {
        const struct rt_curve_point *point = &curve->points[i];
        rt_hash_add(hash, &point->step, sizeof point->step);
        rt_hash_add(hash, point->name, strlen(point->name));
        rt_hash_add(hash, &point->value, sizeof point->value);
    }
    pin_number(pins, "curve_points", curve->count);
    rt_hash_close(hash, pin_add(pins, "curve")->text);
}

static void run_trial(struct bed *bed, const char *name)
{
    struct pins *pins = bed->pins;
    struct space_arch arch;
    struct tr_trial_result r;
    char save[96];
    struct rt_err err;

    snprintf(save, sizeof save, "%s/student", bed->folder);
    assert_ok(space_arch_parse(student_text, &arch, &err));
    const struct tr_trial trial = {.arch = &arch,
                                   .shape = &bed->shape,
                                   .kernels = bed->teaching.kernels,
                                   .data = &bed->data,
                                   .recipe = &bed->recipe,
                                   .seed = 3,
                                   .save = save};
    assert_ok(tr_trial_run(&trial, &r, &err));
    pins->run = name;
    pin_metrics(pins, &r.metrics);
    pin_number(pins, "clipped", r.summary.clipped);
    pin_number(pins, "floored", r.summary.floored);
    pin_number(pins, "skipped", r.summary.skipped);
    pin_curve(pins, &r.curve);
    pin_weights(bed, save, &arch);
    tr_curve_release(&r.curve);
}

static void recipe_anew(struct bed *bed)
{
    bed->recipe = toy_recipe(60);
    bed->recipe.ptq_rows = 40;
}

static void run_trials(struct bed *bed)
{
    struct tr_recipe *recipe = &bed->recipe;

    recipe_anew(bed);
    run_trial(bed, "plain");

    recipe_anew(bed); /* a loss of whole batches, and mean weights */
    recipe->distill.loss = TR_LOSS_DIST;
    recipe->distill.reg_target = TR_REG_EMA;
    recipe->distill.standardise = true;
    run_trial(bed, "dist");

    recipe_anew(bed);
    tr_layers_defaults(&recipe->layers);
    run_trial(bed, "layers");

    recipe_anew(bed);
    recipe->quantise = TR_QUANTISE_QAT;
    recipe->qat = (struct tr_qat){.start = .3, .freeze = .8, .ema = .9};
    run_trial(bed, "qat");

    recipe_anew(bed);
    recipe->init = TR_INIT_PRUNE;
    recipe->quantise = TR_QUANTISE_PTQ;
    tr_layers_defaults(&recipe->layers);
    recipe->layers.attention_loss = TR_ATTENTION_KL;
    recipe->layers.matched = true;
    recipe->layers.intermediate = 0;
    run_trial(bed, "prune");
}

static void train_cohort(struct bed *bed, struct tr_student *student, struct tr_weights *weights)
{
    struct tr_train_summary summary[cohort];
    struct tr_online online;
    struct rt_err err;

    recipe_anew(bed);
    tr_online_defaults(&online);
    online.mode = TR_ONLINE_KDCL_MINLOGIT;
    online.cohort = cohort;
    const struct tr_training training = {.student = student,
                                         .data = &bed->data,
                                         .recipe = &bed->recipe,
                                         .seed = 3,
                                         .lanes = TR_LANES,
                                         .threads = 2};
    assert_ok(tr_train_cohort(&training, &online, weights, summary, &err));
}

static void run_cohort(struct bed *bed)
{
    static const char *const names[cohort] = {"cohort_0", "cohort_1", "cohort_2"};
    struct tr_weights weights[cohort];
    struct tr_student student;
    struct space_arch arch;
    struct rt_arena model;
    struct rt_err err;

    assert_ok(space_arch_parse(student_text, &arch, &err));
    assert_ok(tr_student_init(&student, &arch, &bed->shape, bed->teaching.kernels, &err));
    assert_ok(rt_arena_init(&model, cohort * tr_weights_bytes(&student, true), &err));
    for (unsigned k = 0; k < cohort; k++) {
        assert_ok(tr_weights_init(&weights[k], &student, true, &model, &err));
        tr_student_init_params(&student, 7 + k, weights[k].params);
    }
    train_cohort(bed, &student, weights);
    for (int k = 0; k < cohort; k++) {
        struct tr_metrics metrics = {0};
        bed->pins->run = names[k];
        assert_ok(tr_evaluate_validation(&student, &weights[k], &bed->data, 2, &metrics, &err));
        pin_metrics(bed->pins, &metrics);
        pin_digest(bed->pins, "weights", weights[k].params, student.param_count * sizeof(float));
    }
    rt_arena_release(&model);
    tr_student_release(&student);
}

/* Appends all numbers of one kernel set; false when this processor has it not. */
static bool run_all(const char *set, struct pins *pins)
{
    const struct tr_kernels *kernels;
    struct rt_err err;
    struct bed bed;

    assert_ok(tr_kernels_choose(&kernels, &err)); /* OpenBLAS to one thread */
    if (!(kernels = tr_kernels_by_name(set)))
        return false;
    pins->set = set;
    bed_init(&bed, kernels, pins);
    run_trials(&bed);
    run_cohort(&bed);
    bed_release(&bed);
    return true;
}

/* ---- comparing ---- */

static const char golden[] = RT_TEST_DATA "/golden/pinned.txt";

static bool same_origin(const char *set, const struct pin_origin *then)
{
    const struct pin_origin now = pin_origin_here();

    if (strcmp(now.libc, then->libc) || strcmp(now.compiler, then->compiler))
        return false;
    return strcmp(set, "plain") || !strcmp(now.openblas, then->openblas);
}

/* Elsewhere a rounding may decide which class is the likeliest of a row or two of sixty, and shares
 * move by that; training carries roundings on. */
static bool close_enough(double got, double want)
{
    return fabs(got - want) <= .06 + .1 * fabs(want);
}

static bool agrees(const struct pin *got, const struct pin *want, bool exact)
{
    if (want->text[0])
        return !exact || !strcmp(got->text, want->text);
    if (isnan(want->value))
        return isnan(got->value);
    return exact ? got->value == want->value : close_enough(got->value, want->value);
}

static void compare(const char *set, const struct pins *pins, const struct pins *wanted, bool exact)
{
    const size_t length = strlen(set);
    int count = 0, wrong = 0;

    for (int i = 0; i < wanted->count; i++) {
        const struct pin *want = &wanted->pin[i];
        if (strncmp(want->name, set, length) || want->name[length] != ' ')
            continue;
        const struct pin *got = pin_find(pins, want->name);
        assert_non_null(got);
        count++;
        if (agrees(got, want, exact))
            continue;
        wrong++;
        print_error("%s: got %a %s, want %a %s\n", want->name, got->value, got->text, want->value,
                    want->text);
    }
    print_message("%s: %d numbers %s\n", set, count, exact ? "to the bit" : "within tolerance");
    assert_int_equal(wrong, 0);
    assert_int_equal(count, pins->count);
}

static void set_gives_what_it_gave(const char *set)
{
    static struct pins pins, wanted;
    struct pin_origin then;

    pins.count = wanted.count = 0;
    pins_read(golden, &wanted, &then);
    if (!run_all(set, &pins)) {
        print_message("%s: not compared, this processor has no such kernels\n", set);
        return;
    }
    const bool exact = same_origin(set, &then);
    if (!exact)
        print_message("%s: compared within a tolerance alone, since the bits are those of libc %s, "
                      "%s, %s, and not all of these are here\n",
                      set, then.libc, then.compiler, then.openblas);
    compare(set, &pins, &wanted, exact);
}

static void plain_kernels_give_what_they_gave(void **state)
{
    (void)state;
    set_gives_what_it_gave("plain");
}

static void v3_gives_what_it_gave(void **state)
{
    (void)state;
    set_gives_what_it_gave("v3");
}

static void v4_gives_what_it_gave(void **state)
{
    (void)state;
    set_gives_what_it_gave("v4");
}

static int write_golden(const char *path)
{
    static const char *const sets[] = {"plain", "v3", "v4"};
    static struct pins pins;

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (!run_all(sets[i], &pins)) {
            print_error("this processor has no %s kernels: write %s on one that has all\n", sets[i],
                        path);
            return 1;
        }
    pins_write(path, &pins);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_kernels_give_what_they_gave),
        cmocka_unit_test(v3_gives_what_it_gave),
        cmocka_unit_test(v4_gives_what_it_gave),
    };

    if (argc == 3 && !strcmp(argv[1], "--write"))
        return write_golden(argv[2]);
    return cmocka_run_group_tests_name("pinned numbers", tests, NULL, NULL);
}
