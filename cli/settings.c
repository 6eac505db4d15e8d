/* cli/settings.c -- choosing, keeping and comparing settings; what an earlier version did not keep
 * is empty, never guessed. realpath() is declared by X/Open, hence the define.
 */
#define _XOPEN_SOURCE 700
#include "cli/settings.h"

#include <assert.h>
#include <cblas.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MOST_BATCH 65536 /* cli/study_keys.c: any_batch */

/* ---- choosing ---- */

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

/* Drawn rows follow from what the study's hash covers, named ones are in a file. */
static void hash_rows(const struct session *session, char hash[RT_HASH_TEXT])
{
    const struct tr_split *split = &session->task->split;

    hash[0] = '\0';
    if (session->study.data.validation_rows[0])
        rt_hash_bytes(split->validation,
                      (size_t)split->validation_count * sizeof *split->validation, hash);
}

rt_status settings_choose(struct settings *s, const struct session *session, struct rt_err *err)
{
    const struct space_choices *widths = &session->study.space.width;

    assert(widths->count <= SETTINGS_MAX_WIDTHS);
    *s = (struct settings){.search = SEARCH_VERSION};
    (void)snprintf(s->kernels, sizeof s->kernels, "%s", tr_kernels_name(session->kernels));
    (void)snprintf(s->core, sizeof s->core, "%s", openblas_get_corename());
    hash_rows(session, s->rows);
    for (; s->count < widths->count; s->count++) {
        s->width[s->count] = widths->value[s->count];
        RT_TRY(choose_for_width(session, s->width[s->count], &s->tuning[s->count], err));
    }
    return RT_OK;
}

void settings_external(struct settings *settings)
{
    *settings = (struct settings){.kernels = "none", .search = SEARCH_VERSION};
}

/* ---- where the study file stands ---- */

/* "../x/study.yaml" for the canonical paths /a/b of a folder and /a/x/study.yaml of a file. */
static rt_status seen_from(const char *folder, const char *file, char out[RT_PATH_MAX],
                           struct rt_err *err)
{
    const size_t length = strlen(folder);
    size_t same = 0, used = 0, ups = 0;

    assert(folder[0] == '/' && file[0] == '/');
    for (size_t i = 0; folder[i] && folder[i] == file[i]; i++)
        if (folder[i] == '/')
            same = i + 1;
    if (strncmp(folder, file, length) == 0 && file[length] == '/')
        same = length + 1; /* the file is below the folder */
    else
        for (const char *c = folder + same; *c; c++)
            ups += c == folder + same || *c == '/';
    if (3 * ups + strlen(file + same) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", file);
    for (; ups > 0; ups--)
        used += (size_t)sprintf(out + used, "../");
    (void)snprintf(out + used, RT_PATH_MAX - used, "%s", file + same);
    return RT_OK;
}

/* The canonical path of the folder that a file stands in; caller frees. */
static char *folder_of(const char *file)
{
    char folder[RT_PATH_MAX];

    (void)snprintf(folder, sizeof folder, "%s", file);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return realpath(".", NULL);
    slash[slash == folder] = '\0';
    return realpath(folder, NULL);
}

rt_status settings_place(struct settings *settings, const struct study *study, const char *db,
                         struct rt_err *err)
{
    rt_status rc = RT_OK;

    RT_TRY(rt_folder_make_for(db, err));
    char *folder = folder_of(db), *file = realpath(study->path, NULL);
    if (folder && file)
        rc = seen_from(folder, file, settings->study, err);
    else
        rc = rt_fail(err, RT_EIO, "cannot say where '%.100s' stands beside '%.100s'", study->path,
                     db);
    free(folder);
    free(file);
    return rc;
}

rt_status settings_study_path(const struct settings *settings, const char *db,
                              char path[RT_PATH_MAX], struct rt_err *err)
{
    char *file = realpath(db, NULL), *folder;
    const rt_status rc = rt_path_beside(file ? file : db, settings->study, path, err);

    free(file);
    RT_TRY(rc);
    folder = folder_of(path);
    free(folder);
    if (folder)
        return RT_OK;
    return rt_fail(
        err, RT_EIO,
        "the folder of '%.120s' is not there, from which the study of '%.120s' names its "
        "files; name the study file with --study FILE",
        path, db);
}

/* ---- what is kept ---- */

rt_status settings_print(const struct settings *s, char **text, struct rt_err *err)
{
    json_t *sizes = json_object(), *openblas = json_array(), *all;
    char width[16];

    for (int i = 0; i < s->count; i++) {
        (void)snprintf(width, sizeof width, "%d", s->width[i]);
        json_object_set_new(sizes, width, json_integer(s->tuning[i].micro_batch));
        if (s->tuning[i].openblas)
            json_array_append_new(openblas, json_integer(s->width[i]));
    }
    all = json_pack("{s:s, s:s, s:i, s:b, s:s, s:o, s:o}", "kernels", s->kernels, "core", s->core,
                    "search", s->search, "booleans", !s->texts, "study", s->study, "micro_batch",
                    sizes, "openblas", openblas);
    if (s->rows[0])
        json_object_set_new(all, "rows", json_string(s->rows));
    if (s->root[0])
        json_object_set_new(all, "root", json_string(s->root));
    *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return *text ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for the study's settings");
}

/* Into to[bytes], as it can be printed; false: too long. */
static bool take(const char *text, char *to, size_t bytes)
{
    if (strlen(text) >= bytes)
        return false;
    memcpy(to, text, strlen(text) + 1);
    rt_text_plain(to);
    return true;
}

/* A width as it is printed, and a micro-batch that a study may have; another file may say anything. */
static bool take_size(struct settings *s, const char *width, const json_t *micro_batch)
{
    const json_int_t batch = json_integer_value(micro_batch); /* 0: it is no integer */
    const size_t digits = strlen(width);

    if (s->count == SETTINGS_MAX_WIDTHS || digits > 6 || width[0] == '0' ||
        strspn(width, "0123456789") != digits || digits < 1 || batch < 1 || batch > MOST_BATCH)
        return false;
    s->width[s->count] = (int)strtol(width, NULL, 10);
    s->tuning[s->count++].micro_batch = (int)batch;
    return true;
}

rt_status settings_parse(struct settings *s, const char *text, struct rt_err *err)
{
    int booleans = 0;
    const char *kernels, *core = "", *rows = "", *root = "", *study, *width;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *sizes, *openblas, *item;
    size_t at;

    *s = (struct settings){.search = 1};
    bool good = !json_unpack(all, "{s:s, s?s, s?i, s?b, s?s, s?s, s:s, s:o, s:o}", "kernels",
                             &kernels, "core", &core, "search", &s->search, "booleans", &booleans,
                             "rows", &rows, "root", &root, "study", &study, "micro_batch", &sizes,
                             "openblas", &openblas) &&
                json_is_object(sizes) && json_is_array(openblas) &&
                take(kernels, s->kernels, sizeof s->kernels) &&
                take(core, s->core, sizeof s->core) && take(rows, s->rows, sizeof s->rows) &&
                take(root, s->root, sizeof s->root) && take(study, s->study, sizeof s->study);
    s->texts = !booleans;
    json_object_foreach(good ? sizes : NULL, width, item)
    {
        good = good && take_size(s, width, item);
    }
    if (!good) {
        json_decref(all);
        return rt_fail(err, RT_EFORMAT, "the settings of this study are not readable");
    }
    json_array_foreach(openblas, at, item)
    {
        for (int i = 0; i < s->count; i++)
            s->tuning[i].openblas |= s->width[i] == json_integer_value(item);
    }
    json_decref(all);
    return RT_OK;
}

/* ---- what must not change ---- */

static bool openblas_multiplies(const struct settings *s)
{
    bool some = strcmp(s->kernels, "plain") == 0;

    for (int i = 0; i < s->count; i++)
        some = some || s->tuning[i].openblas;
    return some;
}

bool settings_core_unknown(const struct settings *settings)
{
    return !settings->core[0] && openblas_multiplies(settings);
}

bool settings_need_core(const struct settings *settings)
{
    return settings->core[0] && openblas_multiplies(settings);
}

bool settings_search_differs(const struct settings *settings)
{
    return settings->search != SEARCH_VERSION;
}

rt_status settings_check(const struct settings *settings, const struct session *session,
                         struct rt_err *err)
{
    const char *have = tr_kernels_name(session->kernels), *core = openblas_get_corename();
    char rows[RT_HASH_TEXT];

    hash_rows(session, rows);
    if (strcmp(settings->rows, rows) != 0)
        return rt_fail(err, RT_EMISMATCH,
                       "'%.200s' has other rows than when this study began; give those back, or "
                       "begin a new study with --db FILE",
                       session->study.data.validation_rows);
    if (strcmp(settings->kernels, have) != 0)
        return rt_fail(err, RT_EMISMATCH,
                       "this study began with the kernels '%s' and this run would use '%s'; set "
                       "RETORT_KERNELS=%s, or begin a new study with --db FILE",
                       settings->kernels, have, settings->kernels);
    if (!settings_need_core(settings) || strcmp(settings->core, core) == 0)
        return RT_OK;
    return rt_fail(err, RT_EMISMATCH,
                   "OpenBLAS multiplied for a '%s' when this study began and would for a '%s', "
                   "with other last bits; set OPENBLAS_CORETYPE=%s where the processor can do "
                   "that, or begin a new study with --db FILE",
                   settings->core, core, settings->core);
}

void settings_as_here(struct settings *settings, const struct session *session)
{
    (void)snprintf(settings->kernels, sizeof settings->kernels, "%s",
                   tr_kernels_name(session->kernels));
    (void)snprintf(settings->core, sizeof settings->core, "%s", openblas_get_corename());
}

/* ---- what a student of some width is trained with ---- */

static const struct tr_tuning *tuning_of(const struct settings *s, int width)
{
    for (int i = 0; i < s->count; i++)
        if (s->width[i] == width)
            return &s->tuning[i];
    return NULL;
}

struct tr_recipe settings_recipe(const struct settings *settings, const struct tr_recipe *recipe,
                                 int width)
{
    const struct tr_tuning *tuning = tuning_of(settings, width);
    struct tr_recipe own = *recipe;

    assert(width > 0);
    if (!own.micro_batch && tuning)
        own.micro_batch = tuning->micro_batch;
    return own;
}

const struct tr_kernels *settings_kernels(const struct settings *settings,
                                          const struct tr_kernels *kernels, int width)
{
    const struct tr_tuning *tuning = tuning_of(settings, width);

    return tuning && tuning->openblas ? tr_kernels_with_openblas(kernels) : kernels;
}
