/* space/stem.h -- how an example becomes rows of the network; all that costs and kernels need know.
 *
 * Rows     T rows of F features each, cut out of an example of `numbers` floats: token (y,x) of
 *          down * across takes `lines` runs of `run` floats, `line` apart, from
 *          y*lines*line + x*run on. A class token of the network's own is not among them.
 * Images   of H*W*C in patches of p: down H/p, across W/p, lines p, run p*C, line W*C.
 * States   K of S numbers each, the oldest first: down K, across 1, lines 1, run S, line S.
 * Texts    are up to T token ids below `vocabulary`, and no numbers: a row's features are its id's
 *          row of the table, e floats. They bring their own class token: the first id.
 * Threads  plain values; the function is pure.
 */
#ifndef SPACE_STEM_H
#define SPACE_STEM_H
#include "space/arch.h"

struct space_stem {
    int tokens;       /* T = down * across; of a text the most */
    int class_rows;   /* in front of them: class tokens of the network's own */
    int vocabulary;   /* V of token ids; 0: numbers are read */
    bool projected;   /* does a linear layer make d of F? Not where F = e = d */
    int features;     /* F = lines * run, or e */
    int numbers;      /* floats of one example: what its tokens take together, each float once */
    int down, across; /* tokens (y,x), row after row */
    int lines, run;   /* of one token: (lines,run) */
    int line;         /* floats from one run of a token to its next */
};

/* Of a checked architecture, see space_arch_check(). */
void space_stem_of(const struct space_arch *arch, const struct space_shape *shape,
                   struct space_stem *stem);
/* Can `other` read the tokens that `arch` reads of an example? A larger vocabulary has those of a
 * smaller one in front. RT_EARG names the gene. */
rt_status space_same_tokens(const struct space_arch *arch, const struct space_arch *other,
                            struct rt_err *err);
#endif
