/* bench/search/table.h -- what training did to every member of a small space, by budget.
 *
 * File     table.csv, made by table.py from the stores of searches that tried everything: one row
 *          an architecture with arch, params, macs, latency_ms, and for each budget of so many
 *          steps error_<steps>, kl_<steps> and curve_<steps>, a few values of the training
 *          cross-entropy over the run.
 */
#ifndef BENCH_SEARCH_TABLE_H
#define BENCH_SEARCH_TABLE_H
#include "bench/search/problem.h"

/* Budgets, table and front of the problem; RT_EFORMAT when the file is not of this space. */
rt_status bench_table_open(struct bench_problem *problem, struct rt_err *err);
void bench_table_close(struct bench_table *table);
double bench_table_error(const struct bench_problem *problem, const struct space_arch *arch,
                         int rung);
#endif
