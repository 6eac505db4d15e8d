/* trainer/export/model.h -- a trained student as its weights' file has it: what is exported.
 *
 * Whoever exports reads such a file and nothing else, so that it can be done later and elsewhere:
 * architecture, input and everything else that others need stand in its metadata.
 * Int8     a file of codes (.int8.safetensors) gives an int8 model: its parameters are what the codes
 *          stand for, and its kernels sum in integers.
 * Errors   RT_EFORMAT, naming the file, for one that is no student of Retort's.
 * Threads  read-only once open.
 */
#ifndef TRAINER_EXPORT_MODEL_H
#define TRAINER_EXPORT_MODEL_H
#include "trainer/export/safetensors.h"
#include "trainer/net/student_int8.h"
#include "trainer/task/task.h"

enum { TR_MODEL_MOST_NOTES = 32 };

struct tr_model {
    const struct tr_student *student;
    const struct tr_weights *weights; /* packed; with int8 in them or not */
    struct tr_input input;
    const struct tr_metadata *metadata; /* ended by a NULL key */
};

struct tr_model_file; /* owns all of its model */

/* A file of weights with `kind`'s notes; kernels as for any student. */
rt_status tr_model_open(const char *path, const struct tr_task_kind *kind,
                        const struct tr_kernels *kernels, struct tr_model_file **file,
                        struct rt_err *err);
const struct tr_model *tr_model_of(const struct tr_model_file *file);
/* The logits (n,parts*C) of n examples, each the bytes of its input. RT_ENOMEM. */
rt_status tr_model_answer(const struct tr_model *model, const uint8_t *bytes, int n, float *logits,
                          struct rt_err *err);
/* The same with memory that is kept between calls: one thread's. All zero: closed. */
struct tr_answering {
    const struct tr_model *model; /* outlives it */
    struct rt_arena arena;
    struct tr_infer *infer;
    struct tr_batch batch;
};
/* With room for `at_once` examples; a call with more goes in pieces. RT_ENOMEM. */
rt_status tr_answering_open(struct tr_answering *answering, const struct tr_model *model,
                            int at_once, struct rt_err *err);
void tr_answering_run(struct tr_answering *answering, const uint8_t *bytes, int n, float *logits);
void tr_answering_close(struct tr_answering *answering);

/* Of a policy: one episode of so many steps, from observed (steps,S) to logits (steps,parts*bins) and
 * what it does (steps,parts). RT_ENOMEM. */
rt_status tr_model_act(const struct tr_model *model, const float *observed, int steps,
                       float *logits, float *actions, struct rt_err *err);
size_t tr_model_input_bytes(const struct tr_model *model); /* of one example */
void tr_model_close(struct tr_model_file *file);           /* NULL is none */
#endif
