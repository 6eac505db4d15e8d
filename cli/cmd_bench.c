/* cli/cmd_bench.c -- `retort bench`: how fast this machine trains and infers, and what a study's
 * trials cost on it. */
#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "base/machine.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/formats.h"

/* The five standard students come first; the others have token counts and head dimensions that fit
 * vectors badly. */
static const struct shape {
    const char *arch;
    int side;
} shapes[] = {
    {"L2-d32-k16-h2-f64-p4", 28},   {"L4-d64-k16-h4-f128-p4", 28},  {"L6-d96-k24-h4-f288-p4", 28},
    {"L6-d128-k32-h4-f512-p4", 28}, {"L8-d192-k32-h6-f768-p4", 28}, {"L4-d64-k16-h4-f128-p7", 28},
    {"L4-d64-k16-h4-f128-p4", 32},  {"L4-d64-k8-h8-f128-p4", 28},   {"L6-d96-k48-h2-f288-p4", 28},
};
enum { standard_shapes = 5, all_shapes = sizeof shapes / sizeof *shapes };

struct wishes {
    const char *study, *student;
    int64_t side, micro_batch;
    double seconds;
    bool all;
    enum report_format format;
};

static double giga(double per_second)
{
    return per_second * 1e-9;
}

/* ---- one table of students ---- */

static void print_row(const struct bench_row *row, const struct tr_kernels *kernels,
                      enum report_format format)
{
    const struct tr_speed *s = &row->speed;
    const double call = row->latency.median * 1e-3, p90 = row->latency.p90 * 1e-3;
    const char *products = row->tuning.openblas ? "openblas" : "own";

    if (format == REPORT_CSV)
        (void)printf("%s,%d,%s,%s,%d,%.1f,%.3f,%.3f,%.4f,%.2f,%.2f,%zu\n", row->arch, row->side,
                     tr_kernels_name(kernels), products, row->tuning.micro_batch,
                     s->examples_per_second, giga(s->flops_per_second), giga(s->peak), s->share,
                     call, p90, s->bytes);
    else
        (void)printf("%-22s %4d %5d %9.0f %8.1f %5.0f %7.1f %7.1f %6.1f\n", row->arch, row->side,
                     row->tuning.micro_batch, s->examples_per_second, giga(s->flops_per_second),
                     100 * s->share, call, p90, (double)s->bytes / (1 << 20));
    (void)fflush(stdout);
}

static void print_head(enum report_format format)
{
    if (format == REPORT_CSV)
        (void)puts("student,side,kernels,products,micro_batch,examples_per_second,gflops,"
                   "peak_gflops,share,call_us,p90_us,bytes");
    else
        (void)printf("%-22s %4s %5s %9s %8s %5s %7s %7s %6s\n", "student", "side", "micro",
                     "examples", "GFLOP/s", "peak", "call", "p90", "MiB");
}

static rt_status bench_shape(const struct shape *shape, const struct tr_kernels *kernels,
                             const struct wishes *wishes, struct rt_err *err)
{
    const struct space_shape images = {.height = shape->side,
                                       .width = shape->side,
                                       .channels = 1,
                                       .classes = 10,
                                       .pool = SPACE_POOL_CLASS};
    struct bench_row row;
    struct space_arch arch;

    RT_TRY(space_arch_parse(shape->arch, &arch, err));
    RT_TRY(space_arch_check(&arch, &images, err));
    RT_TRY(bench_student(&arch, &images, kernels, (int)wishes->micro_batch, wishes->seconds, &row,
                         err));
    print_row(&row, kernels, wishes->format);
    return RT_OK;
}

static rt_status bench_students(const struct wishes *wishes, const struct tr_kernels *kernels,
                                struct rt_err *err)
{
    const struct shape asked = {wishes->student, (int)wishes->side};
    const int count = wishes->all ? all_shapes : standard_shapes;

    print_head(wishes->format);
    if (wishes->student)
        return bench_shape(&asked, kernels, wishes, err);
    for (int i = 0; i < count; i++)
        RT_TRY(bench_shape(&shapes[i], kernels, wishes, err));
    return RT_OK;
}

/* ---- matrix products ---- */

static rt_status bench_products(const struct shape *shape, const struct tr_kernels *kernels,
                                double rate[2], struct rt_err *err)
{
    const struct space_shape images = {.height = shape->side,
                                       .width = shape->side,
                                       .channels = 1,
                                       .classes = 10,
                                       .pool = SPACE_POOL_CLASS};
    const struct tr_kernels *sets[] = {kernels, tr_kernels_with_openblas(kernels)};
    struct tr_student students[2] = {0};
    struct space_arch arch;
    rt_status rc = RT_OK;

    RT_TRY(space_arch_parse(shape->arch, &arch, err));
    for (int i = 0; i < 2 && rc == RT_OK; i++)
        rc = tr_student_init(&students[i], &arch, &images, sets[i], err);
    if (rc == RT_OK)
        rc = tr_speed_products((const struct tr_student *const[]){&students[0], &students[1]}, 2,
                               4 * students[0].tokens, 1, rate, err);
    for (int i = 0; i < 2; i++)
        tr_student_release(&students[i]);
    return rc;
}

static rt_status print_machine(const struct tr_kernels *kernels, struct rt_err *err)
{
    struct rt_machine machine;

    rt_machine_query(&machine);
    (void)printf("%s, %d cores; kernels %s; OpenBLAS for %s\n", machine.cpu, machine.cores,
                 tr_kernels_name(kernels), openblas_get_corename());
    (void)printf("\nMatrix products of a block, GFLOP/s (forward and both gradients, 4 examples)\n"
                 "%-22s %8s %8s  %s\n",
                 "student", "own", "OpenBLAS", "faster");
    for (int i = 0; i < standard_shapes; i++) {
        double rate[2];
        RT_TRY(bench_products(&shapes[i], kernels, rate, err));
        (void)printf("%-22s %8.1f %8.1f  %s\n", shapes[i].arch, giga(rate[0]), giga(rate[1]),
                     rate[1] > rate[0] ? "OpenBLAS" : "own");
        (void)fflush(stdout);
    }
    (void)printf(
        "\nTraining on one thread, batch %d, in CPU time: examples/s, and GFLOP/s as %% of\n"
        "the processor's peak at the same moments; single calls in us; memory in MiB\n",
        bench_batch);
    return RT_OK;
}

/* ---- the command ---- */

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"seconds", required_argument, NULL, 's'},
                                   {"student", required_argument, NULL, 'a'},
                                   {"side", required_argument, NULL, 'i'},
                                   {"micro-batch", required_argument, NULL, 'm'},
                                   {"all", no_argument, NULL, 'A'},
                                   {"format", required_argument, NULL, 'f'},
                                   {0}};
    bool good = true;

    *w = (struct wishes){.side = 28, .seconds = 2};
    for (int o; good && (o = command_option("bench", argc, argv, "f:", longs)) != -1;) {
        switch (o) {
        case 's': good = command_double("bench", "--seconds", optarg, .1, 3600, &w->seconds); break;
        case 'a': w->student = optarg; break;
        case 'i': good = command_int64("bench", "--side", optarg, 1, 1024, &w->side); break;
        case 'm':
            good = command_int64("bench", "--micro-batch", optarg, 0, bench_batch, &w->micro_batch);
            break;
        case 'A': w->all = true; break;
        case 'f': good = format_option("bench", optarg, &w->format); break;
        default: good = false;
        }
    }
    if (good && w->format == REPORT_JSON) {
        (void)command_usage("bench", "--format: table or csv");
        good = false;
    }
    if (good && optind < argc)
        w->study = argv[optind++];
    return good && command_no_more("bench", argc, argv) ? COMMAND_DONE : COMMAND_USAGE;
}

static int run(int argc, char **argv)
{
    const struct tr_kernels *kernels;
    struct wishes wishes;
    struct rt_err err;
    rt_status rc;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (wishes.study) {
        rc = bench_study(wishes.study, wishes.seconds, &err);
    } else {
        rc = tr_kernels_choose(&kernels, &err);
        if (rc == RT_OK && wishes.format == REPORT_TABLE && !wishes.student)
            rc = print_machine(kernels, &err);
        if (rc == RT_OK)
            rc = bench_students(&wishes, kernels, &err);
    }
    return rc == RT_OK ? COMMAND_DONE : command_failed("bench", &err);
}

const struct command command_bench = {
    .name = "bench",
    .use = "[STUDY] [--seconds S] [--all] [--student ARCH] [--format table|csv]",
    .summary = "how fast this machine trains; with STUDY: what its trials cost",
    .help = "Without STUDY: the matrix products of the own kernels and of OpenBLAS, and the speed\n"
            "of training and inference of five standard students on one thread, on made-up\n"
            "images. GFLOP/s count what is done, and are compared with the processor's peak at\n"
            "the same moments. Leave the machine alone meanwhile.\n"
            "\n"
            "With STUDY: the time of a trial, taken from students spread over its space, trials\n"
            "per hour, and the memory of a worker.\n"
            "\n"
            "  --seconds S      of training for each student (2)\n"
            "  --all            also token counts and head dimensions that fit vectors badly\n"
            "  --student ARCH   this student alone\n"
            "  --side N         of the square images that it reads (28)\n"
            "  --micro-batch N  examples a pass; 0: the fastest is found first (0)\n"
            "  -f, --format F   table (default) or csv\n",
    .run = run,
};
