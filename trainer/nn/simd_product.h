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

INLINE vf finish(const struct product *p, vf v, int row, int column, int n)
{
    if (p->bias)
        v += load_some(p->bias + column, n);
    if (p->add)
        v += load_some(p->add + row * p->ld_add + column, n);
    if (p->mul)
        v *= load_some(p->mul + row * p->ld_mul + column, n);
    return v;
}

/* One tile; rows and vectors are constants where this is inlined. */
INLINE void tile(const struct product *p, const int rows, const int vectors, int row, int column)
{
    const ptrdiff_t a_row = p->a_row, a_col = p->a_col, b_row = p->b_row;
    const float *a = p->a + row * a_row;
    const float *b = p->b + column / (2 * VL) * p->panel;
    vf sum[TILE_ROWS][2];

    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < vectors; v++) sum[i][v] =
        SET1(0.0F);
    for (int k = p->k; k > 0; k--, a += a_col, b += b_row) {
        const vf b0 = LOAD(b), b1 = vectors > 1 ? LOAD(b + VL) : b0;
        UNROLL for (int i = 0; i < rows; i++)
        {
            const vf x = SET1(a[i * a_row]);
            sum[i][0] += x * b0;
            if (vectors > 1)
                sum[i][1] += x * b1;
        }
    }
    UNROLL for (int v = 0; v < vectors; v++)
    {
        const int at = column + v * VL;
        if (p->n - at >= VL) {
            UNROLL for (int i = 0; i < rows; i++)
                STORE(p->c + (row + i) * p->ldc + at, finish(p, sum[i][v], row + i, at, VL));
        } else {
            UNROLL for (int i = 0; i < rows; i++)
                store_first(p->c + (row + i) * p->ldc + at,
                            finish(p, sum[i][v], row + i, at, p->n - at), p->n - at);
        }
    }
}

typedef void tiles_fn(const struct product *p, int row, int column, int count);

#define TILES(rows)                                                                                \
    static void tiles_1_##rows(const struct product *p, int row, int column, int count)            \
    {                                                                                              \
        for (; count > 0; count--, row += rows)                                                    \
            tile(p, rows, 1, row, column);                                                         \
    }                                                                                              \
    static void tiles_2_##rows(const struct product *p, int row, int column, int count)            \
    {                                                                                              \
        for (; count > 0; count--, row += rows)                                                    \
            tile(p, rows, 2, row, column);                                                         \
    }
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#if TILE_ROWS > 6
TILES(7)
TILES(8)
TILES(9)
TILES(10)
TILES(11)
TILES(12)
TILES(13)
TILES(14)
#endif

static tiles_fn *const tiles[2][TILE_ROWS + 1] = {
#if TILE_ROWS > 6
    {NULL, tiles_1_1, tiles_1_2, tiles_1_3, tiles_1_4, tiles_1_5, tiles_1_6, tiles_1_7, tiles_1_8,
     tiles_1_9, tiles_1_10, tiles_1_11, tiles_1_12, tiles_1_13, tiles_1_14},
    {NULL, tiles_2_1, tiles_2_2, tiles_2_3, tiles_2_4, tiles_2_5, tiles_2_6, tiles_2_7, tiles_2_8,
     tiles_2_9, tiles_2_10, tiles_2_11, tiles_2_12, tiles_2_13, tiles_2_14},
#else
    {NULL, tiles_1_1, tiles_1_2, tiles_1_3, tiles_1_4, tiles_1_5, tiles_1_6},
    {NULL, tiles_2_1, tiles_2_2, tiles_2_3, tiles_2_4, tiles_2_5, tiles_2_6},
#endif
};

static void multiply(const struct product *p)
{
    const int blocks = (p->m + TILE_ROWS - 1) / TILE_ROWS;
    const int rows = p->m / blocks, larger = p->m % blocks;

    for (int column = 0; column < p->n; column += 2 * VL) {
        const int two = p->n - column > VL;
        if (larger)
            tiles[two][rows + 1](p, 0, column, larger);
        tiles[two][rows](p, larger * (rows + 1), column, blocks - larger);
    }
}
#endif
