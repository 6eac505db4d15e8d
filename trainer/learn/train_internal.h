/* trainer/learn/train_internal.h -- a run while it goes on: what train.c works with, train_memory.c lays
 * out, and resume.c writes and reads.
 */
#ifndef TRAINER_LEARN_TRAIN_INTERNAL_H
#define TRAINER_LEARN_TRAIN_INTERNAL_H
#include "base/curve.h"
#include "trainer/learn/batch_loss.h"
#include "trainer/learn/layerwise.h"
#include "trainer/learn/lookup.h"
#include "trainer/learn/optimiser.h"
#include "trainer/learn/qat.h"
#include "trainer/learn/resume.h"
#include "trainer/learn/train.h"
#include "trainer/net/acting.h"

/* What one thread needs for its micro-batches. */
struct tr__workspace {
    struct tr_pass *pass;              /* NULL when layer-wise losses are in force all the time */
    struct tr_layer_workspace layered; /* when there are any */
    struct tr_infer *infer;            /* of the mean weights, when they are wanted */
    struct tr_batch batch;
    struct tr_batch_loss loss;
    struct tr_observer observer; /* of QAT */
};

struct tr__run {
    const struct tr_training *job;
    struct tr_weights *weights, ema; /* ema: their running mean, when it is wanted */
    struct rt_arena arena;           /* what is carved below */
    const struct tr_weights *read;   /* by the passes: `weights` or, in QAT, their quantised copy */
    struct tr_qat_run qat;
    struct tr_adamw adamw;
    struct tr__workspace *workspace; /* [threads] */
    float **grads;                   /* [lanes] of dense_count, the first of param_count */
    struct tr_lookup lookup;         /* of a text: its gradient */
    struct tr_distill_stats *stats;  /* [lanes] */
    struct tr_feed feed;
    struct tr_acting acting;    /* of a feed that lets the student act */
    int *rows;                  /* [batch] of this step */
    int answers;                /* of these */
    float *each;                /* [answers] their soft losses, for a feed that learns of them */
    struct tr_layerwise layers; /* when the recipe has any */
    struct tr_batch_loss whole; /* of a batch, when the loss needs one */
    const struct tr_online *online; /* of a student that learns from peers, else NULL */
    const struct tr__run *cohort;   /* itself among its peers: [online->cohort] */
    double *peer_work;
    int bad;       /* steps running without a finite gradient, until now */
    bool layered;  /* are layer-wise losses in force in this step? */
    bool observed; /* QAT looks on */
    bool asking;   /* for the whole batch's answers: no gradient yet */
};

/* ---- train_memory.c ---- */

/* The most answers of so many examples. */
int tr__most_answers(const struct tr_training *job, int examples);
size_t tr__run_bytes(const struct tr_training *training, const struct tr_online *online);
/* To be closed after a failure, too. */
rt_status tr__run_start(struct tr__run *run, const struct tr_training *training,
                        const struct tr_online *online, struct tr_weights *weights,
                        struct rt_err *err);
void tr__run_close(struct tr__run *run);

/* ---- resume.c ---- */

/* Stands between a run and its caller; does nothing unless the run can go on. */
struct tr__resume {
    struct tr_training job; /* as it was given, but for a curve that is listened to */
    const struct tr_training *given;
    char made_of[RT_HASH_TEXT];
    int64_t start_ns, last_ns;    /* when this began, and when a state was written */
    double before;                /* seconds of those that this one goes on from */
    double pause;                 /* and between two states */
    struct rt_curve_point *point; /* owned: all that was said of the curve, to be said again */
    int points, room;
    bool off; /* cannot go on, or has no memory for that any more */
};
/* The job to run. */
const struct tr_training *tr__resume_open(struct tr__resume *resume,
                                          const struct tr_training *given, int cohort);
void tr__resume_close(struct tr__resume *resume);
/* Runs that have begun as they were behind some step: the next one; 0: they stay as they are. */
int tr__resume_take(struct tr__resume *resume, struct tr__run *runs, int cohort,
                    struct tr_train_summary *summary);
/* Behind a step: writes the state when it is time or `now`. What cannot be written costs nothing else;
 * RT_EDIRTY for what may not be. */
rt_status tr__resume_step(struct tr__resume *resume, struct tr__run *runs, int cohort,
                          struct tr_train_summary *summary, int next, bool now, struct rt_err *err);
#endif
