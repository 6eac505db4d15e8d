/* trainer/learn/batch_loss.c -- see batch_loss.h. */
#include "trainer/learn/batch_loss.h"

#include <assert.h>

#include "trainer/learn/token_loss.h"

/* Are the answers tokens', and the loss one that is fast for them? */
static bool of_tokens(const struct tr_training *job)
{
    return job->student->shape.pool == SPACE_POOL_NONE &&
           tr__token_loss_knows(&job->recipe->distill, job->data);
}

rt_status tr__batch_loss_init(struct tr_batch_loss *loss, const struct tr_training *job, int room,
                              const struct tr_batch *batch, struct rt_arena *arena,
                              struct rt_err *err)
{
    const size_t m = (size_t)room, c = (size_t)job->student->shape.classes;

    loss->room = room;
    loss->logits = rt_arena_alloc(arena, m * c, sizeof(float));
    loss->dlogits = rt_arena_alloc(arena, m * c, sizeof(float));
    loss->label = batch ? batch->label : rt_arena_alloc(arena, m, sizeof(int));
    loss->weight = batch ? batch->weight : rt_arena_alloc(arena, m, sizeof *loss->weight);
    loss->said = batch ? batch->said : rt_arena_alloc(arena, m, sizeof *loss->said);
    if (of_tokens(job))
        loss->row = rt_arena_alloc(arena, tr__token_loss_floats((int)c), sizeof *loss->row);
    else
        loss->scratch = rt_arena_alloc(arena, tr_distill_scratch((int)c), sizeof(double));
    if (tr_distill_needs_ema(&job->recipe->distill, tr_teachers_of(job->data)))
        loss->ema = rt_arena_alloc(arena, m * c, sizeof(float));
    if (batch && tr_teachers_of(job->data) && job->student->shape.pool == SPACE_POOL_NONE)
        return tr_live_init(&loss->live, job->data->knowledge, batch->room, arena, err);
    return RT_OK;
}

void tr__batch_loss_ask(const struct tr_batch_loss *loss, struct tr_batch *batch)
{
    if (loss->live.knowledge)
        tr_live_ask(&loss->live, batch);
}

void tr__batch_loss_take(struct tr_batch_loss *loss, const struct tr_training *job, int count,
                         double progress, double scale, struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const struct tr_answers answers = {.count = count,
                                       .classes = job->student->shape.classes,
                                       .teachers = tr_teachers_of(job->data),
                                       .logits = loss->logits,
                                       .ema = loss->ema,
                                       .label = loss->label,
                                       .weight = loss->weight,
                                       .said = loss->said,
                                       .each = loss->each};

    assert(count <= loss->room);
    if (of_tokens(job)) {
        tr__token_loss(job, progress, &answers, scale, loss->row, loss->dlogits, stats);
        return;
    }
    tr_distill_loss(distill, job->data->ensemble, progress, &answers, scale, loss->scratch,
                    loss->dlogits, stats);
    if (loss->ema)
        tr_distill_ema_loss(distill, &answers, scale, loss->scratch, loss->dlogits, stats);
}
