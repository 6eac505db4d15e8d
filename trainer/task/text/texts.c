/* trainer/task/text/texts.c -- see texts.h. */
#include "trainer/task/text/texts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/wordnet.h"

enum { validating_fold = 8, testing_fold = 9 };

struct tr_span tr_texts_get(const struct tr_texts *texts, int row, int which)
{
    struct tr_span span = {0};

    if (which == 0 || texts->pairs)
        span.text = tr_table_field(&texts->table, row, which, &span.bytes);
    return span;
}

static rt_status read_wordnet(struct tr_texts *t, const char *folder, bool test, struct rt_err *err)
{
    int *fold;

    RT_TRY(tr_wordnet_read(folder, test ? testing_fold : 0, test ? testing_fold : validating_fold,
                           &t->table, &fold, err));
    for (int i = 0; i < t->table.rows; i++)
        if (fold[i] == validating_fold)
            fold[t->validation_count++] = i; /* never ahead of i */
    t->validation = fold;
    return RT_OK;
}

static rt_status read_labels(struct tr_texts *t, const char *path, const struct tr_texts_spec *spec,
                             const struct tr_labels *known, struct rt_err *err)
{
    const int column = 1 + t->pairs;
    const char *const *given = spec->wordnet ? tr_wordnet_labels : spec->label;
    const int count = spec->wordnet ? TR_WORDNET_LABELS : spec->labels;

    t->label = calloc((size_t)t->count, sizeof *t->label);
    if (!t->label)
        return rt_fail(err, RT_ENOMEM, "no memory for the labels of '%.200s'", path);
    if (!spec->table.column[TR_COLUMN_LABEL])
        return RT_OK;
    if (known)
        return tr_labels_read(known, path, &t->table, column, t->label, err);
    RT_TRY(tr_labels_find(&t->labels, path, &t->table, column, given, count, err));
    return tr_labels_read(&t->labels, path, &t->table, column, t->label, err);
}

static bool all_empty(const struct tr_texts *t)
{
    for (int i = 0; i < t->count; i++)
        for (int which = 0; which <= t->pairs; which++)
            if (tr_texts_get(t, i, which).bytes)
                return false;
    return true;
}

static rt_status hash_texts(struct tr_texts *t, struct rt_err *err)
{
    struct rt_hash *hash = rt_hash_open();
    const size_t fields = (size_t)t->count * t->table.columns;

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash the texts");
    rt_hash_add(hash, &t->count, sizeof t->count);
    rt_hash_add(hash, &t->table.columns, sizeof t->table.columns);
    rt_hash_add(hash, t->table.end, fields * sizeof *t->table.end);
    rt_hash_add(hash, t->table.bytes, t->table.end[fields - 1]);
    rt_hash_add(hash, t->label, (size_t)t->count * sizeof *t->label);
    rt_hash_close(hash, t->hash);
    return RT_OK;
}

static rt_status load(struct tr_texts *t, const char *path, const struct tr_texts_spec *spec,
                      const struct tr_labels *known, struct rt_err *err)
{
    if (spec->wordnet)
        RT_TRY(read_wordnet(t, path, known != NULL, err));
    else
        RT_TRY(tr_table_read(path, &spec->table, &t->table, err));
    t->count = t->table.rows;
    t->pairs = !spec->wordnet && spec->table.column[TR_COLUMN_TEXT_B];
    RT_TRY(read_labels(t, path, spec, known, err));
    if (all_empty(t))
        return rt_fail(err, RT_EFORMAT, "every text of '%.200s' is empty; is data.text its column?",
                       path);
    return hash_texts(t, err);
}

rt_status tr_texts_load(struct tr_texts *texts, const char *path, const struct tr_texts_spec *spec,
                        const struct tr_labels *known, struct rt_err *err)
{
    struct tr_texts t = {0};
    const rt_status rc = load(&t, path, spec, known, err);

    if (rc)
        tr_texts_release(&t);
    else
        *texts = t;
    return rc;
}

void tr_texts_release(struct tr_texts *t)
{
    tr_table_release(&t->table);
    tr_labels_release(&t->labels);
    free(t->label);
    free(t->validation);
    *t = (struct tr_texts){0};
}
