/* trainer/task/text/text_write.c -- texts as a file for programs elsewhere: one JSON object a line, in
 * the order of the rows: {"text": ..} and, of pairs, "text_b".
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/file.h"
#include "trainer/task/text/text_internal.h"

/* False without memory; texts were checked to be UTF-8 when they were read. */
static bool write_row(const struct tr_texts *texts, int row, FILE *to)
{
    static const char *const key[] = {"text", "text_b"};
    json_t *object = json_object();
    bool whole = object != NULL;

    for (int which = 0; which <= texts->pairs && whole; which++) {
        const struct tr_span span = tr_texts_get(texts, row, which);
        whole = json_object_set_new(object, key[which], json_stringn(span.text, span.bytes)) == 0;
    }
    whole = whole && json_dumpf(object, to, JSON_PRESERVE_ORDER) == 0;
    (void)fputc('\n', to);
    json_decref(object);
    return whole;
}

rt_status text__write(const struct tr_task *task, const char *path, struct rt_err *err)
{
    const struct tr_texts *texts = tr_text_texts(task);
    struct rt_writer writer;

    RT_TRY(rt_writer_open(&writer, path, err));
    for (int row = 0; row < task->rows; row++)
        if (!write_row(texts, row, writer.file) && !ferror(writer.file)) {
            rt_writer_abandon(&writer);
            return rt_fail(err, RT_ENOMEM, "no memory to write '%.200s'", path);
        }
    return rt_writer_commit(&writer, err);
}
