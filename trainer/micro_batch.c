/* trainer/micro_batch.c -- tr_micro_batch_choose() of train.h.
 *
 * Small micro-batches keep activations in the L2 cache, large ones reuse packed weights: which wins
 * depends on the student's width and on the machine, so it is timed. The best of a few turns is
 * taken for each size, because a shared machine only ever adds time.
 */
#include "base/clock.h"
#include "trainer/train.h"

enum { sizes = 6, turns = 4 }; /* 1, 2, 4, .. 32 examples; timed turns */

struct probe {
    struct tr_weights weights;
    struct tr_pass *pass;
    float *images, *logits, *dlogits, *grads;
};

static rt_status probe_init(struct probe *p, const struct tr_student *student, int micro,
                            struct rt_arena *arena, struct rt_err *err)
{
    const struct space_shape *s = &student->shape;
    const size_t pixels = (size_t)s->height * s->width * s->channels, m = (size_t)micro;

    RT_TRY(tr_weights_init(&p->weights, student, true, arena, err));
    p->images = rt_arena_zalloc(arena, m * pixels, sizeof(float));
    p->logits = rt_arena_zalloc(arena, m * s->classes, sizeof(float));
    p->dlogits = rt_arena_zalloc(arena, m * s->classes, sizeof(float));
    p->grads = rt_arena_zalloc(arena, student->param_count, sizeof(float));
    RT_TRY(tr_pass_init(&p->pass, student, micro, arena, err));
    return rt_arena_check(arena, "the choice of a micro-batch", err);
}

/* Nanoseconds an example at one size, over as many examples as the largest size has. */
static double time_size(struct probe *p, const struct tr_student *student, int most, int micro)
{
    const int64_t start = rt_now_ns();
    int done = 0;

    for (; done + micro <= most; done += micro) {
        tr_pass_forward(p->pass, student, &p->weights, p->images, micro, p->logits);
        tr_pass_backward(p->pass, student, &p->weights, p->dlogits, p->grads);
    }
    return (double)(rt_now_ns() - start) / done;
}

/* The sizes take turns, so that a slow moment of the machine does not fall on one of them alone;
 * the first turn only touches the memory. */
static int fastest_size(struct probe *p, const struct tr_student *student, int most)
{
    double best[sizes];
    int fastest = 0;

    for (int turn = 0; turn <= turns; turn++)
        for (int i = 0; i < sizes && 1 << i <= most; i++) {
            const double ns = time_size(p, student, most, 1 << i);
            if (turn <= 1 || ns < best[i])
                best[i] = ns;
        }
    for (int i = 1; i < sizes && 1 << i <= most; i++)
        if (best[i] < best[fastest])
            fastest = i;
    return 1 << fastest;
}

rt_status tr_micro_batch_choose(const struct tr_student *student, int batch, int *micro_batch,
                                struct rt_err *err)
{
    const int largest = 1 << (sizes - 1), most = batch < largest ? batch : largest;
    struct rt_arena arena;
    struct probe probe;
    rt_status rc;

    rt_arena_init_counting(&arena);
    RT_TRY(probe_init(&probe, student, most, &arena, err));
    RT_TRY(rt_arena_init(&arena, arena.peak, err));
    if ((rc = probe_init(&probe, student, most, &arena, err)) == RT_OK) {
        tr_student_init_params(student, 1, probe.weights.params);
        tr_weights_pack(student, &probe.weights);
        *micro_batch = fastest_size(&probe, student, most);
    }
    rt_arena_release(&arena);
    return rc;
}
