/* trainer/learn/lesson.c -- see lesson.h. */
#include "trainer/learn/lesson.h"

#include <string.h>

static int teachers_of(const struct tr_training *job)
{
    return job->data->knowledge ? job->data->knowledge->key.teachers : 0;
}

void tr__lesson_init(struct tr_lesson *lesson, const struct tr_training *job, int rows,
                     struct rt_arena *arena)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const size_t m = (size_t)rows, c = (size_t)job->student->shape.classes;
    const size_t k = (size_t)teachers_of(job);

    lesson->teacher = rt_arena_alloc(arena, m * k * c, sizeof(float));
    lesson->logits = rt_arena_alloc(arena, m * c, sizeof(float));
    lesson->dlogits = rt_arena_alloc(arena, m * c, sizeof(float));
    lesson->scratch = rt_arena_alloc(arena, tr_distill_scratch((int)c, (int)k), sizeof(double));
    lesson->labels = rt_arena_alloc(arena, m, sizeof(int));
    if (tr_distill_needs_own(distill, (int)k))
        lesson->own = rt_arena_alloc(arena, m * c, sizeof(float));
}

void tr__lesson_learn(struct tr_lesson *lesson, const struct tr_training *job, const int *rows,
                      int count, double progress, struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const struct tr_data *data = job->data;
    const int classes = job->student->shape.classes, teachers = teachers_of(job);
    const size_t row_values = (size_t)teachers * classes;
    const double scale = 1.0 / job->recipe->batch;

    for (int i = 0; i < count; i++) {
        lesson->labels[i] = data->task->label[rows[i]];
        if (teachers)
            memcpy(lesson->teacher + i * row_values, data->knowledge->logits + rows[i] * row_values,
                   row_values * sizeof(float));
    }
    tr_distill_loss(distill, progress, lesson->logits, lesson->teacher, teachers, lesson->labels,
                    count, classes, scale, lesson->scratch, lesson->dlogits, stats);
    if (tr_distill_needs_own(distill, teachers))
        tr_distill_own(distill, lesson->logits, lesson->own, count, classes, scale, lesson->scratch,
                       lesson->dlogits, stats);
}
