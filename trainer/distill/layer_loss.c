/* trainer/distill/layer_loss.c -- see layer_loss.h. */
#include "trainer/distill/layer_loss.h"

#include <assert.h>
#include <stddef.h>

void tr_layer_map(enum tr_layer_map kind, int student, int teacher, struct rt_rng *rng, int *map)
{
    assert(student >= 1 && student <= teacher);
    assert((kind == TR_LAYERS_RANDOM) <= (rng != NULL));
    for (int m = 1; m <= student; m++) {
        const int low = (m - 1) * teacher / student, high = m * teacher / student;
        int layer = m; /* first */
        switch (kind) {
        case TR_LAYERS_UNIFORM: layer = (2 * m * teacher + student) / (2 * student); break;
        case TR_LAYERS_LAST: layer = m + teacher - student; break;
        case TR_LAYERS_KEPT: layer = low + 1; break;
        case TR_LAYERS_RANDOM:
            layer = low + 1 + (int)rt_rng_below(rng, (uint64_t)(high - low));
            break;
        case TR_LAYERS_FIRST: break;
        }
        map[m - 1] = layer;
    }
}

double tr_layer_balance(double logits_loss, double layer_loss)
{
    return layer_loss > 0 ? logits_loss / layer_loss : 1;
}
