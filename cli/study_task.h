/* cli/study_task.h -- what a study says of its task alone: study_image.c, study_text.c; and how keys
 * are written.
 *
 * Key   one line of a table says all about it: what it is called, what it holds, where that goes,
 *       and what it may be. study_keys.c has the keys that all tasks share, and two places where
 *       those of the study's own task stand among them.
 * Block the values of a task's keys in `data:`: a struct of the task's own, in study.block. All
 *       zero is what a study says that gives none of them.
 * Task  a constant; study_tasks lists all. Who needs one asks study_task_of(study), since what a
 *       block says may make it another with the same keys.
 */
#ifndef CLI_STUDY_TASK_H
#define CLI_STUDY_TASK_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "trainer/export/model.h"

enum study_value {
    STUDY_INT, /* int or int64_t */
    STUDY_REAL,
    STUDY_BOOL,
    STUDY_TEXT,
    STUDY_PATH,        /* a text: relative to the study file until the whole file is read */
    STUDY_WORD,        /* an enum: which of `words` */
    STUDY_BLOCK,       /* of further keys */
    STUDY_TASK_BLOCKS, /* no key: here stand the task's own, of the file, `data:` or `space:` */
    STUDY_TASK_DATA,
    STUDY_TASK_SPACE
};

struct study_key { /* a table of them ends with a NULL key */
    const char *key;
    enum study_value value;
    size_t at, bytes;             /* in the block's struct; of a text the NUL included */
    double least, most;           /* of a number; exact as a double, and within its type */
    const char *const *words;     /* ended by NULL */
    const struct study_key *keys; /* of a block; its structs are those of this one, unless listed */
    int entries;     /* above 0: a list of 1 to so many values or blocks, `bytes` each */
    size_t count_at; /* an int: how many are given */
    bool required;
    bool or_one;   /* of a list: a value by itself is a list of it */
    bool optional; /* a list in `space:` that a study of students need not give */
    bool unhashed; /* decides no trial's result, or study_hash() adds it by itself */
    /* Hashed unless it is the least number, or an empty text or path: there are hashes from before it
     * was a key. */
    bool newer;
};

#define STUDY_SIZE(type, member) sizeof(((type *)0)->member)
#define STUDY_AT(type, member) .at = offsetof(type, member), .bytes = STUDY_SIZE(type, member)
/* Of an array `member` and its `count`. */
#define STUDY_LIST(type, member, count)                                                            \
    .at = offsetof(type, member), .bytes = STUDY_SIZE(type, member[0]),                            \
    .entries = STUDY_SIZE(type, member) / STUDY_SIZE(type, member[0]),                             \
    .count_at = offsetof(type, count)

struct study;

/* Says a finding about data in a line: what was looked at, and how it is. */
typedef void study_say(void *to, bool warning, const char *what, const char *text);

struct study_task {
    const char *name;
    const struct tr_task_kind *kind;
    const struct study_task *(*as)(const void *block); /* the one of such a block; NULL: itself */
    const struct study_key *blocks; /* blocks of the file in place of `data:`, which it then has
                                       not; NULL: none. Places in the block */
    const struct study_key *data;   /* in `data:`, likewise */
    const struct study_key *space;  /* in `space:`, places in struct space; lists are genes, which a
                                      study of students has to give, but for optional ones */
    const char *reads; /* the one of `space` that tells what students read when an evaluator of the
                          user's own trains them: no data are opened then */
    const char *tests; /* the keys that name a test, for messages */
    /* What differs from all tasks' defaults, its block included. NULL: nothing. */
    void (*defaults)(struct study *study);
    /* What contradicts itself in a block; *key is the one at fault, below `data` unless the task has
     * blocks. */
    rt_status (*check)(const void *block, const char **key, struct rt_err *err);
    bool (*has_test)(const void *block);
    /* Does it bring its validation rows along, which teachers then have not seen? NULL: no. */
    bool (*has_validation)(const void *block);
    rt_status (*open)(const struct study *study, const struct tr_split_sizes *sizes,
                      struct tr_task **task, struct rt_err *err);
    /* The test as the task reads its own; only where has_test(). NULL: students act (kind->act). */
    rt_status (*open_test)(const void *block, const struct tr_task *task, struct tr_task **test,
                           struct rt_err *err);
    /* A file of examples alone, for a student that was exported: (*rows, input) bytes, which the
     * caller frees; or, where its inputs are no bytes, as a task. One of the two. */
    rt_status (*examples)(const char *path, const struct tr_input *input, uint8_t **bytes,
                          int *rows, struct rt_err *err);
    rt_status (*open_examples)(const char *path, const struct tr_model *model,
                               struct tr_task **task, struct rt_err *err);
    /* What the numbers do not tell of a student's answers to a test: a JSON object, whose members are
     * lists of objects with the same keys each, like the rows of a table. From the student's logits
     * and the ensemble's probabilities (rows,C). NULL: nothing, or no memory. */
    json_t *(*explain)(const struct tr_task *test, const float *student, const double *ensemble);
    void (*tell)(const struct tr_task *task, char text[96]); /* what and how many rows it has */
    /* What else a person should know of the data before a night; test may be NULL. NULL: nothing. */
    rt_status (*look)(const struct tr_task *task, const struct tr_task *test, study_say *say,
                      void *to, struct rt_err *err);
    /* What its part of a trial costs beside the network, in a line. NULL: nothing. */
    rt_status (*pace)(const struct tr_task *task, char text[96], struct rt_err *err);
    const char *method; /* what was measured, and how, for reports; NULL: what answers are */
    const char *target; /* what it is called among those of a name; NULL: it is the only one */
    const struct study_task *other; /* the next of them; NULL: there is none */
    const char *const *init; /* the study that `retort init NAME` writes: lines, ended by NULL */
};

/* study_text_init.c */
extern const char *const study__text_init[], *const study__text_next_init[];
/* study_text_explain.c */
json_t *study__text_explain(const struct tr_task *test, const float *student,
                            const double *ensemble);

extern const struct study_task study_image, study_text, study_text_next, study_policy;
extern const struct study_task *const study_tasks[]; /* ended by NULL */
extern const char *const study_task_names[];         /* in the same order, ended by NULL */
#endif
