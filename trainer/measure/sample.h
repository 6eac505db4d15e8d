/* trainer/measure/sample.h -- what a network of the next token goes on with.
 *
 * A token at a time: drawn from softmax(logits / temperature), or the likeliest (temperature 0), never
 * a control token but [SEP], which ends the text. When the text has as many tokens as the network
 * reads, it sees [CLS] and the latest of them.
 */
#ifndef TRAINER_MEASURE_SAMPLE_H
#define TRAINER_MEASURE_SAMPLE_H
#include "trainer/net/student.h"
#include "trainer/task/text/tokeniser.h"

struct tr_sampling {
    int tokens;         /* at most so many new ones */
    double temperature; /* 0: no draw */
    uint64_t seed;
};
/* text: what comes behind the prompt, at most `room` bytes with the NUL. Weights are packed. */
rt_status tr_sample_text(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_tokeniser *tokeniser, const char *prompt,
                         const struct tr_sampling *sampling, char *text, size_t room,
                         struct rt_err *err);
#endif
