/* reports/page_internal.h -- the parts of the HTML page, in the order in which they stand there. */
#ifndef REPORTS_PAGE_INTERNAL_H
#define REPORTS_PAGE_INTERNAL_H
#include <stdio.h>

#include "reports/chart.h"
#include "reports/rows.h"
#include "reports/text.h"

struct report__page {
    struct store *store;
    FILE *out;
    struct report__rows rows; /* all committed trials with results, or a sample */
    int suggested;            /* index into rows, -1 without a front */
    int every;                /* of the trials beside the front, each so many-th is drawn */
};

extern const char report__page_css[], report__page_js[]; /* made from page.css and page.js */

rt_status report__page_summary(struct report__page *page, struct rt_err *err);
void report__page_front(struct report__page *page); /* plots and table */
void report__page_data(struct report__page *page);  /* the rows as JSON for page.js */
rt_status report__page_played(struct report__page *page, struct rt_err *err);
rt_status report__page_details(struct report__page *page, struct rt_err *err);
rt_status report__page_history(struct report__page *page, struct rt_err *err);
rt_status report__page_surrogate(struct report__page *page, struct rt_err *err); /* its end */
rt_status report__page_rungs(struct report__page *page, struct rt_err *err);
rt_status report__page_confirm(struct report__page *page, struct rt_err *err);
rt_status report__page_afterwards(struct report__page *page, struct rt_err *err);
rt_status report__page_curves(struct report__page *page, struct rt_err *err);
rt_status report__page_importance(struct report__page *page, struct rt_err *err);
rt_status report__page_teachers(struct report__page *page, struct rt_err *err);
rt_status report__page_agreement(struct report__page *page, struct rt_err *err); /* their end */
rt_status report__page_failures(struct report__page *page, struct rt_err *err);
rt_status report__page_measured(struct report__page *page, struct rt_err *err);
rt_status report__page_study(struct report__page *page, struct rt_err *err);

/* How a quantity is drawn: value times factor, beside the label, which has the unit. Times go into
 * the unit that fits all of them. */
struct report__show {
    double factor;
    char label[128];
};
struct report__show report__show(const struct report__rows *rows, int q);
/* Of a row. */
double report__shown(const struct report__show *show, const struct report__row *row, int q);

/* Is row i drawn in plots of all trials? The front always is. */
bool report__page_draws(const struct report__page *page, int i);
/* A class to add to dots that are many: " many" or "". */
const char *report__page_crowd(const struct report__page *page);

void report__section(FILE *out, const char *id, const char *title);
void report__noun_title(FILE *out, const struct report__rows *rows); /* "Students" */
/* Opens a figure; close it with report__figure_close(), whose caption may hold elements. */
void report__figure_open(FILE *out);
void report__figure_close(FILE *out, const char *caption);

/* A table that sorts by click: `heads` are the titles, ended by NULL; one that begins with '<' is
 * aligned left, without it. */
void report__table_open(FILE *out, const char *const heads[]);
/* The same in parts: any number of heads before the rows. */
void report__heads_open(FILE *out);
void report__head_cell(FILE *out, const char *head);
void report__heads_close(FILE *out);
void report__table_close(FILE *out);
/* A cell; sorted by `value` unless that is NaN, else by its text. */
void report__cell(FILE *out, const char *text, double value);
void report__cell_value(FILE *out, const struct report__quantity *quantity,
                        struct report__value value);
void report__cell_left(FILE *out, const char *text);
void report__cell_arch(FILE *out, const char *arch);
#endif
