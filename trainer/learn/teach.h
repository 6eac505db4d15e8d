/* trainer/learn/teach.h -- how a teacher is trained: a student on labels alone, over threads. */
#ifndef TRAINER_LEARN_TEACH_H
#define TRAINER_LEARN_TEACH_H
#include "trainer/learn/train.h"
#include "trainer/teachers/teachers.h"

/* What a teacher that learns from `train_count` rows is trained by; RT_EARG when that is no number of steps. */
rt_status tr_teacher_recipe(const struct tr_teacher_spec *spec, int train_count,
                            struct tr_recipe *recipe, struct rt_err *err);
/* For tr_teaching.train. */
rt_status tr_train_teacher(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           struct tr_network *net, struct rt_err *err);
#endif
