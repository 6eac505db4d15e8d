/* reports/rung_rows.c -- rung_rows.h, and their section of the page.
 *
 * The view `rungs` does the counting; here it is put into words.
 */
#include "reports/rung_rows.h"

#include <sqlite3.h>

#include "reports/page_internal.h"
#include "reports/text.h"

rt_status report__rungs_load(struct store *store, struct report__rungs *rungs, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    int known = 0;

    rungs->count = 0;
    RT_TRY(report__ask(store, "select count(*) from rung", &q, err));
    if (report__next(q))
        known = sqlite3_column_int(q, 0);
    RT_TRY(report__end(store, q, err));
    if (known < 2) /* nobody asks of one alone, and the view looks at all its trials */
        return RT_OK;
    RT_TRY(report__ask(store,
                       "select budget, committed, failed, seconds_per_trial, pairs, tau_b,"
                       " best_third_kept from rungs",
                       &q, err));
    while (rungs->count < STORE_MAX_RUNGS && report__next(q))
        rungs->rung[rungs->count++] = (struct report__rung){
            report__number(q, 0), report__number(q, 1), report__number(q, 2), report__number(q, 3),
            report__number(q, 4), report__number(q, 5), report__number(q, 6)};
    return report__end(store, q, err);
}

void report__rung_text(const struct report__rung *rung, char *text, size_t size)
{
    char tau[REPORT__CELL];

    text[0] = '\0';
    if (rung->pairs > 0)
        (void)snprintf(text, size, "next rung: tau-b %s, best third %.0f %% kept",
                       report__fixed(rung->tau, 2, tau), 100 * rung->kept);
}

static void print_row(FILE *out, const struct report__rung *rung)
{
    char text[REPORT__CELL];

    (void)fputs("<tr>", out);
    report__cell(out, report__fixed(rung->budget, 0, text), rung->budget);
    report__cell(out, report__fixed(rung->committed, 0, text), rung->committed);
    report__cell(out, report__fixed(rung->failed, 0, text), rung->failed);
    report__cell(out, report__duration(rung->seconds, text), rung->seconds);
    report__cell(out, report__fixed(rung->pairs, 0, text), rung->pairs);
    report__cell(out, report__fixed(rung->tau, 3, text), rung->tau);
    report__cell(out, report__percent(rung->kept, text), rung->kept);
    (void)fputs("</tr>\n", out);
}

rt_status report__page_rungs(struct report__page *page, struct rt_err *err)
{
    const char *const heads[] = {"steps",
                                 page->rows.nouns,
                                 "failed",
                                 "time of one",
                                 "at both",
                                 "tau-b with the next",
                                 "best third kept, %",
                                 NULL};
    struct report__rungs rungs;

    RT_TRY(report__rungs_load(page->store, &rungs, err));
    if (rungs.count < 2)
        return RT_OK;
    report__section(page->out, "rungs", "Short and long runs");
    (void)fputs("<p class=\"lead\">Each ", page->out);
    report__html(page->out, page->rows.noun);
    (void)fputs(
        " gets the fewest steps first, and the best go on to a longer run of their own. What "
        "stands elsewhere on this page is of the longest. Where tau-b is near 1, a run ranks as "
        "the next longer one does; near 0 it says nothing and should be longer. It compares the "
        "latest 500 that went on, which are more alike than all.</p>\n",
        page->out);
    report__table_open(page->out, heads);
    for (int i = 0; i < rungs.count; i++)
        print_row(page->out, &rungs.rung[i]);
    report__table_close(page->out);
    return RT_OK;
}
