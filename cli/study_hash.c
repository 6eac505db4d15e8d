/* cli/study_hash.c -- what decides a study's trials, as one hash.
 *
 * The text that is hashed has one line `key=value` for each key of the table (study_keys.c), in
 * its order, so that a new key is covered without being listed here. What the table keeps outside
 * of struct study is added by hand.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

void study__hash_text(struct rt_hash *hash, const char *key, const char *value)
{
    rt_hash_add(hash, key, strlen(key));
    rt_hash_add(hash, "=", 1);
    rt_hash_add(hash, value, strlen(value));
    rt_hash_add(hash, "\n", 1);
}

void study__hash_real(struct rt_hash *hash, const char *key, double value)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%.17g", value);
    study__hash_text(hash, key, text);
}

void study__hash_integer(struct rt_hash *hash, const char *key, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    study__hash_text(hash, key, text);
}

static int64_t read_integer(const char *at, size_t bytes)
{
    int64_t wide;
    int narrow;

    if (bytes == sizeof wide) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow); /* int or an enum */
    return narrow;
}

static void add_value(struct rt_hash *hash, const char *key, const struct study_key *row,
                      const char *at)
{
    double real;
    bool truth;

    switch (row->value) {
    case STUDY_REAL:
        memcpy(&real, at, sizeof real);
        study__hash_real(hash, key, real);
        break;
    case STUDY_BOOL:
        memcpy(&truth, at, sizeof truth);
        study__hash_integer(hash, key, truth);
        break;
    case STUDY_TEXT: study__hash_text(hash, key, at); break;
    case STUDY_PATH: break; /* as written, in study->files */
    default: study__hash_integer(hash, key, read_integer(at, row->bytes)); break;
    }
}

static bool is_unsaid(const struct study_key *row, const char *at)
{
    return row->value == STUDY_TEXT ? !*at : read_integer(at, row->bytes) == (int64_t)row->least;
}

static void add_block(struct rt_hash *hash, const char *prefix, const struct study_key *keys,
                      const struct study *study, const char *block)
{
    const struct study_key *row;
    size_t at;

    for (int i = 0; (row = study__row(keys, study_task_of(study), i, &at)); i++) {
        const char *base = block + (at - row->at);
        char key[STUDY_KEY];

        (void)snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", row->key);
        if (row->unhashed || (row->newer && is_unsaid(row, block + at)))
            continue;
        if (row->value == STUDY_BLOCK)
            add_block(hash, key, row->keys, study, base);
        else if (row->entries) {
            const int64_t count = read_integer(base + row->count_at, sizeof(int));
            for (int64_t k = 0; k < count; k++)
                add_value(hash, key, row, block + at + (size_t)k * row->bytes);
        } else
            add_value(hash, key, row, block + at);
    }
}

void study_hash(const struct study *study, char text[RT_HASH_TEXT])
{
    struct rt_hash *hash = rt_hash_open();

    (void)snprintf(text, RT_HASH_TEXT, "no-memory");
    if (!hash)
        return;
    add_block(hash, "", study__keys, study, (const char *)study); /* struct study_file begins so */
    study__hash_text(hash, "files", study->files);
    study__hash_integer(hash, "prune.teacher", study->prune.teacher);
    for (int i = 0; i < study->search.objective_count; i++)
        study__hash_text(hash, "objective", study->search.objectives[i]);
    study__hash_integer(hash, "distill.layers.teacher", study->recipe.layers.teacher);
    for (int k = 0; k < study->teachers.count; k++)
        study__hash_teacher(hash, &study->teachers.teacher[k]);
    study__hash_external(hash, study);
    rt_hash_close(hash, text);
}

void study_full_hash(const struct study *study, const struct tr_recipe *recipe,
                     char text[RT_HASH_TEXT])
{
    struct rt_hash *hash = rt_hash_open();

    (void)snprintf(text, RT_HASH_TEXT, "no-memory");
    if (!hash)
        return;
    add_block(hash, "full", study__full_keys, study, (const char *)study);
    study__hash_integer(hash, "full.layers.teacher", study->full.layers.teacher);
    study__hash_integer(hash, "steps", recipe->steps);
    study__hash_integer(hash, "micro_batch", recipe->micro_batch);
    rt_hash_close(hash, text);
}
