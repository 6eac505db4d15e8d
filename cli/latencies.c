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

struct entry {
    char *arch;
    int setting, count, room;
    struct tr_block *block;
};

#define MAY_STAND .01 /* share of the workers' time that they stand still, at most, ... */
#define GRACE .1      /* ... after so many seconds of it */

struct latencies {
    pthread_mutex_t lock;
    struct rt_gate gate;
    int workers;
    int64_t began_ns, spent_ns;
    const struct tr_latency_options *setting;
    int settings, count, room;
    struct entry *entry;
    struct entry all[STORE_MAX_LATENCIES]; /* of a setting together; without an architecture */
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

bool latencies_figure(struct latencies *latencies, const char *arch, int setting,
                      struct tr_latency_figure *figure)
{
    pthread_mutex_lock(&latencies->lock);
    const struct entry *e = find(latencies, arch, setting), *all = &latencies->all[setting];
    if (e && e->count)
        tr_latency_estimate(e->block, e->count, tr_reference_best(all->block, all->count), figure);
    pthread_mutex_unlock(&latencies->lock);
    return e && e->count;
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
    sqlite3_finalize(q);
    return rc;
}

rt_status latencies_open(struct latencies **latencies, const struct tr_latency_options *setting,
                         int settings, int workers, struct store *store, int64_t host,
                         struct rt_err *err)
{
    struct latencies *l = calloc(1, sizeof *l);
    struct store_block *blocks = NULL;
    rt_status rc = RT_OK;
    int count = 0;

    assert(settings >= 1 && settings <= STORE_MAX_LATENCIES);
    if (!l)
        return rt_fail(err, RT_ENOMEM, "no memory for latencies");
    pthread_mutex_init(&l->lock, NULL);
    l->gate = (struct rt_gate)RT_GATE_INITIALIZER;
    l->workers = workers;
    l->began_ns = rt_now_ns();
    l->setting = setting;
    l->settings = settings;
    if (store && (rc = store_blocks_load(store, host, &blocks, &count, err)) == RT_OK)
        rc = take_all(l, store, blocks, count, err);
    free(blocks);
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

    return workers == 1 || setting->threads > 1 ||
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

/* ---- as the store has them ---- */

void latencies_metric(const struct tr_latency_options *setting, bool first, char name[STORE_NAME])
{
    if (first)
        snprintf(name, STORE_NAME, "latency");
    else
        snprintf(name, STORE_NAME, "latency@%dx%d", setting->threads, setting->batch);
}

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

    latencies_metric(setting, first, row.metric);
    return row;
}
