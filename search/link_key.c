/* search/link_key.c -- the secret of link.h, and which addresses need one. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/link.h"

static const char head[] = "retort-key-1 ";
enum { KEY_FILE_MAX = 256 };

rt_status link_key_make(const char *path, struct rt_err *err)
{
    char public[LINK_KEY], secret[LINK_KEY], line[KEY_FILE_MAX];

    if (zmq_curve_keypair(public, secret))
        return rt_fail(err, RT_EIO, "cannot make a key: this libzmq is built without CURVE");
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return rt_fail(err, RT_EIO, "cannot write '%s': %s%s", path, strerror(errno),
                       errno == EEXIST ? "; a key is never overwritten" : "");
    const int bytes = snprintf(line, sizeof line, "%s%s\n", head, secret);
    const bool good = write(file, line, (size_t)bytes) == bytes && fsync(file) == 0;
    const int why = errno;
    if (close(file) == 0 && good)
        return RT_OK;
    (void)unlink(path);
    return rt_fail(err, RT_EIO, "cannot write '%s': %s", path, strerror(why));
}

rt_status link_key_read(const char *path, struct link_key *key, struct rt_err *err)
{
    struct stat about;
    char *text;
    size_t bytes;
    rt_status rc = RT_OK;

    *key = (struct link_key){.given = path != NULL};
    if (!path)
        return RT_OK;
    RT_TRY(rt_file_read(path, KEY_FILE_MAX, &text, &bytes, err));
    if (stat(path, &about) == 0 && about.st_mode & 077)
        rc = rt_fail(err, RT_EARG, "others may read the key '%s': chmod 600 %s", path, path);
    else if (strncmp(text, head, sizeof head - 1) != 0 ||
             strcspn(text + sizeof head - 1, "\n") != LINK_KEY - 1)
        rc = rt_fail(err, RT_EFORMAT, "'%s' is no key of `retort keygen`", path);
    if (rc == RT_OK) {
        (void)snprintf(key->file, sizeof key->file, "%s", path);
        (void)snprintf(key->secret, sizeof key->secret, "%.40s", text + sizeof head - 1);
        if (zmq_curve_public(key->public, key->secret))
            rc = rt_fail(err, RT_EFORMAT, "'%s' is no key of `retort keygen`", path);
    }
    free(text);
    return rc;
}

static bool is_here(const char *host)
{
    struct in_addr number; /* of four parts: names may be anybody's */

    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &number) == 1 && ntohl(number.s_addr) >> 24 == 127);
}

rt_status link_check(const char *address, const struct link_key *key, struct rt_err *err)
{
    const bool ipc = strncmp(address, "ipc://", 6) == 0, tcp = strncmp(address, "tcp://", 6) == 0;
    const char *port = tcp ? strrchr(address + 6, ':') : NULL;
    char host[LINK_ADDRESS] = "";

    if (port)
        (void)snprintf(host, sizeof host, "%.*s", (int)(port - address - 6), address + 6);
    /* ZeroMQ's "from;to" is no one address, and its ipc://@NAME no file, which has a mode */
    if (strchr(address, ';') || strlen(address) >= LINK_ADDRESS ||
        (ipc ? !address[6] || address[6] == '@' : !host[0] || !port[1]))
        return rt_fail(err, RT_EARG, "'%.80s' is no address like tcp://127.0.0.1:5555", address);
    if (!ipc && !is_here(host) && !key->given)
        return rt_fail(err, RT_EARG,
                       "'%.80s' is beyond this machine, which needs a key: make one by `retort "
                       "keygen FILE` and give --key FILE on both sides",
                       address);
    return RT_OK;
}
