/* cli/settings.c -- see settings.h. realpath() is declared by X/Open, hence the define. */
#define _XOPEN_SOURCE 700
#include "cli/settings.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The middle architecture at one width stands for all of that width. */
static rt_status choose_for_width(const struct session *session, int width,
                                  struct tr_tuning *tuning, struct rt_err *err)
{
    const struct tr_recipe *recipe = &session->study.recipe;
    struct tr_student student;
    struct space_arch arch;
    rt_status rc;

    if (recipe->micro_batch) {
        *tuning = (struct tr_tuning){recipe->micro_batch, false};
        return RT_OK;
    }
    space_middle(&session->study.space, &arch);
    arch.width = width;
    RT_TRY(tr_student_init(&student, &arch, &session->shape, session->kernels, err));
    rc = tr_tune(&student, recipe->batch, tuning, err);
    tr_student_release(&student);
    return rc;
}

static void name_study(struct settings *settings, const struct study *study)
{
    char *absolute = realpath(study->path, NULL);

    (void)snprintf(settings->study, sizeof settings->study, "%s",
                   absolute ? absolute : study->path);
    free(absolute);
}

void settings_external(struct settings *settings, const struct study *study)
{
    *settings = (struct settings){.kernels = "none"};
    name_study(settings, study);
}

rt_status settings_choose(struct settings *settings, const struct session *session,
                          struct rt_err *err)
{
    const struct space_choices *widths = &session->study.space.width;
    struct tunings *m = &settings->tunings;

    *settings = (struct settings){0};
    (void)snprintf(settings->kernels, sizeof settings->kernels, "%s",
                   tr_kernels_name(session->kernels));
    name_study(settings, &session->study);
    for (m->count = 0; m->count < widths->count; m->count++) {
        m->width[m->count] = widths->value[m->count];
        RT_TRY(choose_for_width(session, m->width[m->count], &m->tuning[m->count], err));
    }
    return RT_OK;
}

rt_status settings_print(const struct settings *settings, char **text, struct rt_err *err)
{
    const struct tunings *m = &settings->tunings;
    json_t *sizes = json_object(), *openblas = json_array(), *all;
    char width[16];

    for (int i = 0; i < m->count; i++) {
        (void)snprintf(width, sizeof width, "%d", m->width[i]);
        json_object_set_new(sizes, width, json_integer(m->tuning[i].micro_batch));
        if (m->tuning[i].openblas)
            json_array_append_new(openblas, json_integer(m->width[i]));
    }
    all = json_pack("{s:s, s:s, s:o, s:o}", "kernels", settings->kernels, "study", settings->study,
                    "micro_batch", sizes, "openblas", openblas);
    *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return *text ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for the study's settings");
}

rt_status settings_parse(struct settings *settings, const char *text, struct rt_err *err)
{
    struct tunings *m = &settings->tunings;
    const char *kernels, *study, *width;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *sizes, *openblas, *item;
    size_t at;

    *settings = (struct settings){0};
    if (json_unpack(all, "{s:s, s:s, s:o, s:o}", "kernels", &kernels, "study", &study,
                    "micro_batch", &sizes, "openblas", &openblas)) {
        json_decref(all);
        return rt_fail(err, RT_EFORMAT, "the settings of this study are not readable");
    }
    (void)snprintf(settings->kernels, sizeof settings->kernels, "%s", kernels);
    (void)snprintf(settings->study, sizeof settings->study, "%s", study);
    json_object_foreach(sizes, width, item)
    {
        if (m->count == CLI_MAX_WIDTHS)
            break;
        m->width[m->count] = (int)strtol(width, NULL, 10);
        m->tuning[m->count++].micro_batch = (int)json_integer_value(item);
    }
    json_array_foreach(openblas, at, item)
    {
        for (int i = 0; i < m->count; i++)
            m->tuning[i].openblas |= m->width[i] == json_integer_value(item);
    }
    json_decref(all);
    return RT_OK;
}

rt_status settings_check(const struct settings *settings, const struct session *session,
                         struct rt_err *err)
{
    const char *have = tr_kernels_name(session->kernels);

    if (strcmp(settings->kernels, have) == 0)
        return RT_OK;
    return rt_fail(err, RT_EMISMATCH,
                   "this study began with the kernels '%s' and this run would use '%s'; set "
                   "RETORT_KERNELS=%s, or begin a new study with --db FILE",
                   settings->kernels, have, settings->kernels);
}
