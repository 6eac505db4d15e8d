/* tests/search_sample.h -- a small space, an evaluator with a known landscape and unsteady
 * durations, and the rows that have to come out the same. */
#ifndef TESTS_SEARCH_SAMPLE_H
#define TESTS_SEARCH_SAMPLE_H
#include "support.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "search/search_internal.h"

/* 3 depths, 4 widths, per layer 3 heads and 3 ratios: some hundred thousand members. */
static inline struct space sample_space(enum space_tie tie)
{
    struct space space = {
        .shape = {.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_MEAN},
        .tie = tie,
        .stages = 2,
        .depth = {4, {1, 2, 4, 6}},
        .width = {4, {16, 32, 64, 96}},
        .head_dim = {1, {16}},
        .heads = {3, {1, 2, 4}},
        .patch = {2, {4, 7}},
        .ratio_count = 4,
        .ffn_ratio = {1, 1.7, 3, 4}};
    struct rt_err err;
    assert_ok(space_init(&space, &err));
    return space;
}

static inline struct search_options sample_options(int64_t trials, int workers)
{
    return (struct search_options){.seed = 11,
                                   .trials = trials,
                                   .workers = workers,
                                   .window = 6,
                                   .population = 12,
                                   .crossover = 0.7,
                                   .random = 0.1,
                                   .initial = 8,
                                   .objective_count = 2,
                                   .objectives = {"error", "macs"}};
}

static inline struct search_options sample_rungs(int64_t trials, int workers)
{
    struct search_options options = sample_options(trials, workers);
    options.rung_count = 3;
    options.rung_budget[0] = 10;
    options.rung_budget[1] = 30;
    options.rung_budget[2] = 90;
    options.eta = 3;
    options.surrogate = SEARCH_SURROGATE_GP; /* what is hard for one is hard for both */
    return options;
}

/* Deterministic in the architecture: a large network is good when its layers are well shaped, that
 * is, ffn near 1.7 d and heads * head_dim near d. Between 0.05 and 1. */
static inline double sample_error(const struct space_arch *a, const struct space_shape *shape)
{
    struct space_cost cost;
    double misfit = 0;
    space_cost_of(a, shape, &cost);
    for (int l = 0; l < a->depth; l++) {
        const double f = log(a->ffn[l] / (1.7 * a->width));
        const double h = log((double)a->heads[l] * a->head_dim / a->width);
        misfit += (f * f + h * h) / a->depth;
    }
    return 0.05 + 0.95 / (1 + pow((double)cost.macs * exp(-2 * misfit) / 1e4, 0.4));
}

static inline uint64_t sample_key(const struct space_arch *a)
{
    uint64_t key = (uint64_t)a->depth * 1000003 + (uint64_t)a->width * 7919 + (uint64_t)a->patch;
    for (int l = 0; l < a->depth; l++)
        key = key * 31 + (uint64_t)(a->heads[l] * 4096 + a->ffn[l]);
    return key * UINT64_C(0x9e3779b97f4a7c15) >> 40;
}

/* Of a short run: worse, and not by as much for each architecture. */
static inline double sample_error_after(const struct space_arch *a, const struct space_shape *shape,
                                        int64_t steps)
{
    const double luck = (double)(sample_key(a) % 1000) / 1000;
    return sample_error(a, shape) * (steps ? 1 + (5 + 5 * luck) / (double)steps : 1);
}

/* Normal, a function of architecture and seed. */
static inline double sample_luck(const struct space_arch *a, uint64_t seed)
{
    struct rt_rng rng;
    rt_rng_init(&rng, seed, RT_STREAM_TEST, sample_key(a));
    return rt_rng_normal(&rng);
}

struct sample_context {
    struct space_shape shape;
    int delay_us;          /* durations are 0..delay_us, different in every run */
    double noise;          /* standard deviation of a run's error, by its seed */
    int fail_every;        /* about one in so many architectures fails; 0: none */
    atomic_int calls;      /* evaluations that ran to their end */
    int stop_after;        /* set `stop` after so many calls; 0: never */
    atomic_int stop;       /* for search_run() */
    atomic_int worker_max; /* highest worker number seen */
};

static inline void sample_sleep(int us)
{
    const struct timespec t = {us / 1000000, (us % 1000000) * 1000L};
    nanosleep(&t, NULL);
}

static inline void sample_curve(struct store_result *result, double error)
{
    result->curve = calloc(3, sizeof *result->curve);
    if (!result->curve)
        return;
    result->curve_count = 3;
    for (int i = 0; i < 3; i++)
        result->curve[i] = (struct rt_curve_point){100 * (i + 1), "loss", error * (4 - i)};
}

static inline void sample_evaluate(void *context, const struct search_job *job,
                                   struct store_result *result)
{
    struct sample_context *c = context;
    const double error = sample_error_after(job->arch, &c->shape, job->budget) +
                         c->noise * sample_luck(job->arch, job->seed);
    const uint64_t key = sample_key(job->arch);

    if (c->delay_us > 0)
        sample_sleep((int)((uint64_t)rt_now_ns() * 2654435761U % (uint64_t)c->delay_us));
    if (job->worker > atomic_load(&c->worker_max))
        atomic_store(&c->worker_max, job->worker);
    if (atomic_load(job->stop)) {
        result->status = RT_ESTOP;
        return;
    }
    if (atomic_fetch_add(&c->calls, 1) + 1 == c->stop_after)
        atomic_store(&c->stop, 1);
    sample_curve(result, error);
    if (c->fail_every && key % (uint64_t)c->fail_every == 0) {
        result->status = key % 2 ? RT_ENAN : RT_ENOMEM;
        snprintf(result->error, sizeof result->error, "as the test wants");
        return;
    }
    result->value_count = 2;
    result->values[0] = (struct store_value){"error", error, 0.004};
    result->values[1] = (struct store_value){"agreement", 1 - error, NAN};
}

/* ---- a study in a folder of its own ---- */

struct sample_study {
    char folder[64], path[96];
    struct store *store;
    int64_t host;
};

static inline void sample_open(struct sample_study *s)
{
    static const struct rt_machine machine = {.host = "bench", .cpu = "some", .cores = 2};
    struct rt_err err;
    assert_ok(store_open(s->path, STORE_WRITE, NULL, &s->store, &err));
    assert_ok(store_host(s->store, &machine, "v2", &s->host, &err));
}

static inline void sample_create(struct sample_study *s, const struct search_options *options)
{
    const struct space space = sample_space(SPACE_TIE_LAYER); /* for the names of its genes */
    struct store_study study = {.name = "sample",
                                .space = &space,
                                .yaml = "",
                                .hash = "0123456789abcdef0123456789abcdef",
                                .settings = "{}",
                                .seed = options->seed,
                                .objective_count = options->objective_count,
                                .rung_count = options->rung_count};
    struct rt_err err;
    memcpy(study.rung_budget, options->rung_budget, sizeof study.rung_budget);
    for (int i = 0; i < options->objective_count; i++)
        study.objectives[i] = options->objectives[i];
    snprintf(s->folder, sizeof s->folder, "/tmp/retort-search-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/study.db", s->folder);
    assert_ok(store_create(s->path, &study, &s->store, &err));
    store_close(s->store);
    sample_open(s);
}

static inline void sample_remove(struct sample_study *s)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", "-lock"};
    char path[128];
    store_close(s->store);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", s->path, ends[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/search.log", s->folder);
    unlink(path);
    assert_int_equal(rmdir(s->folder), 0);
}

static inline rt_status sample_run(struct sample_study *s, const struct space *space,
                                   struct search_options options, struct sample_context *context,
                                   enum search_end *end, struct rt_err *err)
{
    const struct search_evaluator evaluator = {sample_evaluate, context, NULL};
    options.host = s->host;
    context->shape = space->shape;
    return search_run(space, &options, &evaluator, s->store, &context->stop, NULL, NULL, end, err);
}

static inline int64_t sample_integer(struct store *store, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int64_t value;
    assert_int_equal(sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    value = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return value;
}

static inline void sample_text(struct store *store, const char *sql, char *text, size_t bytes)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    snprintf(text, bytes, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
}

/* All rows that depend on the study alone, as text; the caller frees it. */
static inline char *sample_rows(struct store *store)
{
    static const char *const queries[] = {
        "select * from candidate order by id",
        "select * from layer order by candidate, position",
        "select * from trial order by number",
        "select * from metric order by trial, name",
        "select * from prediction order by trial, name",
        "select * from curve order by trial, name, step",
        "select * from front order by trial",
        "select * from repeated order by trial, name",
        "select * from front_history order by trial",
    };
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        sqlite3_stmt *q = NULL;
        assert_int_equal(sqlite3_prepare_v2(store_handle(store), queries[i], -1, &q, NULL),
                         SQLITE_OK);
        fprintf(out, "%s\n", queries[i]);
        while (sqlite3_step(q) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(q); c++) {
                if (sqlite3_column_type(q, c) == SQLITE_FLOAT)
                    fprintf(out, "%a|", sqlite3_column_double(q, c)); /* every bit */
                else
                    fprintf(out, "%s|", (const char *)sqlite3_column_text(q, c));
            }
            fputc('\n', out);
        }
        sqlite3_finalize(q);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Equal, or the first line that differs is printed. */
static inline void assert_rows_equal_at(const char *got, const char *want, const char *file,
                                        int line)
{
    size_t i = 0, begin = 0;
    for (; got[i] == want[i] && got[i]; i++)
        begin = got[i] == '\n' ? i + 1 : begin;
    if (got[i] != want[i]) {
        print_error("got  %.*s\nwant %.*s\n", (int)strcspn(got + begin, "\n"), got + begin,
                    (int)strcspn(want + begin, "\n"), want + begin);
        _fail(file, line);
    }
}
#define assert_rows_equal(got, want) assert_rows_equal_at(got, want, __FILE__, __LINE__)
#endif
