/* trainer/task/text/labels.c -- see labels.h. */
#include "trainer/task/text/labels.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* memcmp() order of two texts, the shorter first. */
static int compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    const int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* Its place among sorted names, or where it would go. */
static bool find_sorted(const struct tr_labels *labels, const char *text, size_t bytes, int *at)
{
    int low = 0, high = labels->count;

    while (low < high) {
        const int middle = (low + high) / 2;
        const char *name = labels->name[middle];
        const int order = compare(text, bytes, name, strlen(name));
        if (!order) {
            *at = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *at = low;
    return false;
}

static rt_status check_name(const char *file, int line, const char *text, size_t bytes,
                            struct rt_err *err)
{
    if (!bytes)
        return rt_fail(err, RT_EFORMAT, "'%.160s':%d: the label is empty; every row needs one",
                       file, line);
    if (bytes >= TR_LABEL_NAME || memchr(text, '\n', bytes))
        return rt_fail(err, RT_EFORMAT,
                       "'%.160s':%d: the label has %zu bytes, want 1 to %d on one line; is "
                       "data.label the right column?",
                       file, line, bytes, TR_LABEL_NAME - 1);
    return RT_OK;
}

/* All distinct ones, sorted. */
static rt_status collect(struct tr_labels *labels, const char *file, const struct tr_table *table,
                         int column, struct rt_err *err)
{
    for (int row = 0; row < table->rows; row++) {
        size_t bytes;
        const char *text = tr_table_field(table, row, column, &bytes);
        int at;

        RT_TRY(check_name(file, table->line[row], text, bytes, err));
        if (find_sorted(labels, text, bytes, &at))
            continue;
        if (labels->count == TR_LABELS_MAX)
            return rt_fail(err, RT_EFORMAT,
                           "'%.160s':%d: more than %d labels; is data.label the right column?",
                           file, table->line[row], TR_LABELS_MAX);
        memmove(labels->name + at + 1, labels->name + at,
                (size_t)(labels->count - at) * sizeof *labels->name);
        memset(labels->name[at], 0, sizeof *labels->name);
        memcpy(labels->name[at], text, bytes);
        labels->count++;
    }
    return RT_OK;
}

/* A whole number without signs and leading zeros; -1 when it is none. */
static int whole(const char *name)
{
    char *end;
    const long number = strtol(name, &end, 10);

    if (name[0] < '0' || name[0] > '9' || *end || (name[0] == '0' && name[1]) || number > 99999)
        return -1;
    return (int)number;
}

static bool fraction(const char *name)
{
    char *end;

    (void)strtod(name, &end);
    return end != name && !*end && strchr(name, '.');
}

/* Names that are 0 and other whole numbers become all numbers up to the largest. */
static rt_status number_them(struct tr_labels *labels, const char *file, struct rt_err *err)
{
    int largest = 0, fractions = 0;

    for (int i = 0; i < labels->count; i++) {
        const int number = whole(labels->name[i]);
        fractions += fraction(labels->name[i]);
        largest = number < 0 || largest < 0 ? -1 : number > largest ? number : largest;
    }
    if (fractions)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has labels like '%s': a regression, which this task has no loss "
                       "for; want classes",
                       file, labels->name[0]);
    if (largest < 0 || strcmp(labels->name[0], "0") != 0)
        return RT_OK;
    if (largest >= TR_LABELS_MAX)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has the label %d, want 0 to %d", file, largest,
                       TR_LABELS_MAX - 1);
    labels->count = largest + 1;
    for (int i = 0; i < labels->count; i++)
        (void)snprintf(labels->name[i], sizeof *labels->name, "%d", i);
    return RT_OK;
}

static rt_status take_given(struct tr_labels *labels, const char *const *given, int count,
                            struct rt_err *err)
{
    for (int i = 0; i < count; i++) {
        RT_TRY(check_name("data.labels", i + 1, given[i], strlen(given[i]), err));
        for (int j = 0; j < i; j++)
            if (strcmp(given[i], given[j]) == 0)
                return rt_fail(err, RT_EARG, "data.labels names '%s' twice", given[i]);
        memcpy(labels->name[i], given[i], strlen(given[i]) + 1);
    }
    labels->count = count;
    return RT_OK;
}

rt_status tr_labels_find(struct tr_labels *labels, const char *file, const struct tr_table *table,
                         int column, const char *const *given, int given_count, struct rt_err *err)
{
    struct tr_labels found = {.name = calloc(TR_LABELS_MAX + 1, sizeof *found.name)};
    rt_status rc;

    assert(given_count <= TR_LABELS_MAX);
    if (!found.name)
        return rt_fail(err, RT_ENOMEM, "no memory for the labels of '%.200s'", file);
    if (given_count)
        rc = take_given(&found, given, given_count, err);
    else if (!(rc = collect(&found, file, table, column, err)))
        rc = number_them(&found, file, err);
    if (!rc && found.count < 2)
        rc = rt_fail(err, RT_EFORMAT, "'%.200s' has the single label '%s'; want at least 2", file,
                     found.name[0]);
    if (rc) {
        tr_labels_release(&found);
        return rc;
    }
    *labels = found;
    return RT_OK;
}

/* Few names, and most rows have one of the first: no table is needed. */
static int find_name(const struct tr_labels *labels, const char *text, size_t bytes)
{
    for (int i = 0; i < labels->count; i++)
        if (strncmp(labels->name[i], text, bytes) == 0 && !labels->name[i][bytes])
            return i;
    return -1;
}

rt_status tr_labels_read(const struct tr_labels *labels, const char *file,
                         const struct tr_table *table, int column, int *label, struct rt_err *err)
{
    for (int row = 0; row < table->rows; row++) {
        size_t bytes;
        const char *text = tr_table_field(table, row, column, &bytes);

        RT_TRY(check_name(file, table->line[row], text, bytes, err));
        label[row] = find_name(labels, text, bytes);
        if (label[row] < 0)
            return rt_fail(err, RT_EFORMAT,
                           "'%.160s':%d: the label '%.*s' is none of the %d that the study has "
                           "('%s', '%s', ..)",
                           file, table->line[row], (int)bytes, text, labels->count, labels->name[0],
                           labels->name[1]);
    }
    return RT_OK;
}

void tr_labels_release(struct tr_labels *labels)
{
    free(labels->name);
    *labels = (struct tr_labels){0};
}
