/* cli/start.h -- search.start_from: architectures that a new study tries first.
 *
 * An entry is an architecture of the space, or the database of another study, whose front's members
 * are taken as far as this space has them. Read once, when the database is made; the store keeps
 * the architectures, so that resuming needs no other file.
 */
#ifndef CLI_START_H
#define CLI_START_H
#include "cli/study.h"

struct start_list {
    struct store_start *row;
    int count;
    char (*arch)[SPACE_ARCH_TEXT];
};

/* The study's shape is bound. RT_EARG: an entry that is neither, or that the space or its limits
 * forbid; a database none of whose front is in the space. */
rt_status start_read(const struct study *study, struct start_list *list, struct rt_err *err);
void start_release(struct start_list *list);
#endif
