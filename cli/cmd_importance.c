/* cli/cmd_importance.c -- `retort importance DB [--format table|csv|json]`. */
#include "cli/formats.h"

static int run(int argc, char **argv)
{
    return format_command("importance", argc, argv, report_importance);
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
