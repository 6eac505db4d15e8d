/* trainer/learn/layerwise.h -- layer-wise distillation inside a training run: what train.c calls.
 *
 * While the losses of struct tr_layers are in force, a micro-batch goes through here: the student
 * runs with its last block for all tokens when a loss reads them, the teacher runs beside it in
 * inference or what it says is read (teachers/kept_layers.h), and the losses add their gradients on the way back (struct tr_taps).
 *
 *   embedding, hidden   Y = H_s W^T + b where the widths differ; one learned W for the embedding,
 *                       one for all hidden layers, as in the paper
 *
 * Projections are trained like the student, by AdamW at its rate, and count in the gradient's
 * global norm; they are no part of the student. W starts normal with deviation 1/sqrt(d), from
 * (seed, RT_STREAM_PROJECTION, 0 for the embedding's, 1 for the hidden), b at 0. The random map is
 * drawn from (seed, RT_STREAM_LAYER_MAP, epoch).
 *
 * Memory   a second packing of the weights; a workspace for each thread; a gradient of the projections
 *          for each lane. All is carved from the run's arena.
 * Exact    lanes are added in order, and the balance is of the whole step before: so results depend
 *          on the micro-batch by rounding, and never on threads.
 */
#ifndef TRAINER_LEARN_LAYERWISE_H
#define TRAINER_LEARN_LAYERWISE_H
#include "trainer/learn/optimiser.h"
#include "trainer/learn/recipe.h"
#include "trainer/net/network.h"
#include "trainer/net/student_trace.h"

struct tr_layerwise {
    const struct tr_training *job;
    const struct tr_layers *recipe;
    const struct tr_network *teacher;
    const struct tr_kept_layers *kept; /* what it says, of the student's tokens; NULL: it is run */
    struct tr_student student;         /* the job's, perhaps with its last block whole */
    struct tr_weights weights;         /* the trained parameters, packed for that */
    int map[SPACE_MAX_DEPTH];          /* teacher's layer of each student layer, from 1 */
    const struct tr_lineage *lineage;  /* when heads are matched by it */
    int deepest;                       /* of the teacher's blocks that are read */
    int64_t epoch;                     /* of the map; -1: none yet */

    struct tr_tensor tensors[2 * TR_LAYER_ATTENTION]; /* weight and bias of each projection */
    struct tr_student projections;                    /* a tensor table alone */
    struct tr_linear linear[TR_LAYER_ATTENTION];      /* in 0: the widths agree */
    float *params, *packed;
    struct tr_adamw adamw;
    float **grads; /* [lanes] */

    double (*sums)[TR_LAYER_KINDS]; /* [lanes]: losses of this step, added over examples */
    double loss[TR_LAYER_KINDS];    /* means of the last step */
    double balance[TR_LAYER_KINDS];
};

struct tr_layer_workspace { /* of one thread */
    struct tr_pass *pass;
    struct tr_trace trace;
    float *y;         /* (R, teacher's width): Y, then its gradient */
    float *tables[2]; /* (T,T) of student and teacher */
    float *scratch;
};

/* RT_EARG when the data have no resident teacher, or one that the student cannot learn from. */
rt_status tr__layerwise_open(struct tr_layerwise *self, const struct tr_training *job,
                             struct rt_err *err);
void tr__layerwise_close(struct tr_layerwise *self);
rt_status tr__layerwise_init(struct tr_layerwise *self, struct rt_arena *arena, struct rt_err *err);
rt_status tr__layerwise_workspace_init(const struct tr_layerwise *self,
                                       struct tr_layer_workspace *workspace, struct rt_arena *arena,
                                       struct rt_err *err);

/* First values; params are those that are trained. */
void tr__layerwise_begin(struct tr_layerwise *self, float *params);
/* After their parameters or the student's were set. */
void tr__layerwise_pack(struct tr_layerwise *self);
/* Before each step, by one thread. */
void tr__layerwise_step(struct tr_layerwise *self, int64_t epoch);
/* The student's logits. */
void tr__layerwise_forward(const struct tr_layerwise *self, struct tr_layer_workspace *workspace,
                           const struct tr_batch *batch, float *logits);
/* Adds to grads and to the lane's own; in a stage without prediction loss dlogits are cleared. rows:
 * those that the batch was filled with. */
void tr__layerwise_backward(const struct tr_layerwise *self, struct tr_layer_workspace *workspace,
                            const int *rows, const struct tr_batch *batch, float *dlogits, int lane,
                            float *grads);
/* Behind all lanes: adds them, and returns the norm of the projections' gradient. */
double tr__layerwise_gather(struct tr_layerwise *self, double prediction_loss);
/* One step of the projections, then packing; or no step. */
void tr__layerwise_update(struct tr_layerwise *self, float scale, float rate);
void tr__layerwise_skip(struct tr_layerwise *self);
/* The mean losses of the step, before weights, into the job's curve: layer_embedding, .. */
void tr__layerwise_log(const struct tr_layerwise *self, int step);
#endif
