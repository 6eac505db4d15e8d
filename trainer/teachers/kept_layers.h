/* trainer/teachers/kept_layers.h -- what inner layers of a large teacher say of the train rows, kept once.
 *
 * A BERT costs fifty times what a student does, and says the same in each trial. So it is run once, and
 * all workers map what its inner layers said. Values are float32 as the pass leaves them, and nothing
 * computed of an example depends on its neighbours: a run that reads them has the bits of one that has
 * the teacher beside it (by rounding alone where OpenBLAS multiplies). So whether they are kept is a
 * question of room, never of results.
 *
 * Parts    those that the study's losses can read (struct tr_layer_parts); what the first block reads
 *          is a look-up, and computed anew.
 * Layout   64 bytes: magic "RTLAYS\r\n", a hash of teacher, data, train rows, parts and kernels. Then blocks
 *          of 256 train rows: of each row each token's parts, one behind the other, float32; and 32
 *          hexadecimal digits, the hash of the block. Little-endian.
 * Resumed  a file that ends early, or is damaged, goes on behind its last whole block. Two processes
 *          that write one file write the same bytes to the same places.
 * Threads  read-only once open.
 */
#ifndef TRAINER_TEACHERS_KEPT_LAYERS_H
#define TRAINER_TEACHERS_KEPT_LAYERS_H
#include "trainer/distill/layers.h"
#include "trainer/teachers/teachers.h"

struct tr_trace;        /* trainer/net/student_trace.h */
struct tr_kept_layers { /* all zero: nothing is kept */
    struct tr_layer_parts parts;
    int vocabulary;
    size_t width; /* floats of a token, all parts */
    int64_t
        *first; /* owned: [rows], where a row's floats begin in the file, in bytes; -1: not kept */
    int64_t bytes;     /* of the whole file */
    char head[64];     /* that it begins with */
    struct rt_map map; /* no data: only planned; then it reads as zeros, to be timed */
};

/* The sizes and places alone. vocabulary: of the students' tokens, 0 where they read none; the network,
 * which may be without weights, reads them. */
rt_status tr_kept_layers_plan(struct tr_kept_layers *kept, const struct tr_task *task,
                              const struct tr_student *network, int vocabulary,
                              const struct tr_layer_parts *parts, struct rt_err *err);
/* What was planned, in FOLDER/NAME.layers of teacher k, whose network this is, and whose contents have that
 * hash. What is missing of it is asked for by all threads, with progress. RT_EFULL before that where
 * the disk has no room, RT_ESTOP. */
rt_status tr_kept_layers_open(struct tr_kept_layers *kept, const struct tr_teaching *teaching,
                              int k, const char *teacher_hash, const struct tr_network *network,
                              struct rt_err *err);
void tr_kept_layers_close(struct tr_kept_layers *kept);
/* Have others written into the file, whose train rows these are, since it was opened? RT_EDIRTY: whatever was learnt
 * from it since is void. It is hashed anew when it was written, and else costs a stat. By any thread. `stop`, NULL: never, ends the
 * hashing: RT_OK then, and it is asked anew the next time. */
rt_status tr_kept_layers_look(const struct tr_kept_layers *kept, const struct tr_split *split,
                              const atomic_int *stop, struct rt_err *err);
/* Into a trace's streams and qkv what that of the network would leave there, as far as it is kept. */
void tr_kept_layers_read(const struct tr_kept_layers *kept, const struct tr_student *network,
                         const int *rows, const struct tr_batch *batch, struct tr_trace *trace);
#endif
