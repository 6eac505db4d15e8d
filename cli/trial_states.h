/* cli/trial_states.h -- trials that last longer than a minute, kept while they go on (trainer/learn/resume.h),
 * so that a search that was killed or stopped does not begin them anew.
 *
 * In STORE.runs, by number. A trial is a function of the study, its number and the trials before it, so
 * no more than that and this program has to be the same.
 */
#ifndef CLI_TRIAL_STATES_H
#define CLI_TRIAL_STATES_H
#include "cli/session.h"
#include "search/search.h"
#include "trainer/learn/resume.h"

struct trial_states {
    char folder[RT_PATH_MAX], made_of[RT_HASH_TEXT];
};

/* Of a session whose teachers are weighed. */
rt_status trial_states_open(struct trial_states *states, const struct session *session,
                            const char *db, struct rt_err *err);
/* Where this trial's is. */
rt_status trial_states_of(const struct trial_states *states, const struct search_job *job,
                          struct tr_resume *resume, struct rt_err *err);
/* Those in a folder that nobody has written for so many seconds; 0: all. */
void trial_states_clear(const char *folder, double seconds);
#endif
