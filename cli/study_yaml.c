/* cli/study_yaml.c -- the text of a study as a tree whose nodes know their lines.
 *
 * Made of libyaml's events rather than by its loader, so that what a study has no use for ends the
 * reading where it stands: aliases, of which a few lines can make millions of nodes, and nesting
 * deeper than any key. What is in the tree is as large as the file at most.
 */
#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "cli/study_internal.h"

/* ---- errors ---- */

static rt_status fail_at(const struct study_yaml *yaml, struct study_mark mark, rt_status code,
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

rt_status study__fail_at(const struct study_yaml *yaml, const struct study_node *node,
                         const char *key, struct rt_err *err, const char *format, ...)
{
    char text[256];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return fail_at(yaml, node->mark, RT_EARG, key, text, err);
}

rt_status study__fail(const struct study_yaml *yaml, const char *key, struct rt_err *err,
                      const char *format, ...)
{
    char text[256];
    bool whole;
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return fail_at(yaml, study__find(yaml, key, &whole)->mark, RT_EARG, key, text, err);
}

/* ---- from events to nodes ---- */

struct builder {
    struct study_yaml *yaml;
    yaml_parser_t parser;
    struct study_mark end;     /* of the document */
    int open[STUDY_MAX_DEPTH]; /* the blocks and lists that are not complete, outermost first */
    int last[STUDY_MAX_DEPTH]; /* the newest child of each; 0: none */
    int depth, room;
    struct rt_err *err;
};

static struct study_mark mark_of(yaml_mark_t mark)
{
    return (struct study_mark){mark.line, mark.column};
}

static rt_status no_memory(const struct builder *b)
{
    return rt_fail(b->err, RT_ENOMEM, "no memory to read '%.200s'", b->yaml->path);
}

/* Below what is open; texts are owned by the tree. */
static rt_status add_node(struct builder *b, enum study_node_kind kind, char *text,
                          const yaml_event_t *event)
{
    struct study_yaml *yaml = b->yaml;

    if (yaml->count == b->room) {
        const int room = b->room ? 2 * b->room : 256;
        struct study_node *more = realloc(yaml->node, (size_t)room * sizeof *more);
        if (!more) {
            free(text);
            return no_memory(b);
        }
        yaml->node = more;
        b->room = room;
    }
    yaml->node[yaml->count] =
        (struct study_node){.kind = kind, .text = text, .mark = mark_of(event->start_mark)};
    if (b->depth) {
        int *last = &b->last[b->depth - 1];
        *(*last ? &yaml->node[*last].next : &yaml->node[b->open[b->depth - 1]].first) = yaml->count;
        *last = yaml->count;
    }
    yaml->count++;
    return RT_OK;
}

static rt_status open_node(struct builder *b, enum study_node_kind kind, const yaml_event_t *event)
{
    if (b->depth == STUDY_MAX_DEPTH)
        return fail_at(b->yaml, mark_of(event->start_mark), RT_EARG, "",
                       "this is nested deeper than anything that a study says", b->err);
    RT_TRY(add_node(b, kind, NULL, event));
    b->open[b->depth] = b->yaml->count - 1;
    b->last[b->depth++] = 0;
    return RT_OK;
}

static rt_status add_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    char *text;

    if (strlen(value) != event->data.scalar.length)
        return fail_at(b->yaml, mark_of(event->start_mark), RT_EARG, "",
                       "this text has a zero byte in it; leave it out", b->err);
    if (!(text = strdup(value)))
        return no_memory(b);
    return add_node(b, STUDY_SCALAR, text, event);
}

static rt_status take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(b->yaml, mark_of(event->start_mark), RT_EARG, "",
                       "aliases are not for study files; write the value out", b->err);
    case YAML_SCALAR_EVENT: return add_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT: return open_node(b, STUDY_ENTRIES, event);
    case YAML_MAPPING_START_EVENT: return open_node(b, STUDY_KEYS, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(b->depth > 0);
        b->depth--;
        return RT_OK;
    case YAML_DOCUMENT_END_EVENT: b->end = mark_of(event->end_mark); return RT_OK;
    default: return RT_OK;
    }
}

static rt_status refuse_syntax(const struct builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    char text[160];

    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(b);
    (void)snprintf(text, sizeof text, "this is not YAML: %s", parser->problem);
    return fail_at(b->yaml, mark_of(parser->problem_mark), RT_EFORMAT, "", text, b->err);
}

static rt_status refuse_second(const struct builder *b)
{
    return fail_at(b->yaml, b->end, RT_EFORMAT, "",
                   "the study ends here, but the file goes on; a file holds one study", b->err);
}

/* One document, and nothing behind it. */
static rt_status build(struct builder *b)
{
    yaml_event_type_t type = YAML_NO_EVENT;
    bool ended = false;

    while (type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event))
            return ended ? refuse_second(b) : refuse_syntax(b);
        type = event.type;
        const rt_status rc =
            ended && type == YAML_DOCUMENT_START_EVENT ? refuse_second(b) : take_event(b, &event);
        ended = ended || type == YAML_DOCUMENT_END_EVENT;
        yaml_event_delete(&event);
        RT_TRY(rc);
    }
    if (!b->yaml->count)
        return fail_at(b->yaml, (struct study_mark){0}, RT_EFORMAT, "",
                       "the file is empty; see the examples for what a study says", b->err);
    return RT_OK;
}

rt_status study__yaml_open(struct study_yaml *yaml, const char *path, const char *text,
                           size_t bytes, struct rt_err *err)
{
    struct builder b = {.yaml = yaml, .err = err};
    rt_status rc;

    *yaml = (struct study_yaml){.path = path};
    if (!yaml_parser_initialize(&b.parser))
        return no_memory(&b);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, bytes);
    if ((rc = build(&b)))
        study__yaml_close(yaml);
    yaml_parser_delete(&b.parser);
    return rc;
}

void study__yaml_close(struct study_yaml *yaml)
{
    for (int i = 0; i < yaml->count; i++)
        free(yaml->node[i].text);
    free(yaml->node);
    yaml->node = NULL;
    yaml->count = 0;
}

/* ---- what is where ---- */

const struct study_node *study__first(const struct study_yaml *yaml, const struct study_node *of)
{
    return of->first ? &yaml->node[of->first] : NULL;
}

const struct study_node *study__next(const struct study_yaml *yaml, const struct study_node *node)
{
    return node->next ? &yaml->node[node->next] : NULL;
}

const char *study__text(const struct study_node *node)
{
    return node->kind == STUDY_SCALAR ? node->text : "";
}

/* The first `length` letters of `key` as a key of a block; NULL when it is not given. */
static const struct study_node *key_node(const struct study_yaml *yaml,
                                         const struct study_node *block, const char *key,
                                         size_t length)
{
    const struct study_node *at = block->kind == STUDY_KEYS ? study__first(yaml, block) : NULL;

    while (at && (strlen(study__text(at)) != length || strncmp(study__text(at), key, length) != 0))
        at = study__next(yaml, study__next(yaml, at));
    return at;
}

const struct study_node *study__key(const struct study_yaml *yaml, const struct study_node *block,
                                    const char *key)
{
    return key_node(yaml, block, key, strlen(key));
}

const struct study_node *study__find(const struct study_yaml *yaml, const char *key, bool *whole)
{
    const struct study_node *at = yaml->node, *next;

    assert(yaml->count > 0);
    for (*whole = false; *key; key += *key == '.') {
        if (*key == '[') {
            long index = strtol(key + 1, NULL, 10);
            next = at->kind == STUDY_ENTRIES ? study__first(yaml, at) : NULL;
            while (next && index--)
                next = study__next(yaml, next);
            key += strcspn(key, "]") + 1;
        } else {
            const size_t length = strcspn(key, ".[");
            next = key_node(yaml, at, key, length);
            next = next ? study__next(yaml, next) : NULL;
            key += length;
        }
        if (!next)
            return at;
        at = next;
    }
    *whole = true;
    return at;
}

bool study__given(const struct study_yaml *yaml, const char *key)
{
    bool whole;

    (void)study__find(yaml, key, &whole);
    return whole;
}
