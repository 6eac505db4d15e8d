/* trainer/net/acting.h -- a network that is asked what to do: a struct tr_actor of task/task.h.
 *
 * Threads  one thread's own; weights are read-only while it is asked.
 */
#ifndef TRAINER_NET_ACTING_H
#define TRAINER_NET_ACTING_H
#include "trainer/net/student.h"
#include "trainer/task/task.h"

struct tr_acting {
    struct tr_actor actor; /* first, so that it is found from there */
    struct tr_batch batch;
    struct tr_infer *infer;
    const struct tr_student *student;
    const struct tr_weights *weights; /* packed; may be set anew between two questions */
};
/* Room for so many examples at once. */
rt_status tr_acting_init(struct tr_acting *acting, const struct tr_student *student, int room,
                         struct rt_arena *arena, struct rt_err *err);
#endif
