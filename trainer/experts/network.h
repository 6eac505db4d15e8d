/* trainer/experts/network.h -- policies from safetensors files: an MLP of one's own, or of others'.
 *
 * Tensors  found by name, the first of these that is there; W (out,in), F32:
 *          layers.N, mean, log_std                        Retort's own (ppo.h)
 *          mlp_extractor.policy_net.N, action_net, log_std    Stable-Baselines3 PPO, A2C
 *          actor.latent_pi.N, actor.mu, actor.log_std (a layer)   Stable-Baselines3 SAC, squashed
 *          actor_mean.N, actor_logstd; actor.N            CleanRL PPO: continuous; choices
 *          fc1, fc2, fc_mean, fc_logstd (a layer), action_scale, action_bias   CleanRL SAC, squashed
 *          q_net.q_net.N; network.N                       values: Stable-Baselines3, CleanRL DQN
 * Reads    x = clip((o - obs_mean) / sqrt(obs_var + obs_epsilon), +-obs_clip); without the tensor
 *          obs_mean x = o, and `raw` is set: most such files are missing what they were trained with.
 * Says     Gaussians, squashed where the metadata or the kind say so; logits of choices; values.
 * Metadata activation tanh|relu (required); obs_clip 10; obs_epsilon 1e-8; squash none|tanh.
 * Errors   RT_EFORMAT and RT_ESHAPE name the file and the tensor or the note.
 */
#ifndef TRAINER_EXPERTS_NETWORK_H
#define TRAINER_EXPERTS_NETWORK_H
#include "trainer/env/expert.h"
#include "trainer/nn/kernels.h"

/* For an environment of these sizes. */
rt_status tr_expert_network(struct tr_expert *expert, const char *path,
                            const struct tr_env_info *info, const struct tr_kernels *kernels,
                            struct rt_err *err);
#endif
