/* cli/sliver.h -- studies that are read become slivers of themselves: few steps, few trials, no
 * constraints, a database and teachers' cache in a folder of their own.
 *
 * Data, space, recipe and evaluator stay. Teachers that are cached are used as they are; others are
 * trained for a step each.
 * Threads  begun once, by the process that is to see slivers alone (smoke.c).
 */
#ifndef CLI_SLIVER_H
#define CLI_SLIVER_H

struct study;

/* From now on; the text must stay. */
void sliver_begin(const char *folder);
/* Of a study that has just been read; nothing before sliver_begin(). */
void sliver_apply(struct study *study);
#endif
