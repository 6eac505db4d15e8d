/* trainer/experts/ppo_internal.h -- a run of PPO: ppo.c acts and sees to it, ppo_update.c learns,
 * ppo_state.c keeps it and goes on with it.
 *
 * Rows     copy c's step t is row c * steps_each + t. */
#ifndef TRAINER_EXPERTS_PPO_INTERNAL_H
#define TRAINER_EXPERTS_PPO_INTERNAL_H
#include "base/random.h"
#include "trainer/experts/mlp.h"
#include "trainer/experts/ppo.h"

struct tr__net { /* actor or critic, and what Adam keeps of it */
    struct tr_mlp mlp;
    float *grads, *m, *v;             /* [param_count] */
    float *x, *behind[TR_MLP_LAYERS]; /* of a mini-batch */
    float *dy, *spare[2];
};

struct tr__moments {           /* running, in the manner of Chan et al. */
    double count, *mean, *var; /* [n] */
};

struct tr__copy { /* what one copy adds up in an update */
    struct rt_rng rng;
    uint64_t episodes;
    double played;         /* return of the episode so far */
    double discounted;     /* of its rewards so far */
    double *sum, *squares; /* [observation] from the running mean */
    double return_sum, return_squares;
    double ended_sum;
    int ended;
    int length;              /* steps of the episode so far, */
    float *acted;            /* and what was done in each (horizon, actions) */
    char seen[RT_HASH_TEXT]; /* of a state: the hash of what it saw then */
};

struct tr__lane { /* a batch of environments and buffers to act with */
    struct tr_env_batch *batch;
    int first, count; /* copies */
    float *x, *behind[TR_MLP_LAYERS];
    double *action;
    rt_status rc;
    struct rt_err err;
};

struct tr__ppo {
    const struct tr_env *env;
    const struct tr_env_info *info;
    struct tr_ppo_recipe recipe;
    const struct tr_kernels *kernels;
    int threads, rows, heads; /* heads: numbers that the actor says */
    struct rt_arena arena;
    struct tr__net actor, critic;
    float *log_sd, *sd_grads, *sd_m, *sd_v; /* [actions]; NULL of choices */
    struct tr__moments seen, returns;
    struct tr__copy *copy;
    struct tr__lane *lane;
    int lanes;
    /* [rows] of them: */
    float *x, *next; /* observations before and behind the step, normalised */
    float *action;   /* (rows, actions) as drawn; or the choice */
    float *logp, *reward, *value, *next_value, *advantage, *target;
    unsigned *flags;
    int *order;
    int64_t adam_steps;
    int64_t behind; /* updates that are done */
};

/* ln of the probability of a row's action by what the actor says of it; grad [heads + actions], when not
 * NULL, gets its gradient by that and by ln sd. */
double tr__ppo_logp(const struct tr__ppo *p, const float *said, const float *action, float *grad);
/* Of a copy's episode. */
uint64_t tr__ppo_seed(const struct tr__ppo *p, int copy, uint64_t episode);
/* Between two updates; ppo_state.c. */
void tr__ppo_keep(struct tr__ppo *p, const struct tr_ppo_run *run);
/* All copies of a lane that is open, at their first episode. */
rt_status tr__ppo_begin_lane(struct tr__ppo *p, struct tr__lane *lane, struct rt_err *err);
/* Of a run that has opened its environments; false: there is no state of it, and it is as it was. */
rt_status tr__ppo_take(struct tr__ppo *p, const struct tr_ppo_run *run, bool *taken,
                       struct rt_err *err);
/* Advantages, targets, and all epochs over them; done of all steps. RT_ENAN. */
rt_status tr__ppo_update(struct tr__ppo *p, int update, double done, struct rt_err *err);
#endif
