/* cli/exported.h -- the record of a file that a student was written to: its size and checksum, of a
 * folder that of the weights in it.
 */
#ifndef CLI_EXPORTED_H
#define CLI_EXPORTED_H
#include <stdbool.h>

#include "store/store.h"

/* A file, or a folder of files, that was just written. */
rt_status exported_record(struct store *store, const char *arch, const char *format, bool int8,
                          const char *path, struct rt_err *err);
#endif
