/* cli/latency_lines.h -- what is said between `retort latency` and the program that measures for it on
 * another machine: one line of JSON each way. docs/latency.md describes it to those who write one.
 *
 * Threads  pure functions.
 */
#ifndef CLI_LATENCY_LINES_H
#define CLI_LATENCY_LINES_H
#include "base/machine.h"
#include "trainer/measure/latency.h"

struct latency_request {
    struct space_arch arch;
    struct space_shape shape;
    struct tr_latency_options setting;
    int blocks;
    double seconds;
};

struct latency_answer {
    struct rt_machine machine; /* what is not said is "unknown" or 0 */
    char kernels[32];          /* likewise */
    struct tr_latency measured;
};

/* Its newline included; caller frees, NULL when out of memory. */
char *latency_request_print(const struct latency_request *request);
/* RT_EFORMAT says what is wrong; what passes can be built and timed. */
rt_status latency_request_parse(const char *line, struct latency_request *request,
                                struct rt_err *err);
/* `failure` not NULL: in place of what was measured. */
char *latency_answer_print(const struct latency_answer *answer, const char *failure);
/* RT_EIO with the other side's words when it could not measure. */
rt_status latency_answer_parse(const char *line, struct latency_answer *answer, struct rt_err *err);
#endif
