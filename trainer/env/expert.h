/* trainer/env/expert.h -- who says what to do in a state: the teachers of policies.
 *
 * Kinds    trainer/experts/: value iteration, networks from files, PPO trained here. A child that
 *          answers for its environment has its labels beside its observations, and `answer` NULL.
 * Threads  read-only and shared; `answer` works on the stack alone, and what it says of a state does
 *          not depend on those asked beside it.
 */
#ifndef TRAINER_ENV_EXPERT_H
#define TRAINER_ENV_EXPERT_H
#include "trainer/env/env.h"

struct tr_expert {
    enum tr_env_labels says;
    int observation; /* numbers that it reads of a state */
    int numbers;     /* and says */
    double tau;      /* of values: softmax(Q / tau) */
    double weight;   /* share in the ensemble; 1 when opened */
    /* observation (n, observation) -> out (n, numbers). */
    void (*answer)(const void *self, const double *observation, int n, double *out);
    void (*release)(void *self);
    void *self;
    bool raw;       /* reads observations as they are: were statistics forgotten? */
    int64_t params; /* 0: unknown */
    char hash[RT_HASH_TEXT];
};
/* NULL, or one of zeros, is none. */
static inline void tr_expert_release(struct tr_expert *expert)
{
    if (expert && expert->release)
        expert->release(expert->self);
}
#endif
