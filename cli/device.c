/* cli/device.c -- see device.h. */
#include "cli/device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"

enum { most_words = 64, patience = 600 /* seconds for an answer */ };

struct device {
    pthread_mutex_t lock; /* guards the process */
    struct rt_process process;
    char *words, *argv[most_words + 1];
    char *command, *folder; /* owned */
    const atomic_int *stop;
};

static const atomic_int never;

static rt_status split(struct device *device, struct rt_err *err)
{
    char *rest = NULL;
    int count = 0;

    for (char *w = strtok_r(device->words, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
        if (count == most_words)
            return rt_fail(err, RT_EARG,
                           "the command '%.80s' has more than %d words; put it into "
                           "a script",
                           device->command, most_words);
        device->argv[count++] = w;
    }
    return count ? RT_OK
                 : rt_fail(err, RT_EARG, "the command is empty; give a program that measures");
}

rt_status device_open(struct device **device, const char *command, const char *folder,
                      const atomic_int *stop, struct rt_err *err)
{
    struct device *d = calloc(1, sizeof *d);
    rt_status rc;

    if (!d)
        return rt_fail(err, RT_ENOMEM, "no memory for the command");
    pthread_mutex_init(&d->lock, NULL);
    d->words = strdup(command);
    d->command = strdup(command);
    d->folder = strdup(folder);
    d->stop = stop ? stop : &never;
    rc = d->words && d->command && d->folder ? split(d, err)
                                             : rt_fail(err, RT_ENOMEM, "no memory for the command");
    if (rc == RT_OK)
        *device = d;
    else
        device_close(d);
    return rc;
}

void device_close(struct device *device)
{
    if (!device)
        return;
    rt_process_release(&device->process);
    pthread_mutex_destroy(&device->lock);
    free(device->words);
    free(device->command);
    free(device->folder);
    free(device);
}

static rt_status fail_silent(const struct device *device, enum rt_said said, struct rt_err *err)
{
    const char *what = said == RT_SAID_LATE       ? "gave no answer in time"
                       : said == RT_SAID_TOO_MUCH ? "answered with too long a line"
                                                  : "ended without an answer";
    const char *tail = device->process.tail_used ? device->process.tail : "";

    if (said == RT_SAID_STOP)
        return rt_fail(err, RT_ESTOP, "stopped");
    return rt_fail(err, RT_EIO, "the command '%.80s' %s%s%.200s", device->command, what,
                   *tail ? ": " : "", tail);
}

/* The lock is held. */
static rt_status exchange(struct device *device, const char *request, struct latency_answer *answer,
                          struct rt_err *err)
{
    for (;;) {
        char *line = NULL;
        if (!device->process.pid)
            RT_TRY(rt_process_start(&device->process, device->argv, device->folder, err));
        const bool before = device->process.answered;
        const enum rt_said said =
            rt_process_ask(&device->process, request, patience, device->stop, &line);
        if (said == RT_SAID_LINE)
            return latency_answer_parse(line, answer, err);
        const rt_status rc = fail_silent(device, said, err);
        (void)rt_process_kill(&device->process); /* a late answer is not the next one's */
        if (said != RT_SAID_END || !before)
            return rc;
    }
}

rt_status device_ask(struct device *device, const struct latency_request *request,
                     struct latency_answer *answer, struct rt_err *err)
{
    char *text = latency_request_print(request);

    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory to ask '%.80s'", device->command);
    pthread_mutex_lock(&device->lock);
    const rt_status rc = exchange(device, text, answer, err);
    pthread_mutex_unlock(&device->lock);
    free(text);
    return rc;
}

rt_status device_meet(struct device *device, const char *name, const struct study *study,
                      struct latency_answer *answer, struct rt_err *err)
{
    struct latency_request request = {.shape = study->space.shape, .blocks = 1, .seconds = 0};
    struct tr_latency_options setting[STUDY_LATENCIES];

    (void)study_latencies(study, setting);
    request.setting = setting[0];
    space_smallest(&study->space, &request.arch);
    RT_TRY(device_ask(device, &request, answer, err));
    (void)snprintf(answer->machine.host, sizeof answer->machine.host, "%s", name);
    return RT_OK;
}
