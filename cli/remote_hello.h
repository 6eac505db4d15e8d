/* cli/remote_hello.h -- what a worker says that it is, and whether it computes as a study began. */
#ifndef CLI_REMOTE_HELLO_H
#define CLI_REMOTE_HELLO_H
#include "base/machine.h"
#include "cli/settings.h"

struct remote_hello {
    struct rt_machine machine;
    struct store_program program; /* its kernels are those that it would use */
    char core[32];                /* as which OpenBLAS takes the processor */
    int slots;
};

/* Of this process. RT_EARG: it was asked for kernels that this machine has not. */
rt_status remote_hello_query(int slots, struct remote_hello *hello, struct rt_err *err);
/* JSON; the caller frees *text. */
rt_status remote_hello_print(const struct remote_hello *hello, char **text, struct rt_err *err);
/* All of it checked; texts without control characters. RT_EFORMAT. */
rt_status remote_hello_parse(const char *text, struct remote_hello *hello, struct rt_err *err);
/* Would it come to the same bits as `ours`, a study's whose settings these are? Else what differs, and the
 * mend, into `why`. */
bool remote_hello_same(const struct remote_hello *hello, const struct store_program *ours,
                       const struct settings *settings, char *why, size_t bytes);
#endif
