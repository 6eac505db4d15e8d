/* cli/full_run.h -- one candidate trained by the full recipe: what `distill` and `confirm` share.
 *
 * Exact    a run's bits depend on architecture, seed, recipe, lanes and kernels, never on threads:
 *          a candidate that `confirm` trained is the one that `distill` would give.
 * Threads  runs of one session may go on side by side, each in a struct of its own.
 */
#ifndef CLI_FULL_RUN_H
#define CLI_FULL_RUN_H
#include "cli/session.h"
#include "trainer/learn/resume.h"
#include "trainer/measure/trial.h"
#include "trainer/net/network.h"
#include "trainer/net/student_int8.h"

struct full_run { /* begin with zeros */
    /* given */
    const struct session *session;
    struct space_arch arch;
    struct tr_recipe recipe; /* micro_batch chosen */
    const struct tr_kernels *kernels;
    uint64_t seed;
    int threads;
    const atomic_int *stop;
    const struct tr_resume *resume;                       /* NULL: begins anew */
    void (*progress)(void *context, int step, int steps); /* NULL: nobody looks on */
    void *progress_context;
    bool curved; /* keep the learning curve */
    /* what came of it */
    struct tr_network net[TR_ONLINE_MAX_COHORT]; /* one, or a cohort */
    int kept;                                    /* which student of the cohort */
    struct tr_train_summary summary;
    struct tr_lineage lineage; /* what of the first weights comes from a teacher */
    struct tr_ranges ranges;   /* of int8, when the recipe asks for it */
    struct tr_curve curve;
};

/* Train; of a cohort keep the best on validation; measure ranges of int8. */
rt_status full_run_train(struct full_run *run, struct rt_err *err);
void full_run_close(struct full_run *run);

/* Of the study, a recipe by a word for it, what the teachers say and weigh, and this program. */
rt_status full_run_made_of(const struct session *session, const char *recipe,
                           char text[RT_HASH_TEXT], struct rt_err *err);
/* Where the state of this run is kept beside the database while it goes on, so that the same run goes on
 * with it after a kill. To be forgotten once its results are kept. */
rt_status full_run_resume(const struct full_run *run, const char *db, struct tr_resume *resume,
                          struct rt_err *err);

const struct tr_network *full_run_kept(const struct full_run *run);
bool full_run_in_int8(const struct full_run *run);
#endif
