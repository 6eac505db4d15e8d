/* cli/cmd_keygen.c -- `retort keygen FILE`: the secret that a search and its workers share. */
#include <stdio.h>

#include "cli/command.h"
#include "search/link.h"

static int run(int argc, char **argv)
{
    const struct option longs[] = {{0}};
    const char *path = NULL;
    struct rt_err err;

    if (command_option("keygen", argc, argv, "", longs) != -1 ||
        !command_operand("keygen", argc, argv, "FILE", &path) ||
        !command_no_more("keygen", argc, argv))
        return COMMAND_USAGE;
    if (link_key_make(path, &err) != RT_OK)
        return command_failed("keygen", &err);
    (void)printf(
        "%s: a new key; copy it, readable by you alone, to each machine that works for your "
        "searches (scp -p), and give --key FILE to search and worker\n",
        path);
    return COMMAND_DONE;
}

const struct command command_keygen = {
    .name = "keygen",
    .use = "FILE",
    .summary = "make the key that a search and its workers on other machines share",
    .help =
        "Writes FILE (mode 0600), and never over another. It is one secret for both sides: who\n"
        "has it may search, and may evaluate for any search that listens with it. All that is\n"
        "said between them is encrypted (CURVE). Where machines share your home folder, nothing\n"
        "has to be copied.\n",
    .run = run,
};
