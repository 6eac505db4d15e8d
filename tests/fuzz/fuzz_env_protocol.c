/* A hello either is refused in one line or has sizes that can be worked with; an answer that is whole by
 * its first bytes either is refused in one line or fills its batch. The input is a line, then a frame
 * of one, two or three copies. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/env/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hello(const char *line)
{
    struct tr_env_info info;
    double *limits = NULL;
    struct rt_err err = {0};

    if (tr_hello_read(line, 8, &info, &limits, &err) != RT_OK) {
        if (err.code == RT_OK || strchr(err.text, '\n'))
            abort();
        return;
    }
    if (info.observation < 1 || info.horizon < 1 || info.actions < 1 ||
        (info.choices > 0) != (limits == NULL) || info.label < 0)
        abort();
    free(limits);
}

static void check_frame(const char *said, size_t size)
{
    static const struct tr_env_info info = {.name = "fuzz",
                                            .observation = 2,
                                            .actions = 1,
                                            .choices = 3,
                                            .labels = TR_LABELS_Q,
                                            .label = 3,
                                            .pixels = {1, 3, 1}};
    static const bool which[3] = {true, true, true};
    double observation[6], label[9], reward[3];
    unsigned char pixels[9];
    unsigned flags[3];
    struct tr_env_batch b = {.count = 3,
                             .observation = observation,
                             .label = label,
                             .pixels = pixels,
                             .reward = reward,
                             .flags = flags};
    const struct tr_frame_form form = {1 + size % 2, 3, &info};
    struct rt_err err = {0};
    const size_t want = tr_frame_size(&form, said, size);

    if (want > size)
        return;
    if (tr_frame_read(&form, said, size, &b, which, &err) != RT_OK &&
        (err.code == RT_OK || strchr(err.text, '\n')))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    char *frame;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    frame = memchr(text, '\n', size);
    if (frame) {
        *frame++ = '\0';
        check_frame(frame, size - (size_t)(frame - text));
    }
    check_hello(text);
    free(text);
    return 0;
}
