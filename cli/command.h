/* cli/command.h -- what every subcommand is made of, and how all of them speak to the user.
 *
 * A command is one file cli/cmd_NAME.c with one `const struct command command_NAME`, listed in
 * main.c. Its run() gets argv from the command's own name on, parses options with command_option(),
 * and returns a command_exit.
 *
 * Streams  results on stdout; progress and errors on stderr. An error is one line,
 *          `retort NAME: error: TEXT`, printed by the functions below and nowhere else.
 * Exit     0 done, 1 failed (also when stdout could not be written), 2 usage, 128 and the signal's
 *          number when one stopped it before it was done.
 * Signals  SIGPIPE is ignored: a closed pipe must not end a night's search. A reader that went away
 *          (`| head`) is no error.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H
#include <getopt.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "store/store.h"

enum command_exit { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

struct command {
    const char *name;
    const char *use;     /* what follows the name, on one line: "STUDY [--trials N]" */
    const char *summary; /* one line without a full stop */
    const char *help;    /* several lines, each ended by \n, for `retort help NAME` */
    int (*run)(int argc, char **argv);
};

/* All commands, ended by NULL; defined in main.c. */
extern const struct command *const command_table[];
const struct command *command_find(const char *name); /* NULL when there is none */
/* The command whose name looks most like it, or NULL when none is near. */
const struct command *command_nearest(const char *name);
/* Name, use, help text and options of one command; NULL: the list of all. */
void command_print_help(const struct command *command);

/* Print `retort NAME: error: ...; see 'retort help NAME'`, return COMMAND_USAGE. */
__attribute__((format(printf, 2, 3))) int command_usage(const char *name, const char *format, ...);
/* Print `retort NAME: error: <err.text>`, return COMMAND_FAILED, or of RT_ESTOP command_stopped(). */
int command_failed(const char *name, const struct rt_err *err);
/* Print `retort NAME: warning: ...`. */
__attribute__((format(printf, 2, 3))) void command_warn(const char *name, const char *format, ...);

/* The next option's `val`, -1 at the end, '?' after a usage error has been printed. Its argument is
 * in optarg. `shorts` as for getopt, without a leading colon. */
int command_option(const char *name, int argc, char **argv, const char *shorts,
                   const struct option *longs);
/* The operand (what is not an option) that comes next, called `what` in the message when it is
 * missing: false after a usage error has been printed. To be called when all options are read. */
bool command_operand(const char *name, int argc, char **argv, const char *what,
                     const char **operand);
/* No further operands: false after a usage error has been printed. */
bool command_no_more(const char *name, int argc, char **argv);

/* A number within [least, most]; false after a usage error has been printed that names the option.
 */
bool command_int64(const char *name, const char *option, const char *text, int64_t least,
                   int64_t most, int64_t *value);
/* Finite, within [least, most]. */
bool command_double(const char *name, const char *option, const char *text, double least,
                    double most, double *value);
/* Hours from now to a time of the day such as 07:30, today's or tomorrow's, as clocks show it here. */
bool command_until(const char *name, const char *text, double *hours);
/* The place of `text` in words (ended by NULL); false after a usage error that lists them. */
bool command_word(const char *name, const char *option, const char *text, const char *const *words,
                  int *place);

/* Open a study's database to read; NULL after the error has been printed. */
struct store *command_open_read(const char *name, const char *path);

/* After RT_EFULL of something that is worth keeping: says so once (*told), and sleeps for a while.
 * False: asked to stop. */
bool command_wait_for_room(const char *name, const struct rt_err *err, const atomic_int *stop,
                           bool *told);

/* From now on SIGINT, SIGTERM and, unless it is ignored (nohup), SIGHUP set the returned flag to the
 * signal's number; the second one ends the process at once. */
const atomic_int *command_catch_signals(void);
/* The exit code of a command that a signal stopped. */
int command_stopped(void);
#endif
