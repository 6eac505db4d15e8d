/* search/faults.c -- which failures are the evaluator's, and trying failed trials again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"

bool search_is_fault(const char *kind)
{
    static const char *const kinds[] = {"start",     "crash", "timeout", "garbage",
                                        "oversized", "lost",  "io",      "format"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

/* The first failed trial of the kind, `count` when there is none. */
static int64_t first_of(const struct store_trial *trials, int64_t count, const char *kind)
{
    int64_t n = 0;

    while (n < count && (strcmp(trials[n].state, "failed") != 0 ||
                         (kind && strcmp(trials[n].error_kind, kind) != 0)))
        n++;
    return n;
}

rt_status search__front_before(const struct search_options *options,
                               const struct store_trial *trials, int64_t first,
                               struct search__front *front, struct rt_err *err)
{
    const int last = options->rung_count > 1 ? options->rung_count - 1 : 0;

    for (int64_t n = 0; n < first; n++) {
        const struct store_trial *t = &trials[n];
        const bool eligible = !t->error_kind[0] && t->rung == last &&
                              !(options->constraint_count && t->violation > 0);
        struct store_commit ignored;
        RT_TRY(t->replicate
                   ? search__front_repeat(front, n, t->first,
                                          t->error_kind[0] ? NULL : t->objective, &ignored, err)
                   : search__front_add(front, n, eligible ? t->objective : NULL, &ignored, err));
    }
    return RT_OK;
}

rt_status search_retry_failed(const struct space *space, const struct search_options *options,
                              struct store *store, const char *kind, int64_t *count,
                              struct rt_err *err)
{
    struct store_trial *trials = NULL;
    struct search__front front;
    int64_t known = 0;
    rt_status rc;

    *count = 0;
    RT_TRY(search__trials_load(options, space, store, &trials, &known, err));
    const int64_t first = first_of(trials, known, kind);
    if (first == known) {
        free(trials);
        return RT_OK;
    }
    search__front_init(&front, space, options);
    rc = search__front_before(options, trials, first, &front, err);
    if (rc == RT_OK) {
        const struct store_rewind rewind = {first, kind, front.number, (int)front.count};
        rc = store_trials_rewind(store, &rewind, count, err);
    }
    search__front_release(&front);
    free(trials);
    return rc;
}
