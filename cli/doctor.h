/* cli/doctor.h -- the findings of `retort doctor`: one line each on stdout, and how bad they are.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "cli/study.h"
#include "trainer/nn/kernels.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    int failed, warned;
};

/* Print `ok|warn|FAIL  WHAT  detail`. */
__attribute__((format(printf, 4, 5))) void doctor_say(struct doctor *doctor, enum verdict verdict,
                                                      const char *what, const char *format, ...);

/* A small student's logits and gradients with these kernels and with the plain ones: the largest
 * difference, relative to the largest value. */
rt_status doctor_kernels_differ(const struct tr_kernels *kernels, double *difference,
                                struct rt_err *err);

/* Of a teacher that is known by its answers alone: what is usually wrong with those for the training
 * file and, where it has some, the test file (NULL: none). */
void doctor_logits(struct doctor *doctor, const struct tr_teaching *teaching, int k,
                   const struct tr_task *test);

/* How the teachers of a gathered task of policies do against chance. */
void doctor_acting(struct doctor *doctor, const struct study *study, const struct tr_task *task);

/* What is still to be written and the room for it, and whether `path`, a file or a folder, can be
 * written, which is not said when it can; doctor_after.c. */
void doctor_disk(struct doctor *doctor, const struct study *study, const struct tr_task *task,
                 const struct tr_kernels *kernels);
void doctor_writable(struct doctor *doctor, const char *what, const char *path, bool folder);
/* The stages of `after:`, if there are any: tested when there is a test file to which all teachers
 * have answers. */
void doctor_after(struct doctor *doctor, const struct study *study, const struct tr_task *train,
                  bool tested);

/* Everything about a study file: data, space, memory, teachers, database. `ask`: its evaluator is
 * asked for a real trial, too. */
void doctor_study(struct doctor *doctor, const struct tr_kernels *kernels, const char *path,
                  bool ask);
#endif
