/* trainer/env/mujoco_picture.h -- a MuJoCo model from the side; within a build that has MuJoCo. */
#ifndef TRAINER_ENV_MUJOCO_PICTURE_H
#define TRAINER_ENV_MUJOCO_PICTURE_H
#include <mujoco/mujoco.h>

#include "trainer/env/env.h"

/* As tr_env_draw(). */
int tr__mujoco_picture(const mjModel *model, const mjData *data, int room,
                       struct tr_capsule *capsules);
#endif
