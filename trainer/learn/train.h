/* trainer/learn/train.h -- one training run: batches, loss, backward, AdamW, schedules, learning curve.
 *
 * Serves trials (one lane, one thread), `teach` and `distill` (several lanes over threads) alike.
 * A *lane* is a gradient buffer: micro-batch i of a step belongs to lane i mod lanes, each lane
 * adds its micro-batches in order, and lanes are added in order. So the result depends on lanes and
 * micro-batch, never on the number of threads that the lanes are spread over.
 *
 * Order    the train rows of the split, shuffled anew each epoch by (seed, RT_STREAM_ORDER, epoch);
 *          all candidates of a study see the same order (common random numbers).
 * Schedule warm-up then linear decay to zero over this run's own `steps`; u, T and the CE weight
 *          likewise (Li et al. 2020, "Budgeted Training", arXiv:1905.04753).
 * Memory   tr_train_bytes() before it starts; nothing is allocated between steps.
 * Layers   while recipe.layers are in force, micro-batches go through trainer/learn/layerwise.h.
 * Errors   RT_ENOMEM at the start; RT_EARG when the recipe has layer-wise losses and the data no
 *          teacher that can give them; RT_ESTOP when *stop turns non-zero; RT_ENAN when ten steps
 *          running have no finite gradient.
 */
#ifndef TRAINER_LEARN_TRAIN_H
#define TRAINER_LEARN_TRAIN_H
#include <stdatomic.h>
#include <stdbool.h>

#include "trainer/distill/distill.h"
#include "trainer/distill/layers.h"
#include "trainer/distill/online.h"
#include "trainer/net/student.h"
#include "trainer/task/task.h"
#include "trainer/teachers/knowledge.h"

#define TR_LANES 8 /* of a run over threads when a study says nothing; so many threads can help */

/* Int8: nothing, ranges calibrated behind training, or training with them: trainer/learn/qat.h. */
enum tr_quantise { TR_QUANTISE_NONE, TR_QUANTISE_PTQ, TR_QUANTISE_QAT };
struct tr_qat {
    double start, freeze; /* progress from which values are rounded, and their ranges kept */
    double ema;           /* decay of the ranges */
};

enum tr_init { TR_INIT_RANDOM, TR_INIT_PRUNE };

struct tr_ancestor; /* trainer/learn/ancestor.h */

struct tr_recipe {
    int steps;              /* optimiser steps */
    int batch;              /* examples a step */
    int micro_batch;        /* examples a pass; 0: timed at the study's start */
    double learning_rate;   /* peak */
    double reference_width; /* > 0: the peak is scaled by reference_width / width */
    double warmup;          /* fraction of steps */
    double weight_decay;
    int curve_points;  /* of each training series in the learning curve */
    enum tr_init init; /* where the first weights come from */
    struct tr_distill distill;
    enum tr_quantise quantise;
    int ptq_rows; /* that ranges are calibrated on */
    struct tr_qat qat;
    struct tr_layers layers; /* all weights 0: no layer-wise losses */
};

struct tr_lineage; /* trainer/learn/inherit.h */
struct tr_ranges;  /* trainer/net/student_int8.h */
struct tr_network; /* trainer/net/network.h */

/* What all runs of a study share, read-only. */
struct tr_data {
    const struct tr_task *task;
    const struct tr_knowledge *knowledge; /* NULL: labels alone */
    const struct tr_ancestor *ancestor;   /* of TR_INIT_PRUNE; NULL: none */
    const struct tr_network *live; /* the teacher of layer-wise losses; may be NULL otherwise */
};

struct tr_training {
    const struct tr_student *student;
    const struct tr_data *data;
    const struct tr_recipe *recipe; /* micro_batch already chosen */
    uint64_t seed;
    const struct tr_lineage *lineage; /* of a student cut out of a teacher; NULL otherwise */
    struct tr_ranges *ranges;         /* one a student: what TR_QUANTISE_QAT found; may be NULL */
    int lanes, threads;               /* 1, 1 for a trial */
    const atomic_int *stop;           /* may be NULL */
    void (*curve)(void *context, int step, const char *name, double value); /* may be NULL */
    void *curve_context;
    void (*progress)(void *context, int step, int steps); /* each step; may be NULL */
    void *progress_context;
};

struct tr_train_summary {
    int clipped, floored, skipped; /* steps whose gradient was scaled down, up, or left out */
    double seconds;
};

/* Bytes that tr_train() reserves, weights not included. */
size_t tr_train_bytes(const struct tr_training *training);
/* Train weights->params in place; packed weights are current afterwards. */
rt_status tr_train(const struct tr_training *training, struct tr_weights *weights,
                   struct tr_train_summary *summary, struct rt_err *err);

/* Train a cohort of one architecture, online->cohort students that start from their own weights and
 * teach each other besides (distill/online.h). All see the same batches; summary (cohort).
 * It costs each a second forward pass. The curve is the first one's. */
rt_status tr_train_cohort(const struct tr_training *training, const struct tr_online *online,
                          struct tr_weights *weights, struct tr_train_summary *summary,
                          struct rt_err *err);

/* What is fastest on this machine for a student of this shape; results depend on it by rounding. */
struct tr_tuning {
    int micro_batch; /* among 1, 2, 4, .. 32, at most batch */
    bool openblas;   /* linear layers by OpenBLAS are clearly faster than the kernel set's own */
};
/* Times passes over about two thousand made-up examples: 0.1 s for a small student, seconds for
 * one of millions of parameters. The student's kernels must be a set, not a twin. */
rt_status tr_tune(const struct tr_student *student, int batch, struct tr_tuning *tuning,
                  struct rt_err *err);
#endif
