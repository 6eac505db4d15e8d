/* cli/study_yaml.c -- the study file as a tree: checked against the table, and asked for places.
 *
 * Every value is checked here with its line and column, before libcyaml converts it. The tree is
 * libyaml's; a node's number is 0 where there is no node.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study_internal.h"

/* ---- the tree ---- */

static rt_status fail_at(const struct study_yaml *yaml, yaml_mark_t mark, rt_status code,
                         const char *key, const char *text, struct rt_err *err)
{
    const size_t length = strlen(yaml->path), most = 120;
    const bool cut = length > most;
    const rt_status rc = rt_fail(err, code, "'%s%s':%zu:%zu: %s%s%s", cut ? "..." : "",
                                 yaml->path + (cut ? length - most : 0), mark.line + 1,
                                 mark.column + 1, key, key[0] ? ": " : "", text);

    for (char *c = err ? err->text : NULL; c && *c; c++)
        if (iscntrl((unsigned char)*c)) /* what the file says may have line ends in it */
            *c = ' ';
    return rc;
}

static rt_status parse(struct study_yaml *yaml, yaml_parser_t *parser, struct rt_err *err)
{
    yaml_document_t second;
    yaml_mark_t mark;
    bool more;

    if (!yaml_parser_load(parser, &yaml->document)) {
        char text[160];
        (void)snprintf(text, sizeof text, "this is not YAML: %s",
                       parser->problem ? parser->problem : "out of memory");
        mark = parser->problem_mark;
        return fail_at(yaml, mark, RT_EFORMAT, "", text, err);
    }
    if (!yaml_document_get_root_node(&yaml->document)) {
        yaml_document_delete(&yaml->document);
        return fail_at(yaml, (yaml_mark_t){0}, RT_EFORMAT, "",
                       "the file is empty; see the examples for what a study says", err);
    }
    if (!yaml_parser_load(parser, &second))
        more = true;
    else {
        more = yaml_document_get_root_node(&second) != NULL;
        yaml_document_delete(&second);
    }
    if (!more)
        return RT_OK;
    mark = yaml->document.end_mark;
    yaml_document_delete(&yaml->document);
    return fail_at(yaml, mark, RT_EFORMAT, "",
                   "the study ends here, but the file goes on; a file holds one study", err);
}

rt_status study__yaml_open(struct study_yaml *yaml, const char *path, const char *text,
                           size_t bytes, struct rt_err *err)
{
    yaml_parser_t parser;
    rt_status rc;

    *yaml = (struct study_yaml){.path = path};
    if (!yaml_parser_initialize(&parser))
        return rt_fail(err, RT_ENOMEM, "no memory to read '%.200s'", path);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    rc = parse(yaml, &parser, err);
    yaml_parser_delete(&parser);
    return rc;
}

void study__yaml_close(struct study_yaml *yaml)
{
    yaml_document_delete(&yaml->document);
}

static yaml_node_t *node(struct study_yaml *yaml, int number)
{
    return yaml_document_get_node(&yaml->document, number);
}

static const char *scalar(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

/* The pair of a key in a block; NULL when it has none. */
static const yaml_node_pair_t *pair_of(struct study_yaml *yaml, const yaml_node_t *block,
                                       const char *key, size_t length)
{
    if (!block || block->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = block->data.mapping.pairs.start;
         p < block->data.mapping.pairs.top; p++) {
        const char *name = scalar(node(yaml, p->key));
        if (strlen(name) == length && strncmp(name, key, length) == 0)
            return p;
    }
    return NULL;
}

/* The node of a key like "teachers.members[2].name", or the last one there is on the way to it. */
static const yaml_node_t *find(struct study_yaml *yaml, const char *key, bool *whole)
{
    const yaml_node_t *at = yaml_document_get_root_node(&yaml->document);

    *whole = false;
    while (*key) {
        if (*key == '[') {
            const long index = strtol(key + 1, NULL, 10);
            if (at->type != YAML_SEQUENCE_NODE ||
                index >= at->data.sequence.items.top - at->data.sequence.items.start)
                return at;
            at = node(yaml, at->data.sequence.items.start[index]);
            key += strcspn(key, "]") + 1;
        } else {
            const size_t length = strcspn(key, ".[");
            const yaml_node_pair_t *pair = pair_of(yaml, at, key, length);
            if (!pair)
                return at;
            at = node(yaml, pair->value);
            key += length;
        }
        key += *key == '.';
    }
    *whole = true;
    return at;
}

bool study__given(struct study_yaml *yaml, const char *key)
{
    bool whole;

    (void)find(yaml, key, &whole);
    return whole;
}

rt_status study__fail(struct study_yaml *yaml, const char *key, struct rt_err *err,
                      const char *format, ...)
{
    char text[256];
    bool whole;
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return fail_at(yaml, find(yaml, key, &whole)->start_mark, RT_EARG, key, text, err);
}

/* ---- the check ---- */

struct check { /* of one value */
    struct study_yaml *yaml;
    const yaml_node_t *node;
    const char *key; /* with its place in the file */
    struct rt_err *err;
};

__attribute__((format(printf, 2, 3))) static rt_status refuse(const struct check *c,
                                                              const char *format, ...)
{
    char text[256];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return fail_at(c->yaml, c->node->start_mark, RT_EARG, c->key, text, c->err);
}

static rt_status refuse_type(const struct check *c, const char *want)
{
    switch (c->node->type) {
    case YAML_MAPPING_NODE: return refuse(c, "expects %s, not a block of keys", want);
    case YAML_SEQUENCE_NODE: return refuse(c, "expects %s, not a list", want);
    default:
        if (!scalar(c->node)[0])
            return refuse(c, "expects %s, but nothing is given", want);
        return refuse(c, "expects %s, not '%.60s'", want, scalar(c->node));
    }
}

static rt_status check_range(const struct check *c, double value)
{
    const struct study_range *range = study__range(c->key);

    if (range && !(value >= range->least && value <= range->most))
        return refuse(c, "%.60s is out of range; give %.15g to %.15g", scalar(c->node),
                      range->least, range->most);
    return RT_OK;
}

static rt_status check_integer(const struct check *c)
{
    static const char want[] = "a whole number like 16";
    const char *text = scalar(c->node);
    const char *digits = text + (*text == '-');
    const size_t count = strspn(digits, "0123456789");

    if (!count || digits[count] || (digits[0] == '0' && count > 1))
        return refuse_type(c, want);
    return check_range(c, strtod(text, NULL)); /* ranges keep values exact and within their type */
}

static rt_status check_real(const struct check *c)
{
    static const char want[] = "a number like 0.5";
    const char *text = scalar(c->node);
    char *end;

    if (!*text || text[strspn(text, "+-.0123456789eE")])
        return refuse_type(c, want);
    const double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return refuse_type(c, want);
    return check_range(c, value);
}

static rt_status check_bool(const struct check *c)
{
    const char *text = scalar(c->node);

    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return refuse_type(c, "true or false");
    return RT_OK;
}

static rt_status check_text(const struct check *c, const cyaml_schema_value_t *schema)
{
    const size_t length = strlen(scalar(c->node));

    if (length < schema->string.min)
        return refuse_type(c, "a text");
    if (length > schema->string.max)
        return refuse(c, "this text of %zu bytes is too long; give at most %u", length,
                      (unsigned)schema->string.max);
    return RT_OK;
}

static rt_status check_word(const struct check *c, const cyaml_schema_value_t *schema)
{
    char list[160];
    size_t used = 0;

    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;
        if (strcmp(word, scalar(c->node)) == 0)
            return RT_OK;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, i ? ", %s" : "%s", word);
    }
    return refuse(c, "unknown value '%.40s'; give %s%s", scalar(c->node),
                  schema->enumeration.count > 1 ? "one of " : "", list);
}

static rt_status check_scalar(const struct check *c, const cyaml_schema_value_t *schema)
{
    if (c->node->type != YAML_SCALAR_NODE)
        return refuse_type(c, schema->type == CYAML_STRING || schema->type == CYAML_ENUM
                                  ? "one word"
                                  : "one value");
    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT: return check_integer(c);
    case CYAML_FLOAT: return check_real(c);
    case CYAML_BOOL: return check_bool(c);
    case CYAML_ENUM: return check_word(c, schema);
    default: return check_text(c, schema);
    }
}

/* How many letters must be changed, added or left out to make one word of the other. */
static size_t slips(const char *a, const char *b)
{
    enum { most = 40 };
    const size_t na = strlen(a), nb = strlen(b);
    size_t row[most + 1];

    if (na > most || nb > most)
        return most;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 0; i < na; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < nb; j++) {
            const size_t change = corner + (a[i] != b[j]);
            const size_t drop = row[j + 1] + 1, add = row[j] + 1;
            corner = row[j + 1];
            row[j + 1] = change < drop ? change : drop;
            row[j + 1] = row[j + 1] < add ? row[j + 1] : add;
        }
    }
    return row[nb];
}

static rt_status refuse_key(const struct check *c, const cyaml_schema_field_t *fields,
                            const char *name)
{
    const char *nearest = NULL;
    size_t least = strlen(name) / 2 + 1, used = 0;
    char list[300] = "";

    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        const size_t n = slips(name, f->key);
        if (n < least) {
            least = n;
            nearest = f->key;
        }
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, used ? ", %s" : "%s", f->key);
    }
    if (nearest)
        return refuse(c, "unknown key '%.40s', did you mean '%s'?", name, nearest);
    return refuse(c, "unknown key '%.40s'; the keys here are %.160s%s", name, list,
                  used > 160 ? ", ..." : "");
}

static rt_status check_value(const struct check *c, const cyaml_schema_value_t *schema);

static rt_status check_entry(const struct check *block, const cyaml_schema_value_t *schema,
                             const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = node(block->yaml, pair->key);
    struct check c = {block->yaml, name, block->key, block->err};
    char key[STUDY_KEY];

    if (name->type != YAML_SCALAR_NODE)
        return refuse_type(&c, "a key");
    const cyaml_schema_field_t *field = schema->mapping.fields;
    while (field->key && strcmp(field->key, scalar(name)) != 0)
        field++;
    if (!field->key)
        return refuse_key(&c, schema->mapping.fields, scalar(name));
    (void)snprintf(key, sizeof key, "%s%s%s", block->key, block->key[0] ? "." : "", field->key);
    c.key = key;
    if (pair_of(block->yaml, block->node, field->key, strlen(field->key)) != pair)
        return refuse(&c, "this key is given twice; leave one out");
    c.node = node(block->yaml, pair->value);
    return check_value(&c, &field->value);
}

static rt_status check_block(const struct check *c, const cyaml_schema_value_t *schema)
{
    if (c->node->type != YAML_MAPPING_NODE)
        return refuse_type(c, "a block of keys");
    for (const yaml_node_pair_t *p = c->node->data.mapping.pairs.start;
         p < c->node->data.mapping.pairs.top; p++)
        RT_TRY(check_entry(c, schema, p));
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++)
        if (!(f->value.flags & CYAML_FLAG_OPTIONAL) &&
            !pair_of(c->yaml, c->node, f->key, strlen(f->key)))
            return refuse(c, "the key '%s' is missing; add it", f->key);
    return RT_OK;
}

static rt_status check_list(const struct check *c, const cyaml_schema_value_t *schema)
{
    if (c->node->type != YAML_SEQUENCE_NODE)
        return refuse_type(c, "a list like [1, 2]");
    const yaml_node_item_t *items = c->node->data.sequence.items.start;
    const ptrdiff_t count = c->node->data.sequence.items.top - items;
    if (!count)
        return refuse(c, "the list is empty; give 1 to %u entries", (unsigned)schema->sequence.max);
    if (count > (ptrdiff_t)schema->sequence.max)
        return refuse(c, "the list has %td entries; give at most %u", count,
                      (unsigned)schema->sequence.max);
    for (ptrdiff_t i = 0; i < count; i++) {
        char key[STUDY_KEY];
        (void)snprintf(key, sizeof key, "%s[%td]", c->key, i);
        const struct check entry = {c->yaml, node(c->yaml, items[i]), key, c->err};
        RT_TRY(check_value(&entry, schema->sequence.entry));
    }
    return RT_OK;
}

static rt_status check_value(const struct check *c, const cyaml_schema_value_t *schema)
{
    switch (schema->type) {
    case CYAML_MAPPING: return check_block(c, schema);
    case CYAML_SEQUENCE: return check_list(c, schema);
    default: return check_scalar(c, schema);
    }
}

rt_status study__check(struct study_yaml *yaml, struct rt_err *err)
{
    const struct check c = {yaml, yaml_document_get_root_node(&yaml->document), "", err};

    return check_value(&c, &study__schema);
}

/* ---- what is given ---- */

static void take_block(struct study_yaml *yaml, const yaml_node_t *block,
                       const cyaml_schema_value_t *schema, const char *from, char *to);

static void take_list(struct study_yaml *yaml, const yaml_node_t *list,
                      const cyaml_schema_field_t *field, const char *from, char *to)
{
    const cyaml_schema_value_t *entry = field->value.sequence.entry;
    const yaml_node_item_t *items = list->data.sequence.items.start;
    const ptrdiff_t count = list->data.sequence.items.top - items;
    const ptrdiff_t at = field->data_offset, size = field->value.data_size;

    memcpy(to + field->count_offset, from + field->count_offset, field->count_size);
    if (entry->type != CYAML_MAPPING)
        memcpy(to + at, from + at, (size_t)(count * size));
    else
        for (ptrdiff_t i = 0; i < count; i++)
            take_block(yaml, node(yaml, items[i]), entry, from + at + i * size, to + at + i * size);
}

static void take_block(struct study_yaml *yaml, const yaml_node_t *block,
                       const cyaml_schema_value_t *schema, const char *from, char *to)
{
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++) {
        const yaml_node_pair_t *pair = pair_of(yaml, block, f->key, strlen(f->key));
        const yaml_node_t *value = pair ? node(yaml, pair->value) : NULL;

        if (!value)
            continue;
        if (f->value.type == CYAML_MAPPING)
            take_block(yaml, value, &f->value, from + f->data_offset, to + f->data_offset);
        else if (f->value.type == CYAML_SEQUENCE)
            take_list(yaml, value, f, from, to);
        else
            memcpy(to + f->data_offset, from + f->data_offset, f->value.data_size);
    }
}

void study__take(struct study_yaml *yaml, const struct study_file *from, struct study_file *to)
{
    take_block(yaml, yaml_document_get_root_node(&yaml->document), &study__schema,
               (const char *)from, (char *)to);
}
