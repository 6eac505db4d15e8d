/* trainer/env/env.h -- environments that policies act in, many copies at once.
 *
 * Environment  what a study names: its sizes, limits and horizon. Built in, a MuJoCo model, or a child
 *              process. Read-only once open, and shared by threads.
 * Batch        n copies of it that one thread steps together. It owns the arrays below; row i is copy
 *              i's. A copy is reset with the seed of its episode alone, so it does not matter which
 *              copies run beside it, or in which order. Nothing resets by itself: a copy whose flags
 *              are not 0 has ended and is not stepped until it is reset.
 * Views        `observation` is the whole state that a teacher may see; a student sees what a struct
 *              tr_observed takes from it. `label` is what an environment's own teacher says about the
 *              observation beside it (struct tr_env_info.labels), so teachers with a memory need
 *              nothing more.
 * Actions      doubles: components clipped to [low, high] before use, or the number of a choice.
 * Errors       RT_EIO: a child died, or was late; RT_EFORMAT: it answered nonsense; RT_ENAN: an
 *              observation or a reward is not finite. A batch that failed is closed, no more.
 * Source       equations of the built-in ones: Gymnasium 1.x, envs/classic_control.
 */
#ifndef TRAINER_ENV_ENV_H
#define TRAINER_ENV_ENV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"
#include "trainer/env/mujoco.h"
#include "trainer/env/recorded.h"

enum { TR_ENV_TERMINATED = 1, TR_ENV_TRUNCATED = 2, TR_ENV_SUCCESS = 4 }; /* flags of a step */

enum tr_env_labels {
    TR_LABELS_NONE,
    TR_LABELS_GAUSSIAN, /* mean and ln sd of each component: mu[n], ln sigma[n] */
    TR_LABELS_TANH,     /* the same of what is squashed by tanh onto [low, high] */
    TR_LABELS_LOGITS,   /* one a choice, or `bins` a component */
    TR_LABELS_Q         /* values, one a choice */
};

struct tr_env_info {
    char name[64];
    int observation;          /* numbers of one */
    int actions;              /* components of an action; 1 when it is a choice */
    int choices;              /* 0: components are continuous */
    const double *low, *high; /* [actions]; NULL for choices */
    int horizon;              /* steps of an episode, then it is truncated */
    double seconds;           /* of a step; 0: unknown */
    enum tr_env_labels labels;
    int label;               /* numbers of a label; 0 without */
    int pixels[3];           /* height, width, channels of a frame of bytes; 0 without */
    bool child;              /* a process owns its copies: few batches of many, not many of few */
    char hash[RT_HASH_TEXT]; /* of all that an episode depends on but its seed */
};

/* What a study says of it; texts are the caller's, and only read while opening. */
struct tr_env_spec {
    const char *name;                    /* "pendulum", "hopper", ..: tr_env_name() */
    const char *model;                   /* the MJCF file of MuJoCo's, else NULL */
    const struct tr_mujoco_spec *mujoco; /* of name "mujoco": any model, by terms; else NULL */
    int horizon;                         /* 0: the environment's own */
    /* in place of a name, or NULL: */
    const struct tr_recorded_spec *recorded;
    char *const *command;               /* argv, NULL at its end: protocol.h */
    const char *folder;                 /* that it runs in */
    bool labels;                        /* it shall label observations, as a teacher */
    double hello_timeout, step_timeout; /* seconds for its start and for a frame; 0: 120 and 10 */
};

struct tr_env;

/* RT_EARG: no such name, or an option that it has not. */
rt_status tr_env_open(struct tr_env **env, const struct tr_env_spec *spec, struct rt_err *err);
void tr_env_close(struct tr_env *env); /* NULL is none; after its batches */
const struct tr_env_info *tr_env_info(const struct tr_env *env);
/* Name number i of those that there are, NULL behind the last; of the built-in ones, which come first,
 * alone. MuJoCo's ones are refused with the mend by a build without it. */
const char *tr_env_name(int i);
const char *tr_env_builtin(int i);

/* What number i of an observation or, with `action`, component i of an action is: as the environment
 * calls it, or "observation 3". No control characters. */
enum { TR_ENV_NAME = 48 };
void tr_env_number_name(const struct tr_env *env, bool action, int i, char name[TR_ENV_NAME]);

struct tr_env_batch {
    const struct tr_env *env;
    int count;
    double *observation;   /* (count, observation) */
    double *label;         /* (count, label); zeros where unwanted */
    unsigned char *pixels; /* (count, height*width*channels); NULL without */
    double *reward;        /* [count] of the last step */
    unsigned *flags;       /* [count] of the last step; 0 after a reset */
    int *steps;            /* [count] since its reset */
    double *action;        /* (count, actions) of the last step, clipped */
    void *state;           /* the back end's own */
};

/* Bytes that a batch of that many copies takes. */
size_t tr_env_batch_bytes(const struct tr_env *env, int count);
rt_status tr_env_batch_open(struct tr_env_batch **batch, const struct tr_env *env, int count,
                            struct rt_err *err);
void tr_env_batch_close(struct tr_env_batch *batch); /* NULL is none */

/* Begins an episode in each copy whose `which` [count] is set; rows of others stay as they are.
 * seed [count]: an episode's start is a function of its seed alone. */
rt_status tr_env_reset(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                       struct rt_err *err);
/* One step of each copy whose `live` is set; action (count, actions). Labels only when wanted. */
rt_status tr_env_step(struct tr_env_batch *batch, const bool *live, const double *action,
                      bool labels, struct rt_err *err);

/* The seed to reset with for number `index` of a stream: RT_STREAM_ROLLOUT (round << 32 | episode),
 * RT_STREAM_EVALUATE (episode; the test's from 1 << 40 on). */
uint64_t tr_episode_seed(uint64_t seed, int stream, uint64_t index);

/* The hidden state of a copy, for tests and pictures: its numbers, 0 when the back end has none to
 * show. pendulum (a, w), with pixels (a, w, the last a), cartpole (x, v, a, w), acrobot (p, q, dp, dq), mountain_car (x, v), MuJoCo
 * (qpos, qvel). */
int tr_env_state_size(const struct tr_env *env);
void tr_env_get_state(const struct tr_env_batch *batch, int i, double *state);
/* Puts a copy there, at step 0 of an episode, with the observation that belongs to it. */
void tr_env_set_state(struct tr_env_batch *batch, int i, const double *state);

/* What a copy looks like from the side, in metres, y upward: for `play`. */
struct tr_capsule {
    double x0, y0, x1, y1, radius;
};
/* The first `room` of them; the number that there are, 0 when the back end has no picture. */
int tr_env_draw(const struct tr_env_batch *batch, int i, int room, struct tr_capsule *capsules);

/* What a student sees: some components of the observation and, when asked for, its own last action:
 * components scaled to -1 .. 1, or a 1 at the choice; zeros at the start of an episode. */
struct tr_observed {
    int count;
    const int *component; /* [count] ascending */
    bool previous_action;
};
/* Numbers of what it sees. */
int tr_observed_size(const struct tr_observed *observed, const struct tr_env_info *info);
/* previous: [actions], NULL at the start of an episode. features: [tr_observed_size()]. */
void tr_observed_take(const struct tr_observed *observed, const struct tr_env_info *info,
                      const double *observation, const double *previous, float *features);
#endif
