/* trainer/net/student_int8.h -- a student in int8: a copy whose linear layers are quantised.
 *
 * Quantised  every linear layer (stem, q k v, proj, up, down, head): its input, one scale a tensor
 *            (a *quantiser*: q, k and v share one), and its weights, one scale an output channel.
 *            A table's rows, one scale a row.
 * Float      biases, positions, segments, class token, norms, scores and softmax, GELU, residual stream.
 * Copy       the same network with its matrices rounded to int8 and back; read by the ordinary
 *            passes, which round the inputs, it computes what int8 code would, up to the rounding
 *            of float sums. With tr_kernels_integer() the sums are integers.
 * Ranges     of the inputs come from running the float network under an observer: tr_int8_calibrate(),
 *            or as training goes on (trainer/learn/qat.h).
 * Threads    a copy is read-only between updates; an observer belongs to one pass.
 * Formulas   nn/quantise.h.
 */
#ifndef TRAINER_NET_STUDENT_INT8_H
#define TRAINER_NET_STUDENT_INT8_H
#include "trainer/net/student.h"
#include "trainer/nn/quantise.h"
#include "trainer/task/task.h"

#define TR_MAX_QUANTISERS (4 * SPACE_MAX_DEPTH + 3)

/* The largest absolute value that each quantiser gets, in the order of the tensor table; below 0:
 * never seen. */
struct tr_ranges {
    float amax[TR_MAX_QUANTISERS];
};

struct tr_int8 {
    const struct tr_ranges *ranges;
    float *scale; /* of each output channel, in the order of the tensor table */
};

static inline float tr_int8_input(const struct tr_int8 *int8, int quantiser)
{
    return tr_quant_scale(int8->ranges->amax[quantiser], TR_QUANT_SIGNED);
}

/* What an int8 student stores: matrices 1 byte a weight, with 4 for the scale of each output
 * channel and of each input, tables likewise with one of each row; everything else 4 bytes a
 * number. */
int64_t tr_int8_bytes(const struct tr_student *student);

/* Is the tensor stored in codes, with a scale a row and one of its input? A table is when a head is
 * tied to it, which makes it a layer. */
static inline bool tr_int8_has_codes(const struct tr_student *student,
                                     const struct tr_tensor *tensor)
{
    return tensor->role == TR_ROLE_WEIGHT ||
           (tensor->role == TR_ROLE_TABLE && student->shape.variant.head == SPACE_HEAD_TIED);
}

void tr_ranges_clear(struct tr_ranges *ranges);

struct tr_quantised {
    struct tr_weights weights;
    struct tr_int8 int8;
};
/* `ranges` are read at each pass, and must outlive the copy. RT_ESHAPE when a layer has more inputs
 * than integer sums can take. */
rt_status tr_quantised_init(struct tr_quantised *quantised, const struct tr_student *student,
                            const struct tr_ranges *ranges, bool for_training,
                            struct rt_arena *arena, struct rt_err *err);
size_t tr_quantised_bytes(const struct tr_student *student, bool for_training);
/* Round these parameters, and pack. */
void tr_quantised_update(struct tr_quantised *quantised, const struct tr_student *student,
                         const float *params);

/* What a pass saw at each quantiser since it was cleared, and, for the backward of a copy, where
 * the gradient passes. */
struct tr_observer {
    struct tr_ranges seen;
    unsigned char *pass[TR_MAX_QUANTISERS]; /* NULL: no backward */
};
rt_status tr_observer_init(struct tr_observer *observer, const struct tr_student *student,
                           int max_batch, struct rt_arena *arena, struct rt_err *err);

/* Ranges of a float network over these rows; and the bytes that this reserves. */
size_t tr_int8_calibrate_bytes(const struct tr_student *student);
rt_status tr_int8_calibrate(const struct tr_student *student, const struct tr_weights *weights,
                            const struct tr_task *task, const int *rows, int n,
                            struct tr_ranges *ranges, struct rt_err *err);
#endif
