/* Any bytes, as a file that is called .gz and as one that is not, either are refused in one line that names
 * it, or are read to the end that the limit allows. */
#define _GNU_SOURCE /* memfd_create() */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trainer/task/packed.h"

enum { LIMIT = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const char *path, const uint8_t *data, size_t size)
{
    struct rt_err err = {0};
    uint8_t *bytes = NULL;
    size_t count = 0;

    if (tr_packed_read(path, LIMIT, &bytes, &count, &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, path) || strchr(err.text, '\n') || bytes)
            abort();
        return;
    }
    const int packed = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    if (!bytes || count > LIMIT ||
        (!packed && (count != size || (size && memcmp(bytes, data, size) != 0))))
        abort();
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char packed[64];
    char plain[32];
    const int fd = memfd_create("fuzz", 0);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(plain, sizeof plain, "/proc/self/fd/%d", fd);
    if (!packed[0])
        snprintf(packed, sizeof packed, "/tmp/retort-fuzz-%ld.gz", (long)getpid());
    unlink(packed);
    take(plain, data, size);
    if (symlink(plain, packed))
        abort();
    take(packed, data, size);
    unlink(packed);
    close(fd);
    return 0;
}
