/* cli/study_external.c -- studies with an evaluator of their own: command, genes, goals.
 *
 * Which blocks a study needs depends on who evaluates, so the table of keys calls them optional and
 * the rules are here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study_internal.h"
#include "space/objectives.h"

/* ---- what goes together ---- */

static rt_status need(const struct study_yaml *yaml, const char *block, const char *const *keys,
                      struct rt_err *err)
{
    char key[STUDY_KEY];

    for (; *keys; keys++) {
        (void)snprintf(key, sizeof key, "%s%s%s", block, *block ? "." : "", *keys);
        if (!study__given(yaml, key))
            return study__fail(yaml, block, err, "the key '%s' is missing; add it", *keys);
    }
    return RT_OK;
}

static rt_status refuse(const struct study_yaml *yaml, const char *const *keys, const char *why,
                        struct rt_err *err)
{
    for (; *keys; keys++)
        if (study__given(yaml, *keys))
            return study__fail(yaml, *keys, err, "%s", why);
    return RT_OK;
}

/* What describes students, besides what the task has of that: "space.images", but not its genes. */
static rt_status refuse_students(const struct study_yaml *yaml, const struct study_task *task,
                                 struct rt_err *err)
{
    static const char *const students[] = {
        "space.depth", "space.width",  "space.head_dim",  "space.heads", "space.ffn", "space.pool",
        "space.tie",   "space.stages", "space.ffn_ratio", "limits",      NULL};
    static const char why[] = "space.genes says all there is to choose; leave this out, and give "
                              "exact costs by space.costs";

    RT_TRY(refuse(yaml, students, why, err));
    for (const struct study_key *row = task->space; row->key; row++) {
        char key[STUDY_KEY];
        (void)snprintf(key, sizeof key, "space.%s", row->key);
        if (study__given(yaml, key))
            return study__fail(yaml, key, err, "%s", why);
    }
    return RT_OK;
}

static rt_status need_students(const struct study_yaml *yaml, const struct study_task *task,
                               struct rt_err *err)
{
    static const char *const genes[] = {"depth", "width", "head_dim", "heads", NULL};

    RT_TRY(need(yaml, "space", genes, err));
    for (const struct study_key *row = task->space; row->key; row++) {
        const char *const one[] = {row->key, NULL};
        if (row->entries && !row->optional)
            RT_TRY(need(yaml, "space", one, err));
    }
    return RT_OK;
}

/* Students are trained here: there is no use for what an evaluator of one's own would need. */
static rt_status check_built_in(const struct study_yaml *yaml, const struct study_task *task,
                                struct rt_err *err)
{
    static const char *const both[] = {"data", "teachers", NULL}, *const data[] = {"data", NULL};
    const char *const *blocks = task->blocks ? both + 1 : both;
    static const char why[] = "this is for a study with an evaluator of its own; leave it out, or "
                              "add evaluator";
    char reads[STUDY_KEY];
    const char *const foreign[] = {"space.genes", "space.costs", reads, NULL};

    (void)snprintf(reads, sizeof reads, "space.%s", task->reads);
    RT_TRY(need(yaml, "", blocks, err));
    if (task->blocks)
        RT_TRY(refuse(yaml, data, "what students learn from comes of acting; leave this out", err));
    RT_TRY(refuse(yaml, foreign, why, err));
    return need_students(yaml, task, err);
}

rt_status study__check_kind(const struct study_yaml *yaml, const struct study_file *file,
                            struct rt_err *err)
{
    static const char *const own[] = {"search", NULL}, *const goals[] = {"objectives", NULL};
    static const char *const unused[] = {"task",           "data",    "teachers",
                                         "distill",        "full",    "prune",
                                         "gates",          "latency", "search.worker_memory",
                                         "search.inherit", "after",   NULL};
    const struct study_task *task = study_task_of(&file->study);
    const char *const reads[] = {task->reads, NULL};

    if (!file->command_count)
        return check_built_in(yaml, task, err);
    RT_TRY(refuse(yaml, unused,
                  "the evaluator's command trains and measures; leave this out, or evaluator",
                  err));
    RT_TRY(need(yaml, "", own, err));
    RT_TRY(need(yaml, "search", goals, err));
    if (study__given(yaml, "search.workers") && study__given(yaml, "evaluator.workers"))
        return study__fail(yaml, "search.workers", err,
                           "evaluator.workers says it already; leave one out");
    static const char *const costs[] = {"space.costs", NULL};
    if (file->gene_count)
        return refuse_students(yaml, task, err);
    RT_TRY(refuse(yaml, costs, "costs are of genes; those of students are known (limits)", err));
    RT_TRY(need_students(yaml, task, err));
    return need(yaml, "space", reads, err);
}

/* ---- the command and the genes ---- */

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return end != text && *end == '\0';
}

/* Whole decimal numbers are lengths; other texts name a gene. */
static rt_status place_length(const struct study_yaml *yaml, int g, const struct study_gene *from,
                              struct space_gene *gene, struct rt_err *err)
{
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "space.genes[%d].tie", g);
    if (!from->length[0] && study__given(yaml, key))
        return study__fail(yaml, key, err, "tie is for a list; add length, or leave it out");
    (void)snprintf(key, sizeof key, "space.genes[%d].stages", g);
    if (study__given(yaml, key) &&
        (!from->length[0] || (from->tie != SPACE_TIE_STAGE && from->tie != SPACE_TIE_AUTO)))
        return study__fail(yaml, key, err,
                           "stages are for tie: stage or auto; leave them out or change the tie");
    gene->list = from->length[0] != '\0';
    if (from->length[strspn(from->length, "0123456789")])
        gene->length_name = from->length;
    else
        gene->length = strlen(from->length) < 6 ? atoi(from->length) : SPACE_MAX_POSITIONS + 1;
    return RT_OK;
}

static rt_status place_gene(const struct study_yaml *yaml, struct study_own *own, int g,
                            struct rt_err *err)
{
    const struct study_gene *from = &own->text[g];
    struct space_gene *gene = &own->gene[g];
    bool numbers = true;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "space.genes[%d].ordered", g);
    for (int c = 0; c < from->choice_count; c++) {
        own->choice[g][c] = from->choice[c];
        numbers = numbers && is_number(from->choice[c]);
    }
    *gene = (struct space_gene){.name = from->name,
                                .choice = own->choice[g],
                                .choice_count = from->choice_count,
                                .ordered = study__given(yaml, key) ? from->ordered : numbers,
                                .tie = from->length[0] ? from->tie : SPACE_TIE_UNIFORM,
                                .stages = from->stages};
    return place_length(yaml, g, from, gene, err);
}

rt_status study__place_external(const struct study_yaml *yaml, struct study_file *file,
                                struct rt_err *err)
{
    struct study *study = &file->study;
    struct study_own *own = calloc(1, sizeof *own);

    if (!own)
        return rt_fail(err, RT_ENOMEM, "no memory to read '%.200s'", yaml->path);
    study->own = own;
    RT_TRY(rt_path_beside(yaml->path, ".", own->folder, err));
    study->external.folder = own->folder;
    memcpy(own->command, file->command, sizeof own->command);
    for (int i = 0; i < file->command_count; i++)
        study->external.argv[i] = own->command[i];
    if (file->evaluator_workers)
        study->search.workers = file->evaluator_workers;
    memcpy(own->text, file->gene, sizeof own->text);
    for (int g = 0; g < file->gene_count; g++)
        RT_TRY(place_gene(yaml, own, g, err));
    if (file->gene_count)
        study->space.tie = SPACE_TIE_UNIFORM; /* there is nothing to tie but the lists */
    study->space.gene_count = file->gene_count;
    study->space.gene = own->gene;
    return RT_OK;
}

/* ---- objectives and constraints ---- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

bool study__is_metric(const char *name)
{
    return name[0] && strchr(letters, name[0]) && strlen(name) < STORE_NAME - 1 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.0123456789")];
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* Of the task's own measures; NULL: it has none of that name. */
static const struct space_objective *own_measure(const struct study_file *file, const char *name)
{
    const struct space_objective *m = study_task_of(&file->study)->kind->measures;

    while (m && m->name && strcmp(m->name, name) != 0)
        m++;
    return m && m->name ? m : NULL;
}

static bool is_student_objective(const struct study_file *file, const char *name)
{
    const struct space_objective *own = own_measure(file, name);

    return space_objective_named(name) || study_is_latency(&file->study, name) ||
           (own && !own->shown_only);
}

static rt_status fail_unknown(const struct study_yaml *yaml, const struct study_file *file,
                              const char *key, const char *name, struct rt_err *err)
{
    const struct space_objective *own = study_task_of(&file->study)->kind->measures;
    char list[200];
    size_t used = 0;

    for (int i = 0; i < SPACE_OBJECTIVES && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 space_objectives[i].name);
    for (; own && own->name && used < sizeof list; own++)
        if (!own->shown_only)
            used += (size_t)snprintf(list + used, sizeof list - used, ", %s", own->name);
    return study__fail(yaml, key, err, "unknown value '%.40s'; give one of %s", name, list);
}

static rt_status place_objective(const struct study_yaml *yaml, struct study_file *file, int i,
                                 struct rt_err *err)
{
    const char *name = file->objective[i];
    const bool timed = !file->command_count && study_is_latency(&file->study, name);
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "search.objectives[%d]", i);
    if (!file->command_count && !is_student_objective(file, name))
        return fail_unknown(yaml, file, key, name, err);
    if (!timed && (!study__is_metric(name + (name[0] == '-')) ||
                   strcmp(name + (name[0] == '-'), "violation") == 0))
        return study__fail(
            yaml, key, err,
            "'%.40s' is no metric's name; give letters, digits, '_' and '.', at most "
            "%d, with a '-' before it to maximise",
            name, STORE_NAME - 2);
    for (int other = 0; other < i; other++)
        if (strcmp(file->objective[other], name) == 0)
            return study__fail(yaml, key, err, "'%s' is given twice; leave one out", name);
    (void)snprintf(file->study.search.objectives[i], STORE_NAME, "%.*s", STORE_NAME - 1, name);
    return RT_OK;
}

/* "METRIC <= NUMBER" or "METRIC >= NUMBER" into *c */
static rt_status read_constraint(const struct study_yaml *yaml, struct study_file *file, int i,
                                 struct search_constraint *c, struct rt_err *err)
{
    static const char *const measured[] = {"error", "kl", "agreement", NULL};
    char key[STUDY_KEY], sign[3] = "";
    int end = 0;

    (void)snprintf(key, sizeof key, "search.constraints[%d]", i);
    if (sscanf(file->constraint[i], "%31[A-Za-z0-9_.@] %2[<>=] %lf %n", c->metric, sign, &c->bound,
               &end) != 3 ||
        file->constraint[i][end] || (strcmp(sign, "<=") != 0 && strcmp(sign, ">=") != 0) ||
        (!study__is_metric(c->metric) && (file->command_count || !strchr(c->metric, '@'))) ||
        !(c->bound >= -1e300 && c->bound <= 1e300))
        return study__fail(yaml, key, err,
                           "'%.60s' is no constraint; write it like \"seconds <= 2.5\"",
                           file->constraint[i]);
    if (!file->command_count && !is_one_of(c->metric, measured) &&
        !study_is_latency(&file->study, c->metric) && !own_measure(file, c->metric))
        return study__fail(yaml, key, err,
                           "'%s' is not measured after training; give error, kl, agreement or "
                           "latency here, and exact costs in limits",
                           c->metric);
    c->at_least = sign[0] == '>';
    return RT_OK;
}

/* On what is measured; or, on a cost, a limit. */
static void place_constraint(struct study *study, const struct search_constraint *c)
{
    if (study__is_cost(study, c->metric))
        study->own->limit[study->own->limit_count++] = *c;
    else
        study->search.constraint[study->search.constraint_count++] = *c;
}

rt_status study__place_goals(const struct study_yaml *yaml, struct study_file *file,
                             struct rt_err *err)
{
    struct search_options *search = &file->study.search;

    memset(search->objectives, 0, sizeof search->objectives);
    search->objective_count = file->objective_count;
    for (int i = 0; i < file->objective_count; i++)
        RT_TRY(place_objective(yaml, file, i, err));
    search->constraint_count = 0;
    for (int i = 0; i < file->constraint_count; i++) {
        struct search_constraint c = {.bound = 0};
        RT_TRY(read_constraint(yaml, file, i, &c, err));
        place_constraint(&file->study, &c);
    }
    return study__check_limits(yaml, &file->study, err);
}

/* ---- what decides results ---- */

static void add(struct rt_hash *hash, const char *key, const char *value)
{
    rt_hash_add(hash, key, strlen(key));
    rt_hash_add(hash, "=", 1);
    rt_hash_add(hash, value, strlen(value) + 1);
}

static void add_constraint(struct rt_hash *hash, const char *key, const struct search_constraint *c)
{
    char text[96];

    (void)snprintf(text, sizeof text, "%s %d %.17g", c->metric, c->at_least, c->bound);
    add(hash, key, text);
}

static void add_gene(struct rt_hash *hash, const struct space_gene *gene)
{
    char text[96];

    add(hash, "gene", gene->name);
    for (int c = 0; c < gene->choice_count; c++)
        add(hash, "choice", gene->choice[c]);
    (void)snprintf(text, sizeof text, "%d %d %d %d %d %.31s", gene->ordered, gene->list,
                   gene->length, gene->tie, gene->stages,
                   gene->length_name ? gene->length_name : "");
    add(hash, "kind", text);
}

void study__hash_external(struct rt_hash *hash, const struct study *study)
{
    const struct search_options *search = &study->search;
    const struct space_shape *shape = &study->space.shape;
    char text[96];

    for (int i = 0; i < search->constraint_count; i++)
        add_constraint(hash, "constraint", &search->constraint[i]);
    if (!study->own)
        return;
    for (int i = 0; study->external.argv[i]; i++)
        add(hash, "command", study->external.argv[i]);
    for (int g = 0; g < study->space.gene_count; g++)
        add_gene(hash, &study->space.gene[g]);
    for (int i = 0; i < study->own->cost_count; i++)
        add(hash, "cost", study->own->cost[i].text);
    for (int i = 0; i < study->own->limit_count; i++)
        add_constraint(hash, "limit", &study->own->limit[i]);
    (void)snprintf(text, sizeof text, "%d %d %d %d", shape->height, shape->width, shape->channels,
                   shape->classes);
    add(hash, "images", text);
}
