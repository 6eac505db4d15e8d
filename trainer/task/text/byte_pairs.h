/* trainer/task/text/byte_pairs.h -- byte-level byte pair encoding, as GPT-2 and RoBERTa have it.
 *
 * Pieces   's 't 're 've 'm 'll 'd, or a run of letters (L*), of numbers (N*) or of anything else but
 *          White_Space, each with the space in front of it; and what is left of White_Space, of
 *          which the last goes with what follows only when it is a space.
 * Bytes    are written as code points: 33-126, 161-172 and 174-255 as themselves, the others as 256,
 *          257, .. in their order; so a space is U+0120.
 * Merges   of neighbours within a piece, the one of the lowest rank first. Pieces beyond
 *          TR_PIECE_BYTES are cut there, which the reference does not.
 * Source   Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the rules as
 *          Hugging Face's tokenizers has them.
 */
#ifndef TRAINER_TASK_TEXT_BYTE_PAIRS_H
#define TRAINER_TASK_TEXT_BYTE_PAIRS_H
#include <stddef.h>
#include <stdint.h>

#include "trainer/task/text/vocabulary.h"

#define TR_PIECE_BYTES 4096

struct tr_merges {
    int byte[256];          /* id of each byte alone */
    int32_t *left, *right;  /* owned: [slots], -1 empty: of the pair */
    int32_t *rank, *merged; /* owned: [slots] */
    size_t slots;           /* a power of two */
    int count;
};

/* With the bytes' tokens, which must all be there (RT_EFORMAT), and room for so many merges. */
rt_status tr_merges_init(struct tr_merges *merges, const struct tr_vocabulary *vocabulary,
                         int count, struct rt_err *err);
void tr_merges_release(struct tr_merges *merges);
/* The next rank: two tokens whose texts together are one, RT_EFORMAT when any of them is unknown. */
rt_status tr_merges_add(struct tr_merges *merges, const struct tr_vocabulary *vocabulary,
                        const char *left, size_t left_bytes, const char *right, size_t right_bytes,
                        struct rt_err *err);

/* Bytes of the piece that `text`, not empty, begins with. */
size_t tr_piece(const char *text, size_t bytes);
/* The ids of a piece of at most TR_PIECE_BYTES, as many as it has bytes or fewer; returns how many. */
int tr_merge_piece(const struct tr_merges *merges, const char *piece, size_t bytes, int *ids);
/* A token's text as bytes, which are no more; returns how many. */
size_t tr_token_bytes(const char *token, char *bytes);
#endif
