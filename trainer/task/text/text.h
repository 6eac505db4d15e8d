/* trainer/task/text/text.h -- texts as a task: struct tr_task whose kind is "text".
 *
 * Example  [CLS] text [SEP], or [CLS] text [SEP] second [SEP]: at most `length` token ids.
 * Answer   of `label`, one an example, of its classes; of `next`, one a token but the last: which
 *          follows it, so that the classes are the vocabulary.
 * Tokens   of a file, or learnt from the train rows; ranked, so that a student's vocabulary is the
 *          first V of them. Texts are cut once for each V that a study allows, when it is opened.
 * Measures of `label`: macro_f1, the mean over classes that occur of 2 tp / (2 tp + fp + fn); of
 *          `next`: bits_per_character, NLL in bits over the characters of the texts and one for each
 *          end, which compares any tokens, and perplexity, e^NLL of a token.
 */
#ifndef TRAINER_TASK_TEXT_TEXT_H
#define TRAINER_TASK_TEXT_TEXT_H
#include "trainer/task/task.h"
#include "trainer/task/text/texts.h"

#define TR_TEXT_MAX_VOCABULARIES 16
#define TR_TEXT_MAX_LENGTH 4096

extern const struct tr_task_kind tr_task_text, tr_task_next_token;

struct tr_text_spec {
    bool next;          /* what is asked for is the next token, not a label */
    int length;         /* most tokens of an example, control tokens among them */
    const char *tokens; /* a file or folder of a tokeniser; NULL: learnt */
    enum tr_tokeniser_kind kind;
    struct tr_word_rules rules; /* of one that is learnt */
    int size;                   /* most tokens of one that is learnt */
    int vocabularies;
    int vocabulary[TR_TEXT_MAX_VOCABULARIES]; /* sizes that students and teachers have */
};

/* The pool is `none` whatever is given when the next token is asked for, the mask causal, and the head
 * tied to the table; texts are no pairs then, and have one vocabulary.
 * The texts are taken, also after a failure. Where they say which rows validate, sizes must not. */
rt_status tr_text_task(struct tr_task **task, struct tr_texts *texts,
                       const struct tr_text_spec *spec, enum space_pool pool,
                       const struct tr_split_sizes *sizes, struct rt_err *err);
/* Other texts by the tokens of `like`; no split. Taken likewise. */
rt_status tr_text_task_like(struct tr_task **task, const struct tr_task *like,
                            struct tr_texts *texts, struct rt_err *err);

/* Texts without labels as an exported student reads them: by the tokens that text's describe() noted,
 * of which a vocabulary of so many is used. RT_EFORMAT when the notes are no tokeniser. Taken. */
rt_status tr_text_task_noted(struct tr_task **task, const struct tr_notes *notes,
                             const struct space_shape *shape, int vocabulary,
                             struct tr_texts *texts, struct rt_err *err);

/* The tokeniser alone, for a table of so many rows: all of them have a token, and [UNK], [CLS] and [SEP] are
 * among them. */
rt_status tr_text_recall_tokens(const struct tr_notes *notes, int vocabulary,
                                struct tr_tokeniser *tokeniser, struct rt_err *err);

/* Were the texts cut by the first so many tokens, for students of that vocabulary? */
bool tr_text_has_vocabulary(const struct tr_task *task, int vocabulary);
/* What a task of texts is made of. */
const struct tr_texts *tr_text_texts(const struct tr_task *task);
const struct tr_tokeniser *tr_text_tokeniser(const struct tr_task *task);
/* Its labels, also those of the task that a test is like. */
const struct tr_labels *tr_text_labels(const struct tr_task *task);

/* F1 of each class [C] by the answers' largest logits (n,C), -1 where it neither occurs nor is
 * answered; returns the mean of the others, and into *error its standard error, to first order in what
 * each text adds to the counts (the delta method). f1 and error may be NULL. NaN: no memory. */
double tr_text_f1(const int *label, const float *logits, int n, int classes, double *f1,
                  double *error);

struct tr_text_lengths { /* of the texts in tokens, control tokens among them, uncut */
    int median, p95, most;
    int cut, empty; /* rows longer than `length`; rows without a token */
};
rt_status tr_text_measure_lengths(const struct tr_task *task, struct tr_text_lengths *lengths,
                                  struct rt_err *err);
/* How many of these rows have a text that is among the others, too. */
rt_status tr_text_count_shared(const struct tr_task *a, const int *rows_a, int n_a,
                               const struct tr_task *b, const int *rows_b, int n_b, int *shared,
                               struct rt_err *err);
#endif
