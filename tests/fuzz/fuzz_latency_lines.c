/* Any line either is refused with a reason, or is a request that can be built and an answer that the
 * estimator can take. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/latency_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(const char *line)
{
    struct latency_request request;
    struct rt_err err = {0};

    if (latency_request_parse(line, &request, &err) != RT_OK) {
        if (!err.text[0] || strchr(err.text, '\n'))
            abort();
        return;
    }
    if (space_arch_check(&request.arch, &request.shape, NULL) != RT_OK ||
        request.setting.threads > request.setting.batch)
        abort();
    free(latency_request_print(&request));
}

static void check_answer(const char *line)
{
    struct latency_answer answer;
    struct tr_latency_figure figure;
    struct rt_err err = {0};

    if (latency_answer_parse(line, &answer, &err) != RT_OK) {
        if (!err.text[0])
            abort();
        return;
    }
    const struct tr_latency *l = &answer.measured;
    tr_latency_estimate(l->block, l->count, tr_reference_best(l->block, l->count, NULL), &figure);
    if (!(figure.value > 0))
        abort();
    free(latency_answer_print(&answer, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);

    if (!line)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    check_request(line);
    check_answer(line);
    free(line);
    return 0;
}
