/* trainer/net/network.c -- see network.h. */
#include "trainer/net/network.h"

#include <assert.h>

#include "trainer/net/student_internal.h"

rt_status tr_network_plan(struct tr_network *network, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          enum tr_network_use use, struct rt_err *err)
{
    *network = (struct tr_network){0};
    return tr__student_init(&network->student, arch, shape, kernels, use != TR_NETWORK_TRACE, err);
}

rt_status tr_network_open(struct tr_network *network, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          enum tr_network_use use, struct rt_err *err)
{
    const bool training = use == TR_NETWORK_TRAIN;
    rt_status rc;

    RT_TRY(tr_network_plan(network, arch, shape, kernels, use, err));
    struct tr_student *student = &network->student;
    if ((rc = rt_arena_init(&network->arena, tr_weights_bytes(student, training), err)) ||
        (rc = tr_weights_init(&network->weights, student, training, &network->arena, err)))
        tr_network_close(network);
    return rc;
}

void tr_network_start(struct tr_network *network, uint64_t seed)
{
    assert(network->weights.params); /* opened, not planned */
    tr_student_init_params(&network->student, seed, network->weights.params);
    tr_weights_pack(&network->student, &network->weights);
}

void tr_network_close(struct tr_network *network)
{
    rt_arena_release(&network->arena);
    tr_student_release(&network->student);
    *network = (struct tr_network){0};
}
