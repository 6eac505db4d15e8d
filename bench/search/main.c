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
 *   bench_search busy [PROBLEM] [OPTION]  CSV: how busy many workers on a network are, in virtual
 *                                      time, by the search's own proposals for a problem; without
 *                                      both: the cases of docs/machines.md
 *   bench_search record PROBLEM [--trials N] [--points N] [--durable] [--to FILE.db]  what the
 *                                      book-keeping of a trial takes, with so many points of curves;
 *                                      bench/store/bars.py makes its study by it
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/cluster.h"
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

/* ---- propose ---- */

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

/* ---- busy ---- */

static const struct bench_cluster usual = {.workers = 1000,
                                           .window = 3000,
                                           .seconds = 10,
                                           .spread = 10,
                                           .slowness = 3,
                                           .absent = 60,
                                           .lease = 5,
                                           .attempts = 3,
                                           .delay = 0.0005,
                                           .propose = 0.035,
                                           .record = 0.001,
                                           .seed = 1};

static int busy_row(struct bench_cluster cluster)
{
    struct bench_load load;
    struct rt_err err;

    if (cluster.trials == 0) /* the first minutes, in which all workers ask at once, hardly count */
        cluster.trials = 50L * cluster.workers;
    if (bench_cluster_run(&cluster, &load, &err) != RT_OK)
        return failed(&err);
    printf("%d,%d,%g,%g,%g,%g,%g,%g,%g,%.4f,%.4f,%.2f,%.3f,%.3f,%" PRId64 ",%d", cluster.workers,
           cluster.window, cluster.seconds, cluster.spread, cluster.slow, cluster.lost_every,
           1e3 * cluster.delay, 1e3 * cluster.propose, 1e3 * cluster.record, load.busy, load.lost,
           load.rate, load.proposing, load.recording, load.failed, load.held);
    printf(cluster.problem ? ",%.4f\n" : ",\n", load.volume);
    fflush(stdout);
    return 0;
}

/* One thing changed at a time. */
static int busy_cases(void)
{
    static const int workers[] = {100, 1000, 10000};
    static const double windows[] = {1, 1.5, 2, 3, 4, 8};
    int code = 0;

    for (size_t w = 0; w < sizeof workers / sizeof *workers && code == 0; w++) {
        struct bench_cluster cluster = usual;
        cluster.workers = workers[w];
        cluster.propose = cluster.record = 0;
        for (size_t i = 0; i < sizeof windows / sizeof *windows && code == 0; i++) {
            cluster.window = (int)(windows[i] * workers[w]);
            code = busy_row(cluster);
        }
        cluster.propose = usual.propose;
        cluster.record = usual.record;
        for (cluster.seconds = 1; cluster.seconds < 2000 && code == 0; cluster.seconds *= 10) {
            cluster.window = 3 * workers[w];
            code = busy_row(cluster);
        }
        cluster.seconds = usual.seconds * workers[w] / 100; /* the coordinator is no limit */
        for (cluster.slow = 0.01; cluster.slow < 0.2 && code == 0; cluster.slow *= 10)
            for (int times = 3; times <= 9 && code == 0; times += 6) {
                cluster.window = times * workers[w];
                code = busy_row(cluster);
            }
        cluster.slow = 0;
        for (cluster.lost_every = 3600; cluster.lost_every < 1e6 && code == 0;
             cluster.lost_every *= 24)
            code = busy_row(cluster);
    }
    return code;
}

static bool read_cluster(int argc, char **argv, struct bench_cluster *cluster)
{
    static const struct option longs[] = {
        {"workers", required_argument, NULL, 'w'},  {"window", required_argument, NULL, 'W'},
        {"trials", required_argument, NULL, 't'},   {"seconds", required_argument, NULL, 's'},
        {"spread", required_argument, NULL, 'x'},   {"slow", required_argument, NULL, 'h'},
        {"slowness", required_argument, NULL, 'f'}, {"lost-every", required_argument, NULL, 'l'},
        {"delay", required_argument, NULL, 'd'},    {"propose", required_argument, NULL, 'p'},
        {"record", required_argument, NULL, 'r'},   {"lease", required_argument, NULL, 'e'},
        {"twice", no_argument, NULL, 'T'},          {NULL, 0, NULL, 0}};
    int o;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const double value = optarg ? strtod(optarg, NULL) : 0;
        switch (o) {
        case 'w': cluster->workers = (int)value; break;
        case 'W': cluster->window = (int)value; break;
        case 't': cluster->trials = (int64_t)value; break;
        case 's': cluster->seconds = value; break;
        case 'x': cluster->spread = value; break;
        case 'h': cluster->slow = value; break;
        case 'f': cluster->slowness = value; break;
        case 'l': cluster->lost_every = value; break;
        case 'd': cluster->delay = value; break;
        case 'p': cluster->propose = value; break;
        case 'r': cluster->record = value; break;
        case 'e': cluster->lease = value; break;
        case 'T': cluster->twice = true; break;
        default: return false;
        }
    }
    return cluster->workers > 0 && cluster->window > 0 && cluster->trials >= 0 &&
           cluster->seconds > 0 && cluster->spread >= 1 && cluster->slowness >= 1;
}

/* `problem` not NULL: by the search's own proposals. */
static int busy(const struct bench_problem *problem, int argc, char **argv)
{
    struct bench_cluster cluster = usual;
    struct search_options options;

    if (!read_cluster(argc, argv, &cluster))
        return 2;
    if (problem) {
        bench_run_defaults(problem, &options);
        cluster.problem = problem;
        cluster.options = &options;
    }
    printf("workers,window,seconds,spread,slow,lost_every,delay_ms,propose_ms,record_ms,busy,lost,"
           "results_per_second,proposing,recording,failed,held,volume\n");
    return argc == 1 && !problem ? busy_cases() : busy_row(cluster);
}

static int record(const struct bench_problem *problem, int argc, char **argv)
{
    static const struct option longs[] = {{"trials", required_argument, NULL, 't'},
                                          {"points", required_argument, NULL, 'p'},
                                          {"to", required_argument, NULL, 'o'},
                                          {"durable", no_argument, NULL, 'd'},
                                          {NULL, 0, NULL, 0}};
    struct bench_recording recording = {.trials = 1000, .points = 36}; /* of 600 steps */
    struct bench_recorded recorded;
    struct rt_err err;
    int o;

    while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (o) {
        case 't': recording.trials = strtol(optarg, NULL, 10); break;
        case 'p': recording.points = (int)strtol(optarg, NULL, 10); break;
        case 'o': recording.path = optarg; break;
        case 'd': recording.durable = true; break;
        default: return 2;
        }
    }
    if (recording.trials < 1 || recording.points < 0 || recording.points > 10000)
        return 2;
    if (bench_record(problem, &recording, &recorded, &err) != RT_OK)
        return failed(&err);
    printf("trials,cpu_ms,wall_ms,transactions_per_second\n%" PRId64 ",%.3f,%.3f,%.0f\n",
           recording.trials, 1e3 * recorded.cpu, 1e3 * recorded.wall, 4 / recorded.wall);
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
    if (argc >= 2 && strcmp(argv[1], "busy") == 0 && (argc == 2 || argv[2][0] == '-'))
        return busy(NULL, argc - 1, argv + 1);
    if (argc < 3) {
        fprintf(stderr, "usage: bench_search list | info PROBLEM | serve PROBLEM | "
                        "run PROBLEM [--seed N] [--trials N] ... | reported PROBLEM ... | "
                        "propose PROBLEM ... | record PROBLEM ... | busy [PROBLEM] ...\n");
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
    else if (strcmp(argv[1], "record") == 0)
        code = record(&problem, argc - 2, argv + 2);
    else if (strcmp(argv[1], "busy") == 0)
        code = busy(&problem, argc - 2, argv + 2);
    bench_close(&problem);
    return code;
}
