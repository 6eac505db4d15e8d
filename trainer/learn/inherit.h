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

enum tr_inherit_layers { TR_INHERIT_UNIFORM, TR_INHERIT_INFLUENCE };

struct tr_inherit_options {
    enum tr_inherit_layers layers;
    bool merge_heads;
    bool quiet;
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
#endif
