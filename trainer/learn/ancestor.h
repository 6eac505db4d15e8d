/* trainer/learn/ancestor.h -- the trained network that students are cut out of, or grown from: a teacher
 * for all students of a study, or one of its students for a child.
 *
 * Its scores are measured once, on `calibration` train rows drawn by the study's seed; opened, it
 * is read-only and shared by all workers. A student starts from its own random weights, over which
 * come those of the ancestor, so that one seed gives one start.
 */
#ifndef TRAINER_LEARN_ANCESTOR_H
#define TRAINER_LEARN_ANCESTOR_H
#include "trainer/learn/inherit.h"
#include "trainer/net/network.h"
#include "trainer/teachers/teachers.h"

struct tr_prune { /* study: prune */
    int teacher;  /* which of the ensemble's; one that was trained here */
    enum tr_importance_kind importance;
    int calibration;
    struct tr_inherit_options inherit;
};

struct tr_ancestor {
    struct tr_network network;
    struct tr_importance scores;
    struct tr_inherit_options options;
};

/* From the teachers' cache. data.knowledge is used by gradient importance. */
rt_status tr_ancestor_open(struct tr_ancestor *ancestor, const struct tr_teaching *teaching,
                           const struct tr_prune *prune, const struct tr_data *data, uint64_t seed,
                           struct rt_err *err);
/* A student from its weights' file; scored by activation on few rows, as each child does it anew.
 * RT_ENOMEM when that would take more than `limit` bytes, unless 0. */
rt_status tr_ancestor_load(struct tr_ancestor *ancestor, const char *weights,
                           const struct space_shape *shape, const struct tr_kernels *kernels,
                           const struct tr_data *data, uint64_t seed, size_t limit,
                           struct rt_err *err);
/* Bytes that it holds. */
size_t tr_ancestor_bytes(const struct tr_ancestor *ancestor);
void tr_ancestor_close(struct tr_ancestor *ancestor);

/* First values of a student by seed and, unless ancestor is NULL, what it gives. *lineage says what
 * that is, all zero for nothing, and is released by the caller. */
rt_status tr_ancestor_start(const struct tr_ancestor *ancestor, const struct tr_student *student,
                            uint64_t seed, float *params, struct tr_lineage *lineage,
                            struct rt_err *err);
#endif
