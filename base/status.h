/* base/status.h -- one status type and one error text for the whole program.
 *
 * Whatever can fail because of input, disk, memory or the database returns rt_status and takes a
 * `struct rt_err *err` last, which the caller owns and which may be NULL. Reporting never
 * allocates, so it also works when memory is gone, and each OpenMP thread reports into its own.
 * Texts are lower case without a full stop: what failed, the file in quotes, then the cause and,
 * where one exists, the mend. Out-parameters are written only on success.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H
#include <stddef.h>

/* X(code, value, kind): `kind` is the word under which a failed trial is filed in the store. */
#define RT_STATUS_LIST(X)                                                                          \
    X(RT_OK, 0, "ok")                                                                              \
    X(RT_EARG, -1, "argument")      /* a value out of its range: study, option or call */          \
    X(RT_EIO, -2, "io")             /* the system refused: missing, read-only, full */             \
    X(RT_EFORMAT, -3, "format")     /* a file is not what its format says */                       \
    X(RT_ENOMEM, -4, "memory")      /* no memory, or a stated memory limit reached */              \
    X(RT_ESHAPE, -5, "shape")       /* sizes that do not fit each other */                         \
    X(RT_EDB, -6, "database")       /* SQLite refused */                                           \
    X(RT_EMISMATCH, -7, "mismatch") /* stale or foreign: belongs to other data or another study */ \
    X(RT_ENAN, -8, "nonfinite")     /* training or input produced NaN or infinity */               \
    X(RT_ESTOP, -9, "stopped")      /* asked to stop: not an error of the trial */                 \
    X(RT_EEND, -10, "exhausted")    /* nothing left: the whole space has been tried */             \
    X(RT_EFULL, -11, "full")        /* no room on the disk: there may be some later */             \
    X(RT_EDIRTY, -12, "dirty")      /* others wrote into a file in use: what came of it is void */

typedef enum {
#define X(code, value, kind) code = value,
    RT_STATUS_LIST(X)
#undef X
} rt_status;

struct rt_err {
    rt_status code;
    char text[384];
};

/* The word of RT_STATUS_LIST for a code; "unknown" for any other number. */
const char *rt_status_kind(rt_status code);

/* Fill err (when not NULL) with a printf-style text. */
__attribute__((format(printf, 3, 4))) void rt_report(struct rt_err *err, rt_status code,
                                                     const char *format, ...);
/* The same with the value of `code`, for `return rt_fail(err, code, format, ...)`: a macro, so that
 * compilers and analyzers see which value that is. */
#define rt_fail(err, code, ...) (rt_report(err, code, __VA_ARGS__), (code))

/* Leave the function with the status of `call` unless it is RT_OK. */
#define RT_TRY(call)                                                                               \
    do {                                                                                           \
        rt_status rt_try_rc_ = (call);                                                             \
        if (rt_try_rc_ != RT_OK)                                                                   \
            return rt_try_rc_;                                                                     \
    } while (0)
#endif
