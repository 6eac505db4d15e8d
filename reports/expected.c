/* reports/expected.c -- expected.h. */
#include "reports/expected.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "base/rank_statistics.h"

enum { MOST_TOLD = 500 };

struct sums {
    double trials, within_1, within_2, squares;
    double mean[MOST_TOLD], value[MOST_TOLD];
};

static void add(struct sums *sums, double mean, double sd, double value)
{
    const double off = value - mean;

    if (sums->trials < MOST_TOLD) {
        sums->mean[(int)sums->trials] = mean;
        sums->value[(int)sums->trials] = value;
    }
    sums->trials++;
    sums->within_1 += fabs(off) <= sd;
    sums->within_2 += fabs(off) <= 2 * sd;
    sums->squares += off * off;
}

static struct report__expected conclude(const struct sums *sums, int quantity)
{
    const double n = sums->trials;

    return (struct report__expected){
        .quantity = quantity,
        .trials = n,
        .within_1_sd = sums->within_1 / n,
        .within_2_sd = sums->within_2 / n,
        .rms_error = sqrt(sums->squares / n),
        .tau_b = rt_tau_b(sums->mean, sums->value, NULL, (size_t)fmin(n, MOST_TOLD))};
}

rt_status report__expected_load(struct store *store, const struct report__quantities *quantities,
                                struct report__expected expected[STORE_MAX_OBJECTIVES], int *count,
                                struct rt_err *err)
{
    struct sums sums[STORE_MAX_OBJECTIVES] = {{0}};
    sqlite3_stmt *q = NULL;

    *count = 0;
    RT_TRY(report__ask(store, "select name, mean, sd, value from expectations", &q, err));
    while (report__next(q))
        for (int o = 0; o < quantities->objective_count; o++)
            if (strcmp(quantities->list[quantities->objective[o]].name, report__column(q, 0)) == 0)
                add(&sums[o], report__number(q, 1), report__number(q, 2), report__number(q, 3));
    RT_TRY(report__end(store, q, err));
    for (int o = 0; o < quantities->objective_count; o++)
        if (sums[o].trials > 0)
            expected[(*count)++] = conclude(&sums[o], quantities->objective[o]);
    return RT_OK;
}
