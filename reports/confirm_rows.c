/* reports/confirm_rows.c -- see confirm_rows.h. */
#include "reports/confirm_rows.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text.h"

#define BELIEVED .8 /* tau-b from which short runs are said to rank as full ones do */
#define DOUBTED .6

/* The full recipe that was run last. */
#define LATEST "(select recipe from confirmation order by number desc limit 1)"

void report__confirmation_release(struct report__confirmation *c)
{
    for (int i = 0; i < c->count; i++)
        free(c->row[i].arch);
    free(c->row);
    c->row = NULL;
    c->count = 0;
}

/* ---- rows ---- */

static rt_status count_runs(struct store *store, struct report__confirmation *c, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store,
                       "select count(*), total(state = 'done'), total(state = 'failed'),"
                       " max(steps), (select budget from rung order by number desc limit 1)"
                       " from confirmation where recipe = " LATEST,
                       &q, err));
    if (report__next(q)) {
        c->planned = sqlite3_column_int(q, 0);
        c->done = (int)report__number(q, 1);
        c->failed = (int)report__number(q, 2);
        c->steps = report__number(q, 3);
        c->short_steps = report__number(q, 4);
    }
    return report__end(store, q, err);
}

static rt_status find_quantities(struct store *store, struct report__confirmation *c,
                                 struct rt_err *err)
{
    struct report__quantities all;
    char *name = NULL;

    RT_TRY(report__quantities_load(store, &all, err));
    RT_TRY(report__one_text(store, "select by from confirmations limit 1", &name, err));
    const int q = report__quantity_called(&all, name);
    const int latency = report__quantity_called(&all, "latency");
    free(name);
    c->lead = all.list[q < 0 ? 0 : q];
    c->timed = latency >= 0;
    if (c->timed)
        c->latency = all.list[latency];
    return RT_OK;
}

static void take(sqlite3_stmt *q, struct report__full *row)
{
    *row = (struct report__full){
        .control = sqlite3_column_int(q, 1) != 0,
        .seeds = sqlite3_column_int(q, 2),
        .cost = report__number(q, 3),
        .params = report__number(q, 4),
        .shorter = report__number(q, 5),
        .validation = {.value = report__number(q, 6), .error = report__number(q, 7)},
        .test = {.value = report__number(q, 8), .error = report__number(q, 9)},
        .first = report__number(q, 10),
        .second = report__number(q, 11),
        .latency = {.value = report__number(q, 12),
                    .error = NAN,
                    .estimated = sqlite3_column_int(q, 13) != 0}};
}

/* A standard error is the root of the mean of squares: of one run's examples. */
static rt_status read_rows(struct store *store, struct report__confirmation *c, struct rt_err *err)
{
    static const char sql[] =
        "with run as (select *, row_number() over (partition by candidate order by number) as nth"
        "  from confirmations where state = 'done' and recipe = " LATEST
        "  and short is not null and validation is not null),"
        " timed as (select t.candidate, v.value, v.estimated, max(t.number) from trial t"
        "  join quantity_values v on v.trial = t.number join quantity q on q.position = v.position"
        "  where q.name = 'latency' and t.state = 'committed' and t.replicate = 0"
        "  group by t.candidate)"
        " select arch, min(role = 'control'), count(*), coalesce(macs, params), params, short,"
        "  avg(validation), sqrt(avg(validation_stderr * validation_stderr)),"
        "  avg(test), sqrt(avg(test_stderr * test_stderr)),"
        "  max(iif(nth = 1, validation, null)), max(iif(nth = 2, validation, null)),"
        "  l.value, l.estimated"
        " from run r left join timed l on l.candidate = r.candidate"
        " group by r.candidate order by 7, r.candidate";
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    RT_TRY(report__ask(store, sql, &q, err));
    while (rc == RT_OK && report__next(q)) {
        struct report__full *more = realloc(c->row, ((size_t)c->count + 1) * sizeof *more);
        char *arch = strdup(report__column(q, 0));
        c->row = more ? more : c->row;
        if (!more || !arch) {
            free(arch);
            rc = rt_fail(err, RT_ENOMEM, "no memory for the full runs of '%s'", store_path(store));
            break;
        }
        take(q, &c->row[c->count]);
        c->row[c->count++].arch = arch;
    }
    const rt_status ended = report__end(store, q, rc == RT_OK ? err : NULL);
    return rc == RT_OK ? ended : rc;
}

/* ---- bands of cost ---- */

static int by_cost(const void *va, const void *vb)
{
    const struct report__full *a = *(struct report__full *const *)va,
                              *b = *(struct report__full *const *)vb;
    return a->cost != b->cost ? (a->cost > b->cost) - (a->cost < b->cost)
                              : strcmp(a->arch, b->arch);
}

static void cut_bands(struct report__confirmation *c, struct report__full **sorted)
{
    const int n = c->count;

    for (int i = 0; i < n; i++)
        sorted[i] = &c->row[i];
    qsort(sorted, (size_t)n, sizeof(struct report__full *), by_cost);
    c->bands = n / REPORT__BAND < REPORT__BANDS ? n / REPORT__BAND : REPORT__BANDS;
    c->bands = c->bands < 1 ? 1 : c->bands;
    for (int i = n - 1; i >= 0; i--) {
        const int band = (int)((int64_t)i * c->bands / n);
        if (i == n - 1 || band != sorted[i + 1]->band)
            c->band_high[band] = sorted[i]->cost;
        c->band_low[band] = sorted[i]->cost;
        sorted[i]->band = band;
    }
}

/* ---- rankings ---- */

/* The standard error of a candidate's full value by seeds alone, pooled; NaN: one seed each. */
static double pooled_error(const struct report__confirmation *c)
{
    double squares = 0, pairs = 0;

    for (int i = 0; i < c->count; i++) {
        const double gap = c->row[i].first - c->row[i].second;
        if (isnan(gap))
            continue;
        squares += gap * gap / 2; /* an estimate of the variance by two */
        pairs++;
    }
    return pairs > 0 ? sqrt(squares / pairs) : (double)NAN;
}

struct columns { /* of all rows */
    double *score, *truth, *error;
    int *band, *in_band; /* the latter is scratch */
};

static rt_status rank(const struct report__confirmation *c, const struct columns *of,
                      struct report__ranking *r, struct rt_err *err)
{
    const size_t n = (size_t)c->count;

    r->tau = rt_tau_b(of->score, of->truth, NULL, n);
    r->within = rt_tau_b(of->score, of->truth, of->band, n);
    r->spearman = rt_spearman(of->score, of->truth, n);
    r->top = n / 3 < 3 ? 3 : n / 3;
    r->overlap = rt_top_overlap(of->score, of->truth, n, r->top);
    r->regret = rt_regret(of->score, of->truth, n, 1);
    r->regret_top = rt_regret(of->score, of->truth, n, r->top);
    r->told = rt_told_apart(of->score, of->truth, of->error, n, 2);
    for (int b = 0; b < c->bands; b++) {
        for (size_t i = 0; i < n; i++)
            of->in_band[i] = of->band[i] == b ? 0 : 1 + (int)i; /* all others alone */
        r->band_tau[b] = rt_tau_b(of->score, of->truth, of->in_band, n);
    }
    return rt_tau_b_interval(of->score, of->truth, n, 1, &r->low, &r->high, err);
}

static rt_status rank_both(struct report__confirmation *c, const struct columns *of,
                           struct rt_err *err)
{
    const double pooled = pooled_error(c);
    double tested = 0;

    for (int i = 0; i < c->count; i++) {
        const struct report__full *row = &c->row[i];
        of->score[i] = row->shorter;
        of->truth[i] = row->validation.value;
        of->error[i] = isnan(pooled) ? row->validation.error : pooled / sqrt(row->seeds);
        of->band[i] = row->band;
        tested += isfinite(row->test.value);
    }
    c->tested = tested == c->count;
    RT_TRY(rank(c, of, &c->validation, err));
    for (int i = 0; i < c->count && c->tested; i++) {
        of->truth[i] = c->row[i].test.value;
        of->error[i] = isnan(pooled) ? c->row[i].test.error : pooled / sqrt(c->row[i].seeds);
    }
    return c->tested ? rank(c, of, &c->test, err) : RT_OK;
}

static void compare_seeds(struct report__confirmation *c, const struct columns *of)
{
    size_t n = 0;

    for (int i = 0; i < c->count; i++)
        if (!isnan(c->row[i].second)) {
            of->score[n] = c->row[i].first;
            of->truth[n++] = c->row[i].second;
        }
    c->between_seeds = rt_tau_b(of->score, of->truth, NULL, n);
}

/* ---- which budget would have been enough ---- */

/* By the first series of the study, averaged over three points, at each step that it was logged. */
static rt_status read_course(struct store *store, struct report__confirmation *c,
                             const struct columns *of, struct rt_err *err)
{
    static const char sql[] =
        "with first as (select min(r.number) as number, r.candidate, avg(r.validation) as full"
        "  from confirmations r where r.state = 'done' and r.recipe = " LATEST
        "  and r.short is not null and r.validation is not null group by r.candidate)"
        " select u.step, avg(u.value) over (partition by u.confirmation order by u.step"
        "   rows 2 preceding), f.full"
        " from first f join confirmation_curve u on u.confirmation = f.number"
        " where u.name = (select name from series order by position limit 1)"
        " order by u.step, f.number";
    double step = NAN, since = NAN;
    sqlite3_stmt *q = NULL;
    size_t n = 0;
    bool more;

    RT_TRY(report__ask(store, sql, &q, err));
    do {
        more = report__next(q);
        if (n && (!more || report__number(q, 0) != step)) { /* a step is whole */
            const bool good = rt_tau_b(of->score, of->truth, NULL, n) >= BELIEVED;
            since = !good ? NAN : isnan(since) ? step : since;
            n = 0;
        }
        if (more && n < (size_t)c->count) {
            step = report__number(q, 0);
            of->score[n] = report__number(q, 1);
            of->truth[n++] = report__number(q, 2);
        }
    } while (more);
    c->enough = since + 1; /* steps are counted from 0 */
    return report__end(store, q, err);
}

/* What a rung of the search said of the candidates that were confirmed. */
static rt_status read_rung(struct store *store, struct report__confirmation *c, int rung,
                           const struct columns *of, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char sql[640];
    size_t n = 0;

    (void)snprintf(sql, sizeof sql,
                   "select m.value, f.value, r.budget from rung r, trial t, metric m,"
                   " (select candidate, by, avg(validation) as value from confirmations"
                   "  where state = 'done' and recipe = " LATEST " and validation is not null"
                   "  group by candidate) f"
                   " where r.number = %d and t.rung = r.number and t.state = 'committed'"
                   " and t.replicate = 0 and f.candidate = t.candidate and m.trial = t.number"
                   " and m.name = f.by and m.value is not null",
                   rung);
    c->rung_steps[rung] = NAN;
    RT_TRY(report__ask(store, sql, &q, err));
    while (report__next(q) && n < (size_t)c->count) {
        of->score[n] = report__number(q, 0);
        of->truth[n++] = report__number(q, 1);
        c->rung_steps[rung] = report__number(q, 2);
    }
    c->rung_tau[rung] = n >= 5 ? rt_tau_b(of->score, of->truth, NULL, n) : (double)NAN;
    return report__end(store, q, err);
}

/* ---- all of it ---- */

static rt_status analyse(struct store *store, struct report__confirmation *c, struct rt_err *err)
{
    const size_t n = (size_t)c->count;
    double *numbers = calloc(3 * n, sizeof *numbers), rungs;
    int *bands = calloc(2 * n, sizeof *bands);
    struct report__full **sorted = calloc(n, sizeof(struct report__full *));
    const struct columns of = {numbers, numbers + n, numbers + 2 * n, bands, bands + n};
    rt_status rc = RT_OK;

    if (!numbers || !bands || !sorted)
        rc = rt_fail(err, RT_ENOMEM, "no memory for %zu full runs", n);
    if (rc == RT_OK) {
        cut_bands(c, sorted);
        rc = rank_both(c, &of, err);
    }
    if (rc == RT_OK) {
        compare_seeds(c, &of);
        rc = read_course(store, c, &of, err);
    }
    if (rc == RT_OK)
        rc = report__one_number(store, "select count(*) from rung", &rungs, err);
    for (c->rungs = 0; rc == RT_OK && rungs > 1 && c->rungs < rungs && c->rungs < STORE_MAX_RUNGS;
         c->rungs++)
        rc = read_rung(store, c, c->rungs, &of, err);
    free(numbers);
    free(bands);
    free(sorted);
    return rc;
}

rt_status report__confirmation_load(struct store *store, struct report__confirmation *c,
                                    struct rt_err *err)
{
    rt_status rc;

    *c = (struct report__confirmation){.between_seeds = NAN, .enough = NAN};
    RT_TRY(count_runs(store, c, err));
    RT_TRY(find_quantities(store, c, err));
    rc = read_rows(store, c, err);
    if (rc == RT_OK && c->count > 0)
        rc = analyse(store, c, err);
    if (rc != RT_OK)
        report__confirmation_release(c);
    return rc;
}

/* ---- in words ---- */

const char *report__loss(const struct report__quantity *lead, double value, char text[REPORT__CELL])
{
    if (strcmp(lead->unit, "%") == 0)
        (void)snprintf(text, REPORT__CELL, "%.2f points", lead->factor * value);
    else
        report__value_unit(lead, (struct report__value){.value = value, .error = NAN}, text);
    return text;
}

static void add(char **text, size_t *room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(char **text, size_t *room, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(*text, *room, format, args);
    va_end(args);
    const size_t used = n < 0 ? 0 : (size_t)n < *room ? (size_t)n : *room - 1;
    *text += used;
    *room -= used;
}

static void add_ranking(const struct report__confirmation *c, const struct report__ranking *r,
                        char **text, size_t *room)
{
    if (isnan(r->tau))
        add(text, room, "Nothing can be said of one student, or of equal ones. ");
    else if (r->tau >= BELIEVED)
        add(text, room, "Short runs rank these as full runs do (tau-b %.2f). ", r->tau);
    else if (r->tau >= DOUBTED)
        add(text, room,
            "Short runs find the right region and mistake the order within it (tau-b %.2f): train "
            "the %zu best of them fully before one is chosen. ",
            r->tau, r->top);
    else
        add(text, room,
            "Short runs do not rank these as full runs do (tau-b %.2f): do not choose by them. ",
            r->tau);
    if (r->within < DOUBTED && r->tau >= DOUBTED)
        add(text, room, "Most of that is size: among students of about equal cost it is %.2f. ",
            r->within);
    if (!isnan(c->between_seeds))
        add(text, room,
            "Full runs with another seed agree by %.2f, which no short run can exceed "
            "for long. ",
            c->between_seeds);
}

/* Is there anything to lose at all? */
static void add_loss(const struct report__confirmation *c, const struct report__ranking *r,
                     char **text, size_t *room)
{
    char one[REPORT__CELL], top[REPORT__CELL];

    report__loss(&c->lead, r->regret, one);
    report__loss(&c->lead, r->regret_top, top);
    add(text, room,
        "Whoever takes the best of the short runs loses %s of %s to the best of the full ones; "
        "whoever trains the %zu best fully, %s. ",
        one, c->lead.label, r->top, top);
    if (r->told.pairs > 0)
        add(text, room,
            "Of the %.0f pairs that full runs tell apart by two standard errors short runs have "
            "%.0f %% in the right order. ",
            r->told.pairs, 100 * r->told.right / r->told.pairs);
}

static void add_budget(const struct report__confirmation *c, char **text, size_t *room)
{
    for (int i = 0; i + 1 < c->rungs; i++)
        if (c->rung_tau[i] >= BELIEVED) {
            add(text, room,
                "A budget of %.0f steps would have been enough: so the search's rungs "
                "say. ",
                c->rung_steps[i]);
            return;
        }
    if (c->enough < c->steps)
        add(text, room,
            "Judged by the course of the full runs, their order is settled after %.0f of %.0f "
            "steps%s. ",
            c->enough, c->steps,
            c->enough <= c->short_steps ? ", and so within a short run"
                                        : "; a short run with schedules of its own needs less");
    else
        add(text, room,
            "The course of the full runs does not tell their end before it comes: "
            "what budget would have been enough, only runs with that budget say. ");
}

void report__confirmation_verdict(const struct report__confirmation *c, char *text, size_t size)
{
    const struct report__ranking *r = c->tested ? &c->test : &c->validation;

    assert(size > 0);
    text[0] = '\0';
    if (c->count < 2) {
        add(&text, &size, "Too few full runs are done to say anything.");
        return;
    }
    add_ranking(c, r, &text, &size);
    add_loss(c, r, &text, &size);
    add_budget(c, &text, &size);
    if (c->count < 10)
        add(&text, &size, "All that rests on %d students.", c->count);
}
