/* trainer/learn/batch_loss.c -- see batch_loss.h. */
#include "trainer/learn/batch_loss.h"

#include <assert.h>

static int teachers_of(const struct tr_training *job)
{
    return job->data->knowledge ? job->data->knowledge->key.teachers : 0;
}

void tr__batch_loss_init(struct tr_batch_loss *loss, const struct tr_training *job, int room,
                         const struct tr_batch *batch, struct rt_arena *arena)
{
    const size_t m = (size_t)room, c = (size_t)job->student->shape.classes;

    loss->room = room;
    loss->logits = rt_arena_alloc(arena, m * c, sizeof(float));
    loss->dlogits = rt_arena_alloc(arena, m * c, sizeof(float));
    loss->label = batch ? batch->label : rt_arena_alloc(arena, m, sizeof(int));
    loss->weight = batch ? batch->weight : rt_arena_alloc(arena, m, sizeof *loss->weight);
    loss->said = batch ? batch->said : rt_arena_alloc(arena, m, sizeof *loss->said);
    loss->scratch = rt_arena_alloc(arena, tr_distill_scratch((int)c), sizeof(double));
    if (tr_distill_needs_ema(&job->recipe->distill, teachers_of(job)))
        loss->ema = rt_arena_alloc(arena, m * c, sizeof(float));
}

void tr__batch_loss_take(struct tr_batch_loss *loss, const struct tr_training *job, int count,
                         double progress, double scale, struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const struct tr_answers answers = {.count = count,
                                       .classes = job->student->shape.classes,
                                       .teachers = teachers_of(job),
                                       .logits = loss->logits,
                                       .ema = loss->ema,
                                       .label = loss->label,
                                       .weight = loss->weight,
                                       .said = loss->said,
                                       .each = loss->each};

    assert(count <= loss->room);
    tr_distill_loss(distill, job->data->ensemble, progress, &answers, scale, loss->scratch,
                    loss->dlogits, stats);
    if (loss->ema)
        tr_distill_ema_loss(distill, &answers, scale, loss->scratch, loss->dlogits, stats);
}
