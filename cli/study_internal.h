/* cli/study_internal.h -- how a study file is read; cli/study.h is what others see.
 *
 * One table, study__schema, says which keys there are and where their values go. libcyaml fills a
 * struct study_file by it. libcyaml alone takes `1.5` for the integer 1, `010` for 8 and `maybe`
 * for true, and places some errors badly; so study__check() walks the same table over libyaml's
 * tree first, and is what users hear from.
 */
#ifndef CLI_STUDY_INTERNAL_H
#define CLI_STUDY_INTERNAL_H
#include <cyaml/cyaml.h>
#include <yaml.h>

#include "cli/study.h"

#define STUDY_KEY 160 /* a key with its place: "teachers.members[2].train.arch" */
#define STUDY_SEED_UNSET INT64_C(-1)

#define STUDY_MAX_GENES 128
#define STUDY_ARGUMENT 512 /* bytes of a part of a command, the NUL included */
#define STUDY_TEXT 64      /* bytes of an objective or a constraint as written */

struct study_gene { /* one of space.genes; "" or 0: not said */
    char name[STUDY_TEXT];
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
};

/* What the file says, before paths are resolved and texts are parsed. */
struct study_file {
    struct study study; /* first, so that a struct study is read by the same table */
    char store[RT_PATH_MAX], cache[RT_PATH_MAX];
    char train_images[RT_PATH_MAX], train_labels[RT_PATH_MAX];
    char test_images[RT_PATH_MAX], test_labels[RT_PATH_MAX];
    char prune_teacher[TR_TEACHER_NAME];
    struct {
        char recipe[TR_TEACHER_NAME], full[TR_TEACHER_NAME];
    } layers_teacher;
    struct study_member member[TR_MAX_TEACHERS];
    int member_count;
    char objective[STORE_MAX_OBJECTIVES][STUDY_TEXT];
    int objective_count;
    char constraint[SEARCH_MAX_CONSTRAINTS][STUDY_TEXT];
    int constraint_count;
    char command[SEARCH_MAX_ARGUMENTS][STUDY_ARGUMENT];
    int command_count, evaluator_workers;
    struct study_gene gene[STUDY_MAX_GENES];
    int gene_count;
    struct space_shape images; /* of students that an evaluator of the user's own trains */
};

extern const cyaml_schema_value_t study__schema; /* a pointer to struct study_file */

struct study_range {
    const char *key; /* list entries as "space.depth[]" */
    double least, most;
};
/* The range of a numeric key like "space.depth[3]"; NULL for another key. */
const struct study_range *study__range(const char *key);
/* The values of a file that says nothing, for each of the teachers that it may have, too. */
void study__file_defaults(struct study_file *file);

struct study_yaml;
/* A study while it is put together. */
struct assembly {
    struct study_yaml *yaml;
    const struct study_file *file;
    struct study *study; /* part of it */
    struct rt_err *err;
};

/* A YAML text as a tree that knows lines and columns. */
struct study_yaml {
    const char *path; /* for messages */
    yaml_document_t document;
};
/* RT_EFORMAT unless the text is one YAML document. */
rt_status study__yaml_open(struct study_yaml *yaml, const char *path, const char *text,
                           size_t bytes, struct rt_err *err);
void study__yaml_close(struct study_yaml *yaml);
/* Are all keys known, and all values of the right type and within their range? */
rt_status study__check(struct study_yaml *yaml, struct rt_err *err);
/* Copy the values of the keys that the text gives, and nothing else. */
void study__take(struct study_yaml *yaml, const struct study_file *from, struct study_file *to);
bool study__given(struct study_yaml *yaml, const char *key);
/* Return RT_EARG with "'FILE':LINE:COLUMN: KEY: text", at the key or what is nearest above it. */
__attribute__((format(printf, 4, 5))) rt_status
study__fail(struct study_yaml *yaml, const char *key, struct rt_err *err, const char *format, ...);
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
};

/* Which blocks and keys does each kind of study need, and which has it no use for? */
rt_status study__check_kind(struct study_yaml *yaml, const struct study_file *file,
                            struct rt_err *err);
/* The command and the genes into file->study, which owns them. */
rt_status study__place_external(struct study_yaml *yaml, struct study_file *file,
                                struct rt_err *err);
/* Objectives and constraints into file->study.search. */
rt_status study__place_goals(struct study_yaml *yaml, struct study_file *file, struct rt_err *err);
void study__hash_external(struct rt_hash *hash, const struct study *study);
#endif
