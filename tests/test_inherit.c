/* tests/test_inherit.c -- importance of a network's parts, and students cut out of it. */
#include "student_support.h"
#include "toy_task.h"

#include "trainer/learn/inherit.h"
#include "trainer/measure/evaluate.h"
#include "trainer/net/predict.h"
#include "trainer/net/student_internal.h"

enum { rows_run = 40 };

struct net {
    struct tr_student student;
    struct tr_weights weights;
    struct rt_arena model;
};

/* A toy task, a network of made-up weights on it, and its scores. */
struct bed {
    struct tr_task *task;
    struct tr_data data;
    struct net teacher;
    struct tr_importance scores;
    int *rows, n;
};

static void net_init(struct net *net, const char *text)
{
    const struct space_shape shape = toy_shape();
    const struct tr_kernels *kernels;
    struct space_arch arch;
    struct rt_err err;

    *net = (struct net){0};
    assert_ok(space_arch_parse(text, &arch, &err));
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(tr_student_init(&net->student, &arch, &shape, kernels, &err));
    assert_ok(rt_arena_init(&net->model, tr_weights_bytes(&net->student, true), &err));
    assert_ok(tr_weights_init(&net->weights, &net->student, true, &net->model, &err));
}

static void net_release(struct net *net)
{
    rt_arena_release(&net->model);
    tr_student_release(&net->student);
}

static void measure(struct bed *bed, enum tr_importance_kind kind)
{
    struct rt_err err;

    tr_importance_release(&bed->scores);
    tr_weights_pack(&bed->teacher.student, &bed->teacher.weights);
    assert_ok(tr_importance_measure(&bed->scores, kind, &bed->teacher.student,
                                    &bed->teacher.weights, &bed->data, bed->rows, bed->n, &err));
}

static void bed_init(struct bed *bed, const char *text)
{
    struct rt_err err;

    *bed = (struct bed){0};
    bed->task = toy_task(120, 30);

    bed->data = (struct tr_data){.task = bed->task};
    assert_ok(tr_calibration_rows(&bed->task->split, 5, rows_run, &bed->rows, &bed->n, &err));
    net_init(&bed->teacher, text);
    fill_uniform(bed->teacher.weights.params, bed->teacher.student.param_count, 3);
    for (size_t i = 0; i < bed->teacher.student.param_count; i++)
        bed->teacher.weights.params[i] *= .4F;
    measure(bed, TR_IMPORTANCE_ACTIVATION);
}

static void bed_release(struct bed *bed)
{
    tr_importance_release(&bed->scores);
    net_release(&bed->teacher);
    tr_task_close(bed->task);
    free(bed->rows);
}

static float *tensor(struct net *net, int block, const char *name)
{
    char full[40];

    (void)snprintf(full, sizeof full, "block.%d.%s", block, name);
    const struct tr_tensor *t = student_tensor(&net->student, full);
    assert_non_null(t);
    return net->weights.params + t->offset;
}

static void zero_columns(float *w, int rows, int cols, int first, int count)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        memset(w + r * cols + first, 0, (size_t)count * sizeof *w);
}

/* How far the logits of two networks are apart. */
static double apart(const struct bed *bed, struct net *a, struct net *b)
{
    float got[rows_run * toy_classes], want[rows_run * toy_classes];
    double worst = 0;
    struct rt_err err;

    tr_weights_pack(&a->student, &a->weights);
    tr_weights_pack(&b->student, &b->weights);
    assert_ok(tr_predict(&a->student, &a->weights, bed->task, bed->rows, bed->n, 1, got, &err));
    assert_ok(tr_predict(&b->student, &b->weights, bed->task, bed->rows, bed->n, 1, want, &err));
    for (int i = 0; i < bed->n * toy_classes; i++) {
        const double gap = fabs((double)got[i] - (double)want[i]);
        worst = gap <= worst ? worst : gap; /* NaN is taken */
    }
    return worst;
}

static void inherit(struct bed *bed, struct net *student, enum tr_inherit_layers layers,
                    struct tr_lineage *lineage)
{
    const struct tr_inherit_options options = {.layers = layers};
    struct rt_err err;

    assert_ok(tr_inherit(&student->student, student->weights.params, &bed->teacher.student,
                         bed->teacher.weights.params, &bed->scores, &options, lineage, &err));
}

static bool among(const int *list, int n, int value)
{
    for (int i = 0; i < n; i++)
        if (list[i] == value)
            return true;
    return false;
}

static void four_heads_of_twelve_are_the_teacher_with_the_others_masked(void **state)
{
    static const int best[4] = {1, 4, 7, 11};
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    (void)state;
    bed_init(&bed, "L2-d16-k4-h12-f24-p4");
    net_init(&student, "L2-d16-k4-h4-f24-p4");
    for (int l = 0; l < 2; l++)
        for (int i = 0; i < 4; i++)
            bed.scores.head[l][best[i]] += 1000;

    inherit(&bed, &student, TR_INHERIT_UNIFORM, &lineage);

    assert_int_equal(lineage.inherited, student.student.param_count);
    for (int l = 0; l < 2; l++) {
        assert_memory_equal(lineage.head[l], best, sizeof best);
        for (int h = 0; h < 12; h++)
            if (!among(best, 4, h))
                zero_columns(tensor(&bed.teacher, l, "proj.weight"), 16, 48, 4 * h, 4);
    }
    assert_true(apart(&bed, &student, &bed.teacher) < 1e-5);
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

static void kept_neurons_are_the_teacher_with_the_others_masked(void **state)
{
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    int masked = 0;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    net_init(&student, "L2-d16-k8-h2-f9-p4");

    inherit(&bed, &student, TR_INHERIT_UNIFORM, &lineage);

    for (int l = 0; l < 2; l++)
        for (int j = 0; j < 24; j++) {
            int better = 0;
            for (int i = 0; i < 24; i++)
                better += bed.scores.neuron[l][i] > bed.scores.neuron[l][j];
            if (better < 9)
                continue;
            zero_columns(tensor(&bed.teacher, l, "down.weight"), 16, 24, j, 1);
            masked++;
        }
    assert_int_equal(masked, 2 * 15);
    assert_true(apart(&bed, &student, &bed.teacher) < 1e-5);
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

static void mask_layer(struct net *net, int l, int d, int inner, int ffn)
{
    memset(tensor(net, l, "proj.weight"), 0, (size_t)(d * inner + d) * sizeof(float));
    memset(tensor(net, l, "down.weight"), 0, (size_t)(d * ffn + d) * sizeof(float));
}

static void kept_layers_are_the_teacher_with_the_others_masked(void **state)
{
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    (void)state;
    bed_init(&bed, "L4-d16-k8-h2-f24-p4");
    net_init(&student, "L2-d16-k8-h2-f24-p4");

    inherit(&bed, &student, TR_INHERIT_UNIFORM, &lineage);

    assert_int_equal(lineage.layer[0], 1);
    assert_int_equal(lineage.layer[1], 3);
    mask_layer(&bed.teacher, 0, 16, 16, 24);
    mask_layer(&bed.teacher, 2, 16, 16, 24);
    assert_true(apart(&bed, &student, &bed.teacher) < 1e-5);
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

static void layers_without_influence_are_left_out_unharmed(void **state)
{
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    (void)state;
    bed_init(&bed, "L4-d16-k8-h2-f24-p4");
    net_init(&student, "L2-d16-k8-h2-f24-p4");
    mask_layer(&bed.teacher, 1, 16, 16, 24);
    mask_layer(&bed.teacher, 3, 16, 16, 24);
    for (int kind = TR_IMPORTANCE_ACTIVATION; kind <= TR_IMPORTANCE_GRADIENT; kind++) {
        measure(&bed, (enum tr_importance_kind)kind);
        assert_near(bed.scores.layer[1], 0, 1e-6 * rows_run);
        assert_near(bed.scores.layer[3], 0, 1e-6 * rows_run);

        inherit(&bed, &student, TR_INHERIT_INFLUENCE, &lineage);

        assert_int_equal(lineage.layer[0], 0);
        assert_int_equal(lineage.layer[1], 2);
        assert_true(apart(&bed, &student, &bed.teacher) < 1e-5);
        tr_lineage_release(&lineage);
    }
    net_release(&student);
    bed_release(&bed);
}

/* What is new is 0 here, so that it must add nothing: heads, wider heads, neurons and layers. */
static void a_larger_student_computes_what_its_source_does(void **state)
{
    static const char *const larger[] = {"L2-d16-k8-h5-f24-p4", "L2-d16-k11-h2-f24-p4",
                                         "L2-d16-k8-h2-f50-p4", "L5-d16-k8-h2-f24-p4",
                                         "L3-d16-k9-h4-f25-p4"};
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        struct net student;
        struct tr_lineage lineage;
        net_init(&student, larger[i]);

        inherit(&bed, &student, TR_INHERIT_UNIFORM, &lineage);

        assert_int_equal(lineage.inherited, bed.teacher.student.param_count);
        assert_true(apart(&bed, &student, &bed.teacher) < 1e-5);
        tr_lineage_release(&lineage);
        net_release(&student);
    }
    bed_release(&bed);
}

/* The same over random first values, when it is to be quiet; and a wider one comes near it. */
static void a_quiet_child_computes_what_its_parent_does(void **state)
{
    static const struct tr_inherit_options quiet = {.layers = TR_INHERIT_INFLUENCE, .quiet = true};
    static const struct tr_inherit_options loud = {.layers = TR_INHERIT_INFLUENCE};
    static const char *const larger[] = {"L2-d16-k8-h5-f24-p4", "L2-d16-k11-h2-f24-p4",
                                         "L2-d16-k8-h2-f50-p4", "L5-d16-k8-h2-f24-p4",
                                         "L3-d16-k8-h4-f25-p4", "L2-d24-k8-h2-f24-p4"};
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        struct net student;
        double gap[2];
        net_init(&student, larger[i]);
        for (int q = 0; q < 2; q++) {
            struct tr_lineage lineage;
            struct rt_err err;
            tr_student_init_params(&student.student, 7, student.weights.params);
            assert_ok(tr_inherit(&student.student, student.weights.params, &bed.teacher.student,
                                 bed.teacher.weights.params, &bed.scores, q ? &quiet : &loud,
                                 &lineage, &err));
            gap[q] = apart(&bed, &student, &bed.teacher);
            tr_lineage_release(&lineage);
        }
        assert_true(gap[0] > 1e-4);
        assert_true(gap[1] < (student.student.arch.width > 16 ? .5 * gap[0] : 1e-5));
        net_release(&student);
    }
    bed_release(&bed);
}

static void new_layers_stand_between_those_of_the_source(void **state)
{
    static const int want[5] = {-1, -1, 0, -1, 1};
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    net_init(&student, "L5-d16-k8-h2-f24-p4");

    inherit(&bed, &student, TR_INHERIT_INFLUENCE, &lineage);

    assert_memory_equal(lineage.layer, want, sizeof want);
    assert_int_equal(lineage.head[2][1], 1);
    assert_int_equal(lineage.head[0][0], -1);
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

/* The channels kept are those of the scores, in every tensor alike; what is new stays. */
static void channels_are_one_set_and_what_is_new_keeps_its_first_values(void **state)
{
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    (void)state;
    bed_init(&bed, "L1-d4-k2-h1-f3-p4");
    net_init(&student, "L1-d3-k2-h1-f4-p4");
    bed.scores.channel[2] = -1; /* the worst: 0, 1 and 3 are kept */
    for (size_t i = 0; i < student.student.param_count; i++)
        student.weights.params[i] = 9;

    inherit(&bed, &student, TR_INHERIT_UNIFORM, &lineage);

    const float *up = tensor(&bed.teacher, 0, "up.weight"), *got = tensor(&student, 0, "up.weight");
    const float *proj = tensor(&bed.teacher, 0, "proj.weight");
    for (ptrdiff_t j = 0; j < 3; j++) {
        assert_true(got[3 * j] == up[4 * j]);
        assert_true(got[3 * j + 1] == up[4 * j + 1]);
        assert_true(got[3 * j + 2] == up[4 * j + 3]);
    }
    assert_true(got[9] == 9 && got[10] == 9 && got[11] == 9); /* the new neuron */
    assert_memory_equal(tensor(&student, 0, "proj.weight") + 4, proj + 6, 2 * sizeof(float));
    assert_int_equal(lineage.inherited, student.student.param_count - (3 + 1 + 3));
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

static void another_patch_size_starts_stem_and_positions_at_random(void **state)
{
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    size_t fresh = 0;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    net_init(&student, "L2-d16-k8-h2-f24-p2");

    inherit(&bed, &student, TR_INHERIT_UNIFORM, &lineage);

    for (int t = 0; t < student.student.tensor_count; t++) {
        const struct tr_tensor *tensor = &student.student.tensors[t];
        if (strncmp(tensor->name, "stem", 4) == 0 || strcmp(tensor->name, "position") == 0)
            fresh += tensor->count;
    }
    assert_int_equal(lineage.inherited, student.student.param_count - fresh);
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

/* Heads best first: 2, 0, 1; two are kept, so the second, 0, takes up what it has before 1. */
static void merged_heads_take_up_their_difference_from_the_dropped(void **state)
{
    const struct tr_inherit_options options = {.merge_heads = true};
    struct bed bed;
    struct net student;
    struct tr_lineage lineage;
    struct rt_err err;
    (void)state;
    bed_init(&bed, "L1-d8-k4-h3-f8-p4");
    net_init(&student, "L1-d8-k4-h2-f8-p4");
    bed.scores.head[0][0] = 2;
    bed.scores.head[0][1] = 1;
    bed.scores.head[0][2] = 3;

    assert_ok(tr_inherit(&student.student, student.weights.params, &bed.teacher.student,
                         bed.teacher.weights.params, &bed.scores, &options, &lineage, &err));

    const float *w = tensor(&bed.teacher, 0, "qkv.weight"),
                *got = tensor(&student, 0, "qkv.weight");
    const float *b = tensor(&bed.teacher, 0, "qkv.bias"), *bias = tensor(&student, 0, "qkv.bias");
    for (ptrdiff_t part = 0; part < 3; part++) {
        const float *from = w + part * 12 * 8;
        for (int i = 0; i < 4 * 8; i++) {
            assert_true(got[part * 64 + i] == from[i] + (from[i] - from[32 + i]));
            assert_true(got[part * 64 + 32 + i] == from[64 + i]);
        }
        assert_true(bias[part * 8] == b[part * 12] + (b[part * 12] - b[part * 12 + 4]));
    }
    tr_lineage_release(&lineage);
    net_release(&student);
    bed_release(&bed);
}

static void parts_that_do_nothing_have_no_importance(void **state)
{
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    const size_t d = 16, values = 2 * d + 8; /* where those of head 1 begin */
    memset(tensor(&bed.teacher, 0, "qkv.weight") + values * d, 0, 8 * d * sizeof(float));
    memset(tensor(&bed.teacher, 0, "qkv.bias") + values, 0, 8 * sizeof(float));
    memset(tensor(&bed.teacher, 1, "up.weight") + 5 * d, 0, d * sizeof(float));
    tensor(&bed.teacher, 1, "up.bias")[5] = 0;
    for (int kind = TR_IMPORTANCE_ACTIVATION; kind <= TR_IMPORTANCE_GRADIENT; kind++) {
        measure(&bed, (enum tr_importance_kind)kind);

        for (int l = 0; l < 2; l++) {
            for (int h = 0; h < 2; h++)
                assert_int_equal(bed.scores.head[l][h] < 1e-9, l == 0 && h == 1);
            for (int j = 0; j < 24; j++)
                assert_int_equal(bed.scores.neuron[l][j] < 1e-9, l == 1 && j == 5);
        }
    }
    bed_release(&bed);
}

/* The cross-entropy of one example when a head's output is scaled. */
static double loss_with(struct bed *bed, int layer, int head, double factor, int row)
{
    float *w = tensor(&bed->teacher, layer, "proj.weight"), copy[16 * 16], z[toy_classes];
    double sum = 0;
    struct rt_err err;

    memcpy(copy, w, sizeof copy);
    for (int r = 0; r < 16; r++)
        for (int c = 8 * head; c < 8 * head + 8; c++)
            w[r * 16 + c] = (float)(factor * (double)w[r * 16 + c]);
    tr_weights_pack(&bed->teacher.student, &bed->teacher.weights);
    assert_ok(
        tr_predict(&bed->teacher.student, &bed->teacher.weights, bed->task, &row, 1, 1, z, &err));
    memcpy(w, copy, sizeof copy);
    for (int c = 0; c < toy_classes; c++)
        sum += exp((double)z[c] - (double)z[bed->task->label[row]]);
    return log(sum);
}

static void the_gradient_of_a_head_is_how_the_loss_answers_to_its_scale(void **state)
{
    const double h = 1e-2;
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4");
    measure(&bed, TR_IMPORTANCE_GRADIENT);
    for (int l = 0; l < 2; l++)
        for (int head = 0; head < 2; head++) {
            double want = 0;
            for (int i = 0; i < bed.n; i++)
                want += fabs(loss_with(&bed, l, head, 1 + h, bed.rows[i]) -
                             loss_with(&bed, l, head, 1 - h, bed.rows[i])) /
                        (2 * h);
            assert_near(bed.scores.head[l][head], want, 2e-3 * want); /* float logits, h^2 */
        }
    bed_release(&bed);
}

static void calibration_rows_are_train_rows_drawn_by_seed(void **state)
{
    struct bed bed;
    struct rt_err err;
    int *same, *other, *all, n;
    (void)state;
    bed_init(&bed, "L1-d16-k8-h2-f24-p4");

    assert_ok(tr_calibration_rows(&bed.task->split, 5, rows_run, &same, &n, &err));
    assert_ok(tr_calibration_rows(&bed.task->split, 6, rows_run, &other, &n, &err));
    assert_int_equal(n, rows_run);
    assert_memory_equal(same, bed.rows, rows_run * sizeof *same);
    assert_memory_not_equal(same, other, rows_run * sizeof *same);
    for (int i = 0; i < n; i++)
        assert_true(among(bed.task->split.train, bed.task->split.train_count, same[i]));
    assert_ok(tr_calibration_rows(&bed.task->split, 5, 1000, &all, &n, &err));
    assert_int_equal(n, 90);
    assert_memory_equal(all, bed.task->split.train, 90 * sizeof *all);
    free(same);
    free(other);
    free(all);
    bed_release(&bed);
}

/* Two teachers who never agree: what the ensemble gives no weight has no say. */
static void the_gradient_asks_the_ensemble_as_it_is_weighed(void **state)
{
    static float said[120][2][toy_classes];
    struct tr_knowledge knowledge = {.key = {.teachers = 2, .classes = toy_classes, .rows = 120},
                                     .logits = &said[0][0][0]};
    struct tr_ensemble ensemble;
    double score[3];
    struct bed bed;
    (void)state;
    bed_init(&bed, "L1-d16-k8-h2-f24-p4");
    for (int i = 0; i < 120; i++) {
        said[i][0][i % toy_classes] = 4;
        said[i][1][(i + 1) % toy_classes] = 5; /* who decides when both count alike */
    }
    tr_ensemble_defaults(&ensemble);
    bed.data.knowledge = &knowledge;
    bed.data.ensemble = &ensemble;
    for (int i = 0; i < 3; i++) {
        ensemble.weight[0] = i == 0 ? 1 : i == 1 ? 0 : .5;
        ensemble.weight[1] = 1 - ensemble.weight[0];
        measure(&bed, TR_IMPORTANCE_GRADIENT);
        score[i] = bed.scores.layer[0];
    }

    assert_true(score[0] != score[1]);
    assert_true(score[2] == score[1]);
    bed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_heads_of_twelve_are_the_teacher_with_the_others_masked),
        cmocka_unit_test(kept_neurons_are_the_teacher_with_the_others_masked),
        cmocka_unit_test(kept_layers_are_the_teacher_with_the_others_masked),
        cmocka_unit_test(layers_without_influence_are_left_out_unharmed),
        cmocka_unit_test(a_larger_student_computes_what_its_source_does),
        cmocka_unit_test(a_quiet_child_computes_what_its_parent_does),
        cmocka_unit_test(new_layers_stand_between_those_of_the_source),
        cmocka_unit_test(channels_are_one_set_and_what_is_new_keeps_its_first_values),
        cmocka_unit_test(another_patch_size_starts_stem_and_positions_at_random),
        cmocka_unit_test(merged_heads_take_up_their_difference_from_the_dropped),
        cmocka_unit_test(parts_that_do_nothing_have_no_importance),
        cmocka_unit_test(the_gradient_asks_the_ensemble_as_it_is_weighed),
        cmocka_unit_test(the_gradient_of_a_head_is_how_the_loss_answers_to_its_scale),
        cmocka_unit_test(calibration_rows_are_train_rows_drawn_by_seed),
    };
    return cmocka_run_group_tests_name("trainer/learn/inherit", tests, NULL, NULL);
}
