/* trainer/task/text/merges.h -- which pairs of tokens become one: byte pair encoding on counted words.
 *
 * Cost     each merge goes through the words that have the pair; a heap tells the most frequent.
 */
#ifndef TRAINER_TASK_TEXT_MERGES_H
#define TRAINER_TASK_TEXT_MERGES_H
#include <stdint.h>

#include "trainer/task/text/vocabulary.h"

struct tr_counted { /* words as ids of tokens, one behind the other */
    int words;
    int64_t *count; /* [words] how often each occurs */
    size_t *start;  /* [words + 1] in ids */
    int32_t *ids;   /* changed: merged in place */
};

/* Merge until the vocabulary has `size` tokens or no pair occurs twice; each new token is added to
 * it, as the first one's text and the second's without `mark` in front. */
rt_status tr_merge_pairs(struct tr_vocabulary *vocabulary, int size, const char *mark,
                         struct tr_counted *words, struct rt_err *err);
#endif
