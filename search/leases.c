/* search/leases.c -- trials that a coordinator has given to workers, until each has its result. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "search/coordinator_internal.h"
#include "search/protocol.h"

/* Beats come each second, and pieces of weights before them renew as they do. A result that waits for its
 * weights is renewed by pieces alone: without any they are asked for once more, and then it is lost. */
#define LEASE_NS INT64_C(8000000000)
#define LOSSES_MAX 3 /* then the trial fails */

/* ---- the list ---- */

static struct out *find(const struct search_coordinator *c, int64_t number)
{
    for (size_t i = 0; i < c->outs; i++)
        if (c->out[i]->trial.job.number == number)
            return c->out[i];
    return NULL;
}

static bool make_room(struct search_coordinator *c)
{
    if (c->outs < c->out_room)
        return true;
    const size_t room = c->out_room ? 2 * c->out_room : 16;
    struct out **list = realloc(c->out, room * sizeof(void *));
    if (!list)
        return false;
    c->out = list;
    c->out_room = room;
    return true;
}

static void forget(struct search_coordinator *c, const struct out *out)
{
    size_t i = 0;

    while (c->out[i] != out)
        i++;
    c->out[i] = c->out[--c->outs];
}

static void release(struct out *out)
{
    transfer_end(&out->weights);
    if (out->result) {
        store_result_release(out->result);
        free(out->result);
    }
    free(out);
}

/* ---- losses ---- */

static struct loss *loss_of(struct search_coordinator *c, int64_t number)
{
    for (size_t i = 0; i < c->losses; i++)
        if (c->loss[i].number == number)
            return &c->loss[i];
    return NULL;
}

static int times_lost(struct search_coordinator *c, int64_t number)
{
    struct loss *loss = loss_of(c, number);

    if (!loss && c->losses == c->loss_room) {
        const size_t room = c->loss_room ? 2 * c->loss_room : 16;
        struct loss *list = realloc(c->loss, room * sizeof *list);
        if (!list)
            return 1;
        c->loss = list;
        c->loss_room = room;
    }
    if (!loss) {
        loss = &c->loss[c->losses++];
        *loss = (struct loss){number, 0};
    }
    return ++loss->times;
}

static void no_loss(struct search_coordinator *c, int64_t number)
{
    struct loss *loss = loss_of(c, number);

    if (loss)
        *loss = c->loss[--c->losses];
}

/* ---- leases ---- */

static void renew(const struct search_coordinator *c, struct out *out)
{
    out->until_ns = coordinator__now(c) + LEASE_NS;
}

/* ---- giving ---- */

static struct search_hand hand_of(const struct search_coordinator *c, int peer)
{
    const struct store_remote *remote = &c->peer[peer].remote;

    return (struct search_hand){remote->host, (int)(STORE_REMOTE_WORKERS + remote->id),
                                remote->program};
}

/* A trial that the search gave us, as one of a peer's. False: no memory. */
static struct out *enter(struct search_coordinator *c, struct out *out, int peer, char **job)
{
    *job = search_protocol_request(c->o->space, c->o->options, &out->trial.job, 1, c->o->texts);
    if (!*job)
        return NULL;
    out->key = wire_key(*job);
    out->attempt = 1;
    out->peer = peer;
    renew(c, out);
    const struct loss *loss = loss_of(c, out->trial.job.number);
    out->attempt += loss ? (uint32_t)loss->times : 0;
    c->out[c->outs++] = out;
    return out;
}

static void return_one(struct search_coordinator *c, struct out *out, const char *kind,
                       const char *why)
{
    search_return(c->run, out->trial.job.number, kind, why);
    forget(c, out);
    release(out);
}

/* With the hash of the weights that the trial starts from. */
static bool send_job(struct search_coordinator *c, const struct out *out, const char *job)
{
    struct wire_message message = {.type = WIRE_JOB,
                                   .number = out->trial.job.number,
                                   .key = out->key,
                                   .attempt = out->attempt,
                                   .text = job,
                                   .text_bytes = strlen(job)};
    char path[RT_PATH_MAX], hash[RT_HASH_TEXT];
    unsigned char weights[WIRE_WEIGHTS];
    const int64_t parent = out->trial.job.inherits;

    if (parent >= 0 && c->o->weights(c->o->context, parent, path) &&
        transfer_hash(path, hash, NULL) == RT_OK) {
        wire_put_number(weights, 0, parent);
        memcpy(weights + 8, hash, sizeof hash - 1);
        message.data = weights;
        message.data_bytes = sizeof weights;
    }
    return message.text_bytes <= WIRE_TEXT && coordinator__send(c, out->peer, message);
}

/* The next peer by turns that has an idle slot. */
static int next_peer(struct search_coordinator *c)
{
    for (int i = 0; i < c->peers; i++) {
        c->cursor = (c->cursor + 1) % c->peers;
        if (c->peer[c->cursor].idle > 0)
            return c->cursor;
    }
    return -1;
}

static enum search_turn hand_to(struct search_coordinator *c, int peer)
{
    const struct search_hand hand = hand_of(c, peer);
    struct out *out = calloc(1, sizeof *out);
    char *job = NULL;
    enum search_turn turn;

    if (!out || !make_room(c)) {
        free(out);
        c->rc = RT_ENOMEM;
        return SEARCH_WAIT;
    }
    turn = search_take(c->run, &hand, &out->trial);
    if (turn != SEARCH_TAKEN) {
        free(out);
        return turn;
    }
    c->peer[peer].idle--;
    c->idle--;
    if (!enter(c, out, peer, &job)) {
        search_return(c->run, out->trial.job.number, "returned", "no memory for its job");
        free(out);
        c->rc = RT_ENOMEM;
        return SEARCH_WAIT;
    }
    if (!send_job(c, out, job)) {
        return_one(c, out, "returned", "its worker is gone");
        coordinator__lose_peer(c, peer, "its worker is gone");
    }
    free(job);
    return turn;
}

enum search_turn coordinator__hand_out(struct search_coordinator *c)
{
    enum search_turn turn;
    int peer;

    while (c->idle > 0 && (peer = next_peer(c)) >= 0)
        if ((turn = hand_to(c, peer)) != SEARCH_TAKEN)
            return turn;
    return search_look(c->run);
}

/* ---- coming back without a result ---- */

static void fail_lost(struct search_coordinator *c, struct out *out, const char *why)
{
    struct store_result result = {.status = RT_EIO};

    (void)snprintf(result.kind, sizeof result.kind, "lost");
    (void)snprintf(result.error, sizeof result.error, "lost with its worker %d times, the last: %s",
                   LOSSES_MAX, why);
    no_loss(c, out->trial.job.number);
    search_give(c->run, out->trial.job.number, &result);
    forget(c, out);
    release(out);
}

static void lose(struct search_coordinator *c, struct out *out, const char *why)
{
    c->peer[out->peer].remote.lost++;
    c->peer[out->peer].changed = true;
    if (times_lost(c, out->trial.job.number) >= LOSSES_MAX)
        fail_lost(c, out, why);
    else
        return_one(c, out, "lost", why);
}

void coordinator__take_from(struct search_coordinator *c, int peer, bool lost, const char *why)
{
    for (size_t i = c->outs; i-- > 0;) {
        if (c->out[i]->peer != peer)
            continue;
        if (lost) {
            lose(c, c->out[i], why);
            continue;
        }
        c->peer[peer].remote.returned++;
        return_one(c, c->out[i], "returned", why);
    }
}

static bool was_asked_to(const struct wire_message *message)
{
    static const char stop[] = WIRE_BACK_STOP;

    return message->text && message->text_bytes == sizeof stop - 1 &&
           memcmp(message->text, stop, sizeof stop - 1) == 0;
}

void coordinator__back(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    struct out *out = find(c, message->number);

    if (!out || out->peer != peer || out->key != message->key)
        return;
    char why[128];
    (void)snprintf(why, sizeof why, "its worker gave it back: %.*s",
                   (int)(message->text_bytes < sizeof why ? message->text_bytes : sizeof why),
                   message->text ? message->text : "");
    rt_text_plain(why);
    if (!was_asked_to(message)) { /* and would give it back again */
        lose(c, out, why);
        return;
    }
    c->peer[peer].remote.returned++;
    c->peer[peer].changed = true;
    return_one(c, out, "returned", why);
}

void coordinator__give_up(struct search_coordinator *c)
{
    while (c->outs > 0) {
        struct store_result result = {.status = RT_ESTOP};
        search_give(c->run, c->out[0]->trial.job.number, &result);
        struct out *out = c->out[0];
        forget(c, out);
        release(out);
    }
}

/* ---- what workers say of trials ---- */

/* The trial that a peer has, and that may be one of an earlier connection, or of an earlier run. NULL: the search has
 * no use for it. */
static struct out *recognise(struct search_coordinator *c, int peer,
                             const struct wire_message *message)
{
    const struct search_hand hand = hand_of(c, peer);
    struct out *out = find(c, message->number);
    char *job = NULL;

    if (out)
        return out->key == message->key ? out : NULL;
    out = calloc(1, sizeof *out);
    if (!out || !make_room(c) || !search_claim(c->run, message->number, &hand, &out->trial)) {
        free(out);
        return NULL;
    }
    if (!enter(c, out, peer, &job)) {
        search_return(c->run, message->number, "returned", "no memory for its job");
        free(out);
        return NULL;
    }
    free(job);
    out->attempt = message->attempt; /* of those that had it, who speaks first has it now */
    if (out->key == message->key)
        return out;
    return_one(c, out, "returned", "its worker has another trial of that number");
    return NULL;
}

void coordinator__held(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    struct out *out = recognise(c, peer, message);

    if (!out || out->peer != peer)
        return;
    out->doubted = false;
    renew(c, out);
}

void coordinator__take_doubted(struct search_coordinator *c, int peer)
{
    for (size_t i = c->outs; i-- > 0;)
        if (c->out[i]->peer == peer && c->out[i]->doubted)
            lose(c, c->out[i], "its worker was cut off before it had it");
}

void coordinator__beat(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    for (size_t i = 0; i < message->data_bytes / 8; i++) {
        struct out *out = find(c, wire_number(message->data, i));
        if (out && out->peer == peer && !out->result)
            renew(c, out);
    }
}

/* Beats wait behind it on a slow line. */
static void renew_all(const struct search_coordinator *c, int peer)
{
    for (size_t i = 0; i < c->outs; i++)
        if (c->out[i]->peer == peer && !c->out[i]->doubted)
            renew(c, c->out[i]);
}

static void say_taken(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    (void)coordinator__send(
        c, peer,
        (struct wire_message){.type = WIRE_TAKEN, .number = message->number, .key = message->key});
}

/* ---- results ---- */

/* From now on it is the finisher's, or the search's. */
static void hand_in(struct search_coordinator *c, struct out *out)
{
    struct store_result *result = out->result;

    coordinator__clean(c, c->peer[out->peer].remote.host);
    c->peer[out->peer].remote.trials++;
    c->peer[out->peer].changed = true;
    no_loss(c, out->trial.job.number);
    forget(c, out);
    if (!c->o->finish || result->status != RT_OK) {
        search_give(c->run, out->trial.job.number, result);
        free(result);
        free(out);
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    if (c->last)
        c->last->next = out;
    else
        c->first = out;
    c->last = out;
    atomic_fetch_add(&c->finishing, 1);
    (void)pthread_cond_signal(&c->more);
    (void)pthread_mutex_unlock(&c->lock);
}

static bool ask_for_weights(struct search_coordinator *c, const struct out *out)
{
    char name[64];

    (void)snprintf(name, sizeof name, "weights/%" PRId64, out->trial.job.number);
    return coordinator__send(c, out->peer,
                             (struct wire_message){.type = WIRE_GET,
                                                   .key = (uint64_t)out->weights.offset,
                                                   .text = name,
                                                   .text_bytes = strlen(name)});
}

enum weights {
    WEIGHTS_HERE,   /* or none belong to the result */
    WEIGHTS_COMING, /* they were asked for */
    WEIGHTS_NEVER   /* the result is none without them */
};

static enum weights want_weights(struct search_coordinator *c, struct out *out,
                                 const struct wire_message *message, struct rt_err *err)
{
    char path[RT_PATH_MAX], hash[RT_HASH_TEXT] = "";

    if (out->result->status != RT_OK || !c->o->weights(c->o->context, message->number, path))
        return WEIGHTS_HERE;
    if (message->data_bytes != sizeof hash - 1) {
        (void)rt_fail(err, RT_EFORMAT, "its result came without the hash of its weights");
        return WEIGHTS_NEVER;
    }
    memcpy(hash, message->data, sizeof hash - 1);
    if (transfer_has(path, hash))
        return WEIGHTS_HERE;
    if (transfer_begin(&out->weights, path, hash, false, err) != RT_OK)
        return WEIGHTS_NEVER;
    if (ask_for_weights(c, out))
        return WEIGHTS_COMING;
    (void)rt_fail(err, RT_EIO, "its worker is gone");
    return WEIGHTS_NEVER;
}

static struct store_result *read_result(const struct wire_message *message)
{
    struct store_result *result = calloc(1, sizeof *result);
    char *line = wire_text(message);

    if (result && line)
        (void)search_protocol_relayed(line, message->number, result);
    free(line);
    return result;
}

/* True: it is not done with. */
static bool take_result(struct search_coordinator *c, struct out *out,
                        const struct wire_message *message)
{
    struct rt_err err;

    assert(out->result);
    switch (want_weights(c, out, message, &err)) {
    case WEIGHTS_HERE: hand_in(c, out); return false;
    case WEIGHTS_COMING: return true;
    case WEIGHTS_NEVER: lose(c, out, err.text);
    }
    return false;
}

/* Said once more while its weights are on their way: the connection is another, and what was asked for may be lost. */
static void ask_again(struct search_coordinator *c, struct out *out)
{
    out->doubted = false;
    renew(c, out);
    if (!ask_for_weights(c, out))
        lose(c, out, "its worker is gone");
}

void coordinator__check_leases(struct search_coordinator *c)
{
    const int64_t now = coordinator__now(c);

    for (size_t i = c->outs; i-- > 0;) {
        struct out *out = c->out[i];
        if (now <= out->until_ns)
            continue;
        if (!out->result || out->doubted || out->asked) {
            lose(c, out, out->result ? "its weights did not come" : "its lease ran out");
            continue;
        }
        out->asked = true;
        ask_again(c, out);
    }
}

void coordinator__result(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    struct out *out = message->number >= 0 ? recognise(c, peer, message) : NULL;
    struct store_result *result = out && !out->result ? read_result(message) : NULL;

    /* of a worker that lost the trial success is as good, and failure is not */
    if (result &&
        (result->status == RT_OK || (out->peer == peer && out->attempt == message->attempt))) {
        out->peer = peer;
        out->doubted = false;
        out->result = result;
        renew(c, out);
        if (take_result(c, out, message))
            return; /* it keeps its own until all of it is here */
    } else if (result) {
        store_result_release(result);
        free(result);
    } else if (out && out->result && out->peer == peer) {
        ask_again(c, out);
        return;
    }
    say_taken(c, peer, message);
}

/* Of the weights of a trial whose result is here. When they do not come its worker need not keep it either. */
void coordinator__piece(struct search_coordinator *c, int peer, const struct wire_message *message)
{
    char name[64] = "";
    long long number = -1;
    struct rt_err err = {.text = "its weights are gone"};
    bool whole = false;

    if (message->text_bytes < sizeof name && message->text)
        memcpy(name, message->text, message->text_bytes);
    if (sscanf(name, "weights/%18lld", &number) != 1)
        return;
    renew_all(c, peer);
    struct out *out = find(c, number);
    if (!out || out->peer != peer || !out->result)
        return;
    if (message->number >= 0 && message->key != (uint64_t)out->weights.offset)
        return; /* was asked for twice */
    const struct wire_message taken = {.number = number, .key = out->key};
    out->asked = false;
    renew(c, out);
    if (message->number < 0 ||
        transfer_add(&out->weights, message->key, message->number, message->data,
                     message->data_bytes, &whole, &err) != RT_OK) {
        lose(c, out, err.text);
        say_taken(c, peer, &taken);
    } else if (whole) {
        hand_in(c, out);
        say_taken(c, peer, &taken);
    } else if (!ask_for_weights(c, out)) {
        lose(c, out, "its worker is gone");
    }
}

/* ---- the finisher ---- */

static void *finish_all(void *context)
{
    struct search_coordinator *c = context;

    (void)pthread_mutex_lock(&c->lock);
    while (c->first || !c->closing) {
        struct out *out = c->first;
        if (!out) {
            (void)pthread_cond_wait(&c->more, &c->lock);
            continue;
        }
        c->first = out->next;
        c->last = c->first ? c->last : NULL;
        (void)pthread_mutex_unlock(&c->lock);
        c->o->finish(c->o->context, &out->trial.job, out->result);
        search_give(c->run, out->trial.job.number, out->result);
        free(out->result);
        free(out);
        atomic_fetch_sub(&c->finishing, 1);
        (void)pthread_mutex_lock(&c->lock);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

bool coordinator__open_finisher(struct search_coordinator *c)
{
    return !c->o->finish || pthread_create(&c->finisher, NULL, finish_all, c) == 0;
}

void coordinator__close_finisher(struct search_coordinator *c)
{
    if (!c->o->finish)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->closing = true;
    (void)pthread_cond_signal(&c->more);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->finisher, NULL);
}
