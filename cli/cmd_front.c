/* cli/cmd_front.c -- `retort front DB [--format table|csv|json]`. */
#include "cli/formats.h"

static int run(int argc, char **argv)
{
    return format_command("front", argc, argv, report_front);
}

const struct command command_front = {
    .name = "front",
    .use = "DB [--format table|csv|json]",
    .summary = "list the students that no other student beats on every objective",
    .help = "  -f, --format FORMAT  table (default), csv or json\n",
    .run = run,
};
