/* store/views.c -- the views, made for the quantities and genes of the file at hand.
 *
 * SQLite has no columns that depend on rows, so the text of a view is composed when the file is
 * made: `pareto` of images has a column `error`, that of another task what it measures. As in
 * schema.c the layout is what `.schema pareto` shows.
 *
 * A quantity in Hz has no values of its own: it is how often the time in front of it goes into a
 * second.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <string.h>

/* ---- what the file has ---- */

#define MOST_GENES 16

struct layout {
    int count, gene_count;
    bool repeated; /* values are means over the seeds of candidates with several */
    struct column {
        char name[STORE_NAME];
        bool cost;       /* a column of candidate, where it is known */
        bool shown;      /* in the views of trials: of interest, or an objective */
        bool afterwards; /* in that of distillations */
        double rate; /* in Hz, over the value of the column before; 0: it has values of its own */
    } column[STORE_MAX_QUANTITIES];
    char gene[MOST_GENES][STORE_NAME];
};

static bool is_cost(const char *name)
{
    for (const char *const *cost = store__costs; *cost; cost++)
        if (strcmp(*cost, name) == 0)
            return true;
    return false;
}

/* Of a time in that unit, how many go into a second; 0: it is no time. */
static double per_second(const char *unit)
{
    static const struct {
        const char *unit;
        double in_second;
    } times[] = {{"ns", 1e9}, {"µs", 1e6}, {"ms", 1e3}, {"s", 1}};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(times[i].unit, unit) == 0)
            return times[i].in_second;
    return 0;
}

static rt_status read_columns(struct store *store, struct layout *layout, struct rt_err *err)
{
    static const char sql[] =
        "select name, detail, name in (select name from objective), unit, factor"
        " from quantity order by position";
    sqlite3_stmt *q;
    double in_second = 0; /* of the column before, as stored */
    int code;

    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW && layout->count < STORE_MAX_QUANTITIES) {
        struct column *c = &layout->column[layout->count++];
        const int detail = sqlite3_column_int(q, 1);
        snprintf(c->name, sizeof c->name, "%s", sqlite3_column_text(q, 0));
        c->cost = is_cost(c->name);
        c->shown = detail <= STORE_IN_WIDE || sqlite3_column_int(q, 2);
        const char *unit = (const char *)sqlite3_column_text(q, 3);
        c->rate = unit && strcmp(unit, "Hz") == 0 ? in_second : 0;
        c->afterwards = !(c->rate > 0) && (detail <= STORE_IN_WIDE || detail == STORE_AFTERWARDS);
        const double factor = sqlite3_column_double(q, 4);
        in_second = unit && factor > 0 ? per_second(unit) / factor : 0;
    }
    const rt_status rc =
        code == SQLITE_DONE || code == SQLITE_ROW ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static rt_status read_genes(struct store *store, struct layout *layout, struct rt_err *err)
{
    static const char sql[] =
        "select name from pragma_table_info('candidate') where name not in ('id', 'arch', 'params',"
        " 'bytes', 'macs', 'memory', 'origin', 'parent_a', 'parent_b') order by cid";
    sqlite3_stmt *q;
    int code;

    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW && layout->gene_count < MOST_GENES)
        snprintf(layout->gene[layout->gene_count++], STORE_NAME, "%s", sqlite3_column_text(q, 0));
    const rt_status rc =
        code == SQLITE_DONE || code == SQLITE_ROW ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

/* ---- parts of views ---- */

/* A column of candidate first, and then evaluated no further. */
static void append_value(sqlite3_str *sql, const struct layout *layout, int i)
{
    const struct column *c = &layout->column[i];

    assert(i >= 0 && i < layout->count);
    if (c->cost)
        sqlite3_str_appendf(sql,
                            "coalesce(c.%s, (select value from metric where trial = t.number"
                            " and name = %Q))",
                            c->name, c->name);
    else if (c->rate > 0)
        sqlite3_str_appendf(sql,
                            layout->repeated ? "%!.15g / nullif(coalesce(r%d.value, m%d.value), 0)"
                                             : "%!.15g / nullif(m%d.value, 0)",
                            c->rate, i - 1, i - 1);
    else
        sqlite3_str_appendf(sql, layout->repeated ? "coalesce(r%d.value, m%d.value)" : "m%d.value",
                            i, i);
}

static void append_scores(sqlite3_str *sql, const struct layout *layout)
{
    for (int i = 0; i < layout->count; i++) {
        const struct column *c = &layout->column[i];
        if (!c->shown || c->cost)
            continue;
        sqlite3_str_appendall(sql, "  ");
        append_value(sql, layout, i);
        sqlite3_str_appendf(sql, " as \"%w\",", c->name);
        if (i == 0)
            sqlite3_str_appendf(sql,
                                layout->repeated
                                    ? " coalesce(r0.stderr, m0.stderr) as \"%w_stderr\","
                                    : " m0.stderr as \"%w_stderr\",",
                                c->name);
        sqlite3_str_appendall(sql, "\n");
    }
    sqlite3_str_appendall(sql, " ");
    for (const char *const *cost = store__costs; *cost; cost++) {
        int i = 0;
        while (i < layout->count && strcmp(layout->column[i].name, *cost) != 0)
            i++;
        sqlite3_str_appendall(sql, " ");
        if (i < layout->count)
            append_value(sql, layout, i);
        else
            sqlite3_str_appendf(sql, "c.%s", *cost);
        sqlite3_str_appendf(sql, i < layout->count ? " as %s," : ",", *cost);
    }
    sqlite3_str_appendall(sql, "\n ");
    for (int g = 0; g < layout->gene_count; g++)
        sqlite3_str_appendf(sql, " c.\"%w\",", layout->gene[g]);
    sqlite3_str_appendall(sql, " t.rung, t.candidate");
}

static void append_join(sqlite3_str *sql, const char *table, const char *as, int i,
                        const char *name)
{
    sqlite3_str_appendf(sql, "  left join %s %s%d on %s%d.trial = t.number and %s%d.name = %Q\n",
                        table, as, i, as, i, as, i, name);
}

static void append_joins(sqlite3_str *sql, const struct layout *layout)
{
    for (int i = 0; i < layout->count; i++) {
        if (!layout->column[i].shown || layout->column[i].cost || layout->column[i].rate > 0)
            continue;
        append_join(sql, "metric", "m", i, layout->column[i].name);
        if (layout->repeated)
            append_join(sql, "repeated", "r", i, layout->column[i].name);
    }
}

/* ---- views that depend on the quantities ---- */

/* CROSS JOIN keeps the order of the loops: the front first, then one look-up a member. A + before a
 * column keeps it from being looked up: a candidate has few trials, a state has most of all. */
static void pareto(sqlite3_str *sql, const struct layout *file)
{
    struct layout means = *file, *layout = &means;

    means.repeated = true;
    sqlite3_str_appendall(sql, "pareto as           -- the front, best first\n"
                               "select f.trial, c.arch,\n");
    append_scores(sql, layout);
    sqlite3_str_appendall(sql, ",\n  (select count(*) from trial s where s.candidate = t.candidate"
                               " and +s.rung = t.rung\n    and +s.state = 'committed') as seeds,"
                               " f.probability");
    sqlite3_str_appendall(sql, "\nfrom front f cross join trial t on t.number = f.trial\n"
                               "  cross join candidate c on c.id = t.candidate\n");
    append_joins(sql, layout);
    sqlite3_str_appendall(sql, "order by ");
    for (int i = 0; i < layout->count; i++)
        if (layout->column[i].shown) {
            append_value(sql, layout, i);
            sqlite3_str_appendall(sql, i ? ", " : " is null, ");
            if (i == 0) {
                append_value(sql, layout, i);
                sqlite3_str_appendall(sql, ", ");
            }
        }
    sqlite3_str_appendall(sql, "f.trial");
}

/* By which trials are ranked when one number has to do. */
#define FIRST_MEASURED                                                                             \
    "coalesce((select o.name from objective o join quantity k on k.name = o.name\n"                \
    "      where not k.exact order by o.position limit 1),\n"                                      \
    "    (select name from quantity where not exact order by position limit 1))\n"

/* Candidates with one seed, by `metric` in order of its index; or with several, by `repeated`. */
static void append_board(sqlite3_str *sql, const struct layout *layout, bool repeated)
{
    struct layout values = *layout;

    values.repeated = repeated;
    sqlite3_str_appendall(sql,
                          "select t.number as trial, c.arch, s.name as by, s.value as value,\n");
    append_scores(sql, &values);
    sqlite3_str_appendf(
        sql,
        ",\n  exists (select 1 from front f where f.trial = t.number) as on_front, %s as seeds\n"
        "from %s s cross join trial t on t.number = s.trial\n"
        "  cross join candidate c on c.id = t.candidate\n",
        repeated ? "s.seeds" : "1", repeated ? "repeated" : "metric");
    append_joins(sql, &values);
    sqlite3_str_appendall(
        sql, "where s.name = " FIRST_MEASURED
             "  and s.value is not null and t.state = 'committed' and t.replicate = 0\n"
             "  and t.rung = (select max(rung) from trial where state = 'committed')\n");
    if (!repeated)
        sqlite3_str_appendall(sql, "  and not exists (select 1 from repeated r\n"
                                   "    where r.trial = s.trial and r.name = s.name)\n");
}

/* Both halves are merged in their order, so that the first rows come without sorting them all. */
static void leaderboard(sqlite3_str *sql, const struct layout *layout)
{
    sqlite3_str_appendall(
        sql, "leaderboard as      -- candidates at the highest rung reached, best by the\n"
             "                                -- first measured objective\n");
    append_board(sql, layout, false);
    sqlite3_str_appendall(sql, "union all\n");
    append_board(sql, layout, true);
    sqlite3_str_appendall(sql, "order by value, trial");
}

static void append_cost_case(sqlite3_str *sql, const char *name)
{
    sqlite3_str_appendf(sql, "coalesce(case %s", name);
    for (const char *const *cost = store__costs; *cost; cost++)
        sqlite3_str_appendf(sql, " when '%s' then c.%s", *cost, *cost);
    sqlite3_str_appendall(sql, " end,\n    r.value, m.value)");
}

static bool has_rates(const struct layout *layout)
{
    for (int i = 0; i < layout->count; i++)
        if (layout->column[i].rate > 0)
            return true;
    return false;
}

/* The name of the metric that quantity o is made of. */
static void append_source(sqlite3_str *sql, const struct layout *layout)
{
    sqlite3_str_appendall(sql, has_rates(layout) ? "case o.name" : "o.name");
    for (int i = 1; i < layout->count; i++)
        if (layout->column[i].rate > 0)
            sqlite3_str_appendf(sql, " when %Q then %Q", layout->column[i].name,
                                layout->column[i - 1].name);
    sqlite3_str_appendall(sql, has_rates(layout) ? " else o.name end" : "");
}

/* The value of o by that metric, whose mean over seeds is r, if there are several. */
static void append_value_case(sqlite3_str *sql, const struct layout *layout)
{
    sqlite3_str_appendall(sql, has_rates(layout) ? "case o.name" : "");
    for (int i = 1; i < layout->count; i++)
        if (layout->column[i].rate > 0)
            sqlite3_str_appendf(sql, " when %Q then %!.15g / nullif(coalesce(r.value, m.value), 0)",
                                layout->column[i].name, layout->column[i].rate);
    sqlite3_str_appendall(sql, has_rates(layout) ? "\n    else " : "");
    append_cost_case(sql, "o.name");
    sqlite3_str_appendall(sql, has_rates(layout) ? " end" : "");
}

/* beside: more columns. */
static void values_of(sqlite3_str *sql, const struct layout *layout, const char *table,
                      void (*beside)(sqlite3_str *sql, const struct layout *layout))
{
    sqlite3_str_appendf(sql,
                        "%s_values as -- one row a trial with results and %s\n"
                        "select t.number as trial, o.position, o.name,\n  ",
                        table, table);
    append_value_case(sql, layout);
    sqlite3_str_appendall(sql, " as value");
    if (beside)
        beside(sql, layout);
    sqlite3_str_appendf(sql,
                        "\nfrom trial t join candidate c on c.id = t.candidate cross join %s o\n"
                        "  left join metric m on m.trial = t.number and m.name = ",
                        table);
    append_source(sql, layout);
    sqlite3_str_appendall(sql, "\n  left join repeated r on r.trial = t.number and r.name = ");
    append_source(sql, layout);
    sqlite3_str_appendall(sql, "\nwhere t.state in ('done', 'committed') and t.error_kind is null\n"
                               "  and t.replicate = 0\n"
                               "order by t.number, o.position");
}

static void objective_values(sqlite3_str *sql, const struct layout *layout)
{
    values_of(sql, layout, "objective", NULL);
}

/* The error of a rate is not that of its time. */
static void append_doubt(sqlite3_str *sql, const struct layout *layout)
{
    sqlite3_str_appendall(sql, has_rates(layout)
                                   ? ", case o.unit when 'Hz' then null\n"
                                     "    else coalesce(r.stderr, m.stderr) end as stderr,\n"
                                   : ", coalesce(r.stderr, m.stderr) as stderr,\n");
    sqlite3_str_appendall(
        sql, "  exists (select 1 from latency l where l.candidate = t.candidate and l.metric = ");
    append_source(sql, layout);
    sqlite3_str_appendall(sql, "\n    and l.state <> 'clear') as estimated");
}

static void quantity_values(sqlite3_str *sql, const struct layout *layout)
{
    values_of(sql, layout, "quantity", append_doubt);
}

static void choices(sqlite3_str *sql, const struct layout *layout)
{
    sqlite3_str_appendall(sql, "choices as          -- one row a gene of a candidate; of a list, a "
                               "position\n");
    for (int g = 0; g < layout->gene_count; g++)
        sqlite3_str_appendf(sql,
                            "select id as candidate, %Q as name, 0 as position, \"%w\" as value"
                            " from candidate\n  where \"%w\" is not null union all\n",
                            layout->gene[g], layout->gene[g], layout->gene[g]);
    sqlite3_str_appendall(sql,
                          "select candidate, 'heads' as name, position, heads as value from layer\n"
                          "  union all\n"
                          "select candidate, 'ffn', position, ffn from layer union all\n"
                          "select candidate, name, position, value from gene");
}

static void append_tested(sqlite3_str *sql, const char *what, const char *name, const char *called)
{
    sqlite3_str_appendf(sql,
                        "  (select m.%s from distillation_metric m\n"
                        "    where m.distillation = d.id and m.name = %Q) as \"%w\",\n",
                        what, name, called);
}

static void distillations(sqlite3_str *sql, const struct layout *layout)
{
    char other[STORE_NAME + 16];

    sqlite3_str_appendall(sql,
                          "distillations as    -- by the full recipe, on the test file; newest "
                          "first\n"
                          "select d.id, c.arch, d.steps, c.params,\n");
    for (int i = 0; i < layout->count; i++) {
        const struct column *c = &layout->column[i];
        if (c->cost || !c->afterwards)
            continue;
        append_tested(sql, "value", c->name, c->name);
        if (i)
            continue;
        snprintf(other, sizeof other, "%s_stderr", c->name);
        append_tested(sql, "stderr", c->name, other);
        snprintf(other, sizeof other, "ensemble_%s", c->name);
        append_tested(sql, "value", other, other);
    }
    sqlite3_str_appendall(
        sql, "  (select count(*) from gate g where g.distillation = d.id) as gates,\n"
             "  (select count(*) from gate g where g.distillation = d.id and g.passed)\n"
             "    as gates_passed,\n"
             "  d.candidate, d.weights, d.finished\n"
             "from distillation d join candidate c on c.id = d.candidate\n"
             "order by d.id desc");
}

/* ---- views that are always the same ---- */

/* Nothing here is counted of all trials but those that failed: numbers have no gaps, and an index has
 * the few that are open. */
static const char progress[] =
    "progress as         -- one row\n"
    "with counted as materialized (select\n"
    "  (select coalesce(max(number) + 1, 0) from trial) as proposed,\n"
    "  (select count(*) from trial where state not in ('committed', 'failed')) as open,\n"
    "  (select count(*) from trial where state = 'failed') as failed)\n"
    "select s.name as study,\n"
    "  n.proposed - n.open - n.failed as committed, n.failed,\n"
    "  (select count(*) from trial where state = 'done') as done,\n"
    "  (select count(*) from trial where state = 'running') as running,\n"
    "  (select count(*) from trial where state = 'proposed') as proposed,\n"
    "  (select coalesce(max(id), 0) from candidate) as candidates,\n"
    "  (select count(*) from front where trial >= 0) as front_size,\n"
    "  (select hypervolume from front_history order by trial desc limit 1) as hypervolume,\n"
    "  (select started from execution order by id limit 1) as started,\n"
    "  (select max(finished) from execution) as last_finished,\n"
    "  -- of the last 50, by a clock that does not jump\n"
    "  (select 3600.0 * coalesce((select workers from run order by id desc limit 1), 1)\n"
    "      / nullif(avg(seconds), 0) from (select seconds from execution\n"
    "      where seconds is not null order by id desc limit 50)) as trials_per_hour,\n"
    "  (select avg(seconds) from (select seconds from execution\n"
    "      where seconds is not null order by id desc limit 50)) as seconds_per_trial\n"
    "from study s cross join counted n";

static const char rung_pairs[] =
    "rung_pairs as       -- one candidate at two rungs, by the first measured objective\n"
    "select t.rung, t.candidate, t.number as trial, u.number as next_trial,\n"
    "  a.name as by, a.value, b.value as next_value\n"
    "from trial u join trial t\n"
    "    on t.candidate = u.candidate and t.rung = u.rung - 1 and t.seed = u.seed\n"
    "  join metric a on a.trial = t.number and a.name = " FIRST_MEASURED
    "  join metric b on b.trial = u.number and b.name = a.name\n"
    "where u.state = 'committed' and a.value is not null and b.value is not null\n"
    "order by t.rung, u.number";

/* What is asked of a long study is asked of its latest trials, so that it takes no longer for a
 * million. Kendall's tau-b compares all pairs of 500. */
static const char rungs[] =
    "rungs as            -- one row a rung; how well it foretells the next, of late\n"
    "with since as materialized (    -- the latest 5000 of a rung\n"
    "  select r.number as rung, coalesce((select number from trial where state = 'committed'\n"
    "    and rung = r.number order by number desc limit 1 offset 4999), 0) as first from rung r),\n"
    "latest as materialized (\n"
    "  select * from (select p.*, row_number() over (partition by p.rung\n"
    "    order by p.next_trial desc) as age from since s join rung_pairs p\n"
    "    on p.rung = s.rung - 1 and p.next_trial >= s.first) where age <= 500),\n"
    "tau as (select p.rung, sum(sign(p.value - q.value) * sign(p.next_value - q.next_value))\n"
    "    / nullif(sqrt(1.0 * sum(p.value <> q.value) * sum(p.next_value <> q.next_value)), 0)\n"
    "    as tau_b\n"
    "  from latest p join latest q on q.rung = p.rung and q.trial < p.trial group by p.rung),\n"
    "place as (select rung, (count(*) over (partition by rung) + 2) / 3 as third,\n"
    "    row_number() over (partition by rung order by value, trial) as first,\n"
    "    row_number() over (partition by rung order by next_value, trial) as second\n"
    "  from latest),\n"
    "both as (select rung, count(*) as pairs,\n"
    "    sum(first <= third and second <= third) * 1.0 / third as best_third_kept\n"
    "  from place group by rung)\n"
    "select r.number as rung, r.budget,\n"
    "  (select count(*) from trial where rung = r.number and state = 'committed') as committed,\n"
    "  (select count(*) from trial where rung = r.number and state = 'failed') as failed,\n"
    "  (select count(*) from trial where rung = r.number\n"
    "    and state in ('proposed', 'running', 'done')) as open,\n"
    "  (select avg(seconds) from (select x.seconds from trial t cross join execution x\n"
    "    on x.trial = t.number and x.outcome = 'done' where t.state = 'committed'\n"
    "    and t.rung = r.number order by t.number desc limit 5000)) as seconds_per_trial,\n"
    "  b.pairs, t.tau_b, b.best_third_kept\n"
    "from rung r left join both b on b.rung = r.number left join tau t on t.rung = r.number\n"
    "order by r.number";

static const char expectations[] =
    "expectations as     -- what the surrogate expected of late, and what came of it; newest "
    "first\n"
    "select p.name, p.trial, p.mean, p.sd, m.value\n"
    "from (select * from prediction order by trial desc limit 10000) p\n"
    "  cross join metric m on m.trial = p.trial and m.name = p.name\n"
    "where m.value is not null order by p.trial desc";

static const char calibration[] =
    "calibration as      -- how right it was, one row an objective\n"
    "with pair as materialized (select e.*,\n"
    "    row_number() over (partition by e.name order by e.trial desc) as age\n"
    "  from expectations e),\n"
    "latest as materialized (select * from pair where age <= 500),\n"
    "tau as (select a.name, sum(sign(a.mean - b.mean) * sign(a.value - b.value))\n"
    "    / nullif(sqrt(1.0 * sum(a.mean <> b.mean) * sum(a.value <> b.value)), 0) as tau_b\n"
    "  from latest a join latest b on b.name = a.name and b.trial < a.trial group by a.name)\n"
    "select p.name, count(*) as trials, avg(abs(p.value - p.mean) <= p.sd) as within_1_sd,\n"
    "  avg(abs(p.value - p.mean) <= 2 * p.sd) as within_2_sd,\n"
    "  sqrt(avg((p.value - p.mean) * (p.value - p.mean))) as rms_error, t.tau_b\n"
    "from pair p left join tau t on t.name = p.name\n"
    "  left join objective o on o.name = p.name\n"
    "group by p.name order by o.position";

static const char failures[] =
    "failures as         -- trials that failed, and why\n"
    "select t.number as trial, c.arch, t.rung, t.error_kind, t.error, h.host, x.worker,\n"
    "  x.finished, x.seconds, c.params, c.memory\n"
    "from trial t join candidate c on c.id = t.candidate\n"
    "  left join execution x on x.trial = t.number and x.outcome = 'failed'\n"
    "  left join host h on h.id = x.host\n"
    "where t.state = 'failed' or (t.state = 'done' and t.error_kind is not null)\n"
    "order by t.number";

static const char learning_curves[] =
    "learning_curves as\n"
    "select u.trial, c.arch, u.name, u.step, u.value,\n"
    "  exists (select 1 from front f where f.trial = u.trial) as on_front, t.rung\n"
    "from curve u join trial t on t.number = u.trial join candidate c on c.id = t.candidate\n"
    "order by u.trial, u.name, u.step";

static const char hypervolume[] =
    "hypervolume as      -- how the front grew, trial by trial\n"
    "select h.trial, h.size, h.hypervolume, x.finished\n"
    "from front_history h\n"
    "  left join execution x on x.trial = h.trial and x.outcome in ('done', 'failed')\n"
    "order by h.trial";

/* Values are of the lead, that is, of what trials are ranked by when one number has to do. */
static const char confirmations[] =
    "confirmations as    -- full runs beside the short ones that they tell the worth of\n"
    "with lead (name) as (select " FIRST_MEASURED "),\n"
    "short as (select t.candidate, coalesce(r.value, m.value) as value\n"
    "  from lead join trial t left join metric m on m.trial = t.number and m.name = lead.name\n"
    "    left join repeated r on r.trial = t.number and r.name = lead.name\n"
    "  where t.state = 'committed' and t.replicate = 0\n"
    "    and t.rung = (select max(number) from rung))\n"
    "select r.number, c.arch, r.role, r.stratum, r.seed, r.steps, r.state, lead.name as by,\n"
    "  s.value as short, v.value as validation, v.stderr as validation_stderr,\n"
    "  x.value as test, x.stderr as test_stderr, c.params, c.macs, r.candidate, r.recipe\n"
    "from lead join confirmation r join candidate c on c.id = r.candidate\n"
    "  left join short s on s.candidate = r.candidate\n"
    "  left join confirmation_metric v on v.confirmation = r.number\n"
    "    and v.split = 'validation' and v.name = lead.name\n"
    "  left join confirmation_metric x on x.confirmation = r.number\n"
    "    and x.split = 'test' and x.name = lead.name\n"
    "order by r.number";

/* ---- all of them ---- */

static const struct view {
    const char *name, *text;
    void (*compose)(sqlite3_str *sql, const struct layout *layout); /* where text is NULL */
} views[] = {
    {"objective_values", NULL, objective_values},
    {"quantity_values", NULL, quantity_values},
    {"choices", NULL, choices},
    {"pareto", NULL, pareto},
    {"leaderboard", NULL, leaderboard},
    {"progress", progress, NULL},
    {"rung_pairs", rung_pairs, NULL},
    {"rungs", rungs, NULL},
    {"expectations", expectations, NULL},
    {"calibration", calibration, NULL},
    {"failures", failures, NULL},
    {"learning_curves", learning_curves, NULL},
    {"hypervolume", hypervolume, NULL},
    {"distillations", NULL, distillations},
    {"confirmations", confirmations, NULL},
};

static rt_status make_view(struct store *store, const char *where, const struct view *view,
                           const struct layout *layout, struct rt_err *err)
{
    sqlite3_str *sql = sqlite3_str_new(store->db);

    sqlite3_str_appendf(sql, "drop view if exists %s.%s;\ncreate view %s.", where, view->name,
                        where);
    if (view->text)
        sqlite3_str_appendall(sql, view->text);
    else
        view->compose(sql, layout);
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", store->path);
    const rt_status rc = store__execute(store, text, err);
    sqlite3_free(text);
    return rc;
}

rt_status store__make_views(struct store *store, const char *where, struct rt_err *err)
{
    struct layout layout = {0};

    RT_TRY(read_columns(store, &layout, err));
    RT_TRY(read_genes(store, &layout, err));
    assert(layout.count > 0);
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        RT_TRY(make_view(store, where, &views[i], &layout, err));
    return RT_OK;
}
