/* trainer/net/network.h -- a network of its own: the plan, the weights, and the memory they lie in.
 *
 * Threads  read-only between changes of the weights, and then shared; passes are each thread's own.
 */
#ifndef TRAINER_NET_NETWORK_H
#define TRAINER_NET_NETWORK_H
#include "trainer/net/student.h"

struct tr_network { /* all zero: closed */
    struct tr_student student;
    struct tr_weights weights;
    struct rt_arena arena;
};

enum tr_network_use {
    TR_NETWORK_INFER,
    TR_NETWORK_TRAIN,
    TR_NETWORK_TRACE /* infer, the last block for all rows: for losses on inner layers */
};

/* Weights are zero and not packed. */
rt_status tr_network_open(struct tr_network *network, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          enum tr_network_use use, struct rt_err *err);
/* Without memory for weights: enough to count what runs with it will reserve. */
rt_status tr_network_plan(struct tr_network *network, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          enum tr_network_use use, struct rt_err *err);
/* First values from the seed, packed. */
void tr_network_start(struct tr_network *network, uint64_t seed);
void tr_network_close(struct tr_network *network);
#endif
