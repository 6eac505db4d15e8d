/* base/machine.h -- what machine this is, recorded beside every measurement, and how much of it is
 * ours. */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H
#include <stdint.h>

struct rt_machine {
    char host[64];
    char cpu[96];      /* model name, "unknown" where the system does not say */
    char governor[32]; /* frequency governor of CPU 0, "unknown" in most virtual machines */
    char kernel[96];   /* operating system and release */
    int cores;         /* rt_cores() */
    int64_t memory;    /* bytes installed */
};

void rt_machine_query(struct rt_machine *machine);

/* CPUs that this process may keep busy, at least 1: those it may run on (taskset), or its groups'
 * quota (a container's), rounded up, when that is less. */
int rt_cores(void);

/* The quota alone, by the list of this process's groups (/proc/self/cgroup) and the folder where
 * they are mounted (/sys/fs/cgroup), of version 1 or 2; 0: none is known. */
double rt_cgroup_quota(const char *groups, const char *mount);
#endif
