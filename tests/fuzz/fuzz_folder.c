/* A config.json either is refused in one line, or describes a network within the program's limits; an
 * index of shards names files of its own folder. The first byte says which of both it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/import/folder.h"
#include "trainer/import/shards.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_config(const char *bytes, size_t count)
{
    struct tr_folder folder;
    struct rt_err err;

    if (tr_folder_parse(&folder, "config.json", bytes, count, &err) != RT_OK)
        return;
    const struct space_arch *arch = &folder.arch;
    if (arch->depth < 1 || arch->depth > SPACE_MAX_DEPTH || arch->width > SPACE_MAX_WIDTH ||
        arch->width != arch->heads[0] * arch->head_dim || arch->ffn[arch->depth - 1] < 1 ||
        (folder.size[0] ? folder.size[0] % arch->patch : arch->vocabulary < 1))
        abort();
    tr_folder_close(&folder);
}

static void check_index(const char *bytes, size_t count)
{
    struct rt_err err;
    char **files;
    int n;

    if (tr_shards_parse("index", bytes, count, &files, &n, &err) != RT_OK)
        return;
    for (int i = 0; i < n; i++) {
        if (strchr(files[i], '/') || files[i][0] == '.')
            abort();
        free(files[i]);
    }
    free(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        check_config((const char *)data + 1, size - 1);
    else
        check_index((const char *)data + 1, size - 1);
    return 0;
}
