/* store/trial_states.c -- a trial's way through its states; one transaction a step.
 *
 * The transitions are refused twice: here, with a message that says what the trial is, and by a
 * trigger in the schema, whoever writes. The list of runs in memory holds what the file cannot: a
 * monotonic start. It is changed only after the transaction went through.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "space/view.h"

/* ---- states ---- */

/* Why a step was refused: the trial is missing, or in another state. */
static rt_status fail_state(struct store *store, int64_t number, const char *wanted,
                            struct rt_err *err)
{
    static const char sql[] = "select state from trial where number = ?1";
    rt_status rc;
    sqlite3_stmt *q;

    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(number)), &q, err));
    switch (sqlite3_step(q)) {
    case SQLITE_ROW:
        rc = store__fail(store, err, "it is %.12s, not %s", sqlite3_column_text(q, 0), wanted);
        break;
    case SQLITE_DONE: rc = store__fail(store, err, "there is no such trial"); break;
    default: rc = store__fail_sql(store, err);
    }
    sqlite3_reset(q);
    return rc;
}

static rt_status move(struct store *store, int64_t number, const char *from, const char *to,
                      struct rt_err *err)
{
    static const char sql[] = "update trial set state = ?3 where number = ?1 and state = ?2";

    RT_TRY(store__run(store, sql, STORE_BINDS(STORE_INT(number), STORE_TXT(from), STORE_TXT(to)),
                      err));
    if (sqlite3_changes(store->db) == 1)
        return RT_OK;
    return fail_state(store, number, from, err);
}

/* ---- runs ---- */

static struct store_running *run_of(struct store *store, int64_t number)
{
    for (int i = 0; i < store->running_count; i++)
        if (store->running[i].number == number)
            return &store->running[i];
    return NULL;
}

static rt_status make_room(struct store *store, struct rt_err *err)
{
    if (store->running_count < store->running_room)
        return RT_OK;
    const int room = store->running_room ? 2 * store->running_room : 16;
    struct store_running *runs = realloc(store->running, (size_t)room * sizeof *runs);
    if (!runs)
        return rt_fail(err, RT_ENOMEM, "no memory to start a trial");
    store->running = runs;
    store->running_room = room;
    return RT_OK;
}

static void run_forget(struct store *store, int64_t number)
{
    struct store_running *run = run_of(store, number);
    if (run)
        *run = store->running[--store->running_count];
}

static rt_status finish_execution(struct store *store, int64_t number, const char *outcome,
                                  struct rt_err *err)
{
    static const char sql[] =
        "update execution set finished = ?2, seconds = ?3, outcome = ?4 where id = ?1";
    const struct store_running *run = run_of(store, number);
    char now[RT_UTC_TEXT];

    if (!run)
        return store__fail(store, err, "it was not started by this process");
    rt_utc_text(now);
    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(run->execution), STORE_TXT(now),
                                  STORE_NUM((double)(rt_now_ns() - run->started_ns) * 1e-9),
                                  STORE_TXT(outcome)),
                      err);
}

/* ---- propose ---- */

static rt_status insert_layers(struct store *store, const struct space_arch *a, int64_t candidate,
                               struct rt_err *err)
{
    static const char sql[] =
        "insert into layer (candidate, position, heads, ffn) values (?1, ?2, ?3, ?4)";

    for (int i = 0; i < a->depth; i++)
        RT_TRY(store__run(store, sql,
                          STORE_BINDS(STORE_INT(candidate), STORE_INT(i), STORE_INT(a->heads[i]),
                                      STORE_INT(a->ffn[i])),
                          err));
    return RT_OK;
}

static struct store_bind bind_of(const struct space_value *value)
{
    return value->is == SPACE_WHOLE  ? STORE_INT(value->whole)
           : value->is == SPACE_REAL ? STORE_NUM(value->real)
                                     : STORE_TXT(value->text);
}

static rt_status insert_genes(struct store *store, const struct store_proposal *p,
                              int64_t candidate, struct rt_err *err)
{
    static const char sql[] =
        "insert into gene (candidate, name, position, value) values (?1, ?2, ?3, ?4)";

    for (int g = 0; g < p->space->gene_count; g++)
        for (int l = 0; l < space_gene_length(p->space, p->arch, g); l++) {
            struct space_value value;
            space_value_of(p->space, p->arch, g, l, &value);
            RT_TRY(store__run(store, sql,
                              STORE_BINDS(STORE_INT(candidate), STORE_TXT(p->space->gene[g].name),
                                          STORE_INT(l), bind_of(&value)),
                              err));
        }
    return RT_OK;
}

static rt_status insert_genes_of(struct store *store, const struct store_proposal *p,
                                 int64_t candidate, struct rt_err *err)
{
    const struct space_cost *c = p->cost;
    sqlite3_str *sql = sqlite3_str_new(store->db);

    sqlite3_str_appendf(sql,
                        "update candidate set params = %lld, bytes = %lld, macs = %lld,"
                        " memory = %lld",
                        (long long)c->params, (long long)c->bytes, (long long)c->macs,
                        (long long)c->memory);
    for (int g = 0; g < store__gene_count(p->space); g++)
        sqlite3_str_appendf(sql, ", \"%w\" = %lld", store__gene_name(p->space, g),
                            (long long)store__gene_value(p->space, p->arch, g));
    sqlite3_str_appendf(sql, " where id = %lld", (long long)candidate);
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory to propose a trial");
    const rt_status rc = store__execute(store, text, err);
    sqlite3_free(text);
    RT_TRY(rc);
    return insert_layers(store, p->arch, candidate, err);
}

static rt_status insert_candidate(struct store *store, const struct store_proposal *p,
                                  const char *text, struct rt_err *err)
{
    static const char sql[] =
        "insert into candidate (arch, origin, parent_a, parent_b) values (?1, ?2, ?3, ?4)";

    RT_TRY(store__run(store, sql,
                      STORE_BINDS(STORE_TXT(text), STORE_TXT(p->origin), STORE_ID(p->parent_a),
                                  STORE_ID(p->parent_b)),
                      err));
    const int64_t candidate = sqlite3_last_insert_rowid(store->db);
    if (p->space && p->space->gene_count)
        return insert_genes(store, p, candidate, err);
    assert(p->cost);
    return insert_genes_of(store, p, candidate, err);
}

static rt_status insert_predictions(struct store *store, const struct store_proposal *p,
                                    struct rt_err *err)
{
    static const char sql[] =
        "insert into prediction (trial, name, mean, sd) values (?1, ?2, ?3, ?4)";

    for (int i = 0; i < p->prediction_count; i++)
        RT_TRY(store__run(store, sql,
                          STORE_BINDS(STORE_INT(p->number), STORE_TXT(p->prediction[i].name),
                                      STORE_NUM(p->prediction[i].mean),
                                      STORE_NUM(p->prediction[i].sd)),
                          err));
    return RT_OK;
}

static rt_status propose(struct store *store, const struct store_proposal *p, struct rt_err *err)
{
    static const char next[] = "select max(number) + 1 from trial";
    static const char find[] = "select id from candidate where arch = ?1";
    static const char tried[] =
        "select number from trial where candidate = ?1 and rung = ?2 and seed = ?3";
    static const char insert[] =
        "insert into trial (number, candidate, rung, seed, inherits, state, replicate)"
        " values (?1, (select id from candidate where arch = ?2), ?3, ?4, ?5, 'proposed', ?6)";
    char text[SPACE_ARCH_TEXT];
    int64_t want, candidate, other = -1;

    if (p->space)
        space_print(p->space, p->arch, text);
    else
        space_arch_print(p->arch, text);
    RT_TRY(store__integer(store, next, NULL, 0, 0, &want, err));
    if (p->number != want)
        return store__fail(store, err, "the next trial is number %" PRId64, want);
    RT_TRY(store__integer(store, find, STORE_BINDS(STORE_TXT(text)), -1, &candidate, err));
    if (candidate < 0)
        RT_TRY(insert_candidate(store, p, text, err));
    else
        RT_TRY(store__integer(
            store, tried, STORE_BINDS(STORE_INT(candidate), STORE_INT(p->rung), STORE_INT(p->seed)),
            -1, &other, err));
    if (other >= 0)
        return store__fail(store, err, "trial %" PRId64 " has the same architecture, rung and seed",
                           other);
    RT_TRY(
        store__run(store, insert,
                   STORE_BINDS(STORE_INT(p->number), STORE_TXT(text), STORE_INT(p->rung),
                               STORE_INT(p->seed), STORE_ID(p->inherits), STORE_INT(p->replicate)),
                   err));
    return insert_predictions(store, p, err);
}

rt_status store_trial_propose(struct store *store, const struct store_proposal *proposal,
                              struct rt_err *err)
{
    assert(proposal->arch && proposal->origin && proposal->rung >= 0);
    assert(proposal->prediction_count <= STORE_MAX_OBJECTIVES);
    RT_TRY(store__begin(store, err, "propose trial %" PRId64, proposal->number));
    return store__end(store, propose(store, proposal, err), err);
}

/* ---- start and interrupt ---- */

static rt_status start(struct store *store, int64_t number, int64_t host, int worker,
                       int64_t *execution, struct rt_err *err)
{
    static const char sql[] =
        "insert into execution (trial, attempt, host, worker, started, outcome, program) values "
        "(?1,"
        " (select count(*) + 1 from execution where trial = ?1), ?2, ?3, ?4, 'running', ?5)";
    const int64_t maker = store->other_program ? store->other_program : store->program;
    char now[RT_UTC_TEXT];

    RT_TRY(make_room(store, err));
    RT_TRY(move(store, number, "proposed", "running", err));
    rt_utc_text(now);
    RT_TRY(store__run(store, sql,
                      STORE_BINDS(STORE_INT(number), STORE_INT(host), STORE_INT(worker),
                                  STORE_TXT(now), STORE_ID(maker > 0 ? maker : -1)),
                      err));
    *execution = sqlite3_last_insert_rowid(store->db);
    return RT_OK;
}

rt_status store_trial_start(struct store *store, int64_t number, int64_t host, int worker,
                            struct rt_err *err)
{
    int64_t execution = 0;

    RT_TRY(store__begin(store, err, "start trial %" PRId64, number));
    RT_TRY(store__end(store, start(store, number, host, worker, &execution, err), err));
    store->running[store->running_count++] = (struct store_running){number, execution, rt_now_ns()};
    return RT_OK;
}

static rt_status interrupt(struct store *store, int64_t number, const char *kind, const char *why,
                           struct rt_err *err)
{
    RT_TRY(move(store, number, "running", "proposed", err));
    RT_TRY(finish_execution(store, number, "interrupted", err));
    return store__event(store, kind, number, why, err);
}

rt_status store_trial_return(struct store *store, int64_t number, const char *kind, const char *why,
                             struct rt_err *err)
{
    RT_TRY(store__begin(store, err, "interrupt trial %" PRId64, number));
    RT_TRY(store__end(store, interrupt(store, number, kind, why, err), err));
    run_forget(store, number);
    return RT_OK;
}

static rt_status recover(struct store *store, struct rt_err *err)
{
    static const char event[] =
        "insert into event (at, kind, trial, text) select ?1, 'recovered', number,"
        " 'was running when the program died' from trial where state = 'running' order by number";
    static const char execution[] =
        "update execution set outcome = 'interrupted' where outcome = 'running'"
        " and trial in (select number from trial where state = 'running')";
    static const char trial[] = "update trial set state = 'proposed' where state = 'running'";
    static const char run[] = "update run set ending = 'killed' where ending is null";
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    RT_TRY(store__run(store, run, NULL, 0, err));
    RT_TRY(store__run(store, event, STORE_BINDS(STORE_TXT(now)), err));
    RT_TRY(store__run(store, execution, NULL, 0, err));
    return store__run(store, trial, NULL, 0, err);
}

rt_status store__recover(struct store *store, struct rt_err *err)
{
    RT_TRY(store__begin(store, err, "take up the study"));
    return store__end(store, recover(store, err), err);
}

/* ---- done ---- */

void store_result_release(struct store_result *result)
{
    free(result->curve);
    result->curve = NULL;
    result->curve_count = 0;
    free(result->block);
    result->block = NULL;
    result->block_count = 0;
    for (int i = 0; i <= STORE_MAX_RETRIES; i++) {
        free(result->note[i]);
        result->note[i] = NULL;
    }
}

static rt_status insert_values(struct store *store, int64_t number,
                               const struct store_result *result, struct rt_err *err)
{
    static const char metric[] = "insert or replace into metric (trial, name, value, stderr)"
                                 " values (?1, ?2, ?3, ?4)";
    static const char curve[] = "insert or replace into curve (trial, name, step, value)"
                                " values (?1, ?2, ?3, ?4)";

    for (int i = 0; i < result->value_count; i++) {
        const struct store_value *v = &result->values[i];
        RT_TRY(store__run(store, metric,
                          STORE_BINDS(STORE_INT(number), STORE_TXT(v->name), STORE_NUM(v->value),
                                      STORE_NUM(v->stderr_)),
                          err));
    }
    for (int i = 0; i < result->curve_count; i++) {
        const struct rt_curve_point *p = &result->curve[i];
        RT_TRY(store__run(store, curve,
                          STORE_BINDS(STORE_INT(number), STORE_TXT(p->name), STORE_INT(p->step),
                                      STORE_NUM(p->value)),
                          err));
    }
    return RT_OK;
}

/* Where the trial runs. */
static rt_status insert_latency(struct store *store, int64_t number,
                                const struct store_result *result, struct rt_err *err)
{
    static const char sql[] = "select host from execution where id = ?1";
    const struct store_running *run = run_of(store, number);
    int64_t host;

    assert(run);
    RT_TRY(store__integer(store, sql, STORE_BINDS(STORE_INT(run->execution)), -1, &host, err));
    return store__latency(store, number, host, result, err);
}

static rt_status insert_checkpoint(struct store *store, int64_t number,
                                   const struct store_checkpoint *c, struct rt_err *err)
{
    static const char sql[] =
        "insert or replace into checkpoint (trial, file, hash) values (?1, ?2, ?3)";

    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(number), STORE_TXT(c->file), STORE_TXT(c->hash)), err);
}

static rt_status insert_notes(struct store *store, int64_t number,
                              const struct store_result *result, struct rt_err *err)
{
    char text[64];

    (void)snprintf(text, sizeof text, "went on at step %d", result->resumed);
    if (result->resumed > 0)
        RT_TRY(store__event(store, "resumed", number, text, err));
    for (int i = 0; i <= STORE_MAX_RETRIES; i++)
        if (result->note[i])
            RT_TRY(store__event(store, "attempt", number, result->note[i], err));
    return RT_OK;
}

static rt_status done(struct store *store, int64_t number, const struct store_result *result,
                      struct rt_err *err)
{
    static const char failed[] =
        "update trial set error_kind = ?2, error = ?3, attempt = attempt + 1 where number = ?1";
    static const char retried[] = "update trial set attempt = attempt + ?2 where number = ?1";
    const bool good = result->status == RT_OK;
    const char *kind = result->kind[0] ? result->kind : rt_status_kind(result->status);

    if (result->status == RT_ESTOP)
        return store__fail(store, err, "it was stopped, which is an interruption");
    RT_TRY(move(store, number, "running", "done", err));
    RT_TRY(finish_execution(store, number, good ? "done" : "failed", err));
    RT_TRY(insert_notes(store, number, result, err));
    if (result->retries > 0)
        RT_TRY(store__run(store, retried,
                          STORE_BINDS(STORE_INT(number), STORE_INT(result->retries)), err));
    if (!good)
        return store__run(store, failed,
                          STORE_BINDS(STORE_INT(number), STORE_TXT(kind), STORE_TXT(result->error)),
                          err);
    RT_TRY(insert_values(store, number, result, err));
    if (result->latency_count)
        RT_TRY(insert_latency(store, number, result, err));
    if (result->has_checkpoint)
        RT_TRY(insert_checkpoint(store, number, &result->checkpoint, err));
    return RT_OK;
}

rt_status store_trial_done(struct store *store, int64_t number, const struct store_result *result,
                           struct rt_err *err)
{
    assert(result->value_count <= STORE_MAX_METRICS && result->retries <= STORE_MAX_RETRIES);
    assert(result->curve || !result->curve_count);
    RT_TRY(store__begin(store, err, "record trial %" PRId64, number));
    RT_TRY(store__end(store, done(store, number, result, err), err));
    run_forget(store, number);
    return RT_OK;
}

/* ---- commit ---- */

static rt_status commit(struct store *store, const struct store_commit *c, struct rt_err *err)
{
    static const char first[] =
        "select min(number) from trial where state not in ('committed', 'failed')";
    static const char failures[] =
        "select error_kind is not null from trial where number = ?1 and state = 'done'";
    int64_t next, failed;

    if (c->failed && c->enters_front)
        return store__fail(store, err, "a failed trial cannot enter the front");
    RT_TRY(store__integer(store, failures, STORE_BINDS(STORE_INT(c->number)), -1, &failed, err));
    if (failed < 0)
        return fail_state(store, c->number, "done", err);
    if (failed != c->failed)
        return store__fail(store, err, failed ? "it has failed" : "it has not failed");
    RT_TRY(store__integer(store, first, NULL, 0, -1, &next, err));
    if (next != c->number)
        return store__fail(store, err, "it is the turn of trial %" PRId64, next);
    RT_TRY(move(store, c->number, "done", failed ? "failed" : "committed", err));
    if (c->repeats && !failed)
        RT_TRY(store__repeated(store, c->number, err));
    return store__change_front(store, c, err);
}

rt_status store_trial_commit(struct store *store, const struct store_commit *c, struct rt_err *err)
{
    assert(c->front_size >= 0 && (c->removed || !c->removed_count));
    RT_TRY(store__begin(store, err, "commit trial %" PRId64, c->number));
    return store__end(store, commit(store, c, err), err);
}
