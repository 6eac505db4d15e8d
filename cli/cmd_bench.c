/* cli/cmd_bench.c -- `retort bench`: how fast this machine trains and infers five standard
 * students. */
#include <stdio.h>

#include "cli/command.h"
#include "trainer/speed.h"

enum { bench_batch = 64 };

static const char *const shapes[] = {
    "L2-d32-k16-h2-f64-p4",   "L4-d64-k16-h4-f128-p4",  "L6-d96-k24-h4-f288-p4",
    "L6-d128-k32-h4-f512-p4", "L8-d192-k32-h6-f768-p4",
};

static rt_status bench_one(const char *text, const struct tr_kernels *kernels, double seconds,
                           struct rt_err *err)
{
    const struct space_shape shape = {28, 28, 1, 10, SPACE_POOL_CLASS};
    struct tr_student student;
    struct space_arch arch;
    struct tr_speed speed;
    rt_status rc;

    RT_TRY(space_arch_parse(text, &arch, err));
    RT_TRY(tr_student_init(&student, &arch, &shape, kernels, err));
    if ((rc = tr_speed_measure(&student, bench_batch, 0, seconds, &speed, err)) == RT_OK)
        (void)printf("%-23s %5d %11.0f %8.1f %9.1f %9.1f %8.1f\n", text, speed.micro_batch,
                     speed.examples_per_second, speed.flops_per_second * 1e-9,
                     speed.latency.median * 1e-3, speed.latency.p90 * 1e-3,
                     (double)speed.bytes / (1 << 20));
    tr_student_release(&student);
    return rc;
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"seconds", required_argument, NULL, 's'}, {0}};
    const struct tr_kernels *kernels;
    double seconds = 2;
    struct rt_err err;

    for (int o; (o = command_option("bench", argc, argv, "", longs)) != -1;)
        if (o == '?' || !command_double("bench", "--seconds", optarg, .1, 3600, &seconds))
            return COMMAND_USAGE;
    if (!command_no_more("bench", argc, argv))
        return COMMAND_USAGE;
    if (tr_kernels_choose(&kernels, &err))
        return command_failed("bench", &err);
    (void)printf("kernels %s, one thread, 28x28 images, batch %d\n", tr_kernels_name(kernels),
                 bench_batch);
    (void)printf("%-23s %5s %11s %8s %9s %9s %8s\n", "student", "micro", "examples/s", "GFLOP/s",
                 "call, us", "p90, us", "MiB");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (bench_one(shapes[i], kernels, seconds, &err))
            return command_failed("bench", &err);
    return COMMAND_DONE;
}

const struct command command_bench = {
    .name = "bench",
    .use = "[--seconds S]",
    .summary = "how fast this machine trains and infers five students",
    .help = "Trains each of five standard students on one thread as a trial does, on made-up\n"
            "images, and times single calls. GFLOP/s count what is done in training. For figures\n"
            "worth keeping, leave the machine alone meanwhile.\n"
            "\n"
            "  --seconds S  of training for each student (2)\n",
    .run = run,
};
