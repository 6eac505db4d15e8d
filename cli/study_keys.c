/* cli/study_keys.c -- the table of the study file's keys: names, kinds, places and ranges.
 *
 * All blocks of the file but the lists' entries are written at offset 0 of one struct, so that a
 * block's keys may go to different rooms' options. The order is that of the text that study_hash()
 * hashes: new keys stand at the end of their block. docs/study.md describes every key; a test
 * compares the two.
 */
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

/* ---- words ---- */

static const char *const pools[] = {
    [SPACE_POOL_CLASS] = "class", [SPACE_POOL_MEAN] = "mean", [SPACE_POOL_LAST] = "last", NULL};
static const char *const ties[] = {[SPACE_TIE_UNIFORM] = "uniform",
                                   [SPACE_TIE_STAGE] = "stage",
                                   [SPACE_TIE_LAYER] = "layer",
                                   [SPACE_TIE_AUTO] = "auto",
                                   NULL};
static const char *const surrogates[] = {
    [SEARCH_SURROGATE_NONE] = "none", [SEARCH_SURROGATE_GP] = "gp", NULL};
static const char *const combines[] = {
    [TR_COMBINE_PROB] = "prob", [TR_COMBINE_LOGIT] = "logit", NULL};
static const char *const rules[] = {[TR_RULE_GIVEN] = "given",
                                    [TR_RULE_UNIFORM] = "uniform",
                                    [TR_RULE_ACCURACY] = "accuracy",
                                    [TR_RULE_ENTROPY] = "entropy",
                                    [TR_RULE_CONFIDENCE] = "confidence",
                                    [TR_RULE_EM] = "em",
                                    [TR_RULE_AUTO] = "auto",
                                    NULL};
static const char *const losses[] = {
    [TR_LOSS_FKL] = "fkl",   [TR_LOSS_RKL] = "rkl",   [TR_LOSS_JS] = "js",
    [TR_LOSS_SYM] = "sym",   [TR_LOSS_MSE] = "mse",   [TR_LOSS_DKD] = "dkd",
    [TR_LOSS_HARD] = "hard", [TR_LOSS_DIST] = "dist", NULL};
static const char *const schedules[] = {[TR_SCHEDULE_LINEAR] = "linear",
                                        [TR_SCHEDULE_COSINE] = "cosine",
                                        [TR_SCHEDULE_CONSTANT] = "constant",
                                        NULL};
static const char *const mixes[] = {[TR_MIX_LINEAR] = "linear",
                                    [TR_MIX_COSINE] = "cosine",
                                    [TR_MIX_CONSTANT] = "constant",
                                    [TR_MIX_TWO_STAGE] = "two_stage",
                                    NULL};
static const char *const regularisers[] = {
    [TR_REG_NONE] = "none", [TR_REG_L2] = "l2", [TR_REG_L2SQ] = "l2sq", NULL};
static const char *const reg_targets[] = {[TR_REG_TEACHER] = "teacher", [TR_REG_EMA] = "ema", NULL};
static const char *const inherits[] = {
    [SEARCH_INHERIT_NONE] = "none", [SEARCH_INHERIT_PARENT] = "parent", NULL};
static const char *const inits[] = {[TR_INIT_RANDOM] = "random", [TR_INIT_PRUNE] = "prune", NULL};
static const char *const quantises[] = {
    [TR_QUANTISE_NONE] = "none", [TR_QUANTISE_PTQ] = "ptq", [TR_QUANTISE_QAT] = "qat", NULL};
static const char *const importances[] = {
    [TR_IMPORTANCE_ACTIVATION] = "activation", [TR_IMPORTANCE_GRADIENT] = "gradient", NULL};
static const char *const kept_layers[] = {
    [TR_INHERIT_UNIFORM] = "uniform", [TR_INHERIT_INFLUENCE] = "influence", NULL};
static const char *const hidden_losses[] = {
    [TR_HIDDEN_MSE] = "mse", [TR_HIDDEN_COSINE] = "cosine", NULL};
static const char *const attention_losses[] = {[TR_ATTENTION_LOGITS] = "logits",
                                               [TR_ATTENTION_PROBS] = "probabilities",
                                               [TR_ATTENTION_KL] = "kl",
                                               [TR_ATTENTION_RELATION] = "relation",
                                               NULL};
static const char *const layer_maps[] = {
    [TR_LAYERS_UNIFORM] = "uniform", [TR_LAYERS_LAST] = "last",     [TR_LAYERS_FIRST] = "first",
    [TR_LAYERS_KEPT] = "kept",       [TR_LAYERS_RANDOM] = "random", NULL};
static const char *const online_modes[] = {[TR_ONLINE_OFF] = "off",
                                           [TR_ONLINE_DML] = "dml",
                                           [TR_ONLINE_KDCL_NAIVE] = "kdcl_naive",
                                           [TR_ONLINE_KDCL_MINLOGIT] = "kdcl_minlogit",
                                           NULL};

static const char *const activations[] = {[TR_ACT_TANH] = "tanh", [TR_ACT_RELU] = "relu", NULL};

/* ---- places: in a file, a study, an entry of teachers.members, an entry of space.genes ---- */

#define FILE_(member) STUDY_AT(struct study_file, member)
#define IN(member) STUDY_AT(struct study_file, study.member)
#define MEMBER(member) STUDY_AT(struct study_member, member)
#define GENE(member) STUDY_AT(struct study_gene, member)
#define LIST(member, count) STUDY_LIST(struct study_file, member, count)
#define CHOICES(gene) LIST(study.space.gene.value, study.space.gene.count)

enum { any_batch = 65536, any_rows = 1000000, any_calls = 1000000, most_lanes = 1024 };
#define ANY_SIZE 9e15 /* below 2^53: exact as a double */
#define REQUIRED .required = true
#define UNHASHED .unhashed = true

/* ---- blocks ---- */

static const struct study_key data_keys[] = {
    {"", STUDY_TASK_DATA, .at = offsetof(struct study_file, study.block)},
    {"validation", STUDY_INT, IN(data.validation), 1, any_rows},
    {"held_out", STUDY_INT, IN(data.held_out), 0, any_rows},
    {"train_limit", STUDY_INT, IN(data.train_limit), 0, any_rows},
    {"seed", STUDY_INT, IN(data.seed), 0, 9e15},
    {"validation_rows", STUDY_PATH, IN(data.validation_rows), UNHASHED},
    {.key = NULL}};

static const struct study_key train_keys[] = {
    {"arch", STUDY_TEXT, MEMBER(train.arch), REQUIRED},
    {"epochs", STUDY_REAL, MEMBER(train.epochs), .001, 1e5},
    {"batch", STUDY_INT, MEMBER(train.batch), 1, any_batch},
    {"learning_rate", STUDY_REAL, MEMBER(train.learning_rate), 1e-8, 10},
    {"warmup", STUDY_REAL, MEMBER(train.warmup), 0, 1},
    {"weight_decay", STUDY_REAL, MEMBER(train.weight_decay), 0, 100},
    {"seed", STUDY_INT, MEMBER(train.seed), 0, 9e15},
    {.key = NULL}};

static const struct study_key logits_keys[] = {
    {"train", STUDY_TEXT, MEMBER(logits.train), REQUIRED},
    {"test", STUDY_TEXT, MEMBER(logits.test)},
    {"params", STUDY_INT, MEMBER(logits.params), 1, ANY_SIZE},
    {.key = NULL}};

static const char *const probes[] = {
    [TR_PROBE_NONE] = "none", [TR_PROBE_HEAD] = "head", [TR_PROBE_FINE] = "fine", NULL};

static const struct study_key probe_keys[] = {
    {"kind", STUDY_WORD, MEMBER(probe.kind), .words = probes, REQUIRED},
    {"epochs", STUDY_REAL, MEMBER(probe.epochs), .001, 1e5},
    {"batch", STUDY_INT, MEMBER(probe.batch), 1, any_batch},
    {"learning_rate", STUDY_REAL, MEMBER(probe.learning_rate), 1e-8, 10},
    {"warmup", STUDY_REAL, MEMBER(probe.warmup), 0, 1},
    {"weight_decay", STUDY_REAL, MEMBER(probe.weight_decay), 0, 100},
    {"seed", STUDY_INT, MEMBER(probe.seed), 0, 9e15},
    {.key = NULL}};

static const struct study_key table_keys[] = {
    {"tau", STUDY_REAL, MEMBER(table.tau), 1e-6, 1e6},
    {"gamma", STUDY_REAL, MEMBER(table.gamma), .01, .9999},
    {.key = NULL}};

static const struct study_key command_keys[] = {
    {"tau", STUDY_REAL, MEMBER(command.tau), 1e-6, 1e6},
    {"params", STUDY_INT, MEMBER(command.params), 1, ANY_SIZE},
    {.key = NULL}};

static const struct study_key policy_keys[] = {{"file", STUDY_TEXT, MEMBER(policy.file), REQUIRED},
                                               {"tau", STUDY_REAL, MEMBER(policy.tau), 1e-6, 1e6},
                                               {.key = NULL}};

static const struct study_key ppo_keys[] = {
    {"steps", STUDY_INT, MEMBER(ppo.steps), 1, 1e9},
    {"width", STUDY_INT, STUDY_LIST(struct study_member, ppo.width, ppo.layers), .least = 1,
     .most = TR_MLP_WIDTH},
    {"activation", STUDY_WORD, MEMBER(ppo.activation), .words = activations},
    {"copies", STUDY_INT, MEMBER(ppo.copies), 1, 64},
    {"steps_each", STUDY_INT, MEMBER(ppo.steps_each), 2, 1e6},
    {"epochs", STUDY_INT, MEMBER(ppo.epochs), 1, 1000},
    {"batch", STUDY_INT, MEMBER(ppo.batch), 2, any_batch},
    {"learning_rate", STUDY_REAL, MEMBER(ppo.rate), 1e-8, 1},
    {"gamma", STUDY_REAL, MEMBER(ppo.gamma), .01, .99999},
    {"lambda", STUDY_REAL, MEMBER(ppo.lambda), 0, 1},
    {"clip", STUDY_REAL, MEMBER(ppo.clip), 1e-3, 10},
    {"value_weight", STUDY_REAL, MEMBER(ppo.value_weight), 0, 100},
    {"norm", STUDY_REAL, MEMBER(ppo.norm), 1e-6, 1e6},
    {"seed", STUDY_INT, MEMBER(ppo_seed), 0, 9e15},
    {.key = NULL}};

static const struct study_key member_keys[] = {
    {"name", STUDY_TEXT, MEMBER(name), REQUIRED},
    {"weight", STUDY_REAL, MEMBER(weight), 1e-6, 1e6},
    {"train", STUDY_BLOCK, .keys = train_keys},
    {"logits", STUDY_BLOCK, .keys = logits_keys},
    {"folder", STUDY_TEXT, MEMBER(folder)},
    {"probe", STUDY_BLOCK, .keys = probe_keys},
    {"table", STUDY_BLOCK, .keys = table_keys},
    {"policy", STUDY_BLOCK, .keys = policy_keys},
    {"command", STUDY_BLOCK, .keys = command_keys},
    {"command", STUDY_TEXT, STUDY_LIST(struct study_member, word, words)},
    {"params", STUDY_INT, MEMBER(params), 1, ANY_SIZE},
    {"ppo", STUDY_BLOCK, .keys = ppo_keys},
    {.key = NULL}};

static const struct study_key teachers_keys[] = {
    {"cache", STUDY_TEXT, FILE_(cache), UNHASHED},
    {"combine", STUDY_WORD, IN(ensemble.combine), .words = combines},
    {"weights", STUDY_WORD, IN(teachers.weights), .words = rules},
    {"calibrate", STUDY_BOOL, IN(teachers.calibrate)},
    {"lanes", STUDY_INT, IN(teachers.lanes), 1, most_lanes, UNHASHED},
    {"layers_limit", STUDY_REAL, IN(layers_limit), 0, ANY_SIZE, UNHASHED},
    {"members", STUDY_BLOCK, LIST(member, member_count), .keys = member_keys, REQUIRED, UNHASHED},
    {.key = NULL}};

static const struct study_key gene_keys[] = {
    {"name", STUDY_TEXT, GENE(name), REQUIRED},
    {"choices", STUDY_TEXT, STUDY_LIST(struct study_gene, choice, choice_count), REQUIRED},
    {"ordered", STUDY_BOOL, GENE(ordered)},
    {"length", STUDY_TEXT, GENE(length)},
    {"tie", STUDY_WORD, GENE(tie), .words = ties},
    {"stages", STUDY_INT, GENE(stages), 1, SPACE_MAX_POSITIONS},
    {.key = NULL}};

static const struct study_key space_keys[] = {
    {"tie", STUDY_WORD, IN(space.tie), .words = ties},
    {"stages", STUDY_INT, IN(space.stages), 1, SPACE_MAX_DEPTH},
    {"depth", STUDY_INT, CHOICES(depth), .least = 1, .most = SPACE_MAX_DEPTH},
    {"width", STUDY_INT, CHOICES(width), .least = 1, .most = SPACE_MAX_WIDTH},
    {"head_dim", STUDY_INT, CHOICES(head_dim), .least = 1, .most = SPACE_MAX_WIDTH},
    {"heads", STUDY_INT, CHOICES(heads), .least = 1, .most = SPACE_MAX_WIDTH},
    {"ffn", STUDY_INT, CHOICES(ffn), .least = 1, .most = 4 * SPACE_MAX_WIDTH},
    {"ffn_ratio", STUDY_REAL, LIST(study.space.ffn_ratio, study.space.ratio_count), .least = .001,
     .most = 4 * SPACE_MAX_WIDTH},
    {"", STUDY_TASK_SPACE, .at = offsetof(struct study_file, study.space)},
    {"pool", STUDY_WORD, IN(space.shape.pool), .words = pools},
    {"genes", STUDY_BLOCK, LIST(gene, gene_count), .keys = gene_keys, UNHASHED},
    {"costs", STUDY_TEXT, LIST(cost, cost_count), UNHASHED},
    {.key = NULL}};

static const struct study_key limits_keys[] = {
    {"params", STUDY_INT, IN(space.limits.params), 0, ANY_SIZE},
    {"bytes", STUDY_INT, IN(space.limits.bytes), 0, ANY_SIZE},
    {"macs", STUDY_INT, IN(space.limits.macs), 0, ANY_SIZE},
    {"memory", STUDY_INT, IN(space.limits.memory), 0, ANY_SIZE},
    {"int8_bytes", STUDY_INT, IN(space.limits.int8_bytes), 0, ANY_SIZE, .newer = true},
    {.key = NULL}};

/* NOLINTBEGIN(bugprone-macro-parentheses): a member of a struct takes none */
#define LAYERS(which)                                                                              \
    {"teacher", STUDY_TEXT, FILE_(layers_teacher.which), UNHASHED},                                \
        {"embedding", STUDY_REAL, IN(which.layers.weight[TR_LAYER_EMBEDDING]), 0, 1e6},            \
        {"hidden", STUDY_REAL, IN(which.layers.weight[TR_LAYER_HIDDEN]), 0, 1e6},                  \
        {"attention", STUDY_REAL, IN(which.layers.weight[TR_LAYER_ATTENTION]), 0, 1e6},            \
        {"hidden_loss", STUDY_WORD, IN(which.layers.hidden_loss), .words = hidden_losses},         \
        {"attention_loss", STUDY_WORD, IN(which.layers.attention_loss),                            \
         .words = attention_losses},                                                               \
        {"relation_heads", STUDY_INT, IN(which.layers.relation_heads), 0, SPACE_MAX_WIDTH},        \
        {"map", STUDY_WORD, IN(which.layers.map), .words = layer_maps},                            \
        {"intermediate", STUDY_REAL, IN(which.layers.intermediate), 0, 1},                         \
    {                                                                                              \
        "balance", STUDY_BOOL, IN(which.layers.balance)                                            \
    }

static const struct study_key distill_layers[] = {LAYERS(recipe), {.key = NULL}};
static const struct study_key full_layers[] = {LAYERS(full), {.key = NULL}};

static const struct study_key online_keys[] = {
    {"mode", STUDY_WORD, IN(online.mode), .words = online_modes},
    {"cohort", STUDY_INT, IN(online.cohort), 2, TR_ONLINE_MAX_COHORT},
    {"weight", STUDY_REAL, IN(online.weight), 0, 1000},
    {"temperature", STUDY_REAL, IN(online.temperature), .01, 1000},
    {"rampup", STUDY_REAL, IN(online.rampup), 0, 1},
    {.key = NULL}};

/* clang-format off */
#define QAT(which)                                                                                 \
    {"start", STUDY_REAL, IN(which.qat.start), 0, 1},                                              \
    {"ema", STUDY_REAL, IN(which.qat.ema), 0, 1},                                                  \
    {"freeze", STUDY_REAL, IN(which.qat.freeze), 0, 1}
/* clang-format on */

static const struct study_key distill_qat[] = {QAT(recipe), {.key = NULL}};
static const struct study_key full_qat[] = {QAT(full), {.key = NULL}};

/* The same keys serve `distill:`, the recipe of trials, and `full:`. */
#define RECIPE(which)                                                                              \
    {"steps", STUDY_INT, IN(which.steps), 1, 1e9},                                                 \
        {"batch", STUDY_INT, IN(which.batch), 1, any_batch},                                       \
        {"micro_batch", STUDY_INT, IN(which.micro_batch), 0, any_batch},                           \
        {"learning_rate", STUDY_REAL, IN(which.learning_rate), 1e-8, 10},                          \
        {"reference_width", STUDY_REAL, IN(which.reference_width), 0, SPACE_MAX_WIDTH},            \
        {"warmup", STUDY_REAL, IN(which.warmup), 0, 1},                                            \
        {"weight_decay", STUDY_REAL, IN(which.weight_decay), 0, 100},                              \
        {"loss", STUDY_WORD, IN(which.distill.loss), .words = losses},                             \
        {"t0", STUDY_REAL, IN(which.distill.t0), .01, 1000},                                       \
        {"t1", STUDY_REAL, IN(which.distill.t1), .01, 1000},                                       \
        {"t_schedule", STUDY_WORD, IN(which.distill.t_schedule), .words = schedules},              \
        {"t2_scale", STUDY_BOOL, IN(which.distill.t2_scale)},                                      \
        {"tau_teacher", STUDY_REAL, IN(which.distill.tau_teacher), 0, 1000},                       \
        {"standardise", STUDY_BOOL, IN(which.distill.standardise)},                                \
        {"mix", STUDY_WORD, IN(which.distill.mix), .words = mixes},                                \
        {"ce0", STUDY_REAL, IN(which.distill.ce0), 0, 1},                                          \
        {"ce1", STUDY_REAL, IN(which.distill.ce1), 0, 1},                                          \
        {"stage_split", STUDY_REAL, IN(which.distill.stage_split), 0, 1},                          \
        {"reg", STUDY_WORD, IN(which.distill.reg), .words = regularisers},                         \
        {"reg_weight", STUDY_REAL, IN(which.distill.reg_weight), 0, 1000},                         \
        {"reg_target", STUDY_WORD, IN(which.distill.reg_target), .words = reg_targets},            \
        {"reg_decay", STUDY_REAL, IN(which.distill.reg_decay), 0, .999999},                        \
        {"dkd_alpha", STUDY_REAL, IN(which.distill.dkd_alpha), 0, 1000},                           \
        {"dkd_beta", STUDY_REAL, IN(which.distill.dkd_beta), 0, 1000},                             \
        {"dist_beta", STUDY_REAL, IN(which.distill.dist_beta), 0, 1000},                           \
        {"dist_gamma", STUDY_REAL, IN(which.distill.dist_gamma), 0, 1000},                         \
        {"clip_high", STUDY_REAL, IN(which.distill.clip_high), 0, 1e6},                            \
        {"clip_low", STUDY_REAL, IN(which.distill.clip_low), 0, 1e6},                              \
        {"floor_until", STUDY_REAL, IN(which.distill.floor_until), 0, 1},                          \
        {"curve_points", STUDY_INT, IN(which.curve_points), 0, 10000},                             \
        {"init", STUDY_WORD, IN(which.init), .words = inits},                                      \
        {"quantise", STUDY_WORD, IN(which.quantise), .words = quantises},                          \
    {                                                                                              \
        "ptq_rows", STUDY_INT, IN(which.ptq_rows), 1, any_rows                                     \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct study_key distill_keys[] = {RECIPE(recipe),
                                                {"layers", STUDY_BLOCK, .keys = distill_layers},
                                                {"qat", STUDY_BLOCK, .keys = distill_qat},
                                                {.key = NULL}};
const struct study_key study__full_keys[] = {{"epochs", STUDY_REAL, IN(full_epochs), .001, 1e5},
                                             {"lanes", STUDY_INT, IN(full_lanes), 1, most_lanes},
                                             RECIPE(full),
                                             {"layers", STUDY_BLOCK, .keys = full_layers},
                                             {"online", STUDY_BLOCK, .keys = online_keys},
                                             {"qat", STUDY_BLOCK, .keys = full_qat},
                                             {.key = NULL}};

static const struct study_key prune_keys[] = {
    {"teacher", STUDY_TEXT, FILE_(prune_teacher), UNHASHED},
    {"importance", STUDY_WORD, IN(prune.importance), .words = importances},
    {"calibration", STUDY_INT, IN(prune.calibration), 1, any_rows},
    {"layers", STUDY_WORD, IN(prune.inherit.layers), .words = kept_layers},
    {"merge_heads", STUDY_BOOL, IN(prune.inherit.merge_heads)},
    {.key = NULL}};

static const struct study_key gates_keys[] = {
    {"accuracy_retention", STUDY_REAL, IN(gates.accuracy_retention), 0, 2},
    {"agreement", STUDY_REAL, IN(gates.agreement), 0, 1},
    {"params_reduction", STUDY_REAL, IN(gates.params_reduction), 0, .999999},
    {"bytes_reduction", STUDY_REAL, IN(gates.bytes_reduction), 0, .999999},
    {"compression_ratio", STUDY_REAL, IN(gates.compression_ratio), 0, 1e9},
    {"int8_accuracy_retention", STUDY_REAL, IN(gates.int8_accuracy_retention), 0, 2},
    {"int8_bytes_reduction", STUDY_REAL, IN(gates.int8_bytes_reduction), 0, .999999},
    {"return_retention", STUDY_REAL, IN(gates.return_retention), 0, 2},
    {"success_retention", STUDY_REAL, IN(gates.success_retention), 0, 2},
    {.key = NULL}};

static const struct study_key search_keys[] = {
    {"trials", STUDY_INT, IN(search.trials), 0, 1e9, UNHASHED},
    {"hours", STUDY_REAL, IN(search.hours), 0, 1e5, UNHASHED},
    {"patience", STUDY_INT, IN(search.patience), 0, 1e9, UNHASHED},
    {"workers", STUDY_INT, IN(search.workers), 0, 1024, UNHASHED},
    {"window", STUDY_INT, IN(search.window), 1, 100000},
    {"population", STUDY_INT, IN(search.population), 2, 100000},
    {"initial", STUDY_INT, IN(search.initial), 3, 100000},
    {"crossover", STUDY_REAL, IN(search.crossover), 0, 1},
    {"random", STUDY_REAL, IN(search.random), 0, 1},
    {"inherit", STUDY_WORD, IN(search.inherit), .words = inherits},
    {"surrogate", STUDY_WORD, IN(search.surrogate), .words = surrogates},
    {"start_from", STUDY_TEXT, LIST(study.start_from, study.start_count)},
    {"rungs", STUDY_INT, LIST(study.search.rung_budget, study.search.rung_count), .least = 1,
     .most = 1e9},
    {"eta", STUDY_REAL, IN(search.eta), 1.1, 1000},
    {"objectives", STUDY_TEXT, LIST(objective, objective_count), UNHASHED},
    {"constraints", STUDY_TEXT, LIST(constraint, constraint_count), UNHASHED},
    {"worker_memory", STUDY_INT, IN(worker_memory), 0, ANY_SIZE},
    {"faults", STUDY_INT, IN(search.faults), 0, 100000, UNHASHED},
    {"replicates", STUDY_INT, IN(search.replicates), 1, 100, .newer = true},
    {.key = NULL}};

static const struct study_key latency_keys[] = {
    {"batch", STUDY_INT, LIST(study.latency.batch, study.latency.batches), .least = 1, .most = 4096,
     .or_one = true},
    {"threads", STUDY_INT, LIST(study.latency.threads, study.latency.thread_counts), .least = 1,
     .most = 256, .or_one = true},
    {"warmup", STUDY_INT, IN(latency.warmup), 0, any_calls},
    {"samples", STUDY_INT, IN(latency.samples), 3, any_calls},
    {"host", STUDY_TEXT, IN(latency.host), .newer = true},
    {"command", STUDY_TEXT, IN(latency.command), UNHASHED},
    {.key = NULL}};

static const char *const exports[] = {[STUDY_ONNX] = "onnx",
                                      [STUDY_C] = "c",
                                      [STUDY_TORCH] = "torch",
                                      [STUDY_HUGGINGFACE] = "huggingface",
                                      NULL};

static const struct study_key after_keys[] = {
    {"confirm", STUDY_INT, IN(after.controls), 0, 10000},
    {"seeds", STUDY_INT, IN(after.seeds), 1, 100},
    {"distill", STUDY_TEXT, LIST(pick, pick_count), .or_one = true},
    {"export", STUDY_WORD, LIST(study.after.export, study.after.export_count), .words = exports,
     .or_one = true},
    {"hours", STUDY_REAL, IN(after.hours), 0, 1e5},
    {.key = NULL}};

static const struct study_key evaluator_keys[] = {
    {"command", STUDY_TEXT, LIST(command, command_count), REQUIRED},
    {"workers", STUDY_INT, FILE_(evaluator_workers), 1, 1024},
    {"timeout", STUDY_REAL, IN(external.timeout), 0, 1e7},
    {"retries", STUDY_INT, IN(external.retries), 0, STORE_MAX_RETRIES},
    {.key = NULL}};

const struct study_key study__keys[] = {
    {"name", STUDY_TEXT, IN(name), UNHASHED},
    {"task", STUDY_WORD, IN(task), .words = study_task_names},
    {"seed", STUDY_INT, IN(seed), 0, 9e15},
    {"store", STUDY_TEXT, FILE_(store), UNHASHED},
    {"data", STUDY_BLOCK, .keys = data_keys},
    {"teachers", STUDY_BLOCK, .keys = teachers_keys},
    {"evaluator", STUDY_BLOCK, .keys = evaluator_keys, UNHASHED},
    {"space", STUDY_BLOCK, .keys = space_keys, REQUIRED},
    {"limits", STUDY_BLOCK, .keys = limits_keys},
    {"distill", STUDY_BLOCK, .keys = distill_keys},
    {"full", STUDY_BLOCK, .keys = study__full_keys, UNHASHED},
    {"prune", STUDY_BLOCK, .keys = prune_keys},
    {"gates", STUDY_BLOCK, .keys = gates_keys, UNHASHED},
    {"search", STUDY_BLOCK, .keys = search_keys},
    {"latency", STUDY_BLOCK, .keys = latency_keys},
    {"after", STUDY_BLOCK, .keys = after_keys, UNHASHED},
    {"", STUDY_TASK_BLOCKS, .at = offsetof(struct study_file, study.block)},
    {.key = NULL}};

/* ---- defaults ---- */

void study__file_defaults(struct study_file *file, enum space_tie unsaid)
{
    study_defaults(&file->study);
    file->study.space.tie = unsaid;
    for (int g = 0; g < STUDY_MAX_GENES; g++)
        file->gene[g].tie = unsaid;
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
            .probe = {.batch = 32, .warmup = .1, .weight_decay = .01, .seed = STUDY_SEED_UNSET},
            .table = {.tau = .05, .gamma = .99},
            .policy = {.tau = .01},
            .command = {.tau = .01},
            .ppo_seed = STUDY_SEED_UNSET,
        };
    for (int k = 0; k < TR_MAX_TEACHERS; k++)
        tr_ppo_defaults(&file->member[k].ppo);
}
