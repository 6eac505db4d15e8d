/* cli/latencies.c -- see latencies.h. */
#include "cli/latencies.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/build.h"
#include "base/clock.h"
#include "cli/reference_record.h"
#include "trainer/measure/latency_model.h"

struct entry {
    char *arch;
    int setting, count, room;
    struct tr_block *block;
    bool warned; /* it is far off the model, and that was told */
};

#define MAY_STAND .01 /* share of the workers' time that they stand still, at most, ... */
#define GRACE .1      /* ... after so many seconds of it */
#define ENOUGH 60     /* blocks of an entry in weather that does not clear up */
#define FAR .25       /* share of a prediction that a measurement is off and told of */

struct latencies {
    pthread_mutex_t lock;
    struct rt_gate gate;
    int workers;
    int64_t began_ns, spent_ns;
    const struct tr_latency_options *setting;
    int settings, count, room;
    struct entry *entry;
    struct entry all[STORE_MAX_LATENCIES]; /* of a setting together; without an architecture */
    double best[STORE_MAX_LATENCIES];      /* of the reference by the first so many of them: */
    int best_of[STORE_MAX_LATENCIES];
    int before[STORE_MAX_LATENCIES];   /* blocks of earlier runs: the first of them */
    struct reference_key machine;      /* "": not known; of a setting with its threads and batch */
    double known[STORE_MAX_LATENCIES]; /* the reference's best by other studies; NaN: none */
};

/* ---- entries ---- */

static rt_status append(struct entry *e, const struct tr_block *block, struct rt_err *err)
{
    if (e->count == e->room) {
        const int room = e->room ? 2 * e->room : 8;
        struct tr_block *more = realloc(e->block, (size_t)room * sizeof *more);
        if (!more)
            return rt_fail(err, RT_ENOMEM, "no memory for latencies");
        e->block = more;
        e->room = room;
    }
    e->block[e->count++] = *block;
    return RT_OK;
}

static struct entry *find(struct latencies *l, const char *arch, int setting)
{
    for (int i = l->count - 1; i >= 0; i--)
        if (l->entry[i].setting == setting && strcmp(l->entry[i].arch, arch) == 0)
            return &l->entry[i];
    return NULL;
}

static struct entry *find_or_make(struct latencies *l, const char *arch, int setting)
{
    struct entry *e = find(l, arch, setting);

    if (e)
        return e;
    if (l->count == l->room) {
        const int room = l->room ? 2 * l->room : 64;
        struct entry *more = realloc(l->entry, (size_t)room * sizeof *more);
        if (!more)
            return NULL;
        l->entry = more;
        l->room = room;
    }
    e = &l->entry[l->count];
    *e = (struct entry){.arch = strdup(arch), .setting = setting};
    l->count += e->arch != NULL;
    return e->arch ? e : NULL;
}

static rt_status take(struct latencies *l, const char *arch, int setting,
                      const struct tr_block *block, struct rt_err *err)
{
    struct entry *e = find_or_make(l, arch, setting);

    assert(setting >= 0 && setting < l->settings);
    if (!e)
        return rt_fail(err, RT_ENOMEM, "no memory for latencies");
    RT_TRY(append(e, block, err));
    return append(&l->all[setting], block, err);
}

rt_status latencies_add(struct latencies *latencies, const char *arch, int setting,
                        const struct tr_latency *measured, struct rt_err *err)
{
    rt_status rc = RT_OK;

    pthread_mutex_lock(&latencies->lock);
    for (int i = 0; i < measured->count && rc == RT_OK; i++)
        rc = take(latencies, arch, setting, &measured->block[i], err);
    pthread_mutex_unlock(&latencies->lock);
    return rc;
}

static double best_of(struct latencies *l, int setting)
{
    const struct entry *all = &l->all[setting];

    if (l->best_of[setting] != all->count)
        l->best[setting] = fmin(l->known[setting], tr_reference_best(all->block, all->count, NULL));
    l->best_of[setting] = all->count;
    return l->best[setting];
}

bool latencies_figure(struct latencies *latencies, const char *arch, int setting,
                      struct tr_latency_figure *figure)
{
    pthread_mutex_lock(&latencies->lock);
    const struct entry *e = find(latencies, arch, setting);
    const bool known = e && e->count;
    if (known)
        tr_latency_estimate(e->block, e->count, best_of(latencies, setting), figure);
    pthread_mutex_unlock(&latencies->lock);
    return known;
}

bool latencies_unsure(struct latencies *latencies, const char *arch, int setting)
{
    struct tr_latency_figure figure;

    return !latencies_figure(latencies, arch, setting, &figure) ||
           (figure.state != TR_LATENCY_CLEAR && figure.blocks < ENOUGH);
}

/* ---- what the store has ---- */

static int setting_of(const struct latencies *l, const struct store_block *b)
{
    for (int s = 0; s < l->settings; s++)
        if (l->setting[s].threads == b->threads && l->setting[s].batch == b->batch)
            return s;
    return -1;
}

/* Both are in order of the candidate. */
static rt_status take_all(struct latencies *l, struct store *store, const struct store_block *b,
                          int count, struct rt_err *err)
{
    static const char sql[] = "select id, arch from candidate order by id";
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int i = 0;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        return rt_fail(err, RT_EDB, "cannot read the candidates of '%s': %s", store_path(store),
                       sqlite3_errmsg(store_handle(store)));
    while (rc == RT_OK && i < count && sqlite3_step(q) == SQLITE_ROW) {
        const int64_t id = sqlite3_column_int64(q, 0);
        const char *arch = (const char *)sqlite3_column_text(q, 1);
        for (; arch && rc == RT_OK && i < count && b[i].candidate <= id; i++) {
            const struct tr_block block = {b[i].p10, b[i].median, b[i].p90, b[i].before,
                                           b[i].after};
            const int setting = setting_of(l, &b[i]);
            if (b[i].candidate == id && setting >= 0)
                rc = take(l, arch, setting, &block, err);
        }
    }
    if (sqlite3_finalize(q) && rc == RT_OK)
        rc = rt_fail(err, RT_EDB, "cannot read the candidates of '%s': %s", store_path(store),
                     store_trouble(store));
    return rc;
}

static struct reference_key key_of(const struct latencies *l, int setting)
{
    struct reference_key key = l->machine;

    key.threads = l->setting[setting].threads;
    key.batch = l->setting[setting].batch;
    return key;
}

/* Which machine row `host` is, and what is known of the reference on it. */
static rt_status recall(struct latencies *l, struct store *store, int64_t host, struct rt_err *err)
{
    static const char sql[] = "select host, cpu, kernels from host where id = ?1";
    struct rt_build build;
    sqlite3_stmt *q = NULL;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        return rt_fail(err, RT_EDB, "cannot read the machines of '%s': %s", store_path(store),
                       sqlite3_errmsg(store_handle(store)));
    (void)sqlite3_bind_int64(q, 1, host);
    if (sqlite3_step(q) == SQLITE_ROW) {
        struct reference_key *k = &l->machine;
        (void)snprintf(k->host, sizeof k->host, "%s", (const char *)sqlite3_column_text(q, 0));
        (void)snprintf(k->cpu, sizeof k->cpu, "%s", (const char *)sqlite3_column_text(q, 1));
        (void)snprintf(k->kernels, sizeof k->kernels, "%s",
                       (const char *)sqlite3_column_text(q, 2));
    }
    (void)sqlite3_finalize(q);
    rt_build_query(&build);
    (void)snprintf(l->machine.build, sizeof l->machine.build, "%s", build.hash);
    for (int s = 0; s < l->settings; s++) {
        const struct reference_key key = key_of(l, s);
        l->known[s] = reference_record_best(&key);
    }
    return RT_OK;
}

/* What this run saw, for other studies. */
static void remember(const struct latencies *l)
{
    for (int s = 0; s < l->settings && l->machine.host[0]; s++) {
        const struct reference_key key = key_of(l, s);
        bool confirmed;
        const struct entry *all = &l->all[s];
        const int old = l->before[s];
        const double best = tr_reference_best(all->block + old, all->count - old, &confirmed);
        if (confirmed)
            reference_record_keep(&key, best);
    }
}

rt_status latencies_open(struct latencies **latencies, const struct tr_latency_options *setting,
                         int settings, int workers, struct store *store, int64_t host,
                         struct rt_err *err)
{
    struct latencies *l = calloc(1, sizeof *l);
    struct store_block *blocks = NULL;
    rt_status rc = RT_OK;
    int count = 0;

    assert(settings >= 0 && settings <= STORE_MAX_LATENCIES);
    if (!l)
        return rt_fail(err, RT_ENOMEM, "no memory for latencies");
    pthread_mutex_init(&l->lock, NULL);
    l->gate = (struct rt_gate)RT_GATE_INITIALIZER;
    l->workers = workers;
    l->began_ns = rt_now_ns();
    l->setting = setting;
    l->settings = settings;
    for (int s = 0; s < settings; s++)
        l->known[s] = NAN;
    if (store && (rc = recall(l, store, host, err)) == RT_OK &&
        (rc = store_blocks_load(store, host, &blocks, &count, err)) == RT_OK)
        rc = take_all(l, store, blocks, count, err);
    free(blocks);
    for (int s = 0; s < settings; s++)
        l->before[s] = l->all[s].count;
    if (rc == RT_OK)
        *latencies = l;
    else
        latencies_close(l);
    return rc;
}

void latencies_close(struct latencies *latencies)
{
    if (!latencies)
        return;
    for (int i = 0; i < latencies->count; i++) {
        free(latencies->entry[i].arch);
        free(latencies->entry[i].block);
    }
    for (int s = 0; s < latencies->settings; s++)
        free(latencies->all[s].block);
    pthread_mutex_destroy(&latencies->lock);
    free(latencies->entry);
    free(latencies);
}

/* ---- silence, and what it costs ---- */

struct rt_gate *latencies_gate(struct latencies *latencies)
{
    return &latencies->gate;
}

bool latencies_may_gate(struct latencies *latencies, const struct tr_latency_options *setting)
{
    const double workers = latencies->workers;
    const double seconds = (double)(rt_now_ns() - latencies->began_ns) * 1e-9 * workers;

    return workers == 1 || setting->threads > 1 || rt_gate_is_empty(&latencies->gate) ||
           rt_gate_standing(&latencies->gate) <= GRACE + MAY_STAND * seconds;
}

void latencies_spent(struct latencies *latencies, int64_t ns)
{
    pthread_mutex_lock(&latencies->lock);
    latencies->spent_ns += ns;
    pthread_mutex_unlock(&latencies->lock);
}

void latencies_cost(struct latencies *latencies, double *timing, double *standing)
{
    pthread_mutex_lock(&latencies->lock);
    *timing = (double)latencies->spent_ns * 1e-9;
    pthread_mutex_unlock(&latencies->lock);
    *standing = rt_gate_standing(&latencies->gate);
}

/* ---- what all blocks come to ---- */

struct settling {
    struct latencies *l;
    const struct space_shape *shape;
    int count;                        /* entries of the setting at hand */
    struct entry **entry;             /* [count] */
    struct tr_latency_figure *figure; /* [count] */
    struct space_arch *arch;          /* [count] */
    double *ns;                       /* [count], of those to fit to; else NaN */
    struct tr_latency_model model;
};

static rt_status collect(struct settling *s, int setting, struct rt_err *err)
{
    const double best = best_of(s->l, setting);

    s->count = 0;
    for (int i = 0; i < s->l->count; i++) {
        struct entry *e = &s->l->entry[i];
        if (e->setting != setting)
            continue;
        RT_TRY(space_arch_parse(e->arch, &s->arch[s->count], err));
        tr_latency_estimate(e->block, e->count, best, &s->figure[s->count]);
        s->entry[s->count++] = e;
    }
    return RT_OK;
}

/* By floors; by all figures when there are too few of them. */
static void fit(struct settling *s)
{
    for (int all = 0; all <= 1 && s->model.count == 0; all++) {
        for (int i = 0; i < s->count; i++)
            s->ns[i] =
                all || s->figure[i].state == TR_LATENCY_CLEAR ? s->figure[i].value : (double)NAN;
        struct tr_latency_model model;
        tr_latency_fit(s->arch, s->shape, s->ns, s->count, &model);
        s->model = model;
    }
}

/* Once a candidate and setting, however often it is settled. */
static rt_status warn(struct settling *s, int i, const struct store_latency *row,
                      struct store *store, struct rt_err *err)
{
    char text[256];

    if (s->entry[i]->warned || isnan(row->predicted) ||
        fabs(row->value / row->predicted - 1) <= FAR)
        return RT_OK;
    s->entry[i]->warned = true;
    (void)snprintf(text, sizeof text,
                   "%.120s: %s %.4g us by %d blocks, where the model of %d others says %.4g us",
                   s->entry[i]->arch, row->metric, row->value * 1e-3, row->blocks, s->model.count,
                   row->predicted * 1e-3);
    return store_event(store, "latency", -1, text, err);
}

/* Candidates with results that this host has not measured in the setting. */
static rt_status predict_others(struct settling *s, int setting, struct store *store, int64_t host,
                                struct rt_err *err)
{
    static const char sql[] =
        "select arch, c.id from candidate c where exists (select 1 from trial t where t.candidate "
        "= c.id"
        " and t.state = 'committed') and not exists (select 1 from latency l where l.candidate ="
        " c.id and l.host = ?1 and l.threads = ?2 and l.batch = ?3 and l.state <> 'predicted')"
        " order by c.id";
    const struct tr_latency_options *o = &s->l->setting[setting];
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int64_t last = 0;

    if (!s->model.count)
        return RT_OK;
    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        return rt_fail(err, RT_EDB, "cannot read the candidates of '%s': %s", store_path(store),
                       sqlite3_errmsg(store_handle(store)));
    (void)sqlite3_bind_int64(q, 1, host);
    (void)sqlite3_bind_int(q, 2, o->threads);
    (void)sqlite3_bind_int(q, 3, o->batch);
    while (rc == RT_OK && sqlite3_step(q) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(q, 0);
        struct space_arch arch;
        if (sqlite3_column_int64(q, 1) <= last) { /* a damaged table may have rows without end */
            rc = rt_fail(err, RT_EDB,
                         "the candidates of '%s' are damaged: save what is left with sqlite3's "
                         ".recover",
                         store_path(store));
            break;
        }
        last = sqlite3_column_int64(q, 1);
        if (!text || space_arch_parse(text, &arch, NULL))
            continue;
        struct store_latency row = {.threads = o->threads,
                                    .batch = o->batch,
                                    .state = "predicted",
                                    .low = NAN,
                                    .high = NAN,
                                    .median = NAN,
                                    .p90 = NAN,
                                    .weather = NAN};
        row.value = row.predicted = tr_latency_predict(&s->model, &arch, s->shape);
        rc = store_latency_add(store, host, text, NULL, 0, &row, 1, err);
    }
    sqlite3_finalize(q);
    return rc;
}

static rt_status settle_setting(struct settling *s, int setting, struct store *store, int64_t host,
                                struct rt_err *err)
{
    s->model = (struct tr_latency_model){.count = 0};
    RT_TRY(collect(s, setting, err));
    fit(s);
    for (int i = 0; i < s->count; i++) {
        if (s->figure[i].state == TR_LATENCY_SINGLE && s->figure[i].blocks == 1)
            continue; /* it stays as an older program left it */
        struct store_latency row =
            latencies_row(&s->l->setting[setting], setting == 0, &s->figure[i]);
        row.predicted = tr_latency_predict(&s->model, &s->arch[i], s->shape);
        RT_TRY(store_latency_add(store, host, s->entry[i]->arch, NULL, 0, &row, 1, err));
        RT_TRY(warn(s, i, &row, store, err));
    }
    return predict_others(s, setting, store, host, err);
}

rt_status latencies_settle(struct latencies *latencies, const struct space_shape *shape,
                           struct store *store, int64_t host, struct rt_err *err)
{
    const size_t n = (size_t)latencies->count + 1;
    struct settling s = {.l = latencies,
                         .shape = shape,
                         .entry = calloc(n, sizeof(struct entry *)),
                         .figure = calloc(n, sizeof *s.figure),
                         .arch = calloc(n, sizeof *s.arch),
                         .ns = calloc(n, sizeof *s.ns)};
    rt_status rc = RT_OK;

    if (!s.entry || !s.figure || !s.arch || !s.ns)
        rc = rt_fail(err, RT_ENOMEM, "no memory for latencies");
    pthread_mutex_lock(&latencies->lock);
    for (int i = 0; i < latencies->settings && rc == RT_OK; i++)
        rc = settle_setting(&s, i, store, host, err);
    if (rc == RT_OK)
        remember(latencies);
    pthread_mutex_unlock(&latencies->lock);
    free(s.entry);
    free(s.figure);
    free(s.arch);
    free(s.ns);
    return rc;
}

/* ---- as the store has them ---- */

struct store_block latencies_block(const struct tr_latency_options *setting,
                                   const struct tr_latency *measured, int i)
{
    const struct tr_block *b = &measured->block[i];
    const struct tr_block_notes *n = &measured->notes[i];
    struct store_block row = {.threads = setting->threads,
                              .batch = setting->batch,
                              .calls = n->calls,
                              .p10 = b->p10,
                              .median = b->median,
                              .p90 = b->p90,
                              .before = b->before,
                              .after = b->after,
                              .steal = n->steal,
                              .switches = n->switches,
                              .began_ns = n->began_ns,
                              .ended_ns = n->ended_ns};

    memcpy(row.measured_at, n->measured_at, sizeof row.measured_at);
    return row;
}

struct store_latency latencies_row(const struct tr_latency_options *setting, bool first,
                                   const struct tr_latency_figure *figure)
{
    struct store_latency row = {.threads = setting->threads,
                                .batch = setting->batch,
                                .state = tr_latency_state_name(figure->state),
                                .value = figure->value,
                                .low = figure->low,
                                .high = figure->high,
                                .median = figure->median,
                                .p90 = figure->p90,
                                .weather = figure->weather,
                                .predicted = NAN,
                                .blocks = figure->blocks,
                                .clear = figure->clear};

    study_latency_name(setting, first, row.metric);
    return row;
}
