/* trainer/learn/train.c -- see train.h. */
#include "trainer/learn/train.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/gate.h"
#include "base/random.h"
#include "trainer/distill/schedule.h"
#include "trainer/learn/batch_loss.h"
#include "trainer/learn/curve.h"
#include "trainer/learn/layerwise.h"
#include "trainer/learn/lookup.h"
#include "trainer/learn/optimiser.h"
#include "trainer/learn/qat.h"
#include "trainer/net/acting.h"

enum { give_up_after = 10 }; /* steps running without a finite gradient */

/* What one thread needs for its micro-batches. */
struct workspace {
    struct tr_pass *pass;              /* NULL when layer-wise losses are in force all the time */
    struct tr_layer_workspace layered; /* when there are any */
    struct tr_infer *infer;            /* of the mean weights, when they are wanted */
    struct tr_batch batch;
    struct tr_batch_loss loss;
    struct tr_observer observer; /* of QAT */
};

struct run {
    const struct tr_training *job;
    struct tr_weights *weights, ema; /* ema: their running mean, when it is wanted */
    struct rt_arena arena;           /* what is carved below */
    const struct tr_weights *read;   /* by the passes: `weights` or, in QAT, their quantised copy */
    struct tr_qat_run qat;
    struct tr_adamw adamw;
    struct workspace *workspace;    /* [threads] */
    float **grads;                  /* [lanes] of dense_count, the first of param_count */
    struct tr_lookup lookup;        /* of a text: its gradient */
    struct tr_distill_stats *stats; /* [lanes] */
    struct tr_feed feed;
    struct tr_acting acting;    /* of a feed that lets the student act */
    int *rows;                  /* [batch] of this step */
    int answers;                /* of these */
    float *each;                /* [answers] their soft losses, for a feed that learns of them */
    struct tr_layerwise layers; /* when the recipe has any */
    struct tr_batch_loss whole; /* of a batch, when the loss needs one */
    const struct tr_online *online; /* of a student that learns from peers, else NULL */
    const struct run *cohort;       /* itself among its peers: [online->cohort] */
    double *peer_work;
    int bad;      /* steps running without a finite gradient, until now */
    bool layered; /* are layer-wise losses in force in this step? */
    bool asking;  /* for the whole batch's answers: no gradient yet */
};

static bool wants_ema(const struct tr_training *job)
{
    return tr_distill_needs_ema(&job->recipe->distill, tr_teachers_of(job->data));
}

static bool wants_whole(const struct run *run)
{
    return run->online ||
           (tr_teachers_of(run->job->data) && tr_distill_needs_batch(&run->job->recipe->distill));
}

/* The most answers of so many examples. */
static int answers_of(const struct tr_training *job, int examples)
{
    return tr_batch_most_answers(&job->student->arch, &job->student->shape, examples);
}

static rt_status workspace_init(const struct run *run, struct workspace *b, struct rt_arena *arena,
                                struct rt_err *err)
{
    const struct tr_training *job = run->job;
    const struct tr_layers *layers = &job->recipe->layers;
    const struct tr_student *student = job->student;
    const int m = job->recipe->micro_batch;

    RT_TRY(tr_batch_init(&b->batch, &student->arch, &student->shape, m, arena, err));
    RT_TRY(tr__batch_loss_init(&b->loss, job, answers_of(job, m), &b->batch, arena, err));
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

static rt_status feed_init(struct run *run, struct rt_arena *arena, struct rt_err *err)
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
        run->each =
            rt_arena_alloc(arena, (size_t)answers_of(job, job->recipe->batch), sizeof *run->each);
    if (kind)
        RT_TRY(tr_acting_init(&run->acting, job->student, kind->at_once(task), arena, err));
    return tr_feed_init(&run->feed, &of, arena, err);
}

/* Carve everything from the arena; a counting arena only measures. */
static rt_status run_init(struct run *run, const struct tr_training *job, struct rt_arena *arena,
                          struct rt_err *err)
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
        RT_TRY(tr__batch_loss_init(&run->whole, job, answers_of(job, job->recipe->batch), NULL,
                                   arena, err));
    if (run->online)
        run->peer_work = rt_arena_alloc(
            arena, tr_online_scratch(run->online->cohort, job->student->shape.classes),
            sizeof(double));
    if (wants_ema(job))
        RT_TRY(tr_weights_init(&run->ema, job->student, false, arena, err));
    RT_TRY(feed_init(run, arena, err));
    return rt_arena_check(arena, "this training run", err);
}

/* The student's answers, and those of its mean weights where wanted, into the loss. */
static void answer(const struct run *run, struct workspace *b, const int *rows, int count)
{
    const struct tr_training *job = run->job;

    assert(run->layered || b->pass);
    tr_feed_fill(&run->feed, rows, count, &b->batch);
    tr__batch_loss_ask(&b->loss, &b->batch);
    if (run->layered)
        tr__layerwise_forward(&run->layers, &b->layered, &b->batch, b->loss.logits);
    else
        tr_pass_forward(b->pass, job->student, run->read, &b->batch, b->loss.logits);
    if (b->loss.ema && (run->asking || !run->whole.logits))
        tr_infer_run(b->infer, job->student, &run->ema, &b->batch, b->loss.ema);
}

/* Into the place of these answers in the whole batch. */
static void hand_in(const struct run *run, const struct tr_batch_loss *loss, int first, int count)
{
    const ptrdiff_t classes = run->job->student->shape.classes;
    const size_t bytes = (size_t)(count * classes) * sizeof(float);

    assert(first >= 0 && first + count <= run->whole.room);
    memcpy(run->whole.weight + first, loss->weight, (size_t)count * sizeof *loss->weight);
    memcpy(run->whole.label + first, loss->label, (size_t)count * sizeof *loss->label);
    memcpy(run->whole.said + first, loss->said, (size_t)count * sizeof *loss->said);
    memcpy(run->whole.logits + first * classes, loss->logits, bytes);
    if (loss->ema)
        memcpy(run->whole.ema + first * classes, loss->ema, bytes);
}

/* One micro-batch: gather, forward, loss, backward into the lane's gradients. */
static void micro_batch(const struct run *run, struct workspace *b, int first, int count,
                        double progress, int lane)
{
    const struct tr_training *job = run->job;
    const int *rows = run->rows + first;
    float *dlogits = b->loss.dlogits;

    answer(run, b, rows, count);
    if (run->asking) {
        hand_in(run, &b->loss, first * b->batch.parts, b->batch.answers);
        return;
    }
    if (run->whole.logits)
        dlogits = run->whole.dlogits + (ptrdiff_t)first * space_outputs(&job->student->shape);
    else {
        b->loss.each = run->each ? run->each + (ptrdiff_t)first * b->batch.parts : NULL;
        tr__batch_loss_take(&b->loss, job, b->batch.answers, progress, 1.0 / run->answers,
                            &run->stats[lane]);
    }
    if (run->layered)
        tr__layerwise_backward(&run->layers, &b->layered, rows, &b->batch, dlogits, lane,
                               run->grads[lane]);
    else
        tr_pass_backward(b->pass, job->student, run->read, dlogits, run->grads[lane]);
    if (run->lookup.student)
        tr__lookup_take(&run->lookup, run->layered ? b->layered.pass : b->pass, &b->batch, first);
}

static void lane_work(const struct run *run, struct workspace *b, int lane, double progress)
{
    const struct tr_recipe *recipe = run->job->recipe;
    const int m = recipe->micro_batch, stride = m * run->job->lanes;

    for (int first = lane * m; first < recipe->batch; first += stride) {
        micro_batch(run, b, first, first + m <= recipe->batch ? m : recipe->batch - first, progress,
                    lane);
        rt_gate_pass();
    }
}

/* Add lanes 1.. to lane 0 in order, and clear them. */
static void add_lanes(const struct run *run)
{
    const int lanes = run->job->lanes;
    const ptrdiff_t n = (ptrdiff_t)run->job->student->dense_count, piece = 4096;
    float **grads = run->grads;

#pragma omp parallel for default(none) shared(lanes, n, piece, grads)                              \
    num_threads(run->job->threads) schedule(static)
    for (ptrdiff_t start = 0; start < n; start += piece) {
        const ptrdiff_t end = start + piece < n ? start + piece : n;
        for (int l = 1; l < lanes; l++) {
            for (ptrdiff_t i = start; i < end; i++)
                grads[0][i] += grads[l][i];
            memset(grads[l] + start, 0, (size_t)(end - start) * sizeof(float));
        }
    }
}

static void all_lanes(const struct run *run, double progress)
{
    const int lanes = run->job->lanes, threads = run->job->threads;

    if (threads == 1) {
        for (int l = 0; l < lanes; l++)
            lane_work(run, run->workspace, l, progress);
    } else {
        /* Thread t takes lanes t, t + threads, ...: which thread does a lane changes no bit. */
#pragma omp parallel for default(none) shared(run, lanes, threads, progress) num_threads(threads)  \
    schedule(static, 1)
        for (int t = 0; t < threads; t++)
            for (int l = t; l < lanes; l += threads)
                lane_work(run, &run->workspace[t], l, progress);
    }
}

static void stats_add(struct tr_distill_stats *sum, const struct tr_distill_stats *lane)
{
    sum->total += lane->total;
    sum->ce += lane->ce;
    sum->soft += lane->soft;
    sum->reg += lane->reg;
    sum->grad_ce_sq += lane->grad_ce_sq;
    sum->grad_soft_sq += lane->grad_soft_sq;
    sum->t = lane->t;
    sum->ce_weight = lane->ce_weight;
}

/* What the student thinks of the batch, when its loss, or a peer, needs to know before it learns.
 */
static void ask(struct run *run, double progress)
{
    if (!run->whole.logits)
        return;
    run->asking = true;
    all_lanes(run, progress);
    run->asking = false;
}

/* Adds what the peers' answers ask of it. */
static void learn_from_peers(struct run *run, double progress, struct tr_distill_stats *sum)
{
    const float *said[TR_ONLINE_MAX_COHORT];
    const int answers = run->answers;

    for (int k = 0; k < run->online->cohort; k++)
        said[k] = run->cohort[k].whole.logits;
    sum->total += tr_online_batch(run->online, progress, said, (int)(run - run->cohort), answers,
                                  run->job->student->shape.classes, run->whole.label, 1.0 / answers,
                                  run->peer_work, run->whole.dlogits);
}

/* The gradient of a whole batch, in lane 0, and its stats. */
static void batch_gradient(struct run *run, double progress, struct tr_distill_stats *sum)
{
    const int lanes = run->job->lanes;

    run->whole.each = run->each;
    if (run->whole.logits)
        tr__batch_loss_take(&run->whole, run->job, run->answers, progress, 1.0 / run->answers, sum);
    if (run->online)
        learn_from_peers(run, progress, sum);
    memset(run->stats, 0, (size_t)lanes * sizeof *run->stats);
    all_lanes(run, progress);
    if (lanes > 1)
        add_lanes(run);
    if (run->lookup.student)
        tr__lookup_gather(&run->lookup, run->grads[0], &run->adamw);
    for (int l = 0; !run->whole.logits && l < lanes; l++)
        stats_add(sum, &run->stats[l]);
}

static double peak_rate(const struct tr_training *job)
{
    const struct tr_recipe *r = job->recipe;
    return r->reference_width > 0 ? r->learning_rate * r->reference_width / job->student->arch.width
                                  : r->learning_rate;
}

/* The mean of all weights so far, until the study's decay forgets faster. */
static void follow(struct run *run, int step)
{
    const double least = (double)step / (step + 1), most = run->job->recipe->distill.reg_decay;
    const float keep = (float)(least < most ? least : most);

    for (size_t i = 0; i < run->job->student->param_count; i++)
        run->ema.params[i] = keep * run->ema.params[i] + (1 - keep) * run->weights->params[i];
    tr_weights_pack(run->job->student, &run->ema);
}

/* Clip, update, repack. A step without a finite gradient leaves the weights as they are. */
static void update(struct run *run, int step, double progress, double loss,
                   struct tr_train_summary *summary, struct tr_step_outcome *out)
{
    const struct tr_training *job = run->job;
    const struct tr_student *student = job->student;
    const struct tr_recipe *recipe = job->recipe;
    double scale;

    out->norm = tr_adamw_norm(&run->adamw, student, run->grads[0]);
    if (run->layered)
        out->norm = hypot(out->norm, tr__layerwise_gather(&run->layers, loss));
    out->rate = peak_rate(job) * tr_learning_rate(step, recipe->steps, recipe->warmup);
    scale = tr_clip_scale(&recipe->distill, out->norm, progress, loss, &out->event);
    summary->clipped += out->event == TR_CLIP_CEILING;
    summary->floored += out->event == TR_CLIP_FLOOR;
    if (out->event == TR_CLIP_SKIP) {
        summary->skipped++;
        tr_adamw_skip(&run->adamw, student, run->grads[0]);
        if (run->layered)
            tr__layerwise_skip(&run->layers);
        return;
    }
    tr_adamw_step(&run->adamw, student, run->weights->params, run->grads[0], (float)scale,
                  (float)out->rate);
    tr_weights_pack(student, run->weights);
    if (run->layered)
        tr__layerwise_update(&run->layers, (float)scale, (float)out->rate);
    if (run->ema.params)
        follow(run, step);
}

/* Before a step of QAT: what the passes read, and observers of them. */
static void begin_int8(struct run *run, int step)
{
    assert(run->workspace->pass); /* no layer-wise losses once values are rounded */
    run->read = tr_qat_step(&run->qat, step, run->weights);
    for (int t = 0; t < run->job->threads && step == run->qat.begin; t++)
        tr_pass_observe(run->workspace[t].pass, &run->workspace[t].observer);
}

static void end_int8(struct run *run, int step)
{
    for (int t = 1; t < run->job->threads; t++)
        tr_qat_join(&run->workspace[0].observer, &run->workspace[t].observer);
    tr_qat_follow(&run->qat, step, &run->workspace[0].observer);
}

static double progress_at(const struct run *run, int step)
{
    return tr_progress(step, run->job->recipe->steps);
}

static void begin(struct run *run)
{
    const struct tr_student *student = run->job->student;

    run->read = run->weights;
    tr_weights_pack(student, run->weights);
    if (tr_layers_on(&run->job->recipe->layers))
        tr__layerwise_begin(&run->layers, run->weights->params);
    if (run->ema.params) {
        memcpy(run->ema.params, run->weights->params,
               student->param_count * sizeof *run->ema.params);
        tr_weights_pack(student, &run->ema);
    }
}

/* Of this step's rows, which the loss is a mean over. */
static void count_answers(struct run *run)
{
    const struct tr_task *task = run->job->data->task;
    const int batch = run->job->recipe->batch;

    run->answers = answers_of(run->job, batch);
    if (run->job->student->shape.pool != SPACE_POOL_NONE)
        return;
    run->answers = 0;
    for (int i = 0; i < batch; i++)
        run->answers += task->kind->answers(task, run->rows[i]);
}

/* What a feed has to say of its own rows. */
static void log_feed(struct run *run, int step)
{
    const struct tr_training *job = run->job;

    if (run->feed.series && job->curve && (!run->cohort || run == run->cohort))
        job->curve(job->curve_context, step, run->feed.series, run->feed.value);
    run->feed.series = NULL;
}

static rt_status begin_step(struct run *run, int step, struct rt_err *err)
{
    const struct tr_training *job = run->job;

    run->layered = tr_layers_active(&job->recipe->layers, progress_at(run, step));
    if (run->layered)
        tr__layerwise_step(&run->layers, tr_feed_epoch(&run->feed));
    if (job->recipe->quantise == TR_QUANTISE_QAT)
        begin_int8(run, step);
    run->acting.weights = run->read;
    RT_TRY(tr_feed_next(&run->feed, &run->acting.actor, step, job->recipe->batch, run->rows, err));
    log_feed(run, step);
    count_answers(run);
    ask(run, progress_at(run, step));
    return RT_OK;
}

static rt_status end_step(struct run *run, int step, struct tr_train_summary *summary,
                          struct rt_err *err)
{
    const struct tr_training *job = run->job;
    struct tr_distill_stats sum = {0};
    struct tr_step_outcome out;

    batch_gradient(run, progress_at(run, step), &sum);
    if (run->each)
        job->data->task->kind->feed->learn(&run->feed, run->rows, run->each, job->recipe->batch);
    update(run, step, progress_at(run, step), sum.total / run->answers, summary, &out);
    if (job->recipe->quantise == TR_QUANTISE_QAT)
        end_int8(run, step);
    run->bad = out.event == TR_CLIP_SKIP ? run->bad + 1 : 0;
    if (run->bad == give_up_after)
        return rt_fail(err, RT_ENAN,
                       "no finite gradient in %d steps running, up to step %d of %d; lower "
                       "distill.learning_rate",
                       run->bad, step, job->recipe->steps);
    const bool first = !run->cohort || run == run->cohort;
    if (job->curve && first && tr__is_curve_step(job->recipe, step)) {
        tr__log_step(job, step, run->answers, &sum, &out, summary);
        if (run->layered)
            tr__layerwise_log(&run->layers, step);
    }
    return RT_OK;
}

/* One student, or a cohort side by side: all have answered before any learns, so that their order
 * changes nothing. */
static rt_status all_steps(struct run *runs, int count, struct tr_train_summary *summary,
                           struct rt_err *err)
{
    const struct tr_training *job = runs->job;
    const int steps = job->recipe->steps;

    for (int k = 0; k < count; k++)
        begin(&runs[k]);
    for (int step = 0; step < steps; step++) {
        if (job->stop && atomic_load_explicit(job->stop, memory_order_relaxed))
            return rt_fail(err, RT_ESTOP, "training was asked to stop at step %d of %d", step,
                           steps);
        for (int k = 0; k < count; k++)
            RT_TRY(begin_step(&runs[k], step, err));
        for (int k = 0; k < count; k++)
            RT_TRY(end_step(&runs[k], step, &summary[k], err));
        if (job->progress)
            job->progress(job->progress_context, step + 1, steps);
    }
    return RT_OK;
}

/* The small tables that the arena's pieces hang from. */
static rt_status run_open(struct run *run, const struct tr_training *job,
                          const struct tr_online *online, struct rt_err *err)
{
    assert(job->lanes >= 1 && job->threads >= 1 && job->threads <= job->lanes);
    assert(job->recipe->batch >= 1 && job->recipe->micro_batch >= 1);
    assert(!job->data->knowledge || job->data->ensemble);
    assert(job->student->shape.pool != SPACE_POOL_NONE || job->data->task->kind->answers);
    *run = (struct run){.job = job, .online = online};
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

static void run_close(struct run *run)
{
    tr_feed_close(&run->feed);
    rt_arena_release(&run->arena);
    free(run->workspace);
    free(run->grads);
    free(run->stats);
    tr__layerwise_close(&run->layers);
}

static size_t run_bytes(const struct tr_training *training, const struct tr_online *online)
{
    struct rt_arena counting;
    struct run run;

    rt_arena_init_counting(&counting);
    if (run_open(&run, training, online, NULL) == RT_OK)
        run_init(&run, training, &counting, NULL);
    run_close(&run);
    return counting.used;
}

size_t tr_train_bytes(const struct tr_training *training)
{
    return run_bytes(training, NULL);
}

/* To be closed after a failure, too. */
static rt_status run_start(struct run *run, const struct tr_training *training,
                           const struct tr_online *online, struct tr_weights *weights,
                           struct rt_err *err)
{
    RT_TRY(run_open(run, training, online, err));
    run->weights = weights;
    RT_TRY(rt_arena_init(&run->arena, run_bytes(training, online), err));
    return run_init(run, training, &run->arena, err);
}

rt_status tr_train(const struct tr_training *training, struct tr_weights *weights,
                   struct tr_train_summary *summary, struct rt_err *err)
{
    const int64_t start = rt_now_ns();
    struct run run;
    rt_status rc;

    *summary = (struct tr_train_summary){0};
    if ((rc = run_start(&run, training, NULL, weights, err)) == RT_OK)
        rc = all_steps(&run, 1, summary, err);
    if (training->ranges)
        *training->ranges = run.qat.ranges;
    summary->seconds = (double)(rt_now_ns() - start) * 1e-9;
    run_close(&run);
    return rc;
}

rt_status tr_train_cohort(const struct tr_training *training, const struct tr_online *online,
                          struct tr_weights *weights, struct tr_train_summary *summary,
                          struct rt_err *err)
{
    const int64_t start = rt_now_ns();
    struct run runs[TR_ONLINE_MAX_COHORT] = {0};
    rt_status rc = RT_OK;

    if (online->cohort < 2 || online->cohort > TR_ONLINE_MAX_COHORT)
        return rt_fail(err, RT_EARG, "a cohort has 2 to %d students, not %d", TR_ONLINE_MAX_COHORT,
                       online->cohort);
    for (int k = 0; k < online->cohort; k++)
        summary[k] = (struct tr_train_summary){0};
    for (int k = 0; k < online->cohort && rc == RT_OK; k++) {
        rc = run_start(&runs[k], training, online, &weights[k], err);
        runs[k].cohort = runs;
    }
    if (rc == RT_OK)
        rc = all_steps(runs, online->cohort, summary, err);
    for (int k = 0; k < online->cohort; k++) {
        summary[k].seconds = (double)(rt_now_ns() - start) * 1e-9;
        if (training->ranges)
            training->ranges[k] = runs[k].qat.ranges;
        run_close(&runs[k]);
    }
    return rc;
}
