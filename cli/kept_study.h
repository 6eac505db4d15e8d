/* cli/kept_study.h -- the study of a database, ready to train its candidates again.
 *
 * It is the study as it was when the search began, its relative paths seen from where its file
 * stood; or a file of the same study, which may differ in the full recipe and the gates.
 */
#ifndef CLI_KEPT_STUDY_H
#define CLI_KEPT_STUDY_H
#include "cli/session.h"
#include "cli/settings.h"

/* The candidate of that number or that architecture; RT_EARG when there is none. */
rt_status kept_study_candidate(struct store *store, const char *wanted, struct space_arch *arch,
                               struct rt_err *err);
/* The study, its data and kernels, the teachers' weights of its search, and the settings that it
 * began with. `path` is a study file, NULL: the database's own. A study with an evaluator of its own
 * is RT_EARG or, if `any`, has nothing of all that but itself and its settings. Close the session. */
rt_status kept_study_open(struct store *store, const char *path, bool any, struct session *session,
                          struct settings *settings, struct rt_err *err);
/* The study, as the database has it, and the settings alone: no file is read. Close the session. */
rt_status kept_study_load(struct store *store, struct session *session, struct settings *settings,
                          struct rt_err *err);
#endif
