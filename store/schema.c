/* store/schema.c -- the text of the schema; docs/sql.md explains it.
 *
 * SQLite keeps the text word for word, comments too, so what stands here is what `.schema trial`
 * shows to a person; hence the layout. What depends on time or place (execution, latency, host,
 * event) is apart from what depends on the study alone (candidate, layer, trial, metric,
 * prediction, curve, front, front_history): the latter are equal for any number of workers and
 * after any crash.
 */
#include "store/store_internal.h"

static const char study[] =
    "create table study (            -- one row: what is searched\n"
    "  id       integer primary key check (id = 1),\n"
    "  name     text not null,\n"
    "  hash     text not null,       -- of all that decides the results\n"
    "  seed     integer not null,    -- unsigned: printf('%u', seed)\n"
    "  settings text not null check (json_valid(settings)), -- chosen at the start, kept since\n"
    "  yaml     text not null,       -- the study file, word for word\n"
    "  version  text not null,       -- of retort\n"
    "  created  text not null        -- UTC, as all times\n"
    ") strict";

static const char objective[] =
    "create table objective (        -- what is minimised\n"
    "  position integer primary key, -- from 0, as in the study file\n"
    "  name     text not null unique -- params, bytes, macs, memory: in candidate; else in metric\n"
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

static const char candidate[] =
    "create table candidate (        -- one architecture\n"
    "  id       integer primary key, -- in order of first proposal\n"
    "  arch     text not null unique,\n"
    "  depth    integer,             -- of a student, as the next seven; else null: see gene\n"
    "  width    integer,\n"
    "  head_dim integer,\n"
    "  patch    integer,\n"
    "  params   integer,             -- trained scalars\n"
    "  bytes    integer,             -- of the weights in fp32\n"
    "  macs     integer,             -- of one example\n"
    "  memory   integer,             -- peak bytes of activations, one example\n"
    "  origin   text not null,       -- how it was made\n"
    "  parent_a integer references trial (number),\n"
    "  parent_b integer references trial (number)\n"
    ") strict";

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
    "  unique (candidate, rung, seed),\n"
    "  check (state in ('done', 'failed') or error_kind is null),\n"
    "  check (state <> 'failed' or error_kind is not null)\n"
    ") strict";

static const char trial_open[] = "create index trial_open on trial (number)\n"
                                 "  where state not in ('committed', 'failed')";
static const char trial_state[] = "create index trial_state on trial (state, rung)";
static const char trial_moves[] =
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
    "  outcome  text not null check (outcome in ('running', 'done', 'failed', 'interrupted'))\n"
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

static const char latency[] =
    "create table latency (          -- one measurement of inference; times in nanoseconds\n"
    "  id          integer primary key,\n"
    "  trial       integer not null references trial (number),\n"
    "  candidate   integer not null references candidate (id),\n"
    "  host        integer references host (id),\n"
    "  batch       integer not null,\n"
    "  threads     integer not null,\n"
    "  warmup      integer not null,\n"
    "  samples     integer not null,\n"
    "  median      real not null,\n"
    "  mad         real not null,    -- median absolute deviation\n"
    "  p10         real not null,\n"
    "  p90         real not null,\n"
    "  concurrent  integer not null check (concurrent in (0, 1)), -- others trained meanwhile\n"
    "  measured_at text not null\n"
    ") strict";
static const char latency_trial[] = "create index latency_trial on latency (trial)";
static const char latency_candidate[] = "create index latency_candidate on latency (candidate)";

static const char front[] = "create table front (            -- trials that no other dominates\n"
                            "  trial integer primary key references trial (number)\n"
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
    "  finished  text not null\n"
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

static const char objective_values[] =
    "create view objective_values as -- one row a trial with results and objective\n"
    "select t.number as trial, o.position, o.name,\n"
    "  coalesce(case o.name when 'params' then c.params when 'bytes' then c.bytes\n"
    "    when 'macs' then c.macs when 'memory' then c.memory end, m.value) as value\n"
    "from trial t join candidate c on c.id = t.candidate cross join objective o\n"
    "  left join metric m on m.trial = t.number and m.name = o.name\n"
    "where t.state in ('done', 'committed') and t.error_kind is null\n"
    "order by t.number, o.position";

/* By which trials are ranked when one number has to do. */
#define FIRST_MEASURED                                                                             \
    "coalesce((select name from objective\n"                                                       \
    "    where name not in ('params', 'bytes', 'macs', 'memory') order by position limit 1),\n"    \
    "    'error')\n"

#define SCORES                                                                                     \
    "  e.value as error, e.stderr as error_stderr, k.value as kl, a.value as agreement,\n"         \
    "  l.value as latency, c.params, c.bytes, c.macs, c.memory,\n"                                 \
    "  c.depth, c.width, c.head_dim, c.patch, t.rung, t.candidate"
#define METRICS                                                                                    \
    "  left join metric e on e.trial = t.number and e.name = 'error'\n"                            \
    "  left join metric k on k.trial = t.number and k.name = 'kl'\n"                               \
    "  left join metric a on a.trial = t.number and a.name = 'agreement'\n"                        \
    "  left join metric l on l.trial = t.number and l.name = 'latency'\n"

/* CROSS JOIN keeps the order of the loops: the front first, then one look-up a member. */
static const char pareto[] =
    "create view pareto as           -- the front, best error first; latency in ms\n"
    "select f.trial, c.arch,\n" SCORES "\n"
    "from front f cross join trial t on t.number = f.trial\n"
    "  cross join candidate c on c.id = t.candidate\n" METRICS
    "order by e.value is null, e.value, k.value, c.params, f.trial";

/* Driven by metric_value, so that the first rows come without sorting them all. */
static const char leaderboard[] =
    "create view leaderboard as      -- trials of the highest rung reached, best by the first\n"
    "                                -- measured objective\n"
    "select t.number as trial, c.arch, s.name as by, s.value,\n" SCORES ",\n"
    "  exists (select 1 from front f where f.trial = t.number) as on_front\n"
    "from metric s cross join trial t on t.number = s.trial\n"
    "  cross join candidate c on c.id = t.candidate\n" METRICS "where s.name = " FIRST_MEASURED
    "  and s.value is not null and t.state = 'committed'\n"
    "  and t.rung = (select max(rung) from trial where state = 'committed')\n"
    "order by s.value, t.number";

static const char progress[] =
    "create view progress as         -- one row\n"
    "select s.name as study,\n"
    "  (select count(*) from trial where state = 'committed') as committed,\n"
    "  (select count(*) from trial where state = 'failed') as failed,\n"
    "  (select count(*) from trial where state = 'done') as done,\n"
    "  (select count(*) from trial where state = 'running') as running,\n"
    "  (select count(*) from trial where state = 'proposed') as proposed,\n"
    "  (select count(*) from candidate) as candidates,\n"
    "  (select count(*) from front) as front_size,\n"
    "  (select hypervolume from front_history order by trial desc limit 1) as hypervolume,\n"
    "  (select started from execution order by id limit 1) as started,\n"
    "  (select max(finished) from execution) as last_finished,\n"
    "  (select (count(*) - 1) / nullif((max(julianday(finished)) - min(julianday(finished))) * "
    "24,\n"
    "      0) from (select finished from execution where finished is not null\n"
    "      order by finished desc limit 50)) as trials_per_hour, -- of the last 50\n"
    "  (select avg(seconds) from (select seconds from execution where finished is not null\n"
    "      order by finished desc limit 50)) as seconds_per_trial\n"
    "from study s";

static const char rung_pairs[] =
    "create view rung_pairs as       -- one student at two rungs, by the first measured objective\n"
    "select t.rung, t.candidate, t.number as trial, u.number as next_trial,\n"
    "  a.name as by, a.value, b.value as next_value\n"
    "from trial u join trial t\n"
    "    on t.candidate = u.candidate and t.rung = u.rung - 1 and t.seed = u.seed\n"
    "  join metric a on a.trial = t.number and a.name = " FIRST_MEASURED
    "  join metric b on b.trial = u.number and b.name = a.name\n"
    "where u.state = 'committed' and a.value is not null and b.value is not null\n"
    "order by t.rung, u.number";

/* Kendall's tau-b compares all pairs of the latest 500, which takes a tenth of a second a rung. */
static const char rungs[] =
    "create view rungs as            -- one row a rung; how well it foretells the next\n"
    "with latest as materialized (\n"
    "  select * from (select p.*, row_number() over (partition by rung\n"
    "    order by next_trial desc) as age from rung_pairs p) where age <= 500),\n"
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
    "  (select avg(x.seconds) from trial t join execution x on x.trial = t.number\n"
    "    where t.state = 'committed' and t.rung = r.number and x.outcome = 'done')\n"
    "    as seconds_per_trial,\n"
    "  b.pairs, t.tau_b, b.best_third_kept\n"
    "from rung r left join both b on b.rung = r.number left join tau t on t.rung = r.number\n"
    "order by r.number";

static const char calibration[] =
    "create view calibration as      -- how right the surrogate was, one row an objective\n"
    "with pair as materialized (\n"
    "  select p.name, p.trial, p.mean, p.sd, m.value,\n"
    "    row_number() over (partition by p.name order by p.trial desc) as age\n"
    "  from prediction p join metric m on m.trial = p.trial and m.name = p.name\n"
    "  where m.value is not null),\n"
    "tau as (select a.name, sum(sign(a.mean - b.mean) * sign(a.value - b.value))\n"
    "    / nullif(sqrt(1.0 * sum(a.mean <> b.mean) * sum(a.value <> b.value)), 0) as tau_b\n"
    "  from pair a join pair b on b.name = a.name and b.trial < a.trial\n"
    "  where a.age <= 500 and b.age <= 500 group by a.name)\n"
    "select p.name, count(*) as trials, avg(abs(p.value - p.mean) <= p.sd) as within_1_sd,\n"
    "  avg(abs(p.value - p.mean) <= 2 * p.sd) as within_2_sd,\n"
    "  sqrt(avg((p.value - p.mean) * (p.value - p.mean))) as rms_error, t.tau_b\n"
    "from pair p left join tau t on t.name = p.name\n"
    "  left join objective o on o.name = p.name\n"
    "group by p.name order by o.position";

static const char failures[] =
    "create view failures as         -- trials that failed, and why\n"
    "select t.number as trial, c.arch, t.rung, t.error_kind, t.error, h.host, x.worker,\n"
    "  x.finished, x.seconds, c.params, c.memory\n"
    "from trial t join candidate c on c.id = t.candidate\n"
    "  left join execution x on x.trial = t.number and x.outcome = 'failed'\n"
    "  left join host h on h.id = x.host\n"
    "where t.state = 'failed' or (t.state = 'done' and t.error_kind is not null)\n"
    "order by t.number";

static const char learning_curves[] =
    "create view learning_curves as\n"
    "select u.trial, c.arch, u.name, u.step, u.value,\n"
    "  exists (select 1 from front f where f.trial = u.trial) as on_front, t.rung\n"
    "from curve u join trial t on t.number = u.trial join candidate c on c.id = t.candidate\n"
    "order by u.trial, u.name, u.step";

static const char hypervolume[] =
    "create view hypervolume as      -- how the front grew, trial by trial\n"
    "select h.trial, h.size, h.hypervolume, x.finished\n"
    "from front_history h\n"
    "  left join execution x on x.trial = h.trial and x.outcome in ('done', 'failed')\n"
    "order by h.trial";

#define TEST(which, called)                                                                        \
    "  (select m.value from distillation_metric m\n"                                               \
    "    where m.distillation = d.id and m.name = '" which "') as " called ",\n"
static const char distillations[] =
    "create view distillations as    -- students by the full recipe, on the test file; newest "
    "first\n"
    "select d.id, c.arch, d.steps, c.params,\n" TEST(
        "error",
        "error") "  (select m.stderr from distillation_metric m\n"
                 "    where m.distillation = d.id and m.name = 'error') as error_stderr,\n" TEST(
                     "ensemble_error", "ensemble_error") TEST("kl", "kl")
                     TEST("agreement", "agreement") TEST("accuracy_retention", "accuracy_retention")
                         TEST("params_reduction", "params_reduction")
                             TEST("bytes_reduction", "bytes_reduction")
                                 TEST("compression_ratio",
                                      "compression_ratio") "  (select count(*) from gate g where "
                                                           "g.distillation = d.id) as gates,\n"
                                                           "  (select count(*) from gate g where "
                                                           "g.distillation = d.id and g.passed) as "
                                                           "gates_passed,\n"
                                                           "  d.candidate, d.weights, d.finished\n"
                                                           "from distillation d join candidate c "
                                                           "on c.id = d.candidate\n"
                                                           "order by d.id desc";

const char *const store__schema[] = {study,
                                     objective,
                                     start,
                                     rung,
                                     host,
                                     teacher,
                                     teacher_metric,
                                     teacher_agreement,
                                     candidate,
                                     layer,
                                     gene,
                                     trial,
                                     trial_open,
                                     trial_state,
                                     trial_moves,
                                     execution,
                                     execution_trial,
                                     execution_finished,
                                     metric,
                                     metric_value,
                                     prediction,
                                     curve,
                                     checkpoint,
                                     latency,
                                     latency_trial,
                                     latency_candidate,
                                     front,
                                     front_history,
                                     distillation,
                                     distillation_metric,
                                     gate,
                                     event,
                                     event_keep,
                                     event_stay,
                                     objective_values,
                                     pareto,
                                     leaderboard,
                                     progress,
                                     rung_pairs,
                                     rungs,
                                     calibration,
                                     failures,
                                     learning_curves,
                                     hypervolume,
                                     distillations,
                                     NULL};
