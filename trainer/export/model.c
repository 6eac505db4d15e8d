/* trainer/export/model.c -- from a file's tensors and notes to a student that can be run.
 *
 * Shapes are not taken on trust: the notes say an architecture, the task says what it reads, and
 * then every tensor must be what that network has, in type and shape.
 */
#include "trainer/export/model.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/export/tensor_file.h"
#include "trainer/net/network.h"
#include "trainer/net/student_internal.h"
#include "trainer/task/controller.h"
#include "trainer/task/pixels.h"

enum { most_at_once = 64 }; /* examples a pass */

struct tr_model_file {
    struct tr_model model;
    struct tr_tensor_file tensors; /* the notes' texts are its own */
    struct tr_network net;
    struct tr_int8 int8;
    struct tr_ranges ranges;
    struct tr_metadata notes[TR_MODEL_MOST_NOTES + 1];
};

static const char *note_of(const void *from, const char *key)
{
    return tr_tensor_file_note(from, key);
}

static const struct {
    const char *name;
    enum space_pool pool;
} pool_of[] = {{"class", SPACE_POOL_CLASS},
               {"mean", SPACE_POOL_MEAN},
               {"last", SPACE_POOL_LAST},
               {"none", SPACE_POOL_NONE}};
enum { pools = sizeof pool_of / sizeof *pool_of };

/* What its notes and tensors say of the network. */
static rt_status read_shape(const char *path, const struct tr_task_kind *kind,
                            struct tr_model_file *file, struct space_arch *arch,
                            struct space_shape *shape, struct rt_err *err)
{
    const struct tr_tensor_file *tensors = &file->tensors;
    const char *text = tr_tensor_file_note(tensors, "arch");
    const char *pool = tr_tensor_file_note(tensors, "pool");
    struct tr_stored head, stem = {.dims = 2}, position; /* some texts have no stem */
    int p = 0;

    if (!text || !pool || !tr_tensor_file_find(tensors, "head.bias", &head) || head.dims != 1 ||
        (tr_tensor_file_find(tensors, "stem.weight", &stem) && stem.dims != 2) ||
        !tr_tensor_file_find(tensors, "position", &position) || position.dims != 2 ||
        position.shape[0] > INT32_MAX || head.shape[0] > INT32_MAX || stem.shape[1] > INT32_MAX)
        return rt_fail(
            err, RT_EFORMAT,
            "'%s' holds no student: write one with 'retort distill DB CANDIDATE -o FILE'", path);
    RT_TRY(space_arch_parse(text, arch, err));
    while (p < pools && strcmp(pool, pool_of[p].name) != 0)
        p++;
    if (p == pools)
        return rt_fail(err, RT_EFORMAT, "'%s' has pool '%.40s'; known: class, mean, last, none",
                       path, pool);
    *shape = (struct space_shape){.classes = (int)head.shape[0], .pool = pool_of[p].pool};
    const struct tr_notes notes = {.note = note_of,
                                   .from = tensors,
                                   .file = path,
                                   .features = (int)stem.shape[1],
                                   .tokens = (int)position.shape[0]};
    RT_TRY(kind->recall(&notes, arch, shape, &file->model.input, err));
    if (shape->length &&
        tr_tensor_file_find(tensors, "stem_ln.weight", &stem)) /* space.post_norm */
        shape->variant.post_norm = shape->variant.stem_norm = shape->variant.no_final_norm = true;
    return RT_OK;
}

static void read_notes(struct tr_model_file *file)
{
    for (size_t i = 0; i < TR_MODEL_MOST_NOTES; i++)
        if (!tr_tensor_file_notes(&file->tensors, i, &file->notes[i].key, &file->notes[i].value)) {
            file->notes[i].key = NULL;
            break;
        }
    file->model.metadata = file->notes;
}

/* ---- int8 ---- */

/* The tensor of this name, of one type and shape (rows,cols), cols 0: a vector. */
static rt_status find(const struct tr_model_file *file, const char *path, const char *name,
                      enum tr_stored_type type, int rows, int cols, struct tr_stored *stored,
                      struct rt_err *err)
{
    assert(rows >= 1 && cols >= 0);
    if (!tr_tensor_file_find(&file->tensors, name, stored))
        return rt_fail(err, RT_EFORMAT, "'%s' lacks tensor '%s'", path, name);
    if (stored->type != type || stored->dims != (cols ? 2 : 1) || stored->shape[0] != rows ||
        (cols && stored->shape[1] != cols))
        return rt_fail(err, RT_EFORMAT, "tensor '%s' in '%s' has another shape or type", name,
                       path);
    return RT_OK;
}

/* The largest value whose scale this is: that of tr_quant_scale() again, to the bit. */
static float largest_of(float scale)
{
    float amax = scale * TR_QUANT_SIGNED.high;

    for (int i = 0; i < 4 && tr_quant_scale(amax, TR_QUANT_SIGNED) > scale; i++)
        amax = nextafterf(amax, 0);
    for (int i = 0; i < 4 && tr_quant_scale(amax, TR_QUANT_SIGNED) < scale; i++)
        amax = nextafterf(amax, INFINITY);
    return amax;
}

/* A scale that values can be divided by. */
static bool sound(float scale)
{
    return scale > 0 && isfinite(scale) && isfinite(1 / scale);
}

/* Codes (out,in) and their scales (out) of a matrix whose first scale is number `channel`. */
static rt_status read_codes(struct tr_model_file *file, const char *path,
                            const struct tr_tensor *matrix, int quantiser, size_t channel,
                            struct rt_err *err)
{
    const int stem = (int)(strlen(matrix->name) - strlen("weight"));
    const int out = matrix->shape[0], in = matrix->shape[1];
    float *scale = file->int8.scale + channel, *row = file->net.weights.params + matrix->offset,
          input;
    struct tr_stored codes, scales, one;
    char name[sizeof matrix->name + 16];

    assert(quantiser < file->net.student.plan->quantisers &&
           channel + (size_t)out <= file->net.student.plan->channels);
    if (in > TR_QUANT_MOST_TERMS)
        return rt_fail(err, RT_EFORMAT,
                       "tensor '%s' in '%s' is too wide for int8, whose sums take %d inputs",
                       matrix->name, path, TR_QUANT_MOST_TERMS);
    RT_TRY(find(file, path, matrix->name, TR_STORED_I8, out, in, &codes, err));
    (void)snprintf(name, sizeof name, "%.*sweight_scale", stem, matrix->name);
    RT_TRY(find(file, path, name, TR_STORED_F32, out, 0, &scales, err));
    (void)snprintf(name, sizeof name, "%.*sinput_scale", stem, matrix->name);
    RT_TRY(find(file, path, name, TR_STORED_F32, 1, 0, &one, err));
    memcpy(scale, scales.values, (size_t)out * sizeof *scale);
    memcpy(&input, one.values, sizeof input);
    for (int o = 0; o < out; o++)
        if (!sound(scale[o]) || !sound(input))
            return rt_fail(err, RT_EFORMAT, "a scale of '%s' in '%s' is no positive number",
                           matrix->name, path);
    file->ranges.amax[quantiser] = largest_of(input);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)out * in; i++)
        row[i] = (float)((const int8_t *)codes.values)[i] * scale[i / in];
    return RT_OK;
}

/* All tensors of a file of codes; quantisers and channels count up as the table's matrices do. */
static rt_status read_int8(struct tr_model_file *file, const char *path, struct rt_err *err)
{
    const struct tr_student *student = &file->net.student;
    struct tr_stored stored;
    size_t channel = 0, seen = 0;
    int quantiser = 0;

    file->int8.ranges = &file->ranges;
    file->int8.scale = malloc(student->plan->channels * sizeof *file->int8.scale);
    if (!file->int8.scale)
        return rt_fail(err, RT_ENOMEM, "no memory for the scales of '%s'", path);
    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        if (tr_int8_has_codes(student, tensor)) {
            RT_TRY(read_codes(file, path, tensor, quantiser++, channel, err));
            channel += (size_t)tensor->shape[0];
            seen += 3;
        } else {
            RT_TRY(find(file, path, tensor->name, TR_STORED_F32, tensor->shape[0],
                        tensor->dims > 1 ? tensor->shape[1] : 0, &stored, err));
            memcpy(file->net.weights.params + tensor->offset, stored.values,
                   tensor->count * sizeof *file->net.weights.params);
            seen++;
        }
    }
    if (seen != file->tensors.count)
        return rt_fail(err, RT_EFORMAT, "'%s' has tensors that this architecture has not", path);
    file->net.weights.int8 = &file->int8;
    return RT_OK;
}

/* ---- opening ---- */

static rt_status check_finite(const struct tr_model_file *file, const char *path,
                              struct rt_err *err)
{
    for (size_t i = 0; i < file->net.student.param_count; i++)
        if (!isfinite(file->net.weights.params[i]))
            return rt_fail(err, RT_EFORMAT, "'%s' has weights that are no finite numbers", path);
    return RT_OK;
}

static rt_status read_all(struct tr_model_file *file, const char *path,
                          const struct tr_task_kind *kind, const struct tr_kernels *kernels,
                          struct rt_err *err)
{
    struct space_arch arch;
    struct space_shape shape;
    struct tr_stored first;

    RT_TRY(tr_tensor_file_open(&file->tensors, path, err));
    RT_TRY(read_shape(path, kind, file, &arch, &shape, err));
    if (!tr_tensor_file_find(&file->tensors, "stem.weight", &first) &&
        !tr_tensor_file_find(&file->tensors, "head.weight", &first) &&
        !tr_tensor_file_find(&file->tensors, "embedding.weight", &first))
        return rt_fail(err, RT_EFORMAT, "'%s' lacks tensor 'head.weight'", path);
    const bool codes = first.type == TR_STORED_I8;
    RT_TRY(tr_network_open(&file->net, &arch, &shape, codes ? tr_kernels_integer() : kernels,
                           TR_NETWORK_INFER, err));
    RT_TRY(codes ? read_int8(file, path, err)
                 : tr__safetensors_take(&file->tensors, path, &file->net.student,
                                        file->net.weights.params, err));
    RT_TRY(check_finite(file, path, err));
    read_notes(file);
    rt_map_close(&file->tensors.map); /* all is copied: the file may go */
    file->tensors.values = NULL;
    tr_weights_pack(&file->net.student, &file->net.weights);
    file->model.student = &file->net.student;
    file->model.weights = &file->net.weights;
    return RT_OK;
}

rt_status tr_model_open(const char *path, const struct tr_task_kind *kind,
                        const struct tr_kernels *kernels, struct tr_model_file **file,
                        struct rt_err *err)
{
    struct tr_model_file *self = calloc(1, sizeof *self);
    rt_status rc;

    if (!self)
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", path);
    if ((rc = read_all(self, path, kind, kernels, err)) == RT_OK)
        *file = self;
    else
        tr_model_close(self);
    return rc;
}

const struct tr_model *tr_model_of(const struct tr_model_file *file)
{
    return &file->model;
}

size_t tr_model_input_bytes(const struct tr_model *model)
{
    size_t bytes = 1;

    for (int d = 0; d < model->input.dims; d++)
        bytes *= (size_t)model->input.shape[d];
    return bytes;
}

/* ---- answers ---- */

static rt_status carve(struct tr_answering *a, int room, struct rt_err *err)
{
    const struct tr_student *student = a->model->student;

    RT_TRY(tr_batch_init(&a->batch, &student->arch, &student->shape, room, &a->arena, err));
    return tr_infer_init(&a->infer, student, room, &a->arena, err);
}

rt_status tr_answering_open(struct tr_answering *answering, const struct tr_model *model,
                            int at_once, struct rt_err *err)
{
    struct tr_answering a = {.model = model};

    assert(model->weights->params && at_once >= 1);
    rt_arena_init_counting(&a.arena);
    (void)carve(&a, at_once, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&a.arena, a.arena.used, err));
    const rt_status rc = carve(&a, at_once, err);
    if (rc)
        rt_arena_release(&a.arena);
    else
        *answering = a;
    return rc;
}

/* bytes (n,numbers) to logits (n,parts*C) */
void tr_answering_run(struct tr_answering *a, const uint8_t *bytes, int n, float *logits)
{
    const struct tr_model *model = a->model;
    struct tr_batch *batch = &a->batch;
    const size_t numbers = (size_t)batch->numbers;

    assert(!model->input.controller || tr_controller_frames(model->input.controller));
    assert(numbers == tr_model_input_bytes(model));
    assert(n >= 0 && (n == 0 || (bytes && logits)));
    for (int first = 0; first < n; first += batch->room) {
        tr_batch_resize(batch, n - first < batch->room ? n - first : batch->room, NULL);
        tr_pixels_enter(model->input.value, (size_t)batch->examples * numbers,
                        bytes + (size_t)first * numbers, batch->values);
        tr_infer_run(a->infer, model->student, model->weights, batch,
                     logits + (ptrdiff_t)first * space_outputs(&model->student->shape));
    }
}

void tr_answering_close(struct tr_answering *answering)
{
    rt_arena_release(&answering->arena);
    *answering = (struct tr_answering){0};
}

rt_status tr_model_answer(const struct tr_model *model, const uint8_t *bytes, int n, float *logits,
                          struct rt_err *err)
{
    struct tr_answering answering;

    RT_TRY(tr_answering_open(&answering, model, most_at_once, err));
    tr_answering_run(&answering, bytes, n, logits);
    tr_answering_close(&answering);
    return RT_OK;
}

/* action [parts]: room for one as doubles. */
static void act(struct tr_answering *a, const float *observed, int steps, float *logits,
                float *actions, double *action)
{
    const struct tr_model *model = a->model;
    const struct tr_controller *c = model->input.controller;
    const ptrdiff_t parts = c->actions.parts, outputs = parts * c->actions.bins;

    tr_batch_resize(&a->batch, 1, NULL);
    for (ptrdiff_t t = 0; t < steps; t++) {
        tr_controller_see(c, observed + t * c->observed, t ? action : NULL, a->batch.values);
        tr_infer_run(a->infer, model->student, model->weights, &a->batch, logits + t * outputs);
        tr_controller_act(c, logits + t * outputs, action);
        for (ptrdiff_t i = 0; i < parts; i++)
            actions[t * parts + i] = (float)action[i];
    }
}

rt_status tr_model_act(const struct tr_model *model, const float *observed, int steps,
                       float *logits, float *actions, struct rt_err *err)
{
    struct tr_answering answering;
    double *action;

    assert(model->weights->params && model->input.controller && steps >= 0);
    assert(!tr_controller_frames(model->input.controller));
    RT_TRY(tr_answering_open(&answering, model, 1, err));
    action = malloc((size_t)model->input.controller->actions.parts * sizeof *action);
    const rt_status rc = action ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for an action");
    if (action)
        act(&answering, observed, steps, logits, actions, action);
    free(action);
    tr_answering_close(&answering);
    return rc;
}

void tr_model_close(struct tr_model_file *file)
{
    if (!file)
        return;
    tr_network_close(&file->net);
    tr_controller_free(file->model.input.controller);
    tr_tensor_file_close(&file->tensors);
    free(file->int8.scale);
    free(file);
}
