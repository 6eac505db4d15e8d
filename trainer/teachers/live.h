/* trainer/teachers/live.h -- a teacher that this program trained, ready to run beside students.
 *
 * Loaded once, then read-only and shared by all workers; each brings its own activations
 * (student_trace.h). Its last block runs for all tokens.
 */
#ifndef TRAINER_TEACHERS_LIVE_H
#define TRAINER_TEACHERS_LIVE_H
#include "trainer/net/network.h"
#include "trainer/teachers/teachers.h"

/* Network and weights of member k from the cache. RT_EARG when its logits are recorded,
 * RT_EMISMATCH when the cache is of another recipe or other data. */
rt_status tr_live_open(struct tr_network *live, const struct tr_teaching *teaching, int k,
                       struct rt_err *err);
#endif
