/* trainer/net/student_internal.h -- a student's layers, and the activations of a pass.
 *
 * Post-norm (space_variant) a block is
 *   sum1 = x + proj(attention(x))   mid = norm1(sum1)   sum2 = mid + ffn(mid)   out = norm2(sum2)
 * where normed1 and normed2 hold copies of x and mid, since int8 rounds what a layer reads in place.
 *
 * The last block is *pruned* when only one row of each example is read behind it, its *pooled* row
 * (first or last): queries, projection, FFN and both their norms then run on M rows instead of R,
 * which is exact.
 */
#ifndef TRAINER_NET_STUDENT_INTERNAL_H
#define TRAINER_NET_STUDENT_INTERNAL_H
#include "trainer/net/student.h"
#include "trainer/nn/kernels_internal.h"

struct tr_plan_linear {
    int in, out;
    size_t weight, bias;      /* in the flat vector */
    size_t forward, backward; /* in the packed weights */
    int quantiser;            /* which input it is, of those that int8 quantises */
    size_t scale;             /* of its first output channel, among those of all layers */
};

struct tr_plan_norm {
    size_t gamma, beta;
};

struct tr_plan_block {
    int heads, inner, ffn; /* inner = heads * head_dim */
    bool pruned;
    struct tr_plan_norm norm1, norm2;
    struct tr_plan_linear query;  /* q, k and v of all tokens; only q when pruned */
    struct tr_plan_linear memory; /* k and v when pruned, otherwise unused */
    struct tr_plan_linear proj, up, down;
};

struct tr_plan {
    struct tr_plan_linear stem, pooler, head;
    bool pooled_twice; /* is there a pooler? */
    float eps;         /* of norms */
    size_t class_token, position, segment, table;
    struct tr_plan_norm stem_norm, norm; /* where the variant has them */
    struct tr_plan_block block[SPACE_MAX_DEPTH];
    int max_inner, max_ffn;
    size_t forward_floats; /* packed for inference */
    size_t packed_floats;  /* packed for training: forward, then backward */
    int quantisers;        /* inputs of linear layers */
    size_t channels;       /* outputs of linear layers */
};

/* As tr_student_init(); prune false computes the last block for all tokens (for tests). */
rt_status tr__student_init(struct tr_student *student, const struct space_arch *arch,
                           const struct space_shape *shape, const struct tr_kernels *kernels,
                           bool prune, struct rt_err *err);

/* Activations of one block. Rows are padded to TR_PAD. In inference all blocks share theirs, and
 * x, mid and out are the same buffer; stats and slope are NULL. */
struct tr_block_acts {
    float *x, *stats1, *normed1; /* input of the block, its norm */
    float *query, *memory;       /* as in the plan */
    float *probs, *context;
    size_t probs_stride;          /* floats from one head to the next; 0 in inference */
    struct tr_observer *observer; /* on the inputs of linear layers; mostly NULL */
    float *mid, *stats2, *normed2;
    float *sum1, *sum2;    /* of post-norm */
    float *hidden, *slope; /* of the FFN */
    float *out;
};

/* From the last block to the logits: where each step lies. */
struct tr_end {
    float *room;          /* (P,d): see tr__final_rows() */
    float *stats;         /* of the norm, or NULL */
    float *normed;        /* (P,d) or (R,d) */
    float *pooled;        /* (P,g): normed, unless pooled apart */
    float *inner, *slope; /* (P,max(g,e)) behind the pooler; slope may be NULL */
    struct tr_observer *observer;
};

struct tr_pass {
    int room;                     /* examples */
    const struct tr_batch *batch; /* of the last forward */
    struct tr_observer *observer;
    struct tr_block_acts block[SPACE_MAX_DEPTH];
    float *features, *scratch;
    float *raw, *raw_stats; /* in front of the stem's norm: (R,d), (R,2) */
    struct tr_end end;
    float *dlookup; /* (R,e), of a text */
    ptrdiff_t dlookup_ld;
    float *dx, *dtail, *dnormed, *dquery, *dmemory, *dcontext, *dhidden;
    float *dpooled, *dinner; /* (P,g), (P,e or g) */
};

/* What the last forward left: a block's activations, and the final norm's rows. */
const struct tr_block_acts *tr__pass_block(const struct tr_pass *pass, int layer);
const float *tr__pass_normed(const struct tr_pass *pass);
/* Losses on inner layers: called while a backward walks down, to add their gradient to what came
 * from above. Neither is for a block that is pruned. */
struct tr_taps {
    void *context;
    /* The residual stream: layer 0 is what the first block reads, l what block l - 1 leaves. */
    void (*stream)(void *context, int layer, struct tr_out dx);
    /* q, k and v of block `layer` - 1, side by side in each row. */
    void (*qkv)(void *context, int layer, struct tr_out dqkv);
};
/* taps NULL: tr_pass_backward(). */
void tr__pass_backward(struct tr_pass *pass, const struct tr_student *student,
                       const struct tr_weights *weights, const float *dlogits,
                       const struct tr_taps *taps, float *grads);

static inline ptrdiff_t tr__padded(int n)
{
    return ((ptrdiff_t)n + TR_PAD - 1) / TR_PAD * TR_PAD;
}

/* One head for an example of `rows` rows: all of them ask, or the pooled row alone. */
struct tr_head tr__head(const struct tr_student *student, int rows, bool pruned);

/* Does this network read this batch, with room for so many examples? For assert(). */
bool tr__fits(const struct tr_student *student, const struct tr_batch *batch, int room);

/* rows x padded(cols) zeroed floats and slack. */
float *tr__rows(struct rt_arena *arena, int rows, int cols);

/* Before a linear layer reads x: in an int8 network x is rounded to int8 and back, in place; an observer
 * notes the largest value, and where the gradient passes. Behind dx was computed: stop what does
 * not. */
void tr__input(const struct tr_student *student, const struct tr_weights *weights,
               struct tr_observer *observer, const struct tr_plan_linear *layer, int rows,
               struct tr_out x);
void tr__input_back(const struct tr_student *student, const struct tr_weights *weights,
                    const struct tr_observer *observer, const struct tr_plan_linear *layer,
                    int rows, struct tr_out dx);

/* The shape's activation, in place; slope may be NULL. */
void tr__activate(const struct tr_student *student, size_t n, float *u, float *slope);
struct tr_linear tr__linear(const struct tr_plan_linear *layer, const struct tr_weights *weights);
/* x (R,F): what the stem reads, token by token; class rows are zero. Nothing is done where looked-up
 * rows are not projected: the stem reads the table itself. */
void tr__cut(const struct tr_student *student, const struct tr_weights *weights,
             const struct tr_batch *batch, float *x);
/* features (R,F) -> x (R,d). raw (R,d): what a norm behind the stem reads, stats (R,2) as of the norm
 * or NULL; neither is touched where there is none. */
void tr__stem(const struct tr_student *student, const struct tr_weights *weights,
              const struct tr_batch *batch, const float *features, float *raw, float *stats,
              float *x);
/* acts->x (R,d) -> acts->out (R,d), or (M,d) of a pruned block */
void tr__block(const struct tr_student *student, const struct tr_weights *weights, int layer,
               const struct tr_batch *batch, const struct tr_block_acts *acts, float *scratch);

/* Is one row of each example read behind the blocks? */
static inline bool tr__pools_row(const struct tr_student *student)
{
    const enum space_pool pool = student->shape.pool;
    return pool == SPACE_POOL_CLASS || pool == SPACE_POOL_LAST;
}
/* The rows that the head reads: P pooled ones, M of them, or, by row, as many as answers. */
int tr__pooled_count(const struct tr_student *student, const struct tr_batch *batch);
/* The row of pooled row i, not of means; they ascend, and are not before i. */
ptrdiff_t tr__pooled_row(const struct tr_student *student, const struct tr_batch *batch,
                         ptrdiff_t i);
/* Most of them for so many examples. */
int tr__pooled_room(const struct tr_student *student, int examples);
/* Those of x (R,d), not of means, as P rows of a view: in place where they are evenly spaced, else
 * copied to room (P,d), which may be x itself. */
struct tr_out tr__pooled_rows(const struct tr_student *student, const struct tr_batch *batch,
                              struct tr_out x, int cols, float *room);
/* Is that view in place? */
bool tr__pooled_in_place(const struct tr_student *student, const struct tr_batch *batch);
/* What was changed in such a view, back to its rows of x. */
void tr__pooled_rows_back(const struct tr_student *student, const struct tr_batch *batch,
                          struct tr_out rows, int cols, struct tr_out x);

/* What the final norm reads of the last block's output: P pooled rows, or all R for means; how many.
 * room (P,d) as above. */
int tr__final_rows(const struct tr_student *student, const struct tr_batch *batch, float *x,
                   float *room, struct tr_out *rows);
/* Does the head read rows of their own, (M,g), not the normed ones? g is d, or 2 d of pairs. */
static inline bool tr__pools_apart(const struct tr_student *student)
{
    const enum space_pool pool = student->shape.pool;
    return pool == SPACE_POOL_MEAN || pool == SPACE_POOL_PAIR;
}
static inline int tr__pooled_width(const struct tr_student *student)
{
    return student->arch.width * (student->shape.pool == SPACE_POOL_PAIR ? 2 : 1);
}

/* normed: (R,d) that inference shares with its blocks; in training it has its own. */
rt_status tr__end_init(struct tr_end *end, const struct tr_student *student, int max_batch,
                       bool for_training, float *normed, struct rt_arena *step, struct rt_err *err);
/* x: the last block's output. */
void tr__end(const struct tr_student *student, const struct tr_weights *weights,
             const struct tr_batch *batch, float *x, const struct tr_end *end, float *logits);
#endif
