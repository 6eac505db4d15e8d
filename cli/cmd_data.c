/* cli/cmd_data.c -- `retort data STUDY`: what a study reads, and as files for other programs. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/session.h"
#include "trainer/task/npy.h"

struct destination {
    const struct study *study;
    const char *folder;
};

static rt_status path_of(const struct destination *to, const char *name, const char *ending,
                         char path[RT_PATH_MAX], struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s%s", to->folder, name, ending) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", to->folder);
}

static rt_status write_numbers(const struct destination *to, const char *name, const int *number,
                               int count, struct rt_err *err)
{
    char path[RT_PATH_MAX];

    if (count == 0)
        return RT_OK;
    RT_TRY(path_of(to, name, ".npy", path, err));
    RT_TRY(tr_npy_write_rows(path, number, count, err));
    (void)printf("%s: %d numbers\n", path, count);
    return RT_OK;
}

static rt_status write_rows(const struct destination *to, const char *name,
                            const struct tr_task *task, struct rt_err *err)
{
    char path[RT_PATH_MAX], text[96];

    RT_TRY(path_of(to, name, task->kind->written, path, err));
    RT_TRY(task->kind->write(task, path, err));
    study_task_of(to->study)->tell(task, text);
    (void)printf("%s: %s\n", path, text);
    return RT_OK;
}

static rt_status write_test(const struct destination *to, const struct tr_task *task,
                            struct rt_err *err)
{
    struct tr_task *test;

    if (!study_task_of(to->study)->has_test(to->study->block))
        return RT_OK;
    RT_TRY(session_open_test(to->study, task, &test, err));
    rt_status rc = write_rows(to, "test", test, err);
    if (rc == RT_OK)
        rc = write_numbers(to, "test_labels", test->label, test->rows, err);
    tr_task_close(test);
    return rc;
}

static rt_status write_all(const struct destination *to, const struct tr_task *task,
                           struct rt_err *err)
{
    const struct tr_split *split = &task->split;

    if (!task->kind->write)
        return rt_fail(err, RT_EARG, "'%.200s' is of the task '%s', whose rows come of acting",
                       to->study->path, task->kind->name);
    RT_TRY(rt_folder_make(to->folder, err));
    RT_TRY(write_rows(to, "train", task, err));
    RT_TRY(write_numbers(to, "train_labels", task->label, task->rows, err));
    RT_TRY(write_numbers(to, "rows_train", split->train, split->train_count, err));
    RT_TRY(write_numbers(to, "rows_validation", split->validation, split->validation_count, err));
    RT_TRY(write_numbers(to, "rows_held_out", split->held_out, split->held_out_count, err));
    return write_test(to, task, err);
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{"export", required_argument, NULL, 'e'}, {0}};
    const char *path = NULL;
    struct destination to = {0};
    struct session session;
    struct rt_err err;
    int option;

    while ((option = command_option("data", argc, argv, "", longs)) != -1) {
        if (option != 'e')
            return COMMAND_USAGE;
        to.folder = optarg;
    }
    if (!command_operand("data", argc, argv, "STUDY", &path) ||
        !command_no_more("data", argc, argv))
        return COMMAND_USAGE;
    if (!to.folder)
        return command_usage("data", "no --export DIR: say where the files go");
    if (session_open(&session, path, NULL, &err))
        return command_failed("data", &err);
    to.study = &session.study;
    const rt_status rc = write_all(&to, session.task, &err);
    session_close(&session);
    return rc == RT_OK ? COMMAND_DONE : command_failed("data", &err);
}

const struct command command_data = {
    .name = "data",
    .use = "STUDY --export DIR",
    .summary = "write what a study reads as files for other programs",
    .help =
        "Writes the images or texts of a study as this program reads them, decoded and resized, "
        "so\n"
        "that a teacher can be trained elsewhere on the very same rows:\n"
        "  train.npy            of images uint8 (rows, height, width, channels), in the order of\n"
        "                       the data; recorded logits have a row for each. Rows of\n"
        "                       validation_images stand behind those of train_images\n"
        "  train.jsonl          of texts {\"text\": ..} a line, and text_b of pairs\n"
        "  train_labels.npy     int64 (rows)\n"
        "  rows_train.npy, rows_validation.npy, rows_held_out.npy\n"
        "                       int64: which of them are for what; leave those of validation out\n"
        "                       where you train, and name that file as data.validation_rows\n"
        "  test.npy or .jsonl, test_labels.npy\n"
        "                       the test file's, where the study has one\n"
        "\n"
        "  --export DIR         the folder, which is made\n",
    .run = run,
};
