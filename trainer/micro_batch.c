/* trainer/micro_batch.c -- tr_micro_batch_choose() of train.h.
 *
 * Small micro-batches keep activations in the L2 cache, large ones reuse packed weights: which wins
 * depends on the student's width and on the machine, so it is timed. The best of a few rounds is
 * taken for each size, because a shared machine only ever adds time.
 */
#include "base/clock.h"
#include "trainer/train.h"

enum { rounds = 3, largest = 32 };

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

/* Nanoseconds an example, the best of a few rounds of `batch` examples. */
static double time_examples(struct probe *p, const struct tr_student *student, int batch, int micro)
{
    double best = 0;

    for (int round = 0; round < rounds; round++) {
        const int64_t start = rt_now_ns();
        int done = 0;
        for (; done + micro <= batch; done += micro) {
            tr_pass_forward(p->pass, student, &p->weights, p->images, micro, p->logits);
            tr_pass_backward(p->pass, student, &p->weights, p->dlogits, p->grads);
        }
        const double ns = (double)(rt_now_ns() - start) / done;
        if (round == 0 || ns < best)
            best = ns;
    }
    return best;
}

static rt_status time_size(const struct tr_student *student, int batch, int micro, double *ns,
                           struct rt_err *err)
{
    struct rt_arena arena;
    struct probe probe;
    rt_status rc;

    rt_arena_init_counting(&arena);
    RT_TRY(probe_init(&probe, student, micro, &arena, err));
    RT_TRY(rt_arena_init(&arena, arena.peak, err));
    if ((rc = probe_init(&probe, student, micro, &arena, err)) == RT_OK) {
        tr_student_init_params(student, 1, probe.weights.params);
        tr_weights_pack(student, &probe.weights);
        *ns = time_examples(&probe, student, batch, micro);
    }
    rt_arena_release(&arena);
    return rc;
}

rt_status tr_micro_batch_choose(const struct tr_student *student, int batch, int *micro_batch,
                                struct rt_err *err)
{
    double best = 0;
    int chosen = 1;

    for (int micro = 1; micro <= largest && micro <= batch; micro *= 2) {
        double ns;
        RT_TRY(time_size(student, batch, micro, &ns, err));
        if (micro == 1 || ns < best) {
            best = ns;
            chosen = micro;
        }
    }
    *micro_batch = chosen;
    return RT_OK;
}
