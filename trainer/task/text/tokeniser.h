/* trainer/task/text/tokeniser.h -- texts as numbers of tokens.
 *
 * Kinds    wordpiece  words, each cut greedily: the longest prefix that is a token, then the longest
 *                     continuation ("##" in front), ..; a word that cannot be is one [UNK]
 *          words      each word a token, or [UNK]
 *          bytes      each byte of the text a token: all of any text, without [UNK]
 *          pairs      byte-level byte pairs: byte_pairs.h
 * Control  tokens like [CLS] come from tr_encode() alone: written in a text they are cut like any
 *          other word, so that data cannot write them (Hugging Face's library lets them).
 * Ranked   with `limit`, only the first so many tokens of the vocabulary count.
 * Threads  read-only once open.
 * Source   Wu et al. 2016, arXiv:1609.08144 (WordPiece); Devlin et al. 2019, arXiv:1810.04805.
 */
#ifndef TRAINER_TASK_TEXT_TOKENISER_H
#define TRAINER_TASK_TEXT_TOKENISER_H
#include <stdint.h>

#include "trainer/task/text/byte_pairs.h"
#include "trainer/task/text/vocabulary.h"
#include "trainer/task/text/words.h"

enum tr_tokeniser_kind { TR_WORDPIECE, TR_WORDS, TR_BYTES, TR_PAIRS };
enum tr_control { TR_PAD, TR_UNK, TR_CLS, TR_SEP, TR_MASK, TR_CONTROLS };
#define TR_CONTINUATION 16 /* bytes of "##", the NUL included */

struct tr_tokeniser {
    enum tr_tokeniser_kind kind;
    struct tr_word_rules rules;         /* of wordpiece and words */
    struct tr_vocabulary vocabulary;    /* owned */
    int control[TR_CONTROLS];           /* ids; -1: it has none */
    char continuation[TR_CONTINUATION]; /* of wordpiece */
    int most_chars;                     /* of a word of wordpiece: beyond it is [UNK] */
    struct tr_merges merges;            /* of pairs; owned */
    bool space_first;                   /* of pairs: a text begins with a space, written or not */
};

/* A vocab.txt, one token a line, or a tokenizer.json (WordPiece, or byte-level BPE); of a folder, its
 * tokenizer.json or else its vocab.txt with tokenizer_config.json, or its vocab.json with merges.txt.
 * RT_EFORMAT names what is wrong, among it tokens twice, control tokens missing, and tokenisers of
 * other kinds. */
rt_status tr_tokeniser_open(struct tr_tokeniser *tokeniser, const char *path, struct rt_err *err);
/* The same from bytes in memory. */
rt_status tr_tokeniser_parse_vocabulary(struct tr_tokeniser *tokeniser, const char *name,
                                        const char *bytes, size_t count, struct rt_err *err);
rt_status tr_tokeniser_parse_json(struct tr_tokeniser *tokeniser, const char *name,
                                  const char *bytes, size_t count, struct rt_err *err);
void tr_tokeniser_release(struct tr_tokeniser *tokeniser);

/* Ids of a text without control tokens: the first `room` of them into ids; returns how many there
 * are. `limit` is at least 5, where the control tokens are the first five. */
int tr_tokenise(const struct tr_tokeniser *tokeniser, int limit, const char *text, size_t bytes,
                int *ids, int room);

struct tr_span { /* a text, not ended by a NUL */
    const char *text;
    size_t bytes;
};
/* [CLS] a [SEP], or [CLS] a [SEP] b [SEP] when b.text is not NULL, at most `length` ids (4 to 4096);
 * returns how many. Of pairs the control tokens are RoBERTa's <s> a </s> and <s> a </s></s> b </s>;
 * GPT-2 has none, an empty text being its <|endoftext|>. The control tokens always stand: of one text the end is cut,
 * of two the end of the longer first. *cut (may be NULL): was anything? */
int tr_encode(const struct tr_tokeniser *tokeniser, int limit, struct tr_span a, struct tr_span b,
              int length, int *ids, bool *cut);
/* The text of ids, as it is read: pieces joined, words apart; at most `room` bytes with the NUL. */
void tr_decode(const struct tr_tokeniser *tokeniser, const int *ids, int count, char *text,
               size_t room);
#endif
