/* trainer/teachers/teachers_internal.h -- what the files of this folder share. */
#ifndef TRAINER_TEACHERS_TEACHERS_INTERNAL_H
#define TRAINER_TEACHERS_TEACHERS_INTERNAL_H
#include "trainer/teachers/teachers.h"

/* Copy logits (n, classes) of teacher k into out (n, teachers, classes). */
void tr__interleave(const float *logits, int n, int classes, int k, int teachers, float *out);
#endif
