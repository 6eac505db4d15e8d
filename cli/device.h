/* cli/device.h -- a machine that times students for us: a command that is asked in lines
 * (cli/latency_lines.h), here or far away.
 *
 * Command  in words, split at blanks; no shell. It is started by the first question, and anew when it
 *          has ended since its last answer, or by the next question when it said nothing in time: a
 *          cable that was pulled costs what was measured then and no more.
 * Threads  any number; a lock lets one question through at a time, as the machine is one.
 */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H
#include <stdatomic.h>

#include "cli/latency_lines.h"
#include "cli/study.h"

struct device;

/* It runs in `folder`. `stop` ends a question and must stay; NULL: nothing does. RT_EARG: the command has no words. */
rt_status device_open(struct device **device, const char *command, const char *folder,
                      const atomic_int *stop, struct rt_err *err);
void device_close(struct device *device); /* NULL: nothing */

/* RT_EIO when it cannot be started, says nothing of use within ten minutes, or says why it cannot
 * measure; RT_EFORMAT for what is no answer; RT_ESTOP. */
rt_status device_ask(struct device *device, const struct latency_request *request,
                     struct latency_answer *answer, struct rt_err *err);
/* What the machine says of itself, beside one block of the study's smallest student; `name` is what it
 * is to be called. The study's shape is bound. */
rt_status device_meet(struct device *device, const char *name, const struct study *study,
                      struct latency_answer *answer, struct rt_err *err);
#endif
