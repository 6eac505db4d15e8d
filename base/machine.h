/* base/machine.h -- what machine this is, recorded beside every measurement. */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H
#include <stdint.h>

struct rt_machine {
    char host[64];
    char cpu[96];      /* model name, "unknown" where the system does not say */
    char governor[32]; /* frequency governor of CPU 0, "unknown" in most virtual machines */
    char kernel[96];   /* operating system and release */
    int cores;         /* that this process may run on */
    int64_t memory;    /* bytes installed */
};

void rt_machine_query(struct rt_machine *machine);
#endif
