/* trainer/teachers/live.h -- a teacher that this program trained, ready to run beside students.
 *
 * Loaded once, then read-only and shared by all workers; each brings its own activations
 * (student_trace.h). Its last block runs for all tokens.
 */
#ifndef TRAINER_TEACHERS_LIVE_H
#define TRAINER_TEACHERS_LIVE_H
#include "trainer/teachers/teachers.h"

struct tr_live {
    struct tr_student student;
    struct tr_weights weights; /* packed for inference; none after tr_live_plan() */
    struct rt_arena model;
};

/* The network alone: enough to know what runs with it will reserve. */
rt_status tr_live_plan(struct tr_live *live, const struct space_arch *arch,
                       const struct space_shape *shape, const struct tr_kernels *kernels,
                       struct rt_err *err);
/* With random weights, to time what runs with it. */
rt_status tr_live_make_up(struct tr_live *live, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          struct rt_err *err);
/* Network and weights of member k from the cache. RT_EARG when its logits are recorded,
 * RT_EMISMATCH when the cache is of another recipe or other data. */
rt_status tr_live_open(struct tr_live *live, const struct tr_teaching *teaching, int k,
                       struct rt_err *err);
void tr_live_close(struct tr_live *live);
#endif
