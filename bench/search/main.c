/* bench/search/main.c -- the problems and Retort's search on them, for compare.py and for people.
 *
 *   bench_search list                  names and what they are
 *   bench_search info PROBLEM          JSON: genes, front, ideal, reference
 *   bench_search serve PROBLEM         a line of indices in; violation, new, trained, volume and
 *                                      the objectives out; an empty line begins a new run
 *   bench_search run PROBLEM [OPTION]  CSV: trial,volume of one search by Retort
 *   bench_search reported PROBLEM [OPTION]  CSV: the front that a search reports, by what its
 *                                      members are without noise
 *   bench_search propose PROBLEM [OPTION]  CPU time of proposals as trials grow; --trials: up to
 *   bench_search busy                  how busy 1000 simulated workers are, by the window
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/run.h"
#include "bench/search/simulate.h"

static int failed(const struct rt_err *err)
{
    fprintf(stderr, "bench_search: error: %s\n", err->text);
    return 1;
}

static int list(void)
{
    for (size_t i = 0; bench_names[i]; i++) {
        struct bench_problem p;
        struct rt_err err;
        if (bench_open(bench_names[i], &p, &err) != RT_OK)
            return failed(&err);
        printf("%-12s %s; front of %zu, volume %.17g\n", p.name, p.about, p.front_count, p.volume);
        bench_close(&p);
    }
    return 0;
}

static void print_row(const double *values, int count)
{
    putchar('[');
    for (int i = 0; i < count; i++)
        printf("%s%.17g", i ? ", " : "", values[i]);
    putchar(']');
}

static bool has_limits(const struct space_limits *limits)
{
    return limits->params || limits->bytes || limits->macs || limits->memory;
}

static int info(const struct bench_problem *p)
{
    struct bench_gene genes[BENCH_MAX_GENES];
    const int count = bench_genes(p, genes);
    const int m = p->objective_count;

    printf("{\"name\": \"%s\", \"about\": \"%s\",\n \"genes\": [", p->name, p->about);
    for (int i = 0; i < count; i++)
        printf("%s[\"%s\", %d]", i ? ", " : "", genes[i].name, genes[i].choices);
    printf("],\n \"objectives\": [");
    for (int i = 0; i < m; i++)
        printf("%s\"%s\"", i ? ", " : "", p->objectives[i]);
    printf("],\n \"ideal\": ");
    print_row(p->ideal, m);
    printf(", \"reference\": ");
    print_row(p->reference, m);
    printf(",\n \"limits\": %s", has_limits(&p->space.limits) ? "true" : "false");
    printf(",\n \"front\": [");
    for (size_t i = 0; i < p->front_count; i++) {
        printf("%s", i ? ",\n  " : "");
        print_row(p->front + i * (size_t)m, m);
    }
    printf("]}\n");
    return 0;
}

/* ---- serve ---- */

static bool read_line(FILE *in, int *index, int count, bool *again)
{
    char line[16 * BENCH_MAX_GENES], *at = line;

    if (!fgets(line, sizeof line, in))
        return false;
    *again = line[0] == '\n';
    for (int i = 0; i < count && !*again; i++) {
        char *end;
        index[i] = (int)strtol(at, &end, 10);
        if (end == at)
            index[i] = -1;
        at = end;
    }
    return true;
}

static rt_status answer(struct bench_score *score, const struct space_arch *arch,
                        struct rt_err *err)
{
    const struct bench_problem *p = score->problem;
    const double violation = bench_violation(p, arch);
    double objectives[STORE_MAX_OBJECTIVES];
    rt_status rc = RT_EEND;

    bench_evaluate(p, arch, -1, objectives);
    if (violation == 0)
        rc = bench_score_add(score, arch, objectives, err);
    if (rc != RT_OK && rc != RT_EEND)
        return rc;
    bench_measure(p, arch, -1, objectives);
    printf("%.17g %d %" PRId64 " %.17g", violation, rc == RT_OK, score->trained, score->volume);
    for (int i = 0; i < p->objective_count; i++)
        printf(" %.17g", objectives[i]);
    putchar('\n');
    fflush(stdout);
    return RT_OK;
}

static int serve(const struct bench_problem *p)
{
    struct bench_gene genes[BENCH_MAX_GENES];
    const int count = bench_genes(p, genes);
    struct bench_score score;
    struct rt_err err = {.text = ""};
    int index[BENCH_MAX_GENES], code = 0;
    bool again;

    bench_score_open(&score, p);
    while (code == 0 && read_line(stdin, index, count, &again)) {
        struct space_arch arch;
        if (again) {
            bench_score_close(&score);
            bench_score_open(&score, p);
        } else if (!bench_decode(p, index, &arch)) {
            rt_report(&err, RT_EARG, "a line needs %d indices within the choices of '%s'", count,
                      p->name);
            code = failed(&err);
        } else if (answer(&score, &arch, &err) != RT_OK) {
            code = failed(&err);
        }
    }
    bench_score_close(&score);
    return code;
}

/* ---- run ---- */

static void use_rungs(const struct bench_problem *p, struct search_options *options)
{
    options->rung_count = p->budget_count;
    memcpy(options->rung_budget, p->budget, sizeof p->budget);
}

static void untie(struct space *space)
{
    space->tie = SPACE_TIE_LAYER;
    for (int g = 0; g < space->gene_count; g++)
        space->gene[g].tie = SPACE_TIE_LAYER;
}

static bool read_options(struct bench_problem *p, int argc, char **argv,
                         struct search_options *options)
{
    static const struct option longs[] = {{"seed", required_argument, NULL, 's'},
                                          {"trials", required_argument, NULL, 't'},
                                          {"window", required_argument, NULL, 'w'},
                                          {"workers", required_argument, NULL, 'j'},
                                          {"population", required_argument, NULL, 'p'},
                                          {"initial", required_argument, NULL, 'i'},
                                          {"crossover", required_argument, NULL, 'c'},
                                          {"random", required_argument, NULL, 'r'},
                                          {"rungs", no_argument, NULL, 'g'},
                                          {"free", no_argument, NULL, 'f'},
                                          {"no-surrogate", no_argument, NULL, 'n'},
                                          {"eta", required_argument, NULL, 'e'},
                                          {"replicates", required_argument, NULL, 'l'},
                                          {"noise", required_argument, NULL, 'x'},
                                          {NULL, 0, NULL, 0}};
    int o;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (o) {
        case 's': options->seed = strtoull(optarg, NULL, 10); break;
        case 't': options->trials = strtol(optarg, NULL, 10); break;
        case 'w': options->window = (int)strtol(optarg, NULL, 10); break;
        case 'j': options->workers = (int)strtol(optarg, NULL, 10); break;
        case 'p': options->population = (int)strtol(optarg, NULL, 10); break;
        case 'i': options->initial = (int)strtol(optarg, NULL, 10); break;
        case 'c': options->crossover = strtod(optarg, NULL); break;
        case 'r': options->random = strtod(optarg, NULL); break;
        case 'g': use_rungs(p, options); break;
        case 'f': untie(&p->space); break;
        case 'n': options->surrogate = SEARCH_SURROGATE_NONE; break;
        case 'e': options->eta = strtod(optarg, NULL); break;
        case 'l': options->replicates = (int)strtol(optarg, NULL, 10); break;
        case 'x': p->noise = strtod(optarg, NULL); break;
        default: return false;
        }
    }
    return options->trials > 0;
}

static int run(struct bench_problem *p, int argc, char **argv)
{
    struct search_options options;
    struct rt_err err;
    double *volumes;
    rt_status rc;

    bench_run_defaults(p, &options);
    if (!read_options(p, argc, argv, &options))
        return 2;
    volumes = calloc((size_t)options.trials, sizeof *volumes);
    rc = volumes ? bench_run(p, options, volumes, &err)
                 : rt_fail(&err, RT_ENOMEM, "no memory for so many trials");
    if (rc == RT_OK) {
        printf("trial,volume\n");
        for (int64_t n = 0; n < options.trials; n++)
            printf("%" PRId64 ",%.9g\n", n, volumes[n]);
    }
    free(volumes);
    return rc == RT_OK ? 0 : failed(&err);
}

/* ---- propose, busy ---- */

static int compare_ns(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int propose(struct bench_problem *p, int argc, char **argv)
{
    static const int64_t after[] = {100, 500, 1000, 4000};
    enum { PROPOSALS = 200, MIDDLE = 100 };
    struct search_options options;
    struct rt_err err;
    int64_t ns[PROPOSALS];

    bench_run_defaults(p, &options);
    options.window = 16;
    options.trials = 4000;
    if (!read_options(p, argc, argv, &options))
        return 2;
    printf("committed,mean_ms,median_ms,p99_ms,most_ms\n");
    for (size_t a = 0; a < sizeof after / sizeof *after && after[a] <= options.trials; a++) {
        double sum = 0;
        if (bench_propose(p, &options, after[a], PROPOSALS, ns, &err) != RT_OK)
            return failed(&err);
        for (int i = 0; i < PROPOSALS; i++)
            sum += 1e-6 * (double)ns[i];
        qsort(ns, PROPOSALS, sizeof *ns, compare_ns);
        const double median = 1e-6 * (double)ns[MIDDLE];
        printf("%" PRId64 ",%.3f,%.3f,%.3f,%.3f\n", after[a], sum / PROPOSALS, median,
               1e-6 * (double)ns[PROPOSALS - 2], 1e-6 * (double)ns[PROPOSALS - 1]);
    }
    return 0;
}

static int busy(void)
{
    static const int windows[] = {1000, 1250, 1500, 2000, 3000, 4000, 6000, 8000};

    printf("window,busy\n");
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        double share;
        struct rt_err err;
        if (bench_busy(1000, windows[i], 50000, 10, 1, &share, &err) != RT_OK)
            return failed(&err);
        printf("%d,%.4f\n", windows[i], share);
    }
    return 0;
}

/* What the front that a search reports is worth without noise. */
static int reported(struct bench_problem *p, int argc, char **argv)
{
    struct search_options options;
    struct bench_reported r;
    struct rt_err err;

    bench_run_defaults(p, &options);
    if (!read_options(p, argc, argv, &options))
        return 2;
    if (bench_run_reported(p, options, &r, &err) != RT_OK)
        return failed(&err);
    printf("members,volume,dominated,optimism\n%d,%.6f,%.4f,%.4f\n", r.members, r.volume,
           r.dominated, r.optimism);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench_problem problem;
    struct rt_err err;
    int code = 2;

    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    if (argc == 2 && strcmp(argv[1], "busy") == 0)
        return busy();
    if (argc < 3) {
        fprintf(stderr, "usage: bench_search list | busy | info PROBLEM | serve PROBLEM | "
                        "run PROBLEM [--seed N] [--trials N] ... | reported PROBLEM ... | "
                        "propose PROBLEM ...\n");
        return 2;
    }
    if (bench_open(argv[2], &problem, &err) != RT_OK)
        return failed(&err);
    if (strcmp(argv[1], "info") == 0)
        code = info(&problem);
    else if (strcmp(argv[1], "serve") == 0)
        code = serve(&problem);
    else if (strcmp(argv[1], "run") == 0)
        code = run(&problem, argc - 2, argv + 2);
    else if (strcmp(argv[1], "reported") == 0)
        code = reported(&problem, argc - 2, argv + 2);
    else if (strcmp(argv[1], "propose") == 0)
        code = propose(&problem, argc - 2, argv + 2);
    bench_close(&problem);
    return code;
}
