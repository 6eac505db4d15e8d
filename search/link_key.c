/* search/link_key.c -- the secret of link.h, and which addresses need one. */
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

static bool is_here(const char *address)
{
    static const char *const here[] = {"ipc://", "tcp://127.", "tcp://localhost:", "tcp://[::1]:"};

    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        if (strncmp(address, here[i], strlen(here[i])) == 0)
            return true;
    return false;
}

rt_status link_check(const char *address, const struct link_key *key, struct rt_err *err)
{
    const char *host = strncmp(address, "tcp://", 6) == 0 ? address + 6 : NULL;
    const char *port = host ? strrchr(host, ':') : NULL;

    if (strlen(address) >= LINK_ADDRESS ||
        (strncmp(address, "ipc://", 6) != 0 && (!port || port == host || !port[1])))
        return rt_fail(err, RT_EARG, "'%.80s' is no address like tcp://127.0.0.1:5555", address);
    if (!is_here(address) && !key->given)
        return rt_fail(err, RT_EARG,
                       "'%.80s' is beyond this machine, which needs a key: make one by `retort "
                       "keygen FILE` and give --key FILE on both sides",
                       address);
    return RT_OK;
}
