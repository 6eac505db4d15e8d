/* trainer/env/mujoco_terms.h -- what a MuJoCo model's observation, reward and end are made of: short
 * texts of a study, in terms of Gymnasium's robots.
 *
 * observation  QUANTITY [RANGE] [clip C], ..       "qpos 1:, qvel clip 10"
 * reward       WEIGHT TERM, ..                     "1 forward 0, 1 alive, -0.001 control"
 * healthy      QUANTITY [RANGE] within LOW HIGH, .. "qpos 1 within 0.7 inf": the episode ends when a
 *              number is not strictly between; "": never
 * QUANTITY     qpos, qvel; sin, cos of qpos; site_x, site_y, site_z: places of sites; constraint:
 *              forces in joints (qfrc_constraint); sensor: numbers of sensors
 * RANGE        i, or i:, or i:j without j; default all
 * TERM         forward i: qpos i's change a second; alive: 1 while healthy; control: the sum of
 *              squared actions; square QUANTITY i [from T]: (number - T)^2
 * Errors       RT_EARG with the item at fault.
 */
#ifndef TRAINER_ENV_MUJOCO_TERMS_H
#define TRAINER_ENV_MUJOCO_TERMS_H
#include <stdbool.h>

#include "base/status.h"

enum { TR_TERMS_MOST = 32 };

enum tr_quantity {
    TR_QPOS,
    TR_QVEL,
    TR_SIN,
    TR_COS,
    TR_SITE_X,
    TR_SITE_Y,
    TR_SITE_Z,
    TR_CONSTRAINT,
    TR_SENSOR,
    TR_QUANTITIES
};

struct tr_range { /* some numbers of a quantity */
    enum tr_quantity what;
    int from, to; /* without `to`; -1: to the end */
};
struct tr_observe_term {
    struct tr_range of;
    double clip; /* INFINITY: not */
};
enum tr_reward_kind { TR_REWARD_FORWARD, TR_REWARD_ALIVE, TR_REWARD_CONTROL, TR_REWARD_SQUARE };
struct tr_reward_term {
    enum tr_reward_kind kind;
    double weight;
    struct tr_range of; /* FORWARD, SQUARE: one number */
    double target;
};
struct tr_healthy_term {
    struct tr_range of;
    double low, high;
};

struct tr_mujoco_terms {
    int observe_count, reward_count, healthy_count;
    struct tr_observe_term observe[TR_TERMS_MOST];
    struct tr_reward_term reward[TR_TERMS_MOST];
    struct tr_healthy_term healthy[TR_TERMS_MOST];
};
rt_status tr_mujoco_terms_parse(const char *observation, const char *reward, const char *healthy,
                                struct tr_mujoco_terms *terms, struct rt_err *err);
/* As in the texts. */
const char *tr_quantity_name(enum tr_quantity what);
#endif
