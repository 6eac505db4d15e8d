/* trainer/learn/recipe.h -- what a run does, what it is given, and what it is: the words that training,
 * its parts and those that measure share.
 *
 * A *lane* is a gradient buffer: trainer/learn/train.h. All is plain values and pointers to what the
 * caller holds, read-only while a run goes on.
 */
#ifndef TRAINER_LEARN_RECIPE_H
#define TRAINER_LEARN_RECIPE_H
#include <stdatomic.h>
#include <stdbool.h>

#include "trainer/distill/distill.h"
#include "trainer/distill/layers.h"
#include "trainer/net/student.h"
#include "trainer/task/task.h"
#include "trainer/teachers/kept_layers.h"
#include "trainer/teachers/knowledge.h"

#define TR_LANES 8 /* of a run over threads when a study says nothing; so many threads can help */

/* Int8: nothing, ranges calibrated behind training, or training with them: trainer/learn/qat.h. */
enum tr_quantise { TR_QUANTISE_NONE, TR_QUANTISE_PTQ, TR_QUANTISE_QAT };
struct tr_qat {
    double start, freeze; /* progress from which values are rounded, and their ranges kept */
    double ema;           /* decay of the ranges */
};

enum tr_init { TR_INIT_RANDOM, TR_INIT_PRUNE };

struct tr_donor; /* trainer/learn/inherit.h */

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

struct tr_resume;  /* trainer/learn/resume.h */
struct tr_lineage; /* trainer/learn/inherit.h */
struct tr_ranges;  /* trainer/net/student_int8.h */
struct tr_network; /* trainer/net/network.h */

/* What all runs of a study share, read-only. */
struct tr_data {
    const struct tr_task *task;
    const struct tr_knowledge *knowledge; /* NULL: labels alone */
    const struct tr_ensemble *ensemble;   /* of the teachers in it */
    const struct tr_donor *donor;         /* of TR_INIT_PRUNE; NULL: none */
    const struct tr_network *resident; /* the teacher of layer-wise losses; may be NULL otherwise */
    const struct tr_kept_layers *kept; /* what it says of the train rows; NULL: it runs beside */
};

/* Have others written into what the teachers said since it was opened? Asked behind whatever read it;
 * RT_EDIRTY. With a stop: RT_OK, too, when that is set before it is known. */
static inline rt_status tr_data_look_until(const struct tr_data *data, const atomic_int *stop,
                                           struct rt_err *err)
{
    if (data->knowledge)
        RT_TRY(tr_knowledge_look(data->knowledge, err));
    return data->kept ? tr_kept_layers_look(data->kept, &data->task->split, stop, err) : RT_OK;
}

static inline rt_status tr_data_look(const struct tr_data *data, struct rt_err *err)
{
    return tr_data_look_until(data, NULL, err);
}

static inline int tr_teachers_of(const struct tr_data *data)
{
    return data->knowledge ? data->knowledge->key.teachers : 0;
}

struct tr_training {
    const struct tr_student *student;
    const struct tr_data *data;
    const struct tr_recipe *recipe; /* micro_batch already chosen */
    uint64_t seed;
    const struct tr_lineage *lineage; /* of a student cut out of a teacher; NULL otherwise */
    struct tr_ranges *ranges;         /* one a student: what TR_QUANTISE_QAT found; may be NULL */
    int lanes, threads;               /* 1, 1 for a trial */
    const atomic_int *stop;           /* may be NULL */
    const struct tr_resume
        *resume; /* goes on where it stopped: learn/resume.h; NULL: begins anew */
    void (*curve)(void *context, int step, const char *name, double value); /* may be NULL */
    void *curve_context;
    void (*progress)(void *context, int step, int steps); /* each step; may be NULL */
    void *progress_context;
};
#endif
