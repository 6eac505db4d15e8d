/* search/link.c -- see link.h. */
#include "search/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_MS 1000      /* ZeroMQ's own heartbeats, */
#define SILENCE_MS 4000   /* and after so long without one the connection is closed */
#define RETRY_MS 100      /* the first pause before connecting again, */
#define RETRY_MAX_MS 3000 /* and the longest */
#define FRAME_MAX ((int64_t)(WIRE_HEADER + WIRE_TEXT + WIRE_DATA))

/* ---- sockets ---- */

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_common(void *socket, const char *address)
{
    const int64_t most = FRAME_MAX;

    return set_int(socket, ZMQ_LINGER, 0) &&
           set_int(socket, ZMQ_IPV6, strchr(address, '[') != NULL) &&
           set_int(socket, ZMQ_HEARTBEAT_IVL, BEAT_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, SILENCE_MS) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, 2 * SILENCE_MS) &&
           set_int(socket, ZMQ_RECONNECT_IVL, RETRY_MS) &&
           set_int(socket, ZMQ_RECONNECT_IVL_MAX, RETRY_MAX_MS) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
}

static bool set_key(void *socket, const struct link_key *key, bool server)
{
    if (!key->given)
        return true;
    if (server)
        return set_int(socket, ZMQ_CURVE_SERVER, 1) &&
               zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "retort", 6) == 0 &&
               zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->secret, LINK_KEY) == 0;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key->public, LINK_KEY) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key->public, LINK_KEY) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->secret, LINK_KEY) == 0;
}

/* Its events come by a pair of sockets within the context. */
static bool watch(struct link *link, void *context)
{
    char name[64];

    (void)snprintf(name, sizeof name, "inproc://monitor-%p", link->socket);
    if (zmq_socket_monitor(link->socket, name,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH))
        return false;
    link->monitor = zmq_socket(context, ZMQ_PAIR);
    return link->monitor && set_int(link->monitor, ZMQ_LINGER, 0) &&
           zmq_connect(link->monitor, name) == 0;
}

static rt_status fail_link(struct link *link, const char *address, struct rt_err *err)
{
    const char *why = zmq_strerror(zmq_errno());

    link_close(link, 0);
    return rt_fail(err, RT_EIO, "cannot use the address '%.120s': %s", address, why);
}

rt_status link_listen(struct link *link, void *context, const char *address,
                      const struct link_key *key, char bound[LINK_ADDRESS], struct rt_err *err)
{
    static const char name[] = "tcp://localhost:"; /* ZeroMQ binds to numbers and devices alone */
    char number[LINK_ADDRESS];
    size_t bytes = LINK_ADDRESS;

    if (strncmp(address, name, sizeof name - 1) == 0) {
        (void)snprintf(number, sizeof number, "tcp://127.0.0.1:%.200s", address + sizeof name - 1);
        address = number;
    }
    *link = (struct link){.socket = zmq_socket(context, ZMQ_ROUTER)};
    if (!link->socket || !set_common(link->socket, address) || !set_key(link->socket, key, true) ||
        !set_int(link->socket, ZMQ_ROUTER_MANDATORY, 1) ||
        !set_int(link->socket, ZMQ_ROUTER_HANDOVER, 1) ||
        !set_int(link->socket, ZMQ_BACKLOG, 1024) || !watch(link, context) ||
        zmq_bind(link->socket, address) ||
        zmq_getsockopt(link->socket, ZMQ_LAST_ENDPOINT, bound, &bytes))
        return fail_link(link, address, err);
    return RT_OK;
}

rt_status link_connect(struct link *link, void *context, const char *address,
                       const struct link_key *key, const unsigned char name[WIRE_NAME],
                       struct rt_err *err)
{
    assert(name[0]); /* names that begin so are ZeroMQ's own */
    *link = (struct link){.socket = zmq_socket(context, ZMQ_DEALER)};
    if (!link->socket || !set_common(link->socket, address) || !set_key(link->socket, key, false) ||
        zmq_setsockopt(link->socket, ZMQ_ROUTING_ID, name, WIRE_NAME) || !watch(link, context) ||
        zmq_connect(link->socket, address))
        return fail_link(link, address, err);
    return RT_OK;
}

void link_close(struct link *link, int linger_ms)
{
    if (link->socket) {
        (void)set_int(link->socket, ZMQ_LINGER, linger_ms);
        (void)zmq_socket_monitor(link->socket, NULL, 0);
        (void)zmq_close(link->socket);
    }
    if (link->monitor)
        (void)zmq_close(link->monitor);
    *link = (struct link){0};
}

/* An event is a frame with its number and a value, and one with the address. */
void link_watch(struct link *link, struct link_events *events)
{
    unsigned char event[8];
    char address[LINK_ADDRESS];
    uint16_t number;

    *events = (struct link_events){0};
    while (zmq_recv(link->monitor, event, sizeof event, ZMQ_DONTWAIT) >= 2) {
        (void)zmq_recv(link->monitor, address, sizeof address, ZMQ_DONTWAIT);
        memcpy(&number, event, sizeof number);
        events->connected += number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        events->closed += number == ZMQ_EVENT_DISCONNECTED;
        events->refused += number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL ||
                           number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
                           number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    }
}

/* ---- messages ---- */

bool link_send(struct link *link, const unsigned char *to, const struct wire_message *message)
{
    zmq_msg_t frame;

    if (zmq_msg_init_size(&frame, wire_bytes(message)))
        return false;
    wire_write(message, zmq_msg_data(&frame));
    if ((!to || zmq_send(link->socket, to, WIRE_NAME, ZMQ_SNDMORE | ZMQ_DONTWAIT) == WIRE_NAME) &&
        zmq_msg_send(&frame, link->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    (void)zmq_msg_close(&frame);
    return false;
}

/* The rest of a message that has more frames than it may. */
static void drop_rest(void *socket)
{
    zmq_msg_t frame;

    for (int more = 1; more;) {
        size_t bytes = sizeof more;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &bytes) || !more)
            return;
        (void)zmq_msg_init(&frame);
        (void)zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
        (void)zmq_msg_close(&frame);
    }
}

enum link_got link_receive(struct link *link, unsigned char from[WIRE_NAME], zmq_msg_t *frame,
                           struct wire_message *message, int *other)
{
    bool good = true;

    *other = 0;
    if (from) {
        unsigned char name[256];
        const int bytes = zmq_recv(link->socket, name, sizeof name, ZMQ_DONTWAIT);
        if (bytes < 0)
            return LINK_NOTHING;
        good = bytes == WIRE_NAME;
        if (good)
            memcpy(from, name, WIRE_NAME);
    }
    (void)zmq_msg_init(frame);
    if (zmq_msg_recv(frame, link->socket, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(frame);
        return from ? LINK_GARBAGE : LINK_NOTHING;
    }
    good = good && !zmq_msg_more(frame) &&
           wire_read(zmq_msg_data(frame), zmq_msg_size(frame), message, other);
    if (good)
        return LINK_MESSAGE;
    (void)zmq_msg_close(frame);
    drop_rest(link->socket);
    return LINK_GARBAGE;
}

/* ---- who may connect ---- */

rt_status link_guard_open(void **guard, void *context, struct rt_err *err)
{
    *guard = zmq_socket(context, ZMQ_REP);
    if (*guard && set_int(*guard, ZMQ_LINGER, 0) && zmq_bind(*guard, "inproc://zeromq.zap.01") == 0)
        return RT_OK;
    const char *why = zmq_strerror(zmq_errno());
    if (*guard)
        (void)zmq_close(*guard);
    return rt_fail(err, RT_EIO, "cannot check keys of workers: %s", why);
}

enum { ZAP_VERSION, ZAP_REQUEST, ZAP_DOMAIN, ZAP_ADDRESS, ZAP_NAME, ZAP_MECHANISM, ZAP_KEY };

static bool send_part(void *socket, const void *bytes, int count, bool last)
{
    return zmq_send(socket, bytes, (size_t)count,
                    last ? ZMQ_DONTWAIT : ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
}

void link_guard_serve(void *guard, const struct link_key *key)
{
    unsigned char wanted[32], part[256], request[256];
    int bytes, request_bytes = 0;

    (void)zmq_z85_decode(wanted, key->public);
    while ((bytes = zmq_recv(guard, part, sizeof part, ZMQ_DONTWAIT)) >= 0) {
        int more = 1, at = 0;
        bool good = false;
        for (;; at++) {
            size_t size = sizeof more;
            bytes = bytes > (int)sizeof part ? (int)sizeof part : bytes;
            if (at == ZAP_REQUEST)
                memcpy(request, part, (size_t)(request_bytes = bytes));
            if (at == ZAP_KEY)
                good = bytes == 32 && memcmp(part, wanted, 32) == 0;
            if (zmq_getsockopt(guard, ZMQ_RCVMORE, &more, &size) || !more)
                break;
            if ((bytes = zmq_recv(guard, part, sizeof part, ZMQ_DONTWAIT)) < 0)
                break;
        }
        (void)(send_part(guard, "1.0", 3, false) &&
               send_part(guard, request, request_bytes, false) &&
               send_part(guard, good ? "200" : "400", 3, false) &&
               send_part(guard, good ? "OK" : "another key", good ? 2 : 11, false) &&
               send_part(guard, "worker", 6, false) && send_part(guard, "", 0, true));
    }
}
