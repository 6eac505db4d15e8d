/* cli/cmd_help.c -- `retort help [COMMAND]`. */
#include <stdio.h>

#include "cli/command.h"

static void print_all(void)
{
    (void)printf("retort searches and distils small transformer students.\n\n"
                 "usage: retort COMMAND [ARGUMENTS]\n"
                 "       retort --version\n\n");
    for (size_t i = 0; command_table[i]; i++)
        (void)printf("  %-9s %s\n", command_table[i]->name, command_table[i]->summary);
    (void)printf("\n'retort help COMMAND' tells more about one of them. STUDY is a YAML file,\n"
                 "DB the SQLite file that 'retort search' writes.\n");
}

void command_print_help(const struct command *command)
{
    if (!command) {
        print_all();
        return;
    }
    (void)printf("usage: retort %s%s%s\n\n%s.\n\n%s", command->name, command->use[0] ? " " : "",
                 command->use, command->summary, command->help);
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{0}};

    if (command_option("help", argc, argv, "", longs) != -1)
        return COMMAND_USAGE;
    if (optind == argc) {
        command_print_help(NULL);
        return COMMAND_DONE;
    }
    const char *name = argv[optind++];
    if (!command_no_more("help", argc, argv))
        return COMMAND_USAGE;
    const struct command *command = command_find(name);
    const struct command *nearest = command_nearest(name);
    if (!command)
        return nearest ? command_usage("help", "unknown command '%s', did you mean '%s'?", name,
                                       nearest->name)
                       : command_usage("help", "unknown command '%s'", name);
    command_print_help(command);
    return COMMAND_DONE;
}

const struct command command_help = {
    .name = "help",
    .use = "[COMMAND]",
    .summary = "tell about all commands or one",
    .help = "'retort COMMAND --help' does the same.\n",
    .run = run,
};
