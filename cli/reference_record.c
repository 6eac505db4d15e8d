/* cli/reference_record.c -- see reference_record.h. */
#include "cli/reference_record.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"

#define SAME 1.01 /* bests that are one, as times each other */

enum {
    MOST_BYTES = 1 << 16, /* of the file: some hundred machines and settings */
    MOST_DAYS = 3 * 31,   /* that a line counts */
    DAY = 11              /* bytes of a date, its end included */
};

/* ---- one line ---- */

struct line {
    struct reference_key key;
    double best;
    char day[DAY];
};

/* The next field of *at up to a tab or the end: into text, which has room. False: it has not, or there is
 * no field. */
static bool field(const char **at, const char *end, char *text, size_t room)
{
    const char *stop = memchr(*at, '\t', (size_t)(end - *at));
    const size_t n = (size_t)((stop ? stop : end) - *at);

    if (n == 0 || n >= room)
        return false;
    memcpy(text, *at, n);
    text[n] = '\0';
    *at = stop ? stop + 1 : end;
    return true;
}

/* 1 to INT_MAX; 0: it is none. */
static int count_of(const char *text)
{
    char *end;
    const long n = strtol(text, &end, 10);

    return *end == '\0' && n > 0 && n <= INT_MAX ? (int)n : 0;
}

static bool parse(const char *at, const char *end, struct line *line)
{
    char best[32], threads[12], batch[12], *rest;
    struct reference_key *k = &line->key;

    if (!field(&at, end, best, sizeof best) || !field(&at, end, threads, sizeof threads) ||
        !field(&at, end, batch, sizeof batch) || !field(&at, end, line->day, sizeof line->day) ||
        !field(&at, end, k->build, sizeof k->build) ||
        !field(&at, end, k->kernels, sizeof k->kernels) ||
        !field(&at, end, k->host, sizeof k->host) || !field(&at, end, k->cpu, sizeof k->cpu) ||
        at != end)
        return false;
    line->best = strtod(best, &rest);
    k->threads = count_of(threads);
    k->batch = count_of(batch);
    return *rest == '\0' && isfinite(line->best) && line->best > 0 && k->threads && k->batch;
}

static bool same_place(const struct line *line, const struct reference_key *key)
{
    return line->key.threads == key->threads && line->key.batch == key->batch &&
           strcmp(line->key.kernels, key->kernels) == 0 && strcmp(line->key.host, key->host) == 0 &&
           strcmp(line->key.cpu, key->cpu) == 0;
}

/* About; -1: no date. */
static int days(const char *date)
{
    int year, month, day;

    if (sscanf(date, "%4d-%2d-%2d", &year, &month, &day) != 3 || year < 0 || month < 0 || day < 0)
        return -1;
    return (year * 12 + month) * 31 + day;
}

static bool counts(const struct line *line, const struct reference_key *key, const char *today)
{
    const int then = days(line->day), now = days(today);

    return same_place(line, key) && strcmp(line->key.build, key->build) == 0 && then >= 0 &&
           now - then <= MOST_DAYS;
}

static const char *end_of(const char *line)
{
    const char *end = strchr(line, '\n');

    return end ? end : line + strlen(line);
}

double reference_record_find(const char *text, const struct reference_key *key, const char *today)
{
    double best = NAN;

    for (const char *at = text, *end; *at; at = *end ? end + 1 : end) {
        struct line line;
        end = end_of(at);
        if (parse(at, end, &line) && counts(&line, key, today))
            best = fmin(best, line.best); /* of NaN and a number the number */
    }
    return best;
}

/* ---- the file ---- */

static void day_of_today(char day[DAY])
{
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    (void)snprintf(day, DAY, "%.10s", now);
}

static bool find_path(char path[RT_PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = -1;

    if (state && state[0] == '/')
        n = snprintf(path, RT_PATH_MAX, "%s/retort/references", state);
    else if (home && home[0] == '/')
        n = snprintf(path, RT_PATH_MAX, "%s/.local/state/retort/references", home);
    return n > 0 && n < RT_PATH_MAX;
}

/* NULL: there is none. The caller's to free. */
static char *text_of(const char *path)
{
    char *text = NULL;
    size_t bytes;

    return rt_file_read(path, MOST_BYTES, &text, &bytes, NULL) == RT_OK ? text : NULL;
}

double reference_record_best(const struct reference_key *key)
{
    char path[RT_PATH_MAX], today[DAY], *text;

    if (!find_path(path) || !(text = text_of(path)))
        return NAN;
    day_of_today(today);
    const double best = reference_record_find(text, key, today);
    free(text);
    return best;
}

/* What is there of other machines and settings, as far as it fits, and this. */
static void print(FILE *file, const char *text, const struct reference_key *key, double best,
                  const char *today)
{
    for (const char *at = text ? text : "", *end; *at; at = *end ? end + 1 : end) {
        struct line line;
        end = end_of(at);
        if (parse(at, end, &line) && !same_place(&line, key) &&
            end - text < MOST_BYTES - (int)sizeof line)
            (void)fprintf(file, "%.*s\n", (int)(end - at), at);
    }
    (void)fprintf(file, "%.1f\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", best, key->threads, key->batch, today,
                  key->build, key->kernels, key->host, key->cpu);
}

static bool printable(const struct reference_key *key)
{
    return key->host[0] && key->cpu[0] && key->kernels[0] && key->build[0] &&
           !strpbrk(key->host, "\t\n") && !strpbrk(key->cpu, "\t\n") &&
           !strpbrk(key->kernels, "\t\n");
}

void reference_record_keep(const struct reference_key *key, double best)
{
    char path[RT_PATH_MAX], today[DAY], *text;
    struct rt_writer writer;

    assert(best > 0);
    if (!printable(key) || !find_path(path) || rt_folder_make_for(path, NULL) != RT_OK)
        return;
    day_of_today(today);
    text = text_of(path);
    const double known = text ? reference_record_find(text, key, today) : (double)NAN;
    if (!(known * SAME < best) && rt_writer_open(&writer, path, NULL) == RT_OK) {
        print(writer.file, text, key, fmin(known, best), today);
        if (rt_writer_commit(&writer, NULL) != RT_OK)
            rt_writer_abandon(&writer);
    }
    free(text);
}
