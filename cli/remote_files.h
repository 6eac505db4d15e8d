/* cli/remote_files.h -- the list of what a worker on another machine needs of a study.
 *
 * JSON: {"own": bool, "weights": bool, "study": path, "db": [path, hash],
 *        "files": [[path, hash, executable], ...], "there": [path, ...]}. Paths are absolute, without `.` and
 * `..`, as the searching machine has them; of a folder without files the hash is "". What is `there` is not
 * sent. Who reads a list checks all of it.
 */
#ifndef CLI_REMOTE_FILES_H
#define CLI_REMOTE_FILES_H
#include "cli/study.h"

struct remote_entry {
    char *path;              /* owned; absolute */
    char hash[RT_HASH_TEXT]; /* "": a folder, which has none */
    bool executable;
};

struct remote_files {
    bool own, weights;       /* an evaluator of its own; trials leave weights for their children */
    char study[RT_PATH_MAX]; /* where the study file stands */
    struct remote_entry db;  /* the study's database, without trials */
    struct remote_entry *entry;
    int count;
    char **there; /* owned; named by commands, and to be on each machine by itself */
    int there_count;
};

/* "/a/b" of "/a/./x/../b", seen from the working folder. */
rt_status remote_files_absolute(const char *path, char out[RT_PATH_MAX], struct rt_err *err);
/* The files that trials read, with hashes, as they are now. Release the list. */
rt_status remote_files_of(struct study *study, struct remote_files *files, struct rt_err *err);
rt_status remote_files_print(const struct remote_files *files, char **text, struct rt_err *err);
/* RT_EFORMAT. */
rt_status remote_files_parse(const char *text, struct remote_files *files, struct rt_err *err);
void remote_files_release(struct remote_files *files);
#endif
