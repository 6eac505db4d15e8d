/* cli/study.h -- the study file: one YAML file that says what is searched, and how.
 *
 * Keys     docs/study.md lists every key, its range and its default. Unknown keys, wrong types and
 *          values out of range are errors: "'FILE':LINE:COLUMN: KEY: what is wrong; the mend".
 * Paths    are relative to the folder of the study file, and resolved here.
 * Shape    the images' size and classes come from the data: until study_bind_shape() has been
 *          called, space.shape holds only the pooling, and the space is not initialised.
 * Kinds    with `evaluator:` a command of the user's scores the architectures: there are no data and
 *          teachers then, the space is complete, and the recipes mean nothing.
 * Errors   RT_EARG for a wrong study, RT_EFORMAT for a file that is not YAML, RT_EIO for no file.
 */
#ifndef CLI_STUDY_H
#define CLI_STUDY_H
#include "base/file.h"
#include "base/hash.h"
#include "cli/study_task.h"
#include "search/external.h"
#include "search/search.h"
#include "space/space.h"
#include "trainer/learn/inherit.h"
#include "trainer/learn/train.h"
#include "trainer/measure/latency.h"
#include "trainer/teachers/teachers.h"

#define STUDY_NAME 64
#define STUDY_MAX_STARTS 32
#define STUDY_START 1024 /* bytes of an entry of search.start_from, the NUL included */
#define STUDY_MAX_BYTES ((size_t)1 << 20)           /* of a study file */
#define STUDY_BLOCK_BYTES ((size_t)8 * RT_PATH_MAX) /* room for the block of any task */

struct study_data {
    char validation_rows[RT_PATH_MAX];     /* "": drawn */
    uint64_t seed;                         /* of the split */
    int validation, held_out, train_limit; /* rows; train_limit 0: all */
};

/* What a distilled student must reach on the test file, at least; 0: not asked. The ensemble's size
 * is the sum of its members'. */
struct study_gates {
    double accuracy_retention;                  /* share of the ensemble's accuracy */
    double return_retention, success_retention; /* of policies: likewise */
    double agreement;         /* share of examples on which it says what the ensemble says */
    double params_reduction;  /* 1 - student's / ensemble's */
    double bytes_reduction;   /* the same in bytes of weights, fp32 */
    double compression_ratio; /* ensemble's parameters / student's */
    /* of the student in int8, run in integers; the ensemble stays as it is */
    double int8_accuracy_retention, int8_bytes_reduction;
};

struct study_own; /* the texts of a study with an evaluator of its own */

enum { STUDY_LATENCIES = STORE_MAX_LATENCIES, STUDY_LATENCY_LIST = 8 };
enum { STUDY_HOST = 61, STUDY_COMMAND = 512 }; /* bytes, the NUL included */

struct study_latency { /* how inference is timed: each pair of threads and batch that can be */
    int batch[STUDY_LATENCY_LIST], batches;
    int threads[STUDY_LATENCY_LIST], thread_counts;
    int warmup, samples;                           /* as in struct tr_latency_options */
    char host[STUDY_HOST], command[STUDY_COMMAND]; /* who measures; "": this machine */
    char folder[RT_PATH_MAX];                      /* where the command runs */
};

/* Which students `after:` distils: one of the front, or so many of it, from end to end. */
enum study_pick { STUDY_PICK_BEST = -2, STUDY_PICK_SUGGESTED = -1, STUDY_PICK_FRONT = 0 }; /* all */
enum study_export { STUDY_ONNX, STUDY_C, STUDY_TORCH, STUDY_HUGGINGFACE, STUDY_EXPORTS };
enum { STUDY_PICKS = 16 };

struct study_after {     /* what `retort search` goes on with when the search has ended */
    int controls, seeds; /* of `confirm`; controls -1: no full runs */
    int pick_count, pick[STUDY_PICKS];       /* enum study_pick, or above 0 a number */
    int export_count, export[STUDY_EXPORTS]; /* enum study_export */
    double hours;                            /* of one run; 0: no limit */
};

struct study {
    char path[RT_PATH_MAX];                  /* of the study file */
    char *yaml;                              /* owned: the study file, word for word */
    char files[RT_HASH_TEXT];                /* of the names of the data files, as written */
    struct study_own *own;                   /* owned; NULL: the built-in trainer evaluates */
    struct search_external_options external; /* the command, when it does not */

    char name[STUDY_NAME];
    int task;      /* which of study_tasks */
    uint64_t seed; /* also search.seed */
    char store[RT_PATH_MAX];
    struct study_data data; /* what all tasks say in `data:`, and */
    max_align_t block[STUDY_BLOCK_BYTES / sizeof(max_align_t)]; /* what the task does, there */
    struct tr_ensemble_spec teachers;
    struct tr_ensemble ensemble; /* of them: as the study says, until its weights are fitted */
    struct space space;          /* limits included */
    struct tr_recipe recipe;     /* `distill:` */
    struct tr_recipe full;       /* `full:`, what it does not say taken from `distill:` */
    struct tr_prune prune;       /* of a recipe that starts from a teacher's weights */
    double full_epochs;          /* > 0: in place of full.steps, see study_full_recipe() */
    int full_lanes;              /* of its run over threads: trainer/learn/train.h */
    struct tr_online online;     /* `full.online:` */
    struct study_gates gates;    /* of `retort distill --gates` */
    int start_count;
    char start_from[STUDY_MAX_STARTS][STUDY_START]; /* architectures or databases, as written */
    struct search_options search; /* workers at least 1; host and log are the caller's */
    int64_t worker_memory;        /* bytes, the limit of one trial; 0: none */
    double layers_limit; /* bytes that what a teacher's inner layers say may take on disk */
    struct study_latency latency;
    struct study_after after; /* nothing to do: no controls, no picks */
};

/* `setting`: each number of threads with each batch that has an example for all of them, the first
 * of both first; how many. */
int study_latencies(const struct study *study, struct tr_latency_options setting[STUDY_LATENCIES]);
/* Is it one of the metrics of these: "latency", "latency@1x4"? */
bool study_is_latency(const struct study *study, const char *metric);
/* The metric of the setting: "latency" of the first. */
void study_latency_name(const struct tr_latency_options *setting, bool first,
                        char name[STORE_NAME]);

static inline const struct study_task *study_task_of(const struct study *study)
{
    const struct study_task *task = study_tasks[study->task];

    return task->as ? task->as(study->block) : task;
}

/* The most that a call is spread over here, while workers stand still; 1 when a command measures. */
int study_latency_threads(const struct study *study);
/* Cores that one large run of the study may use: all that its workers would, or its latency. */
static inline int study_cores(const struct study *study)
{
    const int threads = study_latency_threads(study);

    return study->search.workers > threads ? study->search.workers : threads;
}
/* RT_EARG when its workers and the threads of latency ask for more than so many. Commands of the
 * study's own may run anywhere. */
rt_status study_check_cores(const struct study *study, int cores, struct rt_err *err);

/* The values that a study has when its file says nothing; search.workers 0 for all cores. */
void study_defaults(struct study *study);
/* The study file with another `seed`, in its text as well: the study of a repeat. RT_EARG where the
 * text has no place for it. */
rt_status study_load_seeded(const char *path, int64_t seed, struct study *study,
                            struct rt_err *err);
rt_status study_load(const char *path, struct study *study, struct rt_err *err);
/* The same from text in memory, for a study that is kept in a store: `path` is where its file
 * stood. */
rt_status study_parse(const char *path, const char *yaml, size_t bytes, struct study *study,
                      struct rt_err *err);
void study_release(struct study *study);

/* Ties that a file does not say are `auto`; when the database `db` was begun they may have been
 * `uniform`, as they were once. Then the study becomes the one that the database is of. To be
 * called before anything is bound to the study. */
rt_status study_as_begun(struct study *study, const char *db, struct rt_err *err);
/* Are any of its lists tied? If so, how many architectures there would be if none were, like
 * "1.9e12". */
bool study_untied(const struct study *study, char text[16]);

/* Complete the space by what the data are (shape->pool is ignored), then check what depends on it:
 * choices, teachers' architectures, losses, and whether anything fits the limits. */
rt_status study_bind_shape(struct study *study, const struct space_shape *shape,
                           struct rt_err *err);

/* Each file or folder that trials read, as seen from here; where it is one of the study's own paths, the
 * visitor may change it (RT_PATH_MAX bytes). It need not exist. */
typedef rt_status study_file_fn(void *context, char *path, struct rt_err *err);
rt_status study_files(struct study *study, study_file_fn *visitor, void *context,
                      struct rt_err *err);
/* And each file or folder that words of its commands name by absolute paths, and that is here. */
rt_status study_files_there(struct study *study, study_file_fn *visitor, void *context,
                            struct rt_err *err);

/* Is it known that no teacher was trained on the validation rows? Else how teachers do on them, and
 * the ensemble, may be too good. */
bool study_rows_unseen(const struct study *study);

/* Hash of everything that decides the trials' results; not of workers, hours, trials, patience,
 * name, store, cache, the full recipe, comments or formatting. Data files count by name, as
 * written. */
void study_hash(const struct study *study, char text[RT_HASH_TEXT]);

/* Hash of everything that decides full runs by `recipe`, beside what study_hash() covers. */
void study_full_hash(const struct study *study, const struct tr_recipe *recipe,
                     char text[RT_HASH_TEXT]);

/* The recipe of `retort distill` for a training set of so many rows. */
struct tr_recipe study_full_recipe(const struct study *study, int train_rows);
#endif
