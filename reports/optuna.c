/* reports/optuna.c -- a study as a database of Optuna's, for its dashboard and its plots.
 *
 * Tables   those of Optuna's RDB storage, schema 12, alembic revision v3.2.0.a (Optuna 3.2 to 5.0).
 * Trial    n is trial n + 1 there. Committed ones of the last rung are COMPLETE, with the means of
 *          their seeds; those of lower rungs and further seeds PRUNED, since their values do not compare;
 *          what is under way RUNNING or WAITING. A value that is no number makes a trial FAIL, with
 *          the attribute `reason`.
 * Genes    whole numbers IntDistribution, others FloatDistribution, both over what occurs; words
 *          CategoricalDistribution. A list has a parameter a layer, or one where the layers of no
 *          candidate differ.
 * Source   optuna/storages/_rdb/models.py.
 */
#include <sqlite3.h>

#include <stdbool.h>

#include "base/file.h"
#include "reports/report.h"
#include "reports/rows.h"

static const char tables[] =
    "create table alembic_version (version_num text primary key);"
    "insert into alembic_version values ('v3.2.0.a');"
    "create table version_info (version_info_id integer primary key, schema_version integer,"
    " library_version text);"
    "insert into version_info values (1, 12, '4.0.0');"
    "create table studies (study_id integer primary key, study_name text unique not null);"
    "create table study_directions (study_direction_id integer primary key, direction text not "
    "null,"
    " study_id integer, objective integer not null);"
    "create table study_user_attributes (study_user_attribute_id integer primary key,"
    " study_id integer, key text, value_json text);"
    "create table study_system_attributes (study_system_attribute_id integer primary key,"
    " study_id integer, key text, value_json text);"
    "create table trials (trial_id integer primary key, number integer, study_id integer,"
    " state text not null, datetime_start text, datetime_complete text);"
    "create table trial_params (param_id integer primary key, trial_id integer, param_name text,"
    " param_value real, distribution_json text);"
    "create table trial_values (trial_value_id integer primary key, trial_id integer,"
    " objective integer not null, value real, value_type text not null);"
    "create table trial_intermediate_values (trial_intermediate_value_id integer primary key,"
    " trial_id integer, step integer not null, intermediate_value real,"
    " intermediate_value_type text not null);"
    "create table trial_user_attributes (trial_user_attribute_id integer primary key,"
    " trial_id integer, key text, value_json text);"
    "create table trial_system_attributes (trial_system_attribute_id integer primary key,"
    " trial_id integer, key text, value_json text);"
    "create table trial_heartbeats (trial_heartbeat_id integer primary key, trial_id integer,"
    " heartbeat text not null);"
    "create index ix_trials on trials (study_id, number);"
    "create index ix_params on trial_params (trial_id);"
    "create index ix_values on trial_values (trial_id);"
    "create index ix_curves on trial_intermediate_values (trial_id);"
    "create index ix_attributes on trial_user_attributes (trial_id);"
    "create index ix_system on trial_system_attributes (trial_id);";

/* ---- what of a study goes where ---- */

/* Of trial t and its candidate c: objective o, as it is minimised. */
#define VALUE                                                                                      \
    "coalesce(case o.name when 'params' then c.params when 'bytes' then c.bytes"                   \
    " when 'macs' then c.macs when 'memory' then c.memory end,"                                    \
    " (select r.value from repeated r where r.trial = t.number and r.name = o.name),"              \
    " (select m.value from metric m where m.trial = t.number and m.name = o.name))"
#define OF_LAST_RUNG                                                                               \
    "t.state = 'committed' and t.replicate = 0 and t.rung = (select max(number) from rung)"
#define INCOMPLETE "exists (select 1 from objective o where " VALUE " is null)"
#define TIME(column) "strftime('%Y-%m-%d %H:%M:%f', " column ") || '000'"

static const struct step {
    const char *select, *insert;
} steps[] = {
    {"select 1, name from study", "insert into studies values (?1, ?2)"},
    {"select case substr(name, 1, 1) when '-' then 'MAXIMIZE' else 'MINIMIZE' end, 1, position"
     " from objective order by position",
     "insert into study_directions (direction, study_id, objective) values (?1, ?2, ?3)"},
    {"select 1, 'study:metric_names', (select json_group_array(ltrim(name, '-')) from"
     " (select name from objective order by position))",
     "insert into study_system_attributes (study_id, key, value_json) values (?1, ?2, ?3)"},
    {"select 1, 'retort', json_quote(version) from study union all"
     " select 1, 'snapshot', json_quote('of a study of retort: export it again rather than going on"
     " with it here')",
     "insert into study_user_attributes (study_id, key, value_json) values (?1, ?2, ?3)"},
    {"select t.number + 1, t.number, 1, case when t.state = 'failed' or (" OF_LAST_RUNG
     " and " INCOMPLETE ") then 'FAIL' when " OF_LAST_RUNG " then 'COMPLETE'"
     " when t.state = 'committed' then 'PRUNED' when t.state = 'proposed' then 'WAITING'"
     " else 'RUNNING' end,"
     " (select " TIME(
         "min(started)") " from execution e where e.trial = t.number),"
                         " case when t.state in ('committed', 'failed') then"
                         " (select " TIME(
                             "coalesce(max(finished), max(started))") " from execution e where "
                                                                      "e.trial ="
                                                                      " t.number) end from trial t "
                                                                      "join candidate c on c.id = "
                                                                      "t.candidate",
     "insert into trials values (?1, ?2, ?3, ?4, ?5, ?6)"},
    {"select t.number + 1, o.position, iif(o.name like '-%', -1, 1) * " VALUE
     ", 'FINITE' from trial t"
     " join candidate c on c.id = t.candidate join objective o where " OF_LAST_RUNG
     " and not " INCOMPLETE,
     "insert into trial_values (trial_id, objective, value, value_type) values (?1, ?2, ?3, ?4)"},
    {"select trial + 1, step, value, iif(value is null, 'NAN', 'FINITE') from curve where name ="
     " 'validation_error'",
     "insert into trial_intermediate_values (trial_id, step, intermediate_value,"
     " intermediate_value_type) values (?1, ?2, ?3, ?4)"},
    {"select number + 1, 'arch', json_quote(arch) from trial t join candidate c on c.id = candidate"
     " union all select number + 1, 'candidate', candidate from trial"
     " union all select number + 1, 'rung', rung from trial"
     " union all select number + 1, 'replicate', replicate from trial where replicate > 0"
     " union all select number + 1, 'seed', json_quote(printf('%u', seed)) from trial"
     " union all select number + 1, 'front', iif(number in (select trial from front), 'true',"
     " 'false') from trial"
     " union all select number + 1, 'reason', json_quote(error) from trial where error is not null"
     " union all select t.number + 1, 'reason', json_quote('an objective is no number') from trial "
     "t"
     " join candidate c on c.id = t.candidate where " OF_LAST_RUNG " and " INCOMPLETE
     " union all select trial + 1, name, json_quote(value) from metric where value is not null"
     " union all select trial + 1, 'expected.' || name, json_quote(mean) from prediction",
     "insert into trial_user_attributes (trial_id, key, value_json) values (?1, ?2, ?3)"},
    {"select trial + 1, 'constraints', json_array(value) from metric where name = 'violation' and"
     " value is not null",
     "insert into trial_system_attributes (trial_id, key, value_json) values (?1, ?2, ?3)"},
};

static const char insert_param[] =
    "insert into trial_params (trial_id, param_name, param_value, distribution_json)"
    " values (?1, ?2, ?3, ?4)";

/* ---- genes ---- */

/* A query for the genes of students: columns of candidate between arch and params. %w twice. */
#define NUMBER(low, high)                                                                          \
    "json_object('name', 'IntDistribution', 'attributes', json_object('log', json('false'),"       \
    " 'step', 1, 'low', " low ", 'high', " high "))"
static const char columns[] =
    "select name from pragma_table_info('candidate') where cid > (select cid from"
    " pragma_table_info('candidate') where name = 'arch') and cid < (select cid from"
    " pragma_table_info('candidate') where name = 'params')";
static const char of_column[] = "select t.number + 1, '%w', c.\"%w\", " NUMBER(
    "(select min(\"%w\") from candidate)",
    "(select max(\"%w\") from candidate)") " from trial t join candidate c on c.id = t.candidate "
                                           "where c.\"%w\" is not null";
/* Of lists by layer, heads and ffn. */
static const char of_layers[] =
    "select t.number + 1, iif(u.one, '%w', '%w.' || l.position), l.\"%w\", " NUMBER(
        "(select min(\"%w\") from layer)",
        "(select max(\"%w\") from layer)") " from trial t join layer l on l.candidate = "
                                           "t.candidate join (select not exists (select 1 from"
                                           " layer group by candidate having min(\"%w\") < "
                                           "max(\"%w\")) as one) u"
                                           " where l.position = 0 or not u.one";
/* Of the user's own: all words of a gene are its choices, numbers are a range. */
static const char of_own[] =
    "with kind as (select name, max(position) > 0 as list, max(typeof(value) = 'text') as word,"
    " max(typeof(value) = 'real') as broken, min(value) as low, max(value) as high from gene group"
    " by name),"
    " choice as (select name, value, row_number() over (partition by name order by value) - 1 as"
    " place from (select distinct name, cast(value as text) as value from gene)),"
    " list as (select name, json_group_array(value) as choices from (select * from choice order by"
    " name, place) group by name)"
    " select t.number + 1, iif(k.list, g.name || '.' || g.position, g.name), iif(k.word, (select"
    " place from choice where name = g.name and value = cast(g.value as text)), g.value),"
    " case when k.word then json_object('name', 'CategoricalDistribution', 'attributes',"
    " json_object('choices', json(i.choices))) when k.broken then json_object('name',"
    " 'FloatDistribution', 'attributes', json_object('log', json('false'), 'step', null, 'low',"
    " k.low, 'high', k.high)) else " NUMBER("k.low",
                                            "k.high") " end"
                                                      " from trial t join gene g on g.candidate = "
                                                      "t.candidate join kind k on k.name = g.name"
                                                      " join list i on i.name = g.name";

/* ---- copying ---- */

struct copy {
    sqlite3 *from, *to;
    const char *path; /* of both, for messages */
    const char *source;
    struct rt_err *err;
};

static rt_status fail(const struct copy *copy, sqlite3 *db)
{
    return rt_fail(copy->err, RT_EDB, "cannot write '%.200s' of '%.80s': %.80s", copy->path,
                   copy->source, sqlite3_errmsg(db));
}

/* Each row of the one is the parameters of the other. */
static rt_status copy_rows(const struct copy *copy, const char *select, const char *insert)
{
    sqlite3_stmt *from = NULL, *to = NULL;
    sqlite3 *at_fault = NULL;
    int code = SQLITE_ERROR;

    if (sqlite3_prepare_v2(copy->from, select, -1, &from, NULL))
        at_fault = copy->from;
    else if (sqlite3_prepare_v2(copy->to, insert, -1, &to, NULL))
        at_fault = copy->to;
    while (!at_fault && (code = sqlite3_step(from)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(from); i++)
            (void)sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
        if (sqlite3_step(to) != SQLITE_DONE || sqlite3_reset(to))
            at_fault = copy->to;
    }
    if (!at_fault && code != SQLITE_DONE)
        at_fault = copy->from;
    const rt_status rc = at_fault ? fail(copy, at_fault) : RT_OK;
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    return rc;
}

/* One gene: a format with so many places for its name. */
static rt_status copy_gene(const struct copy *copy, const char *format, const char *name)
{
    char *sql = sqlite3_mprintf(format, name, name, name, name, name, name, name);
    const rt_status rc =
        sql ? copy_rows(copy, sql, insert_param)
            : rt_fail(copy->err, RT_ENOMEM, "no memory to write '%.200s'", copy->path);

    sqlite3_free(sql);
    return rc;
}

static rt_status copy_columns(const struct copy *copy)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int code;

    if (sqlite3_prepare_v2(copy->from, columns, -1, &q, NULL))
        return fail(copy, copy->from);
    while ((code = sqlite3_step(q)) == SQLITE_ROW && rc == RT_OK)
        rc = copy_gene(copy, of_column, (const char *)sqlite3_column_text(q, 0));
    if (rc == RT_OK && code != SQLITE_DONE)
        rc = fail(copy, copy->from);
    sqlite3_finalize(q);
    return rc;
}

static bool has_table(const struct copy *copy, const char *name)
{
    return sqlite3_table_column_metadata(copy->from, NULL, name, NULL, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

static rt_status copy_all(const struct copy *copy)
{
    static const char *const lists[] = {"heads", "ffn"};

    if (sqlite3_exec(copy->to, "pragma journal_mode = off; begin", NULL, NULL, NULL) ||
        sqlite3_exec(copy->to, tables, NULL, NULL, NULL))
        return fail(copy, copy->to);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        RT_TRY(copy_rows(copy, steps[i].select, steps[i].insert));
    RT_TRY(copy_columns(copy));
    for (size_t i = 0; i < sizeof lists / sizeof *lists && has_table(copy, "layer"); i++)
        RT_TRY(copy_gene(copy, of_layers, lists[i]));
    if (has_table(copy, "gene"))
        RT_TRY(copy_rows(copy, of_own, insert_param));
    return sqlite3_exec(copy->to, "commit", NULL, NULL, NULL) ? fail(copy, copy->to) : RT_OK;
}

rt_status report_optuna(struct store *store, const char *path, struct rt_err *err)
{
    struct copy copy = {
        .from = store_handle(store), .path = path, .source = store_path(store), .err = err};
    struct rt_writer writer;
    rt_status rc;

    RT_TRY(rt_writer_open(&writer, path, err)); /* an empty file is an empty database */
    RT_TRY(report__freeze(store, err));
    const char *at = writer.temporary[0] ? writer.temporary : writer.target;
    rc = sqlite3_open_v2(at, &copy.to, SQLITE_OPEN_READWRITE, NULL) ? fail(&copy, copy.to) : RT_OK;
    if (rc == RT_OK)
        rc = copy_all(&copy);
    if (sqlite3_close(copy.to) && rc == RT_OK)
        rc = rt_fail(err, RT_EDB, "cannot close '%.200s'", path);
    report__unfreeze(store);
    if (rc == RT_OK)
        return rt_writer_commit(&writer, err);
    rt_writer_abandon(&writer);
    return rc;
}
