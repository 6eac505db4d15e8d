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

#include "cli/study_internal.h"

_Static_assert(offsetof(struct study_file, study) == 0, "study_hash() finds a study by its table");

void study_defaults(struct study *study)
{
    *study = (struct study){
        .seed = 1,
        .data = {.validation = 10000},
        .teachers = {.lanes = TR_LANES},
        .full_lanes = TR_LANES,
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
                   .objective_count = 3,
                   .objectives = {"error", "params", "latency"}},
        .latency = {.batch = 1, .threads = 1, .warmup = 20, .samples = 100},
        .external = {.timeout = 4 * 3600},
    };
    tr_distill_defaults(&study->recipe.distill);
    tr_ensemble_defaults(&study->ensemble);
    study->full = study->recipe;
    tr_online_defaults(&study->online);
}

bool study_rows_unseen(const struct study *study)
{
    for (int k = 0; k < study->teachers.count; k++)
        if (!(study->teachers.teacher[k].kind->gives & TR_GIVES_TRAINING) &&
            !study->data.validation_rows[0])
            return false;
    return true;
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

static rt_status resolve(const struct assembly *a, const char *path, char out[RT_PATH_MAX])
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
    RT_TRY(resolve(a, file->store[0] ? file->store : path, study->store));
    base = stem(study->store, &length);
    length += (int)(base - study->store);
    if ((size_t)snprintf(path, sizeof path, "%.*s.teachers", length, study->store) >= sizeof path)
        return rt_fail(a->err, RT_EARG, "the path '%.80s...' is too long", study->store);
    if (file->cache[0])
        RT_TRY(resolve(a, file->cache, study->teachers.folder));
    else
        memcpy(study->teachers.folder, path, sizeof path);
    return RT_OK;
}

/* The task's own part of `data:`, whose files count in the hash by their names as written. */
static rt_status place_block(const struct assembly *a, struct rt_hash *hash)
{
    const struct study_task *task = study_task_of(a->study);
    char *block = (char *)a->study->block, key[STUDY_KEY];
    const char *fault = NULL;
    struct rt_err why;

    for (const struct study_key *row = task->data; row->key; row++) {
        char written[RT_PATH_MAX], *path = block + row->at;
        if (row->value != STUDY_PATH)
            continue;
        (void)snprintf(written, sizeof written, "%s", path);
        if (!row->unhashed)
            rt_hash_add(hash, written, strlen(written) + 1);
        RT_TRY(resolve(a, written, path));
    }
    if (task->check(block, &fault, &why) == RT_OK)
        return RT_OK;
    (void)snprintf(key, sizeof key, "data.%s", fault);
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
    return resolve(a, written, path);
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
    if (rc == RT_OK)
        rc = place_rows(a, hash);
    rt_hash_close(hash, a->study->files);
    return rc;
}

/* A teacher's name is also the name of its file, and of its row beside the ensemble's. */
static rt_status check_name(const struct assembly *a, int k)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *name = a->file->member[k].name;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "teachers.members[%d].name", k);
    if (name[strspn(name, letters)] || name[0] == '.')
        return study__fail(a->yaml, key, a->err,
                           "'%s' cannot name a file; give letters, digits, '-', '_' and '.'", name);
    if (strcmp(name, "ensemble") == 0)
        return study__fail(a->yaml, key, a->err,
                           "'ensemble' is what all teachers are called together; give another");
    for (int other = 0; other < k; other++)
        if (strcmp(name, a->file->member[other].name) == 0)
            return study__fail(a->yaml, key, a->err, "two teachers are called '%s'; rename one",
                               name);
    return RT_OK;
}

static rt_status recorded_teacher(const struct assembly *a, const struct study_member *m,
                                  struct tr_teacher_spec *teacher)
{
    teacher->kind = &tr_teacher_recorded;
    teacher->params = m->logits.params;
    RT_TRY(resolve(a, m->logits.train, teacher->train_logits));
    return resolve(a, m->logits.test, teacher->test_logits);
}

static rt_status trained_teacher(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];
    struct rt_err why;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "teachers.members[%d].train.arch", k);
    if (space_arch_parse(m->train.arch, &teacher->arch, &why))
        return study__fail(a->yaml, key, a->err, "%s", why.text);
    teacher->kind = &tr_teacher_trained;
    teacher->epochs = m->train.epochs;
    teacher->batch = m->train.batch;
    teacher->learning_rate = m->train.learning_rate;
    teacher->warmup = m->train.warmup;
    teacher->weight_decay = m->train.weight_decay;
    teacher->seed = m->train.seed == STUDY_SEED_UNSET ? a->study->seed : (uint64_t)m->train.seed;
    for (int other = 0; other < k; other++) {
        const struct tr_teacher_spec *t = &a->study->teachers.teacher[other];
        if (t->kind == teacher->kind && space_arch_equal(&t->arch, &teacher->arch) &&
            t->epochs == teacher->epochs && t->batch == teacher->batch &&
            t->learning_rate == teacher->learning_rate && t->warmup == teacher->warmup &&
            t->weight_decay == teacher->weight_decay && t->seed == teacher->seed) {
            (void)snprintf(key, sizeof key, "teachers.members[%d].train", k);
            return study__fail(a->yaml, key, a->err,
                               "'%s' would be the same network as '%s'; give it another seed",
                               teacher->name, t->name);
        }
    }
    return RT_OK;
}

/* Weights and calibration are fitted on rows that nobody trains on, or given, not both. */
static rt_status place_weights(const struct assembly *a)
{
    struct study *study = a->study;
    const struct tr_ensemble_spec *spec = &study->teachers;
    const char *mend = "is fitted on rows that nothing is trained on; give data.held_out, such as "
                       "2000";
    char key[STUDY_KEY];

    for (int k = 0; k < spec->count; k++) {
        (void)snprintf(key, sizeof key, "teachers.members[%d].weight", k);
        if (!tr_rule_keeps_weights(spec->weights) && study__given(a->yaml, key))
            return study__fail(a->yaml, key, a->err,
                               "teachers.weights finds the weights by itself; leave this one out, "
                               "or the rule");
    }
    if (study->data.held_out == 0 && tr_rule_needs_rows(spec->weights))
        return study__fail(a->yaml, "teachers.weights", a->err, "it %s", mend);
    if (study->data.held_out == 0 && spec->calibrate)
        return study__fail(a->yaml, "teachers.calibrate", a->err, "it %s", mend);
    tr_ensemble_weights(spec, &study->ensemble);
    return RT_OK;
}

static rt_status place_teachers(const struct assembly *a)
{
    struct tr_ensemble_spec *spec = &a->study->teachers;

    spec->count = a->file->member_count;
    for (int k = 0; k < spec->count; k++) {
        const struct study_member *m = &a->file->member[k];
        struct tr_teacher_spec *teacher = &spec->teacher[k];
        const bool trained = m->train.arch[0], recorded = m->logits.train[0];
        char key[STUDY_KEY];

        RT_TRY(check_name(a, k));
        memcpy(teacher->name, m->name, sizeof teacher->name);
        teacher->weight = m->weight;
        (void)snprintf(key, sizeof key, "teachers.members[%d]", k);
        if (trained == recorded)
            return study__fail(a->yaml, key, a->err,
                               "a teacher is either trained or recorded; give %s",
                               trained ? "one of train and logits only" : "train or logits");
        if (recorded)
            RT_TRY(recorded_teacher(a, m, teacher));
        else
            RT_TRY(trained_teacher(a, k, teacher));
    }
    return place_weights(a);
}

static bool gives_weights(const struct tr_teacher_spec *teacher)
{
    return teacher->kind->gives & TR_GIVES_WEIGHTS;
}

/* The teacher that students are cut out of: the one named, or the weightiest of those trained. */
static rt_status place_prune(const struct assembly *a)
{
    struct study *study = a->study;
    const struct tr_ensemble_spec *spec = &study->teachers;
    const char *name = a->file->prune_teacher;
    const bool full = study->recipe.init != TR_INIT_PRUNE;
    int best = -1;

    for (int k = 0; k < spec->count; k++) {
        const struct tr_teacher_spec *t = &spec->teacher[k];
        const bool better = best < 0 || t->weight > spec->teacher[best].weight;
        if (name[0] ? strcmp(t->name, name) == 0 : gives_weights(t) && better)
            best = k;
    }
    if (name[0] && best < 0)
        return study__fail(a->yaml, "prune.teacher", a->err,
                           "no teacher is called '%s'; give one of teachers.members", name);
    if (name[0] && !gives_weights(&spec->teacher[best]))
        return study__fail(a->yaml, "prune.teacher", a->err,
                           "of '%s' only logits are recorded; give a teacher that is trained here",
                           name);
    study->prune.teacher = best < 0 ? 0 : best;
    if (study->recipe.init == TR_INIT_PRUNE && study->search.inherit != SEARCH_INHERIT_NONE)
        return study__fail(a->yaml, "search.inherit", a->err,
                           "students start as what is cut out of a teacher (distill.init); of two "
                           "beginnings leave one out");
    if (best < 0 && (study->recipe.init == TR_INIT_PRUNE || study->full.init == TR_INIT_PRUNE))
        return study__fail(a->yaml, full ? "full.init" : "distill.init", a->err,
                           "no teacher is trained here to be cut down; give random");
    return RT_OK;
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
    const int threads = a->study->own ? 1 : a->study->latency.threads, cores = rt_cores();

    search->seed = a->study->seed;
    if (!search->workers)
        search->workers = cores > threads ? cores / threads : 1;
    if (a->study->latency.threads > a->study->latency.batch)
        return study__fail(a->yaml, "latency.threads", a->err,
                           "%d threads cannot share a batch of %d; give at most one an example",
                           a->study->latency.threads, a->study->latency.batch);
    return RT_OK;
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
    RT_TRY(place_teachers(&a));
    RT_TRY(place_prune(&a));
    if (file->command_count)
        RT_TRY(study__place_external(yaml, file, err));
    RT_TRY(place_space(&a));
    RT_TRY(place_search(&a));
    RT_TRY(study__place_goals(yaml, file, err));
    RT_TRY(place_rungs(&a));
    return study__place_recipes(&a);
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
    const int threads = study->latency.threads;
    const int wanted = study_cores(study), most = cores > threads ? cores / threads : 1;

    if (study->own || wanted <= cores)
        return RT_OK;
    if (threads > cores)
        return rt_fail(err, RT_EARG,
                       "latency.threads is %d and this process has %d cores; lower it", threads,
                       cores);
    return rt_fail(err, RT_EARG,
                   "%d workers want %d cores and this process has %d; give --workers %d",
                   study->search.workers, wanted, cores, most);
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
    } else if (file)
        free(file->study.own);
    study__yaml_close(&tree);
    free(copy);
    free(file);
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
