/* trainer/learn/lookup.h -- the gradient of a table of token ids, gathered by id once a step.
 *
 * A step reads few rows of a table, each some times. Passes leave the gradient of every row's look-up
 * (net/student.h); these are kept in the place of their example in the step's batch and at the end
 * added up by id, in that order. So the sums are the same bits for any number of lanes and threads and
 * any micro-batch, and lanes need no room for a table.
 *
 * Lazy     a table of more than TR_LOOKUP_DENSE weights, unless a head is tied to it, moves by the rows alone that a step read: a
 *          row that was not read keeps its moments, as in the sparse Adam of PyTorch and TensorFlow,
 *          where the dense one would go on by momentum.
 * Shapes   batch examples of at most T rows: dlookup (batch*T,e), ids [batch*T].
 * Threads  tr__lookup_take() of different examples may run at once; the rest is for one thread.
 */
#ifndef TRAINER_LEARN_LOOKUP_H
#define TRAINER_LEARN_LOOKUP_H
#include "trainer/learn/optimiser.h"

enum { TR_LOOKUP_DENSE = 1000000 };

struct tr_lookup { /* all zero: there is none */
    const struct tr_student *student;
    int batch, tokens; /* examples of a step; T */
    int *length;       /* [batch] rows of each example */
    int *ids;
    float *dlookup;
    int *touched; /* when lazy, see optimiser.h */
    int *step;    /* [V] in which a row was last touched */
    int now;
};
/* `batch` examples a step. */
rt_status tr__lookup_init(struct tr_lookup *lookup, const struct tr_student *student, int batch,
                          struct rt_arena *arena, struct rt_err *err);
/* What a backward left of these examples, the first of which is example `first` of the step. */
void tr__lookup_take(const struct tr_lookup *lookup, const struct tr_pass *pass,
                     const struct tr_batch *batch, int first);
/* Of all examples of the step, into grads (param_count), and the optimiser's list of touched rows. */
void tr__lookup_gather(struct tr_lookup *lookup, float *grads, struct tr_adamw *adamw);
#endif
