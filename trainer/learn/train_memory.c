/* trainer/learn/train_memory.c -- what a run holds: counted, carved from one arena, released. */
#include <assert.h>
#include <stdlib.h>

#include "trainer/learn/train_internal.h"

static bool wants_ema(const struct tr_training *job)
{
    return tr_distill_needs_ema(&job->recipe->distill, tr_teachers_of(job->data));
}

static bool wants_whole(const struct tr__run *run)
{
    return run->online ||
           (tr_teachers_of(run->job->data) && tr_distill_needs_batch(&run->job->recipe->distill));
}

int tr__most_answers(const struct tr_training *job, int examples)
{
    return tr_batch_most_answers(&job->student->arch, &job->student->shape, examples);
}

static rt_status workspace_init(const struct tr__run *run, struct tr__workspace *b,
                                struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_training *job = run->job;
    const struct tr_layers *layers = &job->recipe->layers;
    const struct tr_student *student = job->student;
    const int m = job->recipe->micro_batch;

    RT_TRY(tr_batch_init(&b->batch, &student->arch, &student->shape, m, arena, err));
    RT_TRY(tr__batch_loss_init(&b->loss, job, tr__most_answers(job, m), &b->batch, arena, err));
    if (wants_ema(job))
        RT_TRY(tr_infer_init(&b->infer, student, m, arena, err));
    if (job->recipe->quantise == TR_QUANTISE_QAT)
        RT_TRY(tr_observer_init(&b->observer, student, m, arena, err));
    if (tr_layers_on(layers))
        RT_TRY(tr__layerwise_workspace_init(&run->layers, &b->layered, arena, err));
    if (tr_layers_on(layers) && !(layers->intermediate > 0))
        return RT_OK;
    return tr_pass_init(&b->pass, student, m, arena, err);
}

static rt_status feed_init(struct tr__run *run, struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_training *job = run->job;
    const struct tr_task *task = job->data->task;
    const struct tr_feed_kind *kind = task->kind->feed;
    const struct tr_feeding of = {.task = task,
                                  .said =
                                      job->data->knowledge ? job->data->knowledge->logits : NULL,
                                  .teachers = tr_teachers_of(job->data),
                                  .seed = job->seed,
                                  .steps = job->recipe->steps,
                                  .batch = job->recipe->batch,
                                  .history = job->student->arch.history};

    run->rows = rt_arena_alloc(arena, (size_t)job->recipe->batch, sizeof(int));
    if (kind && kind->learn)
        run->each = rt_arena_alloc(arena, (size_t)tr__most_answers(job, job->recipe->batch),
                                   sizeof *run->each);
    if (kind)
        RT_TRY(tr_acting_init(&run->acting, job->student, kind->at_once(task), arena, err));
    return tr_feed_init(&run->feed, &of, arena, err);
}

/* Carve everything from the arena; a counting arena only measures. */
static rt_status run_init(struct tr__run *run, const struct tr_training *job,
                          struct rt_arena *arena, struct rt_err *err)
{
    const size_t lanes = (size_t)job->lanes;

    if (tr_layers_on(&job->recipe->layers))
        RT_TRY(tr__layerwise_init(&run->layers, arena, err));
    RT_TRY(tr_adamw_init(&run->adamw, job->student, arena, err));
    if (job->recipe->quantise == TR_QUANTISE_QAT)
        RT_TRY(tr_qat_init(&run->qat, job, arena, err));
    run->adamw.decay = (float)job->recipe->weight_decay;
    for (size_t l = 0; l < lanes; l++)
        run->grads[l] = rt_arena_zalloc(
            arena, l ? job->student->dense_count : job->student->param_count, sizeof(float));
    if (job->student->stem.vocabulary)
        RT_TRY(tr__lookup_init(&run->lookup, job->student, job->recipe->batch, arena, err));
    for (int t = 0; t < job->threads; t++)
        RT_TRY(workspace_init(run, &run->workspace[t], arena, err));
    if (wants_whole(run))
        RT_TRY(tr__batch_loss_init(&run->whole, job, tr__most_answers(job, job->recipe->batch),
                                   NULL, arena, err));
    if (run->online)
        run->peer_work = rt_arena_alloc(
            arena, tr_online_scratch(run->online->cohort, job->student->shape.classes),
            sizeof(double));
    if (wants_ema(job))
        RT_TRY(tr_weights_init(&run->ema, job->student, false, arena, err));
    RT_TRY(feed_init(run, arena, err));
    return rt_arena_check(arena, "this training run", err);
}

/* The small tables that the arena's pieces hang from. */
static rt_status run_open(struct tr__run *run, const struct tr_training *job,
                          const struct tr_online *online, struct rt_err *err)
{
    assert(job->lanes >= 1 && job->threads >= 1 && job->threads <= job->lanes);
    assert(job->recipe->batch >= 1 && job->recipe->micro_batch >= 1);
    assert(!job->data->knowledge || job->data->ensemble);
    assert(job->student->shape.pool != SPACE_POOL_NONE || job->data->task->kind->answers);
    *run = (struct tr__run){.job = job, .online = online};
    if (job->student->shape.pool == SPACE_POOL_NONE && wants_whole(run))
        return rt_fail(err, RT_EARG,
                       "distill.loss: dist, and students that teach each other, compare whole "
                       "batches, which a task with an answer a row does not have");
    run->workspace = calloc((size_t)job->threads, sizeof *run->workspace);
    run->grads = calloc((size_t)job->lanes, sizeof *run->grads);
    run->stats = calloc((size_t)job->lanes, sizeof *run->stats);
    if (!run->workspace || !run->grads || !run->stats)
        return rt_fail(err, RT_ENOMEM, "no memory for a training run");
    return tr_layers_on(&job->recipe->layers) ? tr__layerwise_open(&run->layers, job, err) : RT_OK;
}

void tr__run_close(struct tr__run *run)
{
    tr_feed_close(&run->feed);
    rt_arena_release(&run->arena);
    free(run->workspace);
    free(run->grads);
    free(run->stats);
    tr__layerwise_close(&run->layers);
}

size_t tr__run_bytes(const struct tr_training *training, const struct tr_online *online)
{
    struct rt_arena counting;
    struct tr__run run;

    rt_arena_init_counting(&counting);
    if (run_open(&run, training, online, NULL) == RT_OK)
        run_init(&run, training, &counting, NULL);
    tr__run_close(&run);
    return counting.used;
}

rt_status tr__run_start(struct tr__run *run, const struct tr_training *training,
                        const struct tr_online *online, struct tr_weights *weights,
                        struct rt_err *err)
{
    RT_TRY(run_open(run, training, online, err));
    run->weights = weights;
    RT_TRY(rt_arena_init(&run->arena, tr__run_bytes(training, online), err));
    return run_init(run, training, &run->arena, err);
}
