/* cli/reference_record.h -- the best that the reference network ever took on a machine, beyond one study.
 *
 * What a night of bad weather measures looks right to itself: the reference's least time of that night is
 * its best, and every figure comes out by the weather too large. So the best is remembered by the user, not
 * by the study: one small file, `retort/references` in $XDG_STATE_HOME or ~/.local/state, of a line a machine
 * and setting:
 *
 *   NANOSECONDS <tab> THREADS <tab> BATCH <tab> YYYY-MM-DD <tab> BUILD <tab> KERNELS <tab> HOST <tab> CPU
 *
 * A line counts for the program whose hash is BUILD, and for three months from when its best was last met: a
 * machine may become slower for good. Where there is no such folder, or it cannot be read or written, nothing
 * is remembered and nothing fails.
 * Threads  any number, of any number of processes: lines that two write at once may lose one's.
 */
#ifndef CLI_REFERENCE_RECORD_H
#define CLI_REFERENCE_RECORD_H
#include "base/hash.h"

struct reference_key {
    char host[64], cpu[96], kernels[16]; /* as in table `host` */
    char build[RT_HASH_TEXT];            /* of the program that measures */
    int threads, batch;
};

/* Nanoseconds a call; NaN: not known. */
double reference_record_best(const struct reference_key *key);
/* A best that blocks confirm, > 0. It replaces what is known unless that is less by 1 % and more. */
void reference_record_keep(const struct reference_key *key, double best);

/* Of a file's text, NUL-terminated, as of a day "YYYY-MM-DD"; lines that are none of the above do not
 * count. NaN: not known. */
double reference_record_find(const char *text, const struct reference_key *key, const char *today);
#endif
