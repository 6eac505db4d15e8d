/* trainer/net/predict.c -- see predict.h. */
#include "trainer/net/predict.h"

#include <assert.h>
#include <stdlib.h>

#include "base/gate.h"

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
    return arena.used;
}

rt_status tr_predict(const struct tr_student *student, const struct tr_weights *weights,
                     const struct tr_task *task, const int *rows, int n, int threads, float *logits,
                     struct rt_err *err)
{
    const int pieces = (n + piece - 1) / piece, outputs = space_outputs(&student->shape);
    struct reader *readers = calloc((size_t)threads, sizeof *readers);
    struct rt_arena arena = {0};
    rt_status rc;

    assert(n >= 0 && threads >= 1 && student->shape.pool != SPACE_POOL_NONE);
    if (!readers)
        return rt_fail(err, RT_ENOMEM, "no memory for evaluation");
    if ((rc = rt_arena_init(&arena, (size_t)threads * reader_bytes(student), err)) ||
        (rc = readers_init(readers, threads, student, &arena, err)))
        goto done;
#pragma omp parallel for default(none) num_threads(threads) schedule(static, 1) if (threads > 1)   \
    shared(readers, student, weights, task, rows, n, pieces, outputs, logits, threads)
    for (int t = 0; t < threads; t++)
        for (int p = t; p < pieces; p += threads) {
            const int first = p * piece, count = n - first < piece ? n - first : piece;
            task->kind->fill(task, rows + first, count, &readers[t].batch);
            tr_infer_run(readers[t].infer, student, weights, &readers[t].batch,
                         logits + (ptrdiff_t)first * outputs);
            rt_gate_pass();
        }
done:
    rt_arena_release(&arena);
    free(readers);
    return rc;
}

size_t tr_predict_bytes(const struct tr_student *student, int threads)
{
    return (size_t)threads * reader_bytes(student);
}
