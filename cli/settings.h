/* cli/settings.h -- what is chosen when a study begins and must stay: study.settings in the store.
 *
 * Bits    the kernel set, for each width the micro-batch and who multiplies matrices, and where
 *         OpenBLAS does, the core that it takes this processor for: all change last bits, so a
 *         resumed study uses those it began with.
 * Search  the version of the search that proposes. Another goes on from the results that are there,
 *         but not as that one would have.
 * Asks    true and false of genes are JSON's own in what evaluators are asked, but in studies that
 *         began before they were.
 * Study   where its file stood, seen from the database's folder, since its relative paths are seen
 *         from there: a study that is copied or moved as a whole finds its data where it is now.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H
#include "cli/session.h"
#include "trainer/measure/tune.h"

#define SETTINGS_MAX_WIDTHS SPACE_MAX_CHOICES

struct settings {
    char kernels[16];
    char core[32]; /* "": not kept, by an earlier version */
    int search;    /* SEARCH_VERSION */
    bool texts;    /* evaluators are asked for true and false as texts, as once they were */
    char rows[RT_HASH_TEXT]; /* of the validation rows that the study names; "": it names none */
    char study[RT_PATH_MAX]; /* absolute in databases of earlier versions */
    char root[64]; /* seen from the database's folder, likewise: below it stand files that the
                                study names by absolute paths; "": where they say */
    int count;     /* of the widths of the space */
    int width[SETTINGS_MAX_WIDTHS];
    struct tr_tuning tuning[SETTINGS_MAX_WIDTHS];
};

/* Choose: the session's kernels and, when the study gives no micro-batch, what tr_tune() finds for
 * each width of the space. Takes a moment for each width. */
rt_status settings_choose(struct settings *settings, const struct session *session,
                          struct rt_err *err);
/* Of a study whose evaluator is the user's own: nothing is chosen. */
void settings_external(struct settings *settings);
/* Where the study file stands, for a database `db` that is about to be made; makes its folder. */
rt_status settings_place(struct settings *settings, const struct study *study, const char *db,
                         struct rt_err *err);
/* Where that study file stands, or stood, for the database as it lies now. RT_EIO: its folder is
 * not there. */
rt_status settings_study_path(const struct settings *settings, const char *db,
                              char path[RT_PATH_MAX], struct rt_err *err);

/* JSON; the caller frees *text. */
rt_status settings_print(const struct settings *settings, char **text, struct rt_err *err);
rt_status settings_parse(struct settings *settings, const char *text, struct rt_err *err);
/* RT_EMISMATCH when this machine computes otherwise than where the study began, or when its
 * validation rows are others. */
rt_status settings_check(const struct settings *settings, const struct session *session,
                         struct rt_err *err);
/* For who may compute otherwise, and is known to: the kernels and the core are this machine's. */
void settings_as_here(struct settings *settings, const struct session *session);
/* Does OpenBLAS multiply, and it is known as which core? */
bool settings_need_core(const struct settings *settings);
/* Does OpenBLAS multiply, and nobody knows as which core it did so far? */
bool settings_core_unknown(const struct settings *settings);
/* Did another version of the search propose so far? */
bool settings_search_differs(const struct settings *settings);

/* The recipe with its own micro-batch or, when it has none, the one chosen for a width; and the
 * kernels chosen for it. */
struct tr_recipe settings_recipe(const struct settings *settings, const struct tr_recipe *recipe,
                                 int width);
const struct tr_kernels *settings_kernels(const struct settings *settings,
                                          const struct tr_kernels *kernels, int width);
#endif
