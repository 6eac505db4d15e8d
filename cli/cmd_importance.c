/* cli/cmd_importance.c -- `retort importance DB [--format table|csv|json]`. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/formats.h"

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"format", required_argument, NULL, 'f'}, {0}};
    enum report_format format = REPORT_TABLE;
    const char *path = NULL;

    for (int option; (option = command_option("importance", argc, argv, "f:", longs)) != -1;)
        if (option == '?' || !format_option("importance", optarg, &format))
            return COMMAND_USAGE;
    if (!command_operand("importance", argc, argv, "DB", &path) ||
        !command_no_more("importance", argc, argv))
        return COMMAND_USAGE;

    struct rt_err err;
    struct store *store = command_open_read("importance", path);
    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = report_importance(store, format, stdout, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("importance", &err);
}

const struct command command_importance = {
    .name = "importance",
    .use = "DB [--format table|csv|json]",
    .summary = "which genes matter to reach the front",
    .help =
        "What sets the best tenth of the trials (by non-dominated rank, then hypervolume) apart: "
        "how\n"
        "far their choices differ from those of all trials, beyond chance. A list of genes counts\n"
        "once as far as its layers go together; csv and json tell of each layer. Fifty trials or\n"
        "more are advised.\n"
        "\n"
        "  -f, --format FORMAT  table (default), csv or json\n",
    .run = run,
};
