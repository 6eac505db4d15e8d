/* trainer/teachers/teachers_internal.h -- what the files of this folder share. */
#ifndef TRAINER_TEACHERS_TEACHERS_INTERNAL_H
#define TRAINER_TEACHERS_TEACHERS_INTERNAL_H
#include "trainer/task/npy.h"
#include "trainer/teachers/teachers.h"

/* ---- a teacher from elsewhere, trained on: tuned.c ---- */

bool tr__tuned_is_there(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec);
/* Into a network that stands as the folder's; RT_EMISMATCH when they are not of that hash. */
rt_status tr__tuned_read(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                         const char *hash, struct tr_network *net, struct rt_err *err);
/* From the weights that it has, by the spec's recipe; then written. */
rt_status tr__tuned_train(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                          const char *hash, struct tr_network *net, struct rt_err *err);

/* ---- answers that come as a matrix of logits: recorded.c ---- */

/* A file of logits as rows x classes want it: RT_ESHAPE, RT_ENAN, or what reading comes to. */
rt_status tr__logits_read(const char *path, size_t rows, size_t classes, struct tr_matrix *matrix,
                          struct rt_err *err);

/* tr_teachers_agreement() of live teachers. */
rt_status tr__rows_agreement(const struct tr_task *task, const struct tr_knowledge *knowledge,
                             const struct tr_ensemble *ensemble, double *agreement,
                             struct rt_err *err);

/* Copy logits (n, classes) of teacher k into out (n, teachers, classes). */
void tr__interleave(const float *logits, int n, int classes, int k, int teachers, float *out);

/* Where the weights of one that is trained here are: FOLDER/NAME.safetensors. */
rt_status tr__weights_path(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           char path[RT_PATH_MAX], struct rt_err *err);
/* Once its weights are written, no state of its training is needed. */
void tr__forget_state(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec);
/* Nothing else than "there is no such file" lets a teacher be trained without being asked. */
rt_status tr__is_missing(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                         bool *missing, struct rt_err *err);
/* Says how to get rid of weights that cannot be read, where the reason in err does not. */
rt_status tr__cannot_use(const struct tr_teacher_spec *spec, rt_status rc, struct rt_err *err);
#endif
