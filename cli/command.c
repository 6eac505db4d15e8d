/* cli/command.c -- options, numbers and errors of all commands.
 *
 * getopt's own messages name the program alone and come in several shapes, so they are switched off
 * and worded here: one shape, one line, with the place to look for help.
 */
#include "cli/command.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* --- commands by name --- */

const struct command *command_find(const char *name)
{
    for (size_t i = 0; command_table[i]; i++)
        if (strcmp(command_table[i]->name, name) == 0)
            return command_table[i];
    return NULL;
}

const struct command *command_nearest(const char *name)
{
    const struct command *nearest = NULL;
    size_t least = 3; /* two slips at most, else it is another word */

    for (size_t i = 0; command_table[i]; i++) {
        const bool starts =
            strlen(name) > 1 && strncmp(command_table[i]->name, name, strlen(name)) == 0;
        const size_t d = starts ? 1 : rt_edit_distance(name, command_table[i]->name);
        if (d < least && d < strlen(name)) {
            least = d;
            nearest = command_table[i];
        }
    }
    return nearest;
}

/* --- errors --- */

static void say(const char *name, const char *kind, const char *format, va_list list,
                const char *end)
{
    char text[1024];

    (void)vsnprintf(text, sizeof text, format, list);
    rt_text_plain(text);
    (void)fflush(stdout); /* results first, when both go to one place */
    (void)fprintf(stderr, "retort %s: %s: %s%s\n", name, kind, text, end);
}

int command_usage(const char *name, const char *format, ...)
{
    char end[64];
    va_list list;

    (void)snprintf(end, sizeof end, "; see 'retort help %s'", name);
    va_start(list, format);
    say(name, "error", format, list, end);
    va_end(list);
    return COMMAND_USAGE;
}

void command_warn(const char *name, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say(name, "warning", format, list, "");
    va_end(list);
}

static atomic_int caught; /* a signal's number */

int command_stopped(void)
{
    const int number = atomic_load(&caught);
    return number ? 128 + number : COMMAND_FAILED;
}

int command_failed(const char *name, const struct rt_err *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "retort %s: error: %s\n", name, err->text);
    return err->code == RT_ESTOP ? command_stopped() : COMMAND_FAILED;
}

/* --- options and operands --- */

int command_option(const char *name, int argc, char **argv, const char *shorts,
                   const struct option *longs)
{
    char with_colon[64];

    opterr = 0;
    (void)snprintf(with_colon, sizeof with_colon, ":%s", shorts);
    const int option = getopt_long(argc, argv, with_colon, longs, NULL);
    if (option != ':' && option != '?')
        return option;

    const char *given = argv[optind - 1];
    if (option == ':')
        (void)command_usage(name, "option '%s' needs a value", given);
    else if (optopt != 0 && strncmp(given, "--", 2) == 0)
        (void)command_usage(name, "option '%s' takes no value", given);
    else if (optopt != 0)
        (void)command_usage(name, "unknown option '-%c'", optopt);
    else
        (void)command_usage(name, "unknown or ambiguous option '%s'", given);
    return '?';
}

bool command_operand(const char *name, int argc, char **argv, const char *what,
                     const char **operand)
{
    if (optind >= argc) {
        (void)command_usage(name, "%s is missing", what);
        return false;
    }
    *operand = argv[optind++];
    return true;
}

bool command_no_more(const char *name, int argc, char **argv)
{
    if (optind >= argc)
        return true;
    (void)command_usage(name, "unexpected argument '%s'", argv[optind]);
    return false;
}

bool command_int64(const char *name, const char *option, const char *text, int64_t least,
                   int64_t most, int64_t *value)
{
    char *end = NULL;

    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0') {
        (void)command_usage(name, "%s '%s' is not a whole number", option, text);
        return false;
    }
    if (errno == ERANGE || number < least || number > most) {
        if (most == INT64_MAX)
            (void)command_usage(name, "%s '%s' is out of range: at least %lld", option, text,
                                (long long)least);
        else
            (void)command_usage(name, "%s '%s' is out of range: %lld to %lld", option, text,
                                (long long)least, (long long)most);
        return false;
    }
    *value = number;
    return true;
}

bool command_double(const char *name, const char *option, const char *text, double least,
                    double most, double *value)
{
    char *end = NULL;
    const double number = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(number)) {
        (void)command_usage(name, "%s '%s' is not a number", option, text);
        return false;
    }
    if (number < least || number > most) {
        (void)command_usage(name, "%s '%s' is out of range: %g to %g", option, text, least, most);
        return false;
    }
    *value = number;
    return true;
}

bool command_until(const char *name, const char *text, double *hours)
{
    const time_t now = time(NULL);
    struct tm day;
    int hour, minute, end = 0;

    if (sscanf(text, "%2d:%2d%n", &hour, &minute, &end) != 2 || text[end] || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || !localtime_r(&now, &day)) {
        (void)command_usage(name, "--until '%.40s' is no time of the day such as 07:30", text);
        return false;
    }
    day.tm_hour = hour;
    day.tm_min = minute;
    day.tm_sec = 0;
    day.tm_isdst = -1;
    time_t then = mktime(&day);
    if (then <= now) {
        day.tm_mday++;
        day.tm_isdst = -1; /* the night may be an hour longer or shorter */
        then = mktime(&day);
    }
    *hours = difftime(then, now) / 3600;
    return true;
}

bool command_word(const char *name, const char *option, const char *text, const char *const *words,
                  int *place)
{
    char known[256] = "";
    size_t used = 0;

    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *place = i;
            return true;
        }
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                     words[i]);
    }
    (void)command_usage(name, "unknown %s '%s', known: %s", option, text, known);
    return false;
}

/* --- what several commands do --- */

struct store *command_open_read(const char *name, const char *path)
{
    struct store *store = NULL;
    struct rt_err err;

    if (store_open(path, STORE_READ, NULL, &store, &err) == RT_OK)
        return store;
    (void)command_failed(name, &err);
    return NULL;
}

bool command_wait_for_room(const char *name, const struct rt_err *err, const atomic_int *stop,
                           bool *told)
{
    const struct timespec tick = {.tv_nsec = 50000000};

    if (!*told)
        command_warn(name, "%s; it is kept and written when there is room, an interrupt gives up",
                     err->text);
    *told = true;
    for (int i = 0; i < 20 && atomic_load(stop) == 0; i++)
        (void)nanosleep(&tick, NULL);
    return atomic_load(stop) == 0;
}

static void catch_signal(int number)
{
    if (atomic_exchange(&caught, number) != 0)
        _exit(128 + number);
}

const atomic_int *command_catch_signals(void)
{
    struct sigaction action = {.sa_handler = catch_signal}, old;

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        (void)sigaction(SIGHUP, &action, NULL);
    return &caught;
}
