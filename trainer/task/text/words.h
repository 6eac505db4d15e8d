/* trainer/task/text/words.h -- a text as BERT cuts it into words, in UTF-8.
 *
 * Steps    each code point on its own, in this order; bytes that are not UTF-8 count as U+FFFD.
 *   clean    U+0000, U+FFFD and categories Cc, Cf, Cs, Co are dropped, but tab, LF and CR become
 *            spaces, as all White_Space does
 *   han      CJK ideographs stand alone, like words
 *   accents  canonical decomposition, then category Mn is dropped
 *   lower    simple case mapping; U+0130 becomes `i` U+0307
 * Words    lie between White_Space; each punctuation character is one: ASCII's, `$+<=>^`|~` with it,
 *          and categories Pc Pd Ps Pe Pi Pf Po.
 * Source   BertNormalizer and BertPreTokenizer of Hugging Face's tokenizers.
 */
#ifndef TRAINER_TASK_TEXT_WORDS_H
#define TRAINER_TASK_TEXT_WORDS_H
#include <stdbool.h>
#include <stddef.h>

#define TR_WORD_CHARS 1000 /* of a word, at most; longer ones come as TR_WORD_CHARS + 1 of them */

struct tr_word_rules {
    bool clean, han, accents, lower; /* which steps are taken */
};

/* Each word by itself: bytes of UTF-8, so many code points. */
typedef void tr_word_to(void *to, const char *word, size_t bytes, int chars);
void tr_words_each(const struct tr_word_rules *rules, const char *text, size_t bytes,
                   tr_word_to *word, void *to);
#endif
