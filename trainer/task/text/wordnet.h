/* trainer/task/text/wordnet.h -- the glosses of WordNet and what they are glosses of.
 *
 * Texts    of the files data.adj, data.adv, data.noun and data.verb in a folder (Debian:
 *          wordnet-base), in this order: what stands behind the first " | " of a line, trimmed; the
 *          first occurrence of each.
 * Labels   the lexicographer file of the synset, 0 .. 44, named as in lexnames(5WN).
 * Folds    FNV-1a-64 of the gloss modulo 10, so that every user has the same: 0 to 7 to train on, 8
 *          to validate, 9 to test.
 */
#ifndef TRAINER_TASK_TEXT_WORDNET_H
#define TRAINER_TASK_TEXT_WORDNET_H
#include "trainer/task/text/table.h"

#define TR_WORDNET_FOLDER "/usr/share/wordnet"
#define TR_WORDNET_LABELS 45
extern const char *const tr_wordnet_labels[TR_WORDNET_LABELS];

/* Those of the folds `from` to `to`, with the columns text and label (its name); *fold [rows] is the
 * caller's to free. */
rt_status tr_wordnet_read(const char *folder, int from, int to, struct tr_table *table, int **fold,
                          struct rt_err *err);
#endif
