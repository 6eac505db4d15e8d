/* cli/testing.h -- a distilled student and its ensemble on the test file, and the gates it must
 * pass.
 *
 * Sizes   the ensemble's is the sum of its members': all of them run to say what it says. NaN when
 *         a recorded teacher's is not known.
 * Gates   values as measured; what is not a number passes no gate.
 */
#ifndef CLI_TESTING_H
#define CLI_TESTING_H
#include "cli/session.h"
#include "store/store.h"
#include "trainer/net/student_int8.h"

struct test_result {
    struct tr_metrics student, ensemble; /* the ensemble's without those against itself */
    const struct space_objective
        *own;    /* the task's own among them, ended by a NULL name; or NULL */
    bool acts;   /* it was let act, and there are no labels */
    bool tested; /* on a test file or by acting; else only sizes are known */
    const char
        *silent; /* the teacher that said nothing about the test file: nothing is compared with
                           the ensemble; NULL: none */
    double params, ensemble_params, largest_params; /* of the student, all teachers, the largest */
    bool has_int8;
    struct tr_metrics int8; /* of the student in int8, computed in integers */
    double int8_bytes;
    json_t *details; /* owned: what the task explains of the answers; NULL: nothing */
};

struct
    test_answers { /* the test file, and what is said about it: owned; nothing where students act */
    struct tr_task *test;
    float *student, *teachers, *ensemble;
    double *target;
    int *rows;
    const char
        *silent; /* a teacher that has no logits for it: then teachers' and ensemble's are not
                           filled; NULL: none */
};

/* Read the test file and let the teachers answer, before hours of training that would be lost
 * without it. Of a study that names none it stays empty. */
rt_status test_open(const struct session *session, struct test_answers *answers,
                    struct rt_err *err);
void test_close(struct test_answers *answers);
/* Let the student answer; weights must be packed. ranges NULL: not in int8. What cannot be compared,
 * for want of a test file or of teachers' answers to it, is left out. */
rt_status test_student(const struct session *session, struct test_answers *answers,
                       const struct tr_student *student, const struct tr_weights *weights,
                       const struct tr_ranges *ranges, struct test_result *result,
                       struct rt_err *err);
/* All numbers by name, as trials' metrics are called; the ensemble's own begin with "ensemble_". */
int test_values(const struct test_result *result, struct store_value values[STORE_MAX_METRICS]);
/* The details as cells, whose texts are the result's; the caller frees them. NULL: no memory. test_details.c */
struct store_cell *test_details(const struct test_result *result, int *count);
void test_print(const struct test_result *result);

/* The gates that the study sets, checked; returns how many. */
int test_gates(const struct test_result *result, const struct study_gates *wanted,
               struct store_gate gates[STORE_MAX_GATES]);
void test_print_gates(const struct store_gate *gates, int count);

/* Everything as JSON at `path`; `run` holds what is known of the training. */
rt_status test_write(const struct store_distillation *run, const struct test_result *result,
                     const char *path, struct rt_err *err);
void test_release(struct test_result *result);
#endif
