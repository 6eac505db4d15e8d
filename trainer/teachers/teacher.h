/* trainer/teachers/teacher.h -- a kind of teacher: what a member of the ensemble is made of.
 *
 * Kinds    trained here on labels (trained.c), recorded logits (recorded.c), a command's answers (commanded.c),
 *          a network from elsewhere (imported.c), policies (experts.c): one constant each, which the study's reader picks by the member's keys. Nothing else asks
 *          which one a member is of.
 * Gives    what it can be asked for, known before anything is opened, so that a recipe that wants
 *          more is refused when the study is read. All give logits. Of one that gives layers or
 *          weights spec.arch is the architecture.
 * Threads  functions are called by one thread at a time.
 */
#ifndef TRAINER_TEACHERS_TEACHER_H
#define TRAINER_TEACHERS_TEACHER_H
#include "trainer/env/expert.h"
#include "trainer/net/network.h"
#include "trainer/task/task.h"

enum {                        /* one bit for each thing that somebody asks */
       TR_GIVES_LAYERS = 1,   /* hidden rows, q, k and v, beside the students */
       TR_GIVES_WEIGHTS = 2,  /* to cut students out of */
       TR_TRAINED_HERE = 4,   /* by what the study says, so it can be trained anew */
       TR_ROWS_KNOWN = 8,     /* trained on the split's train rows alone: it has seen no others */
       TR_COUNTS_PARAMS = 16, /* its size is its own, not what the study says of it */
       TR_ACTS = 32,          /* a policy's: it says what to do in a state */
       TR_ANSWERS_ANY = 64,   /* rows of any file of the task, not those alone that were recorded */
       TR_KEEPS_LAYERS = 128, /* larger than any student: what its layers say is worth keeping */
};

struct tr_teaching;
struct tr_teacher_spec;

struct tr_teacher_kind {
    const char *name; /* as in the store's teacher.kind */
    unsigned gives;   /* of the above */
    /* What it is made of in a word, "" when that is unknown, and how many parameters; 0: unknown. */
    void (*describe)(const struct tr_teacher_spec *spec, const struct space_shape *shape,
                     char arch[SPACE_ARCH_TEXT], int64_t *params);
    /* The hash of what member k is made of and, unless out is NULL, its logits for all rows of the
     * training file into column k of out (rows, K, C). may_train: make what is missing. */
    rt_status (*consult)(const struct tr_teaching *teaching, int k, bool may_train,
                         char hash[RT_HASH_TEXT], float *out, struct rt_err *err);
    /* Its logits for another task's rows into column k of out (rows, K, C). */
    rt_status (*predict)(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                         float *out, struct rt_err *err);
    /* Can what was brought along be used, for the training file and `test` (NULL: none)? Or NULL:
     * nothing was. */
    rt_status (*check)(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                       struct rt_err *err);
    /* Its network for that use, packed; NULL when it gives neither layers nor weights. */
    rt_status (*open)(struct tr_network *network, const struct tr_teaching *teaching, int k,
                      enum tr_network_use use, struct rt_err *err);
    /* Of one that acts: itself. may_train as above. */
    rt_status (*expert)(const struct tr_teaching *teaching, int k, bool may_train,
                        struct tr_expert *expert, struct rt_err *err);
};
extern const struct tr_teacher_kind tr_teacher_trained, tr_teacher_recorded, tr_teacher_commanded,
    tr_teacher_imported;
/* Those that act: experts.c. */
extern const struct tr_teacher_kind tr_teacher_table, tr_teacher_policy, tr_teacher_labels,
    tr_teacher_ppo;
#endif
