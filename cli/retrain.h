/* cli/retrain.h -- students of a database that are trained once more: what `distill` and `play` share.
 *
 * Which    named by number or architecture, which need be no candidate's, or those of the front, or
 *          the suggested one.
 */
#ifndef CLI_RETRAIN_H
#define CLI_RETRAIN_H
#include "cli/full_run.h"
#include "cli/meter.h"
#include "cli/settings.h"

struct retrain_wishes {
    const char *db, *study; /* study NULL: as it is kept in the database */
    char **name;            /* [names] */
    int names;
    bool front, suggested; /* in place of names */
};

struct retrain {
    struct session session;
    struct settings settings;
    struct space_arch *arch; /* owned: [count] */
    int count;
    struct full_run run; /* of the student at hand */
    struct meter meter;
};

/* DB and, unless front or suggested stand in their place, 1 to `most` CANDIDATEs; false after a usage
 * error. */
bool retrain_operands(const char *command, int argc, char **argv, int most,
                      struct retrain_wishes *wishes);

typedef rt_status retrain_work(struct retrain *job, const void *wishes, const atomic_int *stop,
                               struct rt_err *err);
/* A command's run(): opens all of it, works, and closes it; the exit code. */
int retrain_command(const char *command, const struct retrain_wishes *which, retrain_work *work,
                    const void *wishes);

/* Teachers speak, are cut out of or run beside, as `recipe` wants. */
rt_status retrain_teachers(struct retrain *job, const struct tr_recipe *recipe,
                           const atomic_int *stop, struct rt_err *err);
/* The next student at hand, by this recipe as the study's settings have it, on all cores; the one before
 * is closed. */
void retrain_begin(struct retrain *job, const struct space_arch *arch,
                   const struct tr_recipe *recipe, const atomic_int *stop);
#endif
