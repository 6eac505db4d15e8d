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

static rt_status measure_file(struct store_exported *e, const char *path, struct rt_err *err)
{
    struct rt_map map;

    RT_TRY(rt_map_open(&map, path, err));
    e->bytes = (int64_t)map.bytes;
    rt_hash_bytes(map.data, map.bytes, e->hash);
    rt_map_close(&map);
    return RT_OK;
}

/* The bytes of the files right in a folder, which is all that exports make, and the checksum of the
 * one of weights. */
static rt_status measure_folder(struct store_exported *e, struct rt_err *err)
{
    DIR *folder = opendir(e->path);
    char file[RT_PATH_MAX];
    struct stat about;
    int64_t bytes = 0;
    rt_status rc = RT_OK;

    if (!folder)
        return rt_fail(err, RT_EIO, "cannot read '%.200s': %s", e->path, strerror(errno));
    for (const struct dirent *entry; rc == RT_OK && (entry = readdir(folder));) {
        const bool weights = strcmp(entry->d_name, "student.safetensors") == 0 ||
                             strcmp(entry->d_name, "model.safetensors") == 0;
        if (snprintf(file, sizeof file, "%s/%s", e->path, entry->d_name) >= (int)sizeof file ||
            stat(file, &about) != 0 || !S_ISREG(about.st_mode))
            continue;
        bytes += about.st_size;
        if (weights)
            rc = measure_file(e, file, err);
    }
    (void)closedir(folder);
    e->bytes = bytes;
    return rc;
}

static rt_status measure(struct store_exported *e, struct rt_err *err)
{
    struct stat about;

    return stat(e->path, &about) == 0 && S_ISDIR(about.st_mode) ? measure_folder(e, err)
                                                                : measure_file(e, e->path, err);
}

rt_status exported_record(struct store *store, const char *arch, const char *format, bool int8,
                          const char *path, struct rt_err *err)
{
    struct store_exported e = {.arch = arch, .format = format, .int8 = int8, .path = path};

    RT_TRY(measure(&e, err));
    return store_exported(store, &e, err);
}
