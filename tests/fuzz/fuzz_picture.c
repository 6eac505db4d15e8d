/* Any bytes, also behind the magic of PNG and JPEG, either are refused in one line that names the
 * file, or are a picture that can be resized. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/image/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
    struct tr_picture picture = {0};
    struct rt_err err = {0};
    uint8_t out[3 * 4 * 3];

    if (tr_picture_parse("fuzz.png", data, size, &picture, &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, "'fuzz.png'") || strchr(err.text, '\n') ||
            picture.pixels)
            abort();
        return;
    }
    if (picture.height < 1 || picture.width < 1 || (picture.channels != 1 && picture.channels != 3))
        abort();
    if (tr_picture_fit(&picture, 3, 4, 3, out, &err) != RT_OK && err.code != RT_ENOMEM)
        abort();
    tr_picture_release(&picture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const magic[2] = {"\x89PNG\r\n\x1a\n", "\xff\xd8\xff"};

    parse(data, size);
    for (int i = 0; i < 2; i++) {
        const size_t length = strlen(magic[i]);
        uint8_t *whole = malloc(length + size);
        if (!whole)
            return 0;
        memcpy(whole, magic[i], length);
        if (size)
            memcpy(whole + length, data, size);
        parse(whole, length + size);
        free(whole);
    }
    return 0;
}
