/* cli/slurm_jobs.h -- the two jobs of a search on a Slurm cluster, as scripts for sbatch.
 *
 * The coordinator is one job: it notes its address in a file of the jobs' folder and searches. The
 * workers are an array of jobs that read the address there; when it changes, because the coordinator was
 * started again elsewhere, they follow it. The file says `ended` when there is nothing left to do.
 *
 * Slurm starts both again (--requeue) when their node is lost; of the coordinator there is never more
 * than one (--dependency=singleton). Nothing is written or started here but to the given stream.
 */
#ifndef CLI_SLURM_JOBS_H
#define CLI_SLURM_JOBS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum { SLURM_OPTIONS = 16 };
/* The second line of what is written, by which it is known again. */
#define SLURM_MARK "# Written by retort slurm."

struct slurm_jobs {
    const char *name;    /* of the jobs; letters, digits, -, _ and . */
    const char *program; /* paths, absolute: retort itself, ... */
    const char *study, *db;
    const char *folder; /* of scripts, address and logs */
    const char *key;
    const char *host; /* by which workers reach the coordinator; NULL: what `hostname` says there */
    int port;         /* 1..65535 */
    int workers, slots;
    int64_t coordinator_bytes, worker_bytes; /* of memory; 0: nothing is said of it */
    const char *time, *partition;            /* for Slurm; NULL: nothing is said */
    int option_count;
    const char *options[SLURM_OPTIONS]; /* others, of both jobs: "--account=x"; later ones win */
};

/* RT_EARG for a text that would not be one line of a script, or not mean what it says. */
rt_status slurm_check(const struct slurm_jobs *jobs, struct rt_err *err);
/* Of jobs that have passed. */
void slurm_write_coordinator(const struct slurm_jobs *jobs, FILE *out);
void slurm_write_workers(const struct slurm_jobs *jobs, FILE *out);
#endif
