/* base/machine.h -- what machine this is, recorded beside every measurement, and how much of it is
 * ours. */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H
#include <stdbool.h>
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

/* Bytes that this process may still take: of the machine's memory, what its groups allow (a
 * container's limit) and the addresses that `ulimit -v` does, less what it holds; 0 or more. */
double rt_memory_room(void);

/* ---- what disturbs a measurement ---- */

/* Times that the calling thread had to leave its CPU to others; -1: unknown. */
int64_t rt_thread_waits(void);
/* Milliseconds that the hypervisor gave to other machines since this one started, of all CPUs; it
 * counts in hundredths of a second. NaN: unknown. */
double rt_steal_ms(void);

struct rt_cpus { /* that a thread may run on */
    unsigned long bits[1024 / (8 * sizeof(unsigned long))];
};
/* Keeps the calling thread on the nth of the CPUs that it may use; where it could run goes into
 * *before, unless that is NULL. False, and nothing changed, when there are not so many. */
bool rt_thread_pin(int nth, struct rt_cpus *before);
void rt_thread_unpin(const struct rt_cpus *before);

/* The quota alone, by the list of this process's groups (/proc/self/cgroup) and the folder where
 * they are mounted (/sys/fs/cgroup), of version 1 or 2; 0: none is known. */
double rt_cgroup_quota(const char *groups, const char *mount);
/* The same of memory, in bytes. */
double rt_cgroup_memory(const char *groups, const char *mount);
#endif
