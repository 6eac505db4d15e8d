/* reports/page_agreement.c -- the teachers' weights, and how often each two of them agree.
 *
 * One matrix: whether a teacher is worth its cost is seen from its row, not from its own error.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page_internal.h"
#include "reports/text.h"

enum { most = 32, before = 3 }; /* teachers, ensemble included; columns before the matrix */

struct matrix {
    int count;
    char name[most][STORE_NAME * 2];
    double weight[most], calibration[most], agreement[most][most];
};

static rt_status load(struct store *store, struct matrix *m, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, "select name, weight, calibration from teacher order by number", &q,
                       err));
    for (; m->count < most && report__next(q); m->count++) {
        (void)snprintf(m->name[m->count], sizeof m->name[0], "%s", report__column(q, 0));
        m->weight[m->count] = report__number(q, 1);
        m->calibration[m->count] = report__number(q, 2);
    }
    RT_TRY(report__end(store, q, err));
    for (int i = 0; i < most; i++)
        for (int j = 0; j < most; j++)
            m->agreement[i][j] = i == j ? 1 : (double)NAN;
    RT_TRY(report__ask(store, "select teacher, other, agreement from teacher_agreement", &q, err));
    while (report__next(q)) {
        const int i = sqlite3_column_int(q, 0), j = sqlite3_column_int(q, 1);
        if (i >= 0 && i < m->count && j >= 0 && j < m->count)
            m->agreement[i][j] = m->agreement[j][i] = report__number(q, 2);
    }
    return report__end(store, q, err);
}

static void print_row(FILE *out, const struct matrix *m, int i)
{
    const bool ensemble = i == m->count - 1;
    char text[REPORT__CELL];

    (void)fputs("<tr class=\"teacher\">", out);
    report__cell_left(out, m->name[i]);
    report__cell(out, ensemble ? "-" : report__fixed(m->weight[i], 3, text),
                 ensemble ? (double)NAN : m->weight[i]);
    report__cell(out, ensemble ? "-" : report__fixed(m->calibration[i], 2, text),
                 ensemble ? (double)NAN : m->calibration[i]);
    for (int j = 0; j < m->count; j++)
        report__cell(out, report__percent(m->agreement[i][j], text), m->agreement[i][j]);
    (void)fputs("</tr>\n", out);
}

rt_status report__page_agreement(struct report__page *page, struct rt_err *err)
{
    const char *heads[before + most + 1] = {"<name", "weight", "temperature"};
    struct matrix *m = calloc(1, sizeof *m);
    rt_status rc;

    if (!m)
        return rt_fail(err, RT_ENOMEM, "no memory for the teachers' agreement");
    rc = load(page->store, m, err);
    if (rc == RT_OK && m->count > 2) { /* one teacher and its ensemble are the same */
        (void)fputs("<h3>Agreement of the teachers</h3>\n<p class=\"lead\">Share of the validation "
                    "rows for which two find the same class most likely, in %. Teachers that "
                    "always agree add nothing to each other; the ensemble's row says whom it "
                    "follows. Weight and temperature of each are those of the search.</p>\n",
                    page->out);
        for (int j = 0; j < m->count; j++)
            heads[before + j] = m->name[j];
        report__table_open(page->out, heads);
        for (int i = 0; i < m->count; i++)
            print_row(page->out, m, i);
        report__table_close(page->out);
    }
    free(m);
    return rc;
}
