/* base/status.c -- vsnprintf() into the caller's struct: no memory is needed to say that there is
 * none. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

const char *rt_status_kind(rt_status code)
{
    switch (code) {
#define X(name, value, kind)                                                                       \
    case name: return kind;
        RT_STATUS_LIST(X)
#undef X
    }
    return "unknown";
}

void rt_report(struct rt_err *err, rt_status code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        rt_text_plain(err->text);
    }
}
