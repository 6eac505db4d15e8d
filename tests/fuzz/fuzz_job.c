/* Any line either is refused or is a job of the space, which is asked for again in the same words. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct space layers(void)
{
    struct space space = {.shape = {.height = 28, .width = 28, .channels = 1, .classes = 10},
                          .tie = SPACE_TIE_LAYER,
                          .depth = {3, {1, 2, 3}},
                          .width = {2, {16, 32}},
                          .head_dim = {2, {8, 16}},
                          .heads = {2, {1, 3}},
                          .patch = {2, {4, 7}},
                          .ratio_count = 2,
                          .ffn_ratio = {1, 2}};

    if (space_init(&space, NULL))
        abort();
    return space;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct space space = layers();
    const struct search_options options = {.objective_count = 0};
    struct space_arch arch, again;
    struct search_job job, other;
    char *line = malloc(size + 1);

    if (!line)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    if (search_protocol_job(line, &space, &job, &arch, NULL) == RT_OK) {
        char *request = search_protocol_request(&space, &options, &job, 1, false);
        if (request && (search_protocol_job(request, &space, &other, &again, NULL) ||
                        other.number != job.number || other.seed != job.seed ||
                        other.inherits != job.inherits || !space_arch_equal(&arch, &again)))
            abort();
        free(request);
    }
    free(line);
    return 0;
}
