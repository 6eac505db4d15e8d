/* store/store.h -- one SQLite file a study: everything that was tried and measured.
 *
 * Schema   docs/sql.md; STRICT tables, foreign keys, application_id "RTRT", user_version. Views
 *          that a person types: pareto, leaderboard, progress, rungs, failures, learning_curves,
 *          hypervolume. Their columns are the study's quantities: no metric's name is known here.
 * Versions a file of schema 2 or 3 is read as it is, and brought to schema 4 when it is opened for
 *          STORE_WRITE: in one transaction, after a copy was put beside it that is never
 *          overwritten. Any other version is refused.
 * Writing  one writer a file (an advisory lock beside it; a second one is refused with RT_EDB and
 *          the holder's pid), WAL with synchronous=NORMAL, one transaction a change of state, so
 *          that after kill -9 the file shows every trial either before or after a change.
 *          The one exception is STORE_APPEND: a row of its own tables in a transaction of its own.
 * Reading  any number, any time; STORE_READ never writes, nor blocks the writer.
 * States   proposed -> running -> done -> committed | failed. `done` waits for its turn: results
 *          are committed in order of the trial's number (failed ones too). An interrupted trial
 *          goes back from running to proposed when the file is next opened for writing. What failed
 *          may be tried again (rewind.c).
 * Threads  a struct store serves one thread at a time; the search serialises its calls.
 * Errors   RT_EDB with SQLite's reason, RT_EFULL when the disk is full, after which the same call may
 *          be made again; RT_EMISMATCH for another study, another schema version or
 *          a file that is not ours; RT_EIO for paths.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/curve.h"
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
#define STORE_MAX_QUANTITIES 32
#define STORE_MAX_LATENCIES 16 /* settings of threads and batch */
#define STORE_SCHEMA_VERSION 4

struct store;
struct sqlite3;

/* STORE_APPEND: only to add a distillation or episodes, also while another process writes. */
enum store_mode { STORE_READ, STORE_WRITE, STORE_APPEND };

struct store_start {           /* an architecture to try first */
    const char *arch, *source; /* canonical text; where it came from, as written in the study */
};

/* Where reports show a quantity, unless it is an objective: those they always show. */
enum store_detail {
    STORE_IN_ALL,     /* in narrow tables too */
    STORE_IN_WIDE,    /* in wide tables and files */
    STORE_BESIDE,     /* where teachers stand beside students */
    STORE_AFTERWARDS, /* of what `retort distill` measured */
};

/* A metric or cost, and how people are shown it. The first of a study is what candidates are ranked
 * by. In Hz it has no values of its own: it is how often the time in front of it goes into a second.
 * All texts are borrowed. */
struct store_quantity {
    const char *name;  /* of a metric, or of a column of `candidate` */
    const char *title; /* short, for the head of a column: "KL" */
    const char *label; /* for an axis, without the unit: "KL to the ensemble" */
    const char *unit;  /* that it is shown in: "%", "ms"; "" for none */
    double factor;     /* from the value as stored to that unit */
    int digits;        /* decimals shown; 0: whole numbers, as 12.3k; -1: as many as tell */
    bool logarithmic;  /* looked at on a logarithmic scale */
    bool exact;        /* known of an architecture without a trial */
    double best;       /* no value is below; NaN: unknown */
    enum store_detail detail;
};

/* A series of learning curves, in the order in which they are shown. */
struct store_series {
    const char *name, *label;
    bool folded; /* shown on demand */
};

struct store_study {
    const char *name, *yaml; /* the study file, word for word */
    const char *hash;        /* of what decides the results: see cli/study.h */
    const char *settings;    /* JSON: chosen at the start and kept, as kernels and micro-batch */
    const char *task;        /* what is learned: "image"; NULL: not said */
    const char *noun;        /* what a candidate is called; NULL: "student" */
    const char *method;      /* how its values came about, in sentences; NULL: not said */
    uint64_t seed;
    int objective_count;
    const char *objectives[STORE_MAX_OBJECTIVES]; /* minimised, in this order */
    int quantity_count;                           /* 0: the objectives alone, by their names */
    const struct store_quantity *quantity;
    int series_count; /* others are shown after these, by their names */
    const struct store_series *series;
    const struct space
        *space;     /* its genes become columns of `candidate`; NULL: those of students */
    int rung_count; /* 0: one, without a budget */
    int64_t rung_budget[STORE_MAX_RUNGS]; /* optimiser steps */
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
/* A reader may take as many steps of SQLite's once more as its file, as it is now, can ask for in one report; else RT_EDB. A
 * writer has as many for each of its works. */
void store_read_anew(struct store *store);
/* What SQLite said last, in words for people. */
const char *store_trouble(const struct store *store);
const char *store_path(const struct store *store);
/* The copy that was made of a file of an older schema when it was opened; "": none. */
const char *store_backup(const struct store *store);

/* Who has the file open for STORE_WRITE, also from other machines; it is not disturbed. */
struct store_writer {
    bool alive; /* false: nobody, and the rest is empty */
    long pid;   /* 0: unknown */
    char host[64];
};
void store_writer_of(const struct store *store, struct store_writer *writer);

/* After RT_EFULL: what the log holds twice is given back, as far as that can be. */
void store_make_room(struct store *store);

/* Is it kept with a student, not with its trials: a column of `candidate`? */
bool store_is_cost(const char *name);

/* study.settings; caller frees. */
rt_status store_settings(struct store *store, char **settings, struct rt_err *err);

/* The architectures to try first, of `space`, NULL: students. Caller frees *archs. */
rt_status store_starts(struct store *store, const struct space *space, struct space_arch **archs,
                       int *count, struct rt_err *err);

/* Record the machine (found again by host, cpu and kernel set); its row id goes into *host. */
rt_status store_host(struct store *store, const struct rt_machine *machine, const char *kernels,
                     int64_t *host, struct rt_err *err);

/* What a program is made of, as far as it decides bits. */
struct store_program {
    char version[24], build[RT_HASH_TEXT]; /* of retort; the hash of its executable */
    char kernels[16]; /* the set; "none" where a command of the user's computes */
    char blas[64];    /* and the core that it takes the processor for */
    char libc[32];
};
/* What this process is; executions and distillations name it from now on. */
rt_status store_program(struct store *store, const struct store_program *program,
                        struct rt_err *err);

/* The row of another program, which trials are started by until the next call; 0: this one. */
rt_status store_program_of(struct store *store, const struct store_program *program, int64_t *id,
                           struct rt_err *err);
void store_made_by(struct store *store, int64_t program);

/* A process that evaluates trials on some machine (search/coordinator.h). */
struct store_remote {
    int64_t id;       /* of its row; 0: it has none yet */
    char name[40];    /* of the process, made up when it began */
    int64_t host;     /* of the machine */
    int64_t program;  /* what computes there */
    int slots;        /* trials at once */
    bool mixed;       /* it may compute other last bits, and was taken all the same */
    bool there;       /* connected */
    int64_t trials;   /* whose results it brought */
    int64_t lost;     /* that it had when it was lost, */
    int64_t returned; /* and that it gave back, as when it was asked to stop */
};
/* Executions of remote workers have these numbers and above; those of the search's own are below. */
#define STORE_REMOTE_WORKERS 1024
/* Inserts those without an id, which they get, and updates the others. All or none. */
rt_status store_remotes(struct store *store, struct store_remote *const *remotes, int count,
                        struct rt_err *err);
/* Nobody is connected any more. */
rt_status store_remotes_gone(struct store *store, struct rt_err *err);

/* A run of `retort search`, and what it was asked for. */
struct store_run {
    int64_t host;
    int workers;
    int64_t trials;   /* in all; 0: no limit */
    double hours;     /* of this run; 0: no limit */
    int64_t patience; /* trials without a gain; 0: no limit */
};
/* There is one at a time; a run without an end was killed. */
rt_status store_run_begin(struct store *store, const struct store_run *run, struct rt_err *err);
rt_status store_run_end(struct store *store, const char *ending, struct rt_err *err);
/* Others came or went: how many work by now. */
rt_status store_run_workers(struct store *store, int workers, struct rt_err *err);
/* Seconds that workers of this run measured latency so far, and stood still for others to. */
rt_status store_run_timing(struct store *store, double timing, double standing, struct rt_err *err);

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
    int rung, replicate;
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

/* One block of calls of a candidate; nanoseconds a call. */
struct store_block {
    int64_t candidate; /* its row id: when loaded */
    int threads, batch, calls;
    double p10, median, p90;
    double before, after; /* p10 of the reference network in the blocks beside it; NaN: none */
    double steal;         /* ms that the hypervisor gave to others meanwhile; NaN: unknown */
    int64_t switches;     /* times that the thread was made to wait; -1: unknown */
    bool gated;           /* all other workers of the process stood still */
    bool concurrent;      /* another trial ran meanwhile, for however short, and did not stand
                             still; by the search */
    int64_t began_ns, ended_ns;    /* rt_now_ns() around it; not kept */
    char measured_at[RT_UTC_TEXT]; /* "": when it is recorded */
};

/* What all blocks of a candidate in one setting on one host come to; nanoseconds a call. */
struct store_latency {
    int threads, batch;
    const char *state;           /* clear, estimated, single, predicted: docs/latency.md */
    double value, low, high;     /* 95 % interval, NaN: unknown */
    double median, p90, weather; /* NaN: not measured */
    double predicted;            /* NaN: the model knows too few */
    int blocks, clear;
    char metric[STORE_NAME]; /* of its trials, in ms; "": none, as for other hosts */
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
    int resumed;                       /* step from which it went on; 0: it began anew */
    char *note[STORE_MAX_RETRIES + 1]; /* malloc'ed or NULL: events of kind "attempt" */
    int value_count;
    struct store_value values[STORE_MAX_METRICS]; /* error, kl, agreement, ...; latency in ms */
    struct rt_curve_point *curve;                 /* malloc'ed by the evaluator; released below */
    int curve_count;
    struct store_block *block; /* malloc'ed by the evaluator; released below */
    int64_t latency_host;      /* row of the machine that they are of; 0: the one that evaluated */
    int block_count, latency_count;
    struct store_latency latency[STORE_MAX_LATENCIES]; /* metrics are among the values */
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
    bool repeats; /* another seed of a candidate: its means are kept, and others may enter */
    int removed_count, entered_count;
    const int64_t *removed, *entered; /* trials that leave the front, and others that enter it */
    /* Of front_size members, how likely it is that nobody dominates each; NULL: nobody knows. */
    const int64_t *members;
    const double *probability;
    double hypervolume; /* of the front afterwards, normalised to [0,1]; NaN when undefined */
    int front_size;
};
/* done -> committed | failed, in order of number, with the change of the front. Refused when
 * `failed` is not what the result was, or the front would not have front_size members. */
rt_status store_trial_commit(struct store *store, const struct store_commit *commit,
                             struct rt_err *err);
/* done -> proposed, as if it had never run, but for its executions and events. */
rt_status store_trial_reopen(struct store *store, int64_t number, struct rt_err *err);

struct store_rewind {
    int64_t first;    /* this trial and all behind it take their turn anew */
    const char *kind; /* of failures that are tried again; NULL: any */
    const int64_t *front;
    int front_size; /* members before `first` */
};
/* failed -> proposed for those of the kind; the others committed | failed -> done, with the results
 * that they have. *count gets the number of the former. */
rt_status store_trials_rewind(struct store *store, const struct store_rewind *rewind,
                              int64_t *count, struct rt_err *err);
/* running -> proposed, as the search was asked to stop or otherwise; an event of that kind says why. */
rt_status store_trial_return(struct store *store, int64_t number, const char *kind, const char *why,
                             struct rt_err *err);

/* One row a trial, in order of number, for a search that resumes and for reports. */
struct store_trial {
    int64_t number;
    struct space_arch arch;
    int rung, replicate;
    int64_t first;    /* of a replicate: the candidate's first trial at that rung */
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

/* All blocks of a host by candidate, threads, batch and age; caller frees *blocks. */
rt_status store_blocks_load(struct store *store, int64_t host, struct store_block **blocks,
                            int *count, struct rt_err *err);
/* Of a candidate, by its text: blocks that no trial took, and what they and those before come to, as
 * rows of `latency` and as metrics of its trials, committed ones too, unless these have another
 * host's figures. */
rt_status store_latency_add(struct store *store, int64_t host, const char *arch,
                            const struct store_block *blocks, int block_count,
                            const struct store_latency *latencies, int latency_count,
                            struct rt_err *err);
/* A metric of all trials, which are `count`: value[count], NaN for those that have it not. */
rt_status store_metric_load(struct store *store, const char *name, double *value, int64_t count,
                            struct rt_err *err);
/* By how much trials 0..count-1 break the constraints, metrics having changed; NaN: as it was. All or
 * none. */
rt_status store_violations_set(struct store *store, const double *violation, int64_t count,
                               struct rt_err *err);
/* The front as it is by now, metrics having changed: trials in place of those that it had, each with
 * its probability, NULL: nobody knows. */
rt_status store_front_set(struct store *store, const int64_t *trials, const double *probability,
                          int count, struct rt_err *err);

/* All that is kept of one trial and its result. */
struct store_record {
    char arch[SPACE_ARCH_TEXT], state[12];
    int rung, replicate;
    int64_t budget;   /* of the rung; 0: the study's own */
    int64_t inherits; /* -1: no trial */
    uint64_t seed;
    char host[64];                /* where its result came about */
    struct store_program program; /* by what; all "": not kept, by an earlier version */
    struct store_result result;   /* of a failure status, kind and error; latency as a metric */
};
/* RT_EARG when there is no such trial. Release record->result. */
rt_status store_record_load(struct store *store, int64_t number, struct store_record *record,
                            struct rt_err *err);

struct store_gate { /* a condition that the student must meet */
    char name[STORE_NAME];
    double wanted, value; /* at least, measured */
    bool passed;
};

/* One run of `retort distill`: a candidate by the full recipe, measured on the test file. */
/* A cell of a table that tells more of a student's answers than numbers do. */
struct store_cell {
    const char *part; /* the table's title */
    int row, place;   /* from 0 */
    const char *name; /* of the column */
    char value[160];
};
struct store_distillation {
    const struct space_arch *arch; /* of a candidate of this study */
    int64_t host;
    int steps, batch;
    uint64_t seed;
    double seconds;      /* of training */
    const char *weights; /* path of the file, or "" */
    int value_count, gate_count, detail_count;
    const struct store_cell *detail; /* [detail_count] */
    struct store_value values[STORE_MAX_METRICS];
    struct store_gate gates[STORE_MAX_GATES];
};
/* Store open for STORE_WRITE or STORE_APPEND. */
rt_status store_distillation(struct store *store, const struct store_distillation *distillation,
                             struct rt_err *err);

/* Pictures of an episode: frames of store_film_floats() each, the return so far and its capsules. */
struct store_film {
    int frames, capsules;
    const float *values; /* (frames, 1 + 5 capsules) */
};
static inline int store_film_floats(int capsules)
{
    return 1 + 5 * capsules;
}

/* What `retort play` showed of a student that it trained once more: replaces what was kept of it. */
struct store_played {
    const struct space_arch *arch; /* of a candidate of this study */
    bool full;                     /* by the full recipe, not by that of the trials */
    int starts;
    const double *student, *teacher; /* [starts] returns */
    int shown;                       /* the start whose pictures are kept, or -1 */
    struct store_film film[2];       /* of student and teacher; without frames: none */
};
/* Store open for STORE_WRITE or STORE_APPEND. */
rt_status store_played(struct store *store, const struct store_played *played, struct rt_err *err);

rt_status store_event(struct store *store, const char *kind, int64_t trial, const char *text,
                      struct rt_err *err); /* append-only log; trial -1: none */
rt_status store_has_event(struct store *store, const char *kind, bool *has, struct rt_err *err);
/* Was a trial running more than once when the program died? */
rt_status store_has_crashed(struct store *store, bool *has, struct rt_err *err);
#endif
