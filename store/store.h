/* store/store.h -- one SQLite file a study: everything that was tried and measured.
 *
 * Schema   docs/sql.md; STRICT tables, foreign keys, application_id "RTRT", user_version. Views
 *          that a person types: pareto, leaderboard, progress, rungs, failures, learning_curves,
 *          hypervolume.
 * Writing  one writer a file (an advisory lock beside it; a second one is refused with RT_EDB and
 *          the holder's pid), WAL with synchronous=NORMAL, one transaction a change of state, so
 *          that after kill -9 the file shows every trial either before or after a change.
 *          The one exception is STORE_APPEND: a row of its own tables in a transaction of its own.
 * Reading  any number, any time; STORE_READ never writes, nor blocks the writer.
 * States   proposed -> running -> done -> committed | failed. `done` waits for its turn: results
 *          are committed in order of the trial's number (failed ones too). An interrupted trial
 *          goes back from running to proposed when the file is next opened for writing.
 * Threads  a struct store serves one thread at a time; the search serialises its calls.
 * Errors   RT_EDB with SQLite's reason; RT_EMISMATCH for another study, another schema version or
 *          a file that is not ours; RT_EIO for paths.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/machine.h"
#include "base/status.h"
#include "space/space.h"

#define STORE_MAX_OBJECTIVES 7
#define STORE_MAX_RUNGS 8
#define STORE_NAME 32
#define STORE_FILE 256
#define STORE_MAX_METRICS 56
#define STORE_MAX_RETRIES 15
#define STORE_MAX_GATES 8
#define STORE_SCHEMA_VERSION 2

struct store;
struct sqlite3;

/* STORE_APPEND: only to add a distillation, also while another process writes. */
enum store_mode { STORE_READ, STORE_WRITE, STORE_APPEND };

struct store_start {           /* an architecture to try first */
    const char *arch, *source; /* canonical text; where it came from, as written in the study */
};

struct store_study {
    const char *name, *yaml; /* the study file, word for word */
    const char *hash;        /* of what decides the results: see cli/study.h */
    const char
        *settings; /* JSON of what was chosen at the start and must stay: kernels, micro-batch */
    uint64_t seed;
    int objective_count;
    const char *objectives[STORE_MAX_OBJECTIVES]; /* minimised, in this order */
    int rung_count;                               /* 0: one, without a budget */
    int64_t rung_budget[STORE_MAX_RUNGS];         /* optimiser steps */
    int start_count;
    const struct store_start *start; /* tried after the anchors, in this order */
};

/* Make a new file (and its folder); an existing file is RT_EDB. */
rt_status store_create(const char *path, const struct store_study *study, struct store **store,
                       struct rt_err *err);
/* `hash` NULL: any study. Else another study's file is RT_EMISMATCH, saying so. */
rt_status store_open(const char *path, enum store_mode mode, const char *hash, struct store **store,
                     struct rt_err *err);
void store_close(struct store *store);
/* For SELECTs by readers (reports, status): the views are the interface. */
struct sqlite3 *store_handle(struct store *store);
const char *store_path(const struct store *store);
/* study.settings; caller frees. */
rt_status store_settings(struct store *store, char **settings, struct rt_err *err);

/* The architectures to try first, of `space`, NULL: students. Caller frees *archs. */
rt_status store_starts(struct store *store, const struct space *space, struct space_arch **archs,
                       int *count, struct rt_err *err);

/* Record the machine (found again by host, cpu and kernel set); its row id goes into *host. */
rt_status store_host(struct store *store, const struct rt_machine *machine, const char *kernels,
                     int64_t *host, struct rt_err *err);

struct store_value {
    char name[STORE_NAME];
    double value;
    double stderr_; /* standard error, NaN when there is none */
};

struct store_teacher {
    int number;                 /* 0..K-1; the ensemble is number K */
    const char *name;           /* "ensemble" for the ensemble */
    const char *kind;           /* "trained", "recorded", "ensemble" */
    const char *arch;           /* canonical text, or "" */
    int64_t params;             /* 0 when unknown */
    double weight, calibration; /* its temperature by itself; 1: none */
    const char *hash;           /* of weights or logits */
    const double *agreement;    /* with teachers 0..number-1 on the validation split, or NULL */
    int value_count;
    struct store_value values[STORE_MAX_METRICS]; /* on the validation split */
};
/* Replace the teachers and their metrics; RT_EMISMATCH when the study has others by hash. */
rt_status store_teachers(struct store *store, const struct store_teacher *teachers, int count,
                         struct rt_err *err);

/* The weights and calibrations that `count` teachers were recorded with, ensemble not included;
 * *found false, and nothing written, when none or another number are. */
rt_status store_teacher_weights(struct store *store, int count, double *weight, double *calibration,
                                bool *found, struct rt_err *err);

struct store_prediction {
    char name[STORE_NAME]; /* of an objective that is measured */
    double mean, sd;
};

struct store_proposal {
    int64_t number;            /* the next: 0, 1, 2, ... */
    const struct space *space; /* of `arch`; NULL: of students */
    const struct space_arch *arch;
    const struct space_cost *cost; /* of a student */
    const char *origin;         /* how it was made: largest, smallest, middle, fill, random, ... */
    int64_t parent_a, parent_b; /* trial numbers, -1 for none */
    int rung;
    int64_t inherits; /* the trial whose weights it starts from, -1 for none */
    uint64_t seed;
    int prediction_count;
    struct store_prediction prediction[STORE_MAX_OBJECTIVES];
};
/* Adds the candidate and its layers (of own genes: its genes) when new, and the trial in state
 * proposed. */
rt_status store_trial_propose(struct store *store, const struct store_proposal *proposal,
                              struct rt_err *err);
rt_status store_trial_start(struct store *store, int64_t number, int64_t host, int worker,
                            struct rt_err *err);

struct store_curve_point {
    int step;
    char name[STORE_NAME];
    double value;
};

struct store_latency { /* nanoseconds */
    int batch, threads, warmup, samples;
    double median, mad, p10, p90;
    int64_t began_ns, ended_ns; /* rt_now_ns() around it; not kept */
    bool concurrent;            /* another trial ran meanwhile, for however short; by the search */
};

struct store_checkpoint {  /* trained weights that were kept */
    char file[STORE_FILE]; /* relative to the folder of the study's file */
    char hash[RT_HASH_TEXT];
};

/* What an evaluator brings back. */
struct store_result {
    rt_status
        status; /* RT_OK, or why the trial failed; then `error` says it and the rest is empty */
    char error[384];
    char kind[STORE_NAME];             /* what error_kind says; "": the word of `status` */
    int retries;                       /* attempts that failed before the one that this is of */
    char *note[STORE_MAX_RETRIES + 1]; /* malloc'ed or NULL: events of kind "attempt" */
    int value_count;
    struct store_value values[STORE_MAX_METRICS]; /* error, kl, agreement, ...; latency in ms */
    struct store_curve_point *curve;              /* malloc'ed by the evaluator; released below */
    int curve_count;
    bool has_latency;
    struct store_latency latency;
    bool has_checkpoint;
    struct store_checkpoint checkpoint;
};
void store_result_release(struct store_result *result);

/* running -> done, with metrics, curve, latency and the end of its execution. Numbers that are not
 * finite are kept as NULL; RT_ESTOP is refused: that is an interruption. */
rt_status store_trial_done(struct store *store, int64_t number, const struct store_result *result,
                           struct rt_err *err);

struct store_commit {
    int64_t number;
    bool failed;
    bool enters_front;
    int removed_count;
    const int64_t *removed; /* trials that leave the front */
    double hypervolume;     /* of the front afterwards, normalised to [0,1]; NaN when undefined */
    int front_size;
};
/* done -> committed | failed, in order of number, with the change of the front. Refused when
 * `failed` is not what the result was, or the front would not have front_size members. */
rt_status store_trial_commit(struct store *store, const struct store_commit *commit,
                             struct rt_err *err);
/* running -> proposed: the search was asked to stop. */
rt_status store_trial_interrupt(struct store *store, int64_t number, struct rt_err *err);

/* One row a trial, in order of number, for a search that resumes and for reports. */
struct store_trial {
    int64_t number;
    struct space_arch arch;
    int rung;
    int64_t inherits; /* -1: no trial */
    uint64_t seed;
    char state[12];
    char error_kind[16]; /* "" when none */
    int objective_count;
    double objective[STORE_MAX_OBJECTIVES]; /* NaN until done, and for failures */
    double violation;                       /* of the constraints; 0 without any */
};
/* The architectures are of `space`; NULL: students. Caller frees *trials. */
rt_status store_trials_load(struct store *store, const struct space *space,
                            struct store_trial **trials, int64_t *count, struct rt_err *err);

struct store_gate { /* a condition that the student must meet */
    char name[STORE_NAME];
    double wanted, value; /* at least, measured */
    bool passed;
};

/* One run of `retort distill`: a candidate by the full recipe, measured on the test file. */
struct store_distillation {
    const struct space_arch *arch; /* of a candidate of this study */
    int64_t host;
    int steps, batch;
    uint64_t seed;
    double seconds;      /* of training */
    const char *weights; /* path of the file, or "" */
    int value_count, gate_count;
    struct store_value values[STORE_MAX_METRICS];
    struct store_gate gates[STORE_MAX_GATES];
};
/* Store open for STORE_WRITE or STORE_APPEND. */
rt_status store_distillation(struct store *store, const struct store_distillation *distillation,
                             struct rt_err *err);

rt_status store_event(struct store *store, const char *kind, int64_t trial, const char *text,
                      struct rt_err *err); /* append-only log; trial -1: none */
#endif
