/* trainer/task/task.h -- what a task is: rows of examples, and batches of them.
 *
 * The kinds stand side by side below (image/); whoever trains, teaches or measures sees this page
 * alone, and no `switch` asks which kind it is.
 *
 * Row      an example by its number, 0 .. rows - 1, in the order of its file: recorded logits line
 *          up by it.
 * Feed     the rows that a run trains on, in their order: the train rows of the split, shuffled
 *          anew each epoch by (seed, RT_STREAM_ORDER, epoch), so that any run can be replayed alone.
 * Threads  a task is read-only once open, and shared; a feed belongs to a run.
 */
#ifndef TRAINER_TASK_TASK_H
#define TRAINER_TASK_TASK_H
#include "base/hash.h"
#include "space/objectives.h"
#include "trainer/task/batch.h"
#include "trainer/task/metric.h"
#include "trainer/task/split.h"

struct tr_task;

struct tr_input { /* of a student elsewhere: an example is bytes, as the data have them */
    const char *name;
    int dims, shape[3]; /* of one example */
    float value[256];   /* what byte b enters the network as */
};

/* What describe() noted, NULL when it is not there; and the sizes of the tensors beside it. */
struct tr_notes {
    const char *(*note)(const void *from, const char *key);
    const void *from;
    const char *file;     /* its name, for messages */
    int features, tokens; /* columns of stem.weight; rows of position, the class row included */
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
    /* Its own measures of answers, in the order of reports: ended by a NULL name. NULL: none. */
    const struct space_objective *measures;
    /* Appends all of them: logits (n,C) are said of these rows. NULL where there are none. */
    rt_status (*measure)(const struct tr_task *task, const int *rows, int n, const float *logits,
                         struct tr_metrics *metrics, struct rt_err *err);
    /* The way back: what a student of that architecture reads, into the rest of *shape. RT_EFORMAT
     * when notes are no numbers or do not fit the tensors. */
    rt_status (*recall)(const struct tr_notes *notes, const struct space_arch *arch,
                        struct space_shape *shape, struct tr_input *input, struct rt_err *err);
    void (*close)(struct tr_task *task);
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

struct tr_feed {
    const struct tr_task *task;
    uint64_t seed;
    int64_t next; /* rows handed out so far */
    int *order;   /* [train_count] of this epoch */
};
rt_status tr_feed_init(struct tr_feed *feed, const struct tr_task *task, uint64_t seed,
                       struct rt_arena *arena, struct rt_err *err);
/* The next n rows; an epoch's tail and the next epoch's head may share a call. */
void tr_feed_next(struct tr_feed *feed, int n, int *rows);
/* Of the next row. */
int64_t tr_feed_epoch(const struct tr_feed *feed);
#endif
