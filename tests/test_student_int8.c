/* tests/test_student_int8.c -- a student's quantised copy against integers, and its gradient. */
#include "student_support.h"
#include "toy_task.h"

#include <unistd.h>

#include "base/file.h"
#include "trainer/export/safetensors.h"
#include "trainer/measure/evaluate.h"
#include "trainer/net/predict.h"
#include "trainer/net/student_int8.h"
#include "trainer/net/student_internal.h"

enum { batch = 6 };

/* A student of made-up weights, calibrated on a toy task, and its quantised copy. */
struct bed {
    struct tr_task *task;
    struct tr_student student;
    struct tr_weights weights;
    struct tr_ranges ranges;
    struct tr_quantised quantised;
    struct tr_observer observer;
    struct tr_pass *pass;
    struct rt_arena arena;
    struct tr_batch rows;
};

static void bed_init(struct bed *bed, const struct tr_kernels *kernels, enum space_pool pool)
{
    struct space_shape shape = toy_shape();
    struct space_arch arch;
    struct rt_err err;

    *bed = (struct bed){0};
    shape.pool = pool;
    bed->task = toy_task(60, 12);

    assert_ok(space_arch_parse("L3-d20-k5-h3.1.2-f24.16.28-p4", &arch, &err));
    assert_ok(tr_student_init(&bed->student, &arch, &shape, kernels, &err));
    assert_ok(rt_arena_init(&bed->arena, 1 << 22, &err));
    assert_ok(tr_weights_init(&bed->weights, &bed->student, true, &bed->arena, &err));
    assert_ok(
        tr_quantised_init(&bed->quantised, &bed->student, &bed->ranges, true, &bed->arena, &err));
    assert_ok(tr_observer_init(&bed->observer, &bed->student, batch, &bed->arena, &err));
    assert_ok(tr_pass_init(&bed->pass, &bed->student, batch, &bed->arena, &err));
    fill_uniform(bed->weights.params, bed->student.param_count, 3);
    for (size_t i = 0; i < bed->student.param_count; i++)
        bed->weights.params[i] *= .5F;
    tr_weights_pack(&bed->student, &bed->weights);
    assert_ok(tr_int8_calibrate(&bed->student, &bed->weights, bed->task, bed->task->split.train,
                                bed->task->split.train_count, &bed->ranges, &err));
    tr_quantised_update(&bed->quantised, &bed->student, bed->weights.params);
    assert_ok(tr_batch_init(&bed->rows, &arch, &shape, batch, &bed->arena, &err));
    bed->task->kind->fill(bed->task, bed->task->split.train, batch, &bed->rows);
}

static void bed_release(struct bed *bed)
{
    rt_arena_release(&bed->arena);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
}

static const struct tr_kernels *best(void)
{
    const struct tr_kernels *kernels;
    struct rt_err err;

    assert_ok(tr_kernels_choose(&kernels, &err));
    return kernels;
}

static void logits_of(struct bed *bed, const struct tr_student *student,
                      const struct tr_weights *weights, float *out)
{
    struct rt_err err;

    assert_ok(tr_predict(student, weights, bed->task, bed->task->split.validation,
                         bed->task->split.validation_count, 1, out, &err));
}

/* ---- integers ---- */

static const struct tr_kernels *judged; /* its linear layers are compared with integers */
static int layers_seen, sums_seen;

/* The float product of a quantised copy is whole when the scales are divided out, and is that of the codes.
 */
static void compare_linear(const struct tr_linear *layer, int rows, struct tr_view x,
                           struct tr_view residual, struct tr_out y)
{
    const ptrdiff_t n = (ptrdiff_t)rows * layer->out;
    float *zero = calloc((size_t)layer->out, sizeof *zero);
    float *got = calloc((size_t)n + TR_SLACK, sizeof *got);
    int8_t *w = malloc((size_t)layer->in), *code = malloc((size_t)layer->in);
    struct tr_linear bare = *layer;

    assert_non_null(layer->weight_scale);
    bare.bias = zero;
    judged->linear(&bare, rows, x, (struct tr_view){0}, (struct tr_out){got, layer->out});
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int o = 0; o < layer->out; o++) {
            const float scale = layer->weight_scale[o];
            int32_t sum;
            tr_quantise(layer->weight + (ptrdiff_t)o * layer->in, (size_t)layer->in, scale,
                        TR_QUANT_WEIGHT, w);
            tr_quantise(x.at + r * x.ld, (size_t)layer->in, layer->input_scale, TR_QUANT_SIGNED,
                        code);
            tr_quant_product(w, code, 1, layer->in, &sum);
            const double units = (double)scale * (double)layer->input_scale;
            assert_int_equal(lrint((double)got[r * layer->out + o] / units), sum);
            sums_seen++;
        }
    layers_seen++;
    judged->linear(layer, rows, x, residual, y);
    free(zero), free(got), free(w), free(code);
}

static void the_copys_products_are_those_of_the_integers(void **state)
{
    static const char *const sets[] = {"plain", "v3", "v4"};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct tr_kernels comparing;
        float out[64];
        struct bed bed;
        if (!(judged = tr_kernels_by_name(sets[i])))
            continue;
        bed_init(&bed, judged, i % 2 ? SPACE_POOL_MEAN : SPACE_POOL_CLASS);
        comparing = *judged;
        comparing.linear = compare_linear;
        bed.student.kernels = &comparing;
        layers_seen = sums_seen = 0;

        logits_of(&bed, &bed.student, &bed.quantised.weights, out);

        assert_int_equal(layers_seen, 12 + 12 + (i % 2 ? 1 : 2)); /* the stem once an image */
        assert_true(sums_seen > 1000);
        bed_release(&bed);
    }
}

/* The same, through the whole network; where float sums round apart, a code may be one off. */
static void the_integer_kernels_give_the_copys_logits(void **state)
{
    (void)state;
    for (int pool = SPACE_POOL_CLASS; pool <= SPACE_POOL_MEAN; pool++) {
        float got[36], want[36], exact[36];
        struct tr_student integer;
        struct tr_quantised quantised;
        struct rt_err err;
        struct bed bed;
        bed_init(&bed, best(), (enum space_pool)pool);
        assert_ok(tr_student_init(&integer, &bed.student.arch, &bed.student.shape,
                                  &tr__kernels_integer, &err));
        assert_ok(tr_quantised_init(&quantised, &integer, &bed.ranges, false, &bed.arena, &err));
        tr_quantised_update(&quantised, &integer, bed.weights.params);

        logits_of(&bed, &integer, &quantised.weights, want);
        logits_of(&bed, &bed.student, &bed.quantised.weights, got);
        logits_of(&bed, &bed.student, &bed.weights, exact);

        assert_close(got, want, 36, 2e-5, 2e-5);
        double apart = 0;
        for (int i = 0; i < 36; i++)
            apart = fmax(apart, fabs((double)exact[i] - (double)want[i]));
        assert_true(apart > 1e-4); /* rounding is felt */
        assert_true(apart < .2);
        tr_student_release(&integer);
        bed_release(&bed);
    }
}

static void the_integer_kernels_split_long_rows(void **state)
{
    enum { in = TR_QUANT_MOST_TERMS, rows = 3 };
    float *w = malloc(in * sizeof *w), *x = malloc((size_t)rows * in * sizeof *x);
    float bias = 1, scale = .5F, y[rows], add[rows] = {0, 10, 20};
    const struct tr_linear layer = {
        .in = in, .out = 1, .weight = w, .bias = &bias, .weight_scale = &scale, .input_scale = 2};
    (void)state;
    for (int i = 0; i < in; i++) {
        w[i] = -127 * scale;
        for (ptrdiff_t r = 0; r < rows; r++)
            x[r * in + i] = 2 * (float)(r == 0 ? -128 : r == 1 ? 127 : i % 2);
    }

    tr__kernels_integer.linear(&layer, rows, (struct tr_view){x, in}, (struct tr_view){add, 1},
                               (struct tr_out){y, 1});

    assert_near(y[0], 127.0 * 128 * in + 1, 256); /* a float of 2e9 */
    assert_near(y[1], -127.0 * 127 * in + 11, 256);
    assert_near(y[2], -127.0 * 65535 + 21, 1);
    free(w);
    free(x);
}

/* ---- the quantised copy ---- */

static void a_calibrated_range_is_the_largest_value_of_all_rows(void **state)
{
    struct bed bed;
    struct tr_ranges some;
    struct rt_err err;
    float top = 0;
    (void)state;
    bed_init(&bed, best(), SPACE_POOL_CLASS);
    float *all = malloc((size_t)bed.task->split.train_count * toy_side * toy_side * sizeof *all);
    toy_values(bed.task, bed.task->split.train, bed.task->split.train_count, all);
    for (int i = 0; i < bed.task->split.train_count * toy_side * toy_side; i++)
        top = fmaxf(top, fabsf(all[i]));

    assert_ok(tr_int8_calibrate(&bed.student, &bed.weights, bed.task, bed.task->split.train, 1,
                                &some, &err));

    assert_true(bed.ranges.amax[0] == top);
    for (int i = 0; i < 4 * 3 + 2; i++) {
        assert_true(bed.ranges.amax[i] > 0);
        assert_true(some.amax[i] > 0 && some.amax[i] <= bed.ranges.amax[i]);
    }
    assert_true(bed.ranges.amax[4 * 3 + 2] < 0);
    free(all);
    bed_release(&bed);
}

static void assert_bytes_are_counted(enum space_pool pool)
{
    struct space_cost cost;
    struct bed bed;
    int64_t want = 0;

    bed_init(&bed, best(), pool);
    for (int t = 0; t < bed.student.tensor_count; t++) {
        const struct tr_tensor *tensor = &bed.student.tensors[t];
        const bool codes = tensor->dims == 2 && strcmp(tensor->name, "position") != 0;
        want += (int64_t)tensor->count * (codes ? 1 : 4);
        want += codes ? 4 * tensor->shape[0] + 4 : 0; /* scales of outputs, and of the input */
    }
    assert_int_equal(tr_int8_bytes(&bed.student), want);
    space_cost_of(&bed.student.arch, &bed.student.shape, &cost);
    assert_int_equal(cost.int8_bytes, want); /* known before anything is trained */
    bed_release(&bed);
}

static void the_bytes_are_those_of_codes_scales_and_floats(void **state)
{
    (void)state;
    assert_bytes_are_counted(SPACE_POOL_CLASS);
    assert_bytes_are_counted(SPACE_POOL_MEAN);
}

/* Values lie as documented: floats in the order of the table, two kinds of scales where a matrix
 * is, then all codes. */
static void the_file_holds_codes_and_scales(void **state)
{
    static const char name[] = "test-student.int8.safetensors";
    struct bed bed;
    struct rt_err err;
    uint64_t length;
    char *text;
    size_t bytes;
    (void)state;
    bed_init(&bed, best(), SPACE_POOL_CLASS);

    assert_ok(tr_safetensors_write_int8(name, &bed.student, &bed.quantised, NULL, &err));

    assert_ok(rt_file_read(name, 1 << 20, &text, &bytes, &err));
    memcpy(&length, text, sizeof length);
    assert_int_equal(bytes - 8 - length, tr_int8_bytes(&bed.student));
    const char *at = text + 8 + length, *codes = text + bytes;
    for (int t = 0; t < bed.student.tensor_count; t++)
        codes -= bed.student.tensors[t].role == TR_ROLE_WEIGHT ? bed.student.tensors[t].count : 0;
    for (int t = 0, quantiser = 0; t < bed.student.tensor_count; t++) {
        const struct tr_tensor *tensor = &bed.student.tensors[t];
        const float *want = bed.quantised.weights.params + tensor->offset;
        if (tensor->role != TR_ROLE_WEIGHT) {
            assert_memory_equal(at, want, tensor->count * sizeof *want);
            at += tensor->count * sizeof *want;
            continue;
        }
        float scale, input;
        for (int r = 0; r < tensor->shape[0]; r++) {
            memcpy(&scale, at, sizeof scale);
            at += sizeof scale;
            for (int c = 0; c < tensor->shape[1]; c++)
                assert_true((float)(int8_t)*codes++ * scale == *want++);
        }
        memcpy(&input, at, sizeof input);
        at += sizeof input;
        assert_true(input == bed.ranges.amax[quantiser++] / 127);
    }
    assert_non_null(
        strstr(text + 8, "\"block.1.qkv.input_scale\":{\"dtype\":\"F32\",\"shape\":[1]"));
    assert_non_null(strstr(text + 8, "\"block.1.qkv.weight\":{\"dtype\":\"I8\",\"shape\":[15,20]"));
    free(text);
    unlink(name);
    bed_release(&bed);
}

/* ---- its gradient ---- */

static double loss_of(struct bed *bed, const struct tr_weights *weights, float *dlogits)
{
    float z[batch * toy_classes];
    double loss = 0;

    tr_pass_forward(bed->pass, &bed->student, weights, &bed->rows, z);
    for (int i = 0; i < batch * toy_classes; i++) {
        loss += .5 * (double)z[i] * (double)z[i];
        dlogits[i] = z[i];
    }
    return loss;
}

/* Biases are not quantised: by them the copy's loss would be smooth but for the steps behind them,
 * which the straight-through gradient passes over. The head's has none behind it. */
static void the_gradient_of_the_last_bias_is_exact(void **state)
{
    const double h = 1e-2;
    struct bed bed;
    float dlogits[batch * toy_classes], *grads;
    (void)state;
    bed_init(&bed, best(), SPACE_POOL_CLASS);
    grads = calloc(bed.student.param_count, sizeof *grads);
    tr_pass_observe(bed.pass, &bed.observer);
    (void)loss_of(&bed, &bed.quantised.weights, dlogits);
    tr_pass_backward(bed.pass, &bed.student, &bed.quantised.weights, dlogits, grads);
    const struct tr_tensor *bias = student_tensor(&bed.student, "head.bias");
    for (int c = 0; c < toy_classes; c++) {
        float *at = bed.quantised.weights.params + bias->offset + c, kept = *at, unused[18];
        *at = kept + (float)h;
        const double up = loss_of(&bed, &bed.quantised.weights, unused);
        *at = kept - (float)h;
        const double down = loss_of(&bed, &bed.quantised.weights, unused);
        *at = kept;
        assert_near(grads[bias->offset + c], (up - down) / (2 * h), 1e-3);
    }
    free(grads);
    bed_release(&bed);
}

/* With ranges far too narrow everything is cut off: no gradient passes the layers' inputs, while
 * the weights of the last layer still have theirs, by the cut values. */
static void no_gradient_passes_what_was_cut_off(void **state)
{
    struct bed bed;
    float dlogits[batch * toy_classes], *grads;
    (void)state;
    bed_init(&bed, best(), SPACE_POOL_CLASS);
    grads = calloc(bed.student.param_count, sizeof *grads);
    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        bed.ranges.amax[i] = 1e-12F;
    tr_pass_observe(bed.pass, &bed.observer);

    (void)loss_of(&bed, &bed.quantised.weights, dlogits);
    for (int i = 0; i < batch * toy_classes; i++)
        dlogits[i] = 1;
    tr_pass_backward(bed.pass, &bed.student, &bed.quantised.weights, dlogits, grads);

    const struct tr_tensor *head = student_tensor(&bed.student, "head.weight");
    for (size_t i = 0; i < head->offset; i++)
        assert_true(grads[i] == 0);
    assert_true(grads[head->offset] != 0);
    free(grads);
    bed_release(&bed);
}

static void the_gradient_points_where_that_of_the_float_network_does(void **state)
{
    struct bed bed;
    float dlogits[batch * toy_classes], *grads[2] = {0};
    (void)state;
    bed_init(&bed, best(), SPACE_POOL_MEAN);
    for (int i = 0; i < 2; i++) {
        const struct tr_weights *weights = i ? &bed.quantised.weights : &bed.weights;
        grads[i] = calloc(bed.student.param_count, sizeof **grads);
        tr_pass_observe(bed.pass, i ? &bed.observer : NULL);
        (void)loss_of(&bed, weights, dlogits);
        tr_pass_backward(bed.pass, &bed.student, weights, dlogits, grads[i]);
    }
    double along = 0, a = 0, b = 0;
    for (size_t i = 0; i < bed.student.param_count; i++) {
        along += (double)grads[0][i] * (double)grads[1][i];
        a += (double)grads[0][i] * (double)grads[0][i];
        b += (double)grads[1][i] * (double)grads[1][i];
    }
    assert_true(along / sqrt(a * b) > .99); /* eight bits leave the direction as it is */
    free(grads[0]);
    free(grads[1]);
    bed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_copys_products_are_those_of_the_integers),
        cmocka_unit_test(the_integer_kernels_give_the_copys_logits),
        cmocka_unit_test(the_integer_kernels_split_long_rows),
        cmocka_unit_test(a_calibrated_range_is_the_largest_value_of_all_rows),
        cmocka_unit_test(the_bytes_are_those_of_codes_scales_and_floats),
        cmocka_unit_test(the_file_holds_codes_and_scales),
        cmocka_unit_test(the_gradient_of_the_last_bias_is_exact),
        cmocka_unit_test(no_gradient_passes_what_was_cut_off),
        cmocka_unit_test(the_gradient_points_where_that_of_the_float_network_does),
    };
    return cmocka_run_group_tests_name("trainer/net/student_int8", tests, NULL, NULL);
}
