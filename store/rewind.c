/* store/rewind.c -- trials that are tried again.
 *
 * A trial's states go one way, which a trigger of the schema guards, whoever writes. The ways back
 * are here alone: each is one transaction that begins by dropping the trigger and ends by making it
 * anew, so nobody ever sees the file without it.
 */
#include "store/store_internal.h"

#include <assert.h>

static rt_status lift_guard(struct store *store, struct rt_err *err)
{
    return store__execute(store, "drop trigger if exists trial_moves", err);
}

static rt_status set_guard(struct store *store, struct rt_err *err)
{
    return store__execute(store, store__trial_moves, err);
}

/* ---- one that is done ---- */

static rt_status reopen(struct store *store, int64_t number, struct rt_err *err)
{
    static const char trial[] = "update trial set state = 'proposed', error_kind = null,"
                                " error = null, attempt = 0 where number = ?1 and state = 'done'";

    RT_TRY(lift_guard(store, err));
    RT_TRY(store__run(store, trial, STORE_BINDS(STORE_INT(number)), err));
    if (sqlite3_changes(store->db) != 1)
        return store__fail(store, err, "it is not done");
    RT_TRY(store__event(store, "retry", number, "the evaluator failed, and is to try again", err));
    return set_guard(store, err);
}

rt_status store_trial_reopen(struct store *store, int64_t number, struct rt_err *err)
{
    assert(number >= 0);
    RT_TRY(store__begin(store, err, "try trial %" PRId64 " again", number));
    return store__end(store, reopen(store, number, err), err);
}

/* ---- many that failed ---- */

static rt_status place_front(struct store *store, const struct store_rewind *r, struct rt_err *err)
{
    static const char clear[] = "delete from front where +trial >= 0", /* row by row */
        forget[] = "delete from front_history where trial >= ?1",
                      insert[] = "insert into front (trial) values (?1)";

    RT_TRY(store__run(store, clear, NULL, 0, err));
    RT_TRY(store__run(store, forget, STORE_BINDS(STORE_INT(r->first)), err));
    for (int i = 0; i < r->front_size; i++)
        RT_TRY(store__run(store, insert, STORE_BINDS(STORE_INT(r->front[i])), err));
    return RT_OK;
}

static rt_status rewind_trials(struct store *store, const struct store_rewind *r, int64_t *count,
                               struct rt_err *err)
{
    static const char event[] =
        "insert into event (at, kind, trial, text) select ?3, 'retry', number, error_kind || ': '"
        " || coalesce(error, '') from trial where number >= ?1 and state = 'failed'"
        " and coalesce(error_kind = ?2, 1) order by number";
    static const char failed[] =
        "update trial set state = 'proposed', error_kind = null, error = null, attempt = 0"
        " where number >= ?1 and state = 'failed' and coalesce(error_kind = ?2, 1)";
    static const char others[] = "update trial set state = 'done' where number >= ?1"
                                 " and state in ('committed', 'failed')";
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    RT_TRY(lift_guard(store, err));
    RT_TRY(store__run(store, event,
                      STORE_BINDS(STORE_INT(r->first), STORE_TXT(r->kind), STORE_TXT(now)), err));
    RT_TRY(store__run(store, failed, STORE_BINDS(STORE_INT(r->first), STORE_TXT(r->kind)), err));
    *count = sqlite3_changes(store->db);
    RT_TRY(store__run(store, others, STORE_BINDS(STORE_INT(r->first)), err));
    RT_TRY(place_front(store, r, err));
    return set_guard(store, err);
}

rt_status store_trials_rewind(struct store *store, const struct store_rewind *rewind,
                              int64_t *count, struct rt_err *err)
{
    assert(rewind->first >= 0 && (rewind->front || !rewind->front_size));
    RT_TRY(store__begin(store, err, "try failed trials again"));
    return store__end(store, rewind_trials(store, rewind, count, err), err);
}
