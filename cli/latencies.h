/* cli/latencies.h -- all blocks of calls that were taken on this host: the record that grows.
 *
 * One entry a candidate and setting. It begins with what the store has and takes in what trials and
 * idle moments bring; figures are made of all blocks of an entry and of the reference's best in all
 * entries of its setting (trainer/measure/estimate.h).
 * Settings  are the study's, in its order; the first has the metric `latency`, the others
 *           `latency@TxB`: T threads, a batch of B.
 * Silence   workers of this process work inside a gate; who measures closes it when that costs the
 *           others little in all, and always where a setting has several threads.
 * Threads   any number; a lock guards it.
 */
#ifndef CLI_LATENCIES_H
#define CLI_LATENCIES_H
#include "base/gate.h"
#include "cli/study.h"

struct latencies;

/* Of a study's settings, with the blocks that `store` has of this host, unless it is NULL. */
rt_status latencies_open(struct latencies **latencies, const struct tr_latency_options *setting,
                         int settings, int workers, struct store *store, int64_t host,
                         struct rt_err *err);
void latencies_close(struct latencies *latencies);

/* Takes the blocks in. RT_ENOMEM. */
rt_status latencies_add(struct latencies *latencies, const char *arch, int setting,
                        const struct tr_latency *measured, struct rt_err *err);
/* What an entry comes to; false when it has no blocks. */
bool latencies_figure(struct latencies *latencies, const char *arch, int setting,
                      struct tr_latency_figure *figure);

struct rt_gate *latencies_gate(struct latencies *latencies);
/* Is it time for a measurement in silence? */
bool latencies_may_gate(struct latencies *latencies, const struct tr_latency_options *setting);
/* A worker measured for so long. */
void latencies_spent(struct latencies *latencies, int64_t ns);
/* Would more blocks tell more of an entry? */
bool latencies_unsure(struct latencies *latencies, const char *arch, int setting);
/* All figures by the best that is known of the reference by now, beside what a linear model of them
 * predicts, into the store; metrics of trials too. Warns, one event a candidate, of measurements
 * that are far off the model. */
rt_status latencies_settle(struct latencies *latencies, const struct space_shape *shape,
                           struct store *store, int64_t host, struct rt_err *err);
/* Seconds that workers measured, and stood still for others to. */
void latencies_cost(struct latencies *latencies, double *timing, double *standing);

/* As the store has them. */
struct store_block latencies_block(const struct tr_latency_options *setting,
                                   const struct tr_latency *measured, int i);
struct store_latency latencies_row(const struct tr_latency_options *setting, bool first,
                                   const struct tr_latency_figure *figure);
#endif
