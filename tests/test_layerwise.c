/* tests/test_layerwise.c -- layer-wise distillation: its gradient through the whole student, and
 * what it promises within training runs. */
#include "toy_task.h"

#include "trainer/learn/inherit.h"
#include "trainer/learn/layerwise.h"
#include "trainer/measure/trial.h"
#include "trainer/teachers/teachers.h"

static const char *const sets[] = {"plain", "v3", "v4"};
enum { micro = 3 };

/* A task, a student, a teacher with weights of its own, and one workspace of a run. */
struct bed {
    struct tr_task *task;
    struct tr_network resident;
    struct tr_data data;
    struct tr_recipe recipe;
    struct space_arch arch;
    struct space_shape shape;
    struct tr_student student;
    struct tr_weights weights;
    struct rt_arena model, arena;
};

static void bed_init(struct bed *bed, const char *student, const char *teacher,
                     const struct tr_kernels *kernels, enum space_pool pool)
{
    struct space_arch arch;
    struct rt_err err;

    *bed = (struct bed){.recipe = toy_recipe(20), .shape = toy_shape()};
    bed->shape.pool = pool;
    bed->task = toy_task(120, 30);
    assert_ok(space_arch_parse(teacher, &arch, &err));
    assert_ok(tr_network_open(&bed->resident, &arch, &bed->shape, kernels, TR_NETWORK_TRACE, &err));
    tr_network_start(&bed->resident, 5);
    /* as if trained: no small numbers */
    for (size_t i = 0; i < bed->resident.student.param_count; i++)
        bed->resident.weights.params[i] *= bed->resident.weights.params[i] == 1 ? 1 : 8;
    tr_weights_pack(&bed->resident.student, &bed->resident.weights);
    bed->data = (struct tr_data){.task = bed->task, .resident = &bed->resident};
    assert_ok(space_arch_parse(student, &bed->arch, &err));
    assert_ok(tr_student_init(&bed->student, &bed->arch, &bed->shape, kernels, &err));
    assert_ok(rt_arena_init(&bed->model, tr_weights_bytes(&bed->student, true), &err));
    assert_ok(tr_weights_init(&bed->weights, &bed->student, true, &bed->model, &err));
    tr_student_init_params(&bed->student, 7, bed->weights.params);
    tr_layers_defaults(&bed->recipe.layers);
}

static void bed_release(struct bed *bed)
{
    tr_network_close(&bed->resident);
    rt_arena_release(&bed->model);
    rt_arena_release(&bed->arena);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
}

static const struct tr_kernels *best_kernels(void)
{
    const struct tr_kernels *kernels;
    struct rt_err err;

    assert_ok(tr_kernels_choose(&kernels, &err));
    return kernels;
}

static struct tr_training bed_training(const struct bed *bed)
{
    return (struct tr_training){.student = &bed->student,
                                .data = &bed->data,
                                .recipe = &bed->recipe,
                                .seed = 3,
                                .lanes = 1,
                                .threads = 1};
}

/* ---- the objective of one micro-batch ---- */

struct whole {
    struct bed bed;
    struct tr_training job;
    struct tr_layerwise layers;
    struct tr_layer_workspace workspace;
    struct tr_batch batch;
    float dlogits[micro * toy_classes];
    float *grads;
};

static void whole_init(struct whole *w, const char *student, const char *teacher,
                       const struct tr_kernels *kernels, enum space_pool pool,
                       const struct tr_layers *layers)
{
    struct rt_err err;

    bed_init(&w->bed, student, teacher, kernels, pool);
    w->bed.recipe.layers = *layers;
    w->bed.recipe.batch = w->bed.recipe.micro_batch = micro;
    for (size_t i = 0; i < w->bed.student.param_count; i++)
        w->bed.weights.params[i] *= w->bed.weights.params[i] == 1 ? 1 : 8;
    w->job = bed_training(&w->bed);
    assert_ok(tr__layerwise_open(&w->layers, &w->job, &err));
    assert_ok(rt_arena_init(&w->bed.arena, (size_t)8 << 20, &err));
    assert_ok(tr__layerwise_init(&w->layers, &w->bed.arena, &err));
    assert_ok(tr__layerwise_workspace_init(&w->layers, &w->workspace, &w->bed.arena, &err));
    assert_ok(tr_batch_init(&w->batch, &w->bed.arch, &w->bed.shape, micro, &w->bed.arena, &err));
    tr_batch_resize(&w->batch, micro, NULL);
    fill_uniform(w->batch.values, (size_t)micro * toy_side * toy_side, 8);
    w->grads = calloc(w->bed.student.param_count, sizeof(float));
    assert_non_null(w->grads);
    tr__layerwise_begin(&w->layers, w->bed.weights.params);
}

static void whole_release(struct whole *w)
{
    tr__layerwise_close(&w->layers);
    free(w->grads);
    bed_release(&w->bed);
}

/* sum of fixed factors times logits, and the layer-wise losses; gradients are added to. */
static double objective(struct whole *w)
{
    float logits[micro * toy_classes];
    const struct tr_layers *recipe = &w->bed.recipe.layers;
    double value = 0;

    tr_weights_pack(&w->layers.student, &w->layers.weights);
    for (int kind = 0; kind < TR_LAYER_ATTENTION; kind++) {
        const struct tr_linear *l = &w->layers.linear[kind];
        if (l->in && l->forward)
            w->layers.student.kernels->pack(l->weight, l->out, l->in, (float *)l->forward,
                                            (float *)l->backward);
    }
    fill_uniform(w->dlogits, (size_t)micro * toy_classes, 9);
    tr__layerwise_step(&w->layers, 0);
    tr__layerwise_forward(&w->layers, &w->workspace, &w->batch, logits);
    for (int i = 0; i < micro * toy_classes; i++)
        value += (double)w->dlogits[i] * (double)logits[i];
    tr__layerwise_backward(&w->layers, &w->workspace, NULL, &w->batch, w->dlogits, 0, w->grads);
    for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
        value += recipe->weight[kind] * w->layers.sums[0][kind] / micro;
    return value;
}

/* The derivative along the claimed gradient of one tensor is its norm. */
static void check_along(struct whole *w, float *params, const float *grad, size_t n,
                        const char *name)
{
    float *at = malloc(n * sizeof *at);
    double norm = 0;

    assert_non_null(at);
    memcpy(at, params, n * sizeof *at);
    for (size_t i = 0; i < n; i++)
        norm += (double)grad[i] * (double)grad[i];
    norm = sqrt(norm);
    if (norm > 1e-3) {
        const double h = 2e-3; /* third derivatives against the rounding of a float forward */
        double value[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < n; i++)
                params[i] = (float)((double)at[i] + (side ? -h : h) * (double)grad[i] / norm);
            value[side] = objective(w);
        }
        memcpy(params, at, n * sizeof *at);
        const double got = (value[0] - value[1]) / (2 * h);
        if (!(fabs(got - norm) < 3e-3 * norm + 2e-3)) {
            print_error("%s: claimed %.9g, by differences %.9g\n", name, norm, got);
            fail();
        }
    }
    free(at);
}

/* length [micro]; NULL: examples of all tokens. */
static void check_gradient(const int *length, const char *student, const char *teacher,
                           enum space_pool pool, const struct tr_layers *layers)
{
    struct whole w;

    whole_init(&w, student, teacher, tr_kernels_by_name("plain"), pool, layers);
    tr_batch_resize(&w.batch, micro, length);
    (void)objective(&w);
    float *grads = malloc(w.bed.student.param_count * sizeof *grads);
    const size_t own = w.layers.projections.param_count;
    float *projected = malloc((own + 1) * sizeof *projected);
    assert_non_null(grads);
    assert_non_null(projected);
    memcpy(grads, w.grads, w.bed.student.param_count * sizeof *grads);
    memcpy(projected, w.layers.grads[0], own * sizeof *projected);
    for (int t = 0; t < w.bed.student.tensor_count; t++) {
        const struct tr_tensor *tensor = &w.bed.student.tensors[t];
        check_along(&w, w.bed.weights.params + tensor->offset, grads + tensor->offset,
                    tensor->count, tensor->name);
    }
    for (int t = 0; t < w.layers.projections.tensor_count; t++) {
        const struct tr_tensor *tensor = &w.layers.tensors[t];
        check_along(&w, w.layers.params + tensor->offset, projected + tensor->offset, tensor->count,
                    tensor->name);
    }
    free(grads);
    free(projected);
    whole_release(&w);
}

static struct tr_layers joint(double embedding, double hidden, double attention)
{
    struct tr_layers layers;
    tr_layers_defaults(&layers);
    layers.weight[TR_LAYER_EMBEDDING] = embedding;
    layers.weight[TR_LAYER_HIDDEN] = hidden;
    layers.weight[TR_LAYER_ATTENTION] = attention;
    layers.intermediate = 0;
    layers.balance = false;
    return layers;
}

static void the_whole_gradient_agrees_with_central_differences(void **state)
{
    struct tr_layers all = joint(1, 2, 3), one;
    (void)state;
    check_gradient(NULL, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", SPACE_POOL_CLASS, &all);
    check_gradient(NULL, "L2-d16-k8-h2-f24-p4", "L3-d16-k4-h4-f24-p4", SPACE_POOL_MEAN, &all);
    all.hidden_loss = TR_HIDDEN_COSINE;
    for (int kind = TR_ATTENTION_LOGITS; kind < TR_ATTENTION_RELATION; kind++) {
        all.attention_loss = (enum tr_attention_loss)kind;
        check_gradient(NULL, "L2-d16-k8-h2-f24-p4", "L3-d24-k12-h2-f24-p4", SPACE_POOL_CLASS, &all);
    }
    one = joint(1, 0, 0); /* the last block stays pruned */
    check_gradient(NULL, "L2-d16-k8-h2-f24-p4", "L1-d24-k8-h3-f24-p4", SPACE_POOL_CLASS, &one);
    one = joint(0, 0, 1);
    check_gradient(NULL, "L1-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", SPACE_POOL_CLASS, &one);
}

static void so_does_that_of_examples_of_unequal_length(void **state)
{
    static const int length[micro] = {2, 5, 1};
    struct tr_layers all = joint(1, 2, 3);
    (void)state;
    check_gradient(length, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", SPACE_POOL_CLASS, &all);
    all.attention_loss = TR_ATTENTION_KL;
    all.hidden_loss = TR_HIDDEN_COSINE;
    check_gradient((const int[micro]){4, 1, 3}, "L2-d16-k8-h2-f24-p4", "L3-d16-k4-h2-f24-p4",
                   SPACE_POOL_MEAN, &all);
}

/* A micro-batch's losses are the sum of its examples', each by itself. */
static void losses_of_examples_of_unequal_length_add_up(void **state)
{
    static const int length[micro] = {2, 5, 3};
    struct tr_layers all = joint(1, 1, 1);
    double sum[TR_LAYER_KINDS] = {0}, together[TR_LAYER_KINDS];
    struct whole w;
    (void)state;

    whole_init(&w, "L2-d17-k5-h2-f24-p4", "L3-d24-k8-h2-f24-p4", tr_kernels_by_name("plain"),
               SPACE_POOL_CLASS, &all);
    tr_batch_resize(&w.batch, micro, length);
    (void)objective(&w);
    memcpy(together, w.layers.sums[0], sizeof together);
    for (int m = 0; m < micro; m++) {
        memmove(w.batch.values, w.batch.values + (m ? w.batch.numbers : 0),
                (size_t)(micro - 1) * w.batch.numbers * sizeof(float));
        tr_batch_resize(&w.batch, 1, &length[m]);
        (void)objective(&w);
        for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
            sum[kind] += w.layers.sums[0][kind];
    }
    for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
        assert_near(sum[kind], together[kind], 1e-6 * (1 + together[kind]));
    whole_release(&w);
}

static void all_kernel_sets_give_the_same_losses_and_gradients(void **state)
{
    struct tr_layers all = joint(1, 1, 1);
    struct whole plain;
    (void)state;
    for (int kind = TR_ATTENTION_LOGITS; kind <= TR_ATTENTION_RELATION; kind++) {
        all.attention_loss = (enum tr_attention_loss)kind;
        all.hidden_loss = kind % 2 ? TR_HIDDEN_MSE : TR_HIDDEN_COSINE;
        whole_init(&plain, "L2-d17-k5-h2-f24-p4", "L3-d24-k8-h2-f24-p4",
                   tr_kernels_by_name("plain"), SPACE_POOL_CLASS, &all);
        (void)objective(&plain);
        for (int s = 1; s < 3; s++) {
            const struct tr_kernels *k = tr_kernels_by_name(sets[s]);
            struct whole w;
            double top = 0, worst = 0;
            if (!k)
                continue;
            whole_init(&w, "L2-d17-k5-h2-f24-p4", "L3-d24-k8-h2-f24-p4", k, SPACE_POOL_CLASS, &all);
            (void)objective(&w);
            for (int i = 0; i < TR_LAYER_KINDS; i++)
                assert_near(w.layers.sums[0][i], plain.layers.sums[0][i],
                            1e-5 * (1 + plain.layers.sums[0][i]));
            for (size_t i = 0; i < w.bed.student.param_count; i++) {
                top = fmax(top, fabs((double)plain.grads[i]));
                worst = fmax(worst, fabs((double)plain.grads[i] - (double)w.grads[i]));
                assert_true(isfinite(w.grads[i]));
            }
            assert_near(worst / top, 0, 1e-4);
            whole_release(&w);
        }
        whole_release(&plain);
    }
}

static void a_student_that_is_its_teacher_has_no_loss(void **state)
{
    struct tr_layers all = joint(1, 1, 1);
    (void)state;
    for (int kind = TR_ATTENTION_LOGITS; kind <= TR_ATTENTION_RELATION; kind++) {
        struct whole w;
        all.attention_loss = (enum tr_attention_loss)kind;
        whole_init(&w, "L2-d16-k8-h2-f24-p4", "L2-d16-k8-h2-f24-p4", tr_kernels_by_name("plain"),
                   SPACE_POOL_CLASS, &all);
        memcpy(w.bed.weights.params, w.bed.resident.weights.params,
               w.bed.student.param_count * sizeof(float));
        (void)objective(&w);
        for (int i = 0; i < TR_LAYER_KINDS; i++)
            assert_near(w.layers.sums[0][i], 0, 1e-5);
        assert_int_equal(w.layers.projections.param_count, 0); /* one width: nothing to project */
        whole_release(&w);
    }
}

/* 12 heads to 4: each kept head is compared with the head that it was, and has its scores. */
static void heads_of_a_student_cut_out_of_its_teacher_are_matched(void **state)
{
    static const int kept[] = {1, 4, 7, 10};
    const struct tr_inherit_options options = {0};
    struct tr_layers attention = joint(0, 0, 1);
    struct tr_importance scores;
    struct tr_lineage lineage;
    struct rt_err err;
    struct whole w;
    (void)state;
    attention.matched = true;
    for (int kind = TR_ATTENTION_LOGITS; kind < TR_ATTENTION_RELATION; kind++) {
        attention.attention_loss = (enum tr_attention_loss)kind;
        whole_init(&w, "L1-d16-k4-h4-f24-p4", "L1-d16-k4-h12-f24-p4", tr_kernels_by_name("plain"),
                   SPACE_POOL_CLASS, &attention);
        assert_ok(tr_importance_init(&scores, &w.bed.resident.student.arch, &err));
        for (int i = 0; i < 4; i++)
            scores.head[0][kept[i]] = 1;
        assert_ok(tr_inherit(&w.bed.student, w.bed.weights.params, &w.bed.resident.student,
                             w.bed.resident.weights.params, &scores, &options, &lineage, &err));
        (void)objective(&w);
        assert_true(w.layers.sums[0][TR_LAYER_ATTENTION] > 1e-3); /* by number: other heads */
        w.layers.lineage = &lineage;
        (void)objective(&w);
        assert_near(w.layers.sums[0][TR_LAYER_ATTENTION], 0, 1e-6);
        tr_lineage_release(&lineage);
        tr_importance_release(&scores);
        whole_release(&w);
    }
}

/* ---- training runs ---- */

static void train_bed(struct bed *bed, int lanes, int threads, float *params)
{
    struct tr_training training = bed_training(bed);
    struct tr_train_summary summary;
    struct rt_err err;

    training.lanes = lanes;
    training.threads = threads;
    assert_ok(tr_train(&training, &bed->weights, &summary, &err));
    assert_int_equal(summary.skipped, 0);
    memcpy(params, bed->weights.params, bed->student.param_count * sizeof(float));
}

static void the_thread_count_changes_no_bit(void **state)
{
    static float first[8192], again[8192];
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct bed bed;
        bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", best_kernels(),
                 SPACE_POOL_CLASS);
        bed.recipe.layers.map = TR_LAYERS_RANDOM;
        train_bed(&bed, TR_LANES, threads, threads == 1 ? first : again);
        if (threads > 1)
            assert_memory_equal(first, again, bed.student.param_count * sizeof(float));
        bed_release(&bed);
    }
}

static void the_micro_batch_changes_only_rounding(void **state)
{
    static float first[8192], again[8192];
    (void)state;
    for (int m = 24; m >= 3; m /= 2) {
        struct bed bed;
        bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", best_kernels(),
                 SPACE_POOL_CLASS);
        bed.recipe.steps = 4;
        bed.recipe.layers.intermediate = 0;
        bed.recipe.micro_batch = m;
        train_bed(&bed, 1, 1, m == 24 ? first : again);
        if (m < 24)
            assert_close(again, first, bed.student.param_count, 2e-4, 1e-3);
        bed_release(&bed);
    }
}

static void no_weight_is_the_same_bits_as_no_layers(void **state)
{
    static float with[8192], without[8192];
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct bed bed;
        bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", best_kernels(),
                 SPACE_POOL_CLASS);
        memset(bed.recipe.layers.weight, 0, sizeof bed.recipe.layers.weight);
        if (!on) {
            bed.recipe.layers = (struct tr_layers){0};
            bed.data.resident = NULL;
        }
        train_bed(&bed, 1, 1, on ? with : without);
        if (on)
            assert_memory_equal(with, without, bed.student.param_count * sizeof(float));
        bed_release(&bed);
    }
}

struct seen {         /* of a curve */
    double hidden[2]; /* first and last of layer_hidden */
    int hidden_count, last_hidden, embedding_count, attention_count;
};

static void see(void *context, int step, const char *name, double value)
{
    struct seen *seen = context;

    if (strcmp(name, "layer_hidden") == 0) {
        seen->hidden[seen->hidden_count++ > 0] = value;
        seen->last_hidden = step;
    }
    seen->embedding_count += strcmp(name, "layer_embedding") == 0;
    seen->attention_count += strcmp(name, "layer_attention") == 0;
}

static void layer_losses_fall_and_end_with_their_stage(void **state)
{
    struct bed bed;
    struct seen seen = {0};
    struct tr_train_summary summary;
    struct rt_err err;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", best_kernels(), SPACE_POOL_CLASS);
    bed.recipe.steps = bed.recipe.curve_points = 240;
    bed.recipe.layers.intermediate = .5;
    bed.recipe.layers.weight[TR_LAYER_ATTENTION] = 0;
    struct tr_training training = bed_training(&bed);
    training.curve = see;
    training.curve_context = &seen;
    struct tr_metrics fidelity = {0};

    assert_ok(tr_train(&training, &bed.weights, &summary, &err));

    assert_int_equal(seen.last_hidden, 119);
    assert_int_equal(seen.embedding_count, 120);
    assert_int_equal(seen.attention_count, 0);
    assert_true(seen.hidden[1] < .6 * seen.hidden[0]);
    assert_ok(tr_evaluate_validation(&bed.student, &bed.weights, &bed.data, 1, &fidelity, &err));
    assert_true(tr_metrics_value(&fidelity, "error") <
                .2); /* the packed weights are those that were trained */
    bed_release(&bed);
}

static void a_balanced_first_step_only_measures(void **state)
{
    static float params[8192];
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", best_kernels(), SPACE_POOL_CLASS);
    bed.recipe.weight_decay = 0;
    bed.recipe.steps = 1; /* progress 1: behind any stage but an endless one */
    bed.recipe.layers.intermediate = 0;
    float *first = malloc(bed.student.param_count * sizeof *first);
    assert_non_null(first);
    train_bed(&bed, 1, 1, params);
    memcpy(first, params, bed.student.param_count * sizeof *first);
    tr_student_init_params(&bed.student, 7, bed.weights.params);
    memset(bed.recipe.layers.weight, 0, sizeof bed.recipe.layers.weight);
    train_bed(&bed, 1, 1, params);
    assert_close(params, first, bed.student.param_count, 1e-4, 1e-3); /* the last block was whole */
    free(first);
    bed_release(&bed);
}

static void balance_makes_each_loss_as_large_as_the_prediction_loss(void **state)
{
    struct tr_layers all = joint(1, 1, 1);
    struct whole w;
    (void)state;
    all.balance = true;
    whole_init(&w, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", tr_kernels_by_name("plain"),
               SPACE_POOL_CLASS, &all);
    (void)objective(&w);
    for (size_t i = 0; i < w.layers.projections.param_count; i++)
        assert_near((double)w.layers.grads[0][i], 0, 0); /* the first step only measures */
    (void)tr__layerwise_gather(&w.layers, .6);
    for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
        assert_near(w.layers.balance[kind] * w.layers.loss[kind], .6, 1e-12);
    (void)objective(&w);
    assert_true(tr__layerwise_gather(&w.layers, NAN) > 0);
    for (int kind = 0; kind < TR_LAYER_KINDS; kind++) /* as it was */
        assert_near(w.layers.balance[kind] * w.layers.loss[kind], .6, 1e-12);
    whole_release(&w);
}

static void memory_is_known_before_a_run_starts(void **state)
{
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d24-k8-h3-f24-p4", best_kernels(), SPACE_POOL_CLASS);
    const struct tr_training training = bed_training(&bed);
    const size_t with = tr_train_bytes(&training);
    bed.recipe.layers.intermediate = 0;
    const size_t joint_bytes = tr_train_bytes(&training);
    bed.recipe.layers = (struct tr_layers){0};
    const size_t without = tr_train_bytes(&training);

    assert_true(with > without + tr_weights_bytes(&bed.student, true) / 2);
    assert_true(joint_bytes < with); /* one pass instead of two */
    bed_release(&bed);
}

/* Parameters are the run's; here they are but packed once more. */
static void no_second_parameters_are_reserved(void **state)
{
    struct tr_layerwise layers;
    struct rt_arena counting;
    struct rt_err err;
    struct bed bed;
    (void)state;
    bed_init(&bed, "L2-d16-k8-h2-f24-p4", "L3-d16-k8-h3-f24-p4", best_kernels(), SPACE_POOL_CLASS);
    const struct tr_training training = bed_training(&bed);
    assert_ok(tr__layerwise_open(&layers, &training, &err));
    assert_int_equal(layers.projections.param_count, 0); /* one width */
    rt_arena_init_counting(&counting);
    assert_ok(tr__layerwise_init(&layers, &counting, &err));

    assert_true(counting.used + bed.student.param_count * sizeof(float) / 2 <=
                tr_weights_bytes(&layers.student, true));
    tr__layerwise_close(&layers);
    bed_release(&bed);
}

static void a_run_without_its_teacher_is_refused(void **state)
{
    struct bed bed;
    struct tr_train_summary summary;
    struct rt_err err;
    (void)state;
    bed_init(&bed, "L3-d16-k8-h2-f24-p4", "L2-d24-k8-h3-f24-p4", best_kernels(), SPACE_POOL_CLASS);
    const struct tr_training training = bed_training(&bed);
    assert_int_equal(tr_train(&training, &bed.weights, &summary, &err), RT_EARG);
    assert_string_equal(err.text, "space.depth: layer-wise losses map 3 layers of a student to the "
                                  "2 of the teacher; allow no more than it has");
    bed.data.resident = NULL;
    assert_int_equal(tr_train(&training, &bed.weights, &summary, &err), RT_EARG);
    bed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_gradient_agrees_with_central_differences),
        cmocka_unit_test(so_does_that_of_examples_of_unequal_length),
        cmocka_unit_test(losses_of_examples_of_unequal_length_add_up),
        cmocka_unit_test(all_kernel_sets_give_the_same_losses_and_gradients),
        cmocka_unit_test(a_student_that_is_its_teacher_has_no_loss),
        cmocka_unit_test(heads_of_a_student_cut_out_of_its_teacher_are_matched),
        cmocka_unit_test(the_thread_count_changes_no_bit),
        cmocka_unit_test(the_micro_batch_changes_only_rounding),
        cmocka_unit_test(no_weight_is_the_same_bits_as_no_layers),
        cmocka_unit_test(layer_losses_fall_and_end_with_their_stage),
        cmocka_unit_test(a_balanced_first_step_only_measures),
        cmocka_unit_test(balance_makes_each_loss_as_large_as_the_prediction_loss),
        cmocka_unit_test(memory_is_known_before_a_run_starts),
        cmocka_unit_test(no_second_parameters_are_reserved),
        cmocka_unit_test(a_run_without_its_teacher_is_refused),
    };
    return cmocka_run_group_tests_name("trainer: layer-wise", tests, NULL, NULL);
}
