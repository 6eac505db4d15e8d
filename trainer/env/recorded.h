/* trainer/env/recorded.h -- recorded trajectories in place of an environment.
 *
 * Arrays   observations (N, o), and of the same rows either `actions` (N, n), which become Gaussians of
 *          half a bin's deviation, or `labels` (N, l) in the form that `says` tells; .npy. Limits of
 *          actions are the least and the largest that were recorded.
 * Ends     int64 numbers of the rows that end an episode, the last row among them.
 * Steps    an episode goes through its rows whatever is done. What a step is worth is how near the
 *          action was to the recorded one: minus the squared distance, in units of the limits' range,
 *          averaged over components; of choices 1 for the recorded one. So the recorded policy returns
 *          most, and `gap` is the share of random actions' error that is left.
 */
#ifndef TRAINER_ENV_RECORDED_H
#define TRAINER_ENV_RECORDED_H

struct tr_recorded_spec {
    const char *observations, *actions, *labels, *ends; /* paths; actions or labels is NULL */
    int says;                                           /* enum tr_env_labels of `labels` */
    int bins;                                           /* of the students' actions */
};
#endif
