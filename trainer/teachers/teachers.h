/* trainer/teachers/teachers.h -- the ensemble: trained by this program, given as recorded logits, or
 * asked by a command.
 *
 * A trained teacher is a struct tr_student trained on labels with all threads; its weights go into
 * FOLDER/NAME.safetensors with the hash of its recipe and data. What all teachers say about the
 * training file goes into FOLDER/knowledge.rtk. Weights of another recipe or other data are refused
 * with RT_EMISMATCH and the reason: they may be all that is left of hours, so only who names the
 * teacher (`retort teach --retrain NAME`) replaces them. Stale knowledge is refused when it is
 * opened, and written anew by teaching.
 */
#ifndef TRAINER_TEACHERS_TEACHERS_H
#define TRAINER_TEACHERS_TEACHERS_H
#include <stdatomic.h>

#include "trainer/distill/ensemble_fit.h"
#include "trainer/experts/ppo.h"
#include "trainer/net/network.h"
#include "trainer/task/task.h"
#include "trainer/teachers/assess.h"
#include "trainer/teachers/knowledge.h"
#include "trainer/teachers/linear_probe.h"
#include "trainer/teachers/teacher.h"

enum { TR_COMMAND_WORDS = 16, TR_COMMAND_WORD = 256 }; /* of a teacher that is a command */

enum tr_probe { TR_PROBE_NONE, TR_PROBE_HEAD, TR_PROBE_FINE };

struct tr_teacher_spec {
    char name[TR_TEACHER_NAME];
    double weight; /* as given, above 0; normalised by tr_ensemble_weights() */
    const struct tr_teacher_kind *kind;
    /* trained: */
    struct space_arch arch;
    double epochs;
    int batch;
    double learning_rate, warmup, weight_decay;
    uint64_t seed;
    /* recorded, .npy (rows of the file, classes): */
    char train_logits[RT_PATH_MAX], test_logits[RT_PATH_MAX]; /* test_logits may be "" */
    int64_t params;                                           /* 0: unknown */
    /* commanded, run in the folder `source`: */
    char command[TR_COMMAND_WORDS][TR_COMMAND_WORD]; /* an empty word ends it */
    /* imported: a folder of transformers, with arch and params as it has them */
    char source[RT_PATH_MAX];
    enum tr_probe probe; /* how its classifier is trained here */
    struct tr_probe_recipe probe_recipe;
    /* of policies, see experts.c: */
    double tau, gamma;      /* softmax(Q / tau); of value iteration */
    char file[RT_PATH_MAX]; /* of weights */
    struct tr_ppo_recipe ppo;
};

struct tr_ensemble_spec {
    int count;
    struct tr_teacher_spec teacher[TR_MAX_TEACHERS];
    enum tr_ensemble_rule weights; /* how the members' weights come about */
    bool calibrate;                /* each by a temperature of its own */
    bool live;                     /* asked beside the students, not once: knowledge.h */
    int lanes;                     /* of training over threads: trainer/learn/train.h */
    char folder[RT_PATH_MAX];      /* of the cache */
};

/* Teachers' weights divided by their sum, and whether each example changes them. */
void tr_ensemble_weights(const struct tr_ensemble_spec *spec, struct tr_ensemble *ensemble);

struct tr_teaching {
    const struct tr_ensemble_spec *spec;
    const struct space_shape *shape;
    const struct tr_task *task;
    const struct tr_kernels *kernels;
    int threads;
    /* Trains a member by its recipe from the weights that it has; only teaching needs it. Handed in, since teachers
     * stand below training: tr_train_teacher() of trainer/learn/teach.h. */
    rt_status (*train)(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                       struct tr_network *net, struct rt_err *err);
    bool retrain[TR_MAX_TEACHERS]; /* members to train anew whatever the cache has */
    const atomic_int *stop;
    void (*progress)(void *context, const char *teacher, int step, int steps); /* may be NULL */
    void *progress_context;
    /* What a teacher that is a command says while it runs, as it comes; may be NULL. */
    void (*hear)(void *context, const char *text, size_t bytes);
};

/* Where the state of a member's training lies while it goes on (learn/resume.h). */
rt_status tr_teacher_state(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           char path[RT_PATH_MAX], struct rt_err *err);

/* Train what is missing and what teaching->retrain names, then write the knowledge. Weights that are
 * there but cannot be used are never replaced: RT_EMISMATCH when they are of another recipe or of
 * other data, or whatever kept them from being read. */
rt_status tr_teachers_teach(const struct tr_teaching *teaching, struct rt_err *err);
/* Has teach been run here, whatever for? */
bool tr_teachers_cached(const struct tr_ensemble_spec *spec);
/* Are the weights of a member that teaching trains not there yet? */
bool tr_teachers_untrained(const struct tr_teaching *teaching);
/* Of a task whose rows come from acting (trainer/task/policy/): the teachers act, and the task has rows.
 * Of others, and when it has them, nothing. may_train: make teachers that are missing. */
rt_status tr_teachers_gather(const struct tr_teaching *teaching, struct tr_task *task,
                             bool may_train, struct rt_err *err);
/* Open the knowledge after checking that it is of these teachers and this data. */
rt_status tr_teachers_open(const struct tr_teaching *teaching, struct tr_knowledge *knowledge,
                           struct rt_err *err);

/* The network of member k: TR_NETWORK_TRACE for losses on inner layers, loaded once, then read-only
 * and shared by all workers, each with activations of its own (net/student_trace.h); or to cut
 * students out of. RT_EARG when it gives no layers, RT_EMISMATCH when the cache is of another recipe
 * or other data. */
rt_status tr_teacher_open(struct tr_network *network, const struct tr_teaching *teaching, int k,
                          enum tr_network_use use, struct rt_err *err);

/* The first member that has nothing to say about rows of a test file, -1: all have. */
int tr_teachers_silent(const struct tr_ensemble_spec *spec);
/* Logits (n, K, C) of all teachers for another task's rows, the test file's; RT_EARG when a
 * recorded teacher has no test logits. */
rt_status tr_teachers_predict(const struct tr_teaching *teaching, const struct tr_task *test,
                              float *logits, struct rt_err *err);

/* Can what was brought along of teacher k be used, for the training file and, when `test` is not
 * NULL and there is any, for it? Reads all of it, as teach and predict do. */
rt_status tr_teacher_check(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                           struct rt_err *err);

/* Weights and calibration as the spec wants them, fitted on the held-out rows of the split where
 * it needs any, into *ensemble. */
rt_status tr_teachers_weigh(const struct tr_ensemble_spec *spec, const struct tr_task *task,
                            const struct tr_knowledge *knowledge, struct tr_ensemble *ensemble,
                            struct rt_err *err);
/* Parameters; 0 for a recorded teacher of unknown size. */
int64_t tr_teacher_params(const struct tr_teacher_spec *spec, const struct space_shape *shape);
#endif
