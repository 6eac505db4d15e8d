/* trainer/env/command.c -- environments that a child process owns, in any language: protocol.h.
 *
 * One child a batch, started with it and ended with it; one more is asked who it is when the environment
 * is opened. What goes wrong is told as start, crash, timeout, garbage, with the last line that the child
 * wrote to its standard error. A child that failed is killed; its batch fails from then on. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/process.h"
#include "trainer/env/env_internal.h"
#include "trainer/env/protocol.h"

enum { most_arguments = 64, most_script = 1 << 24 };

struct shared {
    char *argv[most_arguments + 1];
    char *folder;
    bool labels;
    double hello_timeout, step_timeout;
    double *limits;
};

struct child {
    struct rt_process process;
    unsigned char *request;
};

static const atomic_int go_on = 0; /* nobody asks it to stop: times end it */

/* What a child said instead of an answer; it is killed. `first`: to the start. */
static rt_status fail_said(struct rt_process *process, const char *name, enum rt_said said,
                           double seconds, bool first, struct rt_err *err)
{
    const int status = rt_process_kill(process);
    const char *line = rt_process_last_line(process), *colon = *line ? ": " : "";

    switch (said) {
    case RT_SAID_LATE:
    case RT_SAID_HUNG:
        return rt_fail(err, RT_EIO, "environment '%.80s': timeout: no answer within %g s%s%.160s",
                       name, seconds, colon, line);
    case RT_SAID_TOO_MUCH:
        return rt_fail(err, RT_EFORMAT, "environment '%.80s': garbage: the answer is too long",
                       name);
    case RT_SAID_END:
    case RT_SAID_LINE:
    case RT_SAID_STOP: break;
    }
    if (WIFSIGNALED(status))
        return rt_fail(err, RT_EIO, "environment '%.80s': %s: killed by signal %d%s%.160s", name,
                       first ? "start" : "crash", WTERMSIG(status), colon, line);
    return rt_fail(err, RT_EIO, "environment '%.80s': %s: it ended with code %d%s%.160s", name,
                   first ? "start" : "crash", WEXITSTATUS(status), colon, line);
}

/* Starts a child and reads who it is. The process is released after a failure. */
static rt_status greet(const struct shared *s, struct rt_process *process, int environments,
                       struct tr_env_info *info, double **limits, struct rt_err *err)
{
    struct rt_err why = {0};
    char hello[128], *line;

    (void)snprintf(hello, sizeof hello,
                   "{\"retort\":\"policy\",\"version\":1,\"environments\":%d,\"labels\":%s}\n",
                   environments, s->labels ? "true" : "false");
    if (rt_process_start(process, s->argv, s->folder, &why) != RT_OK)
        return rt_fail(err, RT_EIO, "environment '%.80s': start: %.200s", s->argv[0], why.text);
    const enum rt_said said = rt_process_ask(process, hello, s->hello_timeout, &go_on, &line);
    if (said != RT_SAID_LINE)
        return fail_said(process, s->argv[0], said, s->hello_timeout, true, err);
    if (tr_hello_read(line, environments, info, limits, &why) != RT_OK) {
        rt_process_kill(process);
        return rt_fail(err, RT_EFORMAT, "environment '%.80s': %.250s", s->argv[0], why.text);
    }
    return RT_OK;
}

/* ---- opening ---- */

static rt_status copy_command(struct shared *s, const struct tr_env_spec *spec, struct rt_err *err)
{
    int n = 0;

    while (spec->command[n])
        if (++n > most_arguments)
            return rt_fail(err, RT_EARG, "the environment's command has more than %d words",
                           most_arguments);
    if (n == 0)
        return rt_fail(err, RT_EARG, "the environment's command has no words");
    for (int i = 0; i < n; i++)
        if (!(s->argv[i] = strdup(spec->command[i])))
            return rt_fail(err, RT_ENOMEM, "environment '%s': no memory", spec->command[0]);
    if (!(s->folder = strdup(spec->folder ? spec->folder : ".")))
        return rt_fail(err, RT_ENOMEM, "environment '%s': no memory", spec->command[0]);
    s->labels = spec->labels;
    s->hello_timeout = spec->hello_timeout > 0 ? spec->hello_timeout : 120;
    s->step_timeout = spec->step_timeout > 0 ? spec->step_timeout : 10;
    return RT_OK;
}

/* Words of the command, and what is in those that are files in its folder: a script that changed is
 * another environment. */
static rt_status hash_command(const struct shared *s, char text[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "environment '%s': no memory", s->argv[0]);
    for (int i = 0; s->argv[i]; i++) {
        char path[RT_PATH_MAX], *data = NULL;
        size_t bytes = 0;
        const int length = snprintf(path, sizeof path, "%s/%s", s->folder, s->argv[i]);
        rt_hash_add(hash, s->argv[i], strlen(s->argv[i]) + 1);
        if (i > 0 && length < RT_PATH_MAX &&
            rt_file_read(path, most_script, &data, &bytes, NULL) == RT_OK) {
            rt_hash_add(hash, data, bytes);
            free(data);
        }
    }
    rt_hash_close(hash, text);
    return RT_OK;
}

static rt_status command_open(struct tr_env *env, const struct tr_env_spec *spec,
                              struct rt_err *err)
{
    struct shared *s = calloc(1, sizeof *s);
    struct rt_process process = {.pid = 0};

    if (!s)
        return rt_fail(err, RT_ENOMEM, "no memory for an environment");
    env->shared = s;
    if (spec->model || spec->mujoco || spec->name)
        return rt_fail(err, RT_EARG, "an environment has a `command` or a `name`, not both");
    RT_TRY(copy_command(s, spec, err));
    const rt_status rc = greet(s, &process, 1, &env->info, &s->limits, err);
    rt_process_release(&process);
    RT_TRY(rc);
    env->info.child = true;
    if (s->labels && env->info.labels == TR_LABELS_NONE)
        return rt_fail(err, RT_EARG,
                       "environment '%s' shall be the teacher, and says that it has no labels",
                       s->argv[0]);
    return hash_command(s, env->info.hash, err);
}

static void command_close(struct tr_env *env)
{
    struct shared *s = env->shared;

    if (!s)
        return;
    for (int i = 0; i < most_arguments; i++)
        free(s->argv[i]);
    free(s->folder);
    free(s->limits);
    free(s);
}

/* ---- batches ---- */

static struct tr_frame_form form_of(const struct tr_env_batch *batch, unsigned op,
                                    const bool *which)
{
    struct tr_frame_form form = {op, 0, &batch->env->info};

    for (int i = 0; i < batch->count; i++)
        form.count += which[i];
    return form;
}

static size_t command_bytes(const struct tr_env *env, int count)
{
    const struct tr_frame_form most = {TR_OP_STEP, (unsigned)count, &env->info};

    return sizeof(struct child) + tr_request_bytes(&most);
}

static void command_batch_close(struct tr_env_batch *batch)
{
    struct child *child = batch->state;

    rt_process_release(&child->process);
    free(child->request);
    free(child);
}

/* Is it the one that was asked when the environment was opened? */
static bool same_sizes(const struct tr_env_info *a, const struct tr_env_info *b)
{
    return a->observation == b->observation && a->actions == b->actions &&
           a->choices == b->choices && a->labels == b->labels &&
           memcmp(a->pixels, b->pixels, sizeof a->pixels) == 0;
}

static rt_status command_batch_open(struct tr_env_batch *batch, struct rt_err *err)
{
    const struct tr_frame_form most = {TR_OP_STEP, (unsigned)batch->count, &batch->env->info};
    const struct shared *s = batch->env->shared;
    struct child *child = calloc(1, sizeof *child);
    struct tr_env_info info;
    double *limits = NULL;

    if (!(batch->state = child) || !(child->request = malloc(tr_request_bytes(&most))))
        return rt_fail(err, RT_ENOMEM, "%s: no memory for %d environments", batch->env->info.name,
                       batch->count);
    RT_TRY(greet(s, &child->process, batch->count, &info, &limits, err));
    free(limits);
    if (!same_sizes(&info, &batch->env->info))
        return rt_fail(err, RT_EFORMAT, "environment '%s': garbage: it has other sizes than before",
                       s->argv[0]);
    return RT_OK;
}

static rt_status exchange(struct tr_env_batch *batch, const struct tr_frame_form *form,
                          const bool *which, struct rt_err *err)
{
    const struct shared *s = batch->env->shared;
    struct child *child = batch->state;
    struct rt_err why = {0};
    size_t used = 0;
    char *answer = NULL;

    if (form->count == 0)
        return RT_OK;
    if (!child->process.pid)
        return rt_fail(err, RT_EIO, "environment '%s': crash: it ended before", s->argv[0]);
    const enum rt_said said =
        rt_process_exchange(&child->process, child->request, tr_request_bytes(form), tr_frame_size,
                            form, SIZE_MAX / 4, s->step_timeout, &go_on, &answer, &used);
    if (said != RT_SAID_LINE)
        return fail_said(&child->process, batch->env->info.name, said, s->step_timeout, false, err);
    const rt_status rc = tr_frame_read(form, answer, used, batch, which, &why);
    if (rc != RT_OK) {
        rt_process_kill(&child->process);
        return rt_fail(err, rc, "environment '%s': %.300s", batch->env->info.name, why.text);
    }
    return RT_OK;
}

static rt_status command_reset(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                               struct rt_err *err)
{
    const struct tr_frame_form form = form_of(batch, TR_OP_RESET, which);

    tr_request_write(&form, which, seed, NULL, true, ((struct child *)batch->state)->request);
    return exchange(batch, &form, which, err);
}

static rt_status command_step(struct tr_env_batch *batch, const bool *live, bool labels,
                              struct rt_err *err)
{
    const struct tr_frame_form form = form_of(batch, TR_OP_STEP, live);

    tr_request_write(&form, live, NULL, batch->action, labels,
                     ((struct child *)batch->state)->request);
    return exchange(batch, &form, live, err);
}

const struct tr_env_kind tr__env_command = {
    .open = command_open,
    .close = command_close,
    .bytes = command_bytes,
    .batch_open = command_batch_open,
    .batch_close = command_batch_close,
    .reset = command_reset,
    .step = command_step,
};
