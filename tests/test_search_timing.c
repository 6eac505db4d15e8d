/* tests/test_search_timing.c -- latency measured again: of the front's members, and the front by it.
 *
 * A trial's own measurement is up to a half too much, or half of it; measured again, it is the truth.
 */
#include "search_sample.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

enum { most_known = 400, trials = 60 };

struct timer {
    struct sample_context sample;
    pthread_mutex_t lock;
    int known;
    struct space_arch arch[most_known]; /* measured again */
    atomic_int measured;
    int64_t host;
    bool bad; /* measuring again fails */
    bool low; /* trials measure half of it */
};

static double truth(const struct space_arch *arch, const struct space_shape *shape)
{
    struct space_cost cost;

    space_cost_of(arch, shape, &cost);
    return 1000 + (double)cost.macs / 50;
}

static void put(struct store_result *result, double ns, const char *state)
{
    result->block = calloc(1, sizeof *result->block);
    assert_non_null(result->block);
    result->block[0] = (struct store_block){
        .threads = 1, .batch = 1, .calls = 30, .p10 = ns, .median = ns, .p90 = ns};
    result->block_count = result->latency_count = 1;
    result->latency[0] = (struct store_latency){.threads = 1,
                                                .batch = 1,
                                                .state = state,
                                                .value = ns,
                                                .low = ns,
                                                .high = ns,
                                                .predicted = NAN,
                                                .blocks = 1,
                                                .metric = "latency"};
}

static void evaluate(void *context, const struct search_job *job, struct store_result *result)
{
    struct timer *timer = context;
    const double off = 1 + .5 * (double)(sample_key(job->arch) % 97) / 97;

    sample_evaluate(&timer->sample, job, result);
    const double ns = truth(job->arch, &timer->sample.shape) * (timer->low ? .5 : off);
    put(result, ns, "estimated");
    result->values[result->value_count++] = (struct store_value){"latency", ns * 1e-6, NAN};
}

static bool is_known(struct timer *timer, const struct space_arch *arch)
{
    bool known = false;

    pthread_mutex_lock(&timer->lock);
    for (int i = 0; i < timer->known && !known; i++)
        known = space_arch_equal(&timer->arch[i], arch);
    pthread_mutex_unlock(&timer->lock);
    return known;
}

static bool unsure(void *context, const struct space_arch *arch)
{
    return !is_known(context, arch);
}

static void measure(void *context, const struct space_arch *arch, struct store_result *result)
{
    struct timer *timer = context;

    memset(result, 0, sizeof *result);
    pthread_mutex_lock(&timer->lock);
    if (timer->known < most_known)
        timer->arch[timer->known++] = *arch;
    pthread_mutex_unlock(&timer->lock);
    atomic_fetch_add(&timer->measured, 1);
    if (timer->bad)
        result->status = RT_ENOMEM;
    else
        put(result, truth(arch, &timer->sample.shape), "clear");
}

static rt_status settle(void *context, struct store *store, struct rt_err *err)
{
    struct timer *timer = context;

    for (int i = 0; i < timer->known && !timer->bad; i++) {
        struct store_result row;
        char text[SPACE_ARCH_TEXT];
        space_arch_print(&timer->arch[i], text);
        put(&row, truth(&timer->arch[i], &timer->sample.shape), "clear");
        free(row.block);
        RT_TRY(store_latency_add(store, timer->host, text, NULL, 0, row.latency, 1, err));
    }
    return RT_OK;
}

static void cost(void *context, double *timing, double *standing)
{
    (void)context;
    *timing = 1.5;
    *standing = .25;
}

static const struct search_timing timing = {unsure, measure, settle, cost};

static void run(struct sample_study *s, struct timer *timer, const struct search_options *o)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_evaluator evaluator = {evaluate, timer, &timing};
    struct search_options options = *o;
    enum search_end end;
    struct rt_err err;

    options.host = timer->host = s->host;
    timer->sample.shape = space.shape;
    assert_ok(search_run(&space, &options, &evaluator, s->store, NULL, NULL, NULL, &end, &err));
}

static struct search_options options_of(int64_t count, int workers)
{
    struct search_options options = sample_options(count, workers);

    strcpy(options.objectives[1], "latency");
    return options;
}

#define MEMBER                                                                                     \
    "t.state = 'committed' and not exists (select 1 from trial u join metric f on f.trial ="       \
    " u.number and f.name = 'error' join metric m on m.trial = u.number and m.name = 'latency'"    \
    " where u.state = 'committed' and f.value <= e.value and m.value <= l.value and (f.value <"    \
    " e.value or m.value < l.value))"
#define TRIALS                                                                                     \
    "trial t join metric e on e.trial = t.number and e.name = 'error' join metric l on l.trial ="  \
    " t.number and l.name = 'latency'"

/* Trials that are on the front and should not be, or should and are not. */
static int64_t misplaced(struct store *store)
{
    return sample_integer(store, "select count(*) from " TRIALS " where (" MEMBER
                                 ") <> (t.number in (select trial from front))");
}

static void the_front_is_of_what_was_measured_again(void **state)
{
    static struct timer timer = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const struct search_options options = options_of(trials, 2);
    struct sample_study s;
    (void)state;
    sample_create(&s, &options);

    run(&s, &timer, &options);

    assert_true(atomic_load(&timer.measured) > 0);
    assert_int_equal(misplaced(s.store), 0);
    assert_int_equal(sample_integer(s.store, "select count(*) from front f join trial t on t.number"
                                             " = f.trial join latency l using (candidate)"
                                             " where l.state <> 'clear'"),
                     0);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from latency_block where trial is null"),
        atomic_load(&timer.measured));
    assert_int_equal(sample_integer(s.store, "select timing = 1.5 and standing = .25 from run"), 1);
    sample_remove(&s);
}

/* What was set in one run is what the next begins with. */
static void a_resumed_search_goes_on_from_it(void **state)
{
    static struct timer timer = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct search_options options = options_of(30, 1);
    struct sample_study s;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    run(&s, &timer, &options);

    /* as if it had been killed between the metrics and the front */
    assert_ok(store_front_set(s.store, (const int64_t[]){0}, NULL, 1, &err));
    options.trials = trials;
    run(&s, &timer, &options);

    assert_int_equal(misplaced(s.store), 0);
    assert_int_equal(sample_integer(s.store, "select count(*) from front_history"), trials);
    sample_remove(&s);
}

static void what_cannot_be_measured_again_ends_no_search(void **state)
{
    static struct timer timer = {.lock = PTHREAD_MUTEX_INITIALIZER, .bad = true};
    const struct search_options options = options_of(20, 2);
    struct sample_study s;
    (void)state;
    sample_create(&s, &options);

    run(&s, &timer, &options);

    assert_int_equal(misplaced(s.store), 0);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from latency_block where trial is null"), 0);
    sample_remove(&s);
}

/* A member that turns out to be too slow breaks the constraint, and leaves the front. */
static void constraints_are_judged_again(void **state)
{
    static struct timer timer = {.lock = PTHREAD_MUTEX_INITIALIZER, .low = true};
    struct search_options options = options_of(trials, 2);
    struct sample_study s;
    (void)state;
    options.constraint_count = 1;
    options.constraint[0] = (struct search_constraint){"latency", .02, false};
    sample_create(&s, &options);

    run(&s, &timer, &options);

    assert_true(sample_integer(s.store,
                               "select count(*) from metric v join metric l using (trial) where"
                               " v.name = 'violation' and v.value > 0 and l.name = 'latency'"
                               " and l.value > 0.02") > 0);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from metric v join metric l using (trial) where"
                                " v.name = 'violation' and l.name = 'latency' and"
                                " abs(v.value - max(0, l.value / 0.02 - 1)) > 1e-9"),
        0);
    assert_int_equal(sample_integer(s.store,
                                    "select count(*) from front join metric m using (trial)"
                                    " where m.name = 'latency' and m.value > 0.02"),
                     0);
    sample_remove(&s);
}

static void constraints_are_judged_again_of_all_trials_or_none(void **state)
{
    static struct timer timer = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static const char refuse_last[] =
        "create trigger refuse_last before update on metric when new.trial ="
        " (select max(trial) from metric) begin select raise(abort, 'refused'); end";
    static const char judged[] =
        "select count(*) from metric where name = 'violation' and value > 0";
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = options_of(20, 1);
    struct sample_study s;
    struct rt_err err;
    sqlite3 *db;
    (void)state;
    options.constraint_count = 1;
    options.constraint[0] = (struct search_constraint){"latency", 1e9, false};
    sample_create(&s, &options);
    run(&s, &timer, &options);
    assert_int_equal(sample_integer(s.store, judged), 0);
    assert_int_equal(sqlite3_open(s.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, refuse_last, NULL, NULL, NULL), SQLITE_OK);
    options.constraint[0].bound = 1e-9;

    assert_int_not_equal(search_front_again(&space, &options, s.store, &err), RT_OK);
    assert_int_equal(sample_integer(s.store, judged), 0);
    assert_int_equal(sqlite3_exec(db, "drop trigger refuse_last", NULL, NULL, NULL), SQLITE_OK);
    assert_ok(search_front_again(&space, &options, s.store, &err));
    assert_int_equal(sample_integer(s.store, judged), 20);
    sqlite3_close(db);
    sample_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_is_of_what_was_measured_again),
        cmocka_unit_test(a_resumed_search_goes_on_from_it),
        cmocka_unit_test(what_cannot_be_measured_again_ends_no_search),
        cmocka_unit_test(constraints_are_judged_again),
        cmocka_unit_test(constraints_are_judged_again_of_all_trials_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
