/* search/peers.c -- workers that a coordinator knows: who they are, and whether they are there. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "search/coordinator_internal.h"

/* Workers of a machine that leave in a row; then none of it is taken for so long. */
#define SOILED_MAX 5
#define SOILED_NS INT64_C(600000000000)

bool coordinator__send(struct search_coordinator *c, int peer, struct wire_message message)
{
    assert(peer >= 0 && peer < c->peers);
    message.seat = (uint32_t)peer;
    return link_send(&c->link, c->peer[peer].name, &message);
}

/* ---- machines where others write into what is learnt from ---- */

static struct soiled *soiled_of(const struct search_coordinator *c, int64_t host)
{
    for (size_t i = 0; i < c->soils; i++)
        if (c->soiled[i].host == host)
            return &c->soiled[i];
    return NULL;
}

/* One of its workers left, and says why. A launcher starts it again, and it would be given the same trial. */
static void soil(struct search_coordinator *c, int64_t host, const char *why)
{
    struct soiled *s = soiled_of(c, host);

    if (!s) {
        struct soiled *list = realloc(c->soiled, (c->soils + 1) * sizeof *list);
        if (!list)
            return;
        c->soiled = list;
        s = &list[c->soils++];
        *s = (struct soiled){.host = host};
    }
    s->times++;
    s->last_ns = coordinator__now(c);
    (void)snprintf(s->why, sizeof s->why, "%s", why);
}

void coordinator__clean(struct search_coordinator *c, int64_t host)
{
    struct soiled *s = soiled_of(c, host);

    if (s)
        s->times = 0;
}

/* May no worker come from there now? After that time one may try, and is the last when it leaves so, too. */
static bool is_soiled(const struct search_coordinator *c, int64_t host, char why[COORDINATOR_WHY])
{
    const struct soiled *s = soiled_of(c, host);

    if (!s || s->times < SOILED_MAX || coordinator__now(c) - s->last_ns >= SOILED_NS)
        return false;
    (void)snprintf(why, COORDINATOR_WHY,
                   "%d workers of this machine in a row gave their trials back: stop what writes "
                   "there, none is taken for 10 minutes; the last said: %.120s",
                   s->times, s->why);
    return true;
}

/* ---- coming ---- */

static void refuse(struct search_coordinator *c, const unsigned char name[WIRE_NAME],
                   const char *why)
{
    char text[COORDINATOR_WHY + 32];

    (void)link_send(
        &c->link, name,
        &(struct wire_message){.type = WIRE_REFUSED, .text = why, .text_bytes = strlen(why)});
    (void)snprintf(text, sizeof text, "a worker was refused: %s", why);
    search_event(c->run, "refused", text);
}

void coordinator__wrong_version(struct search_coordinator *c, const unsigned char name[WIRE_NAME],
                                int version)
{
    char why[COORDINATOR_WHY];

    (void)snprintf(why, sizeof why,
                   "it speaks version %d of the protocol and the search version %d: use one "
                   "retort on all machines",
                   version, WIRE_VERSION);
    refuse(c, name, why);
}

static int seat_of(const struct search_coordinator *c, const unsigned char name[WIRE_NAME])
{
    for (int p = 0; p < c->peers; p++)
        if (memcmp(c->peer[p].name, name, WIRE_NAME) == 0)
            return p;
    return -1;
}

/* A new seat at the end of the list; -1: there is none. */
static int add_seat(struct search_coordinator *c, const unsigned char name[WIRE_NAME])
{
    struct peer *list = c->peer;

    if (c->peers == PEERS_MAX)
        return -1;
    if ((c->peers & (c->peers - 1)) == 0) /* 0, 1, 2, 4, ... */
        list = realloc(list, (size_t)(c->peers ? 2 * c->peers : 1) * sizeof *list);
    if (!list)
        return -1;
    c->peer = list;
    struct peer *peer = &list[c->peers];
    *peer = (struct peer){0};
    memcpy(peer->name, name, WIRE_NAME);
    for (size_t i = 0; i < WIRE_NAME; i++)
        (void)snprintf(peer->remote.name + 2 * i, 3, "%02x", name[i]);
    return c->peers++;
}

static rt_status write_row(void *context, struct store *store, struct rt_err *err)
{
    struct store_remote *row = context;

    return store_remotes(store, &row, 1, err);
}

static void seat(struct search_coordinator *c, int at, const struct store_remote *remote)
{
    struct peer *peer = &c->peer[at];

    peer->remote.host = remote->host;
    peer->remote.program = remote->program;
    peer->remote.slots = remote->slots;
    peer->remote.mixed = remote->mixed;
    peer->remote.there = true;
    peer->seen_ns = coordinator__now(c);
    peer->idle = 0;
    peer->changed = true;
    c->there += !peer->there;
    peer->there = true;
    if (!peer->remote.id)
        search_write(c->run, write_row, &peer->remote);
}

void coordinator__hello(struct search_coordinator *c, const unsigned char name[WIRE_NAME],
                        const struct wire_message *message)
{
    struct store_remote remote = {0};
    char why[COORDINATOR_WHY] = "no memory", *hello = wire_text(message);
    const bool welcome = hello && c->o->admit(c->o->context, c->run, hello, &remote, why) &&
                         !is_soiled(c, remote.host, why);
    int at = seat_of(c, name);

    free(hello);
    if (at >= 0) { /* whatever it was given and does not say now never reached it */
        c->idle -= c->peer[at].idle;
        c->peer[at].idle = 0;
    }
    assert(c->idle >= 0);
    if (welcome && at < 0 && (at = add_seat(c, name)) < 0)
        (void)snprintf(why, sizeof why, "there are too many workers");
    if (!welcome || at < 0) {
        rt_text_plain(why);
        refuse(c, name, why);
        if (at >= 0)
            coordinator__lose_peer(c, at, why);
        return;
    }
    seat(c, at, &remote);
    for (size_t i = 0; i < c->outs; i++)
        if (c->out[i]->peer == at) {
            c->out[i]->doubted = true;
            c->out[i]->until_ns = coordinator__now(c) + PEER_SILENT_NS;
        }
    (void)coordinator__send(c, at,
                            (struct wire_message){.type = WIRE_WELCOME,
                                                  .text = c->o->welcome,
                                                  .text_bytes = strlen(c->o->welcome)});
}

/* ---- going ---- */

static void leave(struct search_coordinator *c, int peer, bool lost, const char *why)
{
    struct peer *p = &c->peer[peer];

    if (!p->there)
        return;
    p->there = false;
    p->remote.there = false;
    p->changed = true;
    c->there--;
    c->idle -= p->idle;
    p->idle = 0;
    assert(c->idle >= 0);
    coordinator__take_from(c, peer, lost, why);
}

void coordinator__lose_peer(struct search_coordinator *c, int peer, const char *why)
{
    leave(c, peer, true, why);
}

/* Who says why has no fault in that, nor have its trials; and what it found may be so here. */
void coordinator__bye(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    char why[COORDINATOR_WHY];

    (void)snprintf(why, sizeof why, "its worker left%s%.*s", message->text ? ": " : "",
                   (int)(message->text_bytes < sizeof why ? message->text_bytes : sizeof why),
                   message->text ? message->text : "");
    rt_text_plain(why);
    if (message->text && c->peer[peer].there)
        soil(c, c->peer[peer].remote.host, strchr(why, ':') + 2);
    leave(c, peer, false, why);
    if (message->text)
        coordinator__look(c);
}

void coordinator__look_round(struct search_coordinator *c)
{
    const int64_t now = coordinator__now(c);

    c->swept = false;
    for (int p = 0; p < c->peers; p++) {
        if (!c->peer[p].there)
            continue;
        if (!coordinator__send(c, p, (struct wire_message){.type = WIRE_PING}))
            coordinator__lose_peer(c, p, "its worker is gone");
        else if (c->drained && now - c->peer[p].seen_ns > PEER_SILENT_NS)
            coordinator__lose_peer(c, p, "its worker was silent for 5 s");
    }
}

/* ---- what others are told ---- */

struct rows {
    struct store_remote **row;
    int count, workers; /* 0: as many as before */
};

static int64_t slots_there(const struct search_coordinator *c)
{
    int64_t slots = c->o->options->workers;

    for (int p = 0; p < c->peers; p++)
        slots += c->peer[p].there ? c->peer[p].remote.slots : 0;
    return slots;
}

static rt_status write_rows(void *context, struct store *store, struct rt_err *err)
{
    const struct rows *rows = context;

    if (rows->workers)
        RT_TRY(store_run_workers(store, rows->workers, err));
    return store_remotes(store, rows->row, rows->count, err);
}

void coordinator__record_peers(struct search_coordinator *c)
{
    const int64_t slots = slots_there(c), window = c->o->options->window;
    struct rows rows = {.row = calloc((size_t)c->peers + 1, sizeof(void *))};

    if (slots != c->slots) /* when the last has left the number stays, by which it was */
        rows.workers = (int)(slots < window ? slots : window);
    c->slots = slots;
    for (int p = 0; rows.row && p < c->peers; p++)
        if (c->peer[p].changed) {
            c->peer[p].changed = false;
            rows.row[rows.count++] = &c->peer[p].remote;
        }
    if (rows.count)
        search_write(c->run, write_rows, &rows);
    free(rows.row);
}

void coordinator__tell(struct search_coordinator *c)
{
    const struct search_options *o = c->o->options;
    const int64_t slots = slots_there(c);
    char text[160] = "";

    if (atomic_load(&c->dirty))
        (void)snprintf(text, sizeof text,
                       "what is learnt from was written into: the search ends when the trials that "
                       "are out have come back");
    else if (slots == 0)
        (void)snprintf(text, sizeof text,
                       "no worker is there; retort worker --connect %.80s starts one", c->bound);
    else if (c->files && c->there + FILES_OWN > c->files)
        (void)snprintf(text, sizeof text,
                       "%d workers are there, and no more than %" PRId64
                       " files may be open here: raise ulimit -Hn",
                       c->there, c->files);
    else if (slots > o->window)
        (void)snprintf(text, sizeof text,
                       "%" PRId64 " slots are there, and search.window lets %d trials run at once",
                       slots, o->window);
    search_trouble(c->run, text);
}
