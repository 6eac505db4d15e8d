/* cli/plan.h -- what a night with a study would come to: for `retort plan`.
 *
 * Measured on this machine, or known exactly; nothing is written. Times are of a machine that does
 * nothing else, with each worker on a core.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H
#include "cli/after_plan.h"
#include "cli/disk.h"
#include "cli/session.h"

enum { PLAN_STUDENTS = 8 };

struct plan {
    int teachers, to_train; /* those that are trained here and are not there yet */
    double teaching;        /* seconds, on all cores of the study */
    int students;           /* measured; drawn from the space */
    double trial, trial_least, trial_most, trial_error; /* seconds of one; its standard error */
    double per_hour;                                    /* trials, by all workers */
    double trials, hours;               /* what the budget comes to; teaching apart */
    double done;                        /* trials that the database has */
    bool bounded;                       /* is there a budget at all? */
    double trial_bytes, smallest_bytes; /* of the largest and the smallest architecture's trial */
    double shared_bytes;                /* what the teachers say, mapped once for all workers */
    double room;                        /* memory that may still be taken */
    struct disk disk;
    double disk_room; /* free where the database is */
    char disk_text[DISK_TEXT];
    bool disk_fits;
    struct after_plan after;
    double full;               /* seconds of a run by the full recipe, on one core */
    double confirm, distill;   /* seconds of the stages that follow, exports with distill */
    double rows;               /* that validate a student */
    double error, error_error; /* a validation error, and its standard error */
};

/* Bytes of what the teachers say, mapped once for all workers of a machine; 0: they are asked beside
 * the students. Of a session that has been prepared. */
double plan_shared_bytes(const struct session *session);
/* Of a session that has been prepared, with the trials, hours and workers of its study. */
rt_status plan_make(struct session *session, double seconds, struct plan *plan, struct rt_err *err);
#endif
