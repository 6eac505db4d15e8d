/* reports/film.h -- an episode as a moving picture: one HTML file of its own, no server, no network.
 *
 * Picture  capsules seen from the side, in metres, y upward, one film beside the other and in step;
 *          the first frame is there without its script. What moves along is followed.
 * Threads  plain functions.
 */
#ifndef REPORTS_FILM_H
#define REPORTS_FILM_H
#include <stdio.h>

#include "base/status.h"

enum { REPORT_FILM_CAPSULE = 5 }; /* numbers of one: x0, y0, x1, y1, radius */

struct report_film {
    const char *title, *caption; /* who acts; how it went */
    int frames, capsules;        /* of each frame */
    const double *shape;         /* (frames, capsules, REPORT_FILM_CAPSULE) */
    const double *total;         /* [frames] return so far */
};

/* Into an open file, as part of a page: a figure and, once a page, its script. */
void report_film_write(FILE *out, const struct report_film *films, int count);
extern const char report__film_style[]; /* of both, for the head of a page */

/* Pairs of returns on the same starts: student over teacher, and the line where both are equal. */
struct report_pairs {
    int count;
    const double *student, *teacher; /* [count] */
    int marked;                      /* the one that is shown; count or more: none */
};

void report_pairs_write(FILE *out, const struct report_pairs *pairs);

/* A page of its own; pairs may be NULL; written beside and renamed. */
rt_status report_film_page(const char *path, const char *title, const struct report_film *films,
                           int count, const struct report_pairs *pairs, struct rt_err *err);
#endif
