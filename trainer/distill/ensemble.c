/* trainer/distill/ensemble.c -- see ensemble.h. */
#include "trainer/distill/ensemble.h"

#include <math.h>

#include "trainer/distill/soft_loss.h"

void tr_ensemble_mean_logits(const struct tr_distill *distill, const float *logits, int teachers,
                             int classes, double *out)
{
    for (int j = 0; j < classes; j++) {
        out[j] = 0;
        for (int k = 0; k < teachers; k++)
            out[j] += distill->weight[k] * (double)logits[k * classes + j];
    }
}

void tr_ensemble_target(const struct tr_distill *distill, const float *logits, int teachers,
                        int classes, double t, double *out)
{
    if (distill->combine == TR_COMBINE_LOGIT) {
        tr_ensemble_mean_logits(distill, logits, teachers, classes, out);
        tr_log_softmax(out, classes, t, out);
        for (int j = 0; j < classes; j++)
            out[j] = exp(out[j]);
        return;
    }
    for (int j = 0; j < classes; j++)
        out[j] = 0;
    for (int k = 0; k < teachers; k++) {
        const float *v = logits + k * classes;
        double top = (double)v[0], sum = 0;
        for (int j = 1; j < classes; j++)
            top = (double)v[j] > top ? (double)v[j] : top;
        for (int j = 0; j < classes; j++)
            sum += exp(((double)v[j] - top) / t);
        const double share = distill->weight[k] / sum;
        for (int j = 0; j < classes; j++)
            out[j] += share * exp(((double)v[j] - top) / t);
    }
}

void tr_ensemble_log_target(const struct tr_distill *distill, const float *logits, int teachers,
                            int classes, double t, double *log_out)
{
    if (distill->combine == TR_COMBINE_LOGIT || teachers == 1) {
        tr_ensemble_mean_logits(distill, logits, teachers, classes, log_out);
        tr_log_softmax(log_out, classes, t, log_out);
        return;
    }
    tr_ensemble_target(distill, logits, teachers, classes, t, log_out);
    for (int j = 0; j < classes; j++) /* at worst all teachers say 0: then ln of the least double */
        log_out[j] = log(log_out[j] > 0 ? log_out[j] : 0x1p-1022);
}
