/* search/scheduler.c -- workers, the window, and commits in order.
 *
 * There is one lock. A worker holds it for all but evaluations and proposals: it records its result,
 * commits whatever has come to its turn and starts the next trial. One worker at a time proposes; of
 * what the proposer reads nothing changes meanwhile, since results that come are handed to it before
 * the next proposal. A worker sleeps only while the window is full or another proposes, which means
 * that somebody will wake it. Under the lock nothing is written but the store: progress and log
 * lines are handed to outlets.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/machine.h"
#include "search/outlet.h"
#include "search/run_internal.h"

#define GAIN 1e-9      /* of hypervolume; less is rounding */
#define LAST_WORDS 1.0 /* seconds that the end waits for readers of progress and log, each */

static double seconds_since(int64_t ns)
{
    return (double)(rt_now_ns() - ns) * 1e-9;
}

rt_status search__note(struct run *run, const char *text, struct rt_err *err)
{
    search__log_text(run, "search", text);
    TRY_WITH_ROOM(run, store_event(run->store, "search", -1, text, err));
    return RT_OK;
}

/* ---- the history in memory ---- */

rt_status search__add_slot(struct run *run, const struct space_arch *arch, int64_t inherits,
                           size_t first, struct rt_err *err)
{
    if (run->proposer.count == run->room) {
        const size_t room = run->room ? 2 * run->room : 256;
        struct slot *slots = realloc(run->slots, room * sizeof *slots);
        if (!slots)
            return rt_fail(err, RT_ENOMEM, "no memory for %zu trials", room);
        run->slots = slots;
        run->room = room;
    }
    assert(run->proposer.count < run->room);
    run->slots[run->proposer.count] = (struct slot){.state = PROPOSED};
    return first == SEARCH_NONE ? search__proposer_add(&run->proposer, arch, inherits, err)
                                : search__proposer_repeat(&run->proposer, first, err);
}

/* The lock is held, as in all that follows but for evaluations. */
rt_status search__commit_next(struct run *run, bool stored, struct rt_err *err)
{
    assert(run->committed < search__count(run));
    struct slot *slot = &run->slots[run->committed];
    const double *objectives = slot->failed ? NULL : slot->objectives;
    const bool last = run->proposer.place[run->committed].rung == run->proposer.rungs.count - 1;
    const bool eligible = last && !(slot->violation > 0);
    const int64_t before = run->committed ? slot[-1].gained : -1;
    const double volume = run->front.volume;
    struct store_commit commit;

    const struct search__place *place = &run->proposer.place[run->committed];
    RT_TRY(place->replicate ? search__front_repeat(&run->front, run->committed,
                                                   (int64_t)place->first, objectives, &commit, err)
                            : search__front_add(&run->front, run->committed,
                                                eligible ? objectives : NULL, &commit, err));
    commit.failed = slot->failed;
    slot->gained = isnan(run->front.volume)             ? -1
                   : run->front.volume - volume <= GAIN ? before
                                                        : run->committed;
    if (!stored && run->options->replicates > 1) {
        RT_TRY(search__front_membership(&run->front, err));
        commit.members = run->front.number;
        commit.probability = run->front.probability;
    }
    if (!stored)
        TRY_WITH_ROOM(run, store_trial_commit(run->store, &commit, err));
    slot->state = COMMITTED;
    run->failed += slot->failed;
    run->faults = slot->fault ? run->faults + 1 : 0;
    run->committed++;
    return RT_OK;
}

/* So many trials at the turn are done and faults of the evaluator, one behind the other; none when
 * another result follows them, which tells that it works. */
static int64_t faults_at_turn(const struct run *run)
{
    int64_t n = run->committed;

    while (n < search__count(run) && run->slots[n].state == DONE && run->slots[n].fault)
        n++;
    return n < search__count(run) && run->slots[n].state == DONE ? 0 : n - run->committed;
}

rt_status search__commit_due(struct run *run, bool all, struct rt_err *err)
{
    while (run->committed < search__count(run) && run->slots[run->committed].state == DONE) {
        const int64_t number = run->committed, faults = faults_at_turn(run);
        const struct slot *slot = &run->slots[number];
        if (run->options->faults && run->faults + faults >= run->options->faults)
            run->broken = true;
        if (run->options->faults && faults && (run->broken || !all))
            return RT_OK;
        RT_TRY(search__commit_next(run, false, err));
        search__log_trial(run, slot->failed ? "failed" : "commit", number,
                          slot->failed ? NULL : slot->objectives, -1, NULL);
        search__tell(run);
    }
    return RT_OK;
}

/* ---- starting ---- */

/* The lock is given away while the proposer, which knows all that is committed, thinks. */
static rt_status think(struct run *run, struct search__proposal *p, struct rt_err *err)
{
    rt_status rc;

    assert(!run->proposing);
    for (; run->handed < run->committed; run->handed++) {
        const struct slot *slot = &run->slots[run->handed];
        search__proposer_result(&run->proposer, slot->failed ? NULL : slot->objectives,
                                slot->violation);
    }
    run->proposing = true;
    pthread_mutex_unlock(&run->lock);
    rc = search__propose(&run->proposer, p, err);
    pthread_mutex_lock(&run->lock);
    run->proposing = false;
    pthread_cond_broadcast(&run->changed);
    return rc;
}

static rt_status propose_next(struct run *run, struct rt_err *err)
{
    struct search__proposal p;
    struct space_cost cost;
    const bool costs = space_has_costs(run->space);

    RT_TRY(think(run, &p, err));
    if (costs)
        space_cost_of(&p.arch, &run->space->shape, &cost);
    struct store_proposal row = {.number = search__count(run),
                                 .space = run->space,
                                 .arch = &p.arch,
                                 .cost = costs ? &cost : NULL,
                                 .origin = p.origin,
                                 .parent_a = p.parent_a,
                                 .parent_b = p.parent_b,
                                 .rung = p.rung,
                                 .replicate = p.replicate,
                                 .inherits = p.inherits,
                                 .seed = rt_replicate_seed(run->options->seed, p.replicate)};
    for (int k = 0; p.predicted && k < run->options->objective_count; k++)
        if (p.sd[k] > 0) {
            struct store_prediction *to = &row.prediction[row.prediction_count++];
            *to = (struct store_prediction){.mean = p.mean[k], .sd = p.sd[k]};
            memcpy(to->name, run->options->objectives[k], sizeof to->name);
        }
    TRY_WITH_ROOM(run, store_trial_propose(run->store, &row, err));
    return search__add_slot(run, &p.arch, p.inherits, p.replicate ? p.first : SEARCH_NONE, err);
}

/* The lowest trial that waits to be started, or the number of the next new one. */
static int64_t next_number(const struct run *run)
{
    int64_t n = run->committed;

    while (n < search__count(run) && run->slots[n].state != PROPOSED)
        n++;
    return n;
}

/* Has the hypervolume stood still for so long that trial n is not wanted? Asked of the commits that
 * proposals see, so that the last trial is the same for any number of workers. */
static bool stalled(const struct run *run, int64_t n)
{
    const int64_t patience = run->options->patience, seen = n - run->options->window;

    if (patience == 0 || seen < 0 || seen >= run->committed || run->slots[seen].gained < 0)
        return false;
    return seen - run->slots[seen].gained >= patience;
}

/* The next trial is proposed, and whoever comes by starts it. */
static enum search__step propose_step(struct run *run)
{
    struct rt_err err; /* run->err is for whoever holds the lock */

    if (run->proposing)
        return SEARCH__WAIT;
    const rt_status rc = propose_next(run, &err);
    if (rc == RT_OK || (rc == RT_EEND && run->handed < run->committed))
        return SEARCH__AGAIN;
    if (rc == RT_EEND && run->committed < search__count(run))
        return SEARCH__WAIT; /* for results that may promote */
    if (rc == RT_EEND)
        run->exhausted = true;
    else if (run->rc == RT_OK)
        run->rc = rt_fail(&run->err, rc, "%s", err.text);
    return SEARCH__LEAVE;
}

/* Have the trials come to an end, unless one that is out comes back without a result? */
static bool all_begun(const struct run *run, int64_t n)
{
    const struct search_options *o = run->options;

    return (o->trials > 0 && n >= o->trials) || (run->exhausted && n == search__count(run)) ||
           stalled(run, n);
}

rt_status search__start(struct run *run, const struct search_hand *hand, int64_t number)
{
    struct slot *slot = &run->slots[number];

    assert(slot->state == PROPOSED && number < run->committed + run->options->window);
    store_made_by(run->store, hand->program);
    TRY_WITH_ROOM(run, store_trial_start(run->store, number, hand->host, hand->worker, &run->err));
    slot->state = RUNNING;
    slot->started_ns = rt_now_ns();
    slot->ended_ns = 0;
    return RT_OK;
}

bool search__is_over(struct run *run)
{
    const struct search_options *o = run->options;

    run->stopped = run->stopped || atomic_load(run->stop) != 0;
    if (run->rc != RT_OK || run->stopped || run->late || run->broken)
        return true;
    if (all_begun(run, next_number(run)))
        return run->outside == 0;
    run->late = o->hours > 0 && seconds_since(run->started_ns) >= o->hours * 3600;
    return run->late;
}

enum search__step search__next_step(struct run *run, const struct search_hand *hand,
                                    int64_t *number)
{
    const int64_t n = next_number(run);

    if (search__is_over(run))
        return SEARCH__LEAVE;
    if (all_begun(run, n) || n >= run->committed + run->options->window)
        return SEARCH__WAIT;
    if (n == search__count(run))
        return propose_step(run);
    run->rc = search__start(run, hand, n);
    if (run->rc != RT_OK)
        return SEARCH__LEAVE;
    *number = n;
    return SEARCH__START;
}

/* ---- finishing ---- */

/* Was another trial being evaluated at any time while this one measured a block? Those more than a
 * window before were committed when it began. */
static bool others_ran(const struct run *run, int64_t number, const struct store_block *block)
{
    const int64_t behind = number - run->options->window;

    for (int64_t n = behind < 0 ? 0 : behind + 1; n < search__count(run); n++) {
        const struct slot *slot = &run->slots[n];
        if (n != number && slot->started_ns && slot->started_ns <= block->ended_ns &&
            (!slot->ended_ns || slot->ended_ns >= block->began_ns))
            return true;
    }
    return false;
}

static void note_fault(struct run *run, int64_t number, const struct store_result *result)
{
    const char *kind = result->kind[0] ? result->kind : rt_status_kind(result->status);

    run->slots[number].fault = result->status != RT_OK && search_is_fault(kind);
    if (run->slots[number].fault)
        snprintf(run->fault, sizeof run->fault, "trial %" PRId64 ", %s: %.200s", number, kind,
                 result->error);
}

void search__void(struct run *run, const char *why)
{
    run->broken = true;
    if (!run->dirty[0])
        (void)snprintf(run->dirty, sizeof run->dirty, "%s", why);
}

/* A trial without a result, for the next run; nothing is begun in this one any more. */
static rt_status let_wait(struct run *run, int64_t number, const struct store_result *result,
                          double seconds, struct rt_err *err)
{
    const bool dirty = result->status == RT_EDIRTY;
    const char *why = dirty ? result->error : "asked to stop";

    run->stopped = run->stopped || !dirty;
    if (dirty)
        search__void(run, result->error);
    run->slots[number].state = PROPOSED;
    search__log_trial(run, "interrupt", number, NULL, seconds, dirty ? why : NULL);
    TRY_WITH_ROOM(run, store_trial_return(run->store, number, "interrupted", why, err));
    return RT_OK;
}

static rt_status record(struct run *run, int64_t number, struct store_result *result,
                        struct rt_err *err)
{
    assert(number >= run->committed && number < search__count(run));
    struct slot *slot = &run->slots[number];
    const double seconds = seconds_since(slot->started_ns);
    const struct space_arch *arch = &run->proposer.archs[number];

    assert(slot->state == RUNNING && slot->ended_ns >= slot->started_ns);
    if (result->status == RT_ESTOP || result->status == RT_EDIRTY)
        return let_wait(run, number, result, seconds, err);
    slot->violation = search__objectives(run->options, run->space, arch, result, slot->objectives);
    slot->failed = result->status != RT_OK;
    note_fault(run, number, result);
    for (int i = 0; i < result->block_count; i++)
        result->block[i].concurrent =
            !result->block[i].gated && others_ran(run, number, &result->block[i]);
    TRY_WITH_ROOM(run, store_trial_done(run->store, number, result, err));
    TRY_WITH_ROOM(run, search__note_timing(run, err));
    slot->state = DONE;
    search__log_trial(run, "done", number, slot->failed ? NULL : slot->objectives, seconds,
                      slot->failed ? result->error : NULL);
    return search__commit_due(run, false, err);
}

void search__begin(struct run *run, const struct search_hand *hand, int64_t number,
                   struct search_trial *trial)
{
    const struct search__place place = run->proposer.place[number];

    assert(run->slots[number].state == RUNNING);
    trial->arch = run->proposer.archs[number]; /* that array may move meanwhile */
    trial->job = (struct search_job){.number = number,
                                     .arch = &trial->arch,
                                     .rung = place.rung,
                                     .budget = run->options->rung_budget[place.rung],
                                     .inherits = place.inherits,
                                     .seed = rt_replicate_seed(run->options->seed, place.replicate),
                                     .replicate = place.replicate,
                                     .worker = hand->worker,
                                     .stop = run->stop};
    run->running++;
    search__log_trial(run, "start", number, NULL, -1, NULL);
    search__tell(run);
}

void search__end(struct run *run, int64_t number, struct store_result *result)
{
    assert(run->running > 0);
    run->running--;
    run->slots[number].ended_ns = rt_now_ns();
    if (run->rc == RT_OK)
        run->rc = record(run, number, result, &run->err);
    store_result_release(result);
    pthread_cond_broadcast(&run->changed);
}

/* Runs with the lock held, but for the evaluation. */
static void run_trial(struct run *run, const struct search_hand *hand, int64_t number)
{
    struct store_result result = {.status = RT_OK};
    struct search_trial trial;

    search__begin(run, hand, number, &trial);
    pthread_mutex_unlock(&run->lock);
    run->evaluator->evaluate(run->evaluator->context, &trial.job, &result);
    pthread_mutex_lock(&run->lock);
    search__end(run, number, &result);
}

static void wait_for_others(struct run *run)
{
    if (!run->proposing &&
        run->running == 0) /* nothing will tell whether the evaluator is broken */
        run->rc = search__commit_due(run, true, &run->err);
    else if (run->proposing || !search__time_again(run))
        pthread_cond_wait(&run->changed, &run->lock);
}

static void work(struct run *run, int worker)
{
    const struct search_hand hand = {run->options->host, worker, 0};
    enum search__step step;
    int64_t number = -1;
    struct rt_cpus home;
    const bool pinned = run->options->pin && rt_thread_pin(worker, &home);

    pthread_mutex_lock(&run->lock);
    while ((step = search__next_step(run, &hand, &number)) != SEARCH__LEAVE)
        if (step == SEARCH__START)
            run_trial(run, &hand, number);
        else if (step == SEARCH__WAIT)
            wait_for_others(run);
    pthread_cond_broadcast(&run->changed); /* whoever waits has to leave too */
    pthread_mutex_unlock(&run->lock);
    if (pinned) /* the caller is one of the workers */
        rt_thread_unpin(&home);
}

static void *serve(void *context)
{
    struct run *run = context;
    const struct search_elsewhere *elsewhere = run->options->elsewhere;

    elsewhere->serve(elsewhere->context, run);
    return NULL;
}

/* All who evaluate, until the last has left. */
static rt_status work_all(struct run *run, struct rt_err *err)
{
    pthread_t elsewhere;

    if (run->options->elsewhere && pthread_create(&elsewhere, NULL, serve, run))
        return rt_fail(err, RT_ENOMEM, "cannot start a thread for workers elsewhere");
    if (run->options->workers > 0) {
#pragma omp parallel num_threads(run->options->workers) default(none) shared(run)
        work(run, omp_get_thread_num());
    }
    if (run->options->elsewhere)
        (void)pthread_join(elsewhere, NULL);
    return RT_OK;
}

/* ---- the whole ---- */

struct listener {
    search_progress_fn *progress;
    void *context;
};

static void write_progress(void *context, const void *progress, int64_t missed)
{
    const struct listener *listener = context;

    (void)missed;
    listener->progress(listener->context, progress);
}

/* When the workers have left: faults without a turn are failed trials, or wait for the next run when
 * there is more to try. */
static rt_status settle(struct run *run, struct rt_err *err)
{
    if (!run->stopped && !run->late && !run->broken)
        RT_TRY(search__commit_due(run, true, err));
    RT_TRY(search__reopen_faults(run, err));
    if (!run->broken)
        return RT_OK;
    if (run->dirty[0])
        return rt_fail(err, RT_EDIRTY, "%.300s, and the same command again: no trial is lost",
                       run->dirty);
    return rt_fail(err, RT_EIO,
                   "the evaluator failed %d times in a row, the last in %s; mend it and run the "
                   "same command again%s",
                   run->options->faults, run->fault,
                   run->faults ? ", with --retry-failed for those that are committed" : "");
}

static enum search_end end_of(const struct run *run)
{
    const int64_t trials = run->options->trials;

    if (trials > 0 && run->committed >= trials)
        return SEARCH_END_TRIALS;
    if (run->exhausted && run->committed == search__count(run))
        return SEARCH_END_EXHAUSTED;
    if (stalled(run, search__count(run)) && run->committed == search__count(run))
        return SEARCH_END_PATIENCE;
    return run->stopped ? SEARCH_END_STOPPED : SEARCH_END_HOURS;
}

static rt_status search(struct run *run, enum search_end *end, struct rt_err *err)
{
    static const char *const reasons[] = {"ended: all trials done", "ended: time is up",
                                          "ended: asked to stop",
                                          "ended: every feasible architecture has been tried",
                                          "ended: no gain of hypervolume for the study's patience"};
    rt_status rc;

    pthread_mutex_lock(&run->lock); /* workers must see what was written here */
    rc = search__resume(run, err);
    pthread_mutex_unlock(&run->lock);
    if (rc == RT_OK)
        rc = work_all(run, err);
    if (rc != RT_OK)
        return rc;

    pthread_mutex_lock(&run->lock);
    if (run->rc == RT_OK)
        run->rc = settle(run, &run->err);
    if (run->rc == RT_OK)
        run->rc = search__finish_timing(run, &run->err);
    if (run->rc != RT_OK) {
        rc = rt_fail(err, run->rc, "%s", run->err.text);
        search__log_text(run, "error", run->err.text);
        (void)store_run_end(run->store, run->err.text, NULL); /* as well as may be */
    } else {
        *end = end_of(run);
        if ((rc = search__note(run, reasons[*end], err)) == RT_OK)
            rc = store_run_end(run->store, reasons[*end] + strlen("ended: "), err);
    }
    pthread_mutex_unlock(&run->lock);
    return rc;
}

rt_status search_run(const struct space *space, const struct search_options *options,
                     const struct search_evaluator *evaluator, struct store *store,
                     const atomic_int *stop, search_progress_fn *progress, void *progress_context,
                     enum search_end *end, struct rt_err *err)
{
    static const atomic_int never = 0;
    struct run run = {.space = space,
                      .options = options,
                      .evaluator = evaluator,
                      .store = store,
                      .stop = stop ? stop : &never,
                      .started_ns = rt_now_ns(),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    struct space_arch *start = NULL;
    rt_status rc;

    RT_TRY(search__check_options(options, err));
    RT_TRY(space_check_feasible(space, err));
    search__front_init(&run.front, space, options);
    rc = search__proposer_init(&run.proposer, space, options, err);
    if (rc == RT_OK)
        rc = store_starts(store, space, &start, &run.proposer.start_count, err);
    run.proposer.start = start;
    if (rc == RT_OK && options->log)
        rc = search__log_open(options->log, &run.log, err);
    if (rc == RT_OK && progress)
        rc = search__outlet_open(1, write_progress, NULL,
                                 &(struct listener){progress, progress_context},
                                 sizeof(struct listener), &run.screen, err);
    if (rc == RT_OK)
        rc = search(&run, end, err);
    if (run.log) {
        search__log_flush(run.log, LAST_WORDS);
        search__tell(&run);
    }
    if (run.screen)
        search__outlet_close(run.screen, LAST_WORDS);
    if (run.log)
        search__log_close(run.log);
    free(start);
    search__proposer_release(&run.proposer);
    search__front_release(&run.front);
    free(run.slots);
    pthread_cond_destroy(&run.changed);
    pthread_mutex_destroy(&run.lock);
    return rc;
}
