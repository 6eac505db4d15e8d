/* search/external.h -- trials by a command of the user's: any framework, any machine.
 *
 * Each worker has a child process of its own, which is started when it is first needed, lives from
 * trial to trial, and is asked by the lines of search/protocol.h. Whatever goes wrong ends the
 * attempt, and the child is started anew unless it said itself what is wrong:
 *   crash     it ended, or closed its output, before its first answer
 *   timeout   no answer within the time, or it hangs
 *   garbage   no answer to what was asked
 *   oversized a line beyond RT_LINE_MAX
 *   nonfinite a metric that the search needs is missing or no finite number
 *   start     it could not be started
 *   error, or a word of its own, with an answer that the trial failed
 * A child that answered before and is gone now fails no attempt: a new one gets the same job. What
 * a child was asked before depends on the workers, and so would which trials fail.
 * An attempt that failed is repeated `retries` times; each is an event of kind `attempt` with the
 * last that the child wrote to its standard error, and the last one makes the trial fail.
 * Threads  evaluate() is for several workers at once; open and close are for one thread.
 */
#ifndef SEARCH_EXTERNAL_H
#define SEARCH_EXTERNAL_H
#include <sys/types.h>

#include "search/search.h"

#define SEARCH_MAX_ARGUMENTS 32

struct search_external_options {
    const char *argv[SEARCH_MAX_ARGUMENTS + 1]; /* NULL at its end */
    const char *folder;                         /* where it runs */
    double timeout;                             /* seconds of one attempt; 0: none */
    int retries;                                /* 0..STORE_MAX_RETRIES */
    double stall; /* not 0: taken for hung after so many seconds without processor time */
    bool texts;   /* true and false are asked as the texts of them */
    /* It is a Retort: a failure that it tells itself is no attempt and not repeated, and the kind `dirty` is
     * RT_EDIRTY. */
    bool believed;
    /* Called every few milliseconds by a worker whose child is at work; NULL: never. */
    void (*idle)(void *context, pid_t group);
    void *context;
};

struct search_external;

/* Everything handed over must stay; options without objectives want no metrics of answers. Starts the first worker's child, so that a command that cannot
 * be started is RT_EIO before any trial. */
rt_status search_external_open(const struct search_external_options *how, const struct space *space,
                               const struct search_options *options,
                               struct search_external **external, struct rt_err *err);
/* For struct search_evaluator.evaluate, with a struct search_external as context. */
void search_external_evaluate(void *external, const struct search_job *job,
                              struct store_result *result);
void search_external_close(struct search_external *external);
#endif
