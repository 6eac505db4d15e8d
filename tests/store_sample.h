/* tests/store_sample.h -- a small made-up study, written through the store's own calls.
 *
 * 24 trials over 2 workers: 20 committed, 2 failed, one done that waits for its turn, one running;
 * teachers, curves, latencies, an interruption. All numbers are functions of the trial's number.
 */
#ifndef TESTS_STORE_SAMPLE_H
#define TESTS_STORE_SAMPLE_H
#include "support.h"

#include <sqlite3.h>
#include <unistd.h>

#include "store/confirmation.h"
#include "store/store.h"

#define SAMPLE_HASH "0123456789abcdef0123456789abcdef"
#define SAMPLE_TRIALS 24
#define SAMPLE_HYPERVOLUME_FROM 8

static const struct store_quantity sample_quantities[] = {
    {"error", "error", "validation error", "%", 100, 2, false, false, 0, STORE_IN_ALL},
    {"kl", "KL", "KL to the ensemble", "", 1, 4, false, false, 0, STORE_IN_WIDE},
    {"agreement", "agreement", "agreement", "%", 100, 2, false, false, NAN, STORE_IN_WIDE},
    {"latency", "latency", "latency", "ms", 1, -1, true, false, 0, STORE_IN_ALL},
    {"params", "params", "parameters", "", 1, 0, true, true, NAN, STORE_IN_ALL},
    {"bytes", "bytes", "bytes of the weights (fp32)", "", 1, 0, true, true, NAN, STORE_IN_WIDE},
    {"macs", "MACs", "multiply-accumulates", "", 1, 0, true, true, NAN, STORE_IN_WIDE},
    {"memory", "memory", "peak activation bytes", "", 1, 0, true, true, NAN, STORE_IN_WIDE},
    {"nll", "NLL", "negative log-likelihood", "", 1, 4, false, false, 0, STORE_BESIDE},
    {"ece", "ECE", "expected calibration error", "", 1, 4, false, false, 0, STORE_BESIDE},
    {"accuracy_retention", "kept", "accuracy kept", "", 1, 4, false, false, NAN, STORE_AFTERWARDS},
    {"params_reduction", "saved", "parameters saved", "", 1, 4, false, false, NAN,
     STORE_AFTERWARDS},
    {"bytes_reduction", "saved", "bytes saved", "", 1, 4, false, false, NAN, STORE_AFTERWARDS},
    {"compression_ratio", "smaller", "times smaller", "", 1, 2, false, false, NAN,
     STORE_AFTERWARDS},
};
static const struct store_series sample_series[] = {
    {"ce", "cross-entropy", false},
    {"loss", "loss that was minimised", false},
    {"validation_error", "validation error", false},
    {"learning_rate", "learning rate", true},
};

static const struct space sample_students = {.depth = {3, {2, 3, 4}},
                                             .width = {1, {32}},
                                             .head_dim = {1, {16}},
                                             .patch = {1, {7}},
                                             .heads = {1, {1}},
                                             .ffn = {1, {64}}};

static const struct store_study sample_study = {
    .space = &sample_students,
    .name = "sample",
    .task = "image",
    .method = "Values are made up.",
    .quantity_count = sizeof sample_quantities / sizeof *sample_quantities,
    .quantity = sample_quantities,
    .series_count = sizeof sample_series / sizeof *sample_series,
    .series = sample_series,
    .yaml = "name: sample\nseed: 7\n",
    .hash = SAMPLE_HASH,
    .settings = "{\"kernels\":\"v3\",\"micro_batch\":8}",
    .seed = 7,
    .objective_count = 3,
    .objectives = {"error", "params", "latency"},
};

static const struct rt_machine sample_machine = {.host = "bench",
                                                 .cpu = "Some CPU",
                                                 .governor = "performance",
                                                 .kernel = "Linux 6.1",
                                                 .cores = 2,
                                                 .memory = 8589934592};

static inline struct space_arch sample_arch(int64_t number)
{
    struct space_arch a = {.depth = 2 + (int)(number % 3),
                           .width = 32 + 16 * (int)(number / 3),
                           .head_dim = 16,
                           .patch = 7};
    for (int i = 0; i < a.depth; i++) {
        a.heads[i] = 1 + (int)((number + i) % 4);
        a.ffn[i] = a.width * (i == 0 ? 2 : 4);
    }
    return a;
}

/* Of the right order, not exact: the store only keeps them. */
static inline struct space_cost sample_cost(const struct space_arch *a)
{
    const int64_t params = 12LL * a->depth * a->width * a->width + 1000;
    return (struct space_cost){
        .params = params, .bytes = 4 * params, .macs = 17 * params, .memory = 4096LL * a->width};
}

static inline bool sample_fails(int64_t number)
{
    return number == 5 || number == 14;
}

static inline double sample_error(int64_t number)
{
    const double spread[] = {0.00, 0.03, -0.01, 0.05};
    return 0.40 / (1.0 + 0.2 * (double)number) + 0.05 + spread[number % 4];
}

static inline double sample_latency(int64_t number) /* ms */
{
    const struct space_arch a = sample_arch(number);
    return (double)sample_cost(&a).params * 1e-6 + 0.01 * (double)(number % 5);
}

static inline void sample_propose(struct store *store, int64_t number)
{
    static const char *const origins[] = {"largest", "smallest", "middle", "fill"};
    const struct space_arch arch = sample_arch(number);
    const struct space_cost cost = sample_cost(&arch);
    const bool child = number >= 8;
    struct store_proposal p = {.number = number,
                               .space = &sample_students,
                               .arch = &arch,
                               .cost = &cost,
                               .origin = child        ? "mutation"
                                         : number < 4 ? origins[number]
                                                      : "random",
                               .parent_a = child ? number - 8 : -1,
                               .parent_b = child && number % 2 ? number - 7 : -1,
                               .inherits = -1,
                               .seed = 1000 + (uint64_t)number};
    struct rt_err err;

    if (number >= 10) {
        p.prediction_count = 2;
        p.prediction[0] = (struct store_prediction){
            "error", sample_error(number) + .01 * (double)(number % 5 - 2), .012};
        p.prediction[1] = (struct store_prediction){"latency", .5, .2};
    }

    assert_ok(store_trial_propose(store, &p, &err));
}

/* Latency as it is measured, of one batch and thread. */
static inline void sample_latencies(int64_t number, struct store_result *r)
{
    const double ns = sample_latency(number) * 1e6;

    r->block = calloc(1, sizeof *r->block);
    assert_non_null(r->block);
    r->block_count = r->latency_count = 1;
    r->block[0] = (struct store_block){.batch = 1,
                                       .threads = 1,
                                       .calls = 200,
                                       .p10 = ns,
                                       .median = 1.02 * ns,
                                       .p90 = 1.1 * ns,
                                       .before = 15000,
                                       .after = 15100,
                                       .steal = NAN,
                                       .switches = -1,
                                       .concurrent = number % 2};
    r->latency[0] = (struct store_latency){.batch = 1,
                                           .threads = 1,
                                           .state = number % 2 ? "estimated" : "clear",
                                           .value = ns,
                                           .low = 0.98 * ns,
                                           .high = 1.02 * ns,
                                           .median = 1.02 * ns,
                                           .p90 = 1.1 * ns,
                                           .weather = 1.003,
                                           .predicted = NAN,
                                           .blocks = 1,
                                           .metric = "latency"};
}

/* A result as an evaluator gives it; release it. */
static inline struct store_result sample_result(int64_t number)
{
    struct store_result r = {.status = RT_OK};
    const double error = sample_error(number);

    if (sample_fails(number)) {
        r.status = number == 5 ? RT_ENAN : RT_ENOMEM;
        snprintf(r.error, sizeof r.error, "%s",
                 number == 5 ? "loss is not finite at step 40" : "memory limit of 64 MiB reached");
        return r;
    }
    r.value_count = 4;
    r.values[0] = (struct store_value){"error", error, 0.004};
    r.values[1] = (struct store_value){"kl", error * 1.5, 0.01};
    r.values[2] = (struct store_value){"agreement", 1 - error, 0.004};
    r.values[3] = (struct store_value){"latency", sample_latency(number), 0.002};
    r.curve = calloc(12, sizeof *r.curve);
    assert_non_null(r.curve);
    for (int i = 0; i < 12; i++) {
        static const char *const names[] = {"validation_error", "ce", "loss"};
        struct rt_curve_point *p = &r.curve[r.curve_count++];
        p->step = 50 * (1 + i / 3);
        snprintf(p->name, sizeof p->name, "%s", names[i % 3]);
        p->value = error * (2.0 - 0.25 * (i / 3)) * (1 + i % 3);
    }
    sample_latencies(number, &r);
    return r;
}

static inline void sample_done(struct store *store, int64_t number)
{
    struct store_result result = sample_result(number);
    struct rt_err err;

    assert_ok(store_trial_done(store, number, &result, &err));
    store_result_release(&result);
}

static inline bool sample_dominates(int64_t a, int64_t b)
{
    const struct space_arch p = sample_arch(a), q = sample_arch(b);
    const double x[] = {sample_error(a), (double)sample_cost(&p).params, sample_latency(a)};
    const double y[] = {sample_error(b), (double)sample_cost(&q).params, sample_latency(b)};
    bool better = false;

    for (int i = 0; i < 3; i++) {
        if (x[i] > y[i])
            return false;
        better |= x[i] < y[i];
    }
    return better;
}

/* Is `number` in the front of the trials 0..last? */
static inline bool sample_in_front(int64_t number, int64_t last)
{
    if (sample_fails(number))
        return false;
    for (int64_t i = 0; i <= last; i++)
        if (!sample_fails(i) && sample_dominates(i, number))
            return false;
    return true;
}

static inline void sample_commit(struct store *store, int64_t number)
{
    int64_t removed[SAMPLE_TRIALS];
    struct store_commit c = {.number = number, .failed = sample_fails(number), .removed = removed};
    struct rt_err err;

    c.enters_front = sample_in_front(number, number);
    for (int64_t i = 0; i < number; i++)
        if (sample_in_front(i, number - 1) && !sample_in_front(i, number))
            removed[c.removed_count++] = i;
    for (int64_t i = 0; i <= number; i++)
        c.front_size += sample_in_front(i, number);
    c.hypervolume = number < SAMPLE_HYPERVOLUME_FROM ? (double)NAN : 1 - 4 / (double)(number + 4);
    assert_ok(store_trial_commit(store, &c, &err));
}

static inline void sample_teachers(struct store *store)
{
    static const double of_deep[] = {0.93}, of_all[] = {0.97, 0.96};
    static const struct store_teacher teachers[] = {
        {.name = "wide",
         .kind = "trained",
         .arch = "L6-d256-k32-h8-f1024-p7",
         .params = 4800000,
         .weight = 0.6,
         .calibration = 1.25,
         .hash = "aa",
         .value_count = 2,
         .values = {{"error", 0.085, 0.003}, {"kl", 0.02, 0.001}}},
        {.number = 1,
         .name = "deep",
         .kind = "recorded",
         .arch = "",
         .weight = 0.4,
         .calibration = 1,
         .hash = "bb",
         .agreement = of_deep,
         .value_count = 1,
         .values = {{"error", 0.09, 0.003}}},
        {.number = 2,
         .name = "ensemble",
         .kind = "ensemble",
         .arch = "",
         .weight = 1,
         .calibration = 1,
         .hash = "cc",
         .agreement = of_all,
         .value_count = 3,
         .values = {{"error", 0.078, 0.003}, {"nll", 0.231, 0.008}, {"ece", 0.012, (double)NAN}}},
    };
    struct rt_err err;

    assert_ok(store_teachers(store, teachers, 3, &err));
}

static inline int64_t sample_host(struct store *store)
{
    int64_t host = 0;
    struct rt_err err;

    assert_ok(store_host(store, &sample_machine, "v3", &host, &err));
    return host;
}

/* Trial 0's student by the full recipe: one gate passes and one does not. */
static inline void sample_distil(struct store *store)
{
    const struct space_arch arch = sample_arch(0);
    const struct store_distillation d = {
        .arch = &arch,
        .host = 1,
        .steps = 9000,
        .batch = 64,
        .seed = 7,
        .seconds = 321.5,
        .weights = "student.safetensors",
        .value_count = 8,
        .values = {{"error", .081, .0027},
                   {"ensemble_error", .075, .0026},
                   {"kl", .02, .001},
                   {"agreement", .97, .0017},
                   {"accuracy_retention", .9935, .002},
                   {"params_reduction", .9, NAN},
                   {"bytes_reduction", .9, NAN},
                   {"compression_ratio", 10, NAN}},
        .gate_count = 2,
        .gates = {{"accuracy_retention", .97, .9935, true}, {"compression_ratio", 15, 10, false}},
    };
    struct rt_err err;

    assert_ok(store_distillation(store, &d, &err));
}

/* The whole study, in `store` as it was created. */
/* Seven full runs, one that failed and one still to be done. */
static inline void sample_confirm(struct store *store, int64_t host)
{
    static const char *const names[] = {"error", "kl"};
    struct store_confirmation plan[9];
    int added;
    struct rt_err err;

    for (int i = 0; i < 9; i++)
        plan[i] = (struct store_confirmation){.candidate = i + 1,
                                              .stratum = i % 2 ? i / 2 : -1,
                                              .seed = 7,
                                              .steps = 900,
                                              .batch = 64};
    assert_ok(store_confirm_plan(store, "full", plan, 9, &added, &err));
    assert_int_equal(added, 9);
    for (int i = 0; i < 8; i++) {
        const struct rt_curve_point curve[] = {{0, "loss", 2.5}, {899, "loss", .1 + .01 * i}};
        struct store_confirmed run = {.number = i,
                                      .host = host,
                                      .seconds = 60,
                                      .curve = curve,
                                      .curve_count = 2,
                                      .validation_count = 2,
                                      .test_count = 2};
        if (i == 7)
            run = (struct store_confirmed){
                .number = i, .host = host, .status = RT_ENAN, .error = "not finite"};
        for (int k = 0; k < run.test_count; k++) {
            run.validation[k] =
                (struct store_value){.value = .05 + .01 * (i * 3 % 7), .stderr_ = .004};
            run.test[k] = (struct store_value){.value = .06 + .01 * (i * 3 % 7), .stderr_ = .003};
            snprintf(run.validation[k].name, STORE_NAME, "%s", names[k]);
            snprintf(run.test[k].name, STORE_NAME, "%s", names[k]);
        }
        assert_ok(store_confirm_done(store, &run, &err));
    }
}

static inline void sample_fill(struct store *store)
{
    const int64_t host = sample_host(store);
    const struct store_run run = {.host = host, .workers = 2, .trials = 60};
    struct rt_err err;

    const struct store_program program = {"0.1.0", "0123456789abcdef", "v3", "OpenBLAS", "glibc"};

    assert_ok(store_program(store, &program, &err));
    assert_ok(store_run_begin(store, &run, &err));
    sample_teachers(store);
    for (int64_t n = 0; n < SAMPLE_TRIALS; n++) {
        sample_propose(store, n);
        assert_ok(store_trial_start(store, n, host, (int)(n % 2), &err));
        if (n == 3) {
            assert_ok(store_trial_return(store, n, "interrupted", "asked to stop", &err));
            assert_ok(store_trial_start(store, n, host, 1, &err));
        }
        if (n == SAMPLE_TRIALS - 2) /* the last but one still runs, so the last waits */
            continue;
        sample_done(store, n);
        if (n < SAMPLE_TRIALS - 2)
            sample_commit(store, n);
    }
    sample_distil(store);
    sample_confirm(store, host);
    assert_ok(store_event(store, "note", -1, "the sample is complete", &err));
}

/* A scratch folder of this process; `sample_path` names a file in it. */
static char sample_folder[64];

static inline int sample_setup(void **state)
{
    (void)state;
    snprintf(sample_folder, sizeof sample_folder, "/tmp/retort-store-XXXXXX");
    return mkdtemp(sample_folder) ? 0 : -1;
}

static inline int sample_teardown(void **state)
{
    char command[192];
    (void)state;
    snprintf(command, sizeof command, "chmod -R u+w '%s'; rm -rf '%s'", sample_folder,
             sample_folder);
    return system(command); /* NOLINT(cert-env33-c): a folder that we made */
}

static inline const char *sample_path(const char *name)
{
    static char paths[4][160];
    static int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", sample_folder, name);
    return path;
}

static inline struct store *sample_create(const char *path)
{
    struct store *store = NULL;
    struct rt_err err;

    assert_ok(store_create(path, &sample_study, &store, &err));
    return store;
}

/* ---- a study with rungs of 60, 180 and 540 steps ---- */

static inline struct store *sample_rungs_create(const char *name)
{
    struct store_study study = sample_study;
    struct store *store = NULL;
    struct rt_err err;

    study.rung_count = 3;
    study.rung_budget[0] = 60;
    study.rung_budget[1] = 180;
    study.rung_budget[2] = 540;
    assert_ok(store_create(sample_path(name), &study, &store, &err));
    return store;
}

static inline rt_status sample_rungs_propose(struct store *store, int64_t number, int64_t candidate,
                                             int rung, struct rt_err *err)
{
    const struct space_arch arch = sample_arch(candidate);
    const struct space_cost cost = sample_cost(&arch);

    return store_trial_propose(store,
                               &(struct store_proposal){.number = number,
                                                        .space = &sample_students,
                                                        .arch = &arch,
                                                        .cost = &cost,
                                                        .origin = rung ? "promotion" : "fill",
                                                        .parent_a = -1,
                                                        .parent_b = -1,
                                                        .inherits = -1,
                                                        .rung = rung,
                                                        .seed = UINT64_MAX},
                               err);
}

/* One trial from its proposal to its commit; at most one may be of the last rung, the front. */
static inline void sample_rungs_run(struct store *store, int64_t number, int64_t candidate,
                                    int rung, double error)
{
    struct store_result result = {.status = RT_OK, .value_count = 1};
    struct store_commit commit = {.number = number, .enters_front = rung == 2};
    struct rt_err err;

    commit.front_size = rung == 2;
    commit.hypervolume = NAN;
    result.values[0] = (struct store_value){"error", error, .01};
    assert_ok(sample_rungs_propose(store, number, candidate, rung, &err));
    assert_ok(store_trial_start(store, number, sample_host(store), 0, &err));
    assert_ok(store_trial_done(store, number, &result, &err));
    assert_ok(store_trial_commit(store, &commit, &err));
}

static inline struct store *sample_open(const char *path, enum store_mode mode)
{
    struct store *store = NULL;
    struct rt_err err;

    assert_ok(store_open(path, mode, SAMPLE_HASH, &store, &err));
    return store;
}

static inline int sample__count_down(void *steps)
{
    return --*(int *)steps == 0;
}

/* The read at that step of SQLite's machine breaks off, and no other; NULL: none any more. The
 * count must live as long. */
static inline void sample_break_off(struct store *store, int *steps)
{
    sqlite3_progress_handler(store_handle(store), steps ? 1 : 0, sample__count_down, steps);
}

/* All rows of a query: columns joined by '|', rows ended by a line feed. The caller frees. */
static inline char *ask_db(sqlite3 *db, const char *sql)
{
    size_t size = 0;
    char *text = NULL;
    sqlite3_stmt *q = NULL;
    FILE *out = open_memstream(&text, &size);
    int code;

    assert_non_null(out);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const char *cell = (const char *)sqlite3_column_text(q, i);
            fprintf(out, "%s%s", i ? "|" : "", cell ? cell : "null");
        }
        fputc('\n', out);
    }
    if (code != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(q);
    fclose(out);
    return text;
}

static inline void assert_rows_at(struct store *store, const char *sql, const char *want,
                                  const char *file, int line)
{
    char *got = ask_db(store_handle(store), sql);
    const bool same = strcmp(got, want) == 0;

    if (!same)
        print_error("%s\ngot:\n%swant:\n%s", sql, got, want);
    free(got);
    if (!same)
        _fail(file, line);
}
#define assert_rows(store, sql, want) assert_rows_at(store, sql, want, __FILE__, __LINE__)

/* The error text holds `part`. */
#define assert_says(part)                                                                          \
    do {                                                                                           \
        if (!strstr(err.text, part)) {                                                             \
            print_error("got '%s', want a text with '%s'\n", err.text, part);                      \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)
#endif
