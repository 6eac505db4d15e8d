/* trainer/learn/ancestor.c -- see ancestor.h. */
#include "trainer/learn/ancestor.h"

#include <stdlib.h>

#include "trainer/export/safetensors.h"
#include "trainer/teachers/teachers_internal.h"

static rt_status open_network(struct tr_ancestor *a, const struct tr_teaching *teaching,
                              const struct tr_teacher_spec *spec, struct rt_err *err)
{
    struct tr_network *net = &a->network;

    RT_TRY(tr_network_open(net, &spec->arch, teaching->shape, teaching->kernels, TR_NETWORK_TRAIN,
                           err));
    RT_TRY(tr__teacher_load(teaching, spec, &net->student, net->weights.params, err));
    tr_weights_pack(&net->student, &net->weights);
    return RT_OK;
}

static rt_status measure(struct tr_ancestor *a, const struct tr_prune *prune,
                         const struct tr_data *data, uint64_t seed, struct rt_err *err)
{
    int *rows, n;

    RT_TRY(tr_calibration_rows(&data->task->split, seed, prune->calibration, &rows, &n, err));
    const rt_status rc = tr_importance_measure(&a->scores, prune->importance, &a->network.student,
                                               &a->network.weights, data, rows, n, err);
    free(rows);
    return rc;
}

rt_status tr_ancestor_open(struct tr_ancestor *ancestor, const struct tr_teaching *teaching,
                           const struct tr_prune *prune, const struct tr_data *data, uint64_t seed,
                           struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[prune->teacher];
    rt_status rc;

    *ancestor = (struct tr_ancestor){.options = prune->inherit};
    if ((rc = open_network(ancestor, teaching, spec, err)) ||
        (rc = measure(ancestor, prune, data, seed, err)))
        tr_ancestor_close(ancestor);
    return rc;
}

static const struct tr_prune few = {.importance = TR_IMPORTANCE_ACTIVATION, .calibration = 128};

/* Of a network whose weights are not there yet. */
static rt_status check_memory(const struct space_arch *arch, const struct space_shape *shape,
                              const struct tr_kernels *kernels, const struct tr_data *data,
                              size_t limit, struct rt_err *err)
{
    struct tr_student network;

    RT_TRY(tr_student_init(&network, arch, shape, kernels, err));
    const size_t bytes =
        tr_weights_bytes(&network, true) + tr_importance_bytes(few.importance, &network, data);
    tr_student_release(&network);
    if (!limit || bytes <= limit)
        return RT_OK;
    return rt_fail(err, RT_ENOMEM,
                   "scoring the parent needs %zu bytes, more than search.worker_memory %zu; raise "
                   "it or give search.inherit: none",
                   bytes, limit);
}

static rt_status load_network(struct tr_ancestor *a, const char *weights,
                              const struct space_shape *shape, const struct tr_kernels *kernels,
                              const struct tr_data *data, size_t limit, struct rt_err *err)
{
    struct tr_network *net = &a->network;
    struct space_arch arch;
    char *text = NULL;

    RT_TRY(tr_safetensors_metadata(weights, "arch", &text, err));
    rt_status rc =
        text ? space_arch_parse(text, &arch, err)
             : rt_fail(err, RT_EFORMAT, "'%.200s' does not name its architecture", weights);
    free(text);
    if (rc == RT_OK)
        rc = check_memory(&arch, shape, kernels, data, limit, err);
    if (rc == RT_OK)
        rc = tr_network_open(net, &arch, shape, kernels, TR_NETWORK_TRAIN, err);
    if (rc == RT_OK)
        rc = tr_safetensors_read(weights, &net->student, net->weights.params, err);
    if (rc == RT_OK)
        tr_weights_pack(&net->student, &net->weights);
    return rc;
}

rt_status tr_ancestor_load(struct tr_ancestor *ancestor, const char *weights,
                           const struct space_shape *shape, const struct tr_kernels *kernels,
                           const struct tr_data *data, uint64_t seed, size_t limit,
                           struct rt_err *err)
{
    rt_status rc;

    *ancestor = (struct tr_ancestor){.options = {.layers = TR_INHERIT_INFLUENCE, .quiet = true}};
    if ((rc = load_network(ancestor, weights, shape, kernels, data, limit, err)) ||
        (rc = measure(ancestor, &few, data, seed, err)))
        tr_ancestor_close(ancestor);
    return rc;
}

size_t tr_ancestor_bytes(const struct tr_ancestor *ancestor)
{
    return ancestor->network.arena.capacity;
}

void tr_ancestor_close(struct tr_ancestor *ancestor)
{
    tr_importance_release(&ancestor->scores);
    tr_network_close(&ancestor->network);
}

rt_status tr_ancestor_start(const struct tr_ancestor *ancestor, const struct tr_student *student,
                            uint64_t seed, float *params, struct tr_lineage *lineage,
                            struct rt_err *err)
{
    *lineage = (struct tr_lineage){0};
    tr_student_init_params(student, seed, params);
    if (!ancestor)
        return RT_OK;
    return tr_inherit(student, params, &ancestor->network.student, ancestor->network.weights.params,
                      &ancestor->scores, &ancestor->options, lineage, err);
}
