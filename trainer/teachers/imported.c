/* trainer/teachers/imported.c -- a teacher that others trained: a folder as Hugging Face's transformers
 * library saves it (trainer/import/folder.h).
 *
 * It reads the task's rows its own way (a task's reread()); what lines up with the students is the
 * row. Running it may take an hour, so what it says about the training file goes into
 * FOLDER/NAME.logits block by block, and an interrupted pass goes on behind the last whole one. That
 * file begins with a hash of all that its logits depend on; of another one it is begun anew. Nobody
 * knows which rows it was trained on.
 *
 * probe    head: a linear classifier on its pooled rows (linear_probe.h); fine: all of it is trained on
 *          the train rows, and kept in FOLDER/NAME.safetensors (tuned.c).
 *
 * Beside students, or to cut them out of, it reads what they read: its stem is made to (adapt()).
 *
 * NAME.logits  magic "RTSAID\r\n", hash (33 bytes), then (rows,C) float32 as far as they are known.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/import/folder.h"
#include "trainer/net/predict.h"
#include "trainer/teachers/teachers_internal.h"

#define MAGIC "RTSAID\r\n"
enum { block = 256, head_bytes = 8 + RT_HASH_TEXT }; /* rows at a time */

/* A teacher at work on one task. */
struct reader {
    const struct tr_teaching *teaching;
    const struct tr_teacher_spec *spec;
    struct tr_folder folder;
    struct space_shape shape;
    struct tr_task *view;
    struct tr_network net;
    bool features;           /* are the pooled rows answered, not classes? */
    char hash[RT_HASH_TEXT]; /* of the folder, and of how its classifier is trained */
};

/* Where a tensor's values begin. */
static float *values_of(const struct tr_student *student, const char *name, float *params)
{
    int t = 0;

    while (t + 1 < student->tensor_count && strcmp(student->tensors[t].name, name) != 0)
        t++;
    assert(strcmp(student->tensors[t].name, name) == 0);
    return params + student->tensors[t].offset;
}

static struct tr_reading reading_of(const struct reader *r)
{
    struct tr_reading how = {.shape = &r->shape,
                             .vocabulary = r->folder.arch.vocabulary,
                             .folder = r->folder.path,
                             .labels = r->folder.labels,
                             .label = r->folder.label};

    memcpy(how.mean, r->folder.mean, sizeof how.mean);
    memcpy(how.sd, r->folder.sd, sizeof how.sd);
    return how;
}

static rt_status make_view(struct reader *r, const struct tr_task *task, struct rt_err *err)
{
    const struct tr_reading how = reading_of(r);

    if (!task->kind->reread)
        return rt_fail(err, RT_EARG, "teacher '%s' is a folder, which does not answer this task",
                       r->spec->name);
    return task->kind->reread(task, &how, &r->view, err);
}

/* The pooled rows themselves in place of logits. */
static void pass_features(struct reader *r)
{
    const size_t d = (size_t)r->folder.arch.width;
    float *weight = values_of(&r->net.student, "head.weight", r->net.weights.params);

    for (size_t i = 0; i < d; i++)
        weight[i * d + i] = 1;
}

static rt_status open_network(struct reader *r, struct rt_err *err)
{
    struct tr_network *net = &r->net;

    RT_TRY(tr_network_open(net, &r->folder.arch, &r->shape, r->teaching->kernels, TR_NETWORK_INFER,
                           err));
    if (r->spec->probe == TR_PROBE_FINE)
        RT_TRY(tr__tuned_read(r->teaching, r->spec, r->hash, net, err));
    else
        RT_TRY(tr_folder_load(&r->folder, &net->student, net->weights.params, err));
    if (r->features)
        pass_features(r);
    tr_weights_pack(&net->student, &net->weights);
    return RT_OK;
}

static void reader_close(struct reader *r)
{
    tr_task_close(r->view);
    tr_network_close(&r->net);
    tr_folder_close(&r->folder);
}

/* Of the folder's weights and, where its classifier is trained here, of all that decides about that. */
static rt_status hash_reader(struct reader *r, struct rt_err *err)
{
    const struct tr_probe_recipe *recipe = &r->spec->probe_recipe;
    const struct tr_split *split = &r->teaching->task->split;
    char folder[RT_HASH_TEXT], line[512];
    struct rt_hash *all;

    RT_TRY(tr_folder_hash(&r->folder, r->spec->probe ? folder : r->hash, err));
    if (!r->spec->probe)
        return RT_OK;
    all = rt_hash_open();
    if (!all)
        return rt_fail(err, RT_ENOMEM, "no memory to hash teacher '%s'", r->spec->name);
    const int n = snprintf(line, sizeof line,
                           "%s probe=%d epochs=%.17g batch=%d lr=%.17g warmup=%.17g wd=%.17g "
                           "seed=%llu data=%s",
                           folder, (int)r->spec->probe, recipe->epochs, recipe->batch,
                           recipe->learning_rate, recipe->warmup, recipe->weight_decay,
                           (unsigned long long)recipe->seed, r->teaching->task->hash);
    rt_hash_add(all, line, (size_t)n);
    rt_hash_add(all, split->train, (size_t)split->train_count * sizeof *split->train);
    rt_hash_close(all, r->hash);
    return RT_OK;
}

/* The folder, and that it fits; to be closed after a failure, too. answers: is it asked for logits? */
static rt_status reader_open(struct reader *r, const struct tr_teaching *teaching, int k,
                             bool answers, struct rt_err *err)
{
    *r = (struct reader){.teaching = teaching, .spec = &teaching->spec->teacher[k]};
    RT_TRY(tr_folder_open(&r->folder, r->spec->source, err));
    const bool other = r->folder.classes != teaching->shape->classes;
    if (r->spec->probe == TR_PROBE_HEAD || (r->spec->probe == TR_PROBE_FINE && other)) {
        r->folder.classes = 0; /* a classifier of its own is not read */
        r->folder.pair = false;
    }
    RT_TRY(tr_folder_fit(&r->folder, teaching->shape, false, &r->shape, err));
    if (answers && !r->folder.classes && !r->spec->probe)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has no classifier, so it says nothing about classes; give probe: "
                       "head or fine, which train one",
                       r->folder.path);
    r->features = answers && r->spec->probe == TR_PROBE_HEAD;
    if (r->features)
        r->shape.classes = r->folder.arch.width;
    if (!answers || r->spec->probe == TR_PROBE_FINE)
        r->shape.segments = teaching->shape->segments;
    return hash_reader(r, err);
}

/* ---- what is known already ---- */

static rt_status said_path(const struct reader *r, char path[RT_PATH_MAX], struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s.logits", r->teaching->spec->folder, r->spec->name) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
}

/* Of teacher, data, and how they are read: the tokens are the folder's, which may change beside its
 * weights. */
static rt_status said_hash(const struct reader *r, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_hash *all = rt_hash_open();
    const int length = r->shape.length;

    if (!all)
        return rt_fail(err, RT_ENOMEM, "no memory to hash teacher '%s'", r->spec->name);
    rt_hash_add(all, r->hash, sizeof r->hash);
    rt_hash_add(all, r->view->hash, sizeof r->view->hash);
    rt_hash_add(all, &length, sizeof length);
    rt_hash_close(all, hash);
    return RT_OK;
}

/* The file, at its end, and how many whole rows it has; logits (rows,C) get them. */
static rt_status said_open(const struct reader *r, FILE **file, float *logits, int *known,
                           struct rt_err *err)
{
    const size_t classes = (size_t)r->shape.classes, rows = (size_t)r->view->rows;
    char path[RT_PATH_MAX], have[head_bytes], want[head_bytes] = MAGIC;

    RT_TRY(said_path(r, path, err));
    RT_TRY(said_hash(r, want + 8, err));
    *known = 0;
    *file = fopen(path, "r+b");
    if (*file && fread(have, 1, sizeof have, *file) == sizeof have &&
        memcmp(have, want, sizeof have) == 0) {
        *known = (int)(fread(logits, sizeof *logits, rows * classes, *file) / classes);
        if (fseek(*file, (long)(head_bytes + (size_t)*known * classes * sizeof *logits),
                  SEEK_SET) == 0)
            return RT_OK;
    }
    if (*file)
        (void)fclose(*file);
    *known = 0;
    *file = fopen(path, "wb");
    if (!*file || fwrite(want, 1, sizeof want, *file) != sizeof want) {
        if (*file)
            (void)fclose(*file);
        return rt_fail(err, RT_EIO, "cannot write '%s'", path);
    }
    return RT_OK;
}

/* ---- asking ---- */

static rt_status say_blocks(const struct reader *r, FILE *file, int first, float *logits,
                            struct rt_err *err)
{
    const struct tr_teaching *t = r->teaching;
    const int rows = r->view->rows, classes = r->shape.classes;

    for (int at = first, n; at < rows; at += n) {
        float *to = logits + (ptrdiff_t)at * classes;
        int row[block];
        n = rows - at < block ? rows - at : block;
        if (t->stop && atomic_load_explicit(t->stop, memory_order_relaxed))
            return rt_fail(err, RT_ESTOP, "teacher '%s' was asked to stop at row %d of %d",
                           r->spec->name, at, rows);
        for (int i = 0; i < n; i++)
            row[i] = at + i;
        RT_TRY(tr_predict(&r->net.student, &r->net.weights, r->view, row, n, t->threads, to, err));
        if (file && (fwrite(to, (size_t)classes * sizeof *to, (size_t)n, file) != (size_t)n ||
                     fflush(file) != 0))
            return rt_fail(err, RT_EIO, "cannot write what teacher '%s' says", r->spec->name);
        if (t->progress)
            t->progress(t->progress_context, r->spec->name, at + n, rows);
    }
    return RT_OK;
}

/* Logits (rows,C) of the training file, as far as possible from what is kept. */
static rt_status say_kept(struct reader *r, float *logits, struct rt_err *err)
{
    FILE *file;
    int known;

    RT_TRY(said_open(r, &file, logits, &known, err));
    rt_status rc = known < r->view->rows ? open_network(r, err) : RT_OK;
    if (rc == RT_OK)
        rc = say_blocks(r, file, known, logits, err);
    if (fclose(file) != 0 && rc == RT_OK)
        rc = rt_fail(err, RT_EIO, "cannot write what teacher '%s' says", r->spec->name);
    return rc;
}

/* What it says (rows, classes of its shape) of a task's rows. */
static rt_status say_rows(struct reader *r, const struct tr_task *task, bool keep, float *logits,
                          struct rt_err *err)
{
    RT_TRY(make_view(r, task, err));
    if (keep)
        return say_kept(r, logits, err);
    RT_TRY(open_network(r, err));
    return say_blocks(r, NULL, 0, logits, err);
}

/* ---- classifiers that are trained here ---- */

/* On the pooled rows of the training file, which are kept like logits. */
static rt_status train_probe(const struct tr_teaching *teaching, int k,
                             struct tr_linear_probe *probe, struct rt_err *err)
{
    const struct tr_task *task = teaching->task;
    float *features = NULL;
    struct reader r;
    rt_status rc = reader_open(&r, teaching, k, true, err);

    if (rc == RT_OK) {
        features = malloc((size_t)task->rows * r.shape.classes * sizeof *features);
        rc = features ? say_rows(&r, task, true, features, err)
                      : rt_fail(err, RT_ENOMEM, "no memory for the features of teacher '%s'",
                                r.spec->name);
    }
    if (rc == RT_OK)
        rc = tr_linear_probe_train(probe, r.shape.classes, teaching->shape->classes, features,
                                   task->label, task->split.train, task->split.train_count,
                                   &r.spec->probe_recipe, teaching->stop, err);
    free(features);
    reader_close(&r);
    return rc;
}

/* logits (rows,C) of what the features (rows,d) are, by a probe trained on those of the training file. */
static rt_status answer_probe(const struct reader *r, int k, const struct tr_task *task,
                              const float *features, float *logits, struct rt_err *err)
{
    struct tr_linear_probe probe;

    RT_TRY(train_probe(r->teaching, k, &probe, err));
    tr_linear_probe_answer(&probe, features, task->rows, logits);
    tr_linear_probe_release(&probe);
    return RT_OK;
}

/* Into column k of out (rows, K, C). */
static rt_status say(struct reader *r, const struct tr_task *task, bool keep, int k, float *out,
                     struct rt_err *err)
{
    const int classes = r->teaching->shape->classes;
    const size_t rows = (size_t)task->rows;
    float *logits = malloc(rows * classes * sizeof *logits);
    float *features = r->features ? malloc(rows * r->shape.classes * sizeof *features) : NULL;
    rt_status rc;

    if (!logits || (r->features && !features))
        rc = rt_fail(err, RT_ENOMEM, "no memory for the teachers' logits");
    else
        rc = say_rows(r, task, keep, r->features ? features : logits, err);
    if (rc == RT_OK && r->features)
        rc = answer_probe(r, k, task, features, logits, err);
    if (rc == RT_OK)
        tr__interleave(logits, task->rows, classes, k, r->teaching->spec->count, out);
    free(logits);
    free(features);
    return rc;
}

/* All of it trained on the train rows, from the folder's weights. */
static rt_status tune(struct reader *r, struct rt_err *err)
{
    struct tr_teaching teaching = *r->teaching;
    struct tr_network net;
    rt_status rc;

    RT_TRY(make_view(r, teaching.task, err));
    r->view->split = teaching.task->split; /* lent */
    teaching.task = r->view;
    teaching.shape = &r->shape;
    rc = tr_network_open(&net, &r->folder.arch, &r->shape, teaching.kernels, TR_NETWORK_TRAIN, err);
    if (rc == RT_OK &&
        (rc = tr_folder_load(&r->folder, &net.student, net.weights.params, err)) == RT_OK)
        rc = tr__tuned_train(&teaching, r->spec, r->hash, &net, err);
    tr_network_close(&net);
    r->view->split = (struct tr_split){0};
    tr_task_close(r->view);
    r->view = NULL;
    return rc;
}

/* ---- as students read ---- */

/* Everything but the table, which both have last, is alike in both. */
static rt_status fill_network(struct reader *r, struct tr_network *network, struct rt_err *err)
{
    const struct tr_task *task = r->teaching->task;
    const struct tr_student *full = &r->net.student, *to = &network->student;
    const struct tr_reading how = reading_of(r);
    float *params = network->weights.params;
    struct tr_stem_tensors stem = {.width = to->arch.width, .vocabulary = to->stem.vocabulary};

    assert(task->kind->adapt && full->dense_count == to->dense_count);
    memcpy(params, r->net.weights.params, to->dense_count * sizeof *params);
    if (stem.vocabulary) {
        stem.own = values_of(full, "embedding.weight", r->net.weights.params);
        stem.table = values_of(to, "embedding.weight", params);
    } else {
        stem.features = to->stem.features;
        stem.weight = values_of(to, "stem.weight", params);
        stem.bias = values_of(to, "stem.bias", params);
    }
    RT_TRY(task->kind->adapt(task, &how, &stem, err));
    tr_weights_pack(to, &network->weights);
    return RT_OK;
}

static rt_status open_beside(struct tr_network *network, const struct tr_teaching *teaching, int k,
                             enum tr_network_use use, struct rt_err *err)
{
    const struct tr_task *task = teaching->task;
    struct space_arch arch;
    struct reader r;
    rt_status rc = reader_open(&r, teaching, k, false, err);

    *network = (struct tr_network){0};
    if (rc)
        goto done;
    arch = r.folder.arch;
    if (task->kind->tokens)
        arch.vocabulary = task->kind->tokens(task);
    if ((rc = open_network(&r, err)) == RT_OK &&
        (rc = tr_network_open(network, &arch, &r.shape, teaching->kernels, use, err)) == RT_OK)
        rc = fill_network(&r, network, err);
    if (rc)
        tr_network_close(network);
done:
    reader_close(&r);
    return rc;
}

/* ---- the kind ---- */

static void describe(const struct tr_teacher_spec *spec, const struct space_shape *shape,
                     char arch[SPACE_ARCH_TEXT], int64_t *params)
{
    (void)shape;
    space_arch_print(&spec->arch, arch);
    *params = spec->params;
}

static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         char hash[RT_HASH_TEXT], float *out, struct rt_err *err)
{
    struct reader r;
    rt_status rc = reader_open(&r, teaching, k, true, err);

    if (rc == RT_OK)
        memcpy(hash, r.hash, RT_HASH_TEXT);
    if (rc == RT_OK && may_train && r.spec->probe == TR_PROBE_FINE &&
        !tr__tuned_is_there(teaching, r.spec))
        rc = tune(&r, err);
    if (rc == RT_OK && out)
        rc = say(&r, teaching->task, true, k, out, err);
    reader_close(&r);
    return rc;
}

static rt_status predict(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                         float *out, struct rt_err *err)
{
    struct reader r;
    rt_status rc = reader_open(&r, teaching, k, true, err);

    if (rc == RT_OK)
        rc = say(&r, test, false, k, out, err);
    reader_close(&r);
    return rc;
}

static rt_status check(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                       struct rt_err *err)
{
    struct reader r;
    rt_status rc = reader_open(&r, teaching, k, true, err);

    (void)test; /* it reads any rows */
    if (rc == RT_OK)
        rc = make_view(&r, teaching->task, err);
    reader_close(&r);
    return rc;
}

const struct tr_teacher_kind tr_teacher_imported = {
    .name = "imported",
    .gives =
        TR_GIVES_LAYERS | TR_GIVES_WEIGHTS | TR_COUNTS_PARAMS | TR_ANSWERS_ANY | TR_KEEPS_LAYERS,
    .describe = describe,
    .consult = consult,
    .predict = predict,
    .check = check,
    .open = open_beside,
};
