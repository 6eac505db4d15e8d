/* cli/study_hash.c -- what decides a study's trials, as one hash.
 *
 * The text that is hashed has one line `key=value` for each key of the table (study_schema.c), in
 * its order, so that a new key is covered without being listed here; only what does not decide
 * results is listed. What the table keeps outside of struct study is added by hand.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

static const char *const ignored[] = {
    "name",          "full",         "gates",           "evaluator",
    "search.trials", "search.hours", "search.patience", "search.workers"};

static bool is_ignored(const char *key)
{
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (strcmp(key, ignored[i]) == 0)
            return true;
    return false;
}

static void add(struct rt_hash *hash, const char *key, const char *value)
{
    rt_hash_add(hash, key, strlen(key));
    rt_hash_add(hash, "=", 1);
    rt_hash_add(hash, value, strlen(value));
    rt_hash_add(hash, "\n", 1);
}

static void add_real(struct rt_hash *hash, const char *key, double value)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%.17g", value);
    add(hash, key, text);
}

static void add_integer(struct rt_hash *hash, const char *key, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    add(hash, key, text);
}

static int64_t read_integer(const char *at, size_t size)
{
    int64_t wide;
    int narrow;

    if (size == sizeof wide) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow); /* int or an enum */
    return narrow;
}

static void add_value(struct rt_hash *hash, const char *key, const cyaml_schema_value_t *schema,
                      const char *at)
{
    double real;
    bool truth;

    switch (schema->type) {
    case CYAML_FLOAT:
        memcpy(&real, at, sizeof real);
        add_real(hash, key, real);
        break;
    case CYAML_BOOL:
        memcpy(&truth, at, sizeof truth);
        add_integer(hash, key, truth);
        break;
    case CYAML_STRING: add(hash, key, at); break;
    default: add_integer(hash, key, read_integer(at, schema->data_size)); break;
    }
}

static void add_block(struct rt_hash *hash, const char *prefix, const cyaml_schema_value_t *schema,
                      const char *base)
{
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++) {
        const char *at = base + f->data_offset;
        char key[STUDY_KEY];

        (void)snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", f->key);
        if (is_ignored(key) || f->data_offset >= sizeof(struct study))
            continue;
        if (f->value.type == CYAML_MAPPING)
            add_block(hash, key, &f->value, at);
        else if (f->value.type == CYAML_SEQUENCE) {
            const int64_t count = read_integer(base + f->count_offset, f->count_size);
            for (int64_t i = 0; i < count; i++)
                add_value(hash, key, f->value.sequence.entry, at + i * f->value.data_size);
        } else
            add_value(hash, key, &f->value, at);
    }
}

static void add_teacher(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    char arch[SPACE_ARCH_TEXT];

    add(hash, "teacher", teacher->name);
    add_real(hash, "weight", teacher->weight);
    if (teacher->recorded)
        return; /* its file counts by name, in study->files */
    space_arch_print(&teacher->arch, arch);
    add(hash, "arch", arch);
    add_real(hash, "epochs", teacher->epochs);
    add_integer(hash, "batch", teacher->batch);
    add_real(hash, "learning_rate", teacher->learning_rate);
    add_real(hash, "warmup", teacher->warmup);
    add_real(hash, "weight_decay", teacher->weight_decay);
    add_integer(hash, "seed", (int64_t)teacher->seed);
}

void study_hash(const struct study *study, char text[RT_HASH_TEXT])
{
    struct rt_hash *hash = rt_hash_open();

    (void)snprintf(text, RT_HASH_TEXT, "no-memory");
    if (!hash)
        return;
    add_block(hash, "", &study__schema, (const char *)study);
    add(hash, "files", study->files);
    add_integer(hash, "prune.teacher", study->prune.teacher);
    for (int i = 0; i < study->search.objective_count; i++)
        add(hash, "objective", study->search.objectives[i]);
    add_integer(hash, "distill.layers.teacher", study->recipe.layers.teacher);
    for (int k = 0; k < study->teachers.count; k++)
        add_teacher(hash, &study->teachers.teacher[k]);
    study__hash_external(hash, study);
    rt_hash_close(hash, text);
}
