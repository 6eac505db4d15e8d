/* trainer/import/import_internal.h -- what the files of this folder share. */
#ifndef TRAINER_IMPORT_IMPORT_INTERNAL_H
#define TRAINER_IMPORT_IMPORT_INTERNAL_H
#include "trainer/import/folder.h"
#include "trainer/import/shards.h"

/* As config.json calls it. */
const char *tr__folder_type(const struct tr_folder *folder);
/* Are all tensors there that the config asks for, of its sizes, and no unknown ones? Sets classes,
 * pair and params. */
rt_status tr__folder_check(struct tr_folder *folder, struct rt_err *err);
#endif
