/* search/coordinator.c -- see coordinator.h: one thread, one loop, which waits for nobody. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "search/coordinator_internal.h"

#define TICK_NS INT64_C(100000000)    /* between two looks at leases and silence */
#define RECORD_NS INT64_C(1000000000) /* between two of pings, and of rows of workers */
#define LAST_MS 1000                  /* for the last words to arrive */
#define BATCH 256                     /* messages between two looks at everything else */

/* A connection takes a descriptor: as many as may be needed, where they may be had. How many those are, 0: nobody knows. */
static int64_t raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 0;
    const rlim_t wanted = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
    const struct rlimit more = {wanted, limit.rlim_max};
    if (limit.rlim_cur < wanted && setrlimit(RLIMIT_NOFILE, &more) == 0)
        limit = more;
    return limit.rlim_cur < INT32_MAX ? (int64_t)limit.rlim_cur : INT32_MAX;
}

rt_status search_coordinator_open(const struct search_coordinator_options *options,
                                  struct search_coordinator **coordinator, struct rt_err *err)
{
    struct search_coordinator *c = calloc(1, sizeof *c);
    rt_status rc;

    assert(options->admit && options->file && options->weights);
    if (!c)
        return rt_fail(err, RT_ENOMEM, "no memory to listen");
    c->o = options;
    c->files = raise_files(); /* before ZeroMQ looks */
    c->context = zmq_ctx_new();
    rc = c->context ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to listen");
    if (rc == RT_OK)
        (void)zmq_ctx_set(c->context, ZMQ_MAX_SOCKETS, 64);
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->more, NULL);
    (void)pthread_cond_init(&c->look, NULL);
    if (rc == RT_OK && options->key->given)
        rc = link_guard_open(&c->guard, c->context, err);
    if (rc == RT_OK)
        rc = link_listen(&c->link, c->context, options->address, options->key, c->bound, err);
    if (rc != RT_OK)
        search_coordinator_close(c);
    else
        *coordinator = c;
    return rc;
}

int64_t coordinator__now(const struct search_coordinator *c)
{
    return c->o->now ? c->o->now(c->o->context) : rt_now_ns();
}

const char *search_coordinator_address(const struct search_coordinator *coordinator)
{
    return coordinator->bound;
}

void search_coordinator_close(struct search_coordinator *coordinator)
{
    struct search_coordinator *c = coordinator;

    if (!c)
        return;
    link_close(&c->link, LAST_MS);
    if (c->guard)
        (void)zmq_close(c->guard);
    if (c->context)
        (void)zmq_ctx_term(c->context);
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_cond_destroy(&c->more);
    (void)pthread_cond_destroy(&c->look);
    free(c->peer);
    free(c->out);
    free(c->loss);
    free(c->soiled);
    free(c);
}

/* ---- messages ---- */

/* A piece of a file that a worker asks for. */
static void serve_file(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    unsigned char *piece = malloc(WIRE_DATA);
    char *name = wire_text(message), path[RT_PATH_MAX];
    struct wire_message answer = {.type = WIRE_PIECE,
                                  .key = message->key,
                                  .number = -1,
                                  .text = name,
                                  .text_bytes = message->text_bytes,
                                  .data = piece};

    if (piece && name && c->o->file(c->o->context, name, path) &&
        transfer_read(path, message->key, piece, WIRE_DATA, &answer.data_bytes, &answer.number,
                      NULL) != RT_OK)
        answer.data_bytes = 0;
    if (piece && name)
        (void)coordinator__send(c, peer, answer);
    free(name);
    free(piece);
}

static void hear(struct search_coordinator *c, int seat, const struct wire_message *message)
{
    struct peer *peer = &c->peer[seat];

    peer->seen_ns = coordinator__now(c);
    if (!peer->there) { /* it was lost, and what it had is given away */
        (void)coordinator__send(c, seat, (struct wire_message){.type = WIRE_AGAIN});
        return;
    }
    switch (message->type) {
    case WIRE_IDLE:
        coordinator__take_doubted(c, seat);
        if (message->number > 0 && message->number <= peer->remote.slots - peer->idle) {
            peer->idle += (int)message->number;
            c->idle += message->number;
        }
        break;
    case WIRE_HELD: coordinator__held(c, seat, message); break;
    case WIRE_BEAT: coordinator__beat(c, seat, message); break;
    case WIRE_RESULT: coordinator__result(c, seat, message); break;
    case WIRE_BACK: coordinator__back(c, seat, message); break;
    case WIRE_GET: serve_file(c, seat, message); break;
    case WIRE_PIECE: coordinator__piece(c, seat, message); break;
    case WIRE_BYE: coordinator__bye(c, seat, message); break;
    default: c->strangers++; /* what only a search says */
    }
}

static bool receive_one(struct search_coordinator *c)
{
    unsigned char name[WIRE_NAME];
    struct wire_message message;
    zmq_msg_t frame;
    int version;

    switch (link_receive(&c->link, name, &frame, &message, &version)) {
    case LINK_NOTHING: return false;
    case LINK_GARBAGE:
        c->strangers++;
        if (version)
            coordinator__wrong_version(c, name, version);
        return true;
    case LINK_MESSAGE: break;
    }
    if (message.type == WIRE_HELLO)
        coordinator__hello(c, name, &message);
    else if (message.seat < (uint32_t)c->peers &&
             memcmp(c->peer[message.seat].name, name, WIRE_NAME) == 0)
        hear(c, (int)message.seat, &message);
    else { /* of an earlier run of the search, or a stranger's */
        c->strangers++;
        (void)link_send(&c->link, name, &(struct wire_message){.type = WIRE_AGAIN});
    }
    (void)zmq_msg_close(&frame);
    return true;
}

static void wait_for_messages(struct search_coordinator *c, long ms)
{
    zmq_pollitem_t items[] = {{.socket = c->link.socket, .events = ZMQ_POLLIN},
                              {.socket = c->link.monitor, .events = ZMQ_POLLIN},
                              {.socket = c->guard, .events = ZMQ_POLLIN}};

    (void)zmq_poll(items, c->guard ? 3 : 2, ms);
    if (items[1].revents) {
        struct link_events events;
        link_watch(&c->link, &events);
        c->strangers += events.refused;
        c->swept = c->swept || events.closed;
    }
    if (c->guard)
        link_guard_serve(c->guard, c->o->key);
    c->drained = false;
    for (int i = 0; i < BATCH && !c->drained; i++)
        c->drained = !receive_one(c);
}

/* ---- the loop ---- */

static void say_end(struct search_coordinator *c)
{
    struct wire_message over = {.type = WIRE_OVER};
    char text[96];

    if (search_all_begun(c->run)) {
        over.text = WIRE_OVER_DONE;
        over.text_bytes = strlen(over.text);
    }
    for (int p = 0; p < c->peers; p++)
        if (c->peer[p].there)
            (void)coordinator__send(c, p, over);
    if (c->strangers == 0)
        return;
    (void)snprintf(text, sizeof text,
                   "%" PRId64 " messages or connections of strangers were dropped", c->strangers);
    search_event(c->run, "strangers", text);
}

struct times {
    int64_t tick, record;
};

static void *look_all(void *context)
{
    struct search_coordinator *c = context;
    struct rt_err err;

    (void)pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->look_over) && !atomic_load(&c->dirty)) {
        if (!c->look_wanted) {
            (void)pthread_cond_wait(&c->look, &c->lock);
            continue;
        }
        c->look_wanted = false;
        (void)pthread_mutex_unlock(&c->lock);
        if (c->o->look(c->o->context, &c->look_over, &err) == RT_EDIRTY) {
            atomic_store(&c->dirty, true);
            search_void(c->run, err.text);
        }
        (void)pthread_mutex_lock(&c->lock);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

void coordinator__look(struct search_coordinator *c)
{
    if (!c->o->look)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->look_wanted = true;
    (void)pthread_cond_signal(&c->look);
    (void)pthread_mutex_unlock(&c->lock);
}

static bool open_looker(struct search_coordinator *c)
{
    return !c->o->look || pthread_create(&c->looker, NULL, look_all, c) == 0;
}

static void close_looker(struct search_coordinator *c)
{
    if (!c->o->look)
        return;
    (void)pthread_mutex_lock(&c->lock);
    atomic_store(&c->look_over, 1);
    (void)pthread_cond_signal(&c->look);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->looker, NULL);
}

static void look_after(struct search_coordinator *c, struct times *last)
{
    const int64_t now = coordinator__now(c);

    if (now - last->tick < TICK_NS && !c->swept)
        return;
    last->tick = now;
    if (c->drained) /* else what a worker said may wait here, after a long proposal */
        coordinator__check_leases(c);
    if (now - last->record >= RECORD_NS || c->swept)
        coordinator__look_round(c);
    if (now - last->record >= RECORD_NS) {
        last->record = now;
        coordinator__look(c);
        coordinator__record_peers(c);
        coordinator__tell(c);
    }
}

static rt_status forget_peers(void *context, struct store *store, struct rt_err *err)
{
    (void)context;
    return store_remotes_gone(store, err);
}

static bool open_threads(struct search_coordinator *c)
{
    if (!open_looker(c))
        return false;
    if (coordinator__open_finisher(c))
        return true;
    close_looker(c);
    return false;
}

void search_coordinator_serve(void *coordinator, struct run *run)
{
    struct search_coordinator *c = coordinator;
    enum search_turn turn = SEARCH_WAIT;
    struct times last = {0};

    c->run = run;
    c->slots = c->o->options->workers;
    search_write(run, forget_peers, NULL);
    if (!open_threads(c)) {
        search_fail(run, RT_ENOMEM, "cannot start a thread for workers elsewhere");
        return;
    }
    for (;;) {
        /* a place in the window may come free by the search's own workers, who tell nobody */
        wait_for_messages(c, turn == SEARCH_WAIT && c->idle ? 5 : 50);
        look_after(c, &last);
        if (c->rc != RT_OK)
            search_fail(run, c->rc, "no memory for workers elsewhere");
        turn = coordinator__hand_out(c);
        if (turn == SEARCH_LEAVE)
            coordinator__give_up(c);
        if ((turn == SEARCH_LEAVE || turn == SEARCH_LAST) && c->outs == 0 &&
            atomic_load(&c->finishing) == 0)
            break;
    }
    close_looker(c);
    coordinator__close_finisher(c);
    if (turn == SEARCH_LAST)
        say_end(c);
    for (int p = 0; p < c->peers; p++) {
        c->peer[p].changed = c->peer[p].changed || c->peer[p].there;
        c->peer[p].remote.there = false;
    }
    coordinator__record_peers(c);
}
