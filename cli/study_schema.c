/* cli/study_schema.c -- the table of the study file's keys: names, types, places and ranges.
 *
 * All blocks of the file but the lists' entries are written at offset 0 of one struct, so that a
 * block's keys may go to different rooms' options. docs/study.md describes every key; a test
 * compares the two.
 */
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

enum { optional = CYAML_FLAG_OPTIONAL, required = CYAML_FLAG_DEFAULT };

/* ---- words ---- */

static const cyaml_strval_t tasks[] = {{"image", STUDY_TASK_IMAGE}};
static const cyaml_strval_t formats[] = {{"idx", STUDY_FORMAT_IDX}};
static const cyaml_strval_t pools[] = {{"class", SPACE_POOL_CLASS}, {"mean", SPACE_POOL_MEAN}};
static const cyaml_strval_t ties[] = {{"uniform", SPACE_TIE_UNIFORM},
                                      {"stage", SPACE_TIE_STAGE},
                                      {"layer", SPACE_TIE_LAYER},
                                      {"auto", SPACE_TIE_AUTO}};
static const cyaml_strval_t surrogates[] = {{"none", SEARCH_SURROGATE_NONE},
                                            {"gp", SEARCH_SURROGATE_GP}};
static const cyaml_strval_t combines[] = {{"prob", TR_COMBINE_PROB}, {"logit", TR_COMBINE_LOGIT}};
static const cyaml_strval_t rules[] = {{"given", TR_RULE_GIVEN},
                                       {"uniform", TR_RULE_UNIFORM},
                                       {"accuracy", TR_RULE_ACCURACY},
                                       {"entropy", TR_RULE_ENTROPY},
                                       {"confidence", TR_RULE_CONFIDENCE},
                                       {"em", TR_RULE_EM},
                                       {"auto", TR_RULE_AUTO}};
static const cyaml_strval_t losses[] = {
    {"fkl", TR_LOSS_FKL}, {"rkl", TR_LOSS_RKL}, {"js", TR_LOSS_JS},     {"sym", TR_LOSS_SYM},
    {"mse", TR_LOSS_MSE}, {"dkd", TR_LOSS_DKD}, {"hard", TR_LOSS_HARD}, {"dist", TR_LOSS_DIST}};
static const cyaml_strval_t schedules[] = {{"linear", TR_SCHEDULE_LINEAR},
                                           {"cosine", TR_SCHEDULE_COSINE},
                                           {"constant", TR_SCHEDULE_CONSTANT}};
static const cyaml_strval_t mixes[] = {{"linear", TR_MIX_LINEAR},
                                       {"cosine", TR_MIX_COSINE},
                                       {"constant", TR_MIX_CONSTANT},
                                       {"two_stage", TR_MIX_TWO_STAGE}};
static const cyaml_strval_t regularisers[] = {
    {"none", TR_REG_NONE}, {"l2", TR_REG_L2}, {"l2sq", TR_REG_L2SQ}};
static const cyaml_strval_t inherits[] = {{"none", SEARCH_INHERIT_NONE},
                                          {"parent", SEARCH_INHERIT_PARENT}};
static const cyaml_strval_t inits[] = {{"random", TR_INIT_RANDOM}, {"prune", TR_INIT_PRUNE}};
static const cyaml_strval_t quantises[] = {
    {"none", TR_QUANTISE_NONE}, {"ptq", TR_QUANTISE_PTQ}, {"qat", TR_QUANTISE_QAT}};
static const cyaml_strval_t importances[] = {{"activation", TR_IMPORTANCE_ACTIVATION},
                                             {"gradient", TR_IMPORTANCE_GRADIENT}};
static const cyaml_strval_t kept_layers[] = {{"uniform", TR_INHERIT_UNIFORM},
                                             {"influence", TR_INHERIT_INFLUENCE}};
static const cyaml_strval_t hidden_losses[] = {{"mse", TR_HIDDEN_MSE},
                                               {"cosine", TR_HIDDEN_COSINE}};
static const cyaml_strval_t attention_losses[] = {{"relation", TR_ATTENTION_RELATION},
                                                  {"logits", TR_ATTENTION_LOGITS},
                                                  {"probabilities", TR_ATTENTION_PROBS},
                                                  {"kl", TR_ATTENTION_KL}};
static const cyaml_strval_t layer_maps[] = {{"uniform", TR_LAYERS_UNIFORM},
                                            {"last", TR_LAYERS_LAST},
                                            {"first", TR_LAYERS_FIRST},
                                            {"kept", TR_LAYERS_KEPT},
                                            {"random", TR_LAYERS_RANDOM}};
static const cyaml_strval_t reg_targets[] = {{"teacher", TR_REG_TEACHER}, {"ema", TR_REG_EMA}};
static const cyaml_strval_t online_modes[] = {{"off", TR_ONLINE_OFF},
                                              {"dml", TR_ONLINE_DML},
                                              {"kdcl_naive", TR_ONLINE_KDCL_NAIVE},
                                              {"kdcl_minlogit", TR_ONLINE_KDCL_MINLOGIT}};

/* ---- kinds of key; `member` is a place in struct study_file ---- */

#define INT(key, how, member) CYAML_FIELD_INT(key, how, struct study_file, member)
#define FLOAT(key, how, member)                                                                    \
    CYAML_FIELD_FLOAT(key, (how) | CYAML_FLAG_STRICT, struct study_file, member)
#define BOOL(key, how, member) CYAML_FIELD_BOOL(key, how, struct study_file, member)
#define TEXT(key, how, member) CYAML_FIELD_STRING(key, how, struct study_file, member, 1)
#define WORD(key, how, member, words)                                                              \
    CYAML_FIELD_ENUM(key, (how) | CYAML_FLAG_STRICT, struct study_file, member, words,             \
                     CYAML_ARRAY_LEN(words))
#define LIST(key, how, member, count, entry, least, most)                                          \
    CYAML_FIELD_SEQUENCE_COUNT(key, how, struct study_file, member, count, entry, least, most)
#define BLOCK(block_key, how, block_fields)                                                        \
    {                                                                                              \
        .key = (block_key), .value = {                                                             \
            CYAML_VALUE_MAPPING(how, struct study_file, block_fields),                             \
        }                                                                                          \
    }

static const cyaml_schema_value_t integer = {CYAML_VALUE_INT(required, int)};
static const cyaml_schema_value_t steps = {CYAML_VALUE_INT(required, int64_t)};
static const cyaml_schema_value_t real = {CYAML_VALUE_FLOAT(CYAML_FLAG_STRICT, double)};
#define ENTRY(bytes)                                                                               \
    {                                                                                              \
        CYAML_VALUE_STRING(required, char[bytes], 1, (bytes)-1)                                    \
    }
static const cyaml_schema_value_t goal = ENTRY(STUDY_TEXT);
static const cyaml_schema_value_t argument = ENTRY(STUDY_ARGUMENT);
static const cyaml_schema_value_t start = ENTRY(STUDY_START);
static const cyaml_schema_value_t choice = ENTRY(SPACE_NAME);

/* ---- blocks ---- */

static const cyaml_schema_field_t data_fields[] = {
    WORD("format", optional, study.data.format, formats),
    TEXT("train_images", required, train_images),
    TEXT("train_labels", required, train_labels),
    TEXT("test_images", optional, test_images),
    TEXT("test_labels", optional, test_labels),
    INT("classes", optional, study.data.classes),
    INT("validation", optional, study.data.validation),
    INT("held_out", optional, study.data.held_out),
    INT("train_limit", optional, study.data.train_limit),
    CYAML_FIELD_UINT("seed", optional, struct study_file, study.data.seed),
    CYAML_FIELD_END};

static const cyaml_schema_field_t train_fields[] = {
    CYAML_FIELD_STRING("arch", required, struct study_member, train.arch, 1),
    CYAML_FIELD_FLOAT("epochs", optional | CYAML_FLAG_STRICT, struct study_member, train.epochs),
    CYAML_FIELD_INT("batch", optional, struct study_member, train.batch),
    CYAML_FIELD_FLOAT("learning_rate", optional | CYAML_FLAG_STRICT, struct study_member,
                      train.learning_rate),
    CYAML_FIELD_FLOAT("warmup", optional | CYAML_FLAG_STRICT, struct study_member, train.warmup),
    CYAML_FIELD_FLOAT("weight_decay", optional | CYAML_FLAG_STRICT, struct study_member,
                      train.weight_decay),
    CYAML_FIELD_INT("seed", optional, struct study_member, train.seed),
    CYAML_FIELD_END};

static const cyaml_schema_field_t logits_fields[] = {
    CYAML_FIELD_STRING("train", required, struct study_member, logits.train, 1),
    CYAML_FIELD_STRING("test", optional, struct study_member, logits.test, 1),
    CYAML_FIELD_INT("params", optional, struct study_member, logits.params), CYAML_FIELD_END};

static const cyaml_schema_field_t member_fields[] = {
    CYAML_FIELD_STRING("name", required, struct study_member, name, 1),
    CYAML_FIELD_FLOAT("weight", optional | CYAML_FLAG_STRICT, struct study_member, weight),
    {.key = "train", .value = {CYAML_VALUE_MAPPING(optional, struct study_member, train_fields)}},
    {.key = "logits", .value = {CYAML_VALUE_MAPPING(optional, struct study_member, logits_fields)}},
    CYAML_FIELD_END};

static const cyaml_schema_value_t member_value = {
    CYAML_VALUE_MAPPING(required, struct study_member, member_fields)};

static const cyaml_schema_field_t teachers_fields[] = {
    TEXT("cache", optional, cache),
    WORD("combine", optional, study.recipe.distill.combine, combines),
    WORD("weights", optional, study.teachers.weights, rules),
    BOOL("calibrate", optional, study.teachers.calibrate),
    LIST("members", required, member, member_count, &member_value, 1, TR_MAX_TEACHERS),
    CYAML_FIELD_END};

#define CHOICES(key, how, gene)                                                                    \
    LIST(key, how, study.space.gene.value, study.space.gene.count, &integer, 1, SPACE_MAX_CHOICES)

static const cyaml_schema_field_t gene_fields[] = {
    CYAML_FIELD_STRING("name", required, struct study_gene, name, 1),
    CYAML_FIELD_SEQUENCE_COUNT("choices", required, struct study_gene, choice, choice_count,
                               &choice, 1, SPACE_MAX_CHOICES),
    CYAML_FIELD_BOOL("ordered", optional, struct study_gene, ordered),
    CYAML_FIELD_STRING("length", optional, struct study_gene, length, 1),
    CYAML_FIELD_ENUM("tie", optional | CYAML_FLAG_STRICT, struct study_gene, tie, ties,
                     CYAML_ARRAY_LEN(ties)),
    CYAML_FIELD_INT("stages", optional, struct study_gene, stages),
    CYAML_FIELD_END};

static const cyaml_schema_value_t gene_value = {
    CYAML_VALUE_MAPPING(required, struct study_gene, gene_fields)};

static const cyaml_schema_field_t images_fields[] = {
    INT("height", required, images.height), INT("width", required, images.width),
    INT("channels", required, images.channels), INT("classes", required, images.classes),
    CYAML_FIELD_END};

static const cyaml_schema_field_t space_fields[] = {
    WORD("tie", optional, study.space.tie, ties),
    INT("stages", optional, study.space.stages),
    CHOICES("depth", optional, depth),
    CHOICES("width", optional, width),
    CHOICES("head_dim", optional, head_dim),
    CHOICES("heads", optional, heads),
    CHOICES("ffn", optional, ffn),
    LIST("ffn_ratio", optional, study.space.ffn_ratio, study.space.ratio_count, &real, 1,
         SPACE_MAX_CHOICES),
    CHOICES("patch", optional, patch),
    WORD("pool", optional, study.space.shape.pool, pools),
    BLOCK("images", optional, images_fields),
    LIST("genes", optional, gene, gene_count, &gene_value, 1, STUDY_MAX_GENES),
    CYAML_FIELD_END};

static const cyaml_schema_field_t limits_fields[] = {
    INT("params", optional, study.space.limits.params),
    INT("bytes", optional, study.space.limits.bytes),
    INT("macs", optional, study.space.limits.macs),
    INT("memory", optional, study.space.limits.memory), CYAML_FIELD_END};

#define LAYERS(which)                                                                              \
    TEXT("teacher", optional, layers_teacher.which),                                               \
        FLOAT("embedding", optional, study.which.layers.weight[TR_LAYER_EMBEDDING]),               \
        FLOAT("hidden", optional, study.which.layers.weight[TR_LAYER_HIDDEN]),                     \
        FLOAT("attention", optional, study.which.layers.weight[TR_LAYER_ATTENTION]),               \
        WORD("hidden_loss", optional, study.which.layers.hidden_loss, hidden_losses),              \
        WORD("attention_loss", optional, study.which.layers.attention_loss, attention_losses),     \
        INT("relation_heads", optional, study.which.layers.relation_heads),                        \
        WORD("map", optional, study.which.layers.map, layer_maps),                                 \
        FLOAT("intermediate", optional, study.which.layers.intermediate),                          \
        BOOL("balance", optional, study.which.layers.balance)

static const cyaml_schema_field_t distill_layers[] = {LAYERS(recipe), CYAML_FIELD_END};
static const cyaml_schema_field_t full_layers[] = {LAYERS(full), CYAML_FIELD_END};

static const cyaml_schema_field_t online_fields[] = {
    WORD("mode", optional, study.online.mode, online_modes),
    INT("cohort", optional, study.online.cohort),
    FLOAT("weight", optional, study.online.weight),
    FLOAT("temperature", optional, study.online.temperature),
    FLOAT("rampup", optional, study.online.rampup),
    CYAML_FIELD_END};

#define QAT(which)                                                                                 \
    FLOAT("start", optional, study.which.qat.start), FLOAT("ema", optional, study.which.qat.ema),  \
        FLOAT("freeze", optional, study.which.qat.freeze)

static const cyaml_schema_field_t distill_qat[] = {QAT(recipe), CYAML_FIELD_END};
static const cyaml_schema_field_t full_qat[] = {QAT(full), CYAML_FIELD_END};

/* The same keys serve `distill:`, the recipe of trials, and `full:`. */
#define RECIPE(which)                                                                              \
    INT("steps", optional, study.which.steps), INT("batch", optional, study.which.batch),          \
        INT("micro_batch", optional, study.which.micro_batch),                                     \
        FLOAT("learning_rate", optional, study.which.learning_rate),                               \
        FLOAT("reference_width", optional, study.which.reference_width),                           \
        FLOAT("warmup", optional, study.which.warmup),                                             \
        FLOAT("weight_decay", optional, study.which.weight_decay),                                 \
        WORD("loss", optional, study.which.distill.loss, losses),                                  \
        FLOAT("t0", optional, study.which.distill.t0),                                             \
        FLOAT("t1", optional, study.which.distill.t1),                                             \
        WORD("t_schedule", optional, study.which.distill.t_schedule, schedules),                   \
        BOOL("t2_scale", optional, study.which.distill.t2_scale),                                  \
        FLOAT("tau_teacher", optional, study.which.distill.tau_teacher),                           \
        BOOL("standardise", optional, study.which.distill.standardise),                            \
        WORD("mix", optional, study.which.distill.mix, mixes),                                     \
        FLOAT("ce0", optional, study.which.distill.ce0),                                           \
        FLOAT("ce1", optional, study.which.distill.ce1),                                           \
        FLOAT("stage_split", optional, study.which.distill.stage_split),                           \
        WORD("reg", optional, study.which.distill.reg, regularisers),                              \
        FLOAT("reg_weight", optional, study.which.distill.reg_weight),                             \
        WORD("reg_target", optional, study.which.distill.reg_target, reg_targets),                 \
        FLOAT("reg_decay", optional, study.which.distill.reg_decay),                               \
        FLOAT("dkd_alpha", optional, study.which.distill.dkd_alpha),                               \
        FLOAT("dkd_beta", optional, study.which.distill.dkd_beta),                                 \
        FLOAT("dist_beta", optional, study.which.distill.dist_beta),                               \
        FLOAT("dist_gamma", optional, study.which.distill.dist_gamma),                             \
        FLOAT("clip_high", optional, study.which.distill.clip_high),                               \
        FLOAT("clip_low", optional, study.which.distill.clip_low),                                 \
        FLOAT("floor_until", optional, study.which.distill.floor_until),                           \
        INT("curve_points", optional, study.which.curve_points),                                   \
        WORD("init", optional, study.which.init, inits),                                           \
        WORD("quantise", optional, study.which.quantise, quantises),                               \
        INT("ptq_rows", optional, study.which.ptq_rows)

static const cyaml_schema_field_t distill_fields[] = {
    RECIPE(recipe), BLOCK("layers", optional, distill_layers), BLOCK("qat", optional, distill_qat),
    CYAML_FIELD_END};
static const cyaml_schema_field_t full_fields[] = {FLOAT("epochs", optional, study.full_epochs),
                                                   RECIPE(full),
                                                   BLOCK("layers", optional, full_layers),
                                                   BLOCK("online", optional, online_fields),
                                                   BLOCK("qat", optional, full_qat),
                                                   CYAML_FIELD_END};

static const cyaml_schema_field_t prune_fields[] = {
    TEXT("teacher", optional, prune_teacher),
    WORD("importance", optional, study.prune.importance, importances),
    INT("calibration", optional, study.prune.calibration),
    WORD("layers", optional, study.prune.inherit.layers, kept_layers),
    BOOL("merge_heads", optional, study.prune.inherit.merge_heads),
    CYAML_FIELD_END};

static const cyaml_schema_field_t gates_fields[] = {
    FLOAT("accuracy_retention", optional, study.gates.accuracy_retention),
    FLOAT("agreement", optional, study.gates.agreement),
    FLOAT("params_reduction", optional, study.gates.params_reduction),
    FLOAT("bytes_reduction", optional, study.gates.bytes_reduction),
    FLOAT("compression_ratio", optional, study.gates.compression_ratio),
    FLOAT("int8_accuracy_retention", optional, study.gates.int8_accuracy_retention),
    FLOAT("int8_bytes_reduction", optional, study.gates.int8_bytes_reduction),
    CYAML_FIELD_END};

static const cyaml_schema_field_t search_fields[] = {
    INT("trials", optional, study.search.trials),
    FLOAT("hours", optional, study.search.hours),
    INT("patience", optional, study.search.patience),
    INT("workers", optional, study.search.workers),
    INT("window", optional, study.search.window),
    INT("population", optional, study.search.population),
    INT("initial", optional, study.search.initial),
    FLOAT("crossover", optional, study.search.crossover),
    FLOAT("random", optional, study.search.random),
    WORD("inherit", optional, study.search.inherit, inherits),
    WORD("surrogate", optional, study.search.surrogate, surrogates),
    LIST("start_from", optional, study.start_from, study.start_count, &start, 1, STUDY_MAX_STARTS),
    LIST("rungs", optional, study.search.rung_budget, study.search.rung_count, &steps, 1,
         STORE_MAX_RUNGS),
    FLOAT("eta", optional, study.search.eta),
    LIST("objectives", optional, objective, objective_count, &goal, 1, STORE_MAX_OBJECTIVES),
    LIST("constraints", optional, constraint, constraint_count, &goal, 1, SEARCH_MAX_CONSTRAINTS),
    INT("worker_memory", optional, study.worker_memory),
    CYAML_FIELD_END};

static const cyaml_schema_field_t latency_fields[] = {
    INT("batch", optional, study.latency.batch), INT("threads", optional, study.latency.threads),
    INT("warmup", optional, study.latency.warmup), INT("samples", optional, study.latency.samples),
    CYAML_FIELD_END};

static const cyaml_schema_field_t evaluator_fields[] = {
    LIST("command", required, command, command_count, &argument, 1, SEARCH_MAX_ARGUMENTS),
    INT("workers", optional, evaluator_workers), FLOAT("timeout", optional, study.external.timeout),
    INT("retries", optional, study.external.retries), CYAML_FIELD_END};

static const cyaml_schema_field_t study_fields[] = {
    TEXT("name", optional, study.name),
    WORD("task", optional, study.task, tasks),
    CYAML_FIELD_UINT("seed", optional, struct study_file, study.seed),
    TEXT("store", optional, store),
    BLOCK("data", optional, data_fields),
    BLOCK("teachers", optional, teachers_fields),
    BLOCK("evaluator", optional, evaluator_fields),
    BLOCK("space", required, space_fields),
    BLOCK("limits", optional, limits_fields),
    BLOCK("distill", optional, distill_fields),
    BLOCK("full", optional, full_fields),
    BLOCK("prune", optional, prune_fields),
    BLOCK("gates", optional, gates_fields),
    BLOCK("search", optional, search_fields),
    BLOCK("latency", optional, latency_fields),
    CYAML_FIELD_END};

const cyaml_schema_value_t study__schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct study_file, study_fields)};

/* ---- ranges ---- */

enum { any_batch = 65536, any_rows = 1000000, any_calls = 1000000 };
#define ANY_SIZE 9e15 /* below 2^53: exact as a double */

static const struct study_range ranges[] = {
    {"seed", 0, 9e15},
    {"data.classes", 0, 256},
    {"data.validation", 1, any_rows},
    {"data.held_out", 0, any_rows},
    {"data.train_limit", 0, any_rows},
    {"data.seed", 0, 9e15},
    {"teachers.members[].weight", 1e-6, 1e6},
    {"teachers.members[].train.epochs", .001, 1e5},
    {"teachers.members[].train.batch", 1, any_batch},
    {"teachers.members[].train.learning_rate", 1e-8, 10},
    {"teachers.members[].train.warmup", 0, 1},
    {"teachers.members[].train.weight_decay", 0, 100},
    {"teachers.members[].train.seed", 0, 9e15},
    {"teachers.members[].logits.params", 1, ANY_SIZE},
    {"space.stages", 1, SPACE_MAX_DEPTH},
    {"space.depth[]", 1, SPACE_MAX_DEPTH},
    {"space.width[]", 1, SPACE_MAX_WIDTH},
    {"space.head_dim[]", 1, SPACE_MAX_WIDTH},
    {"space.heads[]", 1, SPACE_MAX_WIDTH},
    {"space.ffn[]", 1, 4 * SPACE_MAX_WIDTH},
    {"space.ffn_ratio[]", .001, 4 * SPACE_MAX_WIDTH},
    {"space.patch[]", 1, SPACE_MAX_WIDTH},
    {"space.images.height", 1, SPACE_MAX_WIDTH},
    {"space.images.width", 1, SPACE_MAX_WIDTH},
    {"space.images.channels", 1, 256},
    {"space.images.classes", 1, 1e6},
    {"space.genes[].stages", 1, SPACE_MAX_POSITIONS},
    {"evaluator.workers", 1, 1024},
    {"evaluator.timeout", 0, 1e7},
    {"evaluator.retries", 0, STORE_MAX_RETRIES},
    {"limits.params", 0, ANY_SIZE},
    {"limits.bytes", 0, ANY_SIZE},
    {"limits.macs", 0, ANY_SIZE},
    {"limits.memory", 0, ANY_SIZE},
    {"distill.steps", 1, 1e9},
    {"distill.batch", 1, any_batch},
    {"distill.micro_batch", 0, any_batch},
    {"distill.learning_rate", 1e-8, 10},
    {"distill.reference_width", 0, SPACE_MAX_WIDTH},
    {"distill.warmup", 0, 1},
    {"distill.weight_decay", 0, 100},
    {"distill.t0", .01, 1000},
    {"distill.t1", .01, 1000},
    {"distill.ce0", 0, 1},
    {"distill.ce1", 0, 1},
    {"distill.stage_split", 0, 1},
    {"distill.tau_teacher", 0, 1000},
    {"distill.reg_weight", 0, 1000},
    {"distill.reg_decay", 0, .999999},
    {"distill.dkd_alpha", 0, 1000},
    {"distill.dkd_beta", 0, 1000},
    {"distill.dist_beta", 0, 1000},
    {"distill.dist_gamma", 0, 1000},
    {"distill.clip_high", 0, 1e6},
    {"distill.clip_low", 0, 1e6},
    {"distill.floor_until", 0, 1},
    {"distill.curve_points", 0, 10000},
    {"distill.ptq_rows", 1, any_rows},
    {"distill.qat.start", 0, 1},
    {"distill.qat.ema", 0, 1},
    {"distill.qat.freeze", 0, 1},
    {"distill.layers.embedding", 0, 1e6},
    {"distill.layers.hidden", 0, 1e6},
    {"distill.layers.attention", 0, 1e6},
    {"distill.layers.relation_heads", 0, SPACE_MAX_WIDTH},
    {"distill.layers.intermediate", 0, 1},
    {"full.epochs", .001, 1e5},
    {"prune.calibration", 1, any_rows},
    {"full.online.cohort", 2, TR_ONLINE_MAX_COHORT},
    {"full.online.weight", 0, 1000},
    {"full.online.temperature", .01, 1000},
    {"full.online.rampup", 0, 1},
    {"gates.accuracy_retention", 0, 2},
    {"gates.agreement", 0, 1},
    {"gates.params_reduction", 0, .999999},
    {"gates.bytes_reduction", 0, .999999},
    {"gates.compression_ratio", 0, 1e9},
    {"gates.int8_accuracy_retention", 0, 2},
    {"gates.int8_bytes_reduction", 0, .999999},
    {"search.trials", 0, 1e9},
    {"search.hours", 0, 1e5},
    {"search.patience", 0, 1e9},
    {"search.workers", 0, 1024},
    {"search.window", 1, 4096},
    {"search.population", 2, 100000},
    {"search.initial", 3, 100000},
    {"search.crossover", 0, 1},
    {"search.random", 0, 1},
    {"search.rungs[]", 1, 1e9},
    {"search.eta", 1.1, 1000},
    {"search.worker_memory", 0, ANY_SIZE},
    {"latency.batch", 1, 4096},
    {"latency.threads", 1, 256},
    {"latency.warmup", 0, any_calls},
    {"latency.samples", 3, any_calls},
};

/* Same key, whatever the indices; patterns have "[]" for "[3]". */
static bool matches(const char *pattern, const char *key)
{
    for (; *pattern && *pattern == *key; pattern++, key++)
        if (*key == '[')
            key += strcspn(key, "]") - 1;
    return *pattern == *key;
}

static const struct study_range *find_range(const char *key)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (matches(ranges[i].key, key))
            return &ranges[i];
    return NULL;
}

const struct study_range *study__range(const char *key)
{
    const struct study_range *range = find_range(key);
    char trial[STUDY_KEY];

    if (range || strncmp(key, "full.", 5) != 0)
        return range;
    (void)snprintf(trial, sizeof trial, "distill.%s",
                   key + 5); /* the ranges of the trials' recipe */
    return find_range(trial);
}

/* ---- defaults ---- */

void study__file_defaults(struct study_file *file)
{
    study_defaults(&file->study);
    tr_layers_defaults(&file->study.recipe.layers); /* of a block that is given */
    for (int i = 0; i < file->study.search.objective_count; i++)
        (void)snprintf(file->objective[i], sizeof file->objective[i], "%s",
                       file->study.search.objectives[i]);
    file->objective_count = file->study.search.objective_count;
    for (int k = 0; k < TR_MAX_TEACHERS; k++)
        file->member[k] = (struct study_member){
            .weight = 1,
            .train = {.epochs = 10,
                      .batch = 64,
                      .learning_rate = 1e-3,
                      .warmup = .05,
                      .weight_decay = .05,
                      .seed = STUDY_SEED_UNSET},
        };
}
