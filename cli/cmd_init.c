/* cli/cmd_init.c -- `retort init TASK DIR`: a commented study file to start from.
 *
 * The text is the task's (study_image.c, ..); a test lets study_load() read it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/study_task.h"

static rt_status init(const struct study_task *task, const char *folder, char path[RT_PATH_MAX],
                      struct rt_err *err)
{
    struct rt_writer writer;

    if (snprintf(path, RT_PATH_MAX, "%s/study.yaml", folder) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
    if (access(path, F_OK) == 0)
        return rt_fail(err, RT_EIO, "'%s' exists; remove it or choose another folder", path);
    RT_TRY(rt_folder_make(folder, err));
    RT_TRY(rt_writer_open(&writer, path, err));
    for (const char *const *line = task->init; *line; line++)
        (void)fprintf(writer.file, "%s\n", *line);
    return rt_writer_commit(&writer, err);
}

static const struct study_task *find_task(const char *name)
{
    for (const struct study_task *const *task = study_tasks; *task; task++)
        if (strcmp((*task)->name, name) == 0)
            return *task;
    return NULL;
}

/* The one of its targets that is called so; NULL: the first. */
static const struct study_task *find_target(const struct study_task *task, const char *target)
{
    while (task && target && !(task->target && strcmp(task->target, target) == 0))
        task = task->other;
    return task;
}

static int unknown_target(const struct study_task *task, const char *target)
{
    char known[80] = "none";
    size_t used = 0;

    for (const struct study_task *t = task; t && t->target && used < sizeof known; t = t->other)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 t->target);
    return command_usage("init", "unknown target '%s' of '%s', known: %s", target, task->name,
                         known);
}

static int unknown_task(const char *name)
{
    char known[160];
    size_t used = 0;

    for (int i = 0; study_tasks[i] && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 study_tasks[i]->name);
    return command_usage("init", "unknown task '%s', known: %s", name, known);
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"target", required_argument, NULL, 't'}, {0}};
    const char *name = NULL, *folder = NULL, *target = NULL;
    char path[RT_PATH_MAX];
    struct rt_err err;

    for (int o; (o = command_option("init", argc, argv, "", longs)) != -1; target = optarg)
        if (o != 't')
            return COMMAND_USAGE;
    if (!command_operand("init", argc, argv, "TASK", &name))
        return COMMAND_USAGE;
    const struct study_task *task = find_task(name);
    if (!task)
        return unknown_task(name);
    const struct study_task *chosen = find_target(task, target);
    if (!chosen)
        return unknown_target(task, target);
    if (!command_operand("init", argc, argv, "DIR", &folder) ||
        !command_no_more("init", argc, argv))
        return COMMAND_USAGE;
    if (init(chosen, folder, path, &err) != RT_OK)
        return command_failed("init", &err);
    (void)printf("%s\nedit it, then:  retort doctor %s\n                retort search %s\n", path,
                 path, path);
    return COMMAND_DONE;
}

const struct command command_init = {
    .name = "init",
    .use = "TASK DIR [--target NAME]",
    .summary = "write a commented study file to start from",
    .help =
        "TASK is what the data are: image, text or policy. Writes DIR/study.yaml, and never over "
        "a\n"
        "file that exists. It runs as it is on what Debian has; put your own data, teachers and\n"
        "choices in their place.\n"
        "\n"
        "  --target NAME   what is asked of a text: its label, or the token that comes next\n"
        "                  (label, next)\n"
        "\n"
        "An architecture is written L4-d96-k16-h4.4.2.2-f192-p7: 4 layers, width 96,\n"
        "heads of dimension 16, 4 to 2 heads layer by layer, FFN width 192 in all\n"
        "layers, and what the task adds, here the side of the squares that an image is cut\n"
        "into; of texts -e16-v8000, the width of the table of tokens and how many there\n"
        "are. Attention is heads x head dimension wide, independent of the width.\n",
    .run = run,
};
