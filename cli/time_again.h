/* cli/time_again.h -- latency of candidates that are known, measured again where that is not clear yet:
 * what `latency` and `confirm` share.
 *
 * Round after round over those that are unsure, until none is, the time is up, or it is to stop; then
 * all figures, metrics and the front are those of all blocks.
 */
#ifndef CLI_TIME_AGAIN_H
#define CLI_TIME_AGAIN_H
#include "cli/device.h"
#include "cli/latencies.h"
#include "cli/session.h"
#include "cli/settings.h"

struct time_again { /* begin with zeros */
    /* given */
    struct store *store;
    const struct session *session; /* its kernels those that the study began with */
    const struct settings *settings;
    const char *command, *host; /* of another machine; NULL: the study's, or this one */
    char *const *arch;          /* [count] texts of candidates */
    int count;
    double seconds;
    int blocks;        /* clear figures of fewer are unsure, too; 0: none is */
    bool unsure_alone; /* else each gets one turn, however long that takes */
    const atomic_int *stop;
    /* what came of it */
    struct tr_latency_options setting[STUDY_LATENCIES];
    int settings_count;
    struct latencies *latencies; /* NULL: no machine was met */
    /* its own */
    int64_t row;           /* of the machine in the store */
    struct device *device; /* NULL: this machine measures */
};

rt_status time_again(struct time_again *again, struct rt_err *err);
void time_again_close(struct time_again *again);
#endif
