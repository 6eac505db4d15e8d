/* search/protocol.h -- what is said between a search and an evaluator outside of it: one line of
 * JSON each way a trial. docs/evaluator.md describes it to those who write one.
 *
 * Threads  pure functions.
 */
#ifndef SEARCH_PROTOCOL_H
#define SEARCH_PROTOCOL_H
#include "search/search.h"

/* Of an answer; the store has room beyond them for each objective and the violation. */
#define SEARCH_ANSWER_METRICS (STORE_MAX_METRICS - STORE_MAX_OBJECTIVES - 1)

/* The request for one attempt (1, 2, ...) at a job, its newline included; caller frees, NULL when
 * out of memory. `texts`: true and false are "true" and "false", as they were before studies kept
 * which. */
char *search_protocol_request(const struct space *space, const struct search_options *options,
                              const struct search_job *job, int attempt, bool texts);
/* The answer to trial `number` into *result. RT_EFORMAT, with the reason in result->error and the
 * kind `garbage`, for what is no answer to it; when the answer is that the trial failed, result has
 * its kind and text. NaN and infinity, which JSON has not, may be written as Python does. */
rt_status search_protocol_answer(char *line, int64_t number, struct store_result *result);
/* The same of search_protocol_tell(), with the attempts that were made there, and where this one went on. */
rt_status search_protocol_relayed(char *line, int64_t number, struct store_result *result);

/* ---- the other side: an evaluator that is a Retort itself ---- */

/* A request, checked, into *job but for its worker and stop; its architecture into *arch. RT_EFORMAT
 * for what is none of this space. */
rt_status search_protocol_job(const char *line, const struct space *space, struct search_job *job,
                              struct space_arch *arch, struct rt_err *err);
/* The answer that brings a result, its newline included: metrics, standard errors and curve to the
 * last bit, or how it failed; and, as "retort", which attempts failed before, with their notes. Caller frees, NULL when out of memory. */
char *search_protocol_tell(int64_t number, const struct store_result *result);
#endif
