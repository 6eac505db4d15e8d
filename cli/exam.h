/* cli/exam.h -- a distilled student and its ensemble on the test file, and the gates it must pass.
 *
 * Sizes   the ensemble's is the sum of its members': all of them run to say what it says. NaN when
 *         a recorded teacher's is not known.
 * Gates   values as measured; what is not a number passes no gate.
 */
#ifndef CLI_EXAM_H
#define CLI_EXAM_H
#include "cli/lab.h"
#include "store/store.h"
#include "trainer/net/student_int8.h"

struct exam {
    struct tr_fidelity student, ensemble;
    double params, ensemble_params, largest_params; /* of the student, all teachers, the largest */
    bool has_int8;
    struct tr_fidelity int8; /* of the student's int8 twin, in integers */
    double int8_bytes;
};

struct exam_sheets { /* the test file, and what is said about it: owned */
    struct tr_task *test;
    float *student, *teachers, *ensemble;
    double *target;
    int *rows;
};

/* Read the test file and let the teachers answer, before hours of training that would be lost
 * without it. RT_EARG when the study names none, or a recorded teacher says nothing about it. */
rt_status exam_open(const struct lab *lab, struct exam_sheets *sheets, struct rt_err *err);
void exam_close(struct exam_sheets *sheets);
/* Let the student answer; weights must be packed. ranges NULL: not in int8. */
rt_status exam_take(const struct lab *lab, struct exam_sheets *sheets,
                    const struct tr_student *student, const struct tr_weights *weights,
                    const struct tr_ranges *ranges, const struct tr_distill *distill,
                    struct exam *exam, struct rt_err *err);
/* All numbers by name, as trials' metrics are called; the ensemble's own begin with "ensemble_". */
int exam_values(const struct exam *exam, struct store_value values[STORE_MAX_METRICS]);
void exam_print(const struct exam *exam);

/* The gates that the study sets, checked; returns how many. */
int exam_gates(const struct exam *exam, const struct study_gates *wanted,
               struct store_gate gates[STORE_MAX_GATES]);
void exam_print_gates(const struct store_gate *gates, int count);

/* Everything as JSON at `path`; `run` holds what is known of the training. */
rt_status exam_write(const struct store_distillation *run, const char *path, struct rt_err *err);
#endif
