/* store/trust.c -- may a file be read: asked once, when it is opened.
 *
 * A study's file may come from anyone, and be damaged. What is asked here is what readers rely on,
 * and takes no longer for more trials: small tables are looked at whole, of large ones the ends of
 * an index. What needs a look at each row (NULLs, ranges) is seen to where rows are read. Views and
 * functions of the file are not trusted: readers have views of their own.
 *
 * Each question is a SELECT that gives one row a finding.
 */
#include "store/store_internal.h"

/* A name goes into views, files and scripts: a letter, then letters, digits, '_', '.' and '@'; a '-'
 * before it is that of an objective to maximise. */
#define NO_NAME(x)                                                                                 \
    "(typeof(" x ") <> 'text' or length(cast(" x " as blob)) not between 1 and 31"                 \
    " or " x " glob '*[^-A-Za-z0-9_.@]*' or " x " not glob '[-A-Za-z_]*')"
/* Shown to people: control characters could write over what they see. */
#define NO_TEXT(x)                                                                                 \
    "(typeof(" x ") <> 'text' or " x " glob '*[' || char(1) || '-' || char(31) || char(127)"       \
    " || '-' || char(159) || ']*')"
#define TEXT(number) TEXT_(number)
#define TEXT_(number) #number
#define NO_LIST(table, key, least, most)                                                           \
    "select '" table " has not " TEXT(least) " to " TEXT(                                          \
        most) " rows, numbered from 0' from"                                                       \
              " (select count(*) as n, min(" key ") as low, max(" key                              \
              ") as high from (select " key " from " table                                         \
              " not indexed limit 100001)) where n not between " TEXT(least) " and " TEXT(         \
                  most) " or n > 0 and (low <> 0 or high <> n - 1)"
/* The ends of an index. */
#define NO_NUMBERS(table, key, least)                                                              \
    "select '" table "." key " is out of range' where"                                             \
    " coalesce((select min(" key ") from " table "), " #least ") < " #least " or"                  \
    " coalesce((select max(" key ") from " table "), " #least ") > 2147483647"
#define NO_TRIALS(table, key) NO_NUMBERS(table, key, 0)
#define NO_IDS(table) NO_NUMBERS(table, "id", 1) /* 0 is none */

/* A view in place of a table could give anything, and without end. */
#define NO_TABLES(names)                                                                           \
    "select value || ' is no table of a study' from json_each('[" names                            \
    "]') where not exists (select 1 from main.sqlite_schema s where s.name = value"                \
    " and s.type = 'table' and s.rootpage > 0)"

static const char *const questions[] = {
    NO_TABLES("\"study\", \"objective\", \"start\", \"rung\", \"host\", \"teacher\","
              " \"teacher_metric\", \"teacher_agreement\", \"candidate\", \"layer\", \"gene\","
              " \"trial\", \"execution\", \"metric\", \"prediction\", \"curve\", \"checkpoint\","
              " \"latency\", \"front\", \"front_history\", \"distillation\","
              " \"distillation_metric\", \"gate\", \"event\""),
    "select s.name || '.' || c.name || ' is computed' from main.sqlite_schema s,"
    " pragma_table_xinfo(s.name, 'main') c where s.type = 'table' and c.hidden > 1",
    "select 'study has not one row' from (select count(*) as n from (select 1 from main.study"
    " limit 2)) where n <> 1",
    "select 'study.' || c || ' is no text' from (select 'hash' as c, hash as v from main.study"
    "  union all select 'settings', settings from main.study"
    "  union all select 'yaml', yaml from main.study"
    "  union all select 'version', version from main.study"
    "  union all select 'created', created from main.study) where typeof(v) <> 'text'",
    "select 'study.settings is no json' from main.study where not json_valid(settings)",
    "select 'study.name is no plain text' from main.study where " NO_TEXT("name"),
    NO_LIST("objective", "position", 1, STORE_MAX_OBJECTIVES),
    "select 'objective ' || position || ' has no good name' from objective"
    " where " NO_NAME("name"),
    NO_LIST("rung", "number", 1, STORE_MAX_RUNGS),
    NO_LIST("start", "number", 0, 100000),
    "select 'start ' || number || ' is no plain text' from start where " NO_TEXT("arch"),
    NO_IDS("host"),
    NO_TRIALS("trial", "number"),
    NO_TRIALS("metric", "trial"),
    NO_TRIALS("curve", "trial"),
    NO_TRIALS("prediction", "trial"),
    NO_TRIALS("front", "trial"),
    NO_TRIALS("front_history", "trial"),
    NO_LIST("teacher", "number", 0, 100),
    NULL,
};

/* Of what schema 3 brought. */
static const char *const shown[] = {
    NO_TABLES("\"quantity\", \"series\", \"run\""),
    NO_IDS("run"),
    NO_LIST("quantity", "position", 1, STORE_MAX_QUANTITIES),
    "select 'quantity ' || position || ' has no good name' from quantity where " NO_NAME("name"),
    "select 'objective ' || name || ' is no quantity' from objective where name not in"
    " (select name from quantity)",
    "select 'quantity ' || position || ' is no plain text' from quantity where " NO_TEXT(
        "title") " or " NO_TEXT("label") " or " NO_TEXT("unit"),
    "select 'quantity ' || position || ' is out of range' from quantity where"
    " typeof(factor) <> 'real' or abs(factor) not between 1e-30 and 1e30"
    " or digits not between 0 and 17 or detail not between 0 and 3",
    "select 'series ' || position || ' has no good name' from (select * from series limit 1000)"
    " where " NO_NAME("name") " or " NO_TEXT("label"),
    "select 'study.noun is no plain text' from study where " NO_TEXT("noun"),
    NULL,
};

static const char *const since4[] = {
    NO_TABLES("\"latency_block\", \"program\", \"confirmation\", \"confirmation_metric\","
              " \"confirmation_curve\", \"confirmation_run\", \"repeated\""),
    NO_IDS("program"),
    NULL,
};

/* The first finding. */
static rt_status ask(struct store *store, const char *sql, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    if (sqlite3_prepare_v2(store->db, sql, -1, &q, NULL))
        return store__fail_sql(store, err);
    const int code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        rc = rt_fail(err, RT_EMISMATCH,
                     "'%s' is damaged, or was never a study: %.100s; see retort "
                     "check",
                     store->path, sqlite3_column_text(q, 0));
    else if (code != SQLITE_DONE)
        rc = store__fail_sql(store, err);
    sqlite3_finalize(q);
    return rc;
}

static rt_status ask_all(struct store *store, const char *const *list, struct rt_err *err)
{
    for (; *list; list++)
        RT_TRY(ask(store, *list, err));
    return RT_OK;
}

rt_status store__trust(struct store *store, struct rt_err *err)
{
    store__doing(store, "open the study");
    return ask_all(store, questions, err);
}

rt_status store__trust_shown(struct store *store, int64_t schema, struct rt_err *err)
{
    store__doing(store, "open the study");
    RT_TRY(ask_all(store, shown, err));
    return schema >= 4 ? ask_all(store, since4, err) : RT_OK;
}
