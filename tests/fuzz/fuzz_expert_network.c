/* A policy's file either is refused in one line that names it, or answers finite numbers to a state. The
 * input is a header up to its first newline, then changes of
 * three bytes each to the sound file: offset (2, little-endian), value. An empty header: only these. */
#define _GNU_SOURCE /* memfd_create */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trainer/experts/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sound[] =
    "{\"__metadata__\":{\"activation\":\"tanh\",\"obs_clip\":\"5\",\"squash\":\"none\"},"
    "\"layers.0.weight\":{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[0,48]},"
    "\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[48,64]},"
    "\"mean.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[64,96]},"
    "\"mean.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[96,104]},"
    "\"log_std\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[104,112]},"
    "\"obs_mean\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[112,124]},"
    "\"obs_var\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[124,136]}}";
enum { values = 136, most = 1 << 14 };

/* The file of a header and values of 0.5, into whole; its bytes. */
static size_t frame(const char *header, size_t length, uint8_t *whole)
{
    for (int i = 0; i < 8; i++)
        whole[i] = (uint8_t)((uint64_t)length >> (8 * i));
    memcpy(whole + 8, header, length);
    for (int i = 0; i < values / 4; i++)
        memcpy(whole + 8 + length + 4 * (ptrdiff_t)i, &(float){.5F}, 4);
    return 8 + length + values;
}

static void ask(const char *path)
{
    static const double low[2] = {-1, -1}, high[2] = {1, 1}, state[3] = {.1, -2, 3};
    const struct tr_env_info info = {
        .name = "fuzz", .observation = 3, .actions = 2, .low = low, .high = high};
    struct tr_expert e;
    struct rt_err err = {0};
    double out[4];

    if (tr_expert_network(&e, path, &info, tr_kernels_by_name("plain"), &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, path) || strchr(err.text, '\n'))
            abort();
        return;
    }
    e.answer(e.self, state, 1, out);
    if (e.numbers != 4 || isnan(out[3]))
        abort();
    tr_expert_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[most + values + 8];
    const uint8_t *end = memchr(data, '\n', size);
    const size_t length = end ? (size_t)(end - data) : 0;
    char path[32];
    size_t bytes;
    const int fd = memfd_create("fuzz", 0);

    if (fd < 0)
        return 0;
    bytes = length > 0 && length < most ? frame((const char *)data, length, whole)
                                        : frame(sound, sizeof sound - 1, whole);
    for (size_t i = length + 1; i + 3 <= size; i += 3)
        whole[(data[i] | data[i + 1] << 8) % bytes] = data[i + 2];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, whole, bytes) == (ssize_t)bytes)
        ask(path);
    close(fd);
    return 0;
}
