/* cli/costs.h -- what trials of a study cost on this machine, measured: for `bench` and `plan`.
 *
 * Students are drawn from the space as a search draws its random ones; each is timed as a trial
 * would be: single calls, some steps of training, the whole validation. The teachers need not be
 * there, unless they act: numbers in their place cost the same.
 */
#ifndef CLI_COSTS_H
#define CLI_COSTS_H
#include "base/random.h"
#include "cli/session.h"
#include "cli/settings.h"

struct costs { /* of a study; keep it where it was opened */
    struct session *session;
    struct settings settings;
    struct tr_knowledge knowledge;
    struct tr_data data;
    float *logits;
    struct rt_rng rng; /* of the students drawn */
};

struct cost { /* of one trial: seconds of one core, and bytes at its peak */
    double seconds, train, evaluate, latency;
    double act; /* of students that act: of a run's own episodes */
    size_t bytes;
};

/* Of a session that has been prepared, and whose network of inner layers is opened here. */
rt_status costs_open(struct costs *costs, struct session *session, struct rt_err *err);
void costs_close(struct costs *costs);
/* The next student of the space that keeps its limits; false: none was found. */
bool costs_draw(struct costs *costs, struct space_arch *arch);
/* Trains for about `seconds`, validates and times single calls. */
rt_status costs_measure(const struct costs *costs, const struct space_arch *arch, double seconds,
                        struct cost *cost, struct rt_err *err);
/* Seconds of a run of it by the full recipe on one core, with its validation. */
rt_status costs_full(const struct costs *costs, const struct space_arch *arch, double seconds,
                     double *cost, struct rt_err *err);
/* The peak of that student's trial, without running anything. */
rt_status costs_bytes(const struct costs *costs, const struct space_arch *arch, size_t *bytes,
                      struct rt_err *err);
#endif
