/* trainer/teachers/assess_rows.c -- how good answers by row are, taken as they come; see assess.h. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gate.h"
#include "trainer/distill/fidelity.h"
#include "trainer/distill/softmax.h"
#include "trainer/net/soft_row.h"
#include "trainer/teachers/live.h"
#include "trainer/teachers/teachers_internal.h"

enum { piece = 16 }; /* rows asked about at once */

/* Who is asked about what. */
struct question {
    const struct tr_task *task;
    const int *rows;
    int n, classes;
    const struct tr_student *student; /* NULL: the ensemble */
    const struct tr_weights *weights;
    const struct tr_knowledge *knowledge; /* NULL: no teachers */
    const struct tr_ensemble *ensemble;
};

/* One thread's. */
struct asker {
    struct tr_batch batch;
    struct tr_infer *infer;
    struct tr_live live;
    float *logits;       /* (most answers, C) of the student */
    float *q, *p, *work; /* (C) each */
};

static rt_status asker_init(struct asker *a, const struct question *w, struct rt_arena *arena,
                            struct rt_err *err)
{
    const struct tr_student *by = w->student ? w->student : &w->knowledge->live[0].student;
    const size_t c = (size_t)w->classes;

    RT_TRY(tr_batch_init(&a->batch, &by->arch, &by->shape, piece, arena, err));
    if (w->knowledge)
        RT_TRY(tr_live_init(&a->live, w->knowledge, piece, arena, err));
    if (w->student) {
        const size_t most = (size_t)tr_batch_most_answers(&by->arch, &by->shape, piece);
        RT_TRY(tr_infer_init(&a->infer, w->student, piece, arena, err));
        a->logits = rt_arena_alloc(arena, most * c, sizeof *a->logits);
    }
    float **const row[] = {&a->q, &a->p, &a->work};
    for (int i = 0; i < 3; i++)
        *row[i] = rt_arena_alloc(arena, c, sizeof **row[i]);
    return rt_arena_check(arena, "evaluation", err);
}

static size_t asker_bytes(const struct question *w)
{
    struct rt_arena arena;
    struct asker asker;

    rt_arena_init_counting(&arena);
    (void)asker_init(&asker, w, &arena, NULL); /* cannot fail */
    return arena.used;
}

/* ---- one answer ---- */

struct answer {
    double nll, kl, confidence;
    int best, ensemble_best;
};

/* Of the student's logits z (C), and what was said (K,C) where there are teachers. */
static void take_student(const struct question *w, const struct asker *a, const float *z,
                         const float *said, int label, struct answer *x)
{
    const double sum = tr_soft_row(w->student, w->classes, 1, z, a->q);

    x->nll = sum - (double)z[label];
    x->best = tr_argmax_float(z, w->classes);
    x->confidence = (double)a->q[x->best];
    if (!w->knowledge)
        return;
    const double p_ln_p = tr_live_target(w->knowledge, w->ensemble, said, 1, a->p, a->work);
    x->kl = p_ln_p - tr_row_dot(w->classes, a->p, z) + sum;
    x->ensemble_best = tr_argmax_float(a->p, w->classes);
}

static void take_ensemble(const struct question *w, const struct asker *a, const float *said,
                          int label, struct answer *x)
{
    (void)tr_live_target(w->knowledge, w->ensemble, said, 1, a->p, a->work);
    x->best = x->ensemble_best = tr_argmax_float(a->p, w->classes);
    x->nll = -log(fmax((double)a->p[label], (double)FLT_MIN));
    x->confidence = (double)a->p[x->best];
    x->kl = 0;
}

static void add_answer(const struct question *w, const struct answer *x, int label,
                       double sum[TR_ROW_SUMS], struct tr_ece *ece)
{
    const int right = x->best == label;

    sum[TR_SUM_ANSWERS]++;
    sum[TR_SUM_NLL] += x->nll;
    sum[TR_SUM_WRONG] += !right;
    sum[TR_SUM_RIGHT] += right;
    tr_ece_add(ece, x->confidence, right);
    if (!w->knowledge)
        return;
    sum[TR_SUM_KL] += x->kl;
    sum[TR_SUM_AGREE] += x->best == x->ensemble_best;
    sum[TR_SUM_ENSEMBLE_RIGHT] += x->ensemble_best == label;
}

/* Rows first, first + 1, ..: into their places in sums. */
static void take_piece(const struct question *w, struct asker *a, int first,
                       const struct tr_row_sums *sums, struct tr_ece *ece)
{
    const int count = w->n - first < piece ? w->n - first : piece, *rows = w->rows + first;
    int i = 0;

    w->task->kind->fill(w->task, rows, count, &a->batch);
    if (w->knowledge)
        tr_live_ask(&a->live, &a->batch);
    if (w->student)
        tr_infer_run(a->infer, w->student, w->weights, &a->batch, a->logits);
    for (int m = 0; m < count; m++) {
        double sum[TR_ROW_SUMS] = {0};
        for (int left = w->task->kind->answers(w->task, rows[m]); left > 0; left--, i++) {
            const int label = a->batch.label[i];
            struct answer x = {0};
            if (w->student)
                take_student(w, a, a->logits + (ptrdiff_t)i * w->classes, a->batch.said[i], label,
                             &x);
            else
                take_ensemble(w, a, a->batch.said[i], label, &x);
            add_answer(w, &x, label, sum, ece);
        }
        for (int s = 0; s < TR_ROW_SUMS; s++)
            sums->of[s][first + m] = sum[s];
    }
    assert(i == a->batch.answers);
}

/* ---- all of them ---- */

static void join(struct tr_ece *all, const struct tr_ece *part)
{
    all->total += part->total;
    all->sq += part->sq;
    for (int b = 0; b < all->bins; b++) {
        all->count[b] += part->count[b];
        all->right[b] += part->right[b];
        all->confidence[b] += part->confidence[b];
    }
}

static rt_status add_metrics(const struct question *w, const struct tr_row_sums *sums,
                             const struct tr_ece *ece, struct tr_metrics *metrics,
                             struct rt_err *err)
{
    const double nan = (double)NAN;
    double *const *of = sums->of;
    const int n = sums->rows;

    for (int i = 0; i < n; i++)
        if (!isfinite(of[TR_SUM_NLL][i]) || !isfinite(of[TR_SUM_KL][i]))
            return rt_fail(err, RT_ENAN, "the logits of row %d are not finite", w->rows[i]);
    tr_metrics_add_ratio(metrics, "error", of[TR_SUM_WRONG], of[TR_SUM_ANSWERS], n);
    tr_metrics_add_ratio(metrics, "nll", of[TR_SUM_NLL], of[TR_SUM_ANSWERS], n);
    tr_metrics_add(metrics, "ece", tr_ece_value(ece), tr_ece_se(ece));
    if (w->knowledge) {
        tr_metrics_add_ratio(metrics, "kl", of[TR_SUM_KL], of[TR_SUM_ANSWERS], n);
        tr_metrics_add_ratio(metrics, "agreement", of[TR_SUM_AGREE], of[TR_SUM_ANSWERS], n);
        tr_metrics_add_ratio(metrics, "accuracy_retention", of[TR_SUM_RIGHT],
                             of[TR_SUM_ENSEMBLE_RIGHT], n);
    } else {
        tr_metrics_add(metrics, "kl", nan, nan);
        tr_metrics_add(metrics, "agreement", nan, nan);
        tr_metrics_add(metrics, "accuracy_retention", nan, nan);
    }
    return w->task->kind->measure_rows(w->task, w->rows, sums, metrics, err);
}

struct room { /* of all threads */
    struct rt_arena arena;
    struct asker *askers;
    struct tr_ece *ece; /* [pieces] */
    double *values;
    struct tr_row_sums sums;
};

static int pieces_of(int n)
{
    return (n + piece - 1) / piece;
}

static rt_status room_init(struct room *room, const struct question *w, int threads,
                           struct rt_err *err)
{
    const int pieces = pieces_of(w->n);

    room->askers = calloc((size_t)threads, sizeof *room->askers);
    room->ece = calloc((size_t)pieces + 1, sizeof *room->ece); /* and all of them */
    room->values = calloc((size_t)w->n * TR_ROW_SUMS, sizeof *room->values);
    if (!room->askers || !room->ece || !room->values)
        return rt_fail(err, RT_ENOMEM, "no memory to evaluate %d rows", w->n);
    for (int p = 0; p <= pieces; p++)
        tr_ece_init(&room->ece[p], TR_FIDELITY_BINS);
    room->sums.rows = w->n;
    for (int s = 0; s < TR_ROW_SUMS; s++)
        room->sums.of[s] = room->values + (ptrdiff_t)s * w->n;
    RT_TRY(rt_arena_init(&room->arena, (size_t)threads * asker_bytes(w), err));
    for (int t = 0; t < threads; t++)
        RT_TRY(asker_init(&room->askers[t], w, &room->arena, err));
    return RT_OK;
}

static void room_close(struct room *room)
{
    rt_arena_release(&room->arena);
    free(room->askers);
    free(room->ece);
    free(room->values);
}

static void ask_all(const struct question *w, struct room *room, int threads)
{
    const int pieces = pieces_of(w->n);

#pragma omp parallel for default(none) num_threads(threads) schedule(static, 1) if (threads > 1)   \
    shared(w, room, pieces, threads)
    for (int t = 0; t < threads; t++)
        for (int p = t; p < pieces; p += threads) {
            take_piece(w, &room->askers[t], p * piece, &room->sums, &room->ece[p]);
            rt_gate_pass();
        }
    for (int p = 0; p < pieces; p++)
        join(&room->ece[pieces], &room->ece[p]);
}

rt_status tr_rows_measure(const struct tr_task *task, const int *rows, int n,
                          const struct tr_student *student, const struct tr_weights *weights,
                          const struct tr_knowledge *knowledge, const struct tr_ensemble *ensemble,
                          int threads, struct tr_metrics *metrics, struct rt_err *err)
{
    const struct question w = {task,    rows,    n,         task->shape.classes,
                               student, weights, knowledge, ensemble};
    struct room room = {0};
    rt_status rc;

    assert(n >= 1 && threads >= 1 && task->shape.pool == SPACE_POOL_NONE);
    assert((student && weights) || knowledge);
    if ((rc = room_init(&room, &w, threads, err)) == RT_OK) {
        ask_all(&w, &room, threads);
        rc = add_metrics(&w, &room.sums, &room.ece[pieces_of(n)], metrics, err);
    }
    room_close(&room);
    return rc;
}

size_t tr_rows_measure_bytes(const struct tr_student *student, const struct tr_knowledge *knowledge,
                             int n, int threads)
{
    const struct question w = {
        .n = n, .classes = student->shape.classes, .student = student, .knowledge = knowledge};

    return (size_t)threads * asker_bytes(&w) + (size_t)n * TR_ROW_SUMS * sizeof(double) +
           ((size_t)pieces_of(n) + 1) * sizeof(struct tr_ece);
}

/* ---- between teachers ---- */

/* Into same (K+1, K+1) how often the likeliest is the same. */
static void compare(const struct question *w, const struct asker *a, double *same)
{
    const int teachers = w->knowledge->key.teachers, all = teachers + 1;
    int best[TR_MAX_TEACHERS + 1];

    for (int i = 0; i < a->batch.answers; i++) {
        const float *said = a->batch.said[i];
        (void)tr_live_target(w->knowledge, w->ensemble, said, 1, a->p, a->work);
        for (int k = 0; k < teachers; k++)
            best[k] = tr_argmax_float(said + (ptrdiff_t)k * w->classes, w->classes);
        best[teachers] = tr_argmax_float(a->p, w->classes);
        for (int j = 0; j < all * all; j++)
            same[j] += best[j / all] == best[j % all];
    }
}

rt_status tr__rows_agreement(const struct tr_task *task, const struct tr_knowledge *knowledge,
                             const struct tr_ensemble *ensemble, double *agreement,
                             struct rt_err *err)
{
    const struct tr_split *split = &task->split;
    const struct question w = {.task = task,
                               .rows = split->validation,
                               .n = split->validation_count,
                               .classes = task->shape.classes,
                               .knowledge = knowledge,
                               .ensemble = ensemble};
    const int cells = (knowledge->key.teachers + 1) * (knowledge->key.teachers + 1);
    struct room room = {0};
    double answers = 0;
    rt_status rc;

    assert(w.n >= 1);
    memset(agreement, 0, (size_t)cells * sizeof *agreement);
    if ((rc = room_init(&room, &w, 1, err)) == RT_OK)
        for (int first = 0; first < w.n; first += piece) {
            struct asker *a = room.askers;
            task->kind->fill(task, w.rows + first, w.n - first < piece ? w.n - first : piece,
                             &a->batch);
            tr_live_ask(&a->live, &a->batch);
            compare(&w, a, agreement);
            answers += a->batch.answers;
        }
    for (int j = 0; j < cells; j++)
        agreement[j] /= answers;
    room_close(&room);
    return rc;
}
