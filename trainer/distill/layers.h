/* trainer/distill/layers.h -- which inner layers of a student learn from which of a teacher's.
 *
 * The losses themselves are in layer_loss.h; here is what a study may choose of them. Each kind's
 * loss is a mean over the layers that it compares, over tokens and over examples:
 *
 *   embedding  what the first block reads, student against teacher
 *   hidden     what each block leaves, student layer m against teacher layer map(m)
 *   attention  logits, probabilities, kl: each head of each layer against the head of the same
 *              number or, in students cut out of this teacher, against the head and layer that it
 *              was, if any; relation: queries, keys and values of the last student layer, their
 *              three losses added (MiniLM-v2)
 *
 * Stages   intermediate > 0: while u < intermediate these losses alone, then the prediction loss
 *          alone (TinyBERT). 0: both together, all the time.
 * Balance  each kind's weight is multiplied by (prediction loss / its own loss) of the step before,
 *          held constant (Minitron); the first step only measures.
 * Needs    one teacher that is a network here; students that read the same tokens as it
 *          does; for hidden and attention, no more layers than it has; for attention but
 *          relation, its number of heads in every layer, unless students are cut out of it.
 * Source   Jiao et al. 2020, "TinyBERT", arXiv:1909.10351; Muralidharan et al. 2024, "Minitron",
 *          arXiv:2407.14679.
 */
#ifndef TRAINER_DISTILL_LAYERS_H
#define TRAINER_DISTILL_LAYERS_H
#include "space/arch.h"
#include "trainer/distill/layer_loss.h"

enum tr_hidden_loss { TR_HIDDEN_MSE, TR_HIDDEN_COSINE };
enum tr_layer_kind { TR_LAYER_EMBEDDING, TR_LAYER_HIDDEN, TR_LAYER_ATTENTION, TR_LAYER_KINDS };

struct tr_layers {
    double weight[TR_LAYER_KINDS];         /* all 0: off */
    enum tr_hidden_loss hidden_loss;       /* of embedding and hidden */
    enum tr_attention_loss attention_loss; /* relation */
    int relation_heads;                    /* 0: tr_relation_heads() */
    enum tr_layer_map map;                 /* uniform */
    double intermediate;                   /* .3 */
    bool balance;                          /* on */
    int teacher;                           /* its number in the ensemble */
    bool matched;                          /* students are cut out of it: see heads above */
};

/* Of a teacher's inner layers those that a loss can read. */
struct tr_layer_parts {
    bool stream[SPACE_MAX_DEPTH + 1]; /* [l]: what block l - 1 leaves; [0] never: it is a look-up */
    bool qkv[SPACE_MAX_DEPTH];        /* queries, keys and values */
};

/* As a study has them that says `layers:` and nothing else; all weights are 1. */
void tr_layers_defaults(struct tr_layers *layers);
bool tr_layers_on(const struct tr_layers *layers);
/* Are they in force at this progress of a run? Implies tr_layers_on(). */
bool tr_layers_active(const struct tr_layers *layers, double progress);
/* Does a loss read all tokens behind the student's last block? */
bool tr_layers_whole(const struct tr_layers *layers);
/* The most relation heads that divide both inner widths and leave each at least 8 columns; 1 when
 * none does. */
int tr_relation_heads(int student, int teacher);
/* Adds what students of `depth` layers can come to be compared with in a teacher of `of` layers. */
void tr_layers_read(const struct tr_layers *layers, int depth, int of,
                    struct tr_layer_parts *parts);
/* Can this student learn from this teacher? The message begins with the study's key:
 * "space.depth: ..." or "layers.relation_heads: ...". */
rt_status tr_layers_check(const struct tr_layers *layers, const struct space_arch *student,
                          const struct space_arch *teacher, struct rt_err *err);
#endif
