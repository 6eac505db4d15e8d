/* trainer/env/env_internal.h -- what a back end of environments is: one constant of functions.
 *
 * Arrays of a batch are allocated and checked by env.c; a back end fills the rows that it is asked
 * for. What it leaves NULL it has not.
 */
#ifndef TRAINER_ENV_ENV_INTERNAL_H
#define TRAINER_ENV_ENV_INTERNAL_H
#include "base/random.h"
#include "trainer/env/env.h"

struct tr_env_kind {
    /* Fills info (name, hash and a horizon of the spec are seen to) and env->shared. */
    rt_status (*open)(struct tr_env *env, const struct tr_env_spec *spec, struct rt_err *err);
    void (*close)(struct tr_env *env);
    /* Of batch->state. */
    size_t (*bytes)(const struct tr_env *env, int count);
    rt_status (*batch_open)(struct tr_env_batch *batch, struct rt_err *err);
    void (*batch_close)(struct tr_env_batch *batch);
    rt_status (*reset)(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                       struct rt_err *err);
    /* By batch->action, clipped already; writes observation, reward, and flags but truncation. */
    rt_status (*step)(struct tr_env_batch *batch, const bool *live, bool labels,
                      struct rt_err *err);
    int (*state_size)(const struct tr_env *env);
    void (*get_state)(const struct tr_env_batch *batch, int i, double *state);
    void (*set_state)(struct tr_env_batch *batch, int i, const double *state);
    int (*draw)(const struct tr_env_batch *batch, int i, int room, struct tr_capsule *capsules);
    /* As tr_env_number_name(); an empty text where it has none. */
    void (*name)(const struct tr_env *env, bool action, int i, char name[TR_ENV_NAME]);
};

struct tr_env {
    const struct tr_env_kind *kind;
    struct tr_env_info info;
    const void *dynamics; /* of built-in ones: struct tr__dynamics */
    void *shared;         /* the kind's own; read-only once open */
};

extern const struct tr_env_kind tr__env_builtin, tr__env_mujoco, tr__env_command, tr__env_recorded;
const char *tr__mujoco_name(int i); /* NULL behind the last */

/* A built-in environment: equations of one copy. Angles in radians, 0 as the source has it. */
struct tr__dynamics {
    const char *name;
    int state, observation, choices, horizon;
    double low, high;             /* of its one component, when it is no choice */
    double seconds;               /* of a step; 0: its time has no unit */
    const char *numbers[6], *act; /* what an observation and the action are called */
    void (*start)(struct rt_rng *rng, double *state);
    void (*observe)(const double *state, double *observation);
    /* Moves the state on by one action; returns the reward, and 0 or flags. */
    double (*step)(double *state, double action, unsigned *flags);
    int (*draw)(const double *state, struct tr_capsule *capsules); /* at most TR__CAPSULES */
    int pixels[3]; /* height, width, channels of what render draws; 0 without */
    void (*render)(const double *state, unsigned char *pixels);
};
enum { TR__CAPSULES = 8, TR__STATE = 4 };
extern const struct tr__dynamics tr__pendulum, tr__cartpole, tr__acrobot, tr__mountain_car,
    tr__pendulum_pixels;
#endif
