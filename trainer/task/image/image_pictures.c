/* trainer/task/image/image_pictures.c -- images as PNG and JPEG files: a folder for each class, or a
 * table that names them.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/task/image/idx.h"
#include "trainer/task/image/image_internal.h"
#include "trainer/task/image/picture.h"

enum { most_bytes = 1 << 28 }; /* of a file */

struct listed { /* all owned; labels [count] */
    char **path;
    int *label;
    int count, room;
};

static void release(struct listed *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->path[i]);
    free(list->path);
    free(list->label);
}

static rt_status add(struct listed *list, const char *path, int label, struct rt_err *err)
{
    if (list->count == TR__IMAGE_COUNT)
        return rt_fail(err, RT_EFORMAT, "'%.200s' is one image more than %d", path,
                       TR__IMAGE_COUNT);
    if (list->count == list->room) {
        const int room = list->room ? 2 * list->room : 256;
        char **paths = realloc(list->path, (size_t)room * sizeof *paths);
        list->path = paths ? paths : list->path;
        int *labels = paths ? realloc(list->label, (size_t)room * sizeof *labels) : NULL;
        if (!labels)
            return rt_fail(err, RT_ENOMEM, "no memory for the list of images");
        list->label = labels;
        list->room = room;
    }
    list->path[list->count] = strdup(path);
    if (!list->path[list->count])
        return rt_fail(err, RT_ENOMEM, "no memory for the list of images");
    list->label[list->count++] = label;
    return RT_OK;
}

/* ---- decoding ---- */

static rt_status read_picture(const char *path, struct tr_picture *picture, struct rt_err *err)
{
    char *data;
    size_t bytes;

    if (tr__is_folder(path))
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' is a folder in that of a class; move its pictures up", path);
    RT_TRY(rt_file_read(path, most_bytes, &data, &bytes, err));
    const rt_status rc = tr_picture_parse(path, (const uint8_t *)data, bytes, picture, err);
    free(data);
    return rc;
}

/* What is not said is as the first picture. */
static rt_status take_sizes(struct tr_images *images, const struct tr_image_source *source,
                            const struct listed *list, const struct tr_picture *first,
                            struct rt_err *err)
{
    images->count = list->count;
    images->height = source->height ? source->height : first->height;
    images->width = source->width ? source->width : first->width;
    images->channels = source->channels ? source->channels : first->channels;
    if (images->channels == 2 || images->channels > 3 || images->height > TR__IMAGE_SIDE ||
        images->width > TR__IMAGE_SIDE)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' would be an image of %dx%dx%d, want at most %dx%d, grey or RGB; "
                       "give data.height, data.width or data.channels",
                       list->path[0], images->height, images->width, images->channels,
                       TR__IMAGE_SIDE, TR__IMAGE_SIDE);
    const size_t one = (size_t)images->height * images->width * images->channels;
    if (one * (size_t)images->count > TR_IDX_MAX_BYTES)
        return rt_fail(err, RT_EFORMAT,
                       "the images of '%.200s' are more than 4 GiB; give a smaller data.height and "
                       "data.width",
                       source->images);
    images->pixels = malloc(one * (size_t)images->count);
    images->labels = malloc((size_t)images->count * sizeof *images->labels);
    if (!images->pixels || !images->labels)
        return rt_fail(err, RT_ENOMEM, "no memory for the images of '%.200s'", source->images);
    memcpy(images->labels, list->label, (size_t)images->count * sizeof *images->labels);
    return RT_OK;
}

static rt_status decode(struct tr_images *images, const struct tr_image_source *source,
                        const struct listed *list, struct rt_err *err)
{
    const bool resize = source->height || source->width;

    if (list->count == 0)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has no images", source->images);
    for (int i = 0; i < list->count; i++) {
        struct tr_picture picture = {0};
        RT_TRY(read_picture(list->path[i], &picture, err));
        rt_status rc = i ? RT_OK : take_sizes(images, source, list, &picture, err);
        const size_t one = (size_t)images->height * images->width * images->channels;
        if (rc == RT_OK && !resize &&
            (picture.height != images->height || picture.width != images->width))
            rc = rt_fail(err, RT_EFORMAT,
                         "'%.200s' is a picture of %dx%d, the first is of %dx%d; give data.height "
                         "and data.width to resize all",
                         list->path[i], picture.height, picture.width, images->height,
                         images->width);
        if (rc == RT_OK)
            rc = tr_picture_fit(&picture, images->height, images->width, images->channels,
                                images->pixels + one * (size_t)i, err);
        tr_picture_release(&picture);
        RT_TRY(rc);
    }
    return RT_OK;
}

/* Classes that have a name are classes, whether they have an image or not. */
static rt_status finish(struct tr_images *images, const struct tr_image_source *source,
                        struct rt_err *err)
{
    const int classes = source->classes ? source->classes : images->names.count;

    return tr__images_finish(images, source->images, classes, err);
}

/* ---- folders ---- */

static int seen(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static rt_status list_folder(const char *path, struct dirent ***entry, int *count,
                             struct rt_err *err)
{
    *count = scandir(path, entry, seen, by_bytes);
    if (*count >= 0)
        return RT_OK;
    return rt_fail(err, RT_EIO, "cannot list the folder '%.200s': %s%s", path, strerror(errno),
                   errno == ENOTDIR ? "; data.format: folder wants one with a folder for each "
                                      "class, and nothing beside them"
                                    : "");
}

static void free_entries(struct dirent **entry, int count)
{
    for (int i = 0; i < count; i++)
        free(entry[i]);
    free(entry);
}

static rt_status join(const char *folder, const char *name, char path[RT_PATH_MAX],
                      struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s", folder, name) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "a path below '%.200s' is too long", folder);
}

static rt_status list_class(struct listed *list, const char *folder, int label, struct rt_err *err)
{
    struct dirent **entry;
    char path[RT_PATH_MAX];
    rt_status rc = RT_OK;
    int count;

    RT_TRY(list_folder(folder, &entry, &count, err));
    for (int i = 0; i < count && rc == RT_OK; i++)
        if ((rc = join(folder, entry[i]->d_name, path, err)) == RT_OK)
            rc = add(list, path, label, err);
    free_entries(entry, count);
    return rc;
}

/* The names of its folders, as classes. */
static rt_status name_classes(const char *path, struct dirent *const *entry, int count,
                              struct tr_labels *names, struct rt_err *err)
{
    if (count < 2 || count > TR__IMAGE_CLASSES)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has %d folders, want one for each of 2 to %d "
                       "classes",
                       path, count, TR__IMAGE_CLASSES);
    names->name = calloc((size_t)count, sizeof *names->name);
    if (!names->name)
        return rt_fail(err, RT_ENOMEM, "no memory for the classes of '%.200s'", path);
    names->count = count;
    for (int i = 0; i < count; i++)
        if (strlen(entry[i]->d_name) >= TR_LABEL_NAME)
            return rt_fail(err, RT_EFORMAT,
                           "the class '%.200s' has a name longer than %d bytes; "
                           "rename its folder",
                           entry[i]->d_name, TR_LABEL_NAME - 1);
        else
            (void)snprintf(names->name[i], TR_LABEL_NAME, "%.63s", entry[i]->d_name);
    return RT_OK;
}

/* The number that a class has in the training data. */
static int number_of(const struct tr_labels *names, const char *name)
{
    int k = 0;

    while (k < names->count && strcmp(names->name[k], name) != 0)
        k++;
    return k;
}

static rt_status list_classes(struct listed *list, const struct tr_image_source *source,
                              const struct tr_labels *own, struct rt_err *err)
{
    const struct tr_labels *names = source->like ? &source->like->names : own;
    char path[RT_PATH_MAX];

    for (int i = 0; i < own->count; i++) {
        const int label = number_of(names, own->name[i]);
        if (label == names->count)
            return rt_fail(err, RT_EFORMAT,
                           "'%.200s' has a class '%s' that the training data have not",
                           source->images, own->name[i]);
        RT_TRY(join(source->images, own->name[i], path, err));
        RT_TRY(list_class(list, path, label, err));
    }
    return RT_OK;
}

rt_status tr__images_load_folder(struct tr_images *images, const struct tr_image_source *source,
                                 struct rt_err *err)
{
    struct listed list = {0};
    struct dirent **entry;
    rt_status rc;
    int count;

    RT_TRY(list_folder(source->images, &entry, &count, err));
    rc = name_classes(source->images, entry, count, &images->names, err);
    free_entries(entry, count);
    if (rc == RT_OK)
        rc = list_classes(&list, source, &images->names, err);
    if (rc == RT_OK)
        rc = decode(images, source, &list, err);
    release(&list);
    return rc ? rc : finish(images, source, err);
}

/* ---- tables ---- */

static rt_status list_rows(struct listed *list, const char *file, const struct tr_table *table,
                           const int *label, struct rt_err *err)
{
    char written[RT_PATH_MAX], path[RT_PATH_MAX];

    for (int i = 0; i < table->rows; i++) {
        size_t bytes;
        const char *field = tr_table_field(table, i, 0, &bytes);
        if (bytes == 0 || bytes >= sizeof written)
            return rt_fail(err, RT_EFORMAT, "'%.200s':%d: the path of an image is %s", file,
                           table->line[i], bytes ? "too long" : "missing");
        (void)snprintf(written, sizeof written, "%.*s", (int)bytes, field);
        RT_TRY(rt_path_beside(file, written, path, err));
        RT_TRY(add(list, path, label[i], err));
    }
    return RT_OK;
}

static rt_status load_rows(struct tr_images *images, const struct tr_image_source *source,
                           const struct tr_table *table, int *label, struct rt_err *err)
{
    const struct tr_labels *names = source->like ? &source->like->names : &images->names;
    struct listed list = {0};
    rt_status rc = RT_OK;

    if (!source->like)
        RT_TRY(tr_labels_find(&images->names, source->images, table, 1, NULL, 0, err));
    RT_TRY(tr_labels_read(names, source->images, table, 1, label, err));
    rc = list_rows(&list, source->images, table, label, err);
    if (rc == RT_OK)
        rc = decode(images, source, &list, err);
    release(&list);
    return rc ? rc : finish(images, source, err);
}

rt_status tr__images_load_table(struct tr_images *images, const struct tr_image_source *source,
                                struct rt_err *err)
{
    const struct tr_table_spec spec = {
        .format = TR_TABLE_CSV, .column = {"image", NULL, "label"}, .header = true, .fixed = true};
    struct tr_table table;

    RT_TRY(tr_table_read(source->images, &spec, &table, err));
    assert(table.columns == 2 && table.rows >= 0);
    int *label = malloc(((size_t)table.rows + 1) * sizeof *label);
    const rt_status rc =
        label ? load_rows(images, source, &table, label, err)
              : rt_fail(err, RT_ENOMEM, "no memory for the labels of '%.200s'", source->images);
    free(label);
    tr_table_release(&table);
    return rc;
}
