/* cli/study.c -- loading a study: read the values, then put them together.
 *
 * What needs more than one key (teachers that would be the same, rungs out of order) is checked
 * here after the values are in; what needs the data waits for study_bind_shape().
 */
#include "cli/study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sliver.h"
#include "cli/study_internal.h"

_Static_assert(offsetof(struct study_file, study) == 0, "study_hash() finds a study by its table");

void study_defaults(struct study *study)
{
    *study = (struct study){
        .seed = 1,
        .data = {.validation = 10000},
        .teachers = {.lanes = TR_LANES},
        .full_lanes = TR_LANES,
        .layers_limit = 20e9,
        .recipe = {.steps = 500,
                   .batch = 64,
                   .learning_rate = 2e-3,
                   .micro_batch = 4,
                   .warmup = .05,
                   .weight_decay = .05,
                   .curve_points = 20,
                   .ptq_rows = 1024,
                   .qat = {.start = .8, .ema = .99, .freeze = .9}},
        .prune = {.calibration = 1024},
        .search = {.seed = 1,
                   .faults = 10,
                   .window = 16,
                   .population = 24,
                   .crossover = .5,
                   .random = .1,
                   .initial = 16,
                   .surrogate = SEARCH_SURROGATE_GP,
                   .eta = 3,
                   .replicates = 1,
                   .objective_count = 3,
                   .objectives = {"error", "params", "latency"}},
        .latency = {.batch = {1},
                    .batches = 1,
                    .threads = {1},
                    .thread_counts = 1,
                    .warmup = 20,
                    .samples = 100},
        .external = {.timeout = 4 * 3600},
        .after = {.controls = -1, .seeds = 1},
    };
    tr_distill_defaults(&study->recipe.distill);
    tr_ensemble_defaults(&study->ensemble);
    study->full = study->recipe;
    tr_online_defaults(&study->online);
}

void study_release(struct study *study)
{
    free(study->yaml);
    study->yaml = NULL;
    free(study->own);
    study->own = NULL;
}

/* ---- putting together ---- */

/* The last part of a path, and its length without an ending like ".yaml". */
static const char *stem(const char *path, int *length)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');

    *length = (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base));
    return base;
}

rt_status study__resolve(const struct assembly *a, const char *path, char out[RT_PATH_MAX])
{
    out[0] = '\0';
    return path[0] ? rt_path_beside(a->study->path, path, out, a->err) : RT_OK;
}

static rt_status place_files(const struct assembly *a)
{
    struct study *study = a->study;
    const struct study_file *file = a->file;
    char path[RT_PATH_MAX];
    int length;
    const char *base = stem(study->path, &length);

    if (!study->name[0])
        (void)snprintf(study->name, sizeof study->name, "%.*s", length, base);
    if ((size_t)snprintf(path, sizeof path, "%.*s.db", length, base) >= sizeof path)
        return rt_fail(a->err, RT_EARG, "the path '%.80s...' is too long", study->path);
    RT_TRY(study__resolve(a, file->store[0] ? file->store : path, study->store));
    base = stem(study->store, &length);
    length += (int)(base - study->store);
    if ((size_t)snprintf(path, sizeof path, "%.*s.teachers", length, study->store) >= sizeof path)
        return rt_fail(a->err, RT_EARG, "the path '%.80s...' is too long", study->store);
    if (file->cache[0])
        RT_TRY(study__resolve(a, file->cache, study->teachers.folder));
    else
        memcpy(study->teachers.folder, path, sizeof path);
    return RT_OK;
}

/* The files that these keys name count in the hash by their names as written. */
static rt_status place_paths(const struct assembly *a, const struct study_key *keys, char *block,
                             struct rt_hash *hash)
{
    for (const struct study_key *row = keys; row && row->key; row++) {
        char written[RT_PATH_MAX], *path = block + row->at;
        if (row->value == STUDY_BLOCK)
            RT_TRY(place_paths(a, row->keys, block, hash));
        if (row->value != STUDY_PATH)
            continue;
        (void)snprintf(written, sizeof written, "%s", path);
        if (!row->unhashed && (written[0] || !row->newer))
            rt_hash_add(hash, written, strlen(written) + 1);
        RT_TRY(study__resolve(a, written, path));
    }
    return RT_OK;
}

/* The task's own part of the file. */
static rt_status place_block(const struct assembly *a, struct rt_hash *hash)
{
    const struct study_task *task = study_task_of(a->study);
    char *block = (char *)a->study->block, key[STUDY_KEY];
    const char *fault = NULL;
    struct rt_err why;

    RT_TRY(place_paths(a, task->data, block, hash));
    RT_TRY(place_paths(a, task->blocks, block, hash));
    if (task->check(block, &fault, &why) == RT_OK)
        return RT_OK;
    (void)snprintf(key, sizeof key, "%s%s", task->blocks ? "" : "data.", fault);
    return study__fail(a->yaml, key, a->err, "%s", why.text);
}

/* Rows that are named, in place of so many drawn ones. */
static rt_status place_rows(const struct assembly *a, struct rt_hash *hash)
{
    char written[RT_PATH_MAX], *path = a->study->data.validation_rows;

    if (!path[0])
        return RT_OK;
    if (study__given(a->yaml, "data.validation"))
        return study__fail(a->yaml, "data.validation", a->err,
                           "validation_rows says which rows, and how many; leave one out");
    (void)snprintf(written, sizeof written, "%s", path);
    rt_hash_add(hash, written, strlen(written) + 1);
    return study__resolve(a, written, path);
}

static rt_status place_data(const struct assembly *a)
{
    const struct study_file *file = a->file;
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(a->err, RT_ENOMEM, "no memory to hash '%.200s'", a->study->path);
    rt_status rc = place_block(a, hash);
    for (int k = 0; k < file->member_count; k++)
        rt_hash_add(hash, file->member[k].logits.train, strlen(file->member[k].logits.train) + 1);
    for (int k = 0; k < file->member_count; k++)
        if (file->member[k].policy.file[0])
            rt_hash_add(hash, file->member[k].policy.file, strlen(file->member[k].policy.file) + 1);
    if (rc == RT_OK)
        rc = place_rows(a, hash);
    rt_hash_close(hash, a->study->files);
    return rc;
}

static rt_status place_space(const struct assembly *a)
{
    struct study *study = a->study;
    struct rt_err why;
    char key[STUDY_KEY];

    if (study->space.tie == SPACE_TIE_STAGE && !study__given(a->yaml, "space.stages"))
        return study__fail(a->yaml, "space.tie", a->err,
                           "tie by stage needs the number of stages; add stages: 2");
    if (study->space.tie != SPACE_TIE_STAGE && study->space.tie != SPACE_TIE_AUTO &&
        study__given(a->yaml, "space.stages"))
        return study__fail(a->yaml, "space.stages", a->err,
                           "stages are for tie: stage or auto; leave them out or change the tie");
    if (study->own ? !space_init(&study->space, &why) && !space_check_feasible(&study->space, &why)
                   : !space_check(&study->space, &why))
        return RT_OK;
    const size_t length = strcspn(why.text, ":"); /* its text begins with the key */
    (void)snprintf(key, sizeof key, "%.*s", (int)length, why.text);
    return study__fail(a->yaml, key, a->err, "%s",
                       why.text[length] ? why.text + length + 2 : why.text);
}

/* The budgets of trials; the last is what distill.steps means without rungs. */
static rt_status place_rungs(const struct assembly *a)
{
    const struct search_options *search = &a->study->search;
    const int64_t *budget = search->rung_budget;
    const int count = search->rung_count;
    char key[STUDY_KEY];

    if (!count && study__given(a->yaml, "search.eta"))
        return study__fail(a->yaml, "search.eta", a->err,
                           "eta is for rungs; give search.rungs or leave it out");
    if (!count)
        return RT_OK;
    if (count == 1)
        return study__fail(a->yaml, "search.rungs", a->err,
                           "one rung is none; give two or more, or distill.steps alone");
    for (int i = 1; i < count; i++)
        if (budget[i] <= budget[i - 1]) {
            (void)snprintf(key, sizeof key, "search.rungs[%d]", i);
            return study__fail(a->yaml, key, a->err,
                               "%" PRId64 " steps are not more than the %" PRId64
                               " of the rung before; give them in rising order",
                               budget[i], budget[i - 1]);
        }
    if (study__given(a->yaml, "distill.steps") && a->study->recipe.steps != budget[count - 1])
        return study__fail(a->yaml, "distill.steps", a->err,
                           "the last of search.rungs is %" PRId64 "; give that or leave it out",
                           budget[count - 1]);
    a->study->recipe.steps = (int)budget[count - 1];
    return RT_OK;
}

static rt_status place_search(const struct assembly *a)
{
    struct search_options *search = &a->study->search;

    search->seed = a->study->seed;
    if (!search->workers)
        search->workers = rt_cores();
    return study__check_latency(a->yaml, a->study, a->err);
}

/* From the file's values to a study. */
static rt_status assemble(const struct study_yaml *yaml, struct study_file *file,
                          struct rt_err *err)
{
    const struct assembly a = {yaml, file, &file->study, err};

    RT_TRY(study__check_kind(yaml, file, err));
    if (!study__given(yaml, "data.seed"))
        file->study.data.seed = file->study.seed;
    RT_TRY(place_files(&a));
    RT_TRY(place_data(&a));
    RT_TRY(study__place_teachers(&a));
    RT_TRY(study__place_prune(&a));
    if (file->command_count)
        RT_TRY(study__place_external(yaml, file, err));
    RT_TRY(place_space(&a));
    RT_TRY(place_search(&a));
    RT_TRY(study__place_costs(yaml, file, err));
    RT_TRY(study__place_goals(yaml, file, err));
    RT_TRY(place_rungs(&a));
    RT_TRY(study__place_recipes(&a));
    RT_TRY(study__place_after(&a));
    return study_task_of(&file->study)->kind->answers ? study__place_rows(&a) : RT_OK;
}

static rt_status read_study(const struct study_yaml *yaml, enum space_tie unsaid,
                            struct study_file *file, struct rt_err *err)
{
    study__file_defaults(file, unsaid);
    RT_TRY(study__read(yaml, file, err));
    if ((size_t)snprintf(file->study.path, sizeof file->study.path, "%s", yaml->path) >=
        sizeof file->study.path)
        return rt_fail(err, RT_EARG, "the path '%.80s...' is too long", yaml->path);
    return assemble(yaml, file, err);
}

rt_status study_check_cores(const struct study *study, int cores, struct rt_err *err)
{
    const int threads = study_latency_threads(study), workers = study->search.workers;

    if (study->own || study_cores(study) <= cores)
        return RT_OK;
    if (threads > cores)
        return rt_fail(err, RT_EARG,
                       "latency.threads is %d and this process has %d cores; lower it", threads,
                       cores);
    return rt_fail(err, RT_EARG,
                   "%d workers want %d cores and this process has %d; give --workers %d", workers,
                   workers, cores, cores);
}

rt_status study_parse(const char *path, const char *yaml, size_t bytes, struct study *study,
                      struct rt_err *err)
{
    return study__parse(path, yaml, bytes, SPACE_TIE_AUTO, study, err);
}

rt_status study__parse(const char *path, const char *yaml, size_t bytes, enum space_tie unsaid,
                       struct study *study, struct rt_err *err)
{
    struct study_file *file = calloc(1, sizeof *file);
    char *copy = malloc(bytes + 1);
    struct study_yaml tree = {0};
    rt_status rc = RT_OK;

    if (!file || !copy)
        rc = rt_fail(err, RT_ENOMEM, "no memory to read '%.200s'", path);
    if (rc == RT_OK && (rc = study__yaml_open(&tree, path, yaml, bytes, err)) == RT_OK &&
        (rc = read_study(&tree, unsaid, file, err)) == RT_OK) {
        memcpy(copy, yaml, bytes);
        copy[bytes] = '\0';
        *study = file->study;
        study->yaml = copy;
        copy = NULL;
        sliver_apply(study);
    } else if (file)
        free(file->study.own);
    study__yaml_close(&tree);
    free(copy);
    free(file);
    return rc;
}

/* The text with the line `seed: ` in place of its own, or at its end, so that other lines keep their
 * numbers; *bytes gets its length. NULL: no memory. */
static char *reseed(const char *text, size_t *bytes, int64_t seed)
{
    static const char key[] = "seed:";
    const char *from = text, *end = text + *bytes, *rest;
    char *out = malloc(*bytes + 64);
    int line;

    if (!out)
        return NULL;
    while (from < end && strncmp(from, key, sizeof key - 1) != 0) {
        const char *next = memchr(from, '\n', (size_t)(end - from));
        from = next ? next + 1 : end;
    }
    rest = memchr(from, '\n', (size_t)(end - from));
    rest = rest ? rest + 1 : end;
    const size_t before = (size_t)(from - text), after = (size_t)(end - rest);
    memcpy(out, text, before);
    line = snprintf(out + before, 64, "%sseed: %" PRId64 "\n",
                    before && text[before - 1] != '\n' ? "\n" : "", seed);
    memcpy(out + before + line, rest, after);
    *bytes = before + (size_t)line + after;
    out[*bytes] = '\0';
    return out;
}

rt_status study_load_seeded(const char *path, int64_t seed, struct study *study, struct rt_err *err)
{
    char *text = NULL, *seeded = NULL;
    size_t bytes = 0, length;
    rt_status rc;

    RT_TRY(rt_file_read(path, STUDY_MAX_BYTES, &text, &bytes, err));
    length = bytes;
    seeded = reseed(text, &length, seed);
    rc = seeded ? study_parse(path, seeded, length, study, err)
                : rt_fail(err, RT_ENOMEM, "no memory to read '%.200s'", path);
    if (rc != RT_OK && rc != RT_ENOMEM && study_parse(path, text, bytes, study, err) == RT_OK) {
        study_release(study);
        rc = rt_fail(err, RT_EARG,
                     "'%.200s' has no line of its own for another seed; begin a line with 'seed:'",
                     path);
    }
    free(text);
    free(seeded);
    return rc;
}

rt_status study_load(const char *path, struct study *study, struct rt_err *err)
{
    char *text = NULL;
    size_t bytes = 0;
    rt_status rc;

    RT_TRY(rt_file_read(path, STUDY_MAX_BYTES, &text, &bytes, err));
    rc = study_parse(path, text, bytes, study, err);
    free(text);
    return rc;
}
