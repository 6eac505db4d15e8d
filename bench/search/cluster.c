/* bench/search/cluster.c -- see cluster.h. */
#include "bench/search/cluster.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_internal.h"

enum kind {
    ASK,      /* a worker without a trial comes by */
    RESULT,   /* it brings one */
    RECORDED, /* which is in the books now */
    EXPIRED,  /* nothing was heard of a trial for too long */
    READY     /* the proposer is done */
};

struct event {
    double time;
    int64_t order; /* decides between equal times: the earlier made */
    enum kind kind;
    int worker;
    int64_t trial;
};

enum state { PROPOSED, RUNNING, DONE };

struct trial {
    unsigned char state;
    unsigned char lost;    /* times */
    unsigned char running; /* workers that have it */
};

struct simulation {
    const struct bench_cluster *cluster;
    struct event *heap; /* the earliest first */
    int64_t heap_count, heap_room, made;
    struct trial *trial;
    int *idle; /* workers that wait, in order of arrival: a ring of `workers` */
    int idle_first, idle_count;
    int64_t *again; /* trials to be given out again: a ring of `window` */
    int64_t again_first, again_count;
    double *began; /* of each worker's trial, NaN: none */
    double *until; /* when it ends, or is lost */
    bool *losing;  /* it will be lost */
    int64_t proposed, committed, begun, recorded, held, doubled;
    bool thinking, over;
    double books_free; /* when the book-keeping is done so far */
    struct rt_rng losses;
    struct search__proposer proposer;
    struct bench_score score;
    double now, worked, thrown_away, thought, kept_books;
    struct bench_load *load;
};

/* ---- events ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static rt_status push(struct simulation *s, double time, enum kind kind, int worker, int64_t trial,
                      struct rt_err *err)
{
    struct event event = {time, s->made++, kind, worker, trial};

    if (s->heap_count == s->heap_room) {
        const int64_t room = s->heap_room ? 2 * s->heap_room : 1024;
        struct event *heap = realloc(s->heap, (size_t)room * sizeof *heap);
        if (!heap)
            return rt_fail(err, RT_ENOMEM, "no memory for so many events");
        s->heap = heap;
        s->heap_room = room;
    }
    int64_t at = s->heap_count++;
    for (; at > 0 && before(&event, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = event;
    return RT_OK;
}

static struct event pop(struct simulation *s)
{
    assert(s->heap_count > 0);
    const struct event first = s->heap[0], last = s->heap[--s->heap_count];
    int64_t at = 0, child;

    while ((child = 2 * at + 1) < s->heap_count) {
        if (child + 1 < s->heap_count && before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (before(&last, &s->heap[child]))
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    return first;
}

/* ---- trials ---- */

/* Half of a trial's book-keeping; when it is done. */
static double keep_books(struct simulation *s)
{
    const double half = s->cluster->record / 2;

    s->books_free = (s->books_free > s->now ? s->books_free : s->now) + half;
    s->kept_books += half;
    return s->books_free;
}

static double duration_of(const struct bench_cluster *c, int worker, int64_t trial)
{
    struct rt_rng rng;

    rt_rng_init(&rng, c->seed, RT_STREAM_TEST, 1 + (uint64_t)trial);
    const double seconds = c->seconds * pow(c->spread, rt_rng_uniform(&rng));
    return worker < c->slow * c->workers ? seconds * c->slowness : seconds;
}

static rt_status begin(struct simulation *s, int64_t trial, struct rt_err *err)
{
    const struct bench_cluster *c = s->cluster;
    const int worker = s->idle[s->idle_first];
    const double start = keep_books(s) + c->delay;
    const double seconds = duration_of(c, worker, trial);
    const double left =
        c->lost_every > 0 ? -c->lost_every * log(1 - rt_rng_uniform(&s->losses)) : INFINITY;

    assert(s->trial[trial].state != DONE && s->idle_count > 0);
    s->trial[trial].running++;
    s->idle_first = (s->idle_first + 1) % c->workers;
    s->idle_count--;
    s->trial[trial].state = RUNNING;
    s->began[worker] = start;
    s->losing[worker] = left < seconds;
    s->until[worker] = start + (s->losing[worker] ? left : seconds);
    if (!s->losing[worker])
        return push(s, s->until[worker] + c->delay, RESULT, worker, trial, err);
    RT_TRY(push(s, s->until[worker] + c->lease, EXPIRED, worker, trial, err));
    return push(s, s->until[worker] + c->absent + c->delay, ASK, worker, trial, err);
}

/* The worker's time since its trial began, up to now at most, goes where it belongs. */
static void account(struct simulation *s, int worker)
{
    const double end = s->until[worker] < s->now ? s->until[worker] : s->now;

    if (s->began[worker] < end) /* not NaN */
        *(s->losing[worker] ? &s->thrown_away : &s->worked) += end - s->began[worker];
    s->began[worker] = NAN;
}

/* ---- proposals ---- */

/* The proposer sees the results up to proposed - window, in order. */
static rt_status think(struct simulation *s, double *seconds, struct rt_err *err)
{
    const struct bench_cluster *c = s->cluster;
    struct search__proposer *p = &s->proposer;
    struct search__proposal proposal;
    const int64_t began = rt_thread_cpu_ns();

    *seconds = c->propose;
    if (!c->problem)
        return RT_OK;
    while ((int64_t)p->results + c->window <= s->proposed) {
        double objectives[STORE_MAX_OBJECTIVES];
        bench_measure(c->problem, &p->archs[p->results], -1, objectives);
        search__proposer_result(p, objectives, 0);
    }
    RT_TRY(search__propose(p, &proposal, err));
    *seconds = 1e-9 * (double)(rt_thread_cpu_ns() - began);
    return search__proposer_add(p, &proposal.arch, proposal.inherits, err);
}

/* The first trial at turn or behind that one worker alone has, and that was not doubled yet; false:
 * none. */
static bool next_alone(struct simulation *s, int64_t *trial)
{
    if (s->doubled < s->committed)
        s->doubled = s->committed;
    while (s->doubled < s->proposed &&
           (s->trial[s->doubled].state != RUNNING || s->trial[s->doubled].running != 1))
        s->doubled++;
    *trial = s->doubled;
    return s->doubled < s->proposed;
}

/* Whoever waits gets what there is, in order of arrival. */
static rt_status serve(struct simulation *s, struct rt_err *err)
{
    const struct bench_cluster *c = s->cluster;
    double seconds;
    int64_t alone;

    while (s->idle_count > 0 && !s->over) {
        if (s->again_count > 0) {
            const int64_t trial = s->again[s->again_first];
            s->again_first = (s->again_first + 1) % c->window;
            s->again_count--;
            RT_TRY(begin(s, trial, err));
        } else if (s->begun < s->proposed) {
            RT_TRY(begin(s, s->begun++, err));
            s->over = s->begun == c->trials;
        } else if (!s->thinking && s->proposed < s->committed + c->window) {
            RT_TRY(think(s, &seconds, err));
            s->thinking = true;
            s->thought += seconds;
            return push(s, s->now + seconds, READY, -1, s->proposed, err);
        } else if (c->twice && s->proposed == s->committed + c->window && next_alone(s, &alone)) {
            RT_TRY(begin(s, alone, err));
        } else {
            return RT_OK;
        }
    }
    return RT_OK;
}

/* ---- results ---- */

static rt_status commit_due(struct simulation *s, struct rt_err *err)
{
    const struct bench_cluster *c = s->cluster;

    for (; s->committed < s->proposed && s->trial[s->committed].state == DONE; s->committed++) {
        double objectives[STORE_MAX_OBJECTIVES];
        s->held--;
        if (!c->problem)
            continue;
        const struct space_arch *arch = &s->proposer.archs[s->committed];
        bench_evaluate(c->problem, arch, -1, objectives);
        RT_TRY(bench_score_add(&s->score, arch, objectives, err));
    }
    if (s->held > s->load->held)
        s->load->held = (int)s->held;
    return RT_OK;
}

static rt_status expire(struct simulation *s, int64_t trial, struct rt_err *err)
{
    const struct bench_cluster *c = s->cluster;
    struct trial *t = &s->trial[trial];

    t->running--;
    if (t->state == DONE || t->running > 0)
        return RT_OK;
    assert(t->state == RUNNING);
    if (++t->lost >= c->attempts) {
        t->state = DONE;
        s->load->failed++;
        s->held++;
        return commit_due(s, err);
    }
    t->state = PROPOSED;
    s->again[(s->again_first + s->again_count++) % c->window] = trial;
    return RT_OK;
}

static void wait_for_work(struct simulation *s, int worker)
{
    account(s, worker);
    s->idle[(s->idle_first + s->idle_count++) % s->cluster->workers] = worker;
}

static rt_status happen(struct simulation *s, const struct event *e, struct rt_err *err)
{
    s->now = e->time;
    switch (e->kind) {
    case ASK: wait_for_work(s, e->worker); break;
    case RESULT: return push(s, keep_books(s), RECORDED, e->worker, e->trial, err);
    case RECORDED:
        s->trial[e->trial].running--;
        wait_for_work(s, e->worker);
        if (s->trial[e->trial].state == DONE)
            break; /* the other one was faster */
        s->trial[e->trial].state = DONE;
        s->recorded++;
        s->held++;
        RT_TRY(commit_due(s, err));
        break;
    case EXPIRED: RT_TRY(expire(s, e->trial, err)); break;
    case READY:
        s->proposed++;
        s->thinking = false;
        break;
    }
    return serve(s, err);
}

/* ---- the whole ---- */

static rt_status open_simulation(struct simulation *s, struct search_options *options,
                                 struct rt_err *err)
{
    const struct bench_cluster *c = s->cluster;
    const size_t workers = (size_t)c->workers;

    s->trial = calloc((size_t)c->trials, sizeof *s->trial);
    s->idle = calloc(workers, sizeof *s->idle);
    s->again = calloc((size_t)c->window, sizeof *s->again);
    s->began = calloc(workers, sizeof *s->began);
    s->until = calloc(workers, sizeof *s->until);
    s->losing = calloc(workers, sizeof *s->losing);
    if (!s->trial || !s->idle || !s->again || !s->began || !s->until || !s->losing)
        return rt_fail(err, RT_ENOMEM, "no memory for so many workers and trials");
    rt_rng_init(&s->losses, c->seed, RT_STREAM_TEST, 0);
    for (int w = 0; w < c->workers; w++) {
        s->began[w] = NAN;
        RT_TRY(push(s, 0, ASK, w, -1, err));
    }
    if (!c->problem)
        return RT_OK;
    *options = *c->options;
    options->window = c->window;
    bench_score_open(&s->score, c->problem);
    return search__proposer_init(&s->proposer, &c->problem->space, options, err);
}

static void close_simulation(struct simulation *s)
{
    if (s->cluster->problem) {
        search__proposer_release(&s->proposer);
        bench_score_close(&s->score);
    }
    free(s->heap);
    free(s->trial);
    free(s->idle);
    free(s->again);
    free(s->began);
    free(s->until);
    free(s->losing);
}

static void conclude(struct simulation *s)
{
    const double span = s->now, all = span * s->cluster->workers;
    struct bench_load *load = s->load;

    for (int w = 0; w < s->cluster->workers; w++)
        account(s, w); /* what is done after the last start does not count */
    load->busy = span > 0 ? s->worked / all : 1;
    load->lost = span > 0 ? s->thrown_away / all : 0;
    load->rate = span > 0 ? (double)s->recorded / span : 0;
    load->proposing = span > 0 ? s->thought / span : 0;
    load->recording = span > 0 ? s->kept_books / span : 0;
    load->volume = s->cluster->problem ? s->score.volume : NAN;
}

rt_status bench_cluster_run(const struct bench_cluster *cluster, struct bench_load *load,
                            struct rt_err *err)
{
    struct simulation s = {.cluster = cluster, .load = load};
    struct search_options options; /* the proposer points there */

    assert(cluster->workers > 0 && cluster->window > 0 && cluster->trials > 0);
    assert(cluster->spread >= 1 && cluster->slowness >= 1 && cluster->attempts > 0);
    *load = (struct bench_load){.held = 0};
    rt_status rc = open_simulation(&s, &options, err);
    while (rc == RT_OK && !s.over) {
        const struct event e = pop(&s);
        rc = happen(&s, &e, err);
    }
    if (rc == RT_OK)
        conclude(&s);
    close_simulation(&s);
    return rc;
}
