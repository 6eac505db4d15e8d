/* trainer/learn/lesson.c -- see lesson.h. */
#include "trainer/learn/lesson.h"

static int teachers_of(const struct tr_training *job)
{
    return job->data->knowledge ? job->data->knowledge->key.teachers : 0;
}

void tr__lesson_init(struct tr_lesson *lesson, const struct tr_training *job, int rows,
                     const struct tr_batch *batch, struct rt_arena *arena)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const size_t m = (size_t)rows, c = (size_t)job->student->shape.classes;
    const size_t k = (size_t)teachers_of(job);

    lesson->label = batch ? batch->label : rt_arena_alloc(arena, m, sizeof(int));
    lesson->said = batch ? batch->said : rt_arena_alloc(arena, m, sizeof *lesson->said);
    lesson->logits = rt_arena_alloc(arena, m * c, sizeof(float));
    lesson->dlogits = rt_arena_alloc(arena, m * c, sizeof(float));
    lesson->scratch = rt_arena_alloc(arena, tr_distill_scratch((int)c, (int)k), sizeof(double));
    if (tr_distill_needs_own(distill, (int)k))
        lesson->own = rt_arena_alloc(arena, m * c, sizeof(float));
}

void tr__lesson_fill(const struct tr_training *job, const int *rows, int count,
                     struct tr_batch *batch)
{
    const struct tr_data *data = job->data;

    data->task->kind->fill(data->task, rows, count, batch);
    for (int i = 0; data->knowledge && i < count; i++)
        batch->said[i] = tr_knowledge_row(data->knowledge, rows[i]);
}

void tr__lesson_learn(struct tr_lesson *lesson, const struct tr_training *job, int count,
                      double progress, struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const int classes = job->student->shape.classes, teachers = teachers_of(job);
    const double scale = 1.0 / job->recipe->batch;

    tr_distill_loss(distill, progress, lesson->logits, lesson->said, teachers, lesson->label, count,
                    classes, scale, lesson->scratch, lesson->dlogits, stats);
    if (tr_distill_needs_own(distill, teachers))
        tr_distill_own(distill, lesson->logits, lesson->own, count, classes, scale, lesson->scratch,
                       lesson->dlogits, stats);
}
