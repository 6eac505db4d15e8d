/* search/link.h -- sockets that carry the messages of wire.h: ZeroMQ's, encrypted where there is a key.
 *
 * Key      one secret of CURVE, the same on all machines: whoever has it may search, and may evaluate.
 *          Its file holds one line and must be nobody else's to read. Without a key only this machine is
 *          spoken to, and all its users may.
 * Ends     of a search a ROUTER, of a worker a DEALER with a name of WIRE_NAME bytes.
 * Threads  a socket is used by one thread at a time.
 */
#ifndef SEARCH_LINK_H
#define SEARCH_LINK_H
#include <zmq.h>

#include "base/file.h"
#include "search/wire.h"

#define LINK_KEY 41 /* a key in Z85 and the NUL */
#define LINK_ADDRESS 256

struct link_key {
    bool given; /* else there is none */
    char secret[LINK_KEY], public[LINK_KEY];
    char file[RT_PATH_MAX];
};

/* A new secret into a new file (0600); an existing one is RT_EIO. */
rt_status link_key_make(const char *path, struct rt_err *err);
/* NULL: no key. RT_EIO, RT_EFORMAT, and RT_EARG for a file that others may read. */
rt_status link_key_read(const char *path, struct link_key *key, struct rt_err *err);
/* RT_EARG unless it is "tcp://HOST:PORT" or "ipc://FILE", and on this machine, by number or as localhost, or with
 * a key. */
rt_status link_check(const char *address, const struct link_key *key, struct rt_err *err);

/* What happened to connections since one looked last. */
struct link_events {
    int connected, closed, refused; /* handshakes that came to nothing: another key, or none */
};

struct link {
    void *socket, *monitor;
};
/* Binds; the address as bound, with its number and port, into `bound`. */
rt_status link_listen(struct link *link, void *context, const char *address,
                      const struct link_key *key, char bound[LINK_ADDRESS], struct rt_err *err);
/* Begins to connect, which goes on in the background, with longer and longer pauses. */
rt_status link_connect(struct link *link, void *context, const char *address,
                       const struct link_key *key, const unsigned char name[WIRE_NAME],
                       struct rt_err *err);
void link_close(struct link *link, int linger_ms);
void link_watch(struct link *link, struct link_events *events);

/* `to`: the worker that a ROUTER sends to; NULL: a DEALER's other end. Never waits; false: it is gone, or takes no more
 * now. */
bool link_send(struct link *link, const unsigned char *to, const struct wire_message *message);
enum link_got { LINK_NOTHING, LINK_MESSAGE, LINK_GARBAGE };
/* A frame into *frame (close it after LINK_MESSAGE), which *message points into; `from` is of a ROUTER.
 * *other: the garbage is a message of that version. Never waits. */
enum link_got link_receive(struct link *link, unsigned char from[WIRE_NAME], zmq_msg_t *frame,
                           struct wire_message *message, int *other);

/* Who may connect with the key, asked by ZeroMQ (RFC 27): a socket of the same context that has to be
 * served whenever it can be read. */
rt_status link_guard_open(void **guard, void *context, struct rt_err *err);
void link_guard_serve(void *guard, const struct link_key *key);
#endif
