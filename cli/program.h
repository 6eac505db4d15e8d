/* cli/program.h -- what this process is made of, as the store keeps it beside what it computed. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H
#include "store/store.h"

/* `kernels`: the set that computes, "none" where a command of the user's does. */
void program_query(const char *kernels, struct store_program *program);
/* The same into a store: all that it records from now on names it. */
rt_status program_record(struct store *store, const char *kernels, struct rt_err *err);
#endif
