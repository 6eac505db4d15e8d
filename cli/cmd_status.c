/* cli/cmd_status.c -- `retort status DB [--watch[=SECONDS]]`. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "reports/report.h"

/* Sleep, but no longer than until a signal. */
static void pause_for(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    (void)nanosleep(&time, NULL);
}

/* On a terminal the page is written over itself; elsewhere pages follow each other. */
static rt_status watch(struct store *store, double seconds, struct rt_err *err)
{
    const atomic_int *stop = command_catch_signals();
    const char *between = isatty(STDOUT_FILENO) ? "\033[H\033[2J" : "\n";

    for (int page = 0; !atomic_load(stop); page++) {
        if (page > 0 || between[0] == '\033')
            (void)fputs(between, stdout);
        RT_TRY(report_status(store, stdout, err));
        if (fflush(stdout))
            break; /* main() tells why */
        pause_for(seconds);
    }
    return RT_OK;
}

static bool looks_like_a_number(const char *text)
{
    char *end = NULL;
    (void)strtod(text, &end);
    return end != text && *end == '\0';
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"watch", optional_argument, NULL, 'w'}, {0}};
    double seconds = 0;
    const char *path = NULL;

    for (int option; (option = command_option("status", argc, argv, "", longs)) != -1;) {
        if (option == '?')
            return COMMAND_USAGE;
        const char *given = optarg;
        if (!given && optind < argc && looks_like_a_number(argv[optind]))
            given = argv[optind++]; /* getopt leaves `--watch 5` to us: the 5 is optional */
        seconds = 2;
        if (given && !command_double("status", "--watch", given, .1, 86400, &seconds))
            return COMMAND_USAGE;
    }
    if (!command_operand("status", argc, argv, "DB", &path) ||
        !command_no_more("status", argc, argv))
        return COMMAND_USAGE;

    struct rt_err err;
    struct store *store = command_open_read("status", path);
    if (!store)
        return COMMAND_FAILED;
    const rt_status rc =
        seconds > 0 ? watch(store, seconds, &err) : report_status(store, stdout, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("status", &err);
}

const struct command command_status = {
    .name = "status",
    .use = "DB [--watch [SECONDS]]",
    .summary = "show progress, rate, front and time left of a search",
    .help = "A running search is not disturbed. Of one that was killed it says so, and how to go\n"
            "on.\n\n"
            "  --watch [SECONDS]  show it again every 2 (or so many) seconds until interrupted\n",
    .run = run,
};
