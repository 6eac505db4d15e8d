/* trainer/task/policy/policy_internal.h -- what the files of this folder share: a task and its episodes.
 */
#ifndef TRAINER_TASK_POLICY_POLICY_INTERNAL_H
#define TRAINER_TASK_POLICY_POLICY_INTERNAL_H
#include <pthread.h>

#include "base/random.h"
#include "trainer/task/controller.h"
#include "trainer/task/pixels.h"
#include "trainer/task/policy/policy.h"

enum {
    TR__COPIES = 32, /* of an environment at once, at most */
    TR__IDLE = 64    /* batches of copies that are kept for the next one who asks */
};
#define TR__TEST_FIRST ((uint64_t)1 << 40) /* numbers of the test's episodes, from here on */

/* Rows, each a step of an episode; an episode's rows are one behind the other, their first is step 0.
 * F numbers are seen in each, or a frame of bytes, which is NULL where it is not kept; said (room,
 * parts, K, C) or NULL; label (room, parts) or NULL. */
struct tr__states {
    int room;
    float *seen;
    uint8_t *frame;
    int *step;
    float *said;
    int *label;
};

struct tr_policy {
    struct tr_task task; /* first */
    struct tr_policy_options options;
    struct tr_env *env;
    const struct tr_env_info *info;
    struct tr_actions actions;
    struct tr_observed observed;
    int features, copies;
    float *mean, *scale; /* [features] of what enters the network: (x - mean) * scale */
    int frame;           /* bytes of a frame, where students see those: features is 0 then */
    struct tr_pixel_scale pixels;
    float value[256]; /* of each byte, by it */
    int experts;
    struct tr_expert expert[TR_POLICY_TEACHERS];
    double weight[TR_POLICY_TEACHERS]; /* shares; they add up to 1 */
    struct tr__states base;            /* of the task's rows; in `kept` */
    struct rt_arena kept;
    int threads; /* that episodes without a student may be played on */
    struct tr_policy_scores scores;
    pthread_mutex_t ask;          /* of: */
    struct tr_policy_scores test; /* once somebody has asked */
    pthread_mutex_t lock;         /* of what follows */
    int idle_count;
    struct tr_env_batch *idle[TR__IDLE];
};

static inline const struct tr_policy *tr__policy_of(const struct tr_task *task)
{
    return (const struct tr_policy *)task;
}

/* Floats of what all teachers say of one row. */
static inline ptrdiff_t tr__said_floats(const struct tr_policy *policy)
{
    return (ptrdiff_t)policy->actions.parts * policy->experts * policy->actions.bins;
}

/* Copies of the environment, for one thread; given back, or closed after a failure. */
rt_status tr__policy_borrow(const struct tr_policy *policy, struct tr_env_batch **batch,
                            struct rt_err *err);
void tr__policy_return(const struct tr_policy *policy, struct tr_env_batch *batch, bool failed);

/* Row `row` of these states and the K - 1 before it, normalised: (K, F). */
void tr__policy_history(const struct tr_policy *policy, const struct tr__states *states, int row,
                        int history, float *out);
/* A frame as the network reads it. */
void tr__policy_pixels(const struct tr_policy *policy, const uint8_t *frame, float *out);
/* Row `row` as a student reads it, `numbers` floats: by either of these. */
void tr__policy_example(const struct tr_policy *policy, const struct tr__states *states, int row,
                        int numbers, float *out);
/* Row `from` of these states over row `to` of others; what is not kept there is left. */
void tr__policy_copy(const struct tr_policy *policy, const struct tr__states *states,
                     ptrdiff_t from, const struct tr__states *others, ptrdiff_t to);

/* ---- episodes ---- */

/* A set of episodes, numbers first .. first + count - 1 of their stream. */
struct tr__round {
    const struct tr_policy *policy;
    enum rt_stream stream;
    uint64_t first;
    int count;
    bool random;    /* random actions, whatever follows */
    double teacher; /* probability that a teacher acts in a step; else the student does */
    bool sampled;   /* teachers and student draw their actions; else as when nothing is explored */
    int member;     /* the teacher that acts; -1: the ensemble */
    double perturb; /* probability that a step is disturbed */
    bool ask;       /* are the teachers' answers wanted of every state? */
};

/* What comes of it. Episode e's row t is e * horizon + t of the states. */
struct tr__outcome {
    struct tr__states states; /* room: count * horizon */
    int *length;              /* [count] */
    double *total;            /* [count] rewards */
    unsigned *flags;          /* [count] of the last step */
    /* How the student's answers compare with the teachers' in the states of each episode; NULL: not
     * wanted. Of (parts, C) logits and what was said. */
    void (*compare)(void *context, int episode, const float *said, const float *logits);
    void *context;
    const struct tr_policy_show *show; /* who looks on; NULL: nobody */
};

/* All it needs beside: carved from an arena, or counted. */
struct tr__stage;
rt_status tr__stage_init(struct tr__stage **stage, const struct tr_policy *policy,
                         struct rt_arena *arena, struct rt_err *err);
/* Plays the round with copies that are borrowed; the actor may be NULL where no student acts. Errors
 * are the environment's. */
rt_status tr__play(const struct tr__round *round, struct tr__stage *stage, struct tr_actor *actor,
                   struct tr__outcome *out, struct rt_err *err);
/* The same on threads of its own, without a student. */
rt_status tr__play_on(const struct tr__round *round, int threads, struct tr__outcome *out,
                      struct rt_err *err);

/* Rows of an outcome for a round of so many episodes: as far as a student needs them to act; with what
 * the teachers say; or, to learn from, with the frames, too. */
enum tr__keep { TR__KEEP_SEEN, TR__KEEP_SAID, TR__KEEP_ALL };
rt_status tr__outcome_init(struct tr__outcome *out, const struct tr_policy *policy, int count,
                           enum tr__keep keep, struct rt_arena *arena, struct rt_err *err);

/* Teachers and random actions on the evaluation's starts, or the test's. */
rt_status tr__scores_take(const struct tr_policy *policy, bool test, int threads,
                          struct tr_policy_scores *scores, struct rt_err *err);
void tr__scores_release(struct tr_policy_scores *scores);

extern const struct tr_feed_kind tr__policy_feed;
size_t tr__policy_beside(const struct tr_task *task); /* as of struct tr_feed_kind */
rt_status tr__policy_act(const struct tr_task *task, struct tr_actor *actor,
                         const struct tr_ensemble *ensemble, bool test, struct tr_metrics *metrics,
                         struct rt_err *err);
rt_status tr__policy_act_as(const struct tr_task *task, int k, bool test,
                            struct tr_metrics *metrics, struct rt_err *err);
#endif
