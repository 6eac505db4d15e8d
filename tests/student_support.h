/* tests/student_support.h -- what tests ask of a student and nobody else does. */
#ifndef TESTS_STUDENT_SUPPORT_H
#define TESTS_STUDENT_SUPPORT_H
#include "support.h"
#include "trainer/net/student.h"

/* NULL when there is no such tensor. */
static inline const struct tr_tensor *student_tensor(const struct tr_student *student,
                                                     const char *name)
{
    for (int t = 0; t < student->tensor_count; t++)
        if (!strcmp(student->tensors[t].name, name))
            return &student->tensors[t];
    return NULL;
}

/* Bytes that tr_infer_init() takes. */
static inline size_t infer_bytes(const struct tr_student *student, int max_batch)
{
    struct rt_arena arena;
    struct tr_infer *infer;

    rt_arena_init_counting(&arena);
    (void)tr_infer_init(&infer, student, max_batch, &arena, NULL); /* cannot fail */
    return arena.used;
}
#endif
