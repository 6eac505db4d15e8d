/* cli/settings.h -- what is chosen when a study begins and must stay: study.settings in the store.
 *
 * The kernel set, and for each width the micro-batch and who multiplies matrices, change last bits,
 * so a resumed study uses those it began with. The folder of the study file is kept too, so that
 * `distill` finds the data that the study names by relative paths.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H
#include "cli/evaluator.h"
#include "cli/session.h"

struct settings {
    char kernels[16];
    char study[RT_PATH_MAX]; /* absolute path of the study file */
    struct tunings tunings;
};

/* Choose: the session's kernels and, when the study gives no micro-batch, what tr_tune() finds for each
 * width of the space. Takes a moment for each width. */
rt_status settings_choose(struct settings *settings, const struct session *session,
                          struct rt_err *err);
/* Of a study whose evaluator is the user's own: nothing is chosen. */
void settings_external(struct settings *settings, const struct study *study);
/* JSON; the caller frees *text. */
rt_status settings_print(const struct settings *settings, char **text, struct rt_err *err);
rt_status settings_parse(struct settings *settings, const char *text, struct rt_err *err);
/* RT_EMISMATCH when this machine computes with other kernels than the study began with. */
rt_status settings_check(const struct settings *settings, const struct session *session,
                         struct rt_err *err);
#endif
