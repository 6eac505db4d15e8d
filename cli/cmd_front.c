/* cli/cmd_front.c -- `retort front DB [--format table|csv|json]`. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/formats.h"

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"format", required_argument, NULL, 'f'}, {0}};
    enum report_format format = REPORT_TABLE;
    const char *path = NULL;

    for (int option; (option = command_option("front", argc, argv, "f:", longs)) != -1;)
        if (option == '?' || !format_option("front", optarg, &format))
            return COMMAND_USAGE;
    if (!command_operand("front", argc, argv, "DB", &path) || !command_no_more("front", argc, argv))
        return COMMAND_USAGE;

    struct rt_err err;
    struct store *store = command_open_read("front", path);
    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = report_front(store, format, stdout, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("front", &err);
}

const struct command command_front = {
    .name = "front",
    .use = "DB [--format table|csv|json]",
    .summary = "list the students that no other student beats on every objective",
    .help = "  -f, --format FORMAT  table (default), csv or json\n",
    .run = run,
};
