/* cli/smoke.h -- every stage of a study on a sliver of it (sliver.h), in about a minute, thrown away after.
 *
 * Stages are the commands themselves, each in a child process, so that a crash names its stage.
 */
#ifndef CLI_SMOKE_H
#define CLI_SMOKE_H

/* One line a stage on stdout: an exit code, COMMAND_FAILED after the first stage that failed. */
int smoke_run(const char *path);
#endif
