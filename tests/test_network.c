/* tests/test_network.c -- a network with its weights and memory: opened for what, and closed. */
#include "student_support.h"

#include "trainer/net/network.h"
#include "trainer/net/student_internal.h"

static const struct space_shape shape = {
    .height = 8, .width = 8, .channels = 1, .classes = 3, .pool = SPACE_POOL_CLASS};
static const struct space_arch arch = {
    .depth = 2, .width = 8, .head_dim = 4, .patch = 4, .heads = {2, 2}, .ffn = {16, 16}};

static const struct tr_kernels *kernels(void)
{
    const struct tr_kernels *chosen;
    struct rt_err err;

    assert_ok(tr_kernels_choose(&chosen, &err));
    return chosen;
}

static void a_network_has_what_its_use_needs(void **state)
{
    struct tr_network train, infer, trace;
    struct rt_err err;
    (void)state;

    assert_ok(tr_network_open(&train, &arch, &shape, kernels(), TR_NETWORK_TRAIN, &err));
    assert_ok(tr_network_open(&infer, &arch, &shape, kernels(), TR_NETWORK_INFER, &err));
    assert_ok(tr_network_open(&trace, &arch, &shape, kernels(), TR_NETWORK_TRACE, &err));
    assert_true(train.weights.for_training && !infer.weights.for_training);
    assert_true(train.student.plan->block[1].pruned && infer.student.plan->block[1].pruned);
    assert_false(trace.student.plan->block[1].pruned); /* all rows are read */
    tr_network_start(&infer, 7);
    tr_network_start(&train, 7);
    assert_memory_equal(infer.weights.params, train.weights.params,
                        train.student.param_count * sizeof(float));
    tr_network_close(&train);
    tr_network_close(&infer);
    tr_network_close(&trace);
    tr_network_close(&trace); /* once more is nothing */
}

static void a_plan_counts_and_holds_no_weights(void **state)
{
    struct tr_network plan;
    struct rt_err err;
    (void)state;

    assert_ok(tr_network_plan(&plan, &arch, &shape, kernels(), TR_NETWORK_INFER, &err));
    assert_null(plan.weights.params);
    assert_true(infer_bytes(&plan.student, 1) > 0);
    tr_network_close(&plan);
}

static void what_cannot_be_opened_leaves_nothing(void **state)
{
    struct space_arch odd = arch;
    struct tr_network net;
    struct rt_err err;
    (void)state;

    odd.patch = 3; /* does not divide 8 */
    assert_int_equal(tr_network_open(&net, &odd, &shape, kernels(), TR_NETWORK_TRAIN, &err),
                     RT_ESHAPE);
    assert_null(net.arena.base);
    assert_null(net.student.tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_what_its_use_needs),
        cmocka_unit_test(a_plan_counts_and_holds_no_weights),
        cmocka_unit_test(what_cannot_be_opened_leaves_nothing),
    };
    return cmocka_run_group_tests_name("trainer/net/network", tests, NULL, NULL);
}
