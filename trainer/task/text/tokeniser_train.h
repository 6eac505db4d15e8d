/* trainer/task/text/tokeniser_train.h -- vocabularies learnt from the texts themselves, ranked: the
 * first V tokens are what a smaller size would have given.
 *
 * wordpiece  [PAD] [UNK] [CLS] [SEP] [MASK], then characters (`x`, and `##x` within a word; the 1,000
 *            most frequent), then merges: the most frequent adjacent pair of tokens of the words, as
 *            long as it occurs twice; equal ones by the smaller pair of ids. Byte pair encoding:
 *            Sennrich et al. 2016, arXiv:1508.07909.
 * words      the five, then words seen at least twice, the most frequent first, equals by bytes.
 * bytes      the five, then <0x00> to <0xFF>.
 */
#ifndef TRAINER_TASK_TEXT_TOKENISER_TRAIN_H
#define TRAINER_TASK_TEXT_TOKENISER_TRAIN_H
#include "trainer/task/text/tokeniser.h"

struct tr_text_source { /* the texts, once each */
    bool (*next)(void *from, struct tr_span *text);
    void *from;
};

/* At most `size` tokens; of bytes all 261. */
rt_status tr_tokeniser_train(struct tr_tokeniser *tokeniser, enum tr_tokeniser_kind kind, int size,
                             const struct tr_word_rules *rules, const struct tr_text_source *source,
                             struct rt_err *err);
/* A tokeniser with those tokens of `whole` alone that encoding the texts needs: control tokens
 * first, then tokens of one character that occur, then by how often each is used. from[i], which
 * the caller frees, is the number that token i has in `whole`. */
rt_status tr_tokeniser_rank(struct tr_tokeniser *tokeniser, const struct tr_tokeniser *whole,
                            const struct tr_text_source *source, int **from, struct rt_err *err);
#endif
