/* cli/study_internal.h -- how a study file is read; cli/study.h is what others see.
 *
 * One table, study__keys, says which keys there are and where their values go. study__read() walks
 * the file's tree once and fills in a struct study_file by it; study_hash() walks the table alone.
 */
#ifndef CLI_STUDY_INTERNAL_H
#define CLI_STUDY_INTERNAL_H
#include "cli/study.h"
#include "space/expression.h"

#define STUDY_KEY 160 /* a key with its place: "teachers.members[2].train.arch" */
#define STUDY_SEED_UNSET INT64_C(-1)

#define STUDY_MAX_GENES 128
#define STUDY_ARGUMENT 512 /* bytes of a part of a command, the NUL included */
#define STUDY_GOAL 64      /* bytes of an objective or a constraint as written */
#define STUDY_MAX_COSTS 8
#define STUDY_COST 512 /* bytes of one as written */

struct study_gene { /* one of space.genes; "" or 0: not said */
    char name[STUDY_GOAL];
    char choice[SPACE_MAX_CHOICES][SPACE_NAME];
    int choice_count;
    bool ordered; /* as said; without saying, when all choices are numbers */
    char length[SPACE_NAME];
    enum space_tie tie;
    int stages;
};

struct study_member { /* one of teachers.members; "" or 0: not said */
    char name[TR_TEACHER_NAME];
    double weight;
    struct {
        char arch[SPACE_ARCH_TEXT];
        double epochs, learning_rate, warmup, weight_decay;
        int batch;
        int64_t seed;
    } train;
    struct {
        char train[RT_PATH_MAX], test[RT_PATH_MAX];
        int64_t params;
    } logits;
    char folder[RT_PATH_MAX];
    struct {
        enum tr_probe kind;
        double epochs, learning_rate, warmup, weight_decay; /* first two 0: by kind */
        int batch;
        int64_t seed;
    } probe;
    struct {
        double tau, gamma;
    } table;
    struct {
        char file[RT_PATH_MAX];
        double tau;
    } policy;
    struct {
        double tau;
        int64_t params;
    } command;
    char word[TR_COMMAND_WORDS][TR_COMMAND_WORD]; /* of `command` where it is a list */
    int words;
    int64_t params; /* of such a teacher */
    struct tr_ppo_recipe ppo;
    int64_t ppo_seed;
};

/* What the file says, before paths are resolved and texts are parsed. */
struct study_file {
    struct study study; /* first, so that a struct study is read by the same table */
    char store[RT_PATH_MAX], cache[RT_PATH_MAX];
    char prune_teacher[TR_TEACHER_NAME];
    struct {
        char recipe[TR_TEACHER_NAME], full[TR_TEACHER_NAME];
    } layers_teacher;
    struct study_member member[TR_MAX_TEACHERS];
    int member_count;
    char objective[STORE_MAX_OBJECTIVES][STUDY_GOAL];
    int objective_count;
    char constraint[SEARCH_MAX_CONSTRAINTS][STUDY_GOAL];
    int constraint_count;
    char command[SEARCH_MAX_ARGUMENTS][STUDY_ARGUMENT];
    int command_count, evaluator_workers;
    struct study_gene gene[STUDY_MAX_GENES];
    int gene_count;
    char cost[STUDY_MAX_COSTS][STUDY_COST];
    int cost_count;
    char pick[STUDY_PICKS][STUDY_GOAL]; /* of after.distill */
    int pick_count;
};

extern const struct study_key study__keys[], study__full_keys[]; /* of the file, of `full:` */
/* Row i of a table, those of the task in their place, and where its value goes in the struct of
 * the block; NULL behind the last. */
const struct study_key *study__row(const struct study_key *keys, const struct study_task *task,
                                   int i, size_t *at);
/* Into an int, an enum or an int64_t. */
void study__set_int(void *to, size_t bytes, int64_t value);
/* The values of a file that says nothing, for each of the teachers and genes that it may have, too.
 * Lists whose tie is not said are tied so. */
void study__file_defaults(struct study_file *file, enum space_tie unsaid);
/* study_parse() by other ties than today's. */
rt_status study__parse(const char *path, const char *yaml, size_t bytes, enum space_tie unsaid,
                       struct study *study, struct rt_err *err);

/* ---- a YAML text as a tree: study_yaml.c ---- */

#define STUDY_MAX_DEPTH 16 /* blocks and lists in each other; no key is below six */

struct study_mark {
    size_t line, column; /* from 0 */
};
enum study_node_kind { STUDY_SCALAR, STUDY_ENTRIES, STUDY_KEYS };
struct study_node {
    enum study_node_kind kind;
    char *text;      /* of a scalar; owned */
    int first, next; /* entries, or keys and values by turns; 0: none */
    struct study_mark mark;
};
struct study_yaml {
    const char *path;        /* for messages */
    struct study_node *node; /* the first is the root */
    int count;
};
/* RT_EFORMAT unless the text is one YAML document, RT_EARG when it has aliases or is too deep. */
rt_status study__yaml_open(struct study_yaml *yaml, const char *path, const char *text,
                           size_t bytes, struct rt_err *err);
void study__yaml_close(struct study_yaml *yaml);
/* The first node in a block or a list, and the next one beside a node; NULL: none. */
const struct study_node *study__first(const struct study_yaml *yaml, const struct study_node *of);
const struct study_node *study__next(const struct study_yaml *yaml, const struct study_node *node);
const char *study__text(const struct study_node *node); /* "" unless it is a scalar */
/* The node of a block's key, which its value is next to; the first of several; NULL: none. */
const struct study_node *study__key(const struct study_yaml *yaml, const struct study_node *block,
                                    const char *key);
/* The value of a key like "teachers.members[2].name", or the last one there is on the way to it. */
const struct study_node *study__find(const struct study_yaml *yaml, const char *key, bool *whole);
bool study__given(const struct study_yaml *yaml, const char *key);
/* Return RT_EARG with "'FILE':LINE:COLUMN: KEY: text", at the node. */
__attribute__((format(printf, 5, 6))) rt_status study__fail_at(const struct study_yaml *yaml,
                                                               const struct study_node *node,
                                                               const char *key, struct rt_err *err,
                                                               const char *format, ...);
/* Return RT_EARG with "'FILE':LINE:COLUMN: KEY: text", at the key or what is nearest above it. */
__attribute__((format(printf, 4, 5))) rt_status study__fail(const struct study_yaml *yaml,
                                                            const char *key, struct rt_err *err,
                                                            const char *format, ...);
/* Every key known, every value of its kind and range, and in its place; what the file does not say
 * stays as it is, but `full:` begins as `distill:` ends. */
rt_status study__read(const struct study_yaml *yaml, struct study_file *file, struct rt_err *err);

/* A study while it is put together. */
struct assembly {
    const struct study_yaml *yaml;
    const struct study_file *file;
    struct study *study; /* part of it */
    struct rt_err *err;
};
/* Of a task with an answer a row: what such students and their teachers cannot do. */
rt_status study__place_rows(const struct assembly *a);
/* A path of the file, as seen from where it stands; "" stays. */
rt_status study__resolve(const struct assembly *a, const char *path, char out[RT_PATH_MAX]);
/* What teachers.members says: study_teachers.c. Then the teacher that students are cut out of. */
rt_status study__place_teachers(const struct assembly *a);
rt_status study__place_prune(const struct assembly *a);
/* Do teachers' architectures fit the data? */
rt_status study__bind_teachers(const struct study *study, struct rt_err *err);
/* An error at a key of a study that is no longer a tree: its text is read again. */
rt_status study__fail_in(const struct study *study, const char *key, const char *text,
                         struct rt_err *err);

/* Lines of what study_hash() hashes, and those of a teacher. */
void study__hash_text(struct rt_hash *hash, const char *key, const char *value);
void study__hash_real(struct rt_hash *hash, const char *key, double value);
void study__hash_integer(struct rt_hash *hash, const char *key, int64_t value);
void study__hash_teacher(struct rt_hash *hash, const struct tr_teacher_spec *teacher);

/* Both recipes, when all else is in its place; what contradicts itself is refused. */
rt_status study__place_recipes(const struct assembly *a);
/* The `layers` blocks of both recipes, when teachers, prune and init are in their places. */
rt_status study__place_layers(const struct assembly *a);

/* ---- studies with an evaluator of their own: study_external.c ---- */

struct study_own {
    char folder[RT_PATH_MAX]; /* of the study file */
    char command[SEARCH_MAX_ARGUMENTS][STUDY_ARGUMENT];
    struct study_gene text[STUDY_MAX_GENES];
    struct space_gene gene[STUDY_MAX_GENES];
    const char *choice[STUDY_MAX_GENES][SPACE_MAX_CHOICES];
    struct space_known known; /* of the costs, with this struct as its context */
    struct study_cost {
        char name[STORE_NAME], text[STUDY_COST];
        struct space_expression value;
    } cost[STUDY_MAX_COSTS];
    int cost_count;
    struct search_constraint limit[SEARCH_MAX_CONSTRAINTS]; /* on costs */
    int limit_count;
};

/* ---- their exact costs: study_costs.c ---- */

/* `space.costs` into file->study.own, whose space knows them from then on. */
rt_status study__place_costs(const struct study_yaml *yaml, struct study_file *file,
                             struct rt_err *err);
/* Is there a cost of that name? */
bool study__is_cost(const struct study *study, const char *name);
/* With all limits in their place: does anything keep them? */
rt_status study__check_limits(const struct study_yaml *yaml, const struct study *study,
                              struct rt_err *err);
/* A metric's name, as the protocol has them (search/protocol.h)? */
bool study__is_metric(const char *name);

/* Which blocks and keys does each kind of study need, and which has it no use for? */
rt_status study__check_kind(const struct study_yaml *yaml, const struct study_file *file,
                            struct rt_err *err);
/* The command and the genes into file->study, which owns them. */
rt_status study__place_external(const struct study_yaml *yaml, struct study_file *file,
                                struct rt_err *err);
/* Objectives and constraints into file->study.search. */
rt_status study__place_goals(const struct study_yaml *yaml, struct study_file *file,
                             struct rt_err *err);
void study__hash_external(struct rt_hash *hash, const struct study *study);
/* What `after:` says: study_after.c. */
rt_status study__place_after(const struct assembly *a);
/* Settings of latency that can be: study_latency.c. */
rt_status study__check_latency(const struct study_yaml *yaml, struct study *study,
                               struct rt_err *err);
#endif
