/* trainer/teachers/live.c -- see live.h. */
#include "trainer/teachers/live.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/net/soft_row.h"

rt_status tr_live_init(struct tr_live *live, const struct tr_knowledge *knowledge, int max_batch,
                       struct rt_arena *arena, struct rt_err *err)
{
    const int teachers = knowledge->key.teachers;
    const struct tr_student *first = &knowledge->live[0].student;
    const size_t c = (size_t)knowledge->key.classes;
    const size_t answers = (size_t)tr_batch_most_answers(&first->arch, &first->shape, max_batch);
    struct tr_live l = {.knowledge = knowledge};

    assert(knowledge->live && teachers >= 1);
    for (int k = 0; k < teachers; k++)
        RT_TRY(tr_infer_init(&l.infer[k], &knowledge->live[k].student, max_batch, arena, err));
    l.said = rt_arena_alloc(arena, answers * c * (size_t)teachers, sizeof *l.said);
    if (teachers > 1)
        l.one = rt_arena_alloc(arena, answers * c, sizeof *l.one);
    *live = l;
    return rt_arena_check(arena, "the teachers beside a student", err);
}

/* logits (answers, C) of teacher k -> said (answers, K, C) */
static void put(const struct tr_live *live, int k, int answers)
{
    const struct tr_knowledge_key *key = &live->knowledge->key;
    const ptrdiff_t c = key->classes;

    for (ptrdiff_t i = 0; i < answers; i++)
        memcpy(live->said + (i * key->teachers + k) * c, live->one + i * c,
               (size_t)c * sizeof *live->one);
}

void tr_live_ask(const struct tr_live *live, struct tr_batch *batch)
{
    const struct tr_knowledge *knowledge = live->knowledge;
    const ptrdiff_t all = (ptrdiff_t)knowledge->key.teachers * knowledge->key.classes;

    for (int k = 0; k < knowledge->key.teachers; k++) {
        const struct tr_network *net = &knowledge->live[k];
        assert(net->student.shape.classes == knowledge->key.classes);
        tr_infer_run(live->infer[k], &net->student, &net->weights, batch,
                     live->one ? live->one : live->said);
        if (live->one)
            put(live, k, batch->answers);
    }
    for (int i = 0; i < batch->answers; i++)
        batch->said[i] = live->said + i * all;
}

/* sum p ln p of one teacher's softmax is known from its logits, of a mixture it is not. */
static double negative_entropy(int n, const float *p)
{
    double sum = 0;

    for (int c = 0; c < n; c++)
        sum += p[c] > 0 ? (double)(p[c] * logf(p[c])) : 0;
    return sum;
}

double tr_live_target(const struct tr_knowledge *knowledge, const struct tr_ensemble *ensemble,
                      const float *said, double temperature, float *p, float *work)
{
    const struct tr_student *by = &knowledge->live[0].student;
    const int teachers = knowledge->key.teachers, classes = knowledge->key.classes;

    assert(ensemble->combine == TR_COMBINE_PROB && ensemble->weighting == TR_WEIGHTING_FIXED);
    for (int k = 0; k < teachers; k++) {
        const float *v = said + (ptrdiff_t)k * classes, weight = (float)ensemble->weight[k];
        const double scale = 1 / (ensemble->calibration[k] * temperature);
        const double sum = tr_soft_row(by, classes, scale, v, teachers > 1 ? work : p);
        if (teachers == 1)
            return scale * tr_row_dot(classes, p, v) - sum;
        for (int c = 0; c < classes; c++)
            p[c] = (k ? p[c] : 0) + weight * work[c];
    }
    return negative_entropy(classes, p);
}
