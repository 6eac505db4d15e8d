/* cli/study_teachers.c -- teachers.members of a study: what each member is made of.
 *
 * A kind of teacher has one line in `made_of`: the key that a member says it by, and what that means
 * for the study. What the teacher itself can do is in trainer/teachers.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"
#include "trainer/import/folder.h"

/* The key of a member, or below it. */
static void member_key(int k, const char *below, char key[STUDY_KEY])
{
    (void)snprintf(key, STUDY_KEY, "teachers.members[%d]%s", k, below);
}

/* A teacher's name is also the name of its file, and of its row beside the ensemble's. */
static rt_status check_name(const struct assembly *a, int k)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *name = a->file->member[k].name;
    char key[STUDY_KEY];

    member_key(k, ".name", key);
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

static rt_status place_recorded(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];

    teacher->params = m->logits.params;
    RT_TRY(study__resolve(a, m->logits.train, teacher->train_logits));
    return study__resolve(a, m->logits.test, teacher->test_logits);
}

static bool same_recipe(const struct tr_teacher_spec *a, const struct tr_teacher_spec *b)
{
    return space_arch_equal(&a->arch, &b->arch) && a->epochs == b->epochs && a->batch == b->batch &&
           a->learning_rate == b->learning_rate && a->warmup == b->warmup &&
           a->weight_decay == b->weight_decay && a->seed == b->seed;
}

static rt_status place_trained(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];
    struct rt_err why;
    char key[STUDY_KEY];

    member_key(k, ".train.arch", key);
    if (space_arch_parse(m->train.arch, &teacher->arch, &why))
        return study__fail(a->yaml, key, a->err, "%s", why.text);
    teacher->epochs = m->train.epochs;
    teacher->batch = m->train.batch;
    teacher->learning_rate = m->train.learning_rate;
    teacher->warmup = m->train.warmup;
    teacher->weight_decay = m->train.weight_decay;
    teacher->seed = m->train.seed == STUDY_SEED_UNSET ? a->study->seed : (uint64_t)m->train.seed;
    member_key(k, ".train", key);
    for (const struct tr_teacher_spec *t = a->study->teachers.teacher; t < teacher; t++)
        if (t->kind == teacher->kind && same_recipe(t, teacher))
            return study__fail(a->yaml, key, a->err,
                               "'%s' would be the same network as '%s'; give it another seed",
                               teacher->name, t->name);
    return RT_OK;
}

static void place_probe(const struct assembly *a, const struct study_member *m,
                        struct tr_teacher_spec *teacher)
{
    const bool head = m->probe.kind == TR_PROBE_HEAD;
    const double epochs = head ? 20 : 3, rate = head ? 1e-2 : 1e-4;

    teacher->probe = m->probe.kind;
    teacher->probe_recipe = (struct tr_probe_recipe){
        .epochs = m->probe.epochs > 0 ? m->probe.epochs : epochs,
        .batch = m->probe.batch,
        .learning_rate = m->probe.learning_rate > 0 ? m->probe.learning_rate : rate,
        .warmup = m->probe.warmup,
        .weight_decay = m->probe.weight_decay,
        .seed = m->probe.seed == STUDY_SEED_UNSET ? a->study->seed : (uint64_t)m->probe.seed};
}

static void hash_imported(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    const struct tr_probe_recipe *r = &teacher->probe_recipe;

    if (!teacher->probe)
        return;
    study__hash_integer(hash, "probe", teacher->probe);
    study__hash_real(hash, "epochs", r->epochs);
    study__hash_integer(hash, "batch", r->batch);
    study__hash_real(hash, "learning_rate", r->learning_rate);
    study__hash_real(hash, "warmup", r->warmup);
    study__hash_real(hash, "weight_decay", r->weight_decay);
    study__hash_integer(hash, "seed", (int64_t)r->seed);
}

/* Its architecture and size stand in it; what it says is guarded by a hash of its weights. */
static rt_status place_imported(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    struct tr_folder folder;
    struct rt_err why;
    char key[STUDY_KEY];

    member_key(k, ".folder", key);
    RT_TRY(study__resolve(a, a->file->member[k].folder, teacher->source));
    if (tr_folder_open(&folder, teacher->source, &why))
        return study__fail(a->yaml, key, a->err, "%s", why.text);
    teacher->arch = folder.arch;
    place_probe(a, &a->file->member[k], teacher);
    teacher->params = folder.params;
    tr_folder_close(&folder);
    return RT_OK;
}

static rt_status place_table(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];

    teacher->tau = m->table.tau;
    teacher->gamma = m->table.gamma;
    return RT_OK;
}

static rt_status place_policy(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];

    teacher->tau = m->policy.tau;
    return study__resolve(a, m->policy.file, teacher->file);
}

/* A key that means one thing to policies and another to the other tasks. */
static rt_status refuse_command(const struct assembly *a, int k, const char *mend)
{
    char key[STUDY_KEY];

    member_key(k, ".command", key);
    return study__fail(a->yaml, key, a->err, "%s", mend);
}

static rt_status place_command(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];

    if (!m->words)
        return refuse_command(a, k, "give the command as a list, such as [python3, teacher.py]");
    memcpy(teacher->command, m->word, sizeof teacher->command);
    teacher->params = m->params;
    return study__resolve(a, ".", teacher->source);
}

/* What is in its files is guarded by the cache. */
static void hash_command(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    for (int i = 0; i < TR_COMMAND_WORDS && teacher->command[i][0]; i++)
        study__hash_text(hash, "command", teacher->command[i]);
}

static rt_status place_labels(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];

    if (m->words)
        return refuse_command(a, k, "of policies the command is that of `environment`: give {}");
    teacher->tau = m->command.tau;
    teacher->params = m->command.params;
    return RT_OK;
}

/* Differing in nothing that is usually varied. */
static bool same_policy(const struct tr_ppo_recipe *a, const struct tr_ppo_recipe *b)
{
    return a->seed == b->seed && a->steps == b->steps && a->layers == b->layers &&
           memcmp(a->width, b->width, (size_t)a->layers * sizeof *a->width) == 0 &&
           a->rate == b->rate && a->gamma == b->gamma && a->activation == b->activation;
}

/* Its size is known when it has been trained. */
static rt_status place_ppo(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];
    struct tr_ppo_recipe *r = &teacher->ppo;
    char key[STUDY_KEY];

    *r = m->ppo;
    r->seed = m->ppo_seed == STUDY_SEED_UNSET ? a->study->seed : (uint64_t)m->ppo_seed;
    member_key(k, ".ppo.batch", key);
    if (r->batch > r->copies * r->steps_each)
        return study__fail(a->yaml, key, a->err, "%d is more than the %d steps of an update",
                           r->batch, r->copies * r->steps_each);
    member_key(k, ".ppo", key);
    for (const struct tr_teacher_spec *t = a->study->teachers.teacher; t < teacher; t++)
        if (t->kind == teacher->kind && same_policy(&t->ppo, r))
            return study__fail(a->yaml, key, a->err,
                               "'%s' would be the same policy as '%s'; give it another seed",
                               teacher->name, t->name);
    return RT_OK;
}

static void hash_ppo(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    const struct tr_ppo_recipe *r = &teacher->ppo;

    study__hash_integer(hash, "steps", r->steps);
    for (int l = 0; l < r->layers; l++)
        study__hash_integer(hash, "width", r->width[l]);
    study__hash_integer(hash, "activation", (int64_t)r->activation);
    study__hash_integer(hash, "copies", r->copies);
    study__hash_integer(hash, "steps_each", r->steps_each);
    study__hash_integer(hash, "epochs", r->epochs);
    study__hash_integer(hash, "batch", r->batch);
    study__hash_real(hash, "learning_rate", r->rate);
    study__hash_real(hash, "gamma", r->gamma);
    study__hash_real(hash, "lambda", r->lambda);
    study__hash_real(hash, "clip", r->clip);
    study__hash_real(hash, "value_weight", r->value_weight);
    study__hash_real(hash, "norm", r->norm);
    study__hash_integer(hash, "seed", (int64_t)r->seed);
}

static void hash_policy(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    study__hash_real(hash, "tau", teacher->tau); /* its file counts by name, in study->files */
}

static void hash_table(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    study__hash_real(hash, "tau", teacher->tau);
    study__hash_real(hash, "gamma", teacher->gamma);
}

static void hash_trained(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    char arch[SPACE_ARCH_TEXT];

    space_arch_print(&teacher->arch, arch);
    study__hash_text(hash, "arch", arch);
    study__hash_real(hash, "epochs", teacher->epochs);
    study__hash_integer(hash, "batch", teacher->batch);
    study__hash_real(hash, "learning_rate", teacher->learning_rate);
    study__hash_real(hash, "warmup", teacher->warmup);
    study__hash_real(hash, "weight_decay", teacher->weight_decay);
    study__hash_integer(hash, "seed", (int64_t)teacher->seed);
}

static const struct made_of {
    const char *key; /* in a member: ".train" */
    const struct tr_teacher_kind *kind;
    /* From the member's values into the teacher, whose kind, name and weight are in their places. */
    rt_status (*place)(const struct assembly *a, int k, struct tr_teacher_spec *teacher);
    /* What of it decides results beside the names of files; NULL: nothing. */
    void (*hash)(struct rt_hash *hash, const struct tr_teacher_spec *teacher);
    const char *arch; /* the key of an architecture that the study gives; NULL: it gives none */
} made_of[] = {
    {".train", &tr_teacher_trained, place_trained, hash_trained, ".train.arch"},
    {".logits", &tr_teacher_recorded, place_recorded, NULL, NULL},
    {".folder", &tr_teacher_imported, place_imported, hash_imported, NULL},
    {".table", &tr_teacher_table, place_table, hash_table, NULL},
    {".policy", &tr_teacher_policy, place_policy, hash_policy, NULL},
    {".command", &tr_teacher_commanded, place_command, hash_command, NULL},
    {".command", &tr_teacher_labels, place_labels, hash_policy, NULL},
    {".ppo", &tr_teacher_ppo, place_ppo, hash_ppo, NULL},
};
enum { kinds = sizeof made_of / sizeof *made_of };

static const struct made_of *made_of_kind(const struct tr_teacher_kind *kind)
{
    int i = 0;

    while (i < kinds && made_of[i].kind != kind)
        i++;
    assert(i < kinds);
    return &made_of[i];
}

/* The one of `made_of` that a member says; *given counts those of the study's task, and *foreign is one
 * of another task's. */
static const struct made_of *said_by(const struct assembly *a, int k, int *given,
                                     const struct made_of **foreign)
{
    const bool acts = study_task_of(a->study)->kind->act != NULL;
    const struct made_of *made = NULL;
    char key[STUDY_KEY];

    *given = 0;
    *foreign = NULL;
    for (int i = 0; i < kinds; i++) {
        const bool fits = acts == ((made_of[i].kind->gives & TR_ACTS) != 0);
        member_key(k, made_of[i].key, key);
        if (!study__given(a->yaml, key))
            continue;
        if (fits)
            made = &made_of[i];
        *given += fits;
        if (!fits)
            *foreign = &made_of[i];
    }
    if (*foreign && made && strcmp((*foreign)->key, made->key) == 0)
        *foreign = NULL; /* one key for both */
    return made;
}

/* "train, logits, ..": what a teacher of the study's task may be made of. */
static void list_kinds(const struct assembly *a, char list[80])
{
    const bool acts = study_task_of(a->study)->kind->act != NULL;
    size_t used = 0;

    for (int i = 0; i < kinds; i++)
        if (acts == ((made_of[i].kind->gives & TR_ACTS) != 0))
            used += (size_t)snprintf(list + used, 80 - used, "%s%s", used ? ", " : "",
                                     made_of[i].key + 1);
}

static rt_status place_member(const struct assembly *a, int k, struct tr_teacher_spec *teacher)
{
    const struct study_member *m = &a->file->member[k];
    const struct made_of *foreign, *made;
    char key[STUDY_KEY], list[80];
    int given;

    RT_TRY(check_name(a, k));
    memcpy(teacher->name, m->name, sizeof teacher->name);
    teacher->weight = m->weight;
    made = said_by(a, k, &given, &foreign);
    member_key(k, foreign ? foreign->key : "", key);
    if (foreign)
        return study__fail(a->yaml, key, a->err, "of the task '%s' no teacher is made so",
                           study_task_of(a->study)->name);
    list_kinds(a, list);
    if (given != 1)
        return study__fail(a->yaml, key, a->err, "a teacher is made of one thing; give %s of: %s",
                           given ? "only one" : "one", list);
    teacher->kind = made->kind;
    member_key(k, ".params", key);
    if (m->params && made->kind != &tr_teacher_commanded)
        return study__fail(a->yaml, key, a->err, "this is of a teacher with command; leave it out");
    return made->place(a, k, teacher);
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
        member_key(k, ".weight", key);
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

rt_status study__place_teachers(const struct assembly *a)
{
    struct tr_ensemble_spec *spec = &a->study->teachers;

    spec->count = a->file->member_count;
    for (int k = 0; k < spec->count; k++)
        RT_TRY(place_member(a, k, &spec->teacher[k]));
    return place_weights(a);
}

static bool gives_weights(const struct tr_teacher_spec *teacher)
{
    return teacher->kind->gives & TR_GIVES_WEIGHTS;
}

/* The teacher that students are cut out of: the one named, or the weightiest that can be cut. */
rt_status study__place_prune(const struct assembly *a)
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
                           "teacher '%s' is %s and has no weights to cut; give one with train",
                           name, spec->teacher[best].kind->name);
    study->prune.teacher = best < 0 ? 0 : best;
    if (study->recipe.init == TR_INIT_PRUNE && study->search.inherit != SEARCH_INHERIT_NONE)
        return study__fail(a->yaml, "search.inherit", a->err,
                           "students start as what is cut out of a teacher (distill.init); of two "
                           "beginnings leave one out");
    if (best < 0 && (study->recipe.init == TR_INIT_PRUNE || study->full.init == TR_INIT_PRUNE))
        return study__fail(
            a->yaml, full ? "full.init" : "distill.init", a->err,
            "no teacher has weights to be cut down; add one with train, or give random");
    return RT_OK;
}

void study__hash_teacher(struct rt_hash *hash, const struct tr_teacher_spec *teacher)
{
    const struct made_of *made = made_of_kind(teacher->kind);

    study__hash_text(hash, "teacher", teacher->name);
    study__hash_real(hash, "weight", teacher->weight);
    if (made->hash)
        made->hash(hash, teacher);
}

rt_status study__bind_teachers(const struct study *study, struct rt_err *err)
{
    struct rt_err why;
    char key[STUDY_KEY];

    for (int k = 0; k < study->teachers.count; k++) {
        const struct tr_teacher_spec *teacher = &study->teachers.teacher[k];
        const struct made_of *made = made_of_kind(teacher->kind);
        if (!made->arch || !space_arch_check(&teacher->arch, &study->space.shape, &why))
            continue;
        member_key(k, made->arch, key);
        return study__fail_in(study, key, why.text, err);
    }
    return RT_OK;
}

bool study_rows_unseen(const struct study *study)
{
    const struct study_task *task = study_task_of(study);

    if (study->data.validation_rows[0] ||
        (task->has_validation && task->has_validation(study->block)))
        return true;
    for (int k = 0; k < study->teachers.count; k++)
        if (!(study->teachers.teacher[k].kind->gives & TR_ROWS_KNOWN))
            return false;
    return true;
}
