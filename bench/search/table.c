/* bench/search/table.c -- see table.h.
 *
 * An architecture is found by its text; 432 rows need no index.
 */
#include "bench/search/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MOST_COLUMNS = 4 + 3 * STORE_MAX_RUNGS };

struct row {
    struct space_arch arch;
    double error[STORE_MAX_RUNGS];
};

struct bench_table {
    struct row *row;
    size_t count, room;
};

/* Cut a line into columns, in place. */
static int split(char *line, char *column[MOST_COLUMNS])
{
    int count = 0;

    for (char *end; count < MOST_COLUMNS; line = end + 1) {
        column[count++] = line;
        end = strchr(line, ',');
        if (!end)
            break;
        *end = '\0';
    }
    return count;
}

/* Columns of errors, as place[0..budget_count-1]. */
static void read_head(struct bench_problem *p, char *line, int place[STORE_MAX_RUNGS])
{
    char *column[MOST_COLUMNS];
    const int count = split(line, column);

    p->budget_count = 0;
    for (int c = 0; c < count; c++)
        if (strncmp(column[c], "error_", 6) == 0 && p->budget_count < STORE_MAX_RUNGS) {
            place[p->budget_count] = c;
            p->budget[p->budget_count++] = strtoll(column[c] + 6, NULL, 10);
        }
}

static rt_status read_row(struct bench_problem *p, char *line, const int *place, struct rt_err *err)
{
    struct bench_table *t = p->table;
    char *column[MOST_COLUMNS];
    const int count = split(line, column);

    if (t->count == t->room) {
        const size_t room = t->room ? 2 * t->room : 512;
        struct row *row = realloc(t->row, room * sizeof *row);
        if (!row)
            return rt_fail(err, RT_ENOMEM, "no memory for the table");
        t->row = row;
        t->room = room;
    }
    struct row *row = &t->row[t->count];
    RT_TRY(space_arch_parse(column[0], &row->arch, err));
    if (!space_contains(&p->space, &row->arch))
        return rt_fail(err, RT_EFORMAT, "'%s' is not in the space of '%s'", column[0], p->name);
    for (int b = 0; b < p->budget_count; b++)
        row->error[b] = place[b] < count ? strtod(column[place[b]], NULL) : NAN;
    t->count++;
    return RT_OK;
}

static rt_status read_table(struct bench_problem *p, char *text, struct rt_err *err)
{
    int place[STORE_MAX_RUNGS] = {0};
    char *rest = text, *line = strtok_r(rest, "\n", &rest);

    read_head(p, line ? line : text, place);
    while ((line = strtok_r(NULL, "\n", &rest)))
        RT_TRY(read_row(p, line, place, err));
    if (!p->budget_count || (int64_t)p->table->count != space_size(&p->space))
        return rt_fail(err, RT_EFORMAT, "the table has %zu of the %lld architectures of '%s'",
                       p->table->count, (long long)space_size(&p->space), p->name);
    return RT_OK;
}

static rt_status list_front(struct bench_problem *p, struct rt_err *err)
{
    const size_t m = (size_t)p->objective_count, n = p->table->count;
    double *points = calloc(n * m, sizeof *points);
    int *rank = calloc(n, sizeof *rank);
    rt_status rc = RT_OK;

    if (!points || !rank)
        rc = rt_fail(err, RT_ENOMEM, "no memory for the table");
    for (size_t i = 0; i < n && rc == RT_OK; i++)
        bench_evaluate(p, &p->table->row[i].arch, -1, points + i * m);
    if (rc == RT_OK)
        rc = search_ranks(points, n, (int)m, rank, err);
    for (size_t i = 0; i < n && rc == RT_OK; i++)
        if (rank[i] == 0)
            memmove(points + p->front_count++ * m, points + i * m, m * sizeof *points);
    p->front = points;
    free(rank);
    return rc;
}

rt_status bench_table_open(struct bench_problem *problem, struct rt_err *err)
{
    char *text = NULL;
    size_t bytes;
    rt_status rc = RT_OK;

    problem->table = calloc(1, sizeof *problem->table);
    if (!problem->table)
        return rt_fail(err, RT_ENOMEM, "no memory for the table");
    rc = rt_file_read(BENCH_TABLE, 1 << 22, &text, &bytes, err);
    if (rc == RT_OK)
        rc = read_table(problem, text, err);
    free(text);
    return rc == RT_OK ? list_front(problem, err) : rc;
}

void bench_table_close(struct bench_table *table)
{
    if (table)
        free(table->row);
    free(table);
}

double bench_table_error(const struct bench_problem *problem, const struct space_arch *arch,
                         int rung)
{
    const struct bench_table *t = problem->table;

    for (size_t i = 0; i < t->count; i++)
        if (space_arch_equal(&t->row[i].arch, arch))
            return t->row[i].error[rung < 0 ? problem->budget_count - 1 : rung];
    return NAN;
}
