/* store/checkpoint.c -- keeps the write-ahead log short.
 *
 * SQLite's own way moves the log's pages into the database after a thousand of them, but the log
 * begins anew only when no reader uses it, and readers that overlap always do: it grew to 425 MB
 * beside a database of 16. So from some size on, the writer waits for those who read now. Who comes
 * then needs the database alone; a reader that takes longer is waited for again later.
 */
#include "store/store_internal.h"

#define LOG_PAGES 3000     /* are moved without waiting; each time the disk has to have all of it */
#define LOG_LONG 4000      /* are waited for: 16 MiB */
#define LOG_AGAIN 250      /* pages more until it is tried again */
#define LOG_PATIENCE_MS 50 /* for readers */

static void tidy(sqlite3 *db, int mode, int patience)
{
    sqlite3_busy_timeout(db, patience);
    sqlite3_wal_checkpoint_v2(db, NULL, mode, NULL, NULL);
    sqlite3_busy_timeout(db, STORE_BUSY_MS);
}

/* After each commit. What fails is tried after a later one, which is no reason to fail this one. */
static int after_commit(void *context, sqlite3 *db, const char *name, int pages)
{
    struct store *store = context;

    (void)name;
    if (pages < store->log_tried)
        store->log_tried = 0;
    if (pages < LOG_PAGES || pages < store->log_tried + LOG_AGAIN)
        return SQLITE_OK;
    store->log_tried = pages;
    if (pages >= LOG_LONG)
        tidy(db, SQLITE_CHECKPOINT_TRUNCATE, LOG_PATIENCE_MS);
    else
        tidy(db, SQLITE_CHECKPOINT_PASSIVE, 0);
    return SQLITE_OK;
}

void store__keep_log_short(struct store *store)
{
    sqlite3_wal_hook(store->db, after_commit, store);
}

void store_make_room(struct store *store)
{
    tidy(store->db, SQLITE_CHECKPOINT_TRUNCATE, LOG_PATIENCE_MS);
}
