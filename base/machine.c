/* base/machine.c -- asks the system: /proc, /sys, uname() and the scheduler.
 *
 * A quota of CPU time (docker --cpus, systemd's CPUQuota) is of a group or of any that it is in, so
 * all of them are read up to the mount; a container sees the mount as its own group. More threads
 * than it allows would all be held up for the rest of each period, and latency be measured so.
 * sched_getaffinity() is GNU's, hence the define.
 */
#define _GNU_SOURCE
#include "base/machine.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"

static void first_line(const char *path, char *out, size_t room)
{
    FILE *file = fopen(path, "r");
    snprintf(out, room, "unknown");
    if (!file)
        return;
    if (fgets(out, (int)room, file))
        out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

static void cpu_model(char *out, size_t room)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, room, "unknown");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(out, room, "%s", colon + 2);
            break;
        }
    }
    fclose(file);
}

/* ---- quota ---- */

/* The numbers of a file that begins with one or two, or else 0 of them ("max"). */
static int read_numbers(const char *folder, const char *name, double number[2])
{
    char path[RT_PATH_MAX];
    int count = 0;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= RT_PATH_MAX)
        return 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    count = fscanf(file, "%lf %lf", &number[0], &number[1]);
    fclose(file);
    return count > 0 ? count : 0;
}

/* CPUs that one group may use: microseconds of CPU time in microseconds of time. Infinite where
 * nothing limits it: "max", or -1 in version 1. */
static double quota_of(const char *folder, bool version2)
{
    double busy[2] = {0}, period[2] = {0};

    if (version2) {
        if (read_numbers(folder, "cpu.max", busy) == 2)
            period[0] = busy[1];
    } else {
        read_numbers(folder, "cpu.cfs_quota_us", busy);
        read_numbers(folder, "cpu.cfs_period_us", period);
    }
    return busy[0] > 0 && period[0] > 0 ? busy[0] / period[0] : INFINITY;
}

/* Bytes that one group may take; no limit is "max", or in version 1 a number near 2^63. */
static double memory_of(const char *folder, bool version2)
{
    double bytes[2];

    return read_numbers(folder, version2 ? "memory.max" : "memory.limit_in_bytes", bytes) > 0 &&
                   bytes[0] < 0x1p60
               ? bytes[0]
               : INFINITY;
}

typedef double limit_fn(const char *folder, bool version2);

/* The least of a group and all above it; `controller` NULL: of version 2. */
static double least_up(const char *mount, const char *controller, const char *group, limit_fn *of)
{
    char folder[RT_PATH_MAX];
    double least = INFINITY;
    const size_t top = strlen(mount);

    if (snprintf(folder, sizeof folder, "%s%s%s%s", mount, controller ? "/" : "",
                 controller ? controller : "", group) >= RT_PATH_MAX)
        return INFINITY;
    while (strlen(folder) >= top) {
        least = fmin(least, of(folder, !controller));
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return least;
}

/* Is `word` one of a list that commas divide? */
static bool in_list(const char *list, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* Of all groups of a list; 0: no limit is known. */
static double least_of(const char *groups, const char *mount, const char *controller, limit_fn *of)
{
    char line[RT_PATH_MAX];
    double least = INFINITY;
    FILE *file = fopen(groups, "r");

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) { /* NUMBER:CONTROLLERS:GROUP; version 2 is 0::GROUP */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        if (controllers[1] == '\0')
            least = fmin(least, least_up(mount, NULL, group, of));
        else if (in_list(controllers + 1, controller))
            least = fmin(least, least_up(mount, controller, group, of));
    }
    fclose(file);
    return isfinite(least) ? least : 0;
}

double rt_cgroup_quota(const char *groups, const char *mount)
{
    return least_of(groups, mount, "cpu", quota_of);
}

double rt_cgroup_memory(const char *groups, const char *mount)
{
    return least_of(groups, mount, "memory", memory_of);
}

/* ---- memory ---- */

/* Pages of addresses and of memory that are this process's own; files that it maps can be dropped. */
static void pages_taken(double *addresses, double *own)
{
    unsigned long long size = 0, resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%llu %llu %llu", &size, &resident, &shared) != 3)
        size = resident = shared = 0;
    if (file)
        fclose(file);
    *addresses = (double)size;
    *own = resident > shared ? (double)(resident - shared) : 0;
}

double rt_memory_room(void)
{
    const double page = (double)sysconf(_SC_PAGESIZE);
    const double group = rt_cgroup_memory("/proc/self/cgroup", "/sys/fs/cgroup");
    double addresses, own, room = (double)sysconf(_SC_PHYS_PAGES) * page;
    struct rlimit limit;

    pages_taken(&addresses, &own);
    if (group > 0)
        room = fmin(room, group);
    room -= own * page;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        room = fmin(room, (double)limit.rlim_cur - addresses * page);
    return fmax(room, 0);
}

/* ---- affinity ---- */

/* The kernel refuses a set that is smaller than its own, which may be beyond cpu_set_t's 1024. */
static int affinity(void)
{
    for (int most = CPU_SETSIZE; most <= 1 << 20; most *= 2) {
        const size_t bytes = CPU_ALLOC_SIZE(most);
        cpu_set_t *set = CPU_ALLOC(most);
        int count = 0;
        if (!set)
            break;
        const bool known = sched_getaffinity(0, bytes, set) == 0;
        const bool small = !known && errno == EINVAL;
        if (known)
            count = CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (!small)
            return count;
    }
    return 0;
}

int rt_cores(void)
{
    const double quota = rt_cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    const int allowed = affinity();
    const int cores = quota > 0 && quota < allowed ? (int)ceil(quota) : allowed;

    return cores > 1 ? cores : 1;
}

void rt_machine_query(struct rt_machine *machine)
{
    struct utsname system;

    *machine = (struct rt_machine){.cores = rt_cores()};
    if (gethostname(machine->host, sizeof machine->host - 1))
        snprintf(machine->host, sizeof machine->host, "unknown");
    cpu_model(machine->cpu, sizeof machine->cpu);
    first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", machine->governor,
               sizeof machine->governor);
    if (uname(&system) == 0)
        snprintf(machine->kernel, sizeof machine->kernel, "%.30s %.60s", system.sysname,
                 system.release);
    machine->memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* ---- what disturbs a measurement ---- */

int64_t rt_thread_waits(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_THREAD, &usage) ? -1 : (int64_t)usage.ru_nivcsw;
}

/* The eighth number of the first line, in ticks of USER_HZ. */
double rt_steal_ms(void)
{
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "r");

    if (!file)
        return NAN;
    const int read = fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal);
    fclose(file);
    return read == 1 ? (double)steal * 1000 / (double)sysconf(_SC_CLK_TCK) : (double)NAN;
}

_Static_assert(sizeof(struct rt_cpus) == sizeof(cpu_set_t), "the same bits");

bool rt_thread_pin(int nth, struct rt_cpus *before)
{
    cpu_set_t all, one;
    int cpu = 0;

    if (sched_getaffinity(0, sizeof all, &all))
        return false;
    for (int seen = 0; cpu < CPU_SETSIZE && (seen < nth || !CPU_ISSET(cpu, &all)); cpu++)
        seen += CPU_ISSET(cpu, &all) ? 1 : 0;
    if (cpu == CPU_SETSIZE)
        return false;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one))
        return false;
    if (before)
        memcpy(before, &all, sizeof all);
    return true;
}

void rt_thread_unpin(const struct rt_cpus *before)
{
    cpu_set_t set;

    memcpy(&set, before, sizeof set);
    (void)sched_setaffinity(0, sizeof set, &set);
}
