/* tests/hostile.h -- everything that reads a study's file, on a file that anyone may have made. */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H
#include <stdio.h>
#include <stdlib.h>

#include "reports/report.h"

/* Each may succeed or say why not, but returns. What they print goes into memory. */
static inline void hostile_read(struct store *store, const char *page)
{
    const struct report_study pair[] = {{"a", store}, {"b", store}};
    struct store_trial *trials;
    struct space_arch *archs;
    struct rt_err err;
    int64_t count;
    char *text, *out = NULL;
    size_t size;
    int starts;
    FILE *to = open_memstream(&out, &size);

    if (!to)
        return;
    if (store_settings(store, &text, &err) == RT_OK)
        free(text);
    if (store_starts(store, NULL, &archs, &starts, &err) == RT_OK)
        free(archs);
    if (store_trials_load(store, NULL, &trials, &count, &err) == RT_OK)
        free(trials);
    for (int format = REPORT_TABLE; format <= REPORT_JSON; format++) {
        (void)report_front(store, (enum report_format)format, to, &err);
        for (int pick = REPORT_LOWEST; pick <= REPORT_KNEE; pick++) {
            const struct report_wish wish = {.pick = (enum report_pick)pick, .loss = .01};
            (void)report_best(store, &wish, (enum report_format)format, to, &err);
        }
        (void)report_importance(store, (enum report_format)format, to, &err);
        (void)report_compare(pair, 2, (enum report_format)format, to, &err);
    }
    (void)report_status(store, to, &err);
    (void)report_page(store, page, &err);
    (void)report_compare_page(pair, 2, page, &err);
    (void)fclose(to);
    free(out);
}
#endif
