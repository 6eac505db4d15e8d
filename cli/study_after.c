/* cli/study_after.c -- what a study goes on with when its search has ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study_internal.h"

/* "suggested", "best", "front" or "3 of the front". */
static bool parse_pick(const char *text, int *pick)
{
    char *end;

    if (strcmp(text, "suggested") == 0)
        *pick = STUDY_PICK_SUGGESTED;
    else if (strcmp(text, "best") == 0)
        *pick = STUDY_PICK_BEST;
    else if (strcmp(text, "front") == 0)
        *pick = STUDY_PICK_FRONT;
    else {
        const long number = strtol(text, &end, 10);
        *pick = (int)number;
        return number >= 1 && number <= 1000 && strcmp(end, " of the front") == 0;
    }
    return true;
}

rt_status study__place_after(const struct assembly *a)
{
    struct study_after *after = &a->study->after;
    char key[STUDY_KEY];

    for (; after->pick_count < a->file->pick_count; after->pick_count++) {
        const int i = after->pick_count;
        (void)snprintf(key, sizeof key, "after.distill[%d]", i);
        if (!parse_pick(a->file->pick[i], &after->pick[i]))
            return study__fail(a->yaml, key, a->err,
                               "unknown students '%.40s'; give suggested, best, front, or a number "
                               "like '3 of the front'",
                               a->file->pick[i]);
    }
    if (after->export_count && !after->pick_count)
        return study__fail(a->yaml, "after.export", a->err,
                           "what is exported is distilled before; add distill, or leave this out");
    if (after->controls < 0 && study__given(a->yaml, "after.seeds"))
        return study__fail(a->yaml, "after.seeds", a->err,
                           "seeds are of confirm; add it, or leave this out");
    if (after->export_count && study_task_of(a->study)->kind->answers)
        return study__fail(a->yaml, "after.export", a->err,
                           "students that say what comes next are in no such form yet; leave this "
                           "out");
    return RT_OK;
}
