/* reports/page_played.c -- episodes of the suggested student, where `retort play` has kept some. */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/film.h"
#include "reports/page_internal.h"

enum { most_starts = 100000, most_capsules = 64, most_frames = 100000 };

struct played {
    int starts, shown; /* shown: the start with pictures; starts: none */
    bool full;
    double *student, *teacher; /* [starts] */
    struct report_film film[2];
    double *shape[2], *total[2];
};

static rt_status no_memory(struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory for the episodes of the page");
}

/* Frames of floats, see store/played.c; what is not whole or not finite is no film. */
static rt_status read_film(struct played *p, int who, const void *blob, int bytes, int capsules,
                           struct rt_err *err)
{
    const int floats = capsules >= 1 && capsules <= most_capsules ? store_film_floats(capsules) : 0;
    const int frames = floats ? bytes / (4 * floats) : 0;

    if (!blob || frames < 1 || frames > most_frames || bytes % (4 * floats) || p->shape[who])
        return RT_OK;
    p->shape[who] = calloc((size_t)frames * (size_t)capsules * REPORT_FILM_CAPSULE, sizeof(double));
    p->total[who] = calloc((size_t)frames, sizeof(double));
    if (!p->shape[who] || !p->total[who])
        return no_memory(err);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)frames * floats; i++) {
        const ptrdiff_t frame = i / floats, at = i % floats;
        float value;
        memcpy(&value, (const char *)blob + 4 * i, sizeof value);
        if (!isfinite(value) || fabsf(value) > 1e6F)
            return RT_OK;
        if (at)
            p->shape[who][frame * (floats - 1) + at - 1] = (double)value;
        else
            p->total[who][frame] = (double)value;
    }
    p->film[who] = (struct report_film){
        .frames = frames, .capsules = capsules, .shape = p->shape[who], .total = p->total[who]};
    return RT_OK;
}

static rt_status read_row(struct played *p, sqlite3_stmt *q, struct rt_err *err)
{
    const int start = sqlite3_column_int(q, 0), who = sqlite3_column_int(q, 1) != 0;
    const double total = report__number(q, 2);

    if (start < 0 || start >= p->starts || !isfinite(total))
        return RT_OK;
    (who ? p->teacher : p->student)[start] = total;
    p->full |= sqlite3_column_int(q, 3) != 0;
    if (sqlite3_column_type(q, 5) == SQLITE_NULL)
        return RT_OK;
    p->shown = start;
    return read_film(p, who, sqlite3_column_blob(q, 5), sqlite3_column_bytes(q, 5),
                     sqlite3_column_int(q, 4), err);
}

static rt_status load(struct report__page *page, long long candidate, struct played *p,
                      struct rt_err *err)
{
    char sql[256];
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK, ended;

    p->student = calloc((size_t)p->starts, sizeof *p->student);
    p->teacher = calloc((size_t)p->starts, sizeof *p->teacher);
    if (!p->student || !p->teacher)
        return no_memory(err);
    for (int i = 0; i < p->starts; i++)
        p->student[i] = p->teacher[i] = (double)NAN;
    p->shown = p->starts;
    (void)snprintf(sql, sizeof sql,
                   "select start, who = 'teacher', total, recipe = 'full', capsules, film"
                   " from main.played where candidate = %lld order by start, who",
                   candidate);
    RT_TRY(report__ask(page->store, sql, &q, err));
    while (rc == RT_OK && report__next(q))
        rc = read_row(p, q, err);
    ended = report__end(page->store, q, rc ? NULL : err);
    return rc ? rc : ended;
}

static double mean_of(const double *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

static void print_films(const struct played *p, FILE *out)
{
    struct report_film films[2] = {p->film[0], p->film[1]};
    char caption[2][64];

    if (!films[0].frames || !films[1].frames)
        return;
    for (int who = 0; who < 2; who++) {
        (void)snprintf(caption[who], sizeof caption[who], "start %d, return %.5g", p->shown,
                       (who ? p->teacher : p->student)[p->shown]);
        films[who].title = who ? "teacher" : "student";
        films[who].caption = caption[who];
    }
    report_film_write(out, films, 2);
}

static void print(const struct report__page *page, const struct played *p)
{
    const struct report__row *row = &page->rows.row[page->suggested];

    report__section(page->out, "played", "Episodes");
    (void)fprintf(
        page->out,
        "<p class=\"lead\">The suggested candidate, %lld, by the %s: a mean return of %.5g from %d "
        "starts, its teachers %.5g.</p>\n",
        (long long)row->candidate,
        p->full ? "full recipe" : "recipe of its trials, trained once more",
        mean_of(p->student, p->starts), p->starts, mean_of(p->teacher, p->starts));
    print_films(p, page->out);
    report_pairs_write(page->out, &(struct report_pairs){.count = p->starts,
                                                         .student = p->student,
                                                         .teacher = p->teacher,
                                                         .marked = p->shown});
}

/* How many starts are kept of the candidate: 0 without the table. */
static rt_status count_starts(struct report__page *page, long long candidate, int *starts,
                              struct rt_err *err)
{
    static const char kept[] = "select count(*) from main.sqlite_schema where type = 'table'"
                               " and name = 'played' and rootpage > 0";
    char sql[128];
    double count;

    *starts = 0;
    RT_TRY(report__one_number(page->store, kept, &count, err));
    if (!(count > 0))
        return RT_OK;
    (void)snprintf(sql, sizeof sql,
                   "select count(distinct start) from main.played where candidate = %lld",
                   candidate);
    RT_TRY(report__one_number(page->store, sql, &count, err));
    if (count >= 1 && count <= most_starts)
        *starts = (int)count;
    return RT_OK;
}

rt_status report__page_played(struct report__page *page, struct rt_err *err)
{
    struct played p = {.starts = 0};
    rt_status rc = RT_OK;

    if (page->suggested < 0)
        return RT_OK;
    const long long candidate = page->rows.row[page->suggested].candidate;
    RT_TRY(count_starts(page, candidate, &p.starts, err));
    if (p.starts > 0 && (rc = load(page, candidate, &p, err)) == RT_OK) {
        bool whole = true;
        for (int i = 0; i < p.starts; i++)
            whole &= isfinite(p.student[i]) && isfinite(p.teacher[i]);
        if (whole)
            print(page, &p);
    }
    free(p.student);
    free(p.teacher);
    for (int who = 0; who < 2; who++) {
        free(p.shape[who]);
        free(p.total[who]);
    }
    return rc;
}
