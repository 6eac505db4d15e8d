/* search/running.c -- see running.h. */
#include "search/running.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "search/run_internal.h"

static void begin(struct run *run, const struct search_hand *hand, int64_t number,
                  struct search_trial *trial)
{
    assert(!run->slots[number].outside);
    run->slots[number].outside = true;
    run->outside++;
    search__begin(run, hand, number, trial);
}

static void no_longer_outside(struct run *run, int64_t number)
{
    assert(run->slots[number].outside && run->outside > 0);
    run->slots[number].outside = false;
    run->outside--;
}

static enum search_turn last_turn(const struct run *run)
{
    return run->rc != RT_OK || run->stopped ? SEARCH_LEAVE : SEARCH_LAST;
}

/* Nothing can be taken: as workers do that wait for nobody. */
static void commit_rest(struct run *run)
{
    if (!run->proposing && run->running == 0)
        run->rc = search__commit_due(run, true, &run->err);
}

enum search_turn search_take(struct run *run, const struct search_hand *hand,
                             struct search_trial *trial)
{
    enum search_turn turn = SEARCH_WAIT;
    enum search__step step;
    int64_t number = -1;

    pthread_mutex_lock(&run->lock);
    do
        step = search__next_step(run, hand, &number);
    while (step == SEARCH__AGAIN);
    if (step == SEARCH__START) {
        begin(run, hand, number, trial);
        turn = SEARCH_TAKEN;
    } else if (step == SEARCH__LEAVE) {
        turn = last_turn(run);
        pthread_cond_broadcast(&run->changed);
    } else {
        commit_rest(run);
    }
    pthread_mutex_unlock(&run->lock);
    return turn;
}

enum search_turn search_look(struct run *run)
{
    enum search_turn turn = SEARCH_WAIT;

    pthread_mutex_lock(&run->lock);
    if (search__is_over(run)) {
        turn = last_turn(run);
        pthread_cond_broadcast(&run->changed);
    }
    pthread_mutex_unlock(&run->lock);
    return turn;
}

bool search_all_begun(struct run *run)
{
    bool all;

    pthread_mutex_lock(&run->lock);
    all = run->rc == RT_OK && !run->stopped && !run->late && !run->broken;
    pthread_mutex_unlock(&run->lock);
    return all;
}

bool search_claim(struct run *run, int64_t number, const struct search_hand *hand,
                  struct search_trial *trial)
{
    bool mine;

    pthread_mutex_lock(&run->lock);
    mine = run->rc == RT_OK && !run->stopped && !run->broken && number >= run->committed &&
           number < search__count(run) && number < run->committed + run->options->window &&
           run->slots[number].state == PROPOSED;
    if (mine && (run->rc = search__start(run, hand, number)) == RT_OK)
        begin(run, hand, number, trial);
    mine = mine && run->rc == RT_OK;
    pthread_mutex_unlock(&run->lock);
    return mine;
}

void search_give(struct run *run, int64_t number, struct store_result *result)
{
    pthread_mutex_lock(&run->lock);
    no_longer_outside(run, number);
    search__end(run, number, result);
    pthread_mutex_unlock(&run->lock);
}

static rt_status take_back(struct run *run, int64_t number, const char *kind, const char *why,
                           struct rt_err *err)
{
    struct slot *slot = &run->slots[number];

    slot->state = PROPOSED;
    slot->ended_ns = rt_now_ns();
    search__log_trial(run, kind, number, NULL, -1, why);
    TRY_WITH_ROOM(run, store_trial_return(run->store, number, kind, why, err));
    return RT_OK;
}

void search_return(struct run *run, int64_t number, const char *kind, const char *why)
{
    pthread_mutex_lock(&run->lock);
    no_longer_outside(run, number);
    assert(run->running > 0 && run->slots[number].state == RUNNING);
    run->running--;
    if (run->rc == RT_OK)
        run->rc = take_back(run, number, kind, why, &run->err);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static rt_status write_event(struct run *run, const char *kind, const char *text)
{
    search__log_text(run, kind, text);
    TRY_WITH_ROOM(run, store_event(run->store, kind, -1, text, &run->err));
    return RT_OK;
}

void search_event(struct run *run, const char *kind, const char *text)
{
    pthread_mutex_lock(&run->lock);
    if (run->rc == RT_OK)
        run->rc = write_event(run, kind, text);
    pthread_mutex_unlock(&run->lock);
}

void search_trouble(struct run *run, const char *text)
{
    pthread_mutex_lock(&run->lock);
    if (strcmp(run->worry, text) != 0) {
        (void)snprintf(run->worry, sizeof run->worry, "%s", text);
        search__tell(run);
    }
    pthread_mutex_unlock(&run->lock);
}

void search_write(struct run *run, rt_status (*write)(void *, struct store *, struct rt_err *),
                  void *context)
{
    pthread_mutex_lock(&run->lock);
    if (run->rc == RT_OK)
        WITH_ROOM(run, run->rc, write(context, run->store, &run->err));
    pthread_mutex_unlock(&run->lock);
}

void search_fail(struct run *run, rt_status rc, const char *text)
{
    pthread_mutex_lock(&run->lock);
    if (run->rc == RT_OK)
        run->rc = rt_fail(&run->err, rc, "%s", text);
    pthread_mutex_unlock(&run->lock);
}

void search_void(struct run *run, const char *why)
{
    pthread_mutex_lock(&run->lock);
    search__void(run, why);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}
