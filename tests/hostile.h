/* tests/hostile.h -- everything that reads a study's file, on a file that anyone may have made. */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H
#include <stdio.h>
#include <stdlib.h>

#include "reports/report.h"

enum {
    HOSTILE_STATUS,
    HOSTILE_FRONT,
    HOSTILE_BEST,
    HOSTILE_COMPARE,
    HOSTILE_IMPORTANCE,
    HOSTILE_PAGE,
    HOSTILE_COMPARE_PAGE,
    HOSTILE_CHECK,
    HOSTILE_CONFIRM,
    HOSTILE_LISTS,
    HOSTILE_READERS
};

static inline void hostile_lists(struct store *store)
{
    struct report_members members;
    struct store_trial *trials;
    struct space_arch *archs;
    struct rt_err err;
    int64_t count;
    char *text;
    int starts;

    if (store_settings(store, &text, &err) == RT_OK)
        free(text);
    if (store_starts(store, NULL, &archs, &starts, &err) == RT_OK)
        free(archs);
    if (store_trials_load(store, NULL, &trials, &count, &err) == RT_OK)
        free(trials);
    if (report_members(store, false, &members, &err) == RT_OK)
        report_members_release(&members);
}

static inline void hostile_print(struct store *store, int reader, enum report_format format,
                                 FILE *to)
{
    const struct report_study pair[] = {{"a", store}, {"b", store}};
    struct rt_err err;

    switch (reader) {
    case HOSTILE_FRONT: (void)report_front(store, format, to, &err); break;
    case HOSTILE_COMPARE: (void)report_compare(pair, 2, format, to, &err); break;
    case HOSTILE_IMPORTANCE: (void)report_importance(store, format, to, &err); break;
    case HOSTILE_CONFIRM: (void)report_confirm(store, format, to, &err); break;
    default:
        for (int pick = REPORT_LOWEST; pick <= REPORT_KNEE; pick++) {
            const struct report_wish wish = {.pick = (enum report_pick)pick, .loss = .01};
            (void)report_best(store, &wish, format, to, &err);
        }
    }
}

/* One reader. It may succeed or say why not, but returns. What it prints goes into memory. */
static inline void hostile_read_one(struct store *store, int reader, const char *page)
{
    const struct report_study pair[] = {{"a", store}, {"b", store}};
    struct rt_err err;
    int64_t findings;
    char *out = NULL;
    size_t size;
    FILE *to = open_memstream(&out, &size);

    if (!to)
        return;
    switch (reader) {
    case HOSTILE_STATUS: (void)report_status(store, to, &err); break;
    case HOSTILE_PAGE: (void)report_page(store, page, &err); break;
    case HOSTILE_COMPARE_PAGE: (void)report_compare_page(pair, 2, page, &err); break;
    case HOSTILE_CHECK: (void)report_check(store, to, &findings, &err); break;
    case HOSTILE_LISTS: hostile_lists(store); break;
    default:
        for (int format = REPORT_TABLE; format <= REPORT_JSON; format++)
            hostile_print(store, reader, (enum report_format)format, to);
    }
    (void)fclose(to);
    free(out);
}

static inline void hostile_read(struct store *store, const char *page)
{
    for (int reader = 0; reader < HOSTILE_READERS; reader++)
        hostile_read_one(store, reader, page);
}
#endif
