/* trainer/import/positions.h -- embeddings of positions of another grid.
 *
 * Of images of another size than a network's own its positions, a grid of vectors, are interpolated as the
 * transformers library does: cubic convolution in both directions (Keys 1981, with a = -3/4), pixel
 * centres kept, the edge repeated.
 */
#ifndef TRAINER_IMPORT_POSITIONS_H
#define TRAINER_IMPORT_POSITIONS_H
/* from (rows,cols,width) to (to_rows,to_cols,width). */
void tr_positions_resize(const float *from, const int grid[2], int width, const int to_grid[2],
                         float *to);
#endif
