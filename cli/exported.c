/* cli/exported.c -- see exported.h. */
#define _XOPEN_SOURCE 700 /* dirent.h, lstat() */
#include "cli/exported.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/afterwards.h"

/* Of the files right in a folder, which is all that exports make. */
static rt_status folder_bytes(const char *path, int64_t *bytes, struct rt_err *err)
{
    DIR *folder = opendir(path);
    char file[RT_PATH_MAX];
    struct stat about;

    *bytes = 0;
    if (!folder)
        return rt_fail(err, RT_EIO, "cannot read '%.200s': %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file &&
            stat(file, &about) == 0 && S_ISREG(about.st_mode))
            *bytes += about.st_size;
    (void)closedir(folder);
    return RT_OK;
}

static rt_status measure(struct store_exported *e, struct rt_err *err)
{
    struct stat about;
    struct rt_map map;

    if (stat(e->path, &about) == 0 && S_ISDIR(about.st_mode))
        return folder_bytes(e->path, &e->bytes, err);
    RT_TRY(rt_map_open(&map, e->path, err));
    e->bytes = (int64_t)map.bytes;
    rt_hash_bytes(map.data, map.bytes, e->hash);
    rt_map_close(&map);
    return RT_OK;
}

rt_status exported_record(struct store *store, const char *arch, const char *format, bool int8,
                          const char *path, struct rt_err *err)
{
    struct store_exported e = {.arch = arch, .format = format, .int8 = int8, .path = path};

    RT_TRY(measure(&e, err));
    return store_exported(store, &e, err);
}
