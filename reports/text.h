/* reports/text.h -- numbers as people read them, and text made safe for where it goes. */
#ifndef REPORTS_TEXT_H
#define REPORTS_TEXT_H
#include <stdio.h>

#define REPORT__CELL 48

/* All return `text`; what is not finite is "-". */
const char *report__count(double value, char text[REPORT__CELL]); /* 999, 12.3k, 1.23M */
const char *report__ms(double ms, char text[REPORT__CELL]);       /* 7.81 µs, 0.42 ms, 1.5 s */
/* A share in percent: "20.30", with a standard error "20.30 ±0.57". */
const char *report__percent(double share, double se, char text[REPORT__CELL]);
const char *report__fixed(double value, int digits, char text[REPORT__CELL]);
const char *report__duration(double seconds, char text[REPORT__CELL]); /* "7 h 59 min" */
/* "2026-11-24T06:40:22.804Z" as "2026-11-24 06:40 UTC"; other text as it is. */
const char *report__time(const char *utc, char text[REPORT__CELL]);
/* By the name of the objective: error in percent, latency with its unit, sizes by report__count. */
const char *report__value(const char *objective, double value, char text[REPORT__CELL]);

/* Columns on a terminal: UTF-8 characters, which are all of width one here. */
int report__columns(const char *text);
/* At least `width` columns: text on the left when width < 0, else on the right. */
void report__pad(FILE *out, const char *text, int width);

void report__html(FILE *out, const char *text);    /* for elements and quoted attributes */
void report__json(FILE *out, const char *text);    /* quoted; holds no '<', so no "</script" */
void report__json_number(FILE *out, double value); /* null when not finite */
#endif
