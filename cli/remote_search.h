/* cli/remote_search.h -- a study's search with workers on other machines (search/coordinator.h): who may
 * work for it, and what they need to have.
 *
 * They are sent the study without its trials, and the list of files that trials read, with hashes; both are
 * made once, in $TMPDIR, and have no name there. Workers take a file by its path where that has the hash, and
 * else have it sent.
 * A worker computes the same bits when it is the same program with the same kernels and, where OpenBLAS
 * multiplies, the same core; another is refused, or taken when `mixed` is asked for.
 */
#ifndef CLI_REMOTE_SEARCH_H
#define CLI_REMOTE_SEARCH_H
#include "cli/evaluator.h"
#include "cli/session.h"

struct remote_wishes {  /* of the command line */
    const char *listen; /* NULL: nobody works elsewhere */
    const char *key;    /* NULL: none */
    bool mixed;
};

struct remote_search;

/* `session` NULL: a study with an evaluator of its own, which has no `evaluator` here. Listens, and says so
 * on stderr. What is handed over must stay, and get `elsewhere` for the search. */
rt_status remote_search_open(struct remote_search **remote, const struct remote_wishes *wishes,
                             struct study *study, const struct session *session,
                             const struct settings *settings, struct evaluator *evaluator,
                             struct rt_err *err);
const struct search_elsewhere *remote_search_elsewhere(const struct remote_search *remote);
void remote_search_close(struct remote_search *remote);
#endif
