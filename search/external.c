/* search/external.c -- attempts of a trial, and what each failure is called.
 *
 * Results must not depend on which worker got a trial, so nothing that a child did before it may
 * count: a child that is suspected is killed and the trial goes to a new one. What children write
 * is made plain text before anyone else sees it.
 */
#include "search/external.h"

#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/process.h"
#include "search/protocol.h"
#include "search/search_internal.h"

struct search_external {
    const struct search_external_options *how;
    const struct space *space;
    const struct search_options *options;
    int workers;
    struct rt_process process[]; /* one a worker */
};

static rt_status start(const struct search_external *x, struct rt_process *process,
                       struct rt_err *err)
{
    return rt_process_start(process, (char *const *)x->how->argv, x->how->folder, err);
}

rt_status search_external_open(const struct search_external_options *how, const struct space *space,
                               const struct search_options *options,
                               struct search_external **external, struct rt_err *err)
{
    struct search_external *x =
        calloc(1, sizeof *x + (size_t)options->workers * sizeof *x->process);
    rt_status rc;

    assert(options->workers >= 1 && how->argv[0] && how->timeout >= 0);
    assert(how->retries >= 0 && how->retries <= STORE_MAX_RETRIES);
    if (!x)
        return rt_fail(err, RT_ENOMEM, "no memory for %d workers", options->workers);
    x->how = how;
    x->space = space;
    x->options = options;
    x->workers = options->workers;
    for (int i = 0; i < x->workers; i++) {
        x->process[i].idle = how->idle;
        x->process[i].stall = how->stall;
        x->process[i].context = how->context;
    }
    if ((rc = start(x, &x->process[0], err)))
        free(x);
    else
        *external = x;
    return rc;
}

void search_external_close(struct search_external *external)
{
    for (int i = 0; external && i < external->workers; i++)
        rt_process_release(&external->process[i]);
    free(external);
}

/* ---- one attempt ---- */

__attribute__((format(printf, 3, 4))) static void fail(struct store_result *result,
                                                       const char *kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(result->error, sizeof result->error, format, args);
    va_end(args);
    (void)snprintf(result->kind, sizeof result->kind, "%s", kind);
    result->status = RT_EIO;
}

static void fail_crash(struct store_result *result, int status)
{
    if (WIFSIGNALED(status))
        fail(result, "crash", "the command was ended by signal %d%s", WTERMSIG(status),
             WTERMSIG(status) == SIGKILL ? ", as the system does when memory is short" : "");
    else
        fail(result, "crash", "the command ended with exit code %d before it answered",
             WEXITSTATUS(status));
}

/* Does the answer bring what the search needs? The same check makes the objectives later. */
static void check_values(const struct search_external *x, const struct search_job *job,
                         struct store_result *result)
{
    double objectives[STORE_MAX_OBJECTIVES];

    if (x->options->objective_count > 0)
        search__objectives(x->options, x->space, job->arch, result, objectives);
}

/* Asks; the child is gone afterwards unless it answered. False: it had answered before and was gone
 * now, between two jobs or in this one, which says nothing of the job. */
static bool ask(struct search_external *x, struct rt_process *process, const char *request,
                const struct search_job *job, struct store_result *result)
{
    char *line = NULL;
    const bool used = process->answered;
    const double most = x->how->timeout;
    const enum rt_said said = rt_process_ask(process, request, most, job->stop, &line);

    if (said == RT_SAID_LINE &&
        (x->how->believed ? search_protocol_relayed : search_protocol_answer)(line, job->number,
                                                                              result) == RT_OK) {
        if (result->status == RT_OK)
            check_values(x, job, result);
        return true;
    }
    const int status = rt_process_kill(process);
    if (said == RT_SAID_END && used)
        return false;
    switch (said) {
    case RT_SAID_LINE: break; /* the answer's fault is told already */
    case RT_SAID_END: fail_crash(result, status); break;
    case RT_SAID_LATE: fail(result, "timeout", "no answer within %g s", most); break;
    case RT_SAID_HUNG:
        fail(result, "timeout", "it used no processor time for %g s", x->how->stall);
        break;
    case RT_SAID_TOO_MUCH:
        fail(result, "oversized", "the answer is longer than %zu bytes", RT_LINE_MAX);
        break;
    case RT_SAID_STOP: result->status = RT_ESTOP; break;
    }
    return true;
}

static void attempt(struct search_external *x, const struct search_job *job, int number,
                    struct store_result *result)
{
    struct rt_process *process = &x->process[job->worker];
    char *request = search_protocol_request(x->space, x->options, job, number, x->how->texts);
    struct rt_err err;
    bool settled = !request;

    if (!request)
        fail(result, "start", "no memory for the request");
    process->tail[0] = '\0';
    process->tail_used = 0;
    while (!settled) { /* twice at most: a new child has answered nothing */
        settled = true;
        if (!process->pid && start(x, process, &err))
            fail(result, "start", "%s", err.text);
        else
            settled = ask(x, process, request, job, result);
    }
    free(request);
}

/* ---- the trial ---- */

/* How many bytes the character of UTF-8 at `text` has; 0: it is none, or a control character. */
static size_t character(const unsigned char *text, size_t bytes)
{
    const size_t length = *text < 0x80   ? 1
                          : *text < 0xc2 ? 0
                          : *text < 0xe0 ? 2
                          : *text < 0xf0 ? 3
                                         : 4;

    if (length > bytes || *text > 0xf4 || *text == 0x7f ||
        (*text < ' ' && *text != '\n' && *text != '\t') || (*text == 0xe0 && text[1] < 0xa0) ||
        (*text == 0xed && text[1] > 0x9f) || (*text == 0xf0 && text[1] < 0x90) ||
        (*text == 0xf4 && text[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Databases, reports and terminals want text; a child may write anything, and its text may be cut
 * within a character. */
static void make_plain(char *text, size_t bytes)
{
    for (size_t i = 0, length; i < bytes; i += length ? length : 1) {
        length = character((const unsigned char *)text + i, bytes - i);
        if (length == 0)
            text[i] = '?';
    }
}

/* The last line of what the child wrote, without control characters. */
static void last_line(const struct rt_process *process, char *text, size_t size)
{
    size_t end = process->tail_used, begin, used = 0;

    while (end > 0 && (unsigned char)process->tail[end - 1] <= ' ')
        end--;
    for (begin = end; begin > 0 && process->tail[begin - 1] != '\n'; begin--)
        continue;
    for (; begin < end && used + 1 < size; begin++) {
        const char c = process->tail[begin];
        text[used++] = (char)((unsigned char)c < ' ' ? ' ' : c);
    }
    text[used] = '\0';
}

/* Tells of the failed attempt in an event, and in the result what the child said last. */
static void note(struct rt_process *process, int number, struct store_result *result)
{
    make_plain(result->error, strlen(result->error));
    make_plain(process->tail, process->tail_used);

    const size_t used = strlen(result->error);
    const size_t size = process->tail_used + sizeof result->error + 128;
    char line[200];

    char *text = malloc(size);
    if (text)
        (void)snprintf(text, size, "attempt %d failed (%s): %s%s%s", number + 1,
                       result->kind[0] ? result->kind : rt_status_kind(result->status),
                       result->error, process->tail_used ? "; its last output:\n" : "",
                       process->tail);
    assert(!result->note[number]);
    result->note[number] = text;
    last_line(process, line, sizeof line);
    if (line[0] && used < sizeof result->error)
        (void)snprintf(result->error + used, sizeof result->error - used, "; its last words: %s",
                       line);
    make_plain(result->error, strlen(result->error)); /* it may be cut */
}

/* What a new attempt starts with: nothing of the one before but the notes. */
static void begin_anew(struct store_result *result)
{
    free(result->curve);
    result->curve = NULL;
    result->curve_count = 0;
    result->value_count = 0;
    result->resumed = 0;
    result->status = RT_OK;
    result->kind[0] = '\0';
    result->error[0] = '\0';
}

void search_external_evaluate(void *external, const struct search_job *job,
                              struct store_result *result)
{
    struct search_external *x = external;

    assert(job->worker >= 0 && job->worker < x->workers);
    for (int i = 0;; i++) {
        begin_anew(result);
        attempt(x, job, i + 1, result);
        if (result->status == RT_OK || result->status == RT_ESTOP)
            return;
        if (x->how->believed && strcmp(result->kind, rt_status_kind(RT_EDIRTY)) == 0)
            result->status = RT_EDIRTY;
        if (x->how->believed && !search_is_fault(result->kind))
            return;
        note(&x->process[job->worker], i, result);
        if (i == x->how->retries)
            return;
        result->retries = i + 1;
    }
}
