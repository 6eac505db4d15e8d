/* trainer/env/protocol.c -- JSON of the start, frames of bytes then; both come from anybody. */
#include "trainer/env/protocol.h"

#include <assert.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { head_bytes = 8, most_choices = 256, most_side = 4096, most_error = 1 << 16 };

/* ---- the start ---- */

/* An integer of least .. most; -1: it is none. */
static int whole(json_t *object, const char *key, int least, int most)
{
    json_t *value = json_object_get(object, key);
    const json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;

    return n >= least && n <= most ? (int)n : -1;
}

static bool read_limit(json_t *list, size_t i, double none, double *limit)
{
    json_t *value = json_array_get(list, i);

    if (!json_is_number(value) && !json_is_null(value))
        return false;
    *limit = json_is_null(value) ? none : json_number_value(value);
    return true;
}

/* n components, low and high. */
static double *read_limits(json_t *action, int *n)
{
    json_t *low = json_object_get(action, "low"), *high = json_object_get(action, "high");
    const size_t count = json_array_size(low);
    double *limits;

    if (count < 1 || count > TR_ENV_ACTIONS_MOST || json_array_size(high) != count ||
        !(limits = calloc(2 * count, sizeof *limits)))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!read_limit(low, i, -INFINITY, &limits[i]) ||
            !read_limit(high, i, INFINITY, &limits[count + i]) ||
            !(limits[i] < limits[count + i])) {
            free(limits);
            return NULL;
        }
    *n = (int)count;
    return limits;
}

static rt_status read_action(json_t *hello, struct tr_env_info *info, double **limits,
                             struct rt_err *err)
{
    json_t *action = json_object_get(hello, "action");
    const char *kind = json_string_value(json_object_get(action, "kind"));

    *limits = NULL;
    if (kind && strcmp(kind, "discrete") == 0) {
        info->actions = 1;
        info->choices = whole(action, "n", 2, most_choices);
        return info->choices > 0
                   ? RT_OK
                   : rt_fail(err, RT_EFORMAT, "garbage: `n` of its choices is not 2 to %d",
                             most_choices);
    }
    if (!kind || strcmp(kind, "box") != 0)
        return rt_fail(err, RT_EFORMAT, "garbage: its `action` is neither box nor discrete");
    if (!(*limits = read_limits(action, &info->actions)))
        return rt_fail(err, RT_EFORMAT,
                       "garbage: `low` and `high` of its actions are not 1 to %d numbers each, "
                       "the first below the second",
                       TR_ENV_ACTIONS_MOST);
    info->low = *limits;
    info->high = *limits + info->actions;
    return RT_OK;
}

static rt_status read_labels(json_t *hello, struct tr_env_info *info, struct rt_err *err)
{
    static const char *const names[] = {"none", "gaussian", "tanh", "logits", "q"};
    const char *name = json_string_value(json_object_get(hello, "labels"));

    for (int i = TR_LABELS_NONE; name && i <= TR_LABELS_Q; i++)
        if (strcmp(name, names[i]) == 0) {
            const bool of_choices = i == TR_LABELS_LOGITS || i == TR_LABELS_Q;
            info->labels = (enum tr_env_labels)i;
            info->label = i == TR_LABELS_NONE ? 0 : of_choices ? info->choices : 2 * info->actions;
            if (i != TR_LABELS_NONE && of_choices != (info->choices > 0))
                return rt_fail(err, RT_EFORMAT, "garbage: labels `%s` do not go with its actions",
                               name);
            return RT_OK;
        }
    return rt_fail(err, RT_EFORMAT,
                   "garbage: its `labels` are not none, gaussian, tanh, logits or q");
}

static rt_status read_pixels(json_t *hello, struct tr_env_info *info, struct rt_err *err)
{
    json_t *pixels = json_object_get(hello, "pixels");

    if (!pixels || json_is_null(pixels))
        return RT_OK;
    for (size_t i = 0; i < 3; i++) {
        json_t *side = json_array_get(pixels, i);
        const json_int_t n = json_is_integer(side) ? json_integer_value(side) : 0;
        if (n < 1 || n > (i < 2 ? most_side : 16))
            return rt_fail(err, RT_EFORMAT,
                           "garbage: its `pixels` are not [height, width, channels]");
        info->pixels[i] = (int)n;
    }
    return RT_OK;
}

static rt_status read_sizes(json_t *hello, int environments, struct tr_env_info *info,
                            struct rt_err *err)
{
    const char *name = json_string_value(json_object_get(hello, "name"));

    if (whole(hello, "version", 1, 1) < 0)
        return rt_fail(err, RT_EFORMAT, "garbage: its `version` is not 1");
    if (whole(hello, "environments", environments, environments) < 0)
        return rt_fail(err, RT_EFORMAT, "garbage: it has not the %d `environments` asked for",
                       environments);
    if (!name || !*name || strlen(name) >= sizeof info->name)
        return rt_fail(err, RT_EFORMAT, "garbage: its `name` has not 1 to %zu letters",
                       sizeof info->name - 1);
    memcpy(info->name, name, strlen(name) + 1);
    rt_text_plain(info->name);
    info->observation = whole(hello, "observation", 1, TR_ENV_OBSERVATION_MOST);
    info->horizon = whole(hello, "horizon", 1, INT_MAX);
    if (info->observation < 0)
        return rt_fail(err, RT_EFORMAT, "garbage: its `observation` is not 1 to %d numbers",
                       TR_ENV_OBSERVATION_MOST);
    if (info->horizon < 0)
        return rt_fail(err, RT_EFORMAT, "garbage: its `horizon` is not at least 1");
    json_t *seconds = json_object_get(hello, "seconds");
    info->seconds = json_number_value(seconds); /* 0 of what is no number */
    if (seconds && !(info->seconds > 0 && info->seconds < 1e9))
        return rt_fail(err, RT_EFORMAT, "garbage: its `seconds` of a step are not above 0");
    return RT_OK;
}

static rt_status read_hello(json_t *hello, int environments, struct tr_env_info *info,
                            double **limits, struct rt_err *err)
{
    RT_TRY(read_sizes(hello, environments, info, err));
    RT_TRY(read_pixels(hello, info, err));
    RT_TRY(read_action(hello, info, limits, err));
    return read_labels(hello, info, err);
}

rt_status tr_hello_read(const char *line, int environments, struct tr_env_info *info,
                        double **limits, struct rt_err *err)
{
    struct tr_env_info read = {.name = ""};
    json_error_t why = {.text = ""};
    json_t *hello = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    double *box = NULL;
    const rt_status rc =
        json_is_object(hello)
            ? read_hello(hello, environments, &read, &box, err)
            : rt_fail(err, RT_EFORMAT,
                      "garbage: its first line is not a JSON object: %s; what else it prints "
                      "belongs to stderr",
                      hello ? "it is another value" : why.text);

    json_decref(hello);
    if (rc != RT_OK) {
        free(box);
        return rc;
    }
    *info = read;
    *limits = box;
    return RT_OK;
}

/* ---- frames ---- */

static size_t pixel_bytes(const struct tr_env_info *info)
{
    return (size_t)info->pixels[0] * (size_t)info->pixels[1] * (size_t)info->pixels[2];
}

/* Of one copy in an answer. */
static size_t item_bytes(const struct tr_frame_form *form)
{
    const struct tr_env_info *info = form->info;

    return (form->op == TR_OP_STEP ? 16 : 0) +
           8 * ((size_t)info->observation + (size_t)info->label) + (pixel_bytes(info) + 7) / 8 * 8;
}

size_t tr_request_bytes(const struct tr_frame_form *form)
{
    const size_t item = 8 + 8 * (form->op == TR_OP_STEP ? (size_t)form->info->actions : 1);

    return head_bytes + form->count * item;
}

static unsigned char *put(unsigned char *at, const void *value, size_t bytes)
{
    memcpy(at, value, bytes);
    return at + bytes;
}

static unsigned char *put_two(unsigned char *at, unsigned a, unsigned b)
{
    const uint32_t both[2] = {a, b};

    return put(at, both, sizeof both);
}

void tr_request_write(const struct tr_frame_form *form, const bool *which, const uint64_t *seed,
                      const double *action, bool labels, unsigned char *frame)
{
    const size_t n = (size_t)form->info->actions;
    unsigned char *at = put_two(frame, form->op, form->count);

    for (unsigned i = 0, left = form->count; left > 0; i++) {
        if (!which[i])
            continue;
        left--;
        at = put_two(at, i, form->op == TR_OP_STEP && labels ? 1 : 0);
        at = form->op == TR_OP_STEP ? put(at, action + i * n, 8 * n) : put(at, &seed[i], 8);
    }
    assert(at == frame + tr_request_bytes(form));
}

static void read_head(const char *said, uint32_t head[2])
{
    memcpy(head, said, head_bytes);
}

size_t tr_frame_size(const void *form, const char *said, size_t used)
{
    const struct tr_frame_form *f = form;
    uint32_t head[2];

    if (used < head_bytes)
        return head_bytes;
    read_head(said, head);
    if (head[0] == TR_OP_ERROR)
        return head_bytes + (head[1] < most_error ? head[1] : most_error);
    return head[0] == f->op && head[1] == f->count ? head_bytes + f->count * item_bytes(f) : used;
}

static const char *take(const char *at, void *value, size_t bytes)
{
    memcpy(value, at, bytes);
    return at + bytes;
}

/* One item into row i. */
static const char *read_item(const struct tr_frame_form *form, const char *at,
                             struct tr_env_batch *b, int i)
{
    const struct tr_env_info *info = form->info;
    const size_t row = (size_t)i, o = (size_t)info->observation, l = (size_t)info->label;

    if (form->op == TR_OP_STEP) {
        uint32_t flags[2];
        at = take(at, &b->reward[i], 8);
        at = take(at, flags, 8);
        b->flags[i] = flags[0] & (TR_ENV_TERMINATED | TR_ENV_TRUNCATED | TR_ENV_SUCCESS);
    }
    at = take(at, b->observation + row * o, 8 * o);
    at = take(at, b->label + row * l, 8 * l);
    if (pixel_bytes(info) > 0) {
        memcpy(b->pixels + row * pixel_bytes(info), at, pixel_bytes(info));
        at += (pixel_bytes(info) + 7) / 8 * 8;
    }
    return at;
}

static rt_status read_error(const char *said, size_t used, struct rt_err *err)
{
    char text[300];
    const size_t length = used - head_bytes < sizeof text - 1 ? used - head_bytes : sizeof text - 1;

    memcpy(text, said + head_bytes, length);
    text[length] = '\0';
    rt_text_plain(text);
    return rt_fail(err, RT_EIO, "it says: %s", text);
}

rt_status tr_frame_read(const struct tr_frame_form *form, const char *said, size_t used,
                        struct tr_env_batch *batch, const bool *which, struct rt_err *err)
{
    uint32_t head[2] = {0, 0};
    const char *at = said + head_bytes;

    if (used >= head_bytes)
        read_head(said, head);
    if (used >= head_bytes && head[0] == TR_OP_ERROR)
        return read_error(said, used, err);
    if (used < head_bytes || head[0] != form->op || head[1] != form->count)
        return rt_fail(err, RT_EFORMAT, "garbage: it answers op %u of %u to op %u of %u", head[0],
                       head[1], form->op, form->count);
    if (used != head_bytes + form->count * item_bytes(form))
        return rt_fail(err, RT_EFORMAT, "garbage: it answers more than %zu bytes to op %u",
                       head_bytes + form->count * item_bytes(form), form->op);
    for (int i = 0; i < batch->count; i++)
        if (which[i])
            at = read_item(form, at, batch, i);
    return RT_OK;
}
