/* trainer/learn/inherit_internal.h -- what the files of inheritance share. */
#ifndef TRAINER_LEARN_INHERIT_INTERNAL_H
#define TRAINER_LEARN_INHERIT_INTERNAL_H
#include "trainer/learn/inherit.h"
#include "trainer/net/student_internal.h"

/* One slicing, and the maps of the block at hand. */
struct tr_cut {
    const struct tr_student *student, *source;
    const struct tr_importance *scores;
    const struct tr_inherit_options *options;
    const float *from; /* the source's parameters */
    float *to;
    int *channel;              /* [width] */
    int *head, *neuron;        /* [heads], [ffn] of the block */
    int *lookup, *value, *all; /* [inner]: rows of queries and keys, of values; [3 inner]: of qkv */
    double *order;             /* scores within one head */
    float *merged, *sorted;    /* the source's qkv.weight and qkv.bias; heads, best first */
    int *rank;                 /* the source's heads, best first */
    float *row;                /* of a table: (source's width), and (e) */
    size_t copied;
};

/* Rows and columns of a matrix of the source's, by maps, to `to`; what is copied is counted. */
void tr__cut_slice(struct tr_cut *c, const float *from, int stride, const int *rows, int row_count,
                   const int *cols, int col_count, size_t to);
void tr__cut_linear(struct tr_cut *c, const struct tr_plan_linear *from, const int *rows,
                    const int *cols, const struct tr_plan_linear *to);
/* The table, positions and segments. blocks: will those of the source be inherited, too? */
void tr__cut_table(struct tr_cut *c, bool blocks);
#endif
