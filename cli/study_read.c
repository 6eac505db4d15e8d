/* cli/study_read.c -- the one walk over a study file: every value is checked against its line of
 * the table and put into its place.
 *
 * Numbers are read by hand, since `010`, `1.5` for a whole number and `0x10` mean something to C
 * and something else to whoever wrote them.
 */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/study_internal.h"

struct reading { /* of one value */
    const struct study_yaml *yaml;
    const struct study_task *task;
    const struct study_node *node;
    const char *key; /* with its place in the file */
    struct rt_err *err;
};

__attribute__((format(printf, 2, 3))) static rt_status refuse(const struct reading *r,
                                                              const char *format, ...)
{
    char text[256];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return study__fail_at(r->yaml, r->node, r->key, r->err, "%s", text);
}

static rt_status refuse_type(const struct reading *r, const char *want)
{
    switch (r->node->kind) {
    case STUDY_KEYS: return refuse(r, "expects %s, not a block of keys", want);
    case STUDY_ENTRIES: return refuse(r, "expects %s, not a list", want);
    default:
        if (!study__text(r->node)[0])
            return refuse(r, "expects %s, but nothing is given", want);
        return refuse(r, "expects %s, not '%.60s'", want, study__text(r->node));
    }
}

/* ---- one value ---- */

static rt_status check_range(const struct reading *r, const struct study_key *row, double value)
{
    if (value >= row->least && value <= row->most)
        return RT_OK;
    return refuse(r, "%.60s is out of range; give %.15g to %.15g", study__text(r->node), row->least,
                  row->most);
}

static rt_status read_int(const struct reading *r, const struct study_key *row, void *to)
{
    const char *text = study__text(r->node);
    const char *digits = text + (*text == '-');
    const size_t count = strspn(digits, "0123456789");

    if (!count || digits[count] || (digits[0] == '0' && count > 1))
        return refuse_type(r, "a whole number like 16");
    RT_TRY(check_range(r, row, strtod(text, NULL)));
    study__set_int(to, row->bytes, strtoll(text, NULL, 10));
    return RT_OK;
}

static rt_status read_real(const struct reading *r, const struct study_key *row, void *to)
{
    static const char want[] = "a number like 0.5";
    const char *text = study__text(r->node);
    char *end;

    if (!*text || text[strspn(text, "+-.0123456789eE")])
        return refuse_type(r, want);
    const double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return refuse_type(r, want);
    RT_TRY(check_range(r, row, value));
    assert(row->bytes == sizeof value);
    memcpy(to, &value, sizeof value);
    return RT_OK;
}

static rt_status read_bool(const struct reading *r, const struct study_key *row, void *to)
{
    const char *text = study__text(r->node);
    const bool value = strcmp(text, "true") == 0;

    if (!value && strcmp(text, "false") != 0)
        return refuse_type(r, "true or false");
    assert(row->bytes == sizeof value);
    (void)row; /* an assertion's alone */
    memcpy(to, &value, sizeof value);
    return RT_OK;
}

static rt_status read_text(const struct reading *r, const struct study_key *row, void *to)
{
    const char *text = study__text(r->node);
    const size_t length = strlen(text);

    if (!length)
        return refuse_type(r, "a text");
    if (length >= row->bytes)
        return refuse(r, "this text of %zu bytes is too long; give at most %zu", length,
                      row->bytes - 1);
    memcpy(to, text, length + 1);
    return RT_OK;
}

static rt_status read_word(const struct reading *r, const struct study_key *row, void *to)
{
    char list[160];
    size_t used = 0;
    int i = 0;

    for (; row->words[i]; i++) {
        if (strcmp(row->words[i], study__text(r->node)) == 0) {
            study__set_int(to, row->bytes, i);
            return RT_OK;
        }
        if (used < sizeof list)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, i ? ", %s" : "%s", row->words[i]);
    }
    return refuse(r, "unknown value '%.40s'; give %s%s", study__text(r->node),
                  i > 1 ? "one of " : "", list);
}

static rt_status read_scalar(const struct reading *r, const struct study_key *row, void *to)
{
    const bool text = row->value == STUDY_TEXT || row->value == STUDY_PATH;

    if (r->node->kind != STUDY_SCALAR)
        return refuse_type(r, text || row->value == STUDY_WORD ? "one word" : "one value");
    switch (row->value) {
    case STUDY_INT: return read_int(r, row, to);
    case STUDY_REAL: return read_real(r, row, to);
    case STUDY_BOOL: return read_bool(r, row, to);
    case STUDY_WORD: return read_word(r, row, to);
    default: return read_text(r, row, to);
    }
}

/* ---- keys ---- */

static rt_status refuse_key(const struct reading *r, const struct study_key *keys, const char *name)
{
    const struct study_key *row;
    const char *nearest = NULL;
    size_t least = strlen(name) / 2 + 1, used = 0, at;
    char list[300] = "";

    for (int i = 0; (row = study__row(keys, r->task, i, &at)); i++) {
        const size_t n = rt_edit_distance(name, row->key);
        if (n < least) {
            least = n;
            nearest = row->key;
        }
        if (used < sizeof list)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, used ? ", %s" : "%s", row->key);
    }
    if (nearest)
        return refuse(r, "unknown key '%.40s', did you mean '%s'?", name, nearest);
    return refuse(r, "unknown key '%.40s'; the keys here are %.160s%s", name, list,
                  used > 160 ? ", ..." : "");
}

static rt_status read_value(const struct reading *r, const struct study_key *row, char *block,
                            size_t at);

/* Of two rows with one key a list is meant by the one that is a list. From row i on. */
static void prefer_list(const struct reading *r, const struct study_key *keys,
                        const struct study_key **row, size_t *at, int i)
{
    const struct study_key *other;
    size_t other_at;

    if (r->node->kind != STUDY_ENTRIES || (*row)->entries)
        return;
    for (; (other = study__row(keys, r->task, i, &other_at)); i++)
        if (other->entries && strcmp(other->key, (*row)->key) == 0) {
            *row = other;
            *at = other_at;
            return;
        }
}

/* A key of a block, `name` its node, whose value goes into `block`, a struct. */
static rt_status read_key(const struct reading *outer, const struct study_key *keys,
                          const struct study_node *name, char *block)
{
    struct reading r = *outer;
    const struct study_key *row;
    const char *text = study__text(name);
    char key[STUDY_KEY];
    size_t at;
    int i = 0;

    r.node = name;
    if (name->kind != STUDY_SCALAR)
        return refuse_type(&r, "a key");
    while ((row = study__row(keys, r.task, i, &at)) && strcmp(row->key, text) != 0)
        i++;
    if (!row)
        return refuse_key(&r, keys, text);
    r.node = study__next(r.yaml, name);
    prefer_list(&r, keys, &row, &at, i + 1);
    (void)snprintf(key, sizeof key, "%s%s%s", outer->key, outer->key[0] ? "." : "", row->key);
    r.key = key;
    if (study__key(r.yaml, outer->node, text) != name)
        return study__fail_at(r.yaml, name, key, r.err, "this key is given twice; leave one out");
    return read_value(&r, row, block, at);
}

static rt_status read_block(const struct reading *r, const struct study_key *keys, char *block)
{
    const struct study_key *row;
    size_t at;

    if (r->node->kind != STUDY_KEYS)
        return refuse_type(r, "a block of keys");
    for (const struct study_node *name = study__first(r->yaml, r->node); name;
         name = study__next(r->yaml, study__next(r->yaml, name)))
        RT_TRY(read_key(r, keys, name, block));
    for (int i = 0; (row = study__row(keys, r->task, i, &at)); i++)
        if (row->required && !study__key(r->yaml, r->node, row->key))
            return refuse(r, "the key '%s' is missing; add it", row->key);
    return RT_OK;
}

/* ---- lists ---- */

static rt_status read_list(const struct reading *list, const struct study_key *row, char *block,
                           size_t at)
{
    const struct study_node *node = study__first(list->yaml, list->node);
    struct reading r = *list;
    char key[STUDY_KEY];
    int count = 0;

    if (list->node->kind != STUDY_ENTRIES)
        return refuse_type(list, "a list like [1, 2]");
    for (const struct study_node *n = node; n; n = study__next(list->yaml, n))
        count++;
    if (!count)
        return refuse(list, "the list is empty; give 1 to %d entries", row->entries);
    if (count > row->entries)
        return refuse(list, "the list has %d entries; give at most %d", count, row->entries);
    r.key = key;
    for (int i = 0; i < count; i++, node = study__next(list->yaml, node)) {
        char *to = block + at + (size_t)i * row->bytes;
        r.node = node;
        (void)snprintf(key, sizeof key, "%s[%d]", list->key, i);
        RT_TRY(row->value == STUDY_BLOCK ? read_block(&r, row->keys, to)
                                         : read_scalar(&r, row, to));
    }
    memcpy(block + (at - row->at) + row->count_at, &count, sizeof count);
    return RT_OK;
}

/* `at` is the row's place and what the task's keys are further on. */
static rt_status read_value(const struct reading *r, const struct study_key *row, char *block,
                            size_t at)
{
    if (row->or_one && r->node->kind != STUDY_ENTRIES) {
        const int one = 1;
        RT_TRY(read_scalar(r, row, block + at));
        memcpy(block + (at - row->at) + row->count_at, &one, sizeof one);
        return RT_OK;
    }
    if (row->entries)
        return read_list(r, row, block, at);
    if (row->value == STUDY_BLOCK)
        return read_block(r, row->keys, block + (at - row->at));
    return read_scalar(r, row, block + at);
}

/* ---- the file ---- */

const struct study_key *study__row(const struct study_key *keys, const struct study_task *task,
                                   int i, size_t *at)
{
    for (; keys->key; keys++) {
        const bool task_s = keys->value >= STUDY_TASK_BLOCKS;
        const struct study_key *own = keys->value == STUDY_TASK_BLOCKS  ? task->blocks
                                      : keys->value == STUDY_TASK_DATA  ? task->data
                                      : keys->value == STUDY_TASK_SPACE ? task->space
                                                                        : NULL;
        if (!task_s && i-- == 0) {
            *at = keys->at;
            return keys;
        }
        for (; own && own->key; own++)
            if (i-- == 0) {
                *at = keys->at + own->at;
                return own;
            }
    }
    return NULL;
}

void study__set_int(void *to, size_t bytes, int64_t value)
{
    const int narrow = (int)value;

    assert(bytes == sizeof value || (bytes == sizeof narrow && narrow == value));
    memcpy(to, bytes == sizeof value ? (const void *)&value : &narrow, bytes);
}

/* Before all else, since the other keys depend on it; what is wrong with it is told in its turn. */
static int task_of(const struct study_yaml *yaml)
{
    bool whole;
    const char *name = study__text(study__find(yaml, "task", &whole));

    for (int i = 0; whole && study_tasks[i]; i++)
        if (strcmp(study_tasks[i]->name, name) == 0)
            return i;
    return 0;
}

rt_status study__read(const struct study_yaml *yaml, struct study_file *file, struct rt_err *err)
{
    const struct reading r = {yaml, study_tasks[task_of(yaml)], yaml->node, "", err};
    bool full;

    assert(r.task);
    if (r.task->defaults) {
        r.task->defaults(&file->study);
        memcpy(file->objective[0], file->study.search.objectives[0], sizeof file->objective[0]);
    }
    RT_TRY(read_block(&r, study__keys, (char *)file));
    file->study.full = file->study.recipe; /* which it is where it says nothing itself */
    memcpy(file->layers_teacher.full, file->layers_teacher.recipe,
           sizeof file->layers_teacher.full);
    const struct reading again = {yaml, r.task, study__find(yaml, "full", &full), "full", err};
    return full ? read_block(&again, study__full_keys, (char *)file) : RT_OK;
}
