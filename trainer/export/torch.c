/* trainer/export/torch.c -- see torch.h. The module is retort_student.py beside this file, embedded when
 * this program is built.
 */
#include "trainer/export/torch.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

extern const char tr__retort_student[];

static rt_status write_file(const char *folder, const char *name, const void *data, size_t bytes,
                            struct rt_err *err)
{
    char path[RT_PATH_MAX];
    struct rt_writer writer;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
    RT_TRY(rt_writer_open(&writer, path, err));
    (void)fwrite(data, 1, bytes, writer.file);
    return rt_writer_commit(&writer, err);
}

rt_status tr_torch_write(const char *folder, const char *weights, struct rt_err *err)
{
    struct rt_map map;

    RT_TRY(rt_folder_make(folder, err));
    RT_TRY(rt_map_open(&map, weights, err));
    rt_status rc = write_file(folder, "student.safetensors", map.data, map.bytes, err);
    rt_map_close(&map);
    if (rc == RT_OK)
        rc = write_file(folder, "retort_student.py", tr__retort_student, strlen(tr__retort_student),
                        err);
    return rc;
}
