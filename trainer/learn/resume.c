/* trainer/learn/resume.c -- see resume.h.
 *
 * File     magic, made_of, next step, points of the curve, seconds; what walk() goes through, for each
 *          student; the points; the hash of all that. Numbers are as in memory: it is read by the
 *          program that wrote it, or not at all.
 */
#include "trainer/learn/resume.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/learn/train_internal.h"

static const char magic[8] = "RTRUN001";

struct head {
    char magic[sizeof magic], made_of[RT_HASH_TEXT];
    int32_t next, points;
    double before;
};
enum { head_bytes = 8 + RT_HASH_TEXT + 4 + 4 + 8, point_bytes = 4 + 32 + 8 };

/* ---- one walk, to count, write and read ---- */

struct walk {
    size_t bytes;            /* gone by */
    FILE *to;                /* NULL: is not written */
    struct rt_hash *hash;    /* of what is written */
    const unsigned char *at; /* where to read from, all of it; NULL: is not read */
};

static void part(struct walk *w, void *values, size_t bytes)
{
    w->bytes += bytes;
    if (w->to) {
        (void)fwrite(values, 1, bytes, w->to); /* errors stay with the stream */
        rt_hash_add(w->hash, values, bytes);
    }
    if (w->at) {
        memcpy(values, w->at, bytes);
        w->at += bytes;
    }
}

static void walk_head(struct walk *w, struct head *head)
{
    part(w, head->magic, sizeof head->magic);
    part(w, head->made_of, sizeof head->made_of);
    part(w, &head->next, sizeof head->next);
    part(w, &head->points, sizeof head->points);
    part(w, &head->before, sizeof head->before);
}

static void walk_adamw(struct walk *w, struct tr_adamw *adamw, size_t n)
{
    part(w, adamw->m, n * sizeof *adamw->m);
    part(w, adamw->v, n * sizeof *adamw->v);
    part(w, &adamw->step, sizeof adamw->step);
}

static void walk_run(struct walk *w, struct tr__run *run, struct tr_train_summary *summary)
{
    const size_t n = run->job->student->param_count;
    struct tr_layerwise *layers = &run->layers;

    part(w, run->weights->params, n * sizeof(float));
    walk_adamw(w, &run->adamw, n);
    part(w, &run->bad, sizeof run->bad);
    part(w, &summary->clipped, sizeof summary->clipped);
    part(w, &summary->floored, sizeof summary->floored);
    part(w, &summary->skipped, sizeof summary->skipped);
    if (run->ema.params)
        part(w, run->ema.params, n * sizeof(float));
    if (run->job->recipe->quantise == TR_QUANTISE_QAT)
        part(w, &run->qat.ranges, sizeof run->qat.ranges);
    if (!tr_layers_on(&run->job->recipe->layers))
        return;
    part(w, layers->params, layers->projections.param_count * sizeof(float));
    walk_adamw(w, &layers->adamw, layers->projections.param_count);
    part(w, layers->balance, sizeof layers->balance);
}

static void walk_points(struct walk *w, struct rt_curve_point *point, int count)
{
    for (int i = 0; i < count; i++) {
        part(w, &point[i].step, sizeof point[i].step);
        part(w, point[i].name, sizeof point[i].name);
        part(w, &point[i].value, sizeof point[i].value);
    }
}

_Static_assert(sizeof(((struct rt_curve_point *)0)->name) == 32, "as point_bytes counts it");

static void walk_all(struct walk *w, struct head *head, struct tr__run *runs, int cohort,
                     struct tr_train_summary *summary, struct rt_curve_point *point)
{
    walk_head(w, head);
    for (int k = 0; k < cohort; k++)
        walk_run(w, &runs[k], &summary[k]);
    walk_points(w, point, head->points);
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
    *resume = (struct tr__resume){.job = *given,
                                  .given = given,
                                  .start_ns = rt_now_ns(),
                                  .off = !given->resume || given->data->task->kind->feed};
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

static bool is_time(const struct tr__resume *resume, int next, bool now)
{
    enum { minute = 60 };
    const int every = resume->given->resume->every;

    if (next == 0 || next == resume->job.recipe->steps)
        return false; /* there is nothing to go on from, or with */
    return now ||
           (every ? next % every == 0 : (double)(rt_now_ns() - resume->last_ns) * 1e-9 >= minute);
}

void tr__resume_step(struct tr__resume *resume, struct tr__run *runs, int cohort,
                     struct tr_train_summary *summary, int next, bool now)
{
    struct head head = {.next = next, .points = resume->points};
    struct walk w = {0};
    struct rt_writer writer;
    char hash[RT_HASH_TEXT];

    if (resume->off || !is_time(resume, next, now))
        return;
    const int64_t time = rt_now_ns();
    resume->last_ns = time; /* also when it fails: a full disk is not asked at each step */
    memcpy(head.magic, magic, sizeof magic);
    memcpy(head.made_of, resume->made_of, sizeof head.made_of);
    head.before = resume->before + (double)(time - resume->start_ns) * 1e-9;
    if (!(w.hash = rt_hash_open()))
        return;
    const bool open = rt_folder_make_for(resume->given->resume->path, NULL) == RT_OK &&
                      rt_writer_open(&writer, resume->given->resume->path, NULL) == RT_OK;
    if (open) {
        w.to = writer.file;
        walk_all(&w, &head, runs, cohort, summary, resume->point);
    }
    rt_hash_close(w.hash, hash);
    if (open) {
        (void)fwrite(hash, 1, sizeof hash, writer.file);
        (void)rt_writer_commit(&writer, NULL);
    }
}

void tr_resume_forget(const struct tr_resume *resume)
{
    (void)unlink(resume->path);
}

/* ---- read ---- */

bool tr_resume_is_whole(const unsigned char *data, size_t bytes)
{
    char hash[RT_HASH_TEXT];

    if (bytes < head_bytes + sizeof hash || memcmp(data, magic, sizeof magic) != 0)
        return false;
    rt_hash_bytes(data, bytes - sizeof hash, hash);
    return memcmp(data + bytes - sizeof hash, hash, sizeof hash) == 0;
}

/* Is it of this run, with room for all that will be read? */
static bool fits(const struct tr__resume *resume, const struct rt_map *map, struct head *head,
                 struct tr__run *runs, int cohort, struct tr_train_summary *summary)
{
    struct walk read = {.at = map->data}, count = {0};

    if (!tr_resume_is_whole(map->data, map->bytes))
        return false;
    walk_head(&read, head);
    if (memcmp(head->made_of, resume->made_of, sizeof head->made_of) != 0 || head->next < 1 ||
        head->next >= resume->job.recipe->steps || head->points < 0)
        return false;
    for (int k = 0; k < cohort; k++)
        walk_run(&count, &runs[k], &summary[k]);
    return map->bytes ==
           head_bytes + count.bytes + (size_t)head->points * point_bytes + RT_HASH_TEXT;
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
    tr_feed_skip(&run->feed, (int64_t)next * run->job->recipe->batch);
}

static int take(struct tr__resume *resume, const struct rt_map *map, struct tr__run *runs,
                int cohort, struct tr_train_summary *summary)
{
    struct walk w = {.at = map->data};
    struct head head;

    if (!fits(resume, map, &head, runs, cohort, summary))
        return 0;
    struct rt_curve_point *point = calloc((size_t)head.points + 1, sizeof *point);
    if (!point)
        return 0;
    walk_all(&w, &head, runs, cohort, summary, point);
    resume->before = head.before;
    for (int i = 0; i < head.points && resume->job.curve; i++) {
        point[i].name[sizeof point[i].name - 1] = '\0';
        listen(resume, point[i].step, point[i].name, point[i].value);
    }
    free(point);
    for (int k = 0; k < cohort; k++)
        settle(&runs[k], head.next);
    return head.next;
}

int tr__resume_take(struct tr__resume *resume, struct tr__run *runs, int cohort,
                    struct tr_train_summary *summary)
{
    struct rt_map map;
    int next = 0;

    assert(cohort >= 1);
    if (resume->off || access(resume->given->resume->path, F_OK) != 0 ||
        rt_map_open(&map, resume->given->resume->path, NULL) != RT_OK)
        return 0;
    next = take(resume, &map, runs, cohort, summary);
    rt_map_close(&map);
    return next;
}
