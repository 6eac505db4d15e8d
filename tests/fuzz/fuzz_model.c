/* A file of weights with some bytes changed either is refused in one line, or is a student that
 * answers. The input is a first byte, even for floats and odd for codes, then changes of three
 * bytes each: offset (2, little-endian), value.
 */
#define _GNU_SOURCE /* memfd_create */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "trainer/export/model.h"
#include "trainer/net/network.h"
#include "trainer/task/image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    char *data;
    size_t bytes;
} whole[2];
static int fd;
static char path[32];

/* Both files of a small student, in memory. */
static void make_files(void)
{
    static const struct tr_metadata notes[] = {{"arch", "L1-d4-k2-h1-f4-p2"},
                                               {"pool", "class"},
                                               {"pixel_mean", "0.5"},
                                               {"pixel_sd", "1"},
                                               {"height", "4"},
                                               {"width", "4"},
                                               {"channels", "1"},
                                               {NULL, NULL}};
    const struct space_shape shape = {.height = 4, .width = 4, .channels = 1, .classes = 2};
    static struct tr_ranges ranges;
    char name[] = "/tmp/fuzz-model-XXXXXX";
    struct tr_network net;
    struct rt_arena arena;
    struct space_arch arch;
    struct tr_quantised quantised;

    fd = memfd_create("fuzz", 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (mkstemp(name) < 0 || space_arch_parse(notes[0].value, &arch, NULL) ||
        tr_network_open(&net, &arch, &shape, tr_kernels_by_name("plain"), TR_NETWORK_INFER, NULL) ||
        rt_arena_init(&arena, tr_quantised_bytes(&net.student, false), NULL) ||
        tr_quantised_init(&quantised, &net.student, &ranges, false, &arena, NULL))
        abort();
    tr_network_start(&net, 1);
    tr_quantised_update(&quantised, &net.student, net.weights.params);
    for (int f = 0; f < 2; f++)
        if ((f ? tr_safetensors_write_int8(name, &net.student, &quantised, notes, NULL)
               : tr_safetensors_write(name, &net.student, net.weights.params, notes, NULL)) ||
            rt_file_read(name, 1 << 16, &whole[f].data, &whole[f].bytes, NULL))
            abort();
    unlink(name);
    rt_arena_release(&arena);
    tr_network_close(&net);
}

static void open_and_ask(void)
{
    static uint8_t example[1 << 16];
    float logits[1024];
    struct tr_model_file *file;
    struct rt_err err = {0};

    if (tr_model_open(path, &tr_task_image, tr_kernels_by_name("plain"), &file, &err) != RT_OK) {
        if (err.code == RT_OK || !err.text[0] || strchr(err.text, '\n'))
            abort();
        return;
    }
    const struct tr_model *model = tr_model_of(file);
    if (tr_model_input_bytes(model) <= sizeof example && model->student->shape.classes <= 1024 &&
        tr_model_answer(model, example, 1, logits, &err) != RT_OK)
        abort();
    tr_model_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!whole[0].data)
        make_files();
    if (size == 0)
        return 0;
    const size_t bytes = whole[data[0] & 1].bytes;
    char *changed = malloc(bytes);
    if (!changed)
        return 0;
    memcpy(changed, whole[data[0] & 1].data, bytes);
    for (size_t i = 1; i + 3 <= size; i += 3)
        changed[(data[i] | data[i + 1] << 8) % bytes] = (char)data[i + 2];
    if (ftruncate(fd, 0) || pwrite(fd, changed, bytes, 0) != (ssize_t)bytes)
        abort();
    free(changed);
    open_and_ask();
    return 0;
}
