/* trainer/learn/resume.c -- see resume.h. */
#include "trainer/learn/resume.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/state.h"
#include "trainer/learn/train_internal.h"

/* ---- one walk, to count, write and read ---- */

struct head {
    int32_t next, points;
    double before;
};
enum { head_bytes = 4 + 4 + 8, point_bytes = 4 + 32 + 8 };

/* All that is walked through. */
struct whole {
    struct head *head;
    struct tr__run *runs;
    int cohort;
    struct tr_train_summary *summary;
    struct rt_curve_point *point;
};

static void walk_head(struct rt_state *w, struct head *head)
{
    rt_state_part(w, &head->next, sizeof head->next);
    rt_state_part(w, &head->points, sizeof head->points);
    rt_state_part(w, &head->before, sizeof head->before);
}

static void walk_weights(struct rt_state *w, float *weights, size_t n)
{
    rt_state_floats(w, weights, n, -FLT_MAX, FLT_MAX);
}

static void walk_adamw(struct rt_state *w, struct tr_adamw *adamw, size_t n, int steps)
{
    walk_weights(w, adamw->m, n);
    rt_state_floats(w, adamw->v, n, 0, FLT_MAX);
    rt_state_longs(w, &adamw->step, 1, 0, steps);
}

/* The numbers of its feed come first, since they tell how much it has; NULL: as the feed has them now, or
 * as they are read. False: there can be no such numbers. */
static bool walk_feed(struct rt_state *w, struct tr_feed *feed, const int64_t *number)
{
    const struct tr_feed_kind *kind = feed->of.task->kind->feed;
    int64_t now[TR_FEED_NUMBERS];

    if (!kind)
        return true;
    kind->numbers(feed, now);
    rt_state_part(w, now, sizeof now);
    if (!kind->walk(feed, number ? number : now, w))
        return false;
    if (w->from && !w->judges)
        kind->settle(feed, now);
    return true;
}

static void walk_run(struct rt_state *w, struct tr__run *run, struct tr_train_summary *summary)
{
    const struct tr_recipe *recipe = run->job->recipe;
    const size_t n = run->job->student->param_count;
    const int steps = recipe->steps;
    struct tr_layerwise *layers = &run->layers;

    walk_weights(w, run->weights->params, n);
    walk_adamw(w, &run->adamw, n, steps);
    rt_state_ints(w, &run->bad, 1, 0, steps);
    rt_state_ints(w, &summary->clipped, 1, 0, steps);
    rt_state_ints(w, &summary->floored, 1, 0, steps);
    rt_state_ints(w, &summary->skipped, 1, 0, steps);
    if (run->ema.params)
        walk_weights(w, run->ema.params, n);
    if (recipe->quantise == TR_QUANTISE_QAT)
        rt_state_floats(w, run->qat.ranges.amax, TR_MAX_QUANTISERS, -1, FLT_MAX);
    if (!tr_layers_on(&recipe->layers))
        return;
    walk_weights(w, layers->params, layers->projections.param_count);
    walk_adamw(w, &layers->adamw, layers->projections.param_count, steps);
    rt_state_doubles(w, layers->balance, TR_LAYER_KINDS, 0, DBL_MAX);
}

static void walk_points(struct rt_state *w, struct rt_curve_point *point, int count)
{
    for (int i = 0; i < count; i++) {
        rt_state_part(w, &point[i].step, sizeof point[i].step);
        rt_state_part(w, point[i].name, sizeof point[i].name);
        rt_state_part(w, &point[i].value, sizeof point[i].value);
    }
}

_Static_assert(sizeof(((struct rt_curve_point *)0)->name) == 32, "as point_bytes counts it");

static void walk_all(struct rt_state *w, void *context)
{
    struct whole *all = context;

    walk_head(w, all->head);
    for (int k = 0; k < all->cohort; k++) {
        (void)walk_feed(w, &all->runs[k].feed, NULL);
        walk_run(w, &all->runs[k], &all->summary[k]);
    }
    walk_points(w, all->point, all->head->points);
}

/* ---- between a run and its caller ---- */

/* All that a run knows of itself and that decides its bits or the places in the file. */
static void hash_run(struct tr__resume *resume, int cohort)
{
    const struct tr_training *job = &resume->job;
    const struct tr_recipe *r = job->recipe;
    char arch[SPACE_ARCH_TEXT], line[SPACE_ARCH_TEXT + 256];

    space_arch_print(&job->student->arch, arch);
    const int n = snprintf(
        line, sizeof line, "%s %s %zu %d %d %d %d %llu %d %s", resume->given->resume->made_of, arch,
        job->student->param_count, r->steps, r->batch, r->micro_batch, job->lanes,
        (unsigned long long)job->seed, cohort, tr_kernels_name(job->student->kernels));
    rt_hash_bytes(line, (size_t)n, resume->made_of);
}

static bool keep_point(struct tr__resume *resume, int step, const char *name, double value)
{
    if (resume->points == resume->room) {
        const int room = resume->room ? 2 * resume->room : 256;
        struct rt_curve_point *more = realloc(resume->point, (size_t)room * sizeof *more);
        if (!more)
            return false;
        resume->point = more;
        resume->room = room;
    }
    struct rt_curve_point *p = &resume->point[resume->points++];
    *p = (struct rt_curve_point){.step = step, .value = value};
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    return true;
}

static void listen(void *context, int step, const char *name, double value)
{
    struct tr__resume *resume = context;

    resume->given->curve(resume->given->curve_context, step, name, value);
    if (!resume->off && !keep_point(resume, step, name, value))
        resume->off = true;
}

const struct tr_training *tr__resume_open(struct tr__resume *resume,
                                          const struct tr_training *given, int cohort)
{
    *resume = (struct tr__resume){
        .job = *given, .given = given, .start_ns = rt_now_ns(), .pause = 60, .off = !given->resume};
    resume->last_ns = resume->start_ns;
    if (resume->off)
        return given;
    hash_run(resume, cohort);
    if (given->curve) {
        resume->job.curve = listen;
        resume->job.curve_context = resume;
    }
    return &resume->job;
}

void tr__resume_close(struct tr__resume *resume)
{
    free(resume->point);
}

/* ---- write ---- */

static double seconds_between(int64_t from, int64_t to)
{
    return (double)(to - from) * 1e-9;
}

static bool is_time(const struct tr__resume *resume, int next, bool now)
{
    const struct tr_resume *how = resume->given->resume;
    const int64_t time = rt_now_ns();

    if (next == 0 || next == resume->job.recipe->steps)
        return false; /* there is nothing to go on from, or with */
    if (now)
        return seconds_between(resume->start_ns, time) >= how->least;
    return how->every ? next % how->every == 0
                      : seconds_between(resume->last_ns, time) >= resume->pause;
}

rt_status tr__resume_step(struct tr__resume *resume, struct tr__run *runs, int cohort,
                          struct tr_train_summary *summary, int next, bool now, struct rt_err *err)
{
    enum { minute = 60, share = 20 };

    if (resume->off || !is_time(resume, next, now))
        return RT_OK;
    RT_TRY(tr_data_look(resume->job.data, err));
    const int64_t begun = rt_now_ns();
    struct head head = {.next = next,
                        .points = resume->points,
                        .before = resume->before + seconds_between(resume->start_ns, begun)};
    struct whole all = {&head, runs, cohort, summary, resume->point};
    (void)rt_state_write(resume->given->resume->path, resume->made_of, walk_all, &all);
    resume->last_ns = rt_now_ns(); /* also when it failed: a full disk is not asked at each step */
    resume->pause = fmax(minute, share * seconds_between(begun, resume->last_ns));
    return RT_OK;
}

void tr_resume_forget(const struct tr_resume *resume)
{
    char folder[RT_PATH_MAX];

    (void)unlink(resume->path);
    (void)snprintf(folder, sizeof folder, "%s", resume->path);
    *strrchr(folder, '/') = '\0';
    (void)rmdir(folder); /* unless another run's state is there */
}

/* ---- read ---- */

/* Steps of the run, and names that can be shown. */
static bool points_are_good(const unsigned char *parts, int count, int steps)
{
    for (int i = 0; i < count; i++, parts += point_bytes) {
        const unsigned char *name = parts + 4;
        int32_t step;
        memcpy(&step, parts, sizeof step);
        if (step < 0 || step > steps)
            return false;
        for (int c = 0; c < 32 && name[c]; c++)
            if (name[c] <= ' ' || name[c] > '~')
                return false;
    }
    return true;
}

/* Is there room for all that will be read, and may it be what a run leaves? */
static bool fits(const struct tr__resume *resume, const unsigned char *parts, size_t bytes,
                 struct whole *all)
{
    const int steps = resume->job.recipe->steps;
    struct rt_state read = {.from = parts};
    size_t at = head_bytes;

    if (bytes < head_bytes)
        return false;
    walk_head(&read, all->head);
    if (all->head->next < 1 || all->head->next >= steps || all->head->points < 0 ||
        !(all->head->before >= 0 && all->head->before <= DBL_MAX))
        return false;
    for (int k = 0; k < all->cohort; k++) {
        int64_t number[TR_FEED_NUMBERS] = {0};
        struct rt_state count = {0};
        if (all->runs[k].feed.of.task->kind->feed) {
            if (bytes - at < sizeof number)
                return false;
            memcpy(number, parts + at, sizeof number);
        }
        if (!walk_feed(&count, &all->runs[k].feed, number))
            return false;
        walk_run(&count, &all->runs[k], &all->summary[k]);
        if (count.bytes > bytes - at)
            return false;
        struct rt_state judge = {.from = parts + at, .judges = true};
        (void)walk_feed(&judge, &all->runs[k].feed, number);
        walk_run(&judge, &all->runs[k], &all->summary[k]);
        if (judge.bad)
            return false;
        at += count.bytes;
    }
    return bytes - at == (size_t)all->head->points * point_bytes &&
           points_are_good(parts + at, all->head->points, steps);
}

/* What is made of the parameters, and of how far the run is. */
static void settle(struct tr__run *run, int next)
{
    const struct tr_student *student = run->job->student;

    tr_weights_pack(student, run->weights);
    if (run->ema.params)
        tr_weights_pack(student, &run->ema);
    if (tr_layers_on(&run->job->recipe->layers))
        tr__layerwise_pack(&run->layers);
    if (!run->job->data->task->kind->feed)
        tr_feed_skip(&run->feed, (int64_t)next * run->job->recipe->batch);
}

static int take(struct tr__resume *resume, const unsigned char *parts, size_t bytes,
                struct tr__run *runs, int cohort, struct tr_train_summary *summary)
{
    struct head head;
    struct whole all = {&head, runs, cohort, summary, NULL};
    struct rt_state read = {.from = parts};

    if (!fits(resume, parts, bytes, &all))
        return 0;
    all.point = calloc((size_t)head.points + 1, sizeof *all.point);
    if (!all.point)
        return 0;
    walk_all(&read, &all);
    resume->before = head.before;
    for (int i = 0; i < head.points && resume->job.curve; i++) {
        all.point[i].name[sizeof all.point[i].name - 1] = '\0';
        listen(resume, all.point[i].step, all.point[i].name, all.point[i].value);
    }
    free(all.point);
    for (int k = 0; k < cohort; k++)
        settle(&runs[k], head.next);
    return head.next;
}

int tr__resume_take(struct tr__resume *resume, struct tr__run *runs, int cohort,
                    struct tr_train_summary *summary)
{
    const unsigned char *parts;
    struct rt_map map;
    size_t bytes;

    assert(cohort >= 1);
    if (resume->off ||
        !rt_state_open(&map, resume->given->resume->path, resume->made_of, &parts, &bytes))
        return 0;
    const int next = take(resume, parts, bytes, runs, cohort, summary);
    rt_map_close(&map);
    return next;
}
