/* cli/cmd_doctor.c -- `retort doctor [STUDY]`: this machine; the study is in doctor_study.c.
 *
 * Every check goes on after a failed one: the list is to be mended in one go, before a night is
 * spent.
 */
#include <cblas.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/machine.h"
#include "cli/command.h"
#include "cli/disk.h"
#include "cli/doctor.h"

void doctor_say(struct doctor *doctor, enum verdict verdict, const char *what, const char *format,
                ...)
{
    static const char *const words[] = {"ok", "warn", "FAIL"};
    va_list list;

    doctor->warned += verdict == VERDICT_WARN;
    doctor->failed += verdict == VERDICT_FAIL;
    (void)printf("%-5s %-12s ", words[verdict], what);
    va_start(list, format);
    (void)vprintf(format, list);
    va_end(list);
    (void)putchar('\n');
}

/* --- processor --- */

static void check_processor(struct doctor *doctor, const struct rt_machine *machine)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    const char *level = tr_kernels_by_name("v4") ? "AVX-512 (x86-64-v4)"
                        : tr_kernels_by_name("v3")
                            ? "AVX2 and FMA (x86-64-v3)"
                            : "neither AVX2 nor AVX-512: expect a slow search";
#else
    const char *level = "no vector kernels for it: plain C and OpenBLAS";
#endif
    doctor_say(doctor, tr_kernels_by_name("v3") ? VERDICT_OK : VERDICT_WARN, "processor", "%s, %s",
               machine->cpu, level);

    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    doctor_say(doctor, VERDICT_OK, "cores", "%d of %ld usable by this process", machine->cores,
               online);

    const bool steady =
        strcmp(machine->governor, "powersave") != 0 && strcmp(machine->governor, "ondemand") != 0;
    doctor_say(doctor, steady ? VERDICT_OK : VERDICT_WARN, "governor", "%s%s", machine->governor,
               steady ? "" : ": measured latency will vary; 'performance' holds the clock still");
}

static void check_clock(struct doctor *doctor)
{
    int64_t least = INT64_MAX;

    for (int i = 0; i < 1000; i++) {
        const int64_t before = rt_now_ns();
        int64_t after = before;
        while (after == before)
            after = rt_now_ns();
        least = after - before < least ? after - before : least;
    }
    doctor_say(doctor, least <= 1000 ? VERDICT_OK : VERDICT_WARN, "clock",
               "smallest step %lld ns%s", (long long)least,
               least <= 1000 ? "" : ": too coarse to time a small student");
}

/* --- kernels --- */

static void check_kernels(struct doctor *doctor, const struct tr_kernels **kernels)
{
    struct rt_err err;
    double difference = NAN;

    if (tr_kernels_choose(kernels, &err) != RT_OK) {
        doctor_say(doctor, VERDICT_FAIL, "kernels", "%s", err.text);
        *kernels = tr_kernels_by_name("plain");
        return;
    }
    if (doctor_kernels_differ(*kernels, &difference, &err) != RT_OK) {
        doctor_say(doctor, VERDICT_FAIL, "kernels", "%s", err.text);
        return;
    }
    const bool agree = difference < 1e-4; /* false for NaN; rounding alone gives 1e-6 */
    doctor_say(doctor, agree ? VERDICT_OK : VERDICT_FAIL, "kernels",
               "%s, %s the plain ones: logits and gradients within %.1e", tr_kernels_name(*kernels),
               agree ? "agrees with" : "DISAGREES with", difference);
}

/* The worst relative error of one product of a shape with tails in every direction. */
static double sgemm_error(void)
{
    enum { m = 67, n = 45, k = 131 };
    static float a[m * k], b[k * n], c[m * n];
    double worst = 0;

    for (int i = 0; i < m * k; i++)
        a[i] = (float)((i * 37) % 101) / 101 - .5F;
    for (int i = 0; i < k * n; i++)
        b[i] = (float)((i * 53) % 97) / 97 - .5F;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0, size = 0;
            for (int l = 0; l < k; l++) {
                sum += (double)a[i * k + l] * (double)b[l * n + j];
                size += fabs((double)a[i * k + l] * (double)b[l * n + j]);
            }
            const double gap = fabs((double)c[i * n + j] - sum) / size;
            worst = gap > worst || isnan(gap) ? gap : worst; /* NaN stays */
        }
    return worst;
}

/* An OpenBLAS that is older than the processor falls back to its slowest kernels, for Prescott. */
static void check_blas(struct doctor *doctor, const struct tr_kernels *kernels)
{
    const double error = sgemm_error();
    const bool right = error < 1e-5, wide = tr_kernels_by_name("v3") != NULL;
    const bool old = wide && strcmp(openblas_get_corename(), "Prescott") == 0;
    const bool used = strcmp(tr_kernels_name(kernels), "plain") == 0;

    doctor_say(doctor, right ? VERDICT_OK : VERDICT_FAIL, "openblas", "%s, sgemm %s by %.1e",
               openblas_get_config(), right ? "right" : "WRONG", error);
    if (old)
        doctor_say(doctor, used ? VERDICT_WARN : VERDICT_OK, "blas core",
                   "this OpenBLAS does not know the processor and is slow: %s",
                   used ? "set OPENBLAS_CORETYPE=Haswell" : "the kernels in use do without it");
    if (openblas_get_parallel() == 2)
        doctor_say(doctor, VERDICT_FAIL, "blas threads",
                   "this OpenBLAS uses OpenMP and takes the workers' threads away; install the "
                   "pthread flavour (libopenblas0-pthread)");
    else
        doctor_say(doctor, openblas_get_num_threads() == 1 ? VERDICT_OK : VERDICT_FAIL,
                   "blas threads", "%d: each trial has one thread", openblas_get_num_threads());
}

/* --- disk and programs --- */

static void check_disk(struct doctor *doctor)
{
    struct rt_err err;
    double room = 0, total = 0;
    char a[16], b[16];

    if (rt_disk_room(".", &room, &total, &err) != RT_OK)
        doctor_say(doctor, VERDICT_FAIL, "disk", "%s", err.text);
    else
        doctor_say(doctor, room < 1 << 28 ? VERDICT_WARN : VERDICT_OK, "disk",
                   "%s of %s free in this folder", disk_bytes(room, a), disk_bytes(total, b));
}

static bool on_path(const char *program)
{
    char path[RT_PATH_MAX];
    const char *folders = getenv("PATH");

    while (folders && *folders) {
        const size_t n = strcspn(folders, ":");
        (void)snprintf(path, sizeof path, "%.*s/%s", (int)n, folders, program);
        if (access(path, X_OK) == 0)
            return true;
        folders += n + (folders[n] == ':');
    }
    return false;
}

static void check_programs(struct doctor *doctor)
{
    if (on_path("gnuplot"))
        doctor_say(doctor, VERDICT_OK, "gnuplot", "found: 'retort report --figures' works");
    else
        doctor_say(doctor, VERDICT_WARN, "gnuplot",
                   "not found: 'retort report --figures' needs it (package gnuplot-nox)");
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"try", no_argument, NULL, 't'}, {0}};
    const struct tr_kernels *kernels = NULL;
    struct doctor doctor = {0};
    struct rt_machine machine;

    bool ask = false;
    for (int o; (o = command_option("doctor", argc, argv, "", longs)) != -1; ask = true)
        if (o != 't')
            return COMMAND_USAGE;
    const char *study = optind < argc ? argv[optind++] : NULL;
    if (!command_no_more("doctor", argc, argv))
        return COMMAND_USAGE;
    if (ask && !study)
        return command_usage("doctor", "--try needs a STUDY, whose evaluator is asked");

    rt_machine_query(&machine);
    check_processor(&doctor, &machine);
    check_clock(&doctor);
    check_kernels(&doctor, &kernels);
    check_blas(&doctor, kernels);
    check_disk(&doctor);
    check_programs(&doctor);
    if (study)
        doctor_study(&doctor, kernels, study, ask);
    (void)printf("%d failed, %d to look at\n", doctor.failed, doctor.warned);
    return doctor.failed ? COMMAND_FAILED : COMMAND_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .use = "[STUDY [--try]]",
    .summary = "check this machine, and a study, before a night is spent",
    .help =
        "One line a check: ok, warn or FAIL, what, and the detail. With a study also its data,\n"
        "space, memory, teachers and database. Changes nothing. Exit 1 when anything fails.\n"
        "\n"
        "  --try   ask the study's own evaluator for one real trial, too\n",
    .run = run,
};
