/* cli/remote_files.c -- see remote_files.h. */
#include "cli/remote_files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/transfer.h"

#define FILES_MAX 2000000 /* of a study's folders of images */
#define DEPTH_MAX 16      /* of folders in each other */

/* ---- paths ---- */

/* Appends the parts of a path that is seen from `out`. */
static bool walk(char out[RT_PATH_MAX], const char *path)
{
    size_t used = strlen(out);

    for (const char *part = path; *part;) {
        const size_t length = strcspn(part, "/");
        if (length == 2 && strncmp(part, "..", 2) == 0) {
            while (used > 0 && out[--used] != '/')
                continue;
        } else if (length > 0 && !(length == 1 && part[0] == '.')) {
            if (used + 1 + length >= RT_PATH_MAX)
                return false;
            out[used++] = '/';
            memcpy(out + used, part, length);
            used += length;
        }
        out[used] = '\0';
        part += length + (part[length] == '/');
    }
    return true;
}

rt_status remote_files_absolute(const char *path, char out[RT_PATH_MAX], struct rt_err *err)
{
    char here[RT_PATH_MAX] = "";

    if (path[0] != '/' && !getcwd(here, sizeof here))
        return rt_fail(err, RT_EIO, "the working folder is gone: %s", strerror(errno));
    out[0] = '\0';
    if (!walk(out, here) || !walk(out, path))
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", path);
    return RT_OK;
}

/* ---- the list of a study ---- */

struct collecting {
    struct remote_files *files;
    int room;
};

static rt_status add_entry(struct collecting *c, const char *path, struct remote_entry **added,
                           struct rt_err *err)
{
    struct remote_files *files = c->files;
    struct remote_entry *entry;

    if (files->count == c->room) {
        c->room = c->room ? 2 * c->room : 16;
        entry = c->room > FILES_MAX ? NULL
                                    : realloc(files->entry, (size_t)c->room * sizeof *files->entry);
        if (!entry)
            return rt_fail(err, RT_ENOMEM, "no memory for a list of %d files", c->room);
        files->entry = entry;
    }
    entry = &files->entry[files->count];
    *entry = (struct remote_entry){.path = strdup(path)};
    if (!entry->path)
        return rt_fail(err, RT_ENOMEM, "no memory for a list of %d files", c->room);
    files->count++;
    *added = entry;
    return RT_OK;
}

static rt_status add_file(struct collecting *c, const char *path, const struct stat *about,
                          struct rt_err *err)
{
    struct remote_entry *entry;

    for (int i = 0; i < c->files->count && c->files->count < 100; i++)
        if (strcmp(c->files->entry[i].path, path) == 0)
            return RT_OK; /* named twice */
    RT_TRY(add_entry(c, path, &entry, err));
    entry->executable = about->st_mode & S_IXUSR;
    if (about->st_size > 0)
        return transfer_hash(path, entry->hash, err);
    rt_hash_bytes("", 0, entry->hash);
    return RT_OK;
}

static rt_status add_tree(struct collecting *c, const char *path, int depth, struct rt_err *err);

/* Also without any file: a class without images is one of the classes. */
static rt_status add_folder(struct collecting *c, const char *path, int depth, struct rt_err *err)
{
    const int before = c->files->count;
    struct remote_entry *entry;
    struct dirent *found;
    DIR *folder;
    rt_status rc = RT_OK;

    if (!(folder = opendir(path)))
        return rt_fail(err, RT_EIO, "cannot read '%s': %s", path, strerror(errno));
    while (rc == RT_OK && (found = readdir(folder))) {
        char below[RT_PATH_MAX];
        if (found->d_name[0] == '.')
            continue;
        if (snprintf(below, sizeof below, "%s/%s", path, found->d_name) >= (int)sizeof below)
            rc = rt_fail(err, RT_EIO, "the path '%.80s...' is too long", path);
        else
            rc = add_tree(c, below, depth + 1, err);
    }
    (void)closedir(folder);
    return rc == RT_OK && c->files->count == before ? add_entry(c, path, &entry, err) : rc;
}

/* What lies there, file or folder, but for what is hidden; what is not there is nothing that trials read. */
static rt_status add_tree(struct collecting *c, const char *path, int depth, struct rt_err *err)
{
    struct stat about;

    if (stat(path, &about))
        return RT_OK;
    if (S_ISREG(about.st_mode))
        return add_file(c, path, &about, err);
    return S_ISDIR(about.st_mode) && depth < DEPTH_MAX ? add_folder(c, path, depth, err) : RT_OK;
}

static rt_status collect(void *context, char *path, struct rt_err *err)
{
    char absolute[RT_PATH_MAX];

    RT_TRY(remote_files_absolute(path, absolute, err));
    return add_tree(context, absolute, 0, err);
}

static bool add_there(struct remote_files *files, const char *path)
{
    char **more = realloc(files->there, (size_t)(files->there_count + 1) * sizeof *more);

    if (!more)
        return false;
    files->there = more;
    if (!(more[files->there_count] = strdup(path)))
        return false;
    files->there_count++;
    return true;
}

static rt_status collect_there(void *context, char *path, struct rt_err *err)
{
    char absolute[RT_PATH_MAX];

    RT_TRY(remote_files_absolute(path, absolute, err));
    return add_there(context, absolute) ? RT_OK
                                        : rt_fail(err, RT_ENOMEM, "no memory for a list of files");
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct remote_entry *)a)->path, ((const struct remote_entry *)b)->path);
}

rt_status remote_files_of(struct study *study, struct remote_files *files, struct rt_err *err)
{
    struct collecting c = {.files = files};
    rt_status rc;

    *files = (struct remote_files){.own = study->own != NULL,
                                   .weights = study->search.inherit != SEARCH_INHERIT_NONE};
    RT_TRY(remote_files_absolute(study->path, files->study, err));
    if ((rc = study_files(study, collect, &c, err)) == RT_OK)
        rc = study_files_there(study, collect_there, files, err);
    if (rc != RT_OK)
        remote_files_release(files);
    else if (files->count)
        qsort(files->entry, (size_t)files->count, sizeof *files->entry, by_path);
    return rc;
}

void remote_files_release(struct remote_files *files)
{
    for (int i = 0; i < files->count; i++)
        free(files->entry[i].path);
    for (int i = 0; i < files->there_count; i++)
        free(files->there[i]);
    free(files->there);
    free(files->entry);
    free(files->db.path);
    *files = (struct remote_files){0};
}

/* ---- JSON ---- */

rt_status remote_files_print(const struct remote_files *files, char **text, struct rt_err *err)
{
    json_t *list = json_array(), *there = json_array(), *all;
    bool good = true;

    for (int i = 0; i < files->count; i++)
        good = json_array_append_new(list, json_pack("[s, s, b]", files->entry[i].path,
                                                     files->entry[i].hash,
                                                     files->entry[i].executable)) == 0 &&
               good;
    for (int i = 0; i < files->there_count; i++)
        good = json_array_append_new(there, json_string(files->there[i])) == 0 && good;
    all =
        json_pack("{s:b, s:b, s:s, s:[s, s], s:o, s:o}", "own", files->own, "weights",
                  files->weights, "study", files->study, "db", files->db.path ? files->db.path : "",
                  files->db.hash, "files", list, "there", there);
    *text = all && good ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return *text ? RT_OK : rt_fail(err, RT_EFORMAT, "a path of the study is no UTF-8");
}

/* Absolute, and it stays below whatever it is put under. */
static bool good_path(const char *path)
{
    char same[RT_PATH_MAX];

    return path[0] == '/' && strlen(path) < RT_PATH_MAX &&
           remote_files_absolute(path, same, NULL) == RT_OK && strcmp(path, same) == 0;
}

static bool good_hash(const char *hash)
{
    return strlen(hash) == RT_HASH_TEXT - 1 && strspn(hash, "0123456789abcdef") == strlen(hash);
}

static bool take_entry(const json_t *from, struct remote_entry *entry)
{
    const char *path = json_string_value(json_array_get(from, 0)),
               *hash = json_string_value(json_array_get(from, 1));

    if (!path || !hash || !good_path(path) || (hash[0] && !good_hash(hash)))
        return false;
    *entry = (struct remote_entry){.path = strdup(path),
                                   .executable = json_is_true(json_array_get(from, 2))};
    (void)snprintf(entry->hash, sizeof entry->hash, "%s", hash);
    return entry->path != NULL;
}

static bool take_lists(const json_t *list, const json_t *there, struct remote_files *files)
{
    bool good = json_is_array(list) && json_array_size(list) <= FILES_MAX && json_is_array(there) &&
                json_array_size(there) <= FILES_MAX;
    const char *path;

    if (good)
        good = (files->entry = calloc(json_array_size(list) + 1, sizeof *files->entry)) != NULL;
    for (size_t i = 0; good && i < json_array_size(list); i++)
        if ((good = take_entry(json_array_get(list, i), &files->entry[i])))
            files->count++;
    for (size_t i = 0; good && i < json_array_size(there); i++) {
        path = json_string_value(json_array_get(there, i));
        good = path && good_path(path) && add_there(files, path);
    }
    return good;
}

rt_status remote_files_parse(const char *text, struct remote_files *files, struct rt_err *err)
{
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *list, *there, *db;
    const char *study;
    int own, weights;
    bool good;

    *files = (struct remote_files){0};
    good =
        all && json_unpack(all, "{s:b, s:b, s:s, s:o, s:o, s:o}", "own", &own, "weights", &weights,
                           "study", &study, "db", &db, "files", &list, "there", &there) == 0;
    if ((good = good && good_path(study) && take_entry(db, &files->db) && files->db.hash[0])) {
        files->own = own;
        files->weights = weights;
        (void)snprintf(files->study, sizeof files->study, "%s", study);
        good = take_lists(list, there, files);
    }
    json_decref(all);
    if (good)
        return RT_OK;
    remote_files_release(files);
    return rt_fail(err, RT_EFORMAT, "the search's list of files is not readable");
}
