/* trainer/task/controller.h -- what an exported policy needs beside its network: how numbers that are
 * observed become its input, and its logits an action.
 *
 * Seen      a step is F features: the S observed numbers as they are, then, if it sees it, its own last
 *           action (components scaled to -1 .. 1, or a 1 at the choice; zeros at the start).
 * Input     the last K steps, the oldest first, (x - mean) * scale, cut at +-TR_CONTROLLER_CUT. Before an
 *           episode began its first step stands again.
 * Frames    of pixels are seen one a step and as they are: F, S and K are 0, and nothing is remembered.
 * Action    by `read` of each component's bins; what was trained to draw its actions acts by their mean.
 * Errors    RT_EFORMAT, naming the file, for notes that contradict each other or the tensors.
 */
#ifndef TRAINER_TASK_CONTROLLER_H
#define TRAINER_TASK_CONTROLLER_H
#include "trainer/env/actions.h"

#define TR_CONTROLLER_CUT 10.0F

struct space_shape;
struct tr_notes;

struct tr_controller {
    int observed, features, history; /* S, F, K */
    struct tr_actions actions;
    enum tr_read read;   /* never TR_READ_SAMPLE */
    float *mean, *scale; /* [features] */
};

/* From the notes of a file of K rows, `tokens`, and of pool class one more; *shape, whose classes and pool are
 * the file's, gets features and parts. */
rt_status tr_controller_recall(const struct tr_notes *notes, struct space_shape *shape,
                               struct tr_controller **controller, struct rt_err *err);
void tr_controller_free(struct tr_controller *controller); /* NULL is none */

static inline bool tr_controller_frames(const struct tr_controller *controller)
{
    return controller->history == 0;
}

/* Numbers of the last action among the features. */
static inline int tr_controller_previous(const struct tr_controller *controller)
{
    return controller->features - controller->observed;
}

/* input (K,F) is kept from step to step: moves it on by one. observed [S]; action [parts] is the last
 * one, NULL in the first step of an episode. */
void tr_controller_see(const struct tr_controller *controller, const float *observed,
                       const double *action, float *input);
/* Lines, first + second * x, of a component of an action that is no choice: from the number of a bin to its
 * centre; from the action to what is seen of it. */
void tr_controller_bins(const struct tr_actions *actions, int part, double line[2]);
void tr_controller_scaled(const struct tr_actions *actions, int part, double line[2]);
/* logits (parts,bins) to an action [parts]. */
void tr_controller_act(const struct tr_controller *controller, const float *logits, double *action);
#endif
