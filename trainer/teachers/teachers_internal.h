/* trainer/teachers/teachers_internal.h -- what the files of this folder share. */
#ifndef TRAINER_TEACHERS_TEACHERS_INTERNAL_H
#define TRAINER_TEACHERS_TEACHERS_INTERNAL_H
#include "trainer/teachers/teachers.h"

/* Weights of a trained teacher from the cache; stale ones are RT_EMISMATCH, none RT_EIO. */
rt_status tr__teacher_load(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           const struct tr_student *student, float *params, struct rt_err *err);
#endif
