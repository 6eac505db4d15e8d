/* cli/formats.c -- see formats.h. */
#include "cli/formats.h"

bool format_option(const char *command, const char *text, enum report_format *format)
{
    static const char *const words[] = {"table", "csv", "json", NULL}; /* enum report_format */
    int place = 0;

    if (!command_word(command, "format", text, words, &place))
        return false;
    *format = (enum report_format)place;
    return true;
}

int format_command(const char *command, int argc, char **argv,
                   rt_status (*print)(struct store *store, enum report_format format, FILE *out,
                                      struct rt_err *err))
{
    const struct option longs[] = {{"format", required_argument, NULL, 'f'}, {0}};
    enum report_format format = REPORT_TABLE;
    const char *path = NULL;
    struct rt_err err;

    for (int option; (option = command_option(command, argc, argv, "f:", longs)) != -1;)
        if (option == '?' || !format_option(command, optarg, &format))
            return COMMAND_USAGE;
    if (!command_operand(command, argc, argv, "DB", &path) || !command_no_more(command, argc, argv))
        return COMMAND_USAGE;
    struct store *store = command_open_read(command, path);
    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = print(store, format, stdout, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed(command, &err);
}
