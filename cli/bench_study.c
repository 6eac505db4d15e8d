/* cli/bench_study.c -- `retort bench STUDY`: what a trial costs, as costs.h measures it. */
#include <math.h>
#include <stdio.h>

#include "cli/bench.h"
#include "cli/costs.h"

enum { sample_count = 8 };

static void print_sums(const struct study *study, const struct cost *costs, int count)
{
    const int workers = study->search.workers;
    double sum = 0, squares = 0, evaluate = 0, latency = 0, act = 0;
    size_t bytes = 0;

    for (int i = 0; i < count; i++) {
        sum += costs[i].seconds;
        squares += costs[i].seconds * costs[i].seconds;
        evaluate += costs[i].evaluate;
        act += costs[i].act;
        latency += costs[i].latency;
        bytes = costs[i].bytes > bytes ? costs[i].bytes : bytes;
    }
    const double mean = sum / count;
    const double se = count > 1 ? sqrt(fmax(squares / count - mean * mean, 0) / (count - 1)) : 0;

    (void)printf("\na trial takes %.2f s (standard error %.2f), of which validation %.0f %%, "
                 "latency %.0f %%\n",
                 mean, se, 100 * evaluate / sum, 100 * latency / sum);
    if (act > 0)
        (void)printf("episodes that it learns from, in which it acts, take %.0f %% of it\n",
                     100 * act / sum);
    (void)printf("%.0f trials per hour with %d workers", 3600 / mean * workers, workers);
    if (study->search.trials > 0)
        (void)printf("; %lld trials take about %.1f minutes", (long long)study->search.trials,
                     mean * (double)study->search.trials / workers / 60);
    (void)printf("\na worker takes at most %.1f MiB of these\n", (double)bytes / (1 << 20));
}

static rt_status print_pace(const struct session *session, struct rt_err *err)
{
    const struct study_task *task = study_task_of(&session->study);
    char text[96];

    if (!task->pace)
        return RT_OK;
    RT_TRY(task->pace(session->task, text, err));
    (void)puts(text);
    return RT_OK;
}

static rt_status bench_session(struct session *session, double seconds, struct rt_err *err)
{
    struct cost list[sample_count];
    struct costs costs;
    struct space_arch arch;
    char text[SPACE_ARCH_TEXT];
    int count = 0;
    rt_status rc = costs_open(&costs, session, err);

    if (rc == RT_OK)
        (void)printf("%-32s %9s %9s %9s %8s\n", "student", "trial, s", "train, s", "valid., s",
                     "MiB");
    while (rc == RT_OK && count < sample_count && costs_draw(&costs, &arch)) {
        struct cost *c = &list[count];
        if ((rc = costs_measure(&costs, &arch, seconds / sample_count, c, err)))
            break;
        space_arch_print(&arch, text);
        (void)printf("%-32s %9.2f %9.2f %9.2f %8.1f\n", text, c->seconds, c->train, c->evaluate,
                     (double)c->bytes / (1 << 20));
        (void)fflush(stdout);
        count++;
    }
    if (rc == RT_OK && count > 0) {
        print_sums(&session->study, list, count);
        rc = print_pace(session, err);
    }
    costs_close(&costs);
    return rc;
}

rt_status bench_study(const char *path, double seconds, struct rt_err *err)
{
    struct session session;
    rt_status rc;

    RT_TRY(session_open(&session, path, NULL, err));
    rc = bench_session(&session, seconds, err);
    session_close(&session);
    return rc;
}
