/* cli/study_latency.c -- the settings in which a study times its students. */
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

int study_latencies(const struct study *study, struct tr_latency_options setting[STUDY_LATENCIES])
{
    const struct study_latency *l = &study->latency;
    int count = 0;

    for (int t = 0; t < l->thread_counts; t++)
        for (int b = 0; b < l->batches && count < STUDY_LATENCIES; b++)
            if (l->threads[t] <= l->batch[b])
                setting[count++] = (struct tr_latency_options){.batch = l->batch[b],
                                                               .threads = l->threads[t],
                                                               .warmup = l->warmup,
                                                               .samples = l->samples};
    return count;
}

void study_latency_name(const struct tr_latency_options *setting, bool first, char name[STORE_NAME])
{
    if (first)
        (void)snprintf(name, STORE_NAME, "latency");
    else
        (void)snprintf(name, STORE_NAME, "latency@%dx%d", setting->threads, setting->batch);
}

bool study_is_latency(const struct study *study, const char *metric)
{
    struct tr_latency_options setting[STUDY_LATENCIES];
    const int count = study_latencies(study, setting);
    char name[STORE_NAME];

    for (int i = 0; i < count; i++) {
        study_latency_name(&setting[i], i == 0, name);
        if (strcmp(metric, name) == 0)
            return true;
    }
    return false;
}

int study_latency_threads(const struct study *study)
{
    int most = 1;

    for (int t = 0; t < study->latency.thread_counts && !study->own && !study->latency.command[0];
         t++)
        most = study->latency.threads[t] > most ? study->latency.threads[t] : most;
    return most;
}

static rt_status check_twice(const struct study_yaml *yaml, const char *key, const int *list,
                             int count, struct rt_err *err)
{
    for (int i = 1; i < count; i++)
        for (int j = 0; j < i; j++)
            if (list[i] == list[j])
                return study__fail(yaml, key, err, "%d is given twice; leave one out", list[i]);
    return RT_OK;
}

rt_status study__check_latency(const struct study_yaml *yaml, struct study *study,
                               struct rt_err *err)
{
    const struct study_latency *l = &study->latency;
    int most = 0, pairs = 0;

    if (!l->host[0] != !l->command[0])
        return study__fail(yaml, l->host[0] ? "latency.host" : "latency.command", err,
                           "host is what to call the machine that command measures on; give both");
    RT_TRY(rt_path_beside(yaml->path, ".", study->latency.folder, err));
    RT_TRY(check_twice(yaml, "latency.batch", l->batch, l->batches, err));
    RT_TRY(check_twice(yaml, "latency.threads", l->threads, l->thread_counts, err));
    for (int b = 0; b < l->batches; b++)
        most = l->batch[b] > most ? l->batch[b] : most;
    for (int t = 0; t < l->thread_counts; t++) {
        const int batch = t ? most : l->batch[0]; /* the first of both are a pair */
        if (l->threads[t] > batch)
            return study__fail(yaml, "latency.threads", err,
                               "%d threads cannot share a batch of %d; give at most one an example",
                               l->threads[t], batch);
        for (int b = 0; b < l->batches; b++)
            pairs += l->threads[t] <= l->batch[b];
    }
    if (pairs > STUDY_LATENCIES)
        return study__fail(yaml, "latency", err,
                           "threads and batch make %d settings; give at most %d", pairs,
                           STUDY_LATENCIES);
    return RT_OK;
}
