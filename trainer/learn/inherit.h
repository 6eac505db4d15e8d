/* trainer/learn/inherit.h -- first weights of a student cut out of a trained network of any architecture.
 *
 *   layers    fewer: by the uniform map, or those of most influence; more: the source's spread
 *             evenly, the others start at random, where a pre-norm block hardly changes its input
 *   channels  the best of the residual stream, one set in all layers
 *   heads     the best of each layer, of the same width; another head width keeps of each head the
 *             best channels, values by their score, queries and keys by the product of their
 *             weights' norms, and scales the queries so that scores stay as they were
 *   neurons   the best of each layer
 *   tokens    of another cut: stem and positions start at random
 *   tables    of token ids: the columns of the kept channels or, into fewer dimensions, principal
 *             components (table_basis.h)
 * A source whose norms stand elsewhere (post-norm, or not) gives tables and positions alone, in a basis
 * of principal components: its blocks would compute something else.
 *
 * Kept parts stand in the order of the source, in front. What the source has not (the surplus of a
 * larger student) stays as the caller initialised it. Removed heads, neurons and layers change the
 * output as if they had been masked; removed channels change the norms' statistics as well.
 * quiet: what the source has not adds nothing at first, in place of what the caller gave it: added
 * layers, heads, neurons and channels write zeros, so that a deeper student, or one of more heads
 * or neurons, computes what the source did; norms of a wider one are scaled for the zeros in
 * between. merge_heads: before heads are dropped, the last of the kept take up their difference
 * from those that are dropped, in queries, keys and values: tr_merge_heads().
 */
#ifndef TRAINER_LEARN_INHERIT_H
#define TRAINER_LEARN_INHERIT_H
#include "trainer/learn/importance.h"
#include "trainer/learn/table_basis.h"
#include "trainer/net/network.h"
#include "trainer/teachers/teachers.h"

enum tr_inherit_layers { TR_INHERIT_UNIFORM, TR_INHERIT_INFLUENCE };

struct tr_inherit_options {
    enum tr_inherit_layers layers;
    bool merge_heads;
    bool quiet;
    const struct tr_table_basis *basis; /* of the source's table, when it has one */
};

struct tr_lineage {             /* where parts come from; -1: they start at random. Owned. */
    int layer[SPACE_MAX_DEPTH]; /* the source's layer of each layer */
    int *head[SPACE_MAX_DEPTH]; /* [heads]: the source's head, of that layer, of each head */
    size_t inherited;           /* parameters that were copied */
};

/* Overwrite of `params` what `source` has to give; scores are of the source, shapes must be equal.
 * lineage is written, and released by the caller. */
rt_status tr_inherit(const struct tr_student *student, float *params,
                     const struct tr_student *source, const float *source_params,
                     const struct tr_importance *scores, const struct tr_inherit_options *options,
                     struct tr_lineage *lineage, struct rt_err *err);
/* Bytes that this takes for a while. */
size_t tr_inherit_bytes(const struct tr_student *student, const struct tr_student *source);
void tr_lineage_release(struct tr_lineage *lineage);

/* ---- the donor: the trained network that students are cut out of, or grown from ----
 *
 * A teacher for all students of a study, or one of its students for a child. Its scores are measured
 * once, on `calibration` train rows drawn by the study's seed; opened, it is read-only and shared by
 * all workers. A student starts from its own random weights, over which come those of the donor, so
 * that one seed gives one start.
 */

struct tr_prune { /* study: prune */
    int teacher;  /* which of the ensemble's; one that was trained here */
    enum tr_importance_kind importance;
    int calibration;
    struct tr_inherit_options inherit;
};

struct tr_donor {
    struct tr_network network;
    struct tr_importance scores;
    struct tr_table_basis basis;
    struct tr_inherit_options options;
};

/* From the teachers' cache. data.knowledge is used by gradient importance. */
rt_status tr_donor_open(struct tr_donor *donor, const struct tr_teaching *teaching,
                        const struct tr_prune *prune, const struct tr_data *data, uint64_t seed,
                        struct rt_err *err);
/* A student from its weights' file; scored by activation on few rows, as each child does it anew.
 * RT_ENOMEM when that would take more than `limit` bytes, unless 0. */
rt_status tr_donor_load(struct tr_donor *donor, const char *weights,
                        const struct space_shape *shape, const struct tr_kernels *kernels,
                        const struct tr_data *data, uint64_t seed, size_t limit,
                        struct rt_err *err);
/* Bytes that it holds. */
size_t tr_donor_bytes(const struct tr_donor *donor);
void tr_donor_close(struct tr_donor *donor);

/* First values of a student by seed and, unless donor is NULL, what it gives. *lineage says what
 * that is, all zero for nothing, and is released by the caller. */
rt_status tr_donor_start(const struct tr_donor *donor, const struct tr_student *student,
                         uint64_t seed, float *params, struct tr_lineage *lineage,
                         struct rt_err *err);
#endif
