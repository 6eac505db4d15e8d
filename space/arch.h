/* space/arch.h -- one student architecture, its canonical text and its exact costs.
 *
 * Text     L<depth>-d<width>-k<head_dim>-h<heads>-f<ffn>-p<patch>, per-layer lists joined by dots:
 *          "L4-d96-k16-h4.4.2.2-f192.192.96.96-p7". A list whose members are all equal is written
 *          once ("h4"), and is read either way. One architecture has one text: it is the key of a
 *          candidate in the store. What only some tasks have (a patch: images; embedding width and
 *          vocabulary: texts; history: states) comes last, "-p7", "-e16-v8000" or "-c8", and is not
 *          written where it is 0.
 * Network  pre-norm transformer encoder over T = (H/p)(W/p) patches, plus one class token when
 *          pool = class; or over at most `length` token ids. Attention's inner width a = heads *
 *          head_dim is independent of width d. Parameters, in this order:
 *            stem.weight (d,F) stem.bias (d): F = p*p*C of images, the embedding width e of texts,
 *                       where it is absent when e = d
 *            [class_token (d)]  position (T,d)  [segment (2,d)]
 *            per block: ln1.weight (d) ln1.bias (d) qkv.weight (3a,d) qkv.bias (3a)
 *                       proj.weight (d,a) proj.bias (d) ln2.weight (d) ln2.bias (d)
 *                       up.weight (f,d) up.bias (f) down.weight (d,f) down.bias (d)
 *            ln.weight (d) ln.bias (d) [pooler.weight (g,d) pooler.bias (g)]
 *            head.weight (classes,d) head.bias (classes)
 *            [embedding.weight (V,e)]: of texts, one row a token id
 * Threads  plain values; all functions are pure.
 * Source   Dosovitskiy et al. 2021, arXiv:2010.11929 (ViT); head_dim apart from width as in
 *          AutoFormer, arXiv:2107.00651.
 */
#ifndef SPACE_ARCH_H
#define SPACE_ARCH_H
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define SPACE_MAX_DEPTH 64
#define SPACE_ARCH_TEXT 2048 /* enough for any architecture within the limits below */
#define SPACE_MAX_WIDTH 4096 /* of d, of heads * head_dim and, times 4, of ffn */
#define SPACE_MAX_VOCABULARY 262144
#define SPACE_MAX_LENGTH 4096
#define SPACE_MAX_HISTORY 256

/* Which rows behind the last block are answered from. */
enum space_pool {
    SPACE_POOL_CLASS, /* the first of each example: a class token, or the first id of a text */
    SPACE_POOL_MEAN,  /* the mean of each example's */
    SPACE_POOL_LAST,  /* the last of each example */
    SPACE_POOL_PAIR,  /* the first two of each example side by side: two class tokens */
    SPACE_POOL_NONE   /* each by itself, or those that the batch names: one answer a row */
};

enum space_activation { SPACE_GELU, SPACE_GELU_TANH, SPACE_RELU };
enum space_head {
    SPACE_HEAD_LINEAR,
    SPACE_HEAD_TANH, /* a layer d -> d and its tanh, or its max(0,.), in front of the linear one */
    SPACE_HEAD_RELU,
    SPACE_HEAD_TIED /* logits = (h W^T + b) E^T + bias with E the table; W (e,d) where e != d */
};

/* How a network departs from the one above. All zero: not at all, as most students. Networks that
 * others trained need the rest: BERT is post-norm with a norm behind its stem and no final norm. */
struct space_variant {
    bool post_norm; /* of x + f(x), in place of a norm in front of f: ln1 and ln2 are these */
    bool stem_norm; /* of what the first block reads: stem_ln, behind the position */
    bool no_final_norm;
    bool causal;   /* row i is attended by itself and those behind it alone */
    int registers; /* class tokens of the network's own that are read, but not pooled, after it */
    enum space_activation activation;
    enum space_head head;
    float eps; /* of norms; 0: 1e-6 */
};

/* What a student reads and says; one per study. What is read enters the network through its stem
 * alone (stem.h), which has a case for each kind of it. */
struct space_shape {
    int height, width, channels; /* of an image, in pixels; 0: none is read */
    int classes;                 /* C logits an answer */
    enum space_pool pool;
    int length;   /* of a text: its most token ids; 0: none is read */
    int segments; /* of a text: 2 when ids say which of two texts they are of; else 0 */
    int features; /* of states: numbers of one time step; 0: none are read */
    int parts;    /* answers from one pooled row, C logits each; 0 means 1 */
    struct space_variant variant;
};

static inline int space_parts(const struct space_shape *shape)
{
    return shape->parts > 1 ? shape->parts : 1;
}
/* Numbers that the head makes of one row: C of each part. */
static inline int space_outputs(const struct space_shape *shape)
{
    return shape->classes * space_parts(shape);
}

#define SPACE_WIDE_GENES 7      /* of students: those that are not lists */
#define SPACE_MAX_POSITIONS 528 /* of the user's own genes together, see view.h */

/* A student; or, in a space of the user's own genes, a row of choices. Which of both is known from
 * the space alone; the functions of this header are for students. */
struct space_arch {
    union {
        struct {
            int depth;                  /* L, 1..SPACE_MAX_DEPTH */
            int width;                  /* d */
            int head_dim;               /* k */
            int patch;                  /* p, in pixels; divides height and width; 0: none */
            int embedding;              /* e, of a text; 0: d */
            int vocabulary;             /* V, of a text; 0: none */
            int history;                /* K time steps, the present one the last; 0: none */
            int heads[SPACE_MAX_DEPTH]; /* h, per layer; zero from depth on, so that == is memcmp */
            int ffn[SPACE_MAX_DEPTH];   /* f, per layer; likewise */
        };
        /* -1 where inactive, zero beyond the space's positions */
        int8_t choice[sizeof(int) * (SPACE_WIDE_GENES + 2 * SPACE_MAX_DEPTH)];
    };
};

/* All exact, and equal to what is counted in the network that the trainer builds. */
struct space_cost {
    int64_t params; /* trained scalars */
    int64_t bytes;  /* of the weights in fp32: 4 * params */
    int64_t macs;   /* multiply-accumulates of one forward pass of one example: all matrix products,
                       attention's included; the last block counted for one token alone where one is
                       pooled (q, proj, up, down and scores for 1 token, k and v for all); a text
                       has all its `length` tokens, and looking them up is none */
    int64_t memory; /* peak bytes of activations in inference at batch 1, see space_cost_of() */
    int64_t
        int8_bytes; /* of the weights in int8: 1 a weight of a linear layer or a table, 4 for every
                           other number, and scales of 4: one a layer for inputs, one an output,
                           one a row of a table */
};

rt_status space_arch_parse(const char *text, struct space_arch *arch, struct rt_err *err);
void space_arch_print(const struct space_arch *arch, char text[SPACE_ARCH_TEXT]);
/* Ranges, and patch against the shape. RT_ESHAPE names the gene. */
rt_status space_arch_check(const struct space_arch *arch, const struct space_shape *shape,
                           struct rt_err *err);
/* Of both kinds. */
bool space_arch_equal(const struct space_arch *a, const struct space_arch *b);

/* Tokens T, class token included. */
int space_tokens(const struct space_arch *arch, const struct space_shape *shape);

/* Memory is the largest sum of fp32 tensors that live at once in the inference path at batch 1,
 * the last block computed for all tokens: x (T,d) always; in attention: the normalised input (T,d),
 * qkv (T,3a), one head's scores (T,T), context (T,a); in the FFN: the normalised input (T,d) and
 * hidden (T,f); in the stem: what is projected (T,F). Kernel scratch (packing, lane padding) is left out,
 * because it depends on the machine. */
void space_cost_of(const struct space_arch *arch, const struct space_shape *shape,
                   struct space_cost *cost);
#endif
