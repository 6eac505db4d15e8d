/* tests/report_sample.h -- sample studies and text that was written, for the tests of reports/. */
#ifndef TESTS_REPORT_SAMPLE_H
#define TESTS_REPORT_SAMPLE_H
#include "store_sample.h"

#include <jansson.h>
#include <sys/stat.h>

#include "base/file.h"
#include "reports/chart.h"
#include "reports/report.h"
#include "reports/row_table.h"
#include "reports/rows.h"
#include "reports/text.h"

static inline struct store *filled(const char *path, const char *name, const char *yaml)
{
    struct store_study study = sample_study;
    struct store *store = NULL;
    struct rt_err err;

    study.name = name;
    study.yaml = yaml;
    assert_ok(store_create(path, &study, &store, &err));
    sample_fill(store);
    return store;
}

static inline struct store *sample(const char *name)
{
    return filled(sample_path(name), "sample", "name: sample\nsearch:\n  trials: 10\n");
}

static inline void assert_fits_80_columns(const char *text)
{
    while (*text) {
        char line[512];
        const int length = (int)strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", length, text);
        if (report__columns(line) > 80)
            fail_msg("%d columns: %s", report__columns(line), line);
        text += length + (text[length] == '\n');
    }
}

struct text {
    FILE *out;
    char *data;
    size_t size;
};

static inline FILE *text_open(struct text *text)
{
    text->out = open_memstream(&text->data, &text->size);
    assert_non_null(text->out);
    return text->out;
}

static inline const char *text_close(struct text *text)
{
    fclose(text->out);
    return text->data;
}

static inline void assert_has_at(const char *text, const char *part, bool want, int line)
{
    if (!strstr(text, part) == want) {
        print_error("'%s' is %s:\n%.4000s\n", part, want ? "missing" : "there", text);
        _fail(__FILE__, line);
    }
}
#define assert_has(text, part) assert_has_at(text, part, true, __LINE__)
#define assert_lacks(text, part) assert_has_at(text, part, false, __LINE__)

static inline int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static inline char *best(struct store *store, struct report_wish wish, enum report_format format)
{
    struct text text;
    struct rt_err err;
    assert_ok(report_best(store, &wish, format, text_open(&text), &err));
    text_close(&text);
    return text.data;
}
#endif
