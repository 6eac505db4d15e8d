/* search/outlet.c -- see outlet.h.
 *
 * A terminal that was stopped (Ctrl-S) or a pipe that nobody reads blocks write() for ever, and no
 * flag on the file may change that, since other programs share it. Hence a thread that may hang
 * there. At the end it is left behind rather than cancelled, as no library promises to survive that.
 */
#include "search/outlet.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

struct waiting {
    void *item;
    int64_t missed; /* before it */
};

struct search__outlet {
    search__outlet_fn *write;
    void (*end)(void *context);
    void *context; /* owned */
    pthread_t thread;

    pthread_mutex_t lock; /* guards all below; nobody writes while holding it */
    pthread_cond_t changed;
    size_t room, first, count; /* ring of those that wait */
    bool closing, finished;
    bool left; /* behind by close(): the thread frees it all */
    struct waiting waiting[];
};

static void destroy(struct search__outlet *o)
{
    for (; o->count; o->count--, o->first = (o->first + 1) % o->room)
        free(o->waiting[o->first].item);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    if (o->end)
        o->end(o->context);
    free(o->context);
    free(o);
}

/* The lock is held, but not while the item is written. */
static void write_first(struct search__outlet *o)
{
    const struct waiting next = o->waiting[o->first];

    o->first = (o->first + 1) % o->room;
    o->count--;
    pthread_mutex_unlock(&o->lock);
    o->write(o->context, next.item, next.missed);
    free(next.item);
    pthread_mutex_lock(&o->lock);
}

static void *work(void *outlet)
{
    struct search__outlet *o = outlet;

    pthread_mutex_lock(&o->lock);
    while (!o->left && (o->count || !o->closing)) {
        if (o->count)
            write_first(o);
        else
            pthread_cond_wait(&o->changed, &o->lock);
    }
    o->finished = true;
    const bool left = o->left;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    if (left)
        destroy(o);
    return NULL;
}

static void init(struct search__outlet *o)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&o->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

rt_status search__outlet_open(size_t room, search__outlet_fn *write, void (*end)(void *context),
                              const void *context, size_t bytes, struct search__outlet **outlet,
                              struct rt_err *err)
{
    struct search__outlet *o = calloc(1, sizeof *o + room * sizeof *o->waiting);
    void *copy = malloc(bytes);

    assert(room > 0 && bytes > 0);
    if (!o || !copy) {
        free(o);
        free(copy);
        return rt_fail(err, RT_ENOMEM, "no memory to tell of a search");
    }
    o->room = room;
    o->write = write;
    o->context = memcpy(copy, context, bytes);
    init(o);
    o->end = end;
    if (pthread_create(&o->thread, NULL, work, o)) {
        o->end = NULL; /* the context stays the caller's */
        destroy(o);
        return rt_fail(err, RT_ENOMEM, "cannot start a thread to tell of a search");
    }
    *outlet = o;
    return RT_OK;
}

void search__outlet_put(struct search__outlet *o, void *item)
{
    if (!item)
        return;
    pthread_mutex_lock(&o->lock);
    assert(!o->closing);
    if (o->count < o->room) {
        o->waiting[(o->first + o->count++) % o->room] = (struct waiting){.item = item};
    } else {
        struct waiting *newest = &o->waiting[(o->first + o->count - 1) % o->room];
        free(newest->item);
        *newest = (struct waiting){.item = item, .missed = newest->missed + 1};
    }
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

/* On the clock of the condition. */
static struct timespec in_seconds(double seconds)
{
    const int64_t ns = rt_now_ns() + (int64_t)(seconds * 1e9);

    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

bool search__outlet_close(struct search__outlet *o, double seconds)
{
    const struct timespec until = in_seconds(seconds);
    const pthread_t thread = o->thread;
    int late = 0;

    pthread_mutex_lock(&o->lock);
    o->closing = true;
    pthread_cond_broadcast(&o->changed);
    while (!o->finished && !late)
        late = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    const bool finished = o->finished;
    o->left = !finished;
    pthread_mutex_unlock(&o->lock);
    if (finished) {
        pthread_join(thread, NULL);
        destroy(o);
    } else {
        pthread_detach(thread);
    }
    return finished;
}
