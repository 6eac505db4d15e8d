/* trainer/learn/train.c -- see train.h. */
#include "trainer/learn/train_internal.h"

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

/* The student's answers, and those of its mean weights where wanted, into the loss. */
static void answer(const struct tr__run *run, struct tr__workspace *b, const int *rows, int count)
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
static void hand_in(const struct tr__run *run, const struct tr_batch_loss *loss, int first,
                    int count)
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
static void micro_batch(const struct tr__run *run, struct tr__workspace *b, int first, int count,
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

static void lane_work(const struct tr__run *run, struct tr__workspace *b, int lane, double progress)
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
static void add_lanes(const struct tr__run *run)
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

static void all_lanes(const struct tr__run *run, double progress)
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
static void ask(struct tr__run *run, double progress)
{
    if (!run->whole.logits)
        return;
    run->asking = true;
    all_lanes(run, progress);
    run->asking = false;
}

/* Adds what the peers' answers ask of it. */
static void learn_from_peers(struct tr__run *run, double progress, struct tr_distill_stats *sum)
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
static void batch_gradient(struct tr__run *run, double progress, struct tr_distill_stats *sum)
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
static void follow(struct tr__run *run, int step)
{
    const double least = (double)step / (step + 1), most = run->job->recipe->distill.reg_decay;
    const float keep = (float)(least < most ? least : most);

    for (size_t i = 0; i < run->job->student->param_count; i++)
        run->ema.params[i] = keep * run->ema.params[i] + (1 - keep) * run->weights->params[i];
    tr_weights_pack(run->job->student, &run->ema);
}

/* Clip, update, repack. A step without a finite gradient leaves the weights as they are. */
static void update(struct tr__run *run, int step, double progress, double loss,
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
static void begin_int8(struct tr__run *run, int step)
{
    assert(run->workspace->pass); /* no layer-wise losses once values are rounded */
    run->read = tr_qat_step(&run->qat, step, run->weights);
    if (run->observed || step < run->qat.begin)
        return;
    run->observed = true;
    for (int t = 0; t < run->job->threads; t++)
        tr_pass_observe(run->workspace[t].pass, &run->workspace[t].observer);
}

static void end_int8(struct tr__run *run, int step)
{
    for (int t = 1; t < run->job->threads; t++)
        tr_qat_join(&run->workspace[0].observer, &run->workspace[t].observer);
    tr_qat_follow(&run->qat, step, &run->workspace[0].observer);
}

static double progress_at(const struct tr__run *run, int step)
{
    return tr_progress(step, run->job->recipe->steps);
}

static void begin(struct tr__run *run)
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
static void count_answers(struct tr__run *run)
{
    const struct tr_task *task = run->job->data->task;
    const int batch = run->job->recipe->batch;

    run->answers = tr__most_answers(run->job, batch);
    if (run->job->student->shape.pool != SPACE_POOL_NONE)
        return;
    run->answers = 0;
    for (int i = 0; i < batch; i++)
        run->answers += task->kind->answers(task, run->rows[i]);
}

/* What a feed has to say of its own rows. */
static void log_feed(struct tr__run *run, int step)
{
    const struct tr_training *job = run->job;

    if (run->feed.series && job->curve && (!run->cohort || run == run->cohort))
        job->curve(job->curve_context, step, run->feed.series, run->feed.value);
    run->feed.series = NULL;
}

static rt_status begin_step(struct tr__run *run, int step, struct rt_err *err)
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

static rt_status end_step(struct tr__run *run, int step, struct tr_train_summary *summary,
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
static rt_status all_steps(struct tr__resume *resume, struct tr__run *runs, int count,
                           struct tr_train_summary *summary, struct rt_err *err)
{
    const struct tr_training *job = runs->job;
    const int steps = job->recipe->steps;

    for (int k = 0; k < count; k++)
        begin(&runs[k]);
    const int first = tr__resume_take(resume, runs, count, summary);
    for (int k = 0; k < count; k++)
        summary[k].resumed = first;
    for (int step = first; step < steps; step++) {
        if (job->stop && atomic_load_explicit(job->stop, memory_order_relaxed)) {
            RT_TRY(tr__resume_step(resume, runs, count, summary, step, true, err));
            return rt_fail(err, RT_ESTOP, "training was asked to stop at step %d of %d", step,
                           steps);
        }
        for (int k = 0; k < count; k++)
            RT_TRY(begin_step(&runs[k], step, err));
        for (int k = 0; k < count; k++)
            RT_TRY(end_step(&runs[k], step, &summary[k], err));
        if (job->progress)
            job->progress(job->progress_context, step + 1, steps);
        RT_TRY(tr__resume_step(resume, runs, count, summary, step + 1, false, err));
    }
    return tr_data_look(job->data, err);
}

size_t tr_train_bytes(const struct tr_training *training)
{
    return tr__run_bytes(training, NULL);
}

/* online NULL: one student. */
static rt_status train(const struct tr_training *training, const struct tr_online *online,
                       int count, struct tr_weights *weights, struct tr_train_summary *summary,
                       struct rt_err *err)
{
    struct tr__run runs[TR_ONLINE_MAX_COHORT] = {0};
    struct tr__resume resume;
    const struct tr_training *job = tr__resume_open(&resume, training, count);
    rt_status rc = RT_OK;

    for (int k = 0; k < count; k++)
        summary[k] = (struct tr_train_summary){0};
    for (int k = 0; k < count && rc == RT_OK; k++) {
        rc = tr__run_start(&runs[k], job, online, &weights[k], err);
        runs[k].cohort = online ? runs : NULL;
    }
    if (rc == RT_OK)
        rc = all_steps(&resume, runs, count, summary, err);
    for (int k = 0; k < count; k++) {
        summary[k].seconds = resume.before + (double)(rt_now_ns() - resume.start_ns) * 1e-9;
        if (training->ranges)
            training->ranges[k] = runs[k].qat.ranges;
        tr__run_close(&runs[k]);
    }
    tr__resume_close(&resume);
    return rc;
}

rt_status tr_train(const struct tr_training *training, struct tr_weights *weights,
                   struct tr_train_summary *summary, struct rt_err *err)
{
    return train(training, NULL, 1, weights, summary, err);
}

rt_status tr_train_cohort(const struct tr_training *training, const struct tr_online *online,
                          struct tr_weights *weights, struct tr_train_summary *summary,
                          struct rt_err *err)
{
    if (online->cohort < 2 || online->cohort > TR_ONLINE_MAX_COHORT)
        return rt_fail(err, RT_EARG, "a cohort has 2 to %d students, not %d", TR_ONLINE_MAX_COHORT,
                       online->cohort);
    return train(training, online, online->cohort, weights, summary, err);
}
