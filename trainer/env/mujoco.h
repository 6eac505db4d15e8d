/* trainer/env/mujoco.h -- what a study says of a MuJoCo model that is not one of the known robots. */
#ifndef TRAINER_ENV_MUJOCO_H
#define TRAINER_ENV_MUJOCO_H
#include <stdbool.h>

struct tr_mujoco_spec {
    int skip;                                   /* steps of the model a step of the environment */
    const char *observation, *reward, *healthy; /* mujoco_terms.h; healthy may be "" */
    double start_qpos, start_qvel; /* noise added at the start: U(-x, x), or N(0, x^2) of qvel */
    bool start_normal;
};
#endif
