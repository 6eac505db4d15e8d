/* search/protocol.c -- see protocol.h.
 *
 * Whatever an evaluator writes is checked before it is believed: an answer that is not what was asked
 * for costs an attempt, never the search.
 */
#include "search/protocol_internal.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "space/view.h"

char *search__json_line(json_t *object)
{
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;

    json_decref(object);
    if (!line)
        return NULL;
    const size_t length = strlen(line);
    char *ended = realloc(line, length + 2);
    if (!ended)
        free(line);
    else
        memcpy(ended + length, "\n", 2);
    return ended;
}

/* ---- requests ---- */

/* A number, true or false, as a study file has them, or a word. */
static json_t *value_json(const struct space *space, const struct space_arch *arch, int gene,
                          int layer, bool texts)
{
    struct space_value value;

    space_value_of(space, arch, gene, layer, &value);
    if (value.is != SPACE_WORD)
        return value.is == SPACE_WHOLE ? json_integer(value.whole) : json_real(value.real);
    if (!texts && (strcmp(value.text, "true") == 0 || strcmp(value.text, "false") == 0))
        return json_boolean(value.text[0] == 't');
    return json_string(value.text);
}

/* Its genes by name, lists as arrays with a value a layer. */
static json_t *arch_json(const struct space *space, const struct space_arch *arch, bool texts)
{
    json_t *object = json_object();

    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view gene;
        space_gene_of(space, g, &gene);
        json_t *list = gene.list ? json_array() : NULL;
        for (int l = 0; list && l < space_gene_length(space, arch, g); l++)
            json_array_append_new(list, value_json(space, arch, g, l, texts));
        json_object_set_new(object, gene.name, list ? list : value_json(space, arch, g, 0, texts));
    }
    return object;
}

/* The metrics that the search needs, each once; what costs are known exactly is none of them. */
static json_t *wanted_json(const struct space *space, const struct search_options *options,
                           const struct space_arch *arch)
{
    json_t *list = json_array(), *seen = json_object();

    for (int i = 0; i < options->objective_count + options->constraint_count; i++) {
        const char *name = i < options->objective_count
                               ? options->objectives[i]
                               : options->constraint[i - options->objective_count].metric;
        name += name[0] == '-';
        if (json_object_get(seen, name) ||
            (!space_has_costs(space) && !isnan(space_exact(space, arch, name))))
            continue;
        json_object_set_new(seen, name, json_true());
        json_array_append_new(list, json_string(name));
    }
    json_decref(seen);
    return list;
}

char *search_protocol_request(const struct space *space, const struct search_options *options,
                              const struct search_job *job, int attempt, bool texts)
{
    char text[SPACE_ARCH_TEXT];
    json_t *request;

    assert(attempt >= 1 && job->number >= 0);
    space_print(space, job->arch, text);
    request =
        json_pack("{s:I, s:i, s:o, s:s, s:i, s:I, s:I, s:o}", "trial", (json_int_t)job->number,
                  "attempt", attempt, "architecture", arch_json(space, job->arch, texts), "text",
                  text, "rung", job->rung, "budget", (json_int_t)job->budget, "seed",
                  (json_int_t)job->seed, "metrics", wanted_json(space, options, job->arch));
    if (request && job->replicate)
        json_object_set_new(request, "replicate", json_integer(job->replicate));
    if (request && job->inherits >= 0)
        json_object_set_new(request, "inherits", json_integer(job->inherits));
    return search__json_line(request);
}

/* ---- answers ---- */

__attribute__((format(printf, 2, 3))) static rt_status refuse(struct store_result *result,
                                                              const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(result->error, sizeof result->error, format, args);
    va_end(args);
    (void)snprintf(result->kind, sizeof result->kind, "garbage");
    return result->status = RT_EFORMAT;
}

/* Python writes NaN, Infinity and -Infinity, which no JSON has: null says the same here. */
static void null_nonfinite(char *line)
{
    static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
    bool quoted = false;

    for (char *c = line; *c; c++) {
        if (quoted && *c == '\\' && c[1])
            c++;
        else if (*c == '"')
            quoted = !quoted;
        for (int w = 0; w < 3 && !quoted; w++) {
            const size_t length = strlen(words[w]);
            if (strncmp(c, words[w], length) != 0)
                continue;
            memset(c, ' ', length);
            if (length >= 4)
                memcpy(c, "null", 4);
            else /* "NaN" is one short: a number that is none either */
                memcpy(c, "{} ", 3);
            c += length - 1;
            break;
        }
    }
}

static bool good_name(const char *name)
{
    const size_t length = strlen(name);

    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.", *c))
            return false;
    return length > 0 && length < STORE_NAME && !isdigit((unsigned char)name[0]);
}

/* Null and what stood for NaN are no finite numbers; false for what is no number at all. */
static bool number_of(const json_t *value, double *number)
{
    *number = json_is_number(value) ? json_number_value(value) : NAN;
    return json_is_number(value) || json_is_null(value) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static rt_status read_metrics(json_t *metrics, json_t *errors, struct store_result *result)
{
    const char *name;
    json_t *value;

    if (!json_is_object(metrics))
        return refuse(result, "the answer has neither \"metrics\" nor \"error\"");
    json_object_foreach(metrics, name, value)
    {
        struct store_value *v = &result->values[result->value_count];
        if (!good_name(name))
            return refuse(result, "the metric's name '%.60s' is none", name);
        if (result->value_count == SEARCH_ANSWER_METRICS)
            return refuse(result, "there are more than %d metrics", SEARCH_ANSWER_METRICS);
        *v = (struct store_value){.stderr_ = NAN};
        (void)snprintf(v->name, sizeof v->name, "%s", name);
        if (!number_of(value, &v->value))
            return refuse(result, "the metric '%s' is no number", name);
        value = json_object_get(errors, name);
        if (value && !number_of(value, &v->stderr_))
            return refuse(result, "the standard error of '%s' is no number", name);
        result->value_count++;
    }
    return RT_OK;
}

static rt_status read_series(const char *name, json_t *points, struct store_result *result)
{
    size_t at;
    json_t *point;

    if (!good_name(name) || !json_is_array(points))
        return refuse(result, "the curve '%.60s' is no list of [step, value]", name);
    json_array_foreach(points, at, point)
    {
        struct rt_curve_point *p = &result->curve[result->curve_count];
        const json_t *step = json_array_get(point, 0);
        if (!json_is_integer(step) || json_integer_value(step) < 0 ||
            json_integer_value(step) > INT32_MAX || !number_of(json_array_get(point, 1), &p->value))
            return refuse(result, "point %zu of the curve '%s' is no [step, value]", at, name);
        p->step = (int)json_integer_value(step);
        (void)snprintf(p->name, sizeof p->name, "%s", name);
        result->curve_count++;
    }
    return RT_OK;
}

static rt_status read_curve(json_t *curve, struct store_result *result)
{
    const char *name;
    json_t *points;
    size_t count = 0;

    if (!curve)
        return RT_OK;
    if (!json_is_object(curve))
        return refuse(result, "\"curve\" is no object of lists");
    json_object_foreach(curve, name, points)
    {
        count += json_array_size(points);
    }
    result->curve = calloc(count + 1, sizeof *result->curve);
    if (!result->curve)
        return refuse(result, "no memory for a curve of %zu points", count);
    json_object_foreach(curve, name, points)
    {
        RT_TRY(read_series(name, points, result));
    }
    return RT_OK;
}

/* A failure that the evaluator tells itself. */
static rt_status read_error(const json_t *answer, const json_t *error, struct store_result *result)
{
    const char *kind = json_string_value(json_object_get(answer, "kind"));

    if (!json_is_string(error) || (kind && !good_name(kind)))
        return refuse(result, "\"error\" is no text, or \"kind\" no word");
    result->status = RT_EIO;
    (void)snprintf(result->kind, sizeof result->kind, "%s", kind ? kind : "error");
    (void)snprintf(result->error, sizeof result->error, "%s", json_string_value(error));
    return RT_OK;
}

/* Attempts before this one, which a Retort elsewhere made: search_protocol_tell(). */
static rt_status read_history(const json_t *history, struct store_result *result)
{
    const json_t *notes = json_object_get(history, "notes"),
                 *retries = json_object_get(history, "retries"),
                 *resumed = json_object_get(history, "resumed"), *note;
    size_t at;

    if (!history)
        return RT_OK;
    if (!json_is_integer(retries) || json_integer_value(retries) < 0 ||
        json_integer_value(retries) > STORE_MAX_RETRIES ||
        (resumed && (!json_is_integer(resumed) || json_integer_value(resumed) < 0 ||
                     json_integer_value(resumed) > INT32_MAX)) ||
        json_array_size(notes) > STORE_MAX_RETRIES + 1)
        return refuse(result, "\"retort\" is no history of attempts");
    result->retries = (int)json_integer_value(retries);
    result->resumed = (int)json_integer_value(resumed); /* 0: it is not told */
    json_array_foreach(notes, at, note)
    {
        if (json_is_string(note) && !(result->note[at] = strdup(json_string_value(note))))
            return refuse(result, "no memory for the history of attempts");
    }
    return RT_OK;
}

static rt_status read_answer(json_t *answer, int64_t number, bool relayed,
                             struct store_result *result)
{
    const json_t *trial = json_object_get(answer, "trial"),
                 *error = json_object_get(answer, "error");

    if (!json_is_object(answer))
        return refuse(result, "the answer is no JSON object");
    if (!json_is_integer(trial) || json_integer_value(trial) != number)
        return refuse(result, "the answer does not say \"trial\": %lld", (long long)number);
    if (relayed)
        RT_TRY(read_history(json_object_get(answer, "retort"), result));
    if (error && !json_is_null(error))
        return read_error(answer, error, result);
    RT_TRY(read_metrics(json_object_get(answer, "metrics"), json_object_get(answer, "stderr"),
                        result));
    return read_curve(json_object_get(answer, "curve"), result);
}

static rt_status read_line(char *line, int64_t number, bool relayed, struct store_result *result)
{
    json_error_t why;
    json_t *answer;
    rt_status rc;

    assert(line && number >= 0 && result->status == RT_OK);
    assert(!result->value_count && !result->curve); /* of an attempt before */
    null_nonfinite(line);
    answer = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    if (!answer)
        return refuse(result, "the answer is no JSON (%s): %.100s", why.text, line);
    rc = read_answer(answer, number, relayed, result);
    json_decref(answer);
    return rc;
}

rt_status search_protocol_answer(char *line, int64_t number, struct store_result *result)
{
    return read_line(line, number, false, result);
}

rt_status search_protocol_relayed(char *line, int64_t number, struct store_result *result)
{
    return read_line(line, number, true, result);
}
