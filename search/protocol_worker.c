/* search/protocol_worker.c -- the other side of protocol.h: jobs are read, results are told.
 *
 * 17 digits name a double exactly, so a trial that ran in another process leaves the same rows.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/protocol_internal.h"

/* ---- jobs ---- */

rt_status search_protocol_job(const char *line, const struct space *space, struct search_job *job,
                              struct space_arch *arch, struct rt_err *err)
{
    json_int_t trial, budget, seed, inherits = -1;
    int rung, replicate = 0;
    const char *text;
    json_error_t why;
    json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    rt_status rc;

    if (!request)
        return rt_fail(err, RT_EFORMAT, "the job is no JSON (%s): %.100s", why.text, line);
    if (json_unpack_ex(request, &why, 0, "{s:I, s:s, s:i, s:I, s:I, s?i, s?I}", "trial", &trial,
                       "text", &text, "rung", &rung, "budget", &budget, "seed", &seed, "replicate",
                       &replicate, "inherits", &inherits))
        rc = rt_fail(err, RT_EFORMAT, "the job is incomplete: %s", why.text);
    else if (trial < 0 || rung < 0 || rung >= STORE_MAX_RUNGS || budget < 0 || budget > INT32_MAX ||
             replicate < 0 || inherits < -1 || inherits >= trial)
        rc = rt_fail(err, RT_EFORMAT, "a number of the job is out of range: %.200s", line);
    else if ((rc = space_parse(space, text, arch, err)) == RT_OK)
        *job = (struct search_job){.number = trial,
                                   .arch = arch,
                                   .rung = rung,
                                   .budget = budget,
                                   .inherits = inherits,
                                   .seed = (uint64_t)seed,
                                   .replicate = replicate};
    json_decref(request);
    return rc;
}

/* ---- results ---- */

/* JSON has no numbers that are not finite. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *failure(const struct store_result *result)
{
    const char *kind = result->kind[0] ? result->kind : rt_status_kind(result->status);
    json_t *error = json_string(result->error);

    return json_pack("{s:o, s:s}", "error", error ? error : json_string("not told in UTF-8"),
                     "kind", kind);
}

/* Its points series by series, each in its order. */
static json_t *curves(const struct store_result *result)
{
    json_t *all = json_object();

    for (int i = 0; i < result->curve_count; i++) {
        const struct rt_curve_point *p = &result->curve[i];
        json_t *series = json_object_get(all, p->name);
        if (!series) {
            series = json_array();
            json_object_set_new(all, p->name, series);
        }
        json_array_append_new(series, json_pack("[i, o]", p->step, number(p->value)));
    }
    return all;
}

static json_t *success(const struct store_result *result)
{
    json_t *metrics = json_object(), *errors = json_object();

    for (int i = 0; i < result->value_count; i++) {
        const struct store_value *v = &result->values[i];
        json_object_set_new(metrics, v->name, number(v->value));
        if (isfinite(v->stderr_))
            json_object_set_new(errors, v->name, number(v->stderr_));
    }
    return json_pack("{s:o, s:o, s:o}", "metrics", metrics, "stderr", errors, "curve",
                     curves(result));
}

/* What became of the attempts before, and of this one: for the search that has them done elsewhere. */
static json_t *history(const struct store_result *result)
{
    json_t *notes = json_array();
    int last = -1;

    for (int i = 0; i <= STORE_MAX_RETRIES; i++)
        last = result->note[i] ? i : last;
    for (int i = 0; i <= last; i++) {
        json_t *note = result->note[i] ? json_string(result->note[i]) : NULL;
        json_array_append_new(notes, note ? note : json_null());
    }
    return json_pack("{s:i, s:o, s:i}", "retries", result->retries, "notes", notes, "resumed",
                     result->resumed);
}

char *search_protocol_tell(int64_t number, const struct store_result *result)
{
    json_t *answer = result->status == RT_OK ? success(result) : failure(result);

    assert(number >= 0 && result->value_count <= SEARCH_ANSWER_METRICS);
    if (answer)
        json_object_set_new(answer, "trial", json_integer(number));
    if (answer && (result->retries || result->note[0] || result->resumed))
        json_object_set_new(answer, "retort", history(result));
    return search__json_line(answer);
}
