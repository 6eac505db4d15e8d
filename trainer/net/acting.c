/* trainer/net/acting.c -- see acting.h. */
#include "trainer/net/acting.h"

#include <assert.h>

static void answer(struct tr_actor *actor)
{
    const struct tr_acting *self = (const struct tr_acting *)actor;

    assert(self->weights);
    tr_infer_run(self->infer, self->student, self->weights, &self->batch, actor->logits);
}

rt_status tr_acting_init(struct tr_acting *acting, const struct tr_student *student, int room,
                         struct rt_arena *arena, struct rt_err *err)
{
    float *logits =
        rt_arena_alloc(arena, (size_t)room * space_outputs(&student->shape), sizeof *logits);

    assert(room >= 1);
    *acting = (struct tr_acting){.student = student};
    RT_TRY(tr_batch_init(&acting->batch, &student->arch, &student->shape, room, arena, err));
    RT_TRY(tr_infer_init(&acting->infer, student, room, arena, err));
    acting->actor = (struct tr_actor){.batch = &acting->batch, .logits = logits, .answer = answer};
    return rt_arena_check(arena, "a student that acts", err);
}
