/* tests/fuzz/fuzz_database.c -- a study's file with cells and bytes changed, through all readers.
 *
 * The file is made here, by the store's own calls, and kept in memory; the input is a list of
 * changes of 8 bytes each: of one cell of one table, or of one byte of one page.
 */
#include "../hostile.h"
#include "../store_sample.h"

#include <fcntl.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No disk is waited for. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

static char *seed; /* the file */
static size_t seed_bytes;
static char place[64]; /* where changed files go */

/* Episodes of all candidates, so that the page shows those of whichever it suggests. */
static void play(struct store *store)
{
    static const double total[1] = {1};
    static const float film[2 * 6];
    struct store_played p = {.starts = 1, .student = total, .teacher = total};

    p.film[0] = p.film[1] = (struct store_film){2, 1, film};
    for (int i = 0; i < SAMPLE_TRIALS; i++) {
        const struct space_arch arch = sample_arch(i);
        p.arch = &arch;
        (void)store_played(store, &p, NULL); /* not of those that were never tried */
    }
}

/* Trial 0's student on the test, with a table of details. */
static void tell(struct store *store)
{
    static const struct store_cell cells[] = {{"F1 of each class", 0, 0, "class", "noun.animal"},
                                              {"F1 of each class", 0, 1, "student", "0.812"},
                                              {"F1 of each class", 1, 0, "class", "adj.all"},
                                              {"F1 of each class", 1, 1, "student", "0.9"},
                                              {"texts", 0, 0, "text", "a small European bird"}};
    const struct space_arch arch = sample_arch(0);
    const struct store_distillation d = {.arch = &arch,
                                         .host = 1,
                                         .weights = "",
                                         .value_count = 1,
                                         .values = {{"error", .081, .0027}},
                                         .detail_count = sizeof cells / sizeof *cells,
                                         .detail = cells};

    if (store_distillation(store, &d, NULL))
        abort();
}

static void make_seed(void)
{
    char path[96];
    FILE *in;
    struct stat info;

    snprintf(place, sizeof place, "/tmp/retort-fuzz-XXXXXX");
    if (!mkdtemp(place))
        abort();
    snprintf(path, sizeof path, "%s/seed.db", place);
    struct store *store = sample_create(path);
    sample_fill(store);
    play(store);
    tell(store);
    store_close(store);
    in = fopen(path, "rb");
    if (!in || fstat(fileno(in), &info))
        abort();
    seed_bytes = (size_t)info.st_size;
    seed = malloc(seed_bytes);
    if (!seed || fread(seed, 1, seed_bytes, in) != seed_bytes)
        abort();
    fclose(in);
    unlink(path);
}

static const char *const tables[] = {"study",
                                     "objective",
                                     "quantity",
                                     "series",
                                     "start",
                                     "rung",
                                     "host",
                                     "teacher",
                                     "teacher_metric",
                                     "candidate",
                                     "layer",
                                     "gene",
                                     "trial",
                                     "execution",
                                     "teacher_agreement",
                                     "metric",
                                     "curve",
                                     "prediction",
                                     "front",
                                     "front_history",
                                     "latency",
                                     "run",
                                     "checkpoint",
                                     "event",
                                     "distillation",
                                     "distillation_metric",
                                     "gate",
                                     "played",
                                     "detail"};
static const char *const values[] = {"null",
                                     "-1",
                                     "0",
                                     "1",
                                     "2000000000",
                                     "-9223372036854775807",
                                     "9e999",
                                     "-9e999",
                                     "1e-320",
                                     "''",
                                     "'x' || char(27) || '[2J'",
                                     "x'00ff'",
                                     "replace(hex(zeroblob(300)), '0', 'a')",
                                     "'error'",
                                     "'params'",
                                     "'%s%n<b>\"&'"};
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* A column by its number; the row by its place. */
static void change_cell(sqlite3 *db, const uint8_t *b)
{
    char sql[600], column[64] = "";
    const char *table = tables[b[1] % COUNT(tables)];
    sqlite3_stmt *q;

    sqlite3_snprintf(sizeof sql, sql,
                     "select name from pragma_table_info(%Q) order by cid limit 1 offset %d %%"
                     " (select count(*) from pragma_table_info(%Q))",
                     table, b[2], table);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL))
        return;
    if (sqlite3_step(q) == SQLITE_ROW)
        sqlite3_snprintf(sizeof column, column, "%s", sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_snprintf(
        sizeof sql, sql,
        b[5] & 1 ? "update or replace \"%w\" set \"%w\" = %s"
                 : "update or replace \"%w\" set \"%w\" = %s where \"%w\" = (select \"%w\" from"
                   " \"%w\" limit 1 offset %d %% (select count(*) from \"%w\"))",
        table, column, values[b[4] % COUNT(values)], column, column, table, b[3], table);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void change_cells(const char *path, const uint8_t *data, size_t size)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) == SQLITE_OK) {
        sqlite3_exec(db,
                     "pragma journal_mode = off; pragma synchronous = off;"
                     "pragma ignore_check_constraints = on; pragma writable_schema = on;"
                     "update sqlite_schema set sql = replace(replace(replace(sql,"
                     " ' text not null', ' text'), ' integer not null', ' integer'),"
                     " ' real not null', ' real') where type = 'table';"
                     "update sqlite_schema set sql = replace(replace(sql, ') strict, without',"
                     " ') without'), ') strict', ')') where type = 'table'",
                     NULL, NULL, NULL);
        sqlite3_close(db);
    }
    if (sqlite3_open(path, &db) == SQLITE_OK) {
        sqlite3_exec(db,
                     "pragma journal_mode = off; pragma synchronous = off;"
                     "pragma ignore_check_constraints = on; drop trigger trial_moves;"
                     "drop trigger event_keep",
                     NULL, NULL, NULL);
        for (size_t i = 0; i + 8 <= size; i += 8)
            if (!(data[i] & 1))
                change_cell(db, data + i);
        sqlite3_exec(db, "pragma journal_mode = delete", NULL, NULL, NULL);
    }
    sqlite3_close(db);
}

/* The header's first 100 bytes stay: what is no SQLite file is refused at once. */
static void change_bytes(const char *path, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);

    for (size_t i = 0; fd >= 0 && i + 8 <= size; i += 8)
        if (data[i] & 1) {
            const size_t at =
                100 + (data[i + 1] | (size_t)data[i + 2] << 8 | (size_t)(data[i + 3] & 15) << 16) %
                          (seed_bytes - 100);
            if (pwrite(fd, data + i + 4, 1 + data[i + 5] % 3, (off_t)at) < 0)
                break;
        }
    if (fd >= 0)
        close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[96], page[96];
    struct store *store = NULL;
    struct rt_err err;

    if (!seed)
        make_seed();
    snprintf(path, sizeof path, "%s/changed.db", place);
    snprintf(page, sizeof page, "%s/page.html", place);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(seed, 1, seed_bytes, out) != seed_bytes || fclose(out))
        abort();
    if (size > 64)
        size = 64;
    change_cells(path, data, size);
    change_bytes(path, data, size);
    if (store_open(path, STORE_READ, NULL, &store, &err) == RT_OK) {
        hostile_read(store, page);
        store_close(store);
    }
    if (store_open(path, STORE_WRITE, SAMPLE_HASH, &store, &err) == RT_OK) /* a search resumes */
        store_close(store);
    unlink(path);
    unlink(page);
    return 0;
}
