/* search/remote_worker.c -- see remote_worker.h: one loop, which owns the socket. */
#include "search/remote_worker.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "search/remote_internal.h"
#include "search/transfer.h"

#define BEAT_NS INT64_C(1000000000)
#define SILENT_NS INT64_C(6000000000)   /* the search said nothing for so long: connect anew */
#define WELCOME_NS INT64_C(15000000000) /* or it did not answer the hello */
#define PAUSE_NS INT64_C(200000000)     /* before connecting anew, doubled each time up to */
#define PAUSE_MAX_NS INT64_C(3000000000)
#define LAST_NS INT64_C(3000000000) /* for what is unsent when the worker leaves */
#define REFUSALS 3                  /* handshakes that failed one after the other: another key */
#define BEAT_MOST                                                                                  \
    ((size_t)6 * REMOTE_MAX_SLOTS) /* trials that a beat names: at work, or not taken yet */
#define SAID 400                   /* bytes of what a search says to people */

enum state { AWAY, HAILING, PREPARING, WORKING };

struct held { /* a result that the search has not taken yet */
    int64_t number;
    uint64_t key;
    uint32_t attempt;
    bool told;
    struct remote_answer answer; /* owned */
    struct held *next;
};

struct remote {
    const struct remote_options *o;
    void *context;
    struct link link;
    unsigned char name[WIRE_NAME];
    enum state state;
    uint32_t seat;
    bool begun; /* the slots may work */
    int64_t heard_ns, beat_ns, next_ns, pause_ns, alone_ns;
    int refusals;
    struct remote_slots slots;
    struct held *held;
    int held_count;
    bool fetching;  /* a piece is asked for */
    int fetch_slot; /* for whom; -1: the study */
    struct remote_file wanted;
    struct transfer transfer;
    bool over, done; /* the search; and all its trials */
    rt_status rc;
    struct rt_err err;
};

static rt_status fail(struct remote *r, rt_status rc, const char *text)
{
    if (r->rc == RT_OK)
        r->rc = rt_fail(&r->err, rc, "%s", text);
    return r->rc;
}

static bool say(struct remote *r, struct wire_message message)
{
    message.seat = r->seat;
    return link_send(&r->link, NULL, &message);
}

/* ---- the connection ---- */

static void name_process(unsigned char name[WIRE_NAME])
{
    FILE *file = fopen("/dev/urandom", "rb");

    memset(name, 0, WIRE_NAME);
    if (!file || fread(name, 1, WIRE_NAME, file) != WIRE_NAME) {
        const int64_t now = rt_now_ns(); /* as good as may be */
        memcpy(name, &now, sizeof now);
    }
    if (file)
        (void)fclose(file);
    name[0] |= 1;
}

static void hail(struct remote *r)
{
    r->state = HAILING;
    r->heard_ns = rt_now_ns();
    r->fetching = false;
    (void)say(r, (struct wire_message){
                     .type = WIRE_HELLO, .text = r->o->hello, .text_bytes = strlen(r->o->hello)});
}

static void leave_link(struct remote *r, bool at_once)
{
    link_close(&r->link, 0);
    if (r->state != AWAY && !at_once)
        r->o->say(r->o->context, "the search is gone; waiting for it to come back");
    if (r->state >= PREPARING)
        r->alone_ns = rt_now_ns();
    r->state = AWAY;
    r->next_ns = rt_now_ns() + r->pause_ns;
    r->pause_ns = 2 * r->pause_ns < PAUSE_MAX_NS ? 2 * r->pause_ns : PAUSE_MAX_NS;
}

static void connect_again(struct remote *r)
{
    struct rt_err err;

    if (rt_now_ns() < r->next_ns)
        return;
    if (link_connect(&r->link, r->context, r->o->address, r->o->key, r->name, &err) != RT_OK) {
        fail(r, RT_EIO, err.text);
        return;
    }
    hail(r);
}

static void check_refusals(struct remote *r, const struct link_events *events)
{
    char text[SAID];

    r->refusals = events->connected ? 0 : r->refusals + events->refused;
    if (r->refusals < REFUSALS)
        return;
    if (r->o->key->given)
        (void)snprintf(text, sizeof text,
                       "the search at '%.100s' has another key than '%.150s', or none",
                       r->o->address, r->o->key->file);
    else
        (void)snprintf(text, sizeof text, "the search at '%.100s' wants a key: give --key FILE",
                       r->o->address);
    fail(r, RT_EARG, text);
}

static void watch_link(struct remote *r)
{
    const int64_t now = rt_now_ns();
    struct link_events events;
    char text[SAID];

    if (r->state == AWAY) {
        connect_again(r);
    } else {
        link_watch(&r->link, &events);
        check_refusals(r, &events);
        if (events.closed ||
            now - r->heard_ns >
                (r->state == HAILING && events.connected == 0 ? WELCOME_NS : SILENT_NS))
            leave_link(r, r->state == HAILING);
    }
    if (r->state >= PREPARING || r->o->wait <= 0 || (double)(now - r->alone_ns) * 1e-9 < r->o->wait)
        return;
    (void)snprintf(text, sizeof text, "no search answered at '%.100s' for %g s", r->o->address,
                   r->o->wait);
    fail(r, RT_EIO, text);
}

/* ---- files ---- */

static void ask_for_piece(struct remote *r)
{
    r->fetching = say(r, (struct wire_message){.type = WIRE_GET,
                                               .key = (uint64_t)r->transfer.offset,
                                               .text = r->wanted.name,
                                               .text_bytes = strlen(r->wanted.name)});
}

static void fetch(struct remote *r, const struct remote_file *file, int slot)
{
    struct rt_err err;

    r->wanted = *file;
    r->fetch_slot = slot;
    if (transfer_begin(&r->transfer, file->path, file->hash, slot < 0, &err) != RT_OK)
        fail(r, RT_EIO, err.text);
    else
        ask_for_piece(r);
}

static void give_back(struct remote *r, const struct remote_slot *slot, const char *why)
{
    (void)say(r, (struct wire_message){.type = WIRE_BACK,
                                       .number = slot->number,
                                       .key = slot->key,
                                       .text = why,
                                       .text_bytes = strlen(why)});
}

/* The next file that is missing, one at a time. */
static void fetch_next(struct remote *r)
{
    struct remote_file file;

    if (r->fetching || r->state < PREPARING)
        return;
    if (!r->begun) {
        if (r->o->missing(r->o->context, &file)) {
            fetch(r, &file, -1);
            return;
        }
        if (r->o->begin(r->o->context, &r->begun, &r->err) != RT_OK)
            r->rc = r->err.code;
        if (r->rc != RT_OK || !r->begun)
            return;
    }
    r->state = WORKING;
    for (int i = 0; i < r->slots.count && !r->fetching; i++) {
        struct remote_slot *slot = &r->slots.slot[i];
        if (remote__state(&r->slots, slot) != SLOT_FETCHING)
            continue;
        if (transfer_has(slot->parent.path, slot->parent.hash)) /* another slot's, too */
            remote__start(&r->slots, slot);
        else
            fetch(r, &slot->parent, i);
    }
}

static void no_such_file(struct remote *r, const char *why)
{
    char text[SAID];

    if (r->fetch_slot >= 0) {
        give_back(r, &r->slots.slot[r->fetch_slot], why);
        remote__make_idle(&r->slots, &r->slots.slot[r->fetch_slot]);
        return;
    }
    (void)snprintf(text, sizeof text, "cannot fetch '%.200s' from the search: %.120s",
                   r->wanted.path, why);
    fail(r, RT_EIO, text);
}

static void take_piece(struct remote *r, const struct wire_message *m)
{
    const size_t length = strlen(r->wanted.name);
    struct rt_err err;
    bool whole;

    if (!r->fetching || m->text_bytes != length || memcmp(m->text, r->wanted.name, length) != 0)
        return;
    r->fetching = false;
    if (m->number < 0)
        no_such_file(r, "it has none");
    else if (transfer_add(&r->transfer, m->key, m->number, m->data, m->data_bytes, &whole, &err) !=
             RT_OK)
        no_such_file(r, err.text);
    else if (!whole)
        ask_for_piece(r);
    fetch_next(r);
}

/* Weights that the search wants of a result that waits. */
static void serve_piece(struct remote *r, const struct wire_message *m)
{
    unsigned char *piece = malloc(WIRE_DATA);
    char *name = wire_text(m), path[RT_PATH_MAX];
    long long trial = -1;
    struct wire_message answer = {.type = WIRE_PIECE,
                                  .number = -1,
                                  .key = m->key,
                                  .text = name,
                                  .text_bytes = m->text_bytes,
                                  .data = piece};

    if (piece && name && sscanf(name, "weights/%18lld", &trial) == 1 && r->begun &&
        r->o->weights(r->o->context, trial, path) &&
        transfer_read(path, m->key, piece, WIRE_DATA, &answer.data_bytes, &answer.number, NULL) !=
            RT_OK)
        answer.data_bytes = 0;
    if (piece && name)
        (void)say(r, answer);
    free(name);
    free(piece);
}

/* ---- trials ---- */

static struct remote_slot *idle_slot(struct remote *r)
{
    for (int i = 0; i < r->slots.count; i++)
        if (remote__state(&r->slots, &r->slots.slot[i]) == SLOT_IDLE)
            return &r->slots.slot[i];
    return NULL;
}

/* The weights that the job starts from, if it says which. */
static bool needs_weights(struct remote *r, struct remote_slot *slot, const struct wire_message *m)
{
    const int64_t parent = m->data_bytes == WIRE_WEIGHTS ? wire_number(m->data, 0) : -1;

    if (parent < 0 || !r->o->weights(r->o->context, parent, slot->parent.path))
        return false;
    memcpy(slot->parent.hash, m->data + 8, RT_HASH_TEXT - 1);
    slot->parent.hash[RT_HASH_TEXT - 1] = '\0';
    (void)snprintf(slot->parent.name, sizeof slot->parent.name, "weights/%" PRId64, parent);
    return !transfer_has(slot->parent.path, slot->parent.hash);
}

static void take_job(struct remote *r, const struct wire_message *m)
{
    struct remote_slot *slot = r->state == WORKING ? idle_slot(r) : NULL;
    char *job = slot ? wire_text(m) : NULL;

    if (!job) {
        give_back(r, &(struct remote_slot){.number = m->number, .key = m->key}, "no slot is idle");
        return;
    }
    slot->number = m->number;
    slot->key = m->key;
    slot->attempt = m->attempt;
    slot->job = job;
    if (needs_weights(r, slot, m)) {
        (void)pthread_mutex_lock(&r->slots.lock);
        slot->state = SLOT_FETCHING;
        (void)pthread_mutex_unlock(&r->slots.lock);
        fetch_next(r);
        return;
    }
    remote__start(&r->slots, slot);
}

static void tell_result(struct remote *r, struct held *h)
{
    h->told = say(r, (struct wire_message){.type = WIRE_RESULT,
                                           .number = h->number,
                                           .key = h->key,
                                           .attempt = h->attempt,
                                           .text = h->answer.line,
                                           .text_bytes = strlen(h->answer.line),
                                           .data = (const unsigned char *)h->answer.hash,
                                           .data_bytes = strlen(h->answer.hash)});
}

static void keep_result(struct remote *r, struct remote_slot *slot)
{
    const struct rt_err *unfit = &slot->answer.unfit;
    struct held *h = slot->answer.line ? calloc(1, sizeof *h) : NULL;

    if (unfit->code != RT_OK) {
        assert(!slot->answer.line);
        (void)fail(r, unfit->code, unfit->text);
        return;
    }
    if (!h || strlen(slot->answer.line) > WIRE_TEXT) {
        give_back(r, slot, slot->answer.line ? "no memory for its result" : WIRE_BACK_STOP);
        free(slot->answer.line);
        free(h);
        return;
    }
    *h = (struct held){slot->number, slot->key, slot->attempt, false, slot->answer, r->held};
    r->held = h;
    r->held_count++;
    if (r->state == WORKING)
        tell_result(r, h);
}

/* What slots are done with, and what has become idle. */
static void look_at_slots(struct remote *r)
{
    int idle = 0;

    for (int i = 0; i < r->slots.count; i++) {
        struct remote_slot *slot = &r->slots.slot[i];
        if (remote__state(&r->slots, slot) == SLOT_DONE) {
            keep_result(r, slot);
            remote__make_idle(&r->slots, slot);
        }
        if (r->state == WORKING && !slot->announced && r->held_count <= 4 * r->slots.count &&
            !atomic_load(r->o->stop) && remote__state(&r->slots, slot) == SLOT_IDLE)
            idle += slot->announced = true;
    }
    if (idle)
        (void)say(r, (struct wire_message){.type = WIRE_IDLE, .number = idle});
}

static void drop_held(struct remote *r, int64_t number, uint64_t key)
{
    for (struct held **at = &r->held; *at; at = &(*at)->next) {
        struct held *h = *at;
        if (h->number != number || h->key != key)
            continue;
        *at = h->next;
        r->held_count--;
        free(h->answer.line);
        free(h);
        return;
    }
}

/* All that is in work or waits: to a search that may know nothing of it. */
static void tell_all(struct remote *r)
{
    for (int i = 0; i < r->slots.count; i++) {
        struct remote_slot *slot = &r->slots.slot[i];
        const enum slot_state state = remote__state(&r->slots, slot);
        slot->announced = false;
        if (state != SLOT_IDLE)
            (void)say(r, (struct wire_message){.type = WIRE_HELD,
                                               .number = slot->number,
                                               .key = slot->key,
                                               .attempt = slot->attempt});
    }
    for (struct held *h = r->held; h; h = h->next)
        tell_result(r, h);
}

static void beat(struct remote *r)
{
    const int64_t now = rt_now_ns();
    unsigned char numbers[8 * BEAT_MOST];
    size_t count = 0;

    if (r->state < PREPARING || now - r->beat_ns < BEAT_NS)
        return;
    r->beat_ns = now;
    for (int i = 0; i < r->slots.count; i++)
        if (remote__state(&r->slots, &r->slots.slot[i]) != SLOT_IDLE)
            wire_put_number(numbers, count++, r->slots.slot[i].number);
    for (struct held *h = r->held; h && count < BEAT_MOST; h = h->next) {
        if (!h->told) /* there was no room for it */
            tell_result(r, h);
        wire_put_number(numbers, count++, h->number);
    }
    (void)say(r,
              (struct wire_message){.type = WIRE_BEAT, .data = numbers, .data_bytes = 8 * count});
}

/* ---- what the search says ---- */

static void be_welcome(struct remote *r, const struct wire_message *m)
{
    char *study = wire_text(m);

    r->seat = m->seat;
    r->state = PREPARING;
    r->pause_ns = PAUSE_NS;
    if (!study)
        fail(r, RT_ENOMEM, "no memory for a study");
    else if (r->o->welcome(r->o->context, study, &r->err) != RT_OK)
        r->rc = r->err.code;
    free(study);
    if (r->rc == RT_OK)
        tell_all(r);
    if (r->rc == RT_OK)
        fetch_next(r);
}

static void be_refused(struct remote *r, const struct wire_message *m)
{
    char text[SAID];

    (void)snprintf(text, sizeof text, "refused by the search at '%.100s': %.*s", r->o->address,
                   (int)(m->text_bytes < 260 ? m->text_bytes : 260), m->text ? m->text : "");
    rt_text_plain(text);
    fail(r, RT_EMISMATCH, text);
}

static void hear(struct remote *r, const struct wire_message *m)
{
    r->heard_ns = rt_now_ns();
    switch (m->type) {
    case WIRE_WELCOME: be_welcome(r, m); break;
    case WIRE_REFUSED: be_refused(r, m); break;
    case WIRE_AGAIN:
        if (r->state >= PREPARING)
            hail(r);
        break;
    case WIRE_JOB: take_job(r, m); break;
    case WIRE_TAKEN: drop_held(r, m->number, m->key); break;
    case WIRE_GET: serve_piece(r, m); break;
    case WIRE_PIECE: take_piece(r, m); break;
    case WIRE_OVER:
        r->over = true;
        r->done = m->text_bytes > 0;
        break;
    default: break; /* a ping, or what only workers say */
    }
}

static void receive_all(struct remote *r)
{
    struct wire_message message;
    zmq_msg_t frame;
    enum link_got got;
    int version;

    while (r->rc == RT_OK && !r->over && r->state != AWAY &&
           (got = link_receive(&r->link, NULL, &frame, &message, &version)) != LINK_NOTHING) {
        if (got == LINK_MESSAGE) {
            hear(r, &message);
            (void)zmq_msg_close(&frame);
        } else if (version) {
            fail(r, RT_EMISMATCH,
                 "the search speaks another version of the protocol: use one retort on all "
                 "machines");
        }
    }
}

/* ---- the loop ---- */

static void wait_a_little(struct remote *r, long ms)
{
    zmq_pollitem_t items[] = {{.fd = r->slots.wake[0], .events = ZMQ_POLLIN},
                              {.socket = r->link.socket, .events = ZMQ_POLLIN},
                              {.socket = r->link.monitor, .events = ZMQ_POLLIN}};

    (void)zmq_poll(items, r->state == AWAY ? 1 : 3, ms);
    remote__heard(&r->slots);
}

static void step(struct remote *r, long ms)
{
    wait_a_little(r, ms);
    receive_all(r);
    if (r->rc != RT_OK || r->over)
        return;
    watch_link(r);
    look_at_slots(r);
    beat(r);
    if (r->state >= PREPARING)
        fetch_next(r);
}

/* Asked to stop: what is at work is given back, and what is done should arrive. */
static void take_leave(struct remote *r)
{
    const int64_t until = rt_now_ns() + LAST_NS;
    bool busy = true;

    atomic_store(&r->slots.stop, 1);
    while (busy && r->rc == RT_OK && !r->over) {
        busy = false;
        step(r, 20);
        for (int i = 0; i < r->slots.count; i++) {
            struct remote_slot *slot = &r->slots.slot[i];
            const enum slot_state state = remote__state(&r->slots, slot);
            if (state == SLOT_FETCHING) {
                give_back(r, slot, WIRE_BACK_STOP);
                remote__make_idle(&r->slots, slot);
            }
            busy = busy || state == SLOT_WORKING || state == SLOT_DONE;
        }
        busy = busy || (r->held && r->state == WORKING && rt_now_ns() < until);
    }
}

/* What it has waits again. */
static void say_bye(struct remote *r)
{
    struct wire_message bye = {.type = WIRE_BYE};

    if (r->rc == RT_EDIRTY) {
        bye.text = r->err.text;
        bye.text_bytes = strlen(bye.text);
    }
    if (r->state != AWAY)
        (void)say(r, bye);
}

static void close_all(struct remote *r)
{
    remote__slots_close(&r->slots);
    link_close(&r->link, 500);
    (void)zmq_ctx_term(r->context);
    while (r->held)
        drop_held(r, r->held->number, r->held->key);
}

rt_status search_remote_work(const struct remote_options *options, bool *done, struct rt_err *err)
{
    struct remote r = {
        .o = options, .pause_ns = PAUSE_NS, .alone_ns = rt_now_ns(), .fetch_slot = -1};

    *done = false;
    name_process(r.name);
    if (!(r.context = zmq_ctx_new()))
        return rt_fail(err, RT_ENOMEM, "no memory to connect");
    r.rc = remote__slots_open(&r.slots, options, &r.err);
    while (r.rc == RT_OK && !r.over && !atomic_load(options->stop))
        step(&r, 100);
    if (r.rc == RT_OK && !r.over) {
        take_leave(&r);
        r.rc = r.rc == RT_OK ? rt_fail(&r.err, RT_ESTOP, "stopped") : r.rc;
    }
    if (r.rc == RT_ESTOP || r.rc == RT_EDIRTY)
        say_bye(&r);
    close_all(&r);
    *done = r.rc == RT_OK && r.done;
    return r.rc == RT_OK ? RT_OK : rt_fail(err, r.rc, "%s", r.err.text);
}
