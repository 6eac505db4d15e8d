/* trainer/learn/teach.h -- how a teacher is trained: a student on labels alone, over threads. */
#ifndef TRAINER_LEARN_TEACH_H
#define TRAINER_LEARN_TEACH_H
#include "trainer/teachers/teachers.h"

/* For tr_teaching.train. */
rt_status tr_train_teacher(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           struct tr_network *net, struct rt_err *err);
#endif
