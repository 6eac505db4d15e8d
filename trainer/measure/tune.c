/* trainer/measure/tune.c -- see tune.h.
 *
 * Small micro-batches keep activations in the L2 cache, large ones reuse packed weights; the own
 * products beat OpenBLAS's on most machines, but not on every one. Which wins depends on the
 * student's width and on the machine, so both are timed. The best of a few turns is taken for each
 * choice, because a shared machine only ever adds time.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "trainer/measure/tune.h"
#include "trainer/net/network.h"

enum { sizes = 6, turns = 4 }; /* 1, 2, 4, .. 32 examples; timed turns */

/* OpenBLAS must win by this factor, so that a tie does not fall either way. */
static const double clearly = .95;
static const double hopeless = 1.5; /* so much slower in the first turn */

/* A student by one kernel set, and the time of each size with it. */
struct probe {
    struct tr_network net;
    struct rt_arena arena; /* of the rest */
    struct tr_pass *pass;
    struct tr_batch batch; /* of nothing: values are zero */
    float *logits, *dlogits, *grads;
    double best[sizes]; /* nanoseconds an example */
};

static rt_status carve(struct probe *p, int micro, struct rt_err *err)
{
    const struct space_shape *s = &p->net.student.shape;
    const size_t answers = (size_t)tr_batch_most_answers(&p->net.student.arch, s, micro);
    struct rt_arena *arena = &p->arena;

    RT_TRY(tr_batch_init(&p->batch, &p->net.student.arch, s, micro, arena, err));
    p->logits = rt_arena_zalloc(arena, answers * s->classes, sizeof(float));
    p->dlogits = rt_arena_zalloc(arena, answers * s->classes, sizeof(float));
    p->grads = rt_arena_zalloc(arena, p->net.student.param_count, sizeof(float));
    RT_TRY(tr_pass_init(&p->pass, &p->net.student, micro, arena, err));
    return rt_arena_check(arena, "tuning the trainer", err);
}

static void probe_release(struct probe *p)
{
    rt_arena_release(&p->arena);
    tr_network_close(&p->net);
}

static rt_status probe_init(struct probe *p, const struct tr_student *like,
                            const struct tr_kernels *kernels, int most, struct rt_err *err)
{
    rt_status rc;

    memset(p, 0, sizeof *p);
    RT_TRY(tr_network_open(&p->net, &like->arch, &like->shape, kernels, TR_NETWORK_TRAIN, err));
    rt_arena_init_counting(&p->arena);
    if ((rc = carve(p, most, err)) || (rc = rt_arena_init(&p->arena, p->arena.used, err)) ||
        (rc = carve(p, most, err))) {
        probe_release(p);
        return rc;
    }
    tr_network_start(&p->net, 1);
    return RT_OK;
}

/* Nanoseconds an example at one size, over as many examples as the largest size has. */
static double time_size(struct probe *p, int most, int micro)
{
    const int64_t start = rt_now_ns();
    int done = 0;

    tr_batch_resize(&p->batch, micro, NULL);
    for (; done + micro <= most; done += micro) {
        tr_pass_forward(p->pass, &p->net.student, &p->net.weights, &p->batch, p->logits);
        tr_pass_backward(p->pass, &p->net.student, &p->net.weights, p->dlogits, p->grads);
    }
    return (double)(rt_now_ns() - start) / done;
}

static int fastest_size(const struct probe *p, int most)
{
    int fastest = 0;

    for (int i = 1; i < sizes && 1 << i <= most; i++)
        if (p->best[i] < p->best[fastest])
            fastest = i;
    return fastest;
}

/* The choices take turns, so that a slow moment of the machine does not fall on one of them alone;
 * the first turn only touches the memory, and shows whether the second set is hopeless. Returns how
 * many sets were timed. */
static int time_all(struct probe *p, int count, int most)
{
    for (int turn = 0; turn <= turns; turn++) {
        for (int i = 0; i < sizes && 1 << i <= most; i++)
            for (int k = 0; k < count; k++) {
                const double ns = time_size(&p[k], most, 1 << i);
                if (turn <= 1 || ns < p[k].best[i])
                    p[k].best[i] = ns;
            }
        if (turn == 0 && count == 2 &&
            p[1].best[fastest_size(&p[1], most)] > hopeless * p[0].best[fastest_size(&p[0], most)])
            count = 1;
    }
    return count;
}

rt_status tr_tune(const struct tr_student *student, int batch, struct tr_tuning *tuning,
                  struct rt_err *err)
{
    const int largest = 1 << (sizes - 1), most = batch < largest ? batch : largest;
    const struct tr_kernels *sets[] = {student->kernels,
                                       tr_kernels_with_openblas(student->kernels)};
    const int count = sets[0] == sets[1] ? 1 : 2;
    struct probe p[2];
    int ready = 0, size;

    assert(batch >= 1);
    rt_status rc = RT_OK;

    for (; ready < count && rc == RT_OK; ready++)
        rc = probe_init(&p[ready], student, sets[ready], most, err);
    if (rc == RT_OK) {
        const int timed = time_all(p, count, most);
        size = fastest_size(&p[0], most);
        *tuning = (struct tr_tuning){1 << size, false};
        if (timed == 2) {
            const int other = fastest_size(&p[1], most);
            if (p[1].best[other] < clearly * p[0].best[size])
                *tuning = (struct tr_tuning){1 << other, true};
        }
    } else {
        ready--; /* the one that failed has released itself */
    }
    while (ready > 0)
        probe_release(&p[--ready]);
    return rc;
}
