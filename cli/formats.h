/* cli/formats.h -- the option --format of the commands that print tables. */
#ifndef CLI_FORMATS_H
#define CLI_FORMATS_H
#include "cli/command.h"
#include "reports/report.h"

/* False after a usage error has been printed. */
bool format_option(const char *command, const char *text, enum report_format *format);
/* The whole of a command `DB [--format FORMAT]`: its exit code. */
int format_command(const char *command, int argc, char **argv,
                   rt_status (*print)(struct store *store, enum report_format format, FILE *out,
                                      struct rt_err *err));
#endif
