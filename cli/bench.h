/* cli/bench.h -- the parts of `retort bench`. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H
#include "reports/report.h"
#include "trainer/measure/latency.h"
#include "trainer/measure/speed.h"
#include "trainer/measure/tune.h"

/* What is measured of one student, in words of trainer/measure/speed.h. */
struct bench_row {
    char arch[SPACE_ARCH_TEXT];
    int side; /* of the square images */
    struct tr_tuning tuning;
    struct tr_speed speed;
    struct tr_latency_figure latency;
};

enum { bench_batch = 64 };

/* Tune (micro_batch 0) or take the given micro-batch, train for so many seconds, then time single
 * calls. */
rt_status bench_student(const struct space_arch *arch, const struct space_shape *shape,
                        const struct tr_kernels *kernels, int micro_batch, double seconds,
                        struct bench_row *row, struct rt_err *err);

/* What one who knows nothing says about every row of a task; the logits are the caller's to free. */
rt_status bench_knowledge(const struct tr_task *task, int teachers, struct tr_knowledge *knowledge,
                          float **logits, struct rt_err *err);
/* `retort bench STUDY`: what a trial of this study costs, and how many fit into an hour. */
rt_status bench_study(const char *path, double seconds, struct rt_err *err);
#endif
