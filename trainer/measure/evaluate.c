/* trainer/measure/evaluate.c -- see evaluate.h. */
#include "trainer/measure/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "trainer/distill/ensemble.h"

enum { piece = 64 }; /* rows of one inference call */

/* One thread's inference plan and input. */
struct reader {
    struct tr_infer *infer;
    struct tr_batch batch;
};

static rt_status readers_init(struct reader *readers, int threads, const struct tr_student *student,
                              struct rt_arena *arena, struct rt_err *err)
{
    for (int t = 0; t < threads; t++) {
        RT_TRY(
            tr_batch_init(&readers[t].batch, &student->arch, &student->shape, piece, arena, err));
        RT_TRY(tr_infer_init(&readers[t].infer, student, piece, arena, err));
    }
    return rt_arena_check(arena, "evaluation", err);
}

static size_t reader_bytes(const struct tr_student *student)
{
    struct rt_arena arena;
    struct reader reader;

    rt_arena_init_counting(&arena);
    (void)readers_init(&reader, 1, student, &arena, NULL); /* cannot fail */
    return arena.peak;
}

rt_status tr_predict(const struct tr_student *student, const struct tr_weights *weights,
                     const struct tr_task *task, const int *rows, int n, int threads, float *logits,
                     struct rt_err *err)
{
    const int pieces = (n + piece - 1) / piece, classes = student->shape.classes;
    struct reader *readers = calloc((size_t)threads, sizeof *readers);
    struct rt_arena arena = {0};
    rt_status rc;

    if (!readers)
        return rt_fail(err, RT_ENOMEM, "no memory for evaluation");
    if ((rc = rt_arena_init(&arena, (size_t)threads * reader_bytes(student), err)) ||
        (rc = readers_init(readers, threads, student, &arena, err)))
        goto done;
#pragma omp parallel for default(none) num_threads(threads) schedule(static, 1) if (threads > 1)   \
    shared(readers, student, weights, task, rows, n, pieces, classes, logits, threads)
    for (int t = 0; t < threads; t++)
        for (int p = t; p < pieces; p += threads) {
            const int first = p * piece, count = n - first < piece ? n - first : piece;
            task->kind->fill(task, rows + first, count, &readers[t].batch);
            tr_infer_run(readers[t].infer, student, weights, &readers[t].batch,
                         logits + (ptrdiff_t)first * classes);
        }
done:
    rt_arena_release(&arena);
    free(readers);
    return rc;
}

void tr_ensemble_rows(const struct tr_distill *distill, const struct tr_knowledge *knowledge,
                      const int *rows, int n, double *out)
{
    const int k = knowledge->key.teachers, c = knowledge->key.classes;

    for (int i = 0; i < n; i++)
        tr_ensemble_target(distill, knowledge->logits + (ptrdiff_t)rows[i] * k * c, k, c, 1.0,
                           out + (ptrdiff_t)i * c);
}

void tr_log_of(const double *probabilities, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)log(probabilities[i] + 1e-300);
}

rt_status tr_evaluate_validation(const struct tr_student *student, const struct tr_weights *weights,
                                 const struct tr_data *data, const struct tr_distill *distill,
                                 int threads, struct tr_fidelity *fidelity, struct rt_err *err)
{
    const struct tr_split *split = &data->task->split;
    const int n = split->validation_count, c = student->shape.classes;
    float *logits = malloc((size_t)n * c * sizeof *logits);
    double *target = malloc((size_t)n * c * sizeof *target);
    int *labels = malloc((size_t)n * sizeof *labels);
    rt_status rc;

    if (!logits || !target || !labels) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to evaluate %d rows", n);
        goto done;
    }
    if ((rc = tr_predict(student, weights, data->task, split->validation, n, threads, logits, err)))
        goto done;
    for (int i = 0; i < n; i++)
        labels[i] = data->task->label[split->validation[i]];
    if (data->knowledge)
        tr_ensemble_rows(distill, data->knowledge, split->validation, n, target);
    rc = tr_fidelity_measure(logits, data->knowledge ? target : NULL, labels, n, c, fidelity, err);
done:
    free(logits);
    free(target);
    free(labels);
    return rc;
}

size_t tr_validation_bytes(const struct tr_student *student, const struct tr_data *data,
                           int threads)
{
    const size_t row = (size_t)student->shape.classes * (sizeof(float) + sizeof(double));

    return (size_t)threads * reader_bytes(student) +
           (size_t)data->task->split.validation_count * (row + sizeof(int));
}
