/* trainer/experts/ppo.h -- a policy trained here, by proximal policy optimisation.
 *
 * Actor    an MLP: means of a Gaussian whose deviations are one vector for all states, ln sd from 0; or
 *          logits of choices. Critic: an MLP of the same widths.
 * Weights  orthogonal, gain sqrt 2; .01 in the actor's head, 1 in the critic's; biases 0.
 * Inputs   observations by their running mean and deviation, cut at 10; rewards by the running deviation
 *          of the discounted return, cut at 10. Both change between updates alone.
 * Update   `steps_each` steps of each copy, advantages by GAE, normalised in each mini-batch; ratio cut;
 *          Adam, eps 1e-5, its rate falling linearly to 0; both networks' gradient cut to one norm.
 *          What was truncated goes on by the critic's value, what was terminated does not.
 * Bits     the same for any number of threads: a copy draws from its own stream, and rows are added up
 *          in their order. And the same when it was killed and goes on: an episode is a function of its
 *          seed and its actions, so those of episodes that go on are kept, and played again.
 * Sources  Schulman et al. 2017, arXiv:1707.06347; Huang et al. 2022, "The 37 implementation details of
 *          proximal policy optimization" (defaults for continuous control).
 */
#ifndef TRAINER_EXPERTS_PPO_H
#define TRAINER_EXPERTS_PPO_H
#include <stdatomic.h>

#include "trainer/env/env.h"
#include "trainer/experts/mlp_sizes.h"
#include "trainer/nn/kernels.h"

struct tr_ppo_recipe {
    int64_t steps; /* of all copies */
    int layers, width[TR_MLP_LAYERS - 1];
    enum tr_activation activation;
    int copies, steps_each; /* 8 and 256 */
    int epochs, batch;      /* 10 and 64; batch at most copies * steps_each */
    double rate, gamma, lambda, clip, value_weight, norm;
    uint64_t seed;
};
/* All but `steps` and `seed`, which are 600000 and 1; two layers of 64, tanh. */
void tr_ppo_defaults(struct tr_ppo_recipe *recipe);

/* Called behind each update: steps so far, the mean return of episodes that ended in it, how many. */
typedef void tr_ppo_progress(void *to, int64_t steps, double mean_return, int episodes);

struct tr_ppo_run {
    const struct tr_env *env;
    const struct tr_ppo_recipe *recipe;
    const struct tr_kernels *kernels;
    int threads;
    const atomic_int *stop; /* NULL: never */
    tr_ppo_progress *progress;
    void *to;
    const char *path; /* of the policy, for tr_expert_network() */
    const char *hash; /* of all that decides it; not NULL: goes into the file as `made_of` */
    const char
        *state; /* where it keeps what it is in the middle of (base/state.h), once a minute and
                        * when it is stopped, so that the same run goes on with the same bits; the
                        * caller removes it. NULL: nowhere; else there is a hash */
    int every;  /* updates between two states; 0: a minute */
};

/* Trains and writes the policy. RT_ESTOP when *stop was set: no policy is written. */
rt_status tr_ppo_train(const struct tr_ppo_run *run, struct rt_err *err);
/* Bytes that it takes besides the environments. */
size_t tr_ppo_bytes(const struct tr_env *env, const struct tr_ppo_recipe *recipe,
                    const struct tr_kernels *kernels);
#endif
