/* cli/time_again.c -- see time_again.h. */
#include "cli/time_again.h"

#include <stdio.h>

#include "base/clock.h"

static const struct tr_kernels *kernels_of(const struct time_again *again, int width)
{
    return settings_kernels(again->settings, again->session->kernels, width);
}

/* The machine that measures, known by what it says of itself. */
static rt_status open_host(struct time_again *again, struct rt_err *err)
{
    struct latency_answer answer = {.kernels = ""};

    rt_machine_query(&answer.machine);
    (void)snprintf(answer.kernels, sizeof answer.kernels, "%s",
                   tr_kernels_name(again->session->kernels));
    if (again->device)
        RT_TRY(device_meet(again->device, again->host, &again->session->study, &answer, err));
    RT_TRY(store_host(again->store, &answer.machine, answer.kernels, &again->row, err));
    return latencies_open(&again->latencies, again->setting, again->settings_count, 1, again->store,
                          again->row, err);
}

static rt_status ask(struct time_again *again, const struct space_arch *arch, int setting,
                     struct tr_latency *measured, struct rt_err *err)
{
    const struct latency_request request = {.arch = *arch,
                                            .shape = again->session->shape,
                                            .setting = again->setting[setting],
                                            .blocks = TR_TRIAL_BLOCKS,
                                            .seconds = TR_TRIAL_SECONDS};
    struct latency_answer answer;

    RT_TRY(device_ask(again->device, &request, &answer, err));
    *measured = answer.measured;
    return RT_OK;
}

static rt_status measure(struct time_again *again, const char *text, int setting,
                         struct rt_err *err)
{
    struct store_block row[TR_LATENCY_BLOCKS];
    struct tr_latency_figure figure;
    struct tr_latency measured = {0};
    struct space_arch arch;

    RT_TRY(space_arch_parse(text, &arch, err));
    if (again->device)
        RT_TRY(ask(again, &arch, setting, &measured, err));
    else
        RT_TRY(tr_latency_take(&arch, &again->session->shape, kernels_of(again, arch.width),
                               &again->setting[setting], TR_TRIAL_BLOCKS, TR_TRIAL_SECONDS,
                               &measured, err));
    RT_TRY(latencies_add(again->latencies, text, setting, &measured, err));
    if (!latencies_figure(again->latencies, text, setting, &figure))
        return rt_fail(err, RT_ENOMEM, "no memory for latencies");
    for (int i = 0; i < measured.count; i++) {
        row[i] = latencies_block(&again->setting[setting], &measured, i);
        row[i].gated = !again->device; /* nobody else of this process works */
    }
    struct store_latency latency = latencies_row(&again->setting[setting], setting == 0, &figure);
    latency.metric[0] = '\0'; /* until all are settled */
    return store_latency_add(again->store, again->row, text, row, measured.count, &latency, 1, err);
}

static bool is_unsure(const struct time_again *again, const char *arch, int setting)
{
    struct tr_latency_figure figure;

    return latencies_unsure(again->latencies, arch, setting) ||
           (latencies_figure(again->latencies, arch, setting, &figure) &&
            figure.blocks < again->blocks);
}

/* Round after round over those that are unsure, until none is or the time is up. */
static rt_status measure_all(struct time_again *again, struct rt_err *err)
{
    const int64_t began = rt_now_ns();
    bool first = !again->unsure_alone, any = true;

    for (; any; first = false) {
        any = false;
        for (int i = 0; i < again->count; i++)
            for (int s = 0; s < again->settings_count; s++) {
                if (!first && ((double)(rt_now_ns() - began) * 1e-9 > again->seconds ||
                               !is_unsure(again, again->arch[i], s)))
                    continue;
                if (atomic_load(again->stop))
                    return RT_OK; /* what there is by now counts */
                RT_TRY(measure(again, again->arch[i], s, err));
                any = true;
            }
    }
    return RT_OK;
}

/* The machine that was asked for; without that the study's. */
static rt_status choose_device(struct time_again *again, struct rt_err *err)
{
    const struct study_latency *own = &again->session->study.latency;

    if (again->command)
        return device_open(&again->device, again->command, ".", again->stop, err);
    if (!own->command[0])
        return RT_OK;
    again->host = own->host;
    return device_open(&again->device, own->command, own->folder, again->stop, err);
}

rt_status time_again(struct time_again *again, struct rt_err *err)
{
    const struct study *study = &again->session->study;
    const int threads = study_latency_threads(study);

    again->settings_count = study_latencies(study, again->setting);
    RT_TRY(choose_device(again, err));
    if (!again->device && threads > rt_cores())
        return rt_fail(err, RT_EARG,
                       "latency.threads is %d and this process has %d cores; run it where "
                       "there are as many",
                       threads, rt_cores());
    RT_TRY(open_host(again, err));
    RT_TRY(measure_all(again, err));
    RT_TRY(
        latencies_settle(again->latencies, &again->session->shape, again->store, again->row, err));
    return search_front_again(&study->space, &study->search, again->store, err);
}

void time_again_close(struct time_again *again)
{
    device_close(again->device);
    latencies_close(again->latencies);
}
