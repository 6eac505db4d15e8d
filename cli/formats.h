/* cli/formats.h -- the option --format of the commands that print tables. */
#ifndef CLI_FORMATS_H
#define CLI_FORMATS_H
#include "cli/command.h"
#include "reports/report.h"

/* False after a usage error has been printed. */
static inline bool format_option(const char *command, const char *text, enum report_format *format)
{
    static const char *const words[] = {"table", "csv", "json", NULL}; /* enum report_format */
    int place = 0;

    if (!command_word(command, "format", text, words, &place))
        return false;
    *format = (enum report_format)place;
    return true;
}
#endif
