/* cli/cmd_check.c -- `retort check DB`. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "reports/report.h"

static int run(int argc, char **argv)
{
    const struct option longs[] = {{0}};
    const char *path = NULL;
    int64_t findings = 0;
    struct rt_err err;

    if (command_option("check", argc, argv, "", longs) != -1 ||
        !command_operand("check", argc, argv, "DB", &path) || !command_no_more("check", argc, argv))
        return COMMAND_USAGE;
    struct store *store = command_open_read("check", path);
    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = report_check(store, stdout, &findings, &err);
    store_close(store);
    if (rc != RT_OK)
        return command_failed("check", &err);
    return findings ? COMMAND_FAILED : COMMAND_DONE;
}

const struct command command_check = {
    .name = "check",
    .use = "DB",
    .summary = "look whether a study's database is whole",
    .help =
        "Looks at every page and row: that SQLite finds it whole, that nothing refers to what\n"
        "is not there, that each committed trial has its results, and that the front is what\n"
        "the results make it. One line for each finding, and exit 1; nothing when all is well.\n"
        "All other commands look at the small part that they rely on, whenever they open it.\n",
    .run = run,
};
