/* trainer/task/task.h -- what a task is: rows of examples, and batches of them.
 *
 * The kinds stand side by side below (image/); whoever trains, teaches or measures sees this page
 * alone, and no `switch` asks which kind it is.
 *
 * Row      an example by its number, 0 .. rows - 1, in the order of its file: recorded logits line
 *          up by it.
 * Feed     the rows that a run trains on, in their order: the train rows of the split, shuffled
 *          anew each epoch by (seed, RT_STREAM_ORDER, epoch), so that any run can be replayed alone;
 *          or, of a kind whose rows come from acting, what its struct tr_feed_kind makes of them.
 * Threads  a task is read-only once open, and shared; a feed belongs to a run.
 */
#ifndef TRAINER_TASK_TASK_H
#define TRAINER_TASK_TASK_H
#include <stdbool.h>

#include "base/hash.h"
#include "base/state.h"
#include "space/objectives.h"
#include "trainer/task/batch.h"
#include "trainer/task/metric.h"
#include "trainer/task/split.h"

struct tr_task;

struct tr_controller; /* task/controller.h */
struct tr_input {     /* of a student elsewhere: an example is bytes, as the data have them */
    const char *name;
    int dims, shape[3]; /* of one example */
    float value[256];   /* what byte b enters the network as */
    /* Of a policy, else NULL. Owned. The input is no bytes then, unless it sees frames. */
    struct tr_controller *controller;
};

/* What describe() noted, NULL when it is not there; and the sizes of the tensors beside it. */
struct tr_notes {
    const char *(*note)(const void *from, const char *key);
    const void *from;
    const char *file;     /* its name, for messages */
    int features, tokens; /* columns of stem.weight; rows of position, the class row included */
};

struct tr_feed_kind;
struct tr_actor;
struct tr_ensemble; /* trainer/distill/ensemble.h */

/* How a network from elsewhere reads a task's rows: its own way, not the students'. */
struct tr_reading {
    const struct space_shape *shape; /* of its images or texts */
    int vocabulary;                  /* most tokens of a text's tokeniser */
    const char *folder;              /* of that tokeniser */
    int labels;                      /* names of its classes, where it says them; else 0 */
    char *const *label;
    float mean[3], sd[3]; /* of pixel/255, by channel */
};

/* What of that network stands between a row and its layers, d numbers wide. Of texts `own` (V,d) by
 * its own tokens and `table` (vocabulary,d) by those of students; of numbers weight (d,features) and
 * bias (d). The others are NULL. */
struct tr_stem_tensors {
    int width, vocabulary, features;
    const float *own;
    float *table, *weight, *bias;
};

/* Of pool = none: what each row's answers come to, added up. */
enum tr_row_sum {
    TR_SUM_ANSWERS,
    TR_SUM_NLL,            /* -ln q of the label */
    TR_SUM_WRONG,          /* the label is not the likeliest */
    TR_SUM_RIGHT,          /* it is */
    TR_SUM_KL,             /* of the ensemble's p and q; this and what follows: 0 without one */
    TR_SUM_AGREE,          /* the likeliest is the ensemble's, too */
    TR_SUM_ENSEMBLE_RIGHT, /* the ensemble's likeliest is the label */
    TR_ROW_SUMS
};
struct tr_row_sums {
    int rows;
    double *of[TR_ROW_SUMS]; /* [rows] each */
};

struct tr_task_kind { /* one constant a kind */
    const char *name; /* as `task:` of a study says it */
    /* These n rows in this order, with their labels; n at most the batch's room. */
    void (*fill)(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch);
    /* Of pool = none, so that a step knows its answers before it begins: those of a row. NULL else. */
    int (*answers)(const struct tr_task *task, int row);
    /* What must go with exported weights, or nobody else could use them: a note for each. */
    void (*describe)(const struct tr_task *task, void *to,
                     void (*note)(void *to, const char *key, const char *value));
    /* All rows in a file for programs elsewhere, in their order, and its ending: .npy, .jsonl. NULL:
     * there is no such form. */
    const char *written;
    rt_status (*write)(const struct tr_task *task, const char *path, struct rt_err *err);
    /* Its own measures of answers, in the order of reports: ended by a NULL name. NULL: none. */
    const struct space_objective *measures;
    /* Appends all of them: logits (n,C) are said of these rows. NULL where there are none. */
    rt_status (*measure)(const struct tr_task *task, const int *rows, int n, const float *logits,
                         struct tr_metrics *metrics, struct rt_err *err);
    /* The same of pool = none, from what its answers come to. */
    rt_status (*measure_rows)(const struct tr_task *task, const int *rows,
                              const struct tr_row_sums *sums, struct tr_metrics *metrics,
                              struct rt_err *err);
    /* More of its own measures, which answers about given rows do not tell: lets the student act, as
     * for a test or not. NULL: there are none. */
    rt_status (*act)(const struct tr_task *task, struct tr_actor *actor,
                     const struct tr_ensemble *ensemble, bool test, struct tr_metrics *metrics,
                     struct rt_err *err);
    /* The same of teacher k or, with k = K, of the ensemble. */
    rt_status (*act_as)(const struct tr_task *task, int k, bool test, struct tr_metrics *metrics,
                        struct rt_err *err);
    /* The way back: what a student of that architecture reads, into the rest of *shape. RT_EFORMAT
     * when notes are no numbers or do not fit the tensors. */
    rt_status (*recall)(const struct tr_notes *notes, const struct space_arch *arch,
                        struct space_shape *shape, struct tr_input *input, struct rt_err *err);
    /* The same rows and labels as somebody else reads them, without a split; `task` outlives it.
     * NULL: none but students read this kind. */
    rt_status (*reread)(const struct tr_task *task, const struct tr_reading *how,
                        struct tr_task **view, struct rt_err *err);
    /* The way there: that network's stem, so that it reads what students read and says the same.
     * NULL as above; else the table's size has to be what tokens() says, where students read those. */
    rt_status (*adapt)(const struct tr_task *task, const struct tr_reading *how,
                       const struct tr_stem_tensors *stem, struct rt_err *err);
    int (*tokens)(const struct tr_task *task); /* of the largest vocabulary; NULL: it has none */
    void (*close)(struct tr_task *task);
    /* Of kinds whose runs make rows of their own. NULL: a run trains on the task's train rows. */
    const struct tr_feed_kind *feed;
};

/* The head of each kind's own struct. */
struct tr_task {
    const struct tr_task_kind *kind;
    struct space_shape shape; /* what students read and say */
    int rows;
    const int *label;        /* [rows], or [rows*parts] where answers have parts; -1: unknown */
    struct tr_split split;   /* no rows in it: of a test file */
    char hash[RT_HASH_TEXT]; /* of all that examples and labels depend on */
};
/* NULL is none. */
void tr_task_close(struct tr_task *task);

/* ---- feeds ---- */

/* A student as it is now, to act by (net/acting.h). What a call answers depends on its own examples alone. */
struct tr_actor {
    struct tr_batch *batch;                 /* for the caller to fill */
    float *logits;                          /* (batch->room, parts * classes) of the last call */
    void (*answer)(struct tr_actor *actor); /* of the batch's examples, into logits */
};

/* What a feed is of. */
struct tr_feeding {
    const struct tr_task *task;
    const float *said; /* (rows * parts, teachers, classes) of the task's rows, or NULL */
    int teachers;
    uint64_t seed;
    int steps, batch; /* of the run, and rows of a step */
    int history;      /* of a student that looks back */
};

struct tr_feed {
    struct tr_feeding of;
    int64_t next; /* rows handed out so far */
    int *order;   /* [train_count] of this epoch */
    void *acting; /* the kind's own */
    const char
        *series; /* of the learning curve, that has a new value; NULL: none has. Whoever logs it
                           sets it back */
    double value;
};

enum { TR_FEED_NUMBERS = 4 };

struct tr_feed_kind {
    /* Bytes that a trial holds beside the feed: environments, and what measuring works with. */
    size_t (*beside)(const struct tr_task *task);
    /* Most examples that a student is asked about at once. */
    int (*at_once)(const struct tr_task *task);
    /* Carves all memory that the run will need; a counting arena only measures. */
    rt_status (*init)(struct tr_feed *feed, struct rt_arena *arena, struct rt_err *err);
    /* The next n rows, for step `step`: before them the student may act. Rows beyond the task's are
     * the feed's own. */
    rt_status (*next)(struct tr_feed *feed, struct tr_actor *actor, int step, int n, int *rows,
                      struct rt_err *err);
    /* As that of a task, with weights and what the teachers said. Several threads at once. */
    void (*fill)(const struct tr_feed *feed, const int *rows, int n, struct tr_batch *batch);
    /* What the soft loss of these rows' answers (n * parts) was. NULL: nobody wants to know. */
    void (*learn)(struct tr_feed *feed, const int *rows, const float *loss, int n);
    void (*close)(struct tr_feed *feed);
    /* What of a feed between two steps is no function of the seed, so that a run goes on: numbers, which
     * tell how much there is, and all that they tell of, which goes by as base/state.h has it. walk: false
     * when there can be no such numbers. settle: all is read, of a feed that was as new. */
    void (*numbers)(const struct tr_feed *feed, int64_t number[TR_FEED_NUMBERS]);
    bool (*walk)(struct tr_feed *feed, const int64_t number[TR_FEED_NUMBERS],
                 struct rt_state *state);
    void (*settle)(struct tr_feed *feed, const int64_t number[TR_FEED_NUMBERS]);
};

/* The memory of a feed is the arena's; what else it holds is released by tr_feed_close(). */
rt_status tr_feed_init(struct tr_feed *feed, const struct tr_feeding *of, struct rt_arena *arena,
                       struct rt_err *err);
/* The next n rows; an epoch's tail and the next epoch's head may share a call. The actor is for
 * kinds with a feed of their own. */
rt_status tr_feed_next(struct tr_feed *feed, struct tr_actor *actor, int step, int n, int *rows,
                       struct rt_err *err);
/* As if so many rows had been handed out; not for kinds with a feed of their own. */
void tr_feed_skip(struct tr_feed *feed, int64_t rows);
void tr_feed_fill(const struct tr_feed *feed, const int *rows, int n, struct tr_batch *batch);
/* Of the next row. */
int64_t tr_feed_epoch(const struct tr_feed *feed);
void tr_feed_close(struct tr_feed *feed);
#endif
