/* cli/lab.h -- a study made ready to work on: its data, split, kernels and teachers.
 *
 * What `teach`, `search` and `distill` share. Open it, then let the teachers speak.
 */
#ifndef CLI_LAB_H
#define CLI_LAB_H
#include "cli/study.h"
#include "store/store.h"
#include "trainer/teachers/live.h"

struct lab {
    struct study study;
    struct space_shape shape;
    const struct tr_kernels *kernels;
    struct tr_task *task;          /* the training file's rows and their split */
    struct tr_knowledge knowledge; /* after lab_teachers_open() */
    struct tr_ancestor ancestor;   /* likewise, when a recipe starts from it */
    struct tr_network live;        /* after lab_live_open() */
    struct tr_data data;           /* likewise */
};

/* The study file alone; then what is below, for a study without an evaluator of its own (RT_EARG).
 */
rt_status lab_load(struct lab *lab, const char *path, const char *yaml, struct rt_err *err);
rt_status lab_prepare(struct lab *lab, struct rt_err *err);
/* Load the study file and its training data; yaml not NULL: parse that text as the file `path`. */
rt_status lab_open(struct lab *lab, const char *path, const char *yaml, struct rt_err *err);
void lab_close(struct lab *lab);

/* The training file as a study's task; the test file as that task reads its own, RT_EARG when the
 * study names none. */
rt_status lab_open_task(const struct study *study, struct tr_task **task, struct rt_err *err);
rt_status lab_open_test(const struct study *study, const struct tr_task *task,
                        struct tr_task **test, struct rt_err *err);

/* For the functions of trainer/teachers/teachers.h. */
struct tr_teaching lab_teaching(const struct lab *lab, const atomic_int *stop);
/* Open the knowledge cache, and score the teacher that students are cut out of. */
rt_status lab_teachers_open(struct lab *lab, struct rt_err *err);
/* The teacher whose layers a recipe learns from, when it has layer-wise losses. */
rt_status lab_live_open(struct lab *lab, const struct tr_recipe *recipe, struct rt_err *err);

/* A line on stderr that shows how training of `name` goes: redrawn on a terminal, otherwise one a
 * tenth of the way. */
struct lab_meter {
    const char *name; /* of what is being trained */
    double last;      /* when it was drawn, in seconds */
    int tenth;
    double start;
};
void lab_meter_step(void *meter, int step, int steps);
/* The same with a name, for struct tr_teaching.progress. */
void lab_meter_teacher(void *meter, const char *name, int step, int steps);

/* Weights and calibration of teachers, for trials and the full recipe alike: fitted anew, ... */
rt_status lab_weigh(struct lab *lab, struct rt_err *err);
/* ... or those that the store's search began with; *found false when it has none. */
rt_status lab_recall_weights(struct lab *lab, struct store *store, bool *found, struct rt_err *err);
/* All about the teachers and the ensemble into the store. */
rt_status lab_record_teachers(const struct lab *lab, struct store *store, struct rt_err *err);

/* Train what is missing, showing progress, then open. */
rt_status lab_teach(struct lab *lab, const atomic_int *stop, struct rt_err *err);
#endif
