/* cli/latency_lines.c -- see latency_lines.h. Numbers of a shape are told by name, so that a kind of
 * input that the other side does not know is refused there and not misread.
 */
#include "cli/latency_lines.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { most_number = 1000000, most_batch = 4096, most_threads = 256 };

static const struct number { /* an int of the shape */
    const char *name;
    size_t at;
    int most;
} numbers[] = {
    {"height", offsetof(struct space_shape, height), 4096},
    {"width", offsetof(struct space_shape, width), 4096},
    {"channels", offsetof(struct space_shape, channels), 64},
    {"classes", offsetof(struct space_shape, classes), most_number},
    {"pool", offsetof(struct space_shape, pool), SPACE_POOL_NONE},
    {"length", offsetof(struct space_shape, length), 65536},
    {"segments", offsetof(struct space_shape, segments), 2},
    {"features", offsetof(struct space_shape, features), 65536},
    {"parts", offsetof(struct space_shape, parts), 256},
    {NULL, 0, 0},
};
_Static_assert(sizeof(enum space_pool) == sizeof(int), "read as an int");

static char *line_of(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    const size_t size = text ? strlen(text) : 0;
    char *line = text ? malloc(size + 2) : NULL;

    if (line)
        (void)snprintf(line, size + 2, "%s\n", text);
    free(text);
    json_decref(json);
    return line;
}

/* ---- requests ---- */

static json_t *shape_json(const struct space_shape *shape)
{
    json_t *json = json_object();

    for (const struct number *n = numbers; n->name; n++) {
        int value;
        memcpy(&value, (const char *)shape + n->at, sizeof value);
        if (value)
            (void)json_object_set_new(json, n->name, json_integer(value));
    }
    return json;
}

char *latency_request_print(const struct latency_request *request)
{
    const struct tr_latency_options *o = &request->setting;
    char arch[SPACE_ARCH_TEXT];

    space_arch_print(&request->arch, arch);
    return line_of(json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:f}", "arch", arch, "shape",
                             shape_json(&request->shape), "threads", o->threads, "batch", o->batch,
                             "warmup", o->warmup, "calls", o->samples, "blocks", request->blocks,
                             "seconds", request->seconds));
}

static rt_status bad(const char *what, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT, "the line has no good '%s'", what);
}

static rt_status read_int(const json_t *json, const char *name, int least, int most, int *value,
                          struct rt_err *err)
{
    const json_t *number = json_object_get(json, name);
    const json_int_t n = json_integer_value(number);

    if (!json_is_integer(number) || n < least || n > most)
        return bad(name, err);
    *value = (int)n;
    return RT_OK;
}

static rt_status read_shape(const json_t *json, struct space_shape *shape, struct rt_err *err)
{
    const char *key;
    json_t *value;

    *shape = (struct space_shape){.classes = 0};
    json_object_foreach((json_t *)json, key, value)
    {
        const struct number *n = numbers;
        int number;
        while (n->name && strcmp(n->name, key) != 0)
            n++;
        if (!n->name)
            return rt_fail(err, RT_EFORMAT, "this retort knows no inputs with '%.40s'", key);
        RT_TRY(read_int(json, key, 0, n->most, &number, err));
        memcpy((char *)shape + n->at, &number, sizeof number);
    }
    const bool image = shape->height > 0 && shape->width > 0 && shape->channels > 0;
    if (shape->classes < 1 || image + (shape->length > 0) + (shape->features > 0) != 1)
        return bad("shape", err);
    return RT_OK;
}

static rt_status parse_request(const json_t *json, struct latency_request *r, struct rt_err *err)
{
    const char *arch = json_string_value(json_object_get(json, "arch"));
    const json_t *seconds = json_object_get(json, "seconds");

    if (!arch || space_arch_parse(arch, &r->arch, err))
        return bad("arch", err);
    RT_TRY(read_shape(json_object_get(json, "shape"), &r->shape, err));
    RT_TRY(space_arch_check(&r->arch, &r->shape, err));
    RT_TRY(read_int(json, "batch", 1, most_batch, &r->setting.batch, err));
    RT_TRY(read_int(json, "threads", 1,
                    r->setting.batch < most_threads ? r->setting.batch : most_threads,
                    &r->setting.threads, err));
    RT_TRY(read_int(json, "warmup", 0, most_number, &r->setting.warmup, err));
    RT_TRY(read_int(json, "calls", 0, most_number, &r->setting.samples, err));
    RT_TRY(read_int(json, "blocks", 1, TR_LATENCY_BLOCKS, &r->blocks, err));
    r->seconds = json_number_value(seconds);
    return json_is_number(seconds) && r->seconds >= 0 && r->seconds <= 1e4 ? RT_OK
                                                                           : bad("seconds", err);
}

rt_status latency_request_parse(const char *line, struct latency_request *request,
                                struct rt_err *err)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const rt_status rc = json_is_object(json)
                             ? parse_request(json, request, err)
                             : rt_fail(err, RT_EFORMAT, "the line is no object in JSON");

    json_decref(json);
    return rc;
}

/* ---- answers ---- */

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *block_json(const struct tr_latency *l, int i)
{
    const struct tr_block *b = &l->block[i];
    const struct tr_block_notes *n = &l->notes[i];

    return json_pack("{s:i, s:f, s:f, s:f, s:o, s:o, s:o, s:I, s:s}", "calls", n->calls, "p10",
                     b->p10, "median", b->median, "p90", b->p90, "before",
                     number_or_null(b->before), "after", number_or_null(b->after), "steal",
                     number_or_null(n->steal), "switches", (json_int_t)n->switches, "at",
                     n->measured_at);
}

char *latency_answer_print(const struct latency_answer *answer, const char *failure)
{
    const struct rt_machine *m = &answer->machine;
    json_t *blocks = json_array();

    if (failure) {
        json_decref(blocks);
        return line_of(json_pack("{s:s}", "error", failure));
    }
    for (int i = 0; i < answer->measured.count; i++)
        (void)json_array_append_new(blocks, block_json(&answer->measured, i));
    return line_of(json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:o}", "cpu", m->cpu, "kernels",
                             answer->kernels, "governor", m->governor, "system", m->kernel, "cores",
                             m->cores, "memory", (json_int_t)m->memory, "blocks", blocks));
}

static void read_text(const json_t *json, const char *name, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(json, name));

    (void)snprintf(text, size, "%s", value && *value ? value : "unknown");
    rt_text_plain(text);
}

/* Nanoseconds; NaN when it is not said and need not be. */
static bool read_ns(const json_t *json, const char *name, bool needed, double *ns)
{
    const json_t *number = json_object_get(json, name);

    *ns = json_is_number(number) ? json_number_value(number) : (double)NAN;
    return json_is_number(number) ? *ns > 0 && *ns < 1e15
                                  : !needed && (!number || json_is_null(number));
}

static bool read_block(const json_t *json, struct tr_block *b, struct tr_block_notes *n)
{
    const json_t *switches = json_object_get(json, "switches");
    struct rt_err ignored;

    *n = (struct tr_block_notes){.switches = -1};
    if (json_is_integer(switches) && json_integer_value(switches) >= 0)
        n->switches = json_integer_value(switches);
    (void)read_ns(json, "steal", false, &n->steal);
    read_text(json, "at", n->measured_at, sizeof n->measured_at);
    if (strlen(n->measured_at) + 1 != sizeof n->measured_at)
        n->measured_at[0] = '\0'; /* when it is recorded */
    return read_int(json, "calls", 1, most_number, &n->calls, &ignored) == RT_OK &&
           read_ns(json, "p10", true, &b->p10) && read_ns(json, "median", true, &b->median) &&
           read_ns(json, "p90", true, &b->p90) && read_ns(json, "before", false, &b->before) &&
           read_ns(json, "after", false, &b->after) && b->p10 <= b->median && b->median <= b->p90;
}

static rt_status parse_answer(const json_t *json, struct latency_answer *a, struct rt_err *err)
{
    const json_t *blocks = json_object_get(json, "blocks");
    const char *failure = json_string_value(json_object_get(json, "error"));
    const json_t *cores = json_object_get(json, "cores"), *memory = json_object_get(json, "memory");

    if (failure)
        return rt_fail(err, RT_EIO, "it could not measure: %.200s", failure);
    *a = (struct latency_answer){.measured.count = (int)json_array_size(blocks)};
    if (a->measured.count < 1 || a->measured.count > TR_LATENCY_BLOCKS)
        return bad("blocks", err);
    read_text(json, "cpu", a->machine.cpu, sizeof a->machine.cpu);
    read_text(json, "kernels", a->kernels, sizeof a->kernels);
    read_text(json, "governor", a->machine.governor, sizeof a->machine.governor);
    read_text(json, "system", a->machine.kernel, sizeof a->machine.kernel);
    if (json_integer_value(cores) > 0 && json_integer_value(cores) < most_number)
        a->machine.cores = (int)json_integer_value(cores);
    if (json_integer_value(memory) > 0)
        a->machine.memory = json_integer_value(memory);
    for (int i = 0; i < a->measured.count; i++)
        if (!read_block(json_array_get(blocks, (size_t)i), &a->measured.block[i],
                        &a->measured.notes[i]))
            return bad("blocks", err);
    return RT_OK;
}

rt_status latency_answer_parse(const char *line, struct latency_answer *answer, struct rt_err *err)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const rt_status rc = json_is_object(json)
                             ? parse_answer(json, answer, err)
                             : rt_fail(err, RT_EFORMAT, "its answer is no object in JSON");

    json_decref(json);
    return rc;
}
