/* base/file.h -- whole files: read, map, and write so that nobody ever sees half of one.
 *
 * A struct rt_writer writes beside the target ("NAME.tmp-PID"), and rt_writer_commit() flushes,
 * fsyncs and renames it over the target, and fsyncs the folder. rt_writer_abandon() removes it; it
 * is safe after commit. What a killed process left there is removed by the next that writes NAME.
 * A link stays, and what it points to is replaced; a device or a fifo is written to as it is.
 * Errors name the path, what the system said and, for a full disk or a read-only folder, the mend.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

#define RT_PATH_MAX 4096

struct rt_writer {
    FILE *file;                  /* write with stdio; errors are collected by commit */
    char path[RT_PATH_MAX];      /* as the caller wrote it */
    char target[RT_PATH_MAX];    /* without links */
    char temporary[RT_PATH_MAX]; /* "": the target is written to as it is */
};

/* A study's database, or what SQLite keeps beside it, is never replaced: RT_EARG. */
rt_status rt_writer_open(struct rt_writer *writer, const char *path, struct rt_err *err);
rt_status rt_writer_commit(struct rt_writer *writer, struct rt_err *err);
/* Two files that belong together: neither is placed before both are written, `first` is placed
 * first, and is removed when the second cannot follow. */
rt_status rt_writer_commit_pair(struct rt_writer *first, struct rt_writer *second,
                                struct rt_err *err);
void rt_writer_abandon(struct rt_writer *writer);

/* Files STEMPID and STEMPID.ending of processes that are gone. */
void rt_file_remove_left_over(const char *stem);

/* The whole file, NUL-terminated past its end; the caller frees *data. More than `limit` bytes is
 * RT_EFORMAT: no input of ours is that long. */
rt_status rt_file_read(const char *path, size_t limit, char **data, size_t *bytes,
                       struct rt_err *err);

struct rt_map {
    const unsigned char *data;
    size_t bytes;
};
/* Read-only and shared between processes. */
rt_status rt_map_open(struct rt_map *map, const char *path, struct rt_err *err);
void rt_map_close(struct rt_map *map);
/* The file that is mapped at an address, NULL when none is: for a handler of SIGBUS, which is what
 * reading behind the end of a file that another program cut short comes to. */
const char *rt_map_at(const void *address);

/* What others did to the file, in its place, since it was mapped: one whose name is another file's by now
 * is the same, to us. What was cut short must not be read. *written_ns: when it was last written; of RT_MAP_WRITTEN
 * alone. */
enum rt_map_state { RT_MAP_SAME, RT_MAP_WRITTEN, RT_MAP_CUT };
enum rt_map_state rt_map_look(const struct rt_map *map, int64_t *written_ns);
/* Written, by rt_map_look() at `written_ns`, and found as it was: no change any more. A file's clock is coarse, so what
 * is within a second of now stays one. From any thread. */
void rt_map_accept(const struct rt_map *map, int64_t written_ns);

/* Bytes that are free to us, and all, of the disk where `path` is or will be. */
rt_status rt_disk_room(const char *path, double *free_bytes, double *total, struct rt_err *err);
/* Are both, or will they be, on one file system? */
bool rt_disk_shared(const char *a, const char *b);
/* Make what was renamed or linked to `path` survive a loss of power. */
rt_status rt_folder_flush_for(const char *path, struct rt_err *err);
/* Make a folder and its parents; an existing one is fine. */
rt_status rt_folder_make(const char *path, struct rt_err *err);
/* Make the folder that `path` (a file) stands in. */
rt_status rt_folder_make_for(const char *path, struct rt_err *err);
/* `path` as seen from the folder of the file `from`; absolute paths stay. */
rt_status rt_path_beside(const char *from, const char *path, char out[RT_PATH_MAX],
                         struct rt_err *err);
#endif
