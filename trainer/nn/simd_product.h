/* trainer/nn/simd_product.h -- the one microkernel: C (m,n) = epilogue(A (m,k) B (k,n)).
 *
 * A is read by broadcasts with two free strides, so that it serves as A and as A^T. B is read in
 * vectors: either rows of a matrix in place, or panels of two vectors packed beforehand; `panel` is
 * the distance between such column blocks. A tile of up to TILE_ROWS x 2 VL sums stays in registers
 * over the whole of k; m is split into blocks that differ by one row at most, so there is never a
 * thin remainder. Column panels are the outer loop: one panel of B then stays in L1.
 */
#ifndef TRAINER_NN_SIMD_PRODUCT_H
#define TRAINER_NN_SIMD_PRODUCT_H
#include <assert.h>

#include "trainer/nn/simd_vector.h"

struct product {
    const float *a;
    ptrdiff_t a_row, a_col;
    const float *b;
    ptrdiff_t b_row, panel;
    float *c;
    ptrdiff_t ldc;
    int m, n, k;
    const float *bias;      /* (n) or NULL: added */
    const float *add, *mul; /* (m,n) or NULL: added, then multiplied; may be c */
    ptrdiff_t ld_add, ld_mul;
};

/* Hides from the compiler where a pointer came from: else it keeps the address of every row of a
 * tile in a register, runs out of them, and computes hundreds before the first product. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Add, multiply and store a tile's sums. `last` columns of its last vector exist; whole says that
 * all do, and is a constant where this is inlined. */
INLINE void finish(const struct product *p, vf sum[][2], const int rows, const int vectors,
                   ptrdiff_t row, int column, const int whole, int last)
{
    const ptrdiff_t ldc = p->ldc, ld_add = p->ld_add, ld_mul = p->ld_mul;
    const int end = vectors - 1;
    float *c = p->c + row * ldc + column;

    if (p->add) {
        const float *add = p->add + row * ld_add + column;
        UNROLL for (int i = 0; i < rows; i++, add += ld_add)
        {
            OPAQUE(add);
            if (vectors > 1)
                sum[i][0] += LOAD(add);
            sum[i][end] += whole ? LOAD(add + end * VL) : load_first(add + end * VL, last);
        }
    }
    if (p->mul) {
        const float *mul = p->mul + row * ld_mul + column;
        UNROLL for (int i = 0; i < rows; i++, mul += ld_mul)
        {
            OPAQUE(mul);
            if (vectors > 1)
                sum[i][0] *= LOAD(mul);
            sum[i][end] *= whole ? LOAD(mul + end * VL) : load_first(mul + end * VL, last);
        }
    }
    UNROLL for (int i = 0; i < rows; i++, c += ldc)
    {
        OPAQUE(c);
        if (vectors > 1)
            STORE(c, sum[i][0]);
        if (whole)
            STORE(c + end * VL, sum[i][end]);
        else
            store_first(c + end * VL, sum[i][end], last);
    }
}

/* The sums start from the bias. */
INLINE void start(const struct product *p, vf bias[2], const int vectors, int column, int last)
{
    bias[0] = bias[1] = SET1(0.0F);
    if (p->bias) {
        if (vectors > 1)
            bias[0] = LOAD(p->bias + column);
        bias[vectors - 1] = load_some(p->bias + column + (vectors - 1) * VL, last);
    }
}

/* What the tile will be stored to, long before it is: the store, or the addition, finds it in L1.
 */
INLINE void fetch(const struct product *p, const int rows, const int vectors, ptrdiff_t row,
                  int column)
{
    const ptrdiff_t ldc = p->ldc;
    const float *c = p->c + row * ldc + column;

    UNROLL for (int i = 0; i < rows; i++, c += ldc)
    {
        OPAQUE(c);
        UNROLL for (int v = 0; v < vectors; v++) __builtin_prefetch(c + v * VL, 1);
    }
}

/* One tile; rows and vectors are constants where this is inlined. */
INLINE void tile(const struct product *p, const int rows, const int vectors, ptrdiff_t row,
                 int column)
{
    const ptrdiff_t a_row = p->a_row, a_col = p->a_col, b_row = p->b_row;
    const float *b = p->b + column / (2 * VL) * p->panel;
    const float *a[(TILE_ROWS_1 + 2) / 3]; /* every third row; those between by one index */
    const int last = p->n - column - (vectors - 1) * VL; /* columns left for the last vector */
    vf sum[TILE_ROWS_1][2], bias[2];

    start(p, bias, vectors, column, last);
    if (p->k >= 64)
        fetch(p, rows, vectors, row, column);
    UNROLL for (int i = 0; i < rows; i++)
    {
        sum[i][0] = bias[0];
        sum[i][1] = bias[1];
        if (i % 3 == 0) {
            a[i / 3] = p->a + (row + i) * a_row;
            OPAQUE(a[i / 3]);
        }
    }
    for (int k = p->k; k > 0; k--, b += b_row) {
        const vf b0 = LOAD(b), b1 = vectors > 1 ? LOAD(b + VL) : b0;
        UNROLL for (int i = 0; i < rows; i++)
        {
            const vf x = SET1(a[i / 3][i % 3 * a_row]);
            sum[i][0] += x * b0;
            if (vectors > 1)
                sum[i][1] += x * b1;
        }
        UNROLL for (int i = 0; i < rows; i += 3) a[i / 3] += a_col;
    }
    if (last >= VL)
        finish(p, sum, rows, vectors, row, column, 1, last);
    else
        finish(p, sum, rows, vectors, row, column, 0, last);
}

typedef void tiles_fn(const struct product *p, int row, int column, int count);

#define TILES(rows, vectors)                                                                       \
    static void tiles_##vectors##_##rows(const struct product *p, int row, int column, int count)  \
    {                                                                                              \
        for (; count > 0; count--, row += (rows))                                                  \
            tile(p, rows, vectors, row, column);                                                   \
    }
#define TILES_6(vectors)                                                                           \
    TILES(1, vectors)                                                                              \
    TILES(2, vectors)                                                                              \
    TILES(3, vectors)                                                                              \
    TILES(4, vectors)                                                                              \
    TILES(5, vectors)                                                                              \
    TILES(6, vectors)
#define TILES_7_TO_12(vectors)                                                                     \
    TILES(7, vectors)                                                                              \
    TILES(8, vectors)                                                                              \
    TILES(9, vectors)                                                                              \
    TILES(10, vectors)                                                                             \
    TILES(11, vectors)                                                                             \
    TILES(12, vectors)
TILES_6(1)
TILES_7_TO_12(1)
TILES_6(2)
#if VL == 16
TILES_7_TO_12(2)
TILES(13, 2)
TILES(14, 2)
TILES(13, 1)
TILES(14, 1)
TILES(15, 1)
TILES(16, 1)
TILES(17, 1)
TILES(18, 1)
TILES(19, 1)
TILES(20, 1)
TILES(21, 1)
TILES(22, 1)
TILES(23, 1)
TILES(24, 1)
TILES(25, 1)
TILES(26, 1)
#endif

static tiles_fn *const tiles_1[] = {
    NULL,       tiles_1_1,  tiles_1_2,  tiles_1_3,  tiles_1_4,  tiles_1_5,  tiles_1_6,
    tiles_1_7,  tiles_1_8,  tiles_1_9,  tiles_1_10, tiles_1_11, tiles_1_12,
#if VL == 16
    tiles_1_13, tiles_1_14, tiles_1_15, tiles_1_16, tiles_1_17, tiles_1_18, tiles_1_19,
    tiles_1_20, tiles_1_21, tiles_1_22, tiles_1_23, tiles_1_24, tiles_1_25, tiles_1_26,
#endif
};
static tiles_fn *const tiles_2[] = {
    NULL,      tiles_2_1, tiles_2_2, tiles_2_3,  tiles_2_4,  tiles_2_5,  tiles_2_6,
#if VL == 16
    tiles_2_7, tiles_2_8, tiles_2_9, tiles_2_10, tiles_2_11, tiles_2_12, tiles_2_13, tiles_2_14,
#endif
};

/* m rows in blocks of `most` or nearly: the first `larger` have one row more than the others. */
struct blocks {
    int count, rows, larger;
};

INLINE struct blocks split_rows(int m, const int most)
{
    const int count = (m + most - 1) / most;

    return (struct blocks){count, m / count, m % count};
}

/* All rows of the columns from `column` on. */
static void multiply_panel(const struct product *p, tiles_fn *const *tiles, struct blocks b,
                           int column)
{
    if (b.larger)
        tiles[b.rows + 1](p, 0, column, b.larger);
    tiles[b.rows](p, b.larger * (b.rows + 1), column, b.count - b.larger);
}

static void multiply_rows_block(const struct product *p)
{
    int column = 0;

    if (p->n > VL) {
        const struct blocks b = split_rows(p->m, TILE_ROWS);
        for (; p->n - column > VL; column += 2 * VL)
            multiply_panel(p, tiles_2, b, column);
    }
    if (column < p->n)
        multiply_panel(p, tiles_1, split_rows(p->m, TILE_ROWS_1), column);
}

/* A is read anew for every panel: as many rows at a time as stay in L2, in equal parts. */
static void multiply(const struct product *p)
{
    enum { floats_in_l2 = 1 << 17 };

    assert(p->m > 0 && p->n > 0 && p->k > 0 && p->ldc >= p->n);
    if ((ptrdiff_t)p->m * p->k <= floats_in_l2) {
        multiply_rows_block(p);
        return;
    }
    const int most = floats_in_l2 / p->k + 1, parts = (p->m + most - 1) / most;

    for (int i = 0; i < parts; i++) {
        const ptrdiff_t first = (ptrdiff_t)p->m * i / parts;
        struct product part = *p;
        part.m = (int)((ptrdiff_t)p->m * (i + 1) / parts - first);
        part.a += first * p->a_row;
        part.c += first * p->ldc;
        if (p->add)
            part.add += first * p->ld_add;
        if (p->mul)
            part.mul += first * p->ld_mul;
        multiply_rows_block(&part);
    }
}
#endif
