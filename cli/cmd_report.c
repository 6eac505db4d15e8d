/* cli/cmd_report.c -- `retort report DB -o FILE [--figures DIR]`. */
#include <stdio.h>

#include "cli/command.h"
#include "reports/report.h"

static int run(int argc, char **argv)
{
    const struct option longs[] = {
        {"output", required_argument, NULL, 'o'}, {"figures", required_argument, NULL, 'F'}, {0}};
    const char *path = NULL, *page = NULL, *figures = NULL;

    for (int option; (option = command_option("report", argc, argv, "o:", longs)) != -1;) {
        if (option == '?')
            return COMMAND_USAGE;
        *(option == 'o' ? &page : &figures) = optarg;
    }
    if (!command_operand("report", argc, argv, "DB", &path) ||
        !command_no_more("report", argc, argv))
        return COMMAND_USAGE;
    if (!page && !figures)
        return command_usage("report", "nothing to write: give -o FILE, --figures DIR or both");

    struct rt_err err;
    struct store *store = command_open_read("report", path);
    if (!store)
        return COMMAND_FAILED;
    rt_status rc = RT_OK;
    if (page)
        rc = report_page(store, page, &err);
    if (rc == RT_OK && page)
        (void)printf("%s\n", page);
    if (rc == RT_OK && figures)
        rc = report_figures(store, figures, &err);
    if (rc == RT_OK && figures)
        (void)printf("%s\n", figures);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("report", &err);
}

const struct command command_report = {
    .name = "report",
    .use = "DB -o FILE.html [--figures DIR]",
    .summary = "write a study as one HTML page, or as figures",
    .help = "The page is self-contained: it needs no network and no server. Prints what it wrote.\n"
            "\n"
            "  -o, --output FILE  the page\n"
            "  --figures DIR      plots as svg, png and pdf with the data they are made of;\n"
            "                     needs gnuplot\n",
    .run = run,
};
