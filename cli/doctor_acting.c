/* cli/doctor_acting.c -- the part of `retort doctor` that looks at teachers who act: do they do better
 * than chance? One that reads observations as they are and was trained on normalised ones does not.
 */
#include <math.h>

#include "cli/doctor.h"
#include "trainer/task/policy/policy.h"

/* Mean of a - b over n pairs, and its standard error. */
static double difference(const double *a, const double *b, int n, double *se)
{
    double sum = 0, squares = 0;

    for (int i = 0; i < n; i++)
        sum += a[i] - b[i];
    const double mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (a[i] - b[i] - mean) * (a[i] - b[i] - mean);
    *se = n > 1 ? sqrt(squares / (n - 1) / n) : 0;
    return mean;
}

static double mean_of(const double *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

void doctor_acting(struct doctor *doctor, const struct study *study, const struct tr_task *task)
{
    const struct tr_policy_scores *scores = tr_policy_scores(task);
    const int n = scores->episodes;
    const double random = mean_of(scores->random, n);

    for (int k = 0; k < study->teachers.count; k++) {
        const double *member = scores->member + (ptrdiff_t)k * n;
        const char *name = study->teachers.teacher[k].name;
        double se;
        const double better = difference(member, scores->random, n, &se);
        if (better > 3 * se)
            doctor_say(doctor, VERDICT_OK, "teacher",
                       "'%s' returns %.5g, random actions %.5g, over %d starts", name,
                       mean_of(member, n), random, n);
        else
            doctor_say(doctor, VERDICT_WARN, "teacher",
                       "'%s' returns %.5g and plays like random actions, which return %.5g%s", name,
                       mean_of(member, n), random,
                       tr_policy_expert(task, k)->raw
                           ? ": its file lacks the statistics of observations (obs_mean, obs_var)"
                           : "");
    }
}
