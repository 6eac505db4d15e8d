/* trainer/import/positions.c -- see positions.h. */
#include "trainer/import/positions.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* Weight of a point at that distance. */
static double cubic(double x)
{
    const double a = -.75;

    x = fabs(x);
    return x <= 1  ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a
                   : 0;
}

struct taps { /* of one coordinate: four points and their weights */
    int at[4];
    double weight[4];
};

static struct taps taps_of(int i, int size, int from)
{
    const double x = (i + .5) * from / size - .5, left = floor(x);
    struct taps taps;

    for (int k = 0; k < 4; k++) {
        const int at = (int)left + k - 1;
        taps.at[k] = at < 0 ? 0 : at < from ? at : from - 1;
        taps.weight[k] = cubic(x - (left + k - 1));
    }
    return taps;
}

static double interpolate(const float *from, int cols, int width, const struct taps *y,
                          const struct taps *x)
{
    double sum = 0;

    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            sum += y->weight[i] * x->weight[j] *
                   (double)from[((ptrdiff_t)y->at[i] * cols + x->at[j]) * width];
    return sum;
}

void tr_positions_resize(const float *from, const int grid[2], int width, const int to_grid[2],
                         float *to)
{
    assert(grid[0] > 0 && grid[1] > 0 && to_grid[0] > 0 && to_grid[1] > 0);
    for (int r = 0; r < to_grid[0]; r++) {
        const struct taps y = taps_of(r, to_grid[0], grid[0]);
        for (int c = 0; c < to_grid[1]; c++) {
            const struct taps x = taps_of(c, to_grid[1], grid[1]);
            for (int i = 0; i < width; i++)
                *to++ = (float)interpolate(from + i, grid[1], width, &y, &x);
        }
    }
}
