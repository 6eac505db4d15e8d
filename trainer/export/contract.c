/* trainer/export/contract.c -- a file's notes and its controller as JSON. Notes that files of before had
 * not are left out. */
#include "trainer/export/contract.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/task/controller.h"

static const char *note_of(const struct tr_model *model, const char *key)
{
    const struct tr_metadata *m = model->metadata;

    while (m->key && strcmp(m->key, key) != 0)
        m++;
    return m->key ? m->value : NULL;
}

/* What stands between the separators of a note, one at a time. */
struct list {
    const char *rest, *separator;
};

static struct list list_of(const struct tr_model *model, const char *key, const char *separator)
{
    return (struct list){note_of(model, key), separator};
}

/* NULL behind the last. */
static json_t *next_text(struct list *list)
{
    const char *start = list->rest;

    if (!start)
        return NULL;
    const char *end = strstr(start, list->separator);
    list->rest = end ? end + strlen(list->separator) : NULL;
    return json_stringn(start, end ? (size_t)(end - start) : strlen(start));
}

static json_t *next_number(struct list *list)
{
    char *end = NULL;
    const double number = list->rest ? strtod(list->rest, &end) : 0;

    if (!list->rest || end == list->rest)
        return NULL;
    list->rest = end;
    return json_real(number);
}

/* value NULL: left out. */
static void put(json_t *object, const char *key, json_t *value)
{
    if (value)
        (void)json_object_set_new(object, key, value);
}

static json_t *observation(const struct tr_model *model)
{
    const struct tr_controller *c = model->input.controller;
    struct list names = list_of(model, "observation_names", "; ");
    struct list components = list_of(model, "observe", " ");
    struct list least = list_of(model, "observation_least", " ");
    struct list most = list_of(model, "observation_most", " ");
    json_t *all = json_array();

    for (int i = 0; i < c->observed; i++) {
        const double mean = (double)c->mean[i], sd = 1 / (double)c->scale[i];
        json_t *one = json_object(), *component = next_number(&components);
        put(one, "name", next_text(&names));
        put(one, "component",
            component ? json_integer((json_int_t)json_real_value(component)) : NULL);
        put(one, "mean", json_real(mean));
        put(one, "sd", json_real(sd));
        put(one, "least", next_number(&least));
        put(one, "most", next_number(&most));
        put(one, "cut_below", json_real(mean - (double)TR_CONTROLLER_CUT * sd));
        put(one, "cut_above", json_real(mean + (double)TR_CONTROLLER_CUT * sd));
        json_decref(component);
        (void)json_array_append_new(all, one);
    }
    return all;
}

/* Height, width, channels of a frame; NULL: it sees none. */
static json_t *pixels(const struct tr_model *model)
{
    const int *shape = model->input.shape;

    if (!tr_controller_frames(model->input.controller))
        return NULL;
    return json_pack("[iii]", shape[0], shape[1], shape[2]);
}

static json_t *action(const struct tr_model *model)
{
    const struct tr_actions *a = &model->input.controller->actions;
    struct list names = list_of(model, "action_names", "; ");
    json_t *all = json_array();

    for (int i = 0; i < a->parts; i++) {
        json_t *one = json_object();
        put(one, "name", next_text(&names));
        if (a->choice)
            put(one, "choices", json_integer(a->bins));
        put(one, "low", a->choice ? NULL : json_real(a->low[i]));
        put(one, "high", a->choice ? NULL : json_real(a->high[i]));
        (void)json_array_append_new(all, one);
    }
    return all;
}

static json_t *contract_of(const struct tr_model *model)
{
    static const char *const passed[] = {"environment", "arch", "study"};
    const struct tr_controller *c = model->input.controller;
    const char *seconds = note_of(model, "seconds");
    const double step = seconds ? strtod(seconds, NULL) : 0;
    json_t *all = json_object();

    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        if (note_of(model, passed[i]))
            put(all, passed[i], json_string(note_of(model, passed[i])));
    put(all, "control_rate_hz", step > 0 ? json_real(1 / step) : json_null());
    put(all, "steps_seen", json_integer(tr_controller_frames(c) ? 1 : c->history));
    put(all, "sees_last_action", json_boolean(tr_controller_previous(c) > 0));
    put(all, "pixels", pixels(model));
    put(all, "observation", tr_controller_frames(c) ? NULL : observation(model));
    put(all, "action", action(model));
    if (!c->actions.choice) {
        put(all, "bins", json_integer(c->actions.bins));
        put(all, "grid", json_string(c->actions.grid == TR_GRID_ENDS ? "ends" : "inner"));
    }
    put(all, "read", json_string(c->actions.choice || c->read == TR_READ_MODE ? "mode" : "mean"));
    return all;
}

rt_status tr_contract_write(const char *path, const struct tr_model *model, struct rt_err *err)
{
    struct rt_writer writer;

    assert(model->input.controller && model->metadata);
    json_t *all = contract_of(model);
    char *text = all ? json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    rt_status rc = text ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to write '%s'", path);
    if (rc == RT_OK && (rc = rt_writer_open(&writer, path, err)) == RT_OK) {
        (void)fprintf(writer.file, "%s\n", text);
        rc = rt_writer_commit(&writer, err);
    }
    free(text);
    json_decref(all);
    return rc;
}
