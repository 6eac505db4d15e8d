/* library/retort.c -- see retort.h: a model that is shared and counted, and memory of each student's own.
 */
#include "library/retort.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/export/model.h"
#include "trainer/export/tensor_file.h"
#include "trainer/task/pixels.h"

enum { at_once = 32 }; /* images of a pass */

struct shared {
    struct tr_model_file *file;
    atomic_int users;
};

struct retort_student {
    struct shared *shared;
    struct tr_answering answering;
};

/* Only what it takes to read a file: no reader of images is linked. */
static const struct tr_task_kind images = {.name = "image", .recall = tr_pixels_recall};

static int code_of(rt_status rc)
{
    switch (rc) {
    case RT_OK: return RETORT_OK;
    case RT_EIO: return RETORT_EFILE;
    case RT_ENOMEM: return RETORT_EMEMORY;
    default: return RETORT_EFORMAT;
    }
}

static int fail(int code, const struct rt_err *err, char *why)
{
    if (why)
        (void)snprintf(why, RETORT_TEXT, "%s", err->text);
    return code;
}

static const struct tr_model *model_of(const struct retort_student *student)
{
    return student->answering.model;
}

/* Of images, or of before files said what they are of; and does it hold codes? */
static int look(const char *path, bool *int8, char *why)
{
    struct tr_tensor_file file;
    struct tr_stored head;
    struct rt_err err = {0};

    const rt_status rc = tr_tensor_file_open(&file, path, &err);
    if (rc)
        return fail(code_of(rc), &err, why);
    const char *task = tr_tensor_file_note(&file, "task");
    const bool other = task && strcmp(task, images.name) != 0;
    *int8 = tr_tensor_file_find(&file, "head.weight", &head) && head.type == TR_STORED_I8;
    if (other)
        rt_report(&err, RT_EARG, "'%.200s' is of a student of the task '%.40s', not of images",
                  path, task);
    tr_tensor_file_close(&file);
    return other ? fail(RETORT_ETASK, &err, why) : RETORT_OK;
}

/* A student of this model, which is counted as one of its users. */
static int start(struct shared *shared, struct retort_student **student, char *why)
{
    struct retort_student *self = calloc(1, sizeof *self);
    struct rt_err err = {0};

    if (!self ||
        tr_answering_open(&self->answering, tr_model_of(shared->file), at_once, &err) != RT_OK) {
        free(self);
        rt_report(&err, RT_ENOMEM, "no memory to run a student");
        return fail(RETORT_EMEMORY, &err, why);
    }
    self->shared = shared;
    (void)atomic_fetch_add(&shared->users, 1);
    *student = self;
    return RETORT_OK;
}

static void leave(struct shared *shared)
{
    if (atomic_fetch_sub(&shared->users, 1) > 1)
        return;
    tr_model_close(shared->file);
    free(shared);
}

int retort_open(const char *path, struct retort_student **student, char *why)
{
    struct shared *shared = calloc(1, sizeof *shared);
    const struct tr_kernels *kernels;
    struct rt_err err = {0};
    bool int8 = false;

    if (!shared) {
        rt_report(&err, RT_ENOMEM, "no memory to open '%.200s'", path);
        return fail(RETORT_EMEMORY, &err, why);
    }
    atomic_init(&shared->users, 1); /* this call */
    int code = look(path, &int8, why);
    if (code == RETORT_OK && tr_kernels_run_by(int8, &kernels, &err) != RT_OK)
        code = fail(RETORT_EMACHINE, &err, why);
    if (code == RETORT_OK) {
        const rt_status rc = tr_model_open(path, &images, kernels, &shared->file, &err);
        code = rc ? fail(code_of(rc), &err, why) : start(shared, student, why);
    }
    leave(shared);
    return code;
}

int retort_share(struct retort_student *student, struct retort_student **other, char *why)
{
    return start(student->shared, other, why);
}

void retort_close(struct retort_student *student)
{
    if (!student)
        return;
    tr_answering_close(&student->answering);
    leave(student->shared);
    free(student);
}

struct retort_shape retort_shape_of(const struct retort_student *student)
{
    const struct tr_model *model = model_of(student);
    const struct space_shape *shape = &model->student->shape;

    return (struct retort_shape){shape->height, shape->width, shape->channels, shape->classes,
                                 model->weights->int8 != NULL};
}

const char *retort_note(const struct retort_student *student, const char *key)
{
    const struct tr_metadata *note = model_of(student)->metadata;

    while (note->key && strcmp(note->key, key) != 0)
        note++;
    return note->value;
}

void retort_run(struct retort_student *student, const uint8_t *pixels, int n, float *logits)
{
    assert(n >= 0 && (n == 0 || (pixels && logits)));
    tr_answering_run(&student->answering, pixels, n, logits);
}

const char *retort_version(void)
{
    return RT_VERSION;
}
