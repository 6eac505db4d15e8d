/* search/log.c -- the plain log of a search: one line an event, through an outlet.
 *
 * A convenience beside the store, which is the record: a line that cannot be written is dropped, as
 * a full disk is reported by the store. Lines are made at once, as what they tell of moves on.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "search/outlet.h"
#include "search/search_internal.h"

enum { lines_that_wait = 4096 };

struct search__log {
    int fd;
    struct search__outlet *outlet;
};

static void write_all(int fd, const char *text)
{
    for (ssize_t sent; *text; text += sent)
        if ((sent = write(fd, text, strlen(text))) < 0)
            return;
}

static void write_line(void *fd, const void *line, int64_t missed)
{
    char text[64];

    (void)snprintf(text, sizeof text, "(%" PRId64 " lines are missing here)\n", missed);
    if (missed)
        write_all(*(const int *)fd, text);
    write_all(*(const int *)fd, line);
}

rt_status search__log_open(const char *path, struct search__log **log, struct rt_err *err)
{
    struct search__log *made = malloc(sizeof *made);
    rt_status rc;

    assert(path && path[0]);
    if (!made)
        return rt_fail(err, RT_ENOMEM, "no memory for the log");
    made->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (made->fd < 0) {
        free(made);
        return rt_fail(err, RT_EIO, "cannot write the log '%s': %s", path, strerror(errno));
    }
    rc = search__outlet_open(lines_that_wait, write_line, &made->fd, sizeof made->fd, &made->outlet,
                             err);
    if (rc == RT_OK) {
        *log = made;
    } else {
        close(made->fd);
        free(made);
    }
    return rc;
}

void search__log_close(struct search__log *log, double seconds)
{
    if (search__outlet_close(log->outlet, seconds)) /* else it is written to yet */
        close(log->fd);
    free(log);
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
