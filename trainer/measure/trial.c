/* trainer/measure/trial.c -- see trial.h. */
#include "trainer/measure/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "trainer/export/safetensors.h"
#include "trainer/learn/inherit.h"
#include "trainer/measure/evaluate.h"

void tr_curve_add(void *context, int step, const char *name, double value)
{
    struct tr_curve *curve = context;

    if (curve->count == curve->room) {
        const int room = curve->room ? 2 * curve->room : 256;
        void *more = realloc(curve->points, (size_t)room * sizeof *curve->points);
        if (!more) {
            curve->failed = true;
            return;
        }
        curve->points = more;
        curve->room = room;
    }
    struct rt_curve_point *point = &curve->points[curve->count++];
    point->step = step;
    point->value = value;
    snprintf(point->name, sizeof point->name, "%s", name);
}

void tr_curve_release(struct tr_curve *curve)
{
    free(curve->points);
    *curve = (struct tr_curve){0};
}

static struct tr_training training_of(const struct tr_trial *trial,
                                      const struct tr_student *student, struct tr_curve *curve)
{
    return (struct tr_training){
        .student = student,
        .data = trial->data,
        .recipe = trial->recipe,
        .seed = trial->seed,
        .lanes = 1,
        .threads = 1,
        .stop = trial->stop,
        .resume = trial->resume,
        .curve = tr_curve_add,
        .curve_context = curve,
    };
}

/* The hungriest of what comes one after the other. */
static size_t peak_bytes(const struct tr_trial *trial, const struct tr_student *student)
{
    const struct tr_training training = training_of(trial, student, NULL);
    const struct tr_donor *donor = trial->data->donor;
    const size_t each[] = {
        trial->recipe->init == TR_INIT_PRUNE && donor
            ? tr_inherit_bytes(student, &donor->network.student)
            : 0,
        tr_train_bytes(&training),
        tr_validation_bytes(student, trial->data, 1),
        trial->recipe->quantise != TR_QUANTISE_NONE
            ? tr_int8_trial_bytes(student, trial->data, trial->recipe, 1)
            : 0,
    };
    size_t most = 0;

    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        most = each[i] > most ? each[i] : most;
    return most;
}

rt_status tr_trial_bytes(const struct tr_trial *trial, size_t *bytes, struct rt_err *err)
{
    struct tr_student student;

    RT_TRY(tr_student_init(&student, trial->arch, trial->shape, trial->kernels, err));
    const struct tr_feed_kind *feed = trial->data->task->kind->feed;
    *bytes = trial->held + tr_weights_bytes(&student, true) + peak_bytes(trial, &student) +
             (feed ? feed->beside(trial->data->task) : 0);
    *bytes = *bytes > trial->apart ? *bytes : trial->apart;
    tr_student_release(&student);
    return RT_OK;
}

rt_status tr_trial_check(const struct tr_trial *trial, struct rt_err *err)
{
    char text[SPACE_ARCH_TEXT];
    size_t bytes;

    RT_TRY(tr_trial_bytes(trial, &bytes, err));
    if (!trial->memory_limit || bytes <= trial->memory_limit)
        return RT_OK;
    space_arch_print(trial->arch, text);
    return rt_fail(
        err, RT_ENOMEM,
        "training '%.160s' needs %zu bytes, more than search.worker_memory %zu; raise it "
        "or lower distill.micro_batch",
        text, bytes, trial->memory_limit);
}

static rt_status quantise(const struct tr_trial *trial, const struct tr_student *student,
                          const struct tr_weights *weights, struct tr_ranges *ranges,
                          struct tr_metrics *metrics, struct rt_err *err)
{
    static const char *const names[][2] = {{"error", "int8_error"}, {"kl", "int8_kl"}};
    struct tr_metrics int8 = {0};

    tr_metrics_add(metrics, "int8_bytes", (double)tr_int8_bytes(student), NAN);
    if (trial->recipe->quantise == TR_QUANTISE_NONE)
        return RT_OK;
    RT_TRY(tr_int8_ranges(student, weights, trial->data, trial->recipe, trial->seed, ranges, err));
    RT_TRY(tr_int8_evaluate(student, weights, ranges, trial->data, 1, &int8, err));
    if (!isfinite(tr_metrics_value(&int8, trial->data->task->label ? "nll" : "kl")))
        return rt_fail(err, RT_ENAN, "the trained student's outputs are not finite in int8");
    for (int i = 0; i < 2; i++) {
        const struct tr_metric *m = tr_metrics_find(&int8, names[i][0]);
        tr_metrics_add(metrics, names[i][1], m->value, m->error);
    }
    return RT_OK;
}

static rt_status save(const struct tr_trial *trial, const struct tr_student *student,
                      const struct tr_weights *weights, struct rt_err *err)
{
    char arch[SPACE_ARCH_TEXT];
    const struct tr_metadata metadata[] = {{"format", "retort"}, {"arch", arch}, {NULL, NULL}};

    space_arch_print(trial->arch, arch);
    return tr_safetensors_write(trial->save, student, weights->params, metadata, err);
}

static rt_status train_and_evaluate(const struct tr_trial *trial, const struct tr_student *student,
                                    const struct tr_lineage *lineage, struct tr_weights *weights,
                                    struct tr_trial_result *result, struct rt_err *err)
{
    struct tr_training training = training_of(trial, student, &result->curve);
    const int last = trial->recipe->steps - 1;
    struct tr_metrics *metrics = &result->metrics;
    struct tr_ranges ranges;

    training.lineage = lineage;
    tr_weights_pack(student, weights);
    training.ranges = &ranges;
    RT_TRY(tr_train(&training, weights, &result->summary, err));
    RT_TRY(tr_evaluate_validation(student, weights, trial->data, 1, metrics, err));
    if (!isfinite(tr_metrics_value(metrics, trial->data->task->label ? "nll" : "kl")))
        return rt_fail(err, RT_ENAN, "the trained student's outputs are not finite");
    RT_TRY(tr_evaluate_acting(student, weights, trial->data, false, metrics, err));
    if (trial->recipe->init == TR_INIT_PRUNE)
        tr_metrics_add(metrics, "inherited",
                       (double)lineage->inherited / (double)student->param_count, NAN);
    RT_TRY(quantise(trial, student, weights, &ranges, metrics, err));
    tr_curve_add(&result->curve, last, "validation_error", tr_metrics_value(metrics, "error"));
    if (trial->data->task->kind->act)
        tr_curve_add(&result->curve, last, "return", tr_metrics_value(metrics, "return"));
    if (trial->data->knowledge)
        tr_curve_add(&result->curve, last, "validation_kl", tr_metrics_value(metrics, "kl"));
    if (result->curve.failed)
        return rt_fail(err, RT_ENOMEM, "no memory for the learning curve");
    return trial->save ? save(trial, student, weights, err) : RT_OK;
}

rt_status tr_trial_run(const struct tr_trial *trial, struct tr_trial_result *result,
                       struct rt_err *err)
{
    const struct tr_donor *donor = trial->recipe->init == TR_INIT_PRUNE ? trial->data->donor : NULL;
    struct tr_network net;
    struct tr_lineage lineage = {0};
    rt_status rc;

    *result = (struct tr_trial_result){0};
    RT_TRY(tr_trial_check(trial, err));
    RT_TRY(tr_network_open(&net, trial->arch, trial->shape, trial->kernels, TR_NETWORK_TRAIN, err));
    rc = tr_donor_start(donor, &net.student, trial->seed, net.weights.params, &lineage, err);
    if (rc == RT_OK)
        rc = train_and_evaluate(trial, &net.student, &lineage, &net.weights, result, err);
    tr_lineage_release(&lineage);
    tr_network_close(&net);
    return rc;
}
