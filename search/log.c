/* search/log.c -- the plain log of a search: one line an event, through an outlet.
 *
 * A convenience beside the store, which is the record: a line that cannot be written is dropped, and
 * why is kept for whoever looks on. Lines are made at once, as what they tell of moves on.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "search/outlet.h"
#include "search/search_internal.h"

enum { lines_that_wait = 4096 };

struct search__log {
    int fd;
    atomic_int failure;            /* errno of the first line that was not written; 0: none */
    struct search__outlet *outlet; /* gone after a flush */
    atomic_int users;              /* the search, and the outlet's thread */
};

static void write_all(struct search__log *log, const char *text)
{
    for (ssize_t sent; *text; text += sent)
        if ((sent = write(log->fd, text, strlen(text))) < 0) {
            int none = 0;
            atomic_compare_exchange_strong(&log->failure, &none, errno);
            return;
        }
}

static void write_line(void *context, const void *line, int64_t missed)
{
    struct search__log *log = *(struct search__log **)context;
    char text[64];

    (void)snprintf(text, sizeof text, "(%" PRId64 " lines are missing here)\n", missed);
    if (missed)
        write_all(log, text);
    write_all(log, line);
}

/* By the search and by the outlet's thread, which may be writing a line yet: the last one closes. */
static void let_go(void *context)
{
    struct search__log *log = *(struct search__log **)context;

    if (atomic_fetch_sub(&log->users, 1) > 1)
        return;
    close(log->fd);
    free(log);
}

rt_status search__log_open(const char *path, struct search__log **log, struct rt_err *err)
{
    struct search__log *made = calloc(1, sizeof *made);
    rt_status rc;

    assert(path && path[0]);
    if (!made)
        return rt_fail(err, RT_ENOMEM, "no memory for the log");
    atomic_init(&made->users, 2);
    made->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (made->fd < 0) {
        free(made);
        return rt_fail(err, RT_EIO, "cannot write the log '%s': %s", path, strerror(errno));
    }
    rc = search__outlet_open(lines_that_wait, write_line, let_go, &made,
                             sizeof(struct search__log *), &made->outlet, err);
    if (rc == RT_OK) {
        *log = made;
    } else {
        close(made->fd);
        free(made);
    }
    return rc;
}

void search__log_flush(struct search__log *log, double seconds)
{
    (void)search__outlet_close(log->outlet, seconds);
}

void search__log_close(struct search__log *log)
{
    let_go(&log);
}

const char *search__log_failure(const struct search__log *log)
{
    const int failure = atomic_load(&log->failure);
    return failure ? strerror(failure) : NULL;
}

static char *text_of(const struct space *space, const struct search_options *options,
                     const struct search__line *line)
{
    char now[RT_UTC_TEXT], arch[SPACE_ARCH_TEXT], *text = NULL;
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);

    assert(line->event && line->event[0]);
    assert(!line->objectives || options->objective_count <= STORE_MAX_OBJECTIVES);
    if (!file)
        return NULL;
    rt_utc_text(now);
    fprintf(file, "%s %s", now, line->event);
    if (line->number >= 0)
        fprintf(file, " %" PRId64, line->number);
    if (line->arch) {
        space_print(space, line->arch, arch);
        fprintf(file, " %s", arch);
    }
    for (int i = 0; i < options->objective_count && line->objectives; i++)
        fprintf(file, " %s=%.9g", options->objectives[i], line->objectives[i]);
    if (line->seconds >= 0)
        fprintf(file, " %.3fs", line->seconds);
    if (line->text)
        fprintf(file, " %s", line->text);
    fputc('\n', file);
    fclose(file);
    return text;
}

void search__log(struct search__log *log, const struct space *space,
                 const struct search_options *options, const struct search__line *line)
{
    search__outlet_put(log->outlet, text_of(space, options, line));
}
