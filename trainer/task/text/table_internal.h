/* trainer/task/text/table_internal.h -- one row as its format writes it, and the table it goes into.
 */
#ifndef TRAINER_TASK_TEXT_TABLE_INTERNAL_H
#define TRAINER_TASK_TEXT_TABLE_INTERNAL_H
#include "trainer/task/text/table.h"

struct tr__source { /* what is left of a file */
    const char *name;
    const char *at, *end;
    int line; /* of `at`, from 1 */
};

struct tr__record { /* the fields of one row */
    char *bytes;    /* owned */
    size_t used, room;
    size_t *end; /* owned: [fields] */
    size_t fields, field_room;
    int line; /* where it begins */
};
rt_status tr__record_byte(struct tr__record *record, char byte, struct rt_err *err);
rt_status tr__record_bytes(struct tr__record *record, const char *bytes, size_t count,
                           struct rt_err *err);
/* What was added since the last one is a field. */
rt_status tr__record_end_field(struct tr__record *record, struct rt_err *err);

struct tr__growing {       /* a table while rows are added */
    struct tr_table table; /* its columns are set */
    size_t used, byte_room, end_room, line_room;
};
/* A row of field[columns] of so many bytes each. */
rt_status tr__table_add(struct tr__growing *growing, int line, const char *const *field,
                        const size_t *bytes, struct rt_err *err);

/* "'FILE':LINE: ..." */
#define tr__fail_line(err, source, line, format, ...)                                              \
    rt_fail(err, RT_EFORMAT, "'%.160s':%d: " format, (source)->name, line, __VA_ARGS__)

/* A line without its end, which is skipped; false at the end of the source. */
bool tr__next_line(struct tr__source *source, const char **line, size_t *bytes);

/* The next line that is not empty: its values of spec->column, in their order. */
rt_status tr__json_record(struct tr__source *source, const struct tr_table_spec *spec,
                          struct tr__record *record, bool *more, struct rt_err *err);
#endif
