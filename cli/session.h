/* cli/session.h -- a study made ready to work on: its data, split, kernels and teachers.
 *
 * What `teach`, `search` and `distill` share. Open it, then let the teachers speak.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H
#include "cli/study.h"
#include "store/store.h"
#include "trainer/teachers/kept_layers.h"

struct session {
    struct study study;
    struct space_shape shape;
    const struct tr_kernels *kernels;
    struct tr_task *task;          /* the training file's rows and their split */
    struct tr_knowledge knowledge; /* after session_teachers_open() */
    struct tr_donor donor;         /* after session_donor_open() */
    struct tr_network resident;    /* after session_resident_open() */
    struct tr_kept_layers kept;    /* likewise, where what it says is kept */
    struct tr_data data;           /* whole when all of these are open */
};

/* The study file alone; then what is below, for a study without an evaluator of its own (RT_EARG).
 */
rt_status session_load(struct session *session, const char *path, const char *yaml,
                       struct rt_err *err);
rt_status session_prepare(struct session *session, struct rt_err *err);
/* Load the study file and its training data; yaml not NULL: parse that text as the file `path`. */
rt_status session_open(struct session *session, const char *path, const char *yaml,
                       struct rt_err *err);
void session_close(struct session *session);

/* The training file as a study's task; the test file as that task reads its own, RT_EARG when the
 * study names none. */
rt_status session_open_task(const struct study *study, struct tr_task **task, struct rt_err *err);
rt_status session_open_test(const struct study *study, const struct tr_task *task,
                            struct tr_task **test, struct rt_err *err);

/* For the functions of trainer/teachers/teachers.h. */
struct tr_teaching session_teaching(const struct session *session, const atomic_int *stop);
/* Open the knowledge cache. */
rt_status session_teachers_open(struct session *session, struct rt_err *err);
/* Then, the teachers being weighed: score the one that students are cut out of, if they are. */
rt_status session_donor_open(struct session *session, struct rt_err *err);
/* The teacher whose layers a recipe learns from, when it has layer-wise losses; and what these say of
 * the train rows, asked for when it is missing, where it is kept. */
rt_status session_resident_open(struct session *session, const struct tr_recipe *recipe,
                                const atomic_int *stop, struct rt_err *err);
/* Are the layers that the recipe learns from to be kept, and where and how large would that be? Of their
 * teacher's network alone; kept->bytes also where it is beyond the study's limit. */
rt_status session_layers_plan(const struct study *study, const struct tr_task *task,
                              const struct tr_student *network, const struct tr_recipe *recipe,
                              struct tr_kept_layers *kept, bool *keep, struct rt_err *err);

/* Weights and calibration of teachers, for trials and the full recipe alike: fitted anew, ... */
rt_status session_weigh(struct session *session, struct rt_err *err);
/* ... or those that the store's search began with; *found false when it has none. */
rt_status session_recall_weights(struct session *session, struct store *store, bool *found,
                                 struct rt_err *err);
/* What is to be said where teachers are scored and study_rows_unseen() is false. */
extern const char session_rows_warning[];
/* All about the teachers and the ensemble into the store. */
rt_status session_record_teachers(const struct session *session, struct store *store,
                                  struct rt_err *err);

/* Train what is missing, and the teachers that `retrain` says (NULL: none), showing progress; then
 * open. */
rt_status session_teach(struct session *session, const bool retrain[TR_MAX_TEACHERS],
                        const atomic_int *stop, struct rt_err *err);
#endif
