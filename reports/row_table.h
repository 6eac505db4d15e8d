/* reports/row_table.h -- rows as a table of 80 columns, as CSV and as JSON. */
#ifndef REPORTS_ROW_TABLE_H
#define REPORTS_ROW_TABLE_H
#include <jansson.h>
#include <stdio.h>

#include "reports/rows.h"
#include "reports/text.h"

/* Index `marked` gets a star; -1: none. Columns are what the study minimises, and what is always
 * shown. An architecture that does not fit goes on below. */
void report__print_table(const struct report__rows *rows, int marked, FILE *out);
/* Rows from..from+count-1, or of these the front alone: values as they are stored, the lead with
 * its standard error; whose unit is that of the value, has it in its name: "latency_ms". */
void report__print_csv(const struct report__rows *rows, int from, int count, bool front, FILE *out);
/* The name of a quantity there. */
const char *report__csv_name(const struct report__quantity *quantity, char text[REPORT__LINE]);
/* One row with the same names; NULL: no memory. */
json_t *report__json_row(const struct report__rows *rows, int row);
/* Takes `value`, which may be NULL for no memory. */
rt_status report__print_json(json_t *value, FILE *out, struct rt_err *err);
#endif
