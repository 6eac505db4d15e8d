/* store/schema.c -- the text of the tables; docs/sql.md explains them, views.c has the views.
 *
 * SQLite keeps the text word for word, comments too, so what stands here is what `.schema trial`
 * shows to a person; hence the layout. What depends on time or place (execution, latency, host,
 * event) is apart from what depends on the study alone (candidate, layer, trial, metric,
 * prediction, curve, front, front_history): the latter are equal for any number of workers and
 * after any crash.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <string.h>

static const char study[] =
    "create table study (            -- one row: what is searched\n"
    "  id       integer primary key check (id = 1),\n"
    "  name     text not null,\n"
    "  hash     text not null,       -- of all that decides the results\n"
    "  seed     integer not null,    -- unsigned: printf('%u', seed)\n"
    "  settings text not null check (json_valid(settings)), -- chosen at the start, kept since\n"
    "  yaml     text not null,       -- the study file, word for word\n"
    "  version  text not null,       -- of retort\n"
    "  created  text not null,       -- UTC, as all times\n"
    "  task     text not null,       -- what is learned: image; '' when nobody said\n"
    "  noun     text not null,       -- what a candidate is called\n"
    "  method   text not null        -- how its values came about, for reports\n"
    ") strict";

static const char objective[] =
    "create table objective (        -- what is minimised\n"
    "  position integer primary key, -- from 0, as in the study file\n"
    "  name     text not null unique -- params, bytes, macs, memory: in candidate; else in metric\n"
    ") strict";

static const char quantity[] =
    "create table %s.quantity (         -- what reports show, and how\n"
    "  position integer primary key, -- from 0, by which candidates are ranked\n"
    "  name     text not null unique, -- of a column of candidate; else of a metric\n"
    "  title    text not null,       -- short, for the head of a column\n"
    "  label    text not null,       -- for an axis, without the unit\n"
    "  unit     text not null,       -- that it is shown in; '' for none\n"
    "  factor   real not null,       -- from the value to that unit\n"
    "  digits   integer,             -- decimals; 0: whole, as 12.3k; null: as many as tell\n"
    "  logarithmic integer not null check (logarithmic in (0, 1)), -- the scale\n"
    "  exact    integer not null check (exact in (0, 1)), -- known without a trial\n"
    "  best     real,                -- no value is below; null: unknown\n"
    "  detail   integer not null check (detail between 0 and 3) -- shown 0: everywhere, 1: in\n"
    "                                -- wide tables, 2: beside teachers, 3: after distilling\n"
    ") strict";

static const char series[] =
    "create table %s.series (           -- learning curves, as reports show them\n"
    "  position integer primary key, -- from 0; what is not here comes after these\n"
    "  name     text not null unique, -- as in curve\n"
    "  label    text not null,\n"
    "  folded   integer not null check (folded in (0, 1)) -- 1: on demand\n"
    ") strict";

static const char start[] =
    "create table start (            -- architectures to try after the first three\n"
    "  number   integer primary key, -- from 0\n"
    "  arch     text not null,\n"
    "  source   text not null        -- the entry of search.start_from that gave it\n"
    ") strict";

static const char rung[] = "create table rung (             -- training budgets\n"
                           "  number   integer primary key, -- from 0; the front is of the last\n"
                           "  budget   integer              -- steps; null: the evaluator's own\n"
                           ") strict";

static const char host[] = "create table host (             -- machines that worked on this study\n"
                           "  id       integer primary key,\n"
                           "  host     text not null,\n"
                           "  cpu      text not null,\n"
                           "  kernels  text not null,       -- the set of kernels that computed\n"
                           "  governor text not null,       -- of the clock frequency\n"
                           "  kernel   text not null,       -- operating system\n"
                           "  cores    integer not null,\n"
                           "  memory   integer not null,    -- bytes\n"
                           "  unique (host, cpu, kernels)\n"
                           ") strict";

static const char program[] =
    "create table %s.program (          -- what computed: equal rows give equal bits\n"
    "  id       integer primary key,\n"
    "  version  text not null,       -- of retort\n"
    "  build    text not null,       -- hash of its executable\n"
    "  kernels  text not null,       -- the set\n"
    "  blas     text not null,       -- OpenBLAS, and the core that it took the processor for\n"
    "  libc     text not null,\n"
    "  unique (version, build, kernels, blas, libc)\n"
    ") strict";

static const char run[] =
    "create table %s.run (              -- each time retort search worked on this study\n"
    "  id       integer primary key,\n"
    "  host     integer not null references host (id),\n"
    "  pid      integer not null,\n"
    "  workers  integer not null,\n"
    "  trials   integer,             -- wanted in all; null: no limit\n"
    "  hours    real,                -- of this run at most; null: no limit\n"
    "  patience integer,             -- trials without a gain at most; null: no limit\n"
    "  started  text not null,\n"
    "  finished text,                -- null while it runs, and when it was killed\n"
    "  ending   text,                -- why it ended; null while it runs\n"
    "  timing   real,                -- seconds that workers spent measuring latency, ...\n"
    "  standing real                 -- ... and those they stood still for others to measure\n"
    ") strict";

static const char teacher[] =
    "create table teacher (          -- the highest number is the ensemble of the others\n"
    "  number   integer primary key,\n"
    "  name     text not null,\n"
    "  kind     text not null,       -- trained, recorded, ensemble\n"
    "  arch     text not null,       -- '' when unknown\n"
    "  params   integer not null,    -- 0 when unknown\n"
    "  weight   real not null,       -- in the ensemble\n"
    "  calibration real not null,    -- temperature of its own; 1: none\n"
    "  hash     text not null        -- of its weights or logits\n"
    ") strict";

static const char teacher_metric[] =
    "create table teacher_metric (   -- on the validation split\n"
    "  teacher  integer not null references teacher (number) on delete cascade,\n"
    "  name     text not null,\n"
    "  value    real,\n"
    "  stderr   real,\n"
    "  primary key (teacher, name)\n"
    ") strict, without rowid";

static const char teacher_agreement[] =
    "create table teacher_agreement ( -- share of validation rows of one most likely class\n"
    "  teacher   integer not null references teacher (number) on delete cascade,\n"
    "  other     integer not null references teacher (number) on delete cascade,\n"
    "  agreement real not null,\n"
    "  primary key (teacher, other),\n"
    "  check (other < teacher)\n"
    ") strict, without rowid";

/* Between both stand the genes of the study's students, see make_candidate(). */
static const char candidate[] = "create table candidate (        -- one architecture\n"
                                "  id       integer primary key, -- in order of first proposal\n"
                                "  arch     text not null unique,\n";
static const char candidate_end[] =
    "  params   integer,             -- trained scalars; costs are null where nobody knows them\n"
    "  bytes    integer,             -- of the weights in fp32\n"
    "  macs     integer,             -- of one example\n"
    "  memory   integer,             -- peak bytes of activations, one example\n"
    "  origin   text not null,       -- how it was made\n"
    "  parent_a integer references trial (number),\n"
    "  parent_b integer references trial (number)\n"
    ") strict";
const char *const store__costs[] = {"params", "bytes", "macs", "memory", NULL};

static const char layer[] =
    "create table layer (            -- genes that differ from layer to layer\n"
    "  candidate integer not null references candidate (id),\n"
    "  position  integer not null,   -- from 0, nearest to the input\n"
    "  heads     integer not null,\n"
    "  ffn       integer not null,   -- hidden width\n"
    "  primary key (candidate, position)\n"
    ") strict, without rowid";

static const char gene[] = "create table gene (             -- of spaces of the user's own genes\n"
                           "  candidate integer not null references candidate (id),\n"
                           "  name      text not null,\n"
                           "  position  integer not null,   -- in a list, from 0\n"
                           "  value     any not null,       -- a number where the choice is one\n"
                           "  primary key (candidate, name, position)\n"
                           ") strict, without rowid";

static const char trial[] =
    "create table trial (            -- one distillation run of a candidate\n"
    "  number     integer primary key check (number >= 0),\n"
    "  candidate  integer not null references candidate (id),\n"
    "  rung       integer not null references rung (number),\n"
    "  seed       integer not null,  -- unsigned: printf('%u', seed)\n"
    "  inherits   integer references trial (number), -- it starts from the weights of\n"
    "  state      text not null check (state in\n"
    "               ('proposed', 'running', 'done', 'committed', 'failed')),\n"
    "  attempt    integer not null default 0, -- evaluations that failed; interrupted ones aside\n"
    "  error_kind text,\n"
    "  error      text,\n"
    "  replicate  integer not null default 0 check (replicate >= 0), -- 1, 2, ..: other seeds\n"
    "  unique (candidate, rung, seed),\n"
    "  check (state in ('done', 'failed') or error_kind is null),\n"
    "  check (state <> 'failed' or error_kind is not null)\n"
    ") strict";

static const char trial_open[] = "create index trial_open on trial (number)\n"
                                 "  where state not in ('committed', 'failed')";
static const char trial_state[] = "create index trial_state on trial (state, rung)";
const char store__trial_moves[] =
    "create trigger trial_moves before update of state on trial\n"
    "when old.state || '>' || new.state not in ('proposed>running', 'running>proposed',\n"
    "  'running>done', 'done>committed', 'done>failed')\n"
    "begin\n"
    "  select raise(abort, 'a trial goes proposed, running, done, then committed or failed');\n"
    "end";

static const char execution[] =
    "create table execution (        -- when and where a trial ran; several when interrupted\n"
    "  id       integer primary key,\n"
    "  trial    integer not null references trial (number),\n"
    "  attempt  integer not null,    -- 1, 2, ... of this trial, interrupted ones included\n"
    "  host     integer not null references host (id),\n"
    "  worker   integer not null,\n"
    "  started  text not null,\n"
    "  finished text,                -- null while running, or when the program died\n"
    "  seconds  real,\n"
    "  outcome  text not null check (outcome in ('running', 'done', 'failed', 'interrupted')),\n"
    "  program  integer references program (id) -- null: not kept, by an earlier version\n"
    ") strict";
static const char execution_trial[] = "create index execution_trial on execution (trial)";
static const char execution_finished[] = "create index execution_finished on execution (finished)";

static const char metric[] =
    "create table metric (           -- on the validation split; latency in ms\n"
    "  trial  integer not null references trial (number),\n"
    "  name   text not null,\n"
    "  value  real,                  -- null: not a finite number\n"
    "  stderr real,                  -- standard error\n"
    "  primary key (trial, name)\n"
    ") strict, without rowid";
static const char metric_value[] = "create index metric_value on metric (name, value)";

static const char prediction[] = "create table prediction (       -- what the surrogate expected "
                                 "of a trial when it was proposed\n"
                                 "  trial  integer not null references trial (number),\n"
                                 "  name   text not null,         -- of a measured objective\n"
                                 "  mean   real not null,\n"
                                 "  sd     real not null,         -- standard deviation\n"
                                 "  primary key (trial, name)\n"
                                 ") strict, without rowid";

static const char curve[] = "create table curve (            -- while training\n"
                            "  trial  integer not null references trial (number),\n"
                            "  name   text not null,\n"
                            "  step   integer not null,\n"
                            "  value  real,\n"
                            "  primary key (trial, name, step)\n"
                            ") strict, without rowid";

static const char checkpoint[] =
    "create table checkpoint (       -- trained weights that were kept for children\n"
    "  trial integer primary key references trial (number),\n"
    "  file  text not null,          -- relative to the folder of this file\n"
    "  hash  text not null\n"
    ") strict";

/* The same in a file and, beside an older one, as temporary tables. */
static const char latency_block[] =
    "create table %s.latency_block (    -- one block of calls; times in nanoseconds a call\n"
    "  id          integer primary key,\n"
    "  candidate   integer not null references candidate (id),\n"
    "  trial       integer references trial (number), -- that it was part of; null: of none\n"
    "  host        integer not null references host (id),\n"
    "  threads     integer not null,\n"
    "  batch       integer not null, -- examples a call\n"
    "  calls       integer not null,\n"
    "  p10         real not null,\n"
    "  median      real not null,\n"
    "  p90         real not null,\n"
    "  before      real,             -- p10 of the reference network just before; null: not taken\n"
    "  after       real,             -- and just after\n"
    "  steal       real,             -- ms that the hypervisor gave to others; null: unknown\n"
    "  switches    integer,          -- times that the thread was made to wait; null: unknown\n"
    "  gated       integer not null check (gated in (0, 1)), -- all other workers stood still\n"
    "  concurrent  integer not null check (concurrent in (0, 1)), -- others trained meanwhile\n"
    "  measured_at text not null\n"
    ") strict";
static const char latency_block_of[] =
    "create index %s.latency_block_of on latency_block (candidate, host, threads, batch)";

static const char latency[] =
    "create table %s.latency (          -- what the blocks come to; times in nanoseconds a call\n"
    "  candidate   integer not null references candidate (id),\n"
    "  host        integer not null references host (id),\n"
    "  threads     integer not null,\n"
    "  batch       integer not null,\n"
    "  state       text not null check (state in\n"
    "                ('clear', 'estimated', 'single', 'predicted')),\n"
    "  value       real not null,\n"
    "  low         real,             -- 95 % interval; null: nobody knows\n"
    "  high        real,\n"
    "  median      real,             -- of the blocks' medians; null: not measured\n"
    "  p90         real,\n"
    "  blocks      integer not null,\n"
    "  clear       integer not null, -- of them: beside a reference at its best\n"
    "  weather     real,             -- the reference's time, as times its best\n"
    "  predicted   real,             -- by the linear model of this host; null: too few measured\n"
    "  metric      text,             -- that its trials have it as; null: none, as of other hosts\n"
    "  measured_at text not null,    -- the last block\n"
    "  primary key (candidate, host, threads, batch)\n"
    ") strict, without rowid";

static const char repeated[] =
    "create table %s.repeated (         -- what the seeds of a candidate that was repeated come "
    "to\n"
    "  trial  integer not null references trial (number), -- its first, whose own is in metric\n"
    "  name   text not null,\n"
    "  value  real,                  -- the mean; null: not a finite number\n"
    "  stderr real,                  -- of that mean, from the spread between seeds\n"
    "  seeds  integer not null,\n"
    "  primary key (trial, name)\n"
    ") strict, without rowid";

static const char front[] = "create table front (            -- trials that no other dominates\n"
                            "  trial       integer primary key references trial (number),\n"
                            "  probability real              -- that none does, by the spread "
                            "between seeds; null: unknown\n"
                            ") strict";

static const char front_history[] =
    "create table front_history (    -- the front after each trial, in order of number\n"
    "  trial       integer primary key references trial (number),\n"
    "  size        integer not null,\n"
    "  hypervolume real              -- 0 to 1; null before it is defined\n"
    ") strict";

static const char distillation[] =
    "create table distillation (     -- one run of retort distill: the full recipe\n"
    "  id        integer primary key,\n"
    "  candidate integer not null references candidate (id),\n"
    "  host      integer not null references host (id),\n"
    "  steps     integer not null,\n"
    "  batch     integer not null,\n"
    "  seed      integer not null,   -- unsigned: printf('%u', seed)\n"
    "  seconds   real not null,      -- of training\n"
    "  weights   text not null,      -- path of the file as given; '' for none\n"
    "  finished  text not null,\n"
    "  program   integer references program (id) -- null: not kept, by an earlier version\n"
    ") strict";

static const char distillation_metric[] =
    "create table distillation_metric ( -- on the test file\n"
    "  distillation integer not null references distillation (id),\n"
    "  name         text not null,\n"
    "  value        real,            -- null: not a finite number\n"
    "  stderr       real,            -- standard error\n"
    "  primary key (distillation, name)\n"
    ") strict, without rowid";

static const char gate[] =
    "create table gate (             -- what the study asks of a distilled student\n"
    "  distillation integer not null references distillation (id),\n"
    "  name         text not null,   -- a key of the study's gates\n"
    "  wanted       real not null,   -- at least\n"
    "  value        real,            -- as measured\n"
    "  passed       integer not null check (passed in (0, 1)),\n"
    "  primary key (distillation, name)\n"
    ") strict, without rowid";

static const char confirmation[] =
    "create table %s.confirmation (     -- full runs of the front and of controls: what short "
    "runs\n"
    "                                -- were worth\n"
    "  number    integer primary key, -- from 0, as planned\n"
    "  candidate integer not null references candidate (id),\n"
    "  role      text not null check (role in ('front', 'control')), -- when it was planned\n"
    "  stratum   integer,            -- of a control, by cost; null: of the front\n"
    "  seed      integer not null,   -- unsigned: printf('%u', seed)\n"
    "  steps     integer not null,\n"
    "  batch     integer not null,\n"
    "  recipe    text not null,      -- hash of the full recipe\n"
    "  state     text not null check (state in ('planned', 'done', 'failed')),\n"
    "  error     text,\n"
    "  unique (candidate, seed, recipe)\n"
    ") strict";

static const char confirmation_metric[] =
    "create table %s.confirmation_metric (\n"
    "  confirmation integer not null references confirmation (number),\n"
    "  split        text not null check (split in ('validation', 'test')),\n"
    "  name         text not null,\n"
    "  value        real,            -- null: not a finite number\n"
    "  stderr       real,            -- standard error\n"
    "  primary key (confirmation, split, name)\n"
    ") strict, without rowid";

static const char confirmation_curve[] =
    "create table %s.confirmation_curve ( -- while training\n"
    "  confirmation integer not null references confirmation (number),\n"
    "  name         text not null,\n"
    "  step         integer not null,\n"
    "  value        real,\n"
    "  primary key (confirmation, name, step)\n"
    ") strict, without rowid";

static const char confirmation_run[] =
    "create table %s.confirmation_run ( -- when and where\n"
    "  confirmation integer primary key references confirmation (number),\n"
    "  host         integer not null references host (id),\n"
    "  program      integer references program (id),\n"
    "  worker       integer not null,\n"
    "  finished     text not null,\n"
    "  seconds      real             -- of training\n"
    ") strict";

static const char event[] =
    "create table event (            -- what happened; rows only ever added\n"
    "  id    integer primary key,\n"
    "  at    text not null,\n"
    "  kind  text not null,\n"
    "  trial integer references trial (number),\n"
    "  text  text not null\n"
    ") strict";
static const char event_keep[] = "create trigger event_keep before update on event\n"
                                 "begin select raise(abort, 'events are never changed'); end";
static const char event_stay[] = "create trigger event_stay before delete on event\n"
                                 "begin select raise(abort, 'events are never deleted'); end";

static const char *const tables[] = {study,
                                     objective,
                                     start,
                                     rung,
                                     host,
                                     teacher,
                                     teacher_metric,
                                     teacher_agreement,
                                     layer,
                                     gene,
                                     trial,
                                     trial_open,
                                     trial_state,
                                     store__trial_moves,
                                     execution,
                                     execution_trial,
                                     execution_finished,
                                     metric,
                                     metric_value,
                                     prediction,
                                     curve,
                                     checkpoint,
                                     front,
                                     front_history,
                                     distillation,
                                     distillation_metric,
                                     gate,
                                     event,
                                     event_keep,
                                     event_stay};

/* A column for each gene that a student has once. */
static rt_status make_candidate(struct store *store, const struct space *space, struct rt_err *err)
{
    sqlite3_str *sql = sqlite3_str_new(store->db);
    const char *remark = " -- genes of a student; all others stand in layer";

    sqlite3_str_appendall(sql, candidate);
    for (int g = 0; g < store__gene_count(space); g++) {
        char column[STORE_NAME + 12];
        snprintf(column, sizeof column, "%-8s integer,", store__gene_name(space, g));
        sqlite3_str_appendf(sql, "  %s%*s%s\n", column, *remark ? 29 - (int)strlen(column) : 0, "",
                            remark);
        remark = "";
    }
    sqlite3_str_appendall(sql, candidate_end);
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory to make '%s'", store->path);
    const rt_status rc = store__execute(store, text, err);
    sqlite3_free(text);
    return rc;
}

rt_status store__make_tables(struct store *store, const struct space *space, struct rt_err *err)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        RT_TRY(store__execute(store, tables[i], err));
    RT_TRY(make_candidate(store, space, err));
    return store__make_new_tables(store, "main", STORE_OLDEST_SCHEMA, err);
}

/* The text with its one "%s" replaced. No format: what else it says may have a per cent sign. */
static void in_schema(const char *text, const char *where, char *sql, size_t room)
{
    const char *at = strstr(text, "%s.");

    assert(at);
    const int size = snprintf(sql, room, "%.*s%s%s", (int)(at - text), text, where, at + 2);
    assert(size < (int)room);
    (void)size;
}

rt_status store__make_new_tables(struct store *store, const char *where, int schema,
                                 struct rt_err *err)
{
    static const struct {
        int since;
        const char *text;
    } list[] = {{3, quantity},
                {3, series},
                {3, run},
                {4, program},
                {4, latency_block},
                {4, latency_block_of},
                {4, latency},
                {4, confirmation},
                {4, confirmation_metric},
                {4, confirmation_curve},
                {4, confirmation_run},
                {4, repeated}};

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char sql[2048];
        if (list[i].since <= schema)
            continue;
        in_schema(list[i].text, where, sql, sizeof sql);
        RT_TRY(store__execute(store, sql, err));
    }
    return RT_OK;
}
