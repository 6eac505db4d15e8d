/* base/machine.c -- see machine.h. sched_getaffinity() is a GNU extension, hence the define. */
#define _GNU_SOURCE
#include "base/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

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

void rt_machine_query(struct rt_machine *machine)
{
    struct utsname system;
    cpu_set_t set;

    *machine = (struct rt_machine){.cores = 1};
    if (gethostname(machine->host, sizeof machine->host - 1))
        snprintf(machine->host, sizeof machine->host, "unknown");
    cpu_model(machine->cpu, sizeof machine->cpu);
    first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", machine->governor,
               sizeof machine->governor);
    if (uname(&system) == 0)
        snprintf(machine->kernel, sizeof machine->kernel, "%.30s %.60s", system.sysname,
                 system.release);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        machine->cores = CPU_COUNT(&set);
    machine->memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}
