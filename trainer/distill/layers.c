/* trainer/distill/layers.c -- see layers.h. */
#include "trainer/distill/layers.h"

#include <assert.h>

#include "space/stem.h"

void tr_layers_defaults(struct tr_layers *layers)
{
    *layers = (struct tr_layers){.weight = {1, 1, 1},
                                 .hidden_loss = TR_HIDDEN_MSE,
                                 .attention_loss = TR_ATTENTION_RELATION,
                                 .map = TR_LAYERS_UNIFORM,
                                 .intermediate = .3,
                                 .balance = true};
}

bool tr_layers_on(const struct tr_layers *layers)
{
    return layers->weight[TR_LAYER_EMBEDDING] > 0 || tr_layers_whole(layers);
}

bool tr_layers_whole(const struct tr_layers *layers)
{
    return layers->weight[TR_LAYER_HIDDEN] > 0 || layers->weight[TR_LAYER_ATTENTION] > 0;
}

bool tr_layers_active(const struct tr_layers *layers, double progress)
{
    return tr_layers_on(layers) && (layers->intermediate <= 0 || progress < layers->intermediate);
}

int tr_relation_heads(int student, int teacher)
{
    const int narrow = student < teacher ? student : teacher;

    for (int r = narrow / 8; r > 1; r--)
        if (student % r == 0 && teacher % r == 0)
            return r;
    return 1;
}

/* Layer l, from 1, of the teacher is compared with the student's last one, or another. */
static void read_layer(const struct tr_layers *layers, int l, bool last,
                       struct tr_layer_parts *parts)
{
    const bool relation = layers->attention_loss == TR_ATTENTION_RELATION;

    parts->stream[l] |= layers->weight[TR_LAYER_HIDDEN] > 0;
    parts->qkv[l - 1] |= layers->weight[TR_LAYER_ATTENTION] > 0 && (!relation || last);
}

void tr_layers_read(const struct tr_layers *layers, int depth, int of, struct tr_layer_parts *parts)
{
    const bool heads = layers->matched && layers->attention_loss != TR_ATTENTION_RELATION;
    const bool random = layers->map == TR_LAYERS_RANDOM;
    int map[SPACE_MAX_DEPTH];

    assert(depth >= 1 && depth <= of && of <= SPACE_MAX_DEPTH);
    if (!random)
        tr_layer_map(layers->map, depth, of, NULL, map);
    for (int m = 0; m < depth; m++) { /* one of each M-th drawn: any of these */
        const int low = random ? m * of / depth + 1 : map[m];
        const int high = random ? (m + 1) * of / depth : map[m];
        for (int l = low; l <= high; l++)
            read_layer(layers, l, m == depth - 1, parts);
    }
    for (int l = 0; heads && l < of; l++) /* by lineage, which is the student's own */
        parts->qkv[l] |= layers->weight[TR_LAYER_ATTENTION] > 0;
}

static rt_status check_heads(const struct tr_layers *layers, const struct space_arch *student,
                             const struct space_arch *teacher, struct rt_err *err)
{
    for (int l = 0; l < student->depth; l++)
        for (int t = 0; t < teacher->depth; t++)
            if (layers->attention_loss != TR_ATTENTION_RELATION && !layers->matched &&
                student->heads[l] != teacher->heads[t])
                return rt_fail(err, RT_EARG,
                               "space.heads: attention is compared head by head, but %d heads are "
                               "not the teacher's %d; allow its number alone, start from it by "
                               "init: prune, or take "
                               "attention_loss: relation",
                               student->heads[l], teacher->heads[t]);
    return RT_OK;
}

static rt_status check_relations(const struct tr_layers *layers, const struct space_arch *student,
                                 const struct space_arch *teacher, struct rt_err *err)
{
    const int inner = student->heads[student->depth - 1] * student->head_dim;

    if (layers->attention_loss != TR_ATTENTION_RELATION || !layers->relation_heads)
        return RT_OK;
    for (int t = 0; t < teacher->depth; t++)
        if (inner % layers->relation_heads ||
            teacher->heads[t] * teacher->head_dim % layers->relation_heads)
            return rt_fail(err, RT_EARG,
                           "layers.relation_heads: %d does not divide the attention widths %d of a "
                           "student and %d of the teacher; give 0 to choose for each student",
                           layers->relation_heads, inner, teacher->heads[t] * teacher->head_dim);
    return RT_OK;
}

rt_status tr_layers_check(const struct tr_layers *layers, const struct space_arch *student,
                          const struct space_arch *teacher, struct rt_err *err)
{
    struct rt_err why;

    if (!tr_layers_on(layers))
        return RT_OK;
    if (space_same_tokens(student, teacher, &why))
        return rt_fail(err, RT_EARG,
                       "%.200s, and layer-wise losses compare a student's tokens with its "
                       "teacher's; allow the teacher's alone",
                       why.text);
    if (!tr_layers_whole(layers))
        return RT_OK;
    if (student->depth > teacher->depth)
        return rt_fail(err, RT_EARG,
                       "space.depth: layer-wise losses map %d layers of a student to the %d of the "
                       "teacher; allow no more than it has",
                       student->depth, teacher->depth);
    if (!(layers->weight[TR_LAYER_ATTENTION] > 0))
        return RT_OK;
    RT_TRY(check_heads(layers, student, teacher, err));
    return check_relations(layers, student, teacher, err);
}
