/* reports/text.h -- numbers as people read them, and text made safe for where it goes. */
#ifndef REPORTS_TEXT_H
#define REPORTS_TEXT_H
#include <stdio.h>

#include "reports/rows.h"

#define REPORT__CELL 48
#define REPORT__LINE (REPORT__CELL + STORE_NAME)

/* All return `text`; what is not finite is "-". */
const char *report__count(double value, char text[REPORT__CELL]); /* 999, 12.3k, 1.23M */
const char *report__ms(double ms, char text[REPORT__CELL]);       /* 7.81 µs, 0.42 ms, 1.5 s */
/* A share in percent: "20.30". */
const char *report__percent(double share, char text[REPORT__CELL]);
/* A difference of shares: "0.5 points", "1 point". */
const char *report__points(double difference, char text[REPORT__CELL]);
const char *report__fixed(double value, int digits, char text[REPORT__CELL]);
const char *report__duration(double seconds, char text[REPORT__CELL]); /* "7 h 59 min" */
/* "2026-11-24T06:40:22.804Z" as "2026-11-24 06:40 UTC"; other text as it is. */
const char *report__time(const char *utc, char text[REPORT__CELL]);

/* A value as its quantity wants it: without its unit, which stands in the head of its column (but a
 * time has its own, which fits it); with the unit; and with the name too: "20.30 % error",
 * "12.3k params", "loss 0.0203". A standard error that is not NaN is added where there is a unit
 * of shares. */
const char *report__value(const struct report__quantity *quantity, struct report__value value,
                          char text[REPORT__CELL]);
const char *report__value_unit(const struct report__quantity *quantity, struct report__value value,
                               char text[REPORT__CELL]);
const char *report__value_name(const struct report__quantity *quantity, struct report__value value,
                               char text[REPORT__LINE]);
/* Is it a time, and so of a machine? */
bool report__is_time(const struct report__quantity *quantity);
/* The head of a column, with the unit but for times: "error, %", when `before_unit` is ", ". */
const char *report__head(const struct report__quantity *quantity, const char *called,
                         const char *before_unit, char text[REPORT__LINE]);

/* Columns on a terminal: UTF-8 characters, which are all of width one here. */
int report__columns(const char *text);
/* At least `width` columns: text on the left when width < 0, else on the right. */
void report__pad(FILE *out, const char *text, int width);
#define REPORT__LABEL 12 /* columns */
/* A label and a text, in lines of at most 80 columns, further ones indented. */
void report__labelled(FILE *out, const char *label, const char *text);

void report__html(FILE *out, const char *text);    /* for elements and quoted attributes */
void report__json(FILE *out, const char *text);    /* quoted; holds no '<', so no "</script" */
void report__json_number(FILE *out, double value); /* null when not finite */
#endif
