/* trainer/task/policy/policy.h -- the task `policy`: from what is seen of the last K time steps to a
 * distribution over bins for each component of an action.
 *
 * Rows     the states of episodes that the teachers drive, gathered once (tr_policy_gather()): the same
 *          for all candidates. Those of later episodes belong to a run's feed.
 * Example  K rows of F numbers, the oldest first: the row itself and those before it in its episode;
 *          before an episode began it is its first row again. Numbers are normalised by mean and
 *          deviation over the train rows and cut at +-10; a previous action is -1 to 1 as it is.
 *          Students of pixels see the row's frame alone, as an image (task/pixels.h); whatever of the
 *          past it shows the environment has put among its channels.
 * Answers  `parts` an example: the components of the action, each with C = bins logits. An action that
 *          is a choice has one part, and C choices.
 * Teachers say what they say in a form of their own (enum tr_env_labels); bins are made of it here.
 * Order    episodes are numbered, and all that is drawn in one is a function of (seed, stream, number):
 *          so the rows are the same however many copies of the environment, threads or workers there
 *          are.
 * Threads  read-only once gathered, but for the environments that it lends (tr__policy_borrow()).
 * Source   aggregation of states: Ross et al. 2011, arXiv:1011.0686 (DAgger); policies by
 *          distillation: Rusu et al. 2015, arXiv:1511.06295.
 */
#ifndef TRAINER_TASK_POLICY_POLICY_H
#define TRAINER_TASK_POLICY_POLICY_H
#include <stdatomic.h>
#include <stdbool.h>

#include "space/objectives.h"
#include "trainer/env/actions.h"
#include "trainer/env/expert.h"
#include "trainer/task/task.h"

#define TR_POLICY_MOST_OBSERVED 1024
#define TR_POLICY_TEACHERS 16

enum tr_drive { TR_DRIVE_MIX, TR_DRIVE_TEACHER, TR_DRIVE_STUDENT };
enum tr_perturb { TR_PERTURB_EXEC, TR_PERTURB_LABEL };
enum tr_replay_by { TR_REPLAY_UNIFORM, TR_REPLAY_PER };

struct tr_rollouts { /* which states a run is trained on */
    int base;        /* episodes of round 0 */
    int rounds;      /* round 0 among them; round i is gathered before step i steps/rounds */
    int episodes;    /* of each later round */
    int regenerate;  /* above 0: in place of rounds, another one each so many epochs */
    int keep;        /* states at most, the oldest leave; 0: all */
    enum tr_drive drive;
    double beta;    /* mix: in round i the teacher acts with probability beta^i at each step */
    double perturb; /* probability that a step is disturbed */
    enum tr_perturb perturb_mode; /* the executed action, or the label alone */
    enum tr_replay_by replay;
    double alpha, importance; /* PER: exponent of priorities; of weights at first, 1 at the end */
};

struct tr_policy_options {
    struct tr_env_spec environment;
    int observe_count, observe[TR_POLICY_MOST_OBSERVED]; /* 0: all components */
    bool previous_action;
    bool pixels;           /* students see the environment's frames and no numbers */
    double success;        /* an episode succeeds at random + success (teacher - random) .. */
    double success_return; /* .. or at this return, unless NaN */
    int bins;              /* of a continuous component */
    enum tr_grid grid;
    enum tr_read read; /* from a distribution to an action */
    struct tr_rollouts rollouts;
    int episodes, test_episodes; /* of an evaluation */
    uint64_t seed;               /* of starts and of all that is drawn in an episode */
};

/* Opens the environment; there are no rows yet. RT_EARG when the options do not fit it. */
rt_status tr_policy_task(struct tr_task **task, const struct tr_policy_options *options,
                         enum space_pool pool, struct rt_err *err);
/* Rows, statistics, and how teachers and random actions do: by these teachers, which the task takes
 * whatever comes of it. RT_EARG when one of them has other sizes, RT_ESTOP. Once a task. */
rt_status tr_policy_gather(struct tr_task *task, struct tr_expert *experts, int count, int threads,
                           const atomic_int *stop, struct rt_err *err);
bool tr_policy_gathered(const struct tr_task *task);
/* What teacher k says of row `row`: (parts, C), one part K * C floats behind the other. */
const float *tr_policy_said(const struct tr_task *task, int row, int k);
const struct tr_env *tr_policy_environment(const struct tr_task *task);
const struct tr_actions *tr_policy_actions(const struct tr_task *task);
const struct tr_expert *tr_policy_expert(const struct tr_task *task, int k);

/* Returns over the same starts. */
struct tr_policy_scores {
    int episodes;
    double *teacher, *random; /* [episodes] of the ensemble, of random actions */
    double *member;           /* (teachers, episodes) */
    double success_at;        /* the return that a success takes */
};
const struct tr_policy_scores *tr_policy_scores(const struct tr_task *task);

/* Episodes of later rounds, over those of an evaluation; 0 with regenerate, where epochs decide. */
double tr_policy_rounds_share(const struct tr_task *task);

/* Returns of the student on the evaluation's starts, [episodes] of tr_policy_scores(). */
rt_status tr_policy_returns(const struct tr_task *task, struct tr_actor *actor, double *returns,
                            struct rt_err *err);

/* Plays some episodes of random actions twice, needing no teachers: *same when all that is seen, and
 * every reward, are the same bits. Seconds are of CPU time or, of a child, of the clock. */
rt_status tr_policy_repeats(const struct tr_task *task, bool *same, double *seconds_a_step,
                            struct rt_err *err);

/* Who looks on at an episode: `seen` is called before each step and, with action NULL, behind the
 * last. Row `copy` of the batch is the one. */
struct tr_policy_show {
    void *context;
    void (*seen)(void *context, const struct tr_env_batch *batch, int copy, const double *action);
};
/* The episode that starts as number `episode` of the evaluation does; the student acts or, when the
 * actor is NULL, the ensemble. */
rt_status tr_policy_play(const struct tr_task *task, struct tr_actor *actor, int episode,
                         const struct tr_policy_show *show, double *total, struct rt_err *err);

extern const struct tr_task_kind tr_task_policy;
extern const struct space_objective tr_policy_measures[]; /* ended by a NULL name */
#endif
