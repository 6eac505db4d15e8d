/* store/schema2.c -- from schema 2 to 3: what its numbers meant.
 *
 * Schema 2 said nowhere how its numbers are shown: all its studies were of images, or of a command
 * of the user's. What was known of them by name is kept here, and only here, as it was then. The
 * rows of a study (candidate, trial, metric, curve, ...) are the same in both schemas.
 */
#include "store/store_internal.h"

#include <string.h>

/* Settings name the kernels of a study that trains; a command's study has 'none'. Both insert into
 * the temporary tables where there are such. */
static const char quantities[] =
    "with known (place, name, title, label, unit, factor, digits, logarithmic, exact, best, detail)"
    " as (values"
    " (0, 'error', 'error', 'validation error', '%', 100.0, 2, 0, 0, 0.0, 0),"
    " (1, 'kl', 'KL', 'KL to the ensemble', '', 1.0, 4, 0, 0, 0.0, 1),"
    " (2, 'agreement', 'agreement', 'agreement with the ensemble', '%', 100.0, 2, 0, 0, null, 1),"
    " (3, 'int8_error', 'error in int8', 'validation error in int8', '%', 100.0, 2, 0, 0, 0.0, 4),"
    " (4, 'int8_kl', 'KL in int8', 'KL to the ensemble in int8', '', 1.0, 4, 0, 0, 0.0, 4),"
    " (5, 'latency', 'latency', 'latency', 'ms', 1.0, null, 1, 0, 0.0, 0),"
    " (6, 'params', 'params', 'parameters', '', 1.0, 0, 1, 1, null, 0),"
    " (7, 'bytes', 'bytes', 'bytes of the weights (fp32)', '', 1.0, 0, 1, 1, null, 1),"
    " (8, 'int8_bytes', 'bytes in int8', 'bytes of the weights in int8', '', 1.0, 0, 1, 1, null,"
    "  4),"
    " (9, 'macs', 'MACs', 'multiply-accumulates', '', 1.0, 0, 1, 1, null, 1),"
    " (10, 'memory', 'memory', 'peak activation bytes', '', 1.0, 0, 1, 1, null, 1),"
    " (11, 'nll', 'NLL', 'negative log-likelihood', '', 1.0, 4, 0, 0, 0.0, 2),"
    " (12, 'ece', 'ECE', 'expected calibration error', '', 1.0, 4, 0, 0, 0.0, 2),"
    " (13, 'accuracy_retention', 'accuracy kept', 'accuracy kept', '', 1.0, 4, 0, 0, null, 3),"
    " (14, 'params_reduction', 'fewer params', 'fewer parameters', '', 1.0, 4, 0, 0, null, 3),"
    " (15, 'bytes_reduction', 'fewer bytes', 'fewer bytes', '', 1.0, 4, 0, 0, null, 3),"
    " (16, 'compression_ratio', 'times smaller', 'times smaller', '', 1.0, 2, 0, 0, null, 3)),"
    " kind (command) as (select coalesce(json_extract(settings, '$.kernels') = 'none', 0)"
    "  from study)"
    " insert into quantity"
    " select row_number() over (order by place) - 1, name, title, label, unit, factor, digits,"
    "  logarithmic, exact, best, iif(detail = 4, 1, detail) from known, kind where not command"
    "  and (detail < 4 or name in (select name from objective))"
    " union all select o.position, o.name, o.name, o.name, '', 1.0, null,"
    "  coalesce(k.logarithmic, 0), coalesce(k.exact, 0), k.best, 0"
    "  from objective o left join known k on k.name = o.name, kind where command";

static const char curves[] =
    "insert into series values (0, 'ce', 'cross-entropy', 0), (1, 'soft', 'distillation loss', 0),"
    " (2, 'loss', 'loss that was minimised', 0), (3, 'validation_error', 'validation error', 0),"
    " (4, 'grad_norm', 'norm of the gradient', 0), (5, 'temperature', 'temperature', 1),"
    " (6, 'learning_rate', 'learning rate', 1),"
    " (7, 'ce_weight', 'weight of the cross-entropy', 1), (8, 'validation_kl', 'validation KL', 1)";

#define METHOD                                                                                     \
    "'Error, agreement and KL are taken on the validation split at temperature 1 after a short "   \
    "distillation run; ' || char(177) || ' is one standard error over its examples. The test "     \
    "split was not looked at.'"
/* task, noun and method of the study's row. */
#define COMMAND "coalesce(json_extract(settings, '$.kernels') = 'none', 0)"
#define TASK "iif(" COMMAND ", '', 'image')"
#define NOUN "iif(" COMMAND ", 'architecture', 'student')"
#define HOW "iif(" COMMAND ", 'All values are what the study''s own command answered.', " METHOD ")"

rt_status store__from_schema2(struct store *store, const char *where, struct rt_err *err)
{
    static const char add[] = "alter table study add column task text not null default '';"
                              "alter table study add column noun text not null default 'student';"
                              "alter table study add column method text not null default '';"
                              "update study set task = " TASK ", noun = " NOUN ", method = " HOW;
    static const char view[] = "create temp view study as select *, " TASK " as task, " NOUN
                               " as noun, " HOW " as method from main.study";

    RT_TRY(store__execute(store, quantities, err));
    RT_TRY(store__execute(store, curves, err));
    return store__execute(store, strcmp(where, "main") == 0 ? add : view, err);
}
