/* search/coordinator_internal.h -- what the parts of the coordinator share: coordinator.c is the loop,
 * peers.c knows the workers, leases.c the trials that are out. All of it is the coordinator's thread,
 * but for the finisher and the looker.
 */
#ifndef SEARCH_COORDINATOR_INTERNAL_H
#define SEARCH_COORDINATOR_INTERNAL_H
#include <pthread.h>
#include <stdatomic.h>

#include "search/coordinator.h"
#include "search/transfer.h"

#define PEER_SILENT_NS INT64_C(5000000000) /* a worker that said nothing for so long is lost */
#define PEERS_MAX 20000
#define FILES_OWN 64 /* descriptors that are no worker's */
#define FILES_WANTED (PEERS_MAX + FILES_OWN)

struct peer { /* one a process that was welcomed; its place in the list is its seat */
    unsigned char name[WIRE_NAME];
    bool there;
    bool changed; /* its row is not up to date */
    int idle;     /* slots that wait for a trial */
    int64_t seen_ns;
    struct store_remote remote;
};

struct out { /* a trial that is out */
    struct search_trial trial;
    uint64_t key;
    uint32_t attempt;
    int peer;
    bool doubted; /* its worker said hello anew, and not yet that it has it */
    bool asked;   /* once more for its weights, since none came */
    int64_t until_ns;
    struct store_result *result; /* waits for the weights, and then to be finished; owned */
    struct transfer weights;
    struct out *next; /* of those to be finished */
};

struct loss {
    int64_t number;
    int times;
};

/* A machine whose workers left, since what they learn from was written into there. */
struct soiled {
    int64_t host;
    int times; /* in a row, without a result of that machine between them */
    int64_t last_ns;
    char why[COORDINATOR_WHY]; /* the last said */
};

struct search_coordinator {
    const struct search_coordinator_options *o;
    struct run *run;
    void *context, *guard;
    struct link link;
    char bound[LINK_ADDRESS];

    struct peer *peer;
    int peers, there, cursor;
    int64_t idle;  /* of all peers */
    int64_t slots; /* own workers and theirs, as recorded */
    struct out **out;
    size_t outs, out_room;
    struct loss *loss;
    size_t losses, loss_room;
    struct soiled *soiled;
    size_t soils;
    int64_t strangers; /* messages and connections that were dropped */
    bool swept;        /* a connection was closed: whose? */
    bool drained;      /* all that had come was read */
    atomic_bool dirty; /* what is learnt from was written into */
    int64_t files;     /* descriptors that this process may have; 0: nobody knows */
    rt_status rc;      /* RT_ENOMEM: the search cannot go on by this */

    pthread_mutex_t lock; /* guards what the finisher takes from */
    pthread_cond_t more;
    pthread_t finisher;
    struct out *first, *last;
    atomic_int finishing; /* handed to the finisher, and not given yet */
    bool closing;

    pthread_t looker;
    pthread_cond_t look;
    bool look_wanted;     /* guarded by the lock */
    atomic_int look_over; /* nobody waits for it any more */
};

/* ---- coordinator.c ---- */

int64_t coordinator__now(const struct search_coordinator *c);
/* At what is learnt from: a thread of its own does, since files that were written are hashed, and may be of many GB. */
void coordinator__look(struct search_coordinator *c);

/* ---- peers.c ---- */

bool coordinator__send(struct search_coordinator *c, int peer, struct wire_message message);
/* A hello: a seat, or a refusal. */
void coordinator__hello(struct search_coordinator *c, const unsigned char name[WIRE_NAME],
                        const struct wire_message *message);
void coordinator__wrong_version(struct search_coordinator *c, const unsigned char name[WIRE_NAME],
                                int version);
/* Its trials wait again: lost, or, of one that left, given back. */
void coordinator__lose_peer(struct search_coordinator *c, int peer, const char *why);
void coordinator__bye(struct search_coordinator *c, int peer, const struct wire_message *message);
/* A result came of this machine. */
void coordinator__clean(struct search_coordinator *c, int64_t host);
/* Who is silent, or gone, is lost. */
void coordinator__look_round(struct search_coordinator *c);
/* Rows of those that changed, into the store. */
void coordinator__record_peers(struct search_coordinator *c);
/* What someone should see to. */
void coordinator__tell(struct search_coordinator *c);

/* ---- leases.c ---- */

/* As many trials as there are idle slots and the search has. What the search says to the next one. */
enum search_turn coordinator__hand_out(struct search_coordinator *c);
void coordinator__held(struct search_coordinator *c, int peer, const struct wire_message *message);
void coordinator__beat(struct search_coordinator *c, int peer, const struct wire_message *message);
void coordinator__result(struct search_coordinator *c, int peer,
                         const struct wire_message *message);
void coordinator__piece(struct search_coordinator *c, int peer, const struct wire_message *message);
void coordinator__back(struct search_coordinator *c, int peer, const struct wire_message *message);
/* All that a peer has waits again: lost, or given back. */
void coordinator__take_from(struct search_coordinator *c, int peer, bool lost, const char *why);
/* What it did not say that it has, after its hello, never reached it. */
void coordinator__take_doubted(struct search_coordinator *c, int peer);
/* Leases that ran out. */
void coordinator__check_leases(struct search_coordinator *c);
/* Nothing that is out comes to a result any more. */
void coordinator__give_up(struct search_coordinator *c);
bool coordinator__open_finisher(struct search_coordinator *c);
void coordinator__close_finisher(struct search_coordinator *c);
#endif
