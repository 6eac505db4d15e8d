/* cli/cmd_compare.c -- `retort compare DB DB... [--format table|csv|json] [-o FILE]`. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/formats.h"

enum { MOST = 64 };

/* Prints the comparison, or writes the page and prints its name. */
static int compare(const struct report_study *studies, int count, enum report_format format,
                   const char *page)
{
    struct rt_err err;
    const rt_status rc = page ? report_compare_page(studies, count, page, &err)
                              : report_compare(studies, count, format, stdout, &err);

    if (rc != RT_OK)
        return command_failed("compare", &err);
    if (page)
        (void)printf("%s\n", page);
    return COMMAND_DONE;
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {
        {"format", required_argument, NULL, 'f'}, {"output", required_argument, NULL, 'o'}, {0}};
    enum report_format format = REPORT_TABLE;
    struct report_study studies[MOST];
    const char *page = NULL, *path;
    int count = 0, code = COMMAND_DONE;

    for (int option; (option = command_option("compare", argc, argv, "f:o:", longs)) != -1;) {
        if (option == '?' || (option == 'f' && !format_option("compare", optarg, &format)))
            return COMMAND_USAGE;
        if (option == 'o')
            page = optarg;
    }
    if (argc - optind < 2)
        return command_usage("compare", "give two databases or more");
    if (argc - optind > MOST)
        return command_usage("compare", "give at most %d databases", MOST);
    while (code == COMMAND_DONE && optind < argc) {
        if (!command_operand("compare", argc, argv, "DB", &path))
            return COMMAND_USAGE;
        studies[count] = (struct report_study){path, command_open_read("compare", path)};
        if (studies[count].store)
            count++;
        else
            code = COMMAND_FAILED;
    }
    if (code == COMMAND_DONE)
        code = compare(studies, count, format, page);
    for (int i = 0; i < count; i++)
        store_close(studies[i].store);
    return code;
}

const struct command command_compare = {
    .name = "compare",
    .use = "DB DB... [--format table|csv|json] [-o FILE.html]",
    .summary = "how the fronts of several studies grew, over trials and over time",
    .help =
        "All studies must have the same objectives. Hypervolumes are computed anew on one scale:\n"
        "within the box between the best and the worst of all results, those far beyond all "
        "others\n"
        "aside, costs by their logarithm. What breaks a study's constraints does not count.\n"
        "Time is that in which trials ran.\n"
        "\n"
        "  -f, --format FORMAT  table (default), csv (a row a trial) or json\n"
        "  -o, --output FILE    a page with plots instead\n",
    .run = run,
};
