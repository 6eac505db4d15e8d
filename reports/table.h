/* reports/table.h -- rows as a table of 80 columns, as CSV and as JSON. */
#ifndef REPORTS_TABLE_H
#define REPORTS_TABLE_H
#include <jansson.h>
#include <stdio.h>

#include "reports/rows.h"

/* Index `marked` gets a star; -1: none. Columns are what the study minimises, with error, params
 * and latency always, where measured. An architecture that does not fit goes on below. */
void report__print_table(const struct report__rows *rows, int marked, FILE *out);
void report__print_csv(const struct report__rows *rows, FILE *out);
/* Of a study of the user's own metrics: its objectives. `front`: of the front alone. */
void report__print_own_csv(const struct report__rows *rows, bool front, FILE *out);
json_t *report__json_row(const struct report__row *row); /* NULL: no memory */
/* Takes `value`, which may be NULL for no memory. */
rt_status report__print_json(json_t *value, FILE *out, struct rt_err *err);
#endif
