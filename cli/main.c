/* cli/main.c -- the program's entry: the table of commands, and what holds for all of them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"

extern const struct command command_init, command_teach, command_search, command_status,
    command_front, command_best, command_compare, command_importance, command_report, command_check,
    command_distill, command_confirm, command_replay, command_latency, command_export,
    command_predict, command_sample, command_data, command_play, command_plan, command_bench,
    command_doctor, command_worker, command_keygen, command_slurm, command_help;

const struct command *const command_table[] = {
    &command_init,    &command_teach,   &command_plan,
    &command_search,  &command_status,  &command_front,
    &command_best,    &command_compare, &command_importance,
    &command_report,  &command_check,   &command_distill,
    &command_confirm, &command_replay,  &command_latency,
    &command_export,  &command_predict, &command_sample,
    &command_data,    &command_play,    &command_bench,
    &command_doctor,  &command_worker,  &command_keygen,
    &command_slurm,   &command_help,    NULL,
};

static int unknown(const char *name)
{
    const struct command *nearest = command_nearest(name);

    if (nearest)
        (void)fprintf(stderr,
                      "retort: error: unknown command '%s', did you mean '%s'? see 'retort help'\n",
                      name, nearest->name);
    else
        (void)fprintf(stderr, "retort: error: unknown command '%s'; see 'retort help'\n", name);
    return COMMAND_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || (i == 1 && strcmp(argv[i], "-h") == 0))
            return true;
    return false;
}

static int choose_and_run(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "retort: error: no command; see 'retort help'\n");
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("retort %s\n", RT_VERSION);
        return COMMAND_DONE;
    }
    if (asks_for_help(argc < 2 ? argc : 2, argv)) {
        command_print_help(NULL);
        return COMMAND_DONE;
    }
    const struct command *command = command_find(argv[1]);
    if (!command)
        return unknown(argv[1]);
    if (asks_for_help(argc - 1, argv + 1)) {
        command_print_help(command);
        return COMMAND_DONE;
    }
    return command->run(argc - 1, argv + 1);
}

/* Has the reader of stdout gone away? */
static bool reader_left(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/* What could not be written is a failure: half a table must not pass for a whole one. */
static int flush_stdout(int code)
{
    errno = 0;
    if ((fflush(stdout) == 0 && !ferror(stdout)) || reader_left())
        return code;
    (void)fprintf(stderr, "retort: error: cannot write standard output%s%s\n", errno ? ": " : "",
                  errno ? strerror(errno) : "");
    return code == COMMAND_DONE ? COMMAND_FAILED : code;
}

static void say_part(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* A file that we read where it is mapped has become shorter, or its disk failed. There is no way
 * back to what was read, and nothing is lost but trials in flight. */
static void map_gone(int number, siginfo_t *info, void *context)
{
    const char *path = rt_map_at(info->si_addr);

    (void)number, (void)context;
    say_part("retort: error: cannot read '");
    say_part(path ? path : "a file that is mapped");
    say_part("' any more: it was cut short by another program, or its disk failed; mend it (a "
             "teachers' cache: retort teach) and run the same command again\n");
    _exit(COMMAND_FAILED);
}

/* What else a system signals about files comes back as an error of the call that met it. */
static void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = map_gone, .sa_flags = SA_SIGINFO};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char **argv)
{
    catch_faults();
    return flush_stdout(choose_and_run(argc, argv));
}
