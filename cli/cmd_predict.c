/* cli/cmd_predict.c -- `retort predict`: what a trained student says about data.
 *
 * It runs the file of weights as it is: floats by this machine's kernels, int8 by the integer
 * reference. So it is what an exported student is compared with.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/weights.h"
#include "trainer/net/predict.h"
#include "trainer/task/controller.h"
#include "trainer/task/npy.h"

struct wishes {
    const char *from, *candidate, *data, *output; /* candidate NULL: from is a file of weights */
    const char *actions;                          /* of a policy; NULL: not wanted */
};

static rt_status make_room(const struct tr_model *model, int rows, struct tr_matrix *logits,
                           struct rt_err *err)
{
    logits->rows = (size_t)rows;
    logits->columns = (size_t)space_outputs(&model->student->shape);
    logits->values = malloc(logits->rows * logits->columns * sizeof *logits->values);
    if (!logits->values)
        return rt_fail(err, RT_ENOMEM, "no memory for the answers to %d examples", rows);
    return RT_OK;
}

static rt_status answer_bytes(const struct weights *weights, const char *path,
                              struct tr_matrix *logits, struct rt_err *err)
{
    uint8_t *bytes;
    int rows;

    RT_TRY(weights->task->examples(path, &weights->model->input, &bytes, &rows, err));
    rt_status rc = make_room(weights->model, rows, logits, err);
    if (rc == RT_OK)
        rc = tr_model_answer(weights->model, bytes, rows, logits->values, err);
    free(bytes);
    return rc;
}

static rt_status answer_task(const struct weights *weights, const char *path,
                             struct tr_matrix *logits, struct rt_err *err)
{
    const struct tr_model *model = weights->model;
    struct tr_task *task;
    int *rows = NULL;

    RT_TRY(weights->task->open_examples(path, model, &task, err));
    rt_status rc = make_room(model, task->rows, logits, err);
    if (rc == RT_OK && !(rows = malloc((size_t)task->rows * sizeof *rows)))
        rc = rt_fail(err, RT_ENOMEM, "no memory for the answers to %d examples", task->rows);
    for (int i = 0; rows && i < task->rows; i++)
        rows[i] = i;
    if (rc == RT_OK)
        rc = tr_predict(model->student, model->weights, task, rows, task->rows, 1, logits->values,
                        err);
    free(rows);
    tr_task_close(task);
    return rc;
}

/* Rows of the file are the steps of an episode. */
static rt_status answer_steps(const struct weights *weights, const char *path,
                              struct tr_matrix *logits, struct tr_matrix *actions,
                              struct rt_err *err)
{
    const struct tr_controller *controller = weights->model->input.controller;
    struct tr_matrix seen;

    RT_TRY(tr_npy_read(path, &seen, err));
    const size_t columns = (size_t)controller->actions.parts;
    rt_status rc = RT_OK;
    if (seen.columns != (size_t)controller->observed || seen.rows > INT32_MAX)
        rc =
            rt_fail(err, RT_ESHAPE, "'%.200s' has rows of %zu numbers, and this policy observes %d",
                    path, seen.columns, controller->observed);
    if (rc == RT_OK)
        rc = make_room(weights->model, (int)seen.rows, logits, err);
    *actions = (struct tr_matrix){seen.rows, columns, NULL};
    if (rc == RT_OK && !(actions->values = malloc(seen.rows * columns * sizeof *actions->values)))
        rc = rt_fail(err, RT_ENOMEM, "no memory for the actions of %zu steps", seen.rows);
    if (rc == RT_OK)
        rc = tr_model_act(weights->model, seen.values, (int)seen.rows, logits->values,
                          actions->values, err);
    tr_matrix_release(&seen);
    return rc;
}

/* Frames of the file are steps, each by itself. */
static rt_status answer_frames(const struct weights *weights, const char *path,
                               struct tr_matrix *logits, struct tr_matrix *actions,
                               struct rt_err *err)
{
    const struct tr_controller *controller = weights->model->input.controller;
    const size_t parts = (size_t)controller->actions.parts;

    RT_TRY(answer_bytes(weights, path, logits, err));
    *actions = (struct tr_matrix){logits->rows, parts, NULL};
    actions->values = malloc(logits->rows * parts * sizeof *actions->values);
    double *action = malloc(parts * sizeof *action);
    const bool room = actions->values && action;
    for (size_t t = 0; room && t < logits->rows; t++) {
        tr_controller_act(controller, logits->values + t * logits->columns, action);
        for (size_t i = 0; i < parts; i++)
            actions->values[t * parts + i] = (float)action[i];
    }
    free(action);
    return room ? RT_OK
                : rt_fail(err, RT_ENOMEM, "no memory for the actions of %zu steps", logits->rows);
}

static rt_status answer(const struct weights *weights, const struct wishes *w,
                        struct tr_matrix *logits, struct tr_matrix *actions, struct rt_err *err)
{
    const struct tr_controller *controller = weights->model->input.controller;

    if (controller)
        return (tr_controller_frames(controller) ? answer_frames : answer_steps)(
            weights, w->data, logits, actions, err);
    if (w->actions)
        return rt_fail(err, RT_EARG, "'%.200s' is no policy's: it has no actions", weights->path);
    return weights->task->open_examples ? answer_task(weights, w->data, logits, err)
                                        : answer_bytes(weights, w->data, logits, err);
}

static rt_status predict(const struct weights *weights, const struct wishes *w, struct rt_err *err)
{
    struct tr_matrix logits = {0}, actions = {0};
    rt_status rc = answer(weights, w, &logits, &actions, err);

    if (rc == RT_OK)
        rc = tr_npy_write(w->output, &logits, err);
    if (rc == RT_OK && w->actions)
        rc = tr_npy_write(w->actions, &actions, err);
    if (rc == RT_OK && weights->model->input.controller)
        (void)printf("%s  logits of %zu steps, %zu components of %d bins\n", w->output, logits.rows,
                     actions.columns, weights->model->student->shape.classes);
    else if (rc == RT_OK)
        (void)printf("%s  logits of %zu examples, %zu classes\n", w->output, logits.rows,
                     logits.columns);
    tr_matrix_release(&logits);
    tr_matrix_release(&actions);
    return rc;
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {
        {"output", required_argument, NULL, 'o'}, {"actions", required_argument, NULL, 'a'}, {0}};

    *w = (struct wishes){0};
    for (int o; (o = command_option("predict", argc, argv, "o:", longs)) != -1;) {
        switch (o) {
        case 'o': w->output = optarg; break;
        case 'a': w->actions = optarg; break;
        default: return COMMAND_USAGE;
        }
    }
    if (!command_operand("predict", argc, argv, "WEIGHTS", &w->from))
        return COMMAND_USAGE;
    if (argc - optind > 1)
        w->candidate = argv[optind++];
    if (!command_operand("predict", argc, argv, "DATA", &w->data) ||
        !command_no_more("predict", argc, argv))
        return COMMAND_USAGE;
    return w->output ? COMMAND_DONE : command_usage("predict", "no --output FILE");
}

static int run(int argc, char **argv)
{
    struct wishes wishes;
    struct weights weights;
    struct rt_err err;
    rt_status rc;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if ((rc = weights_open(&weights, wishes.from, wishes.candidate, &err)) == RT_OK) {
        rc = predict(&weights, &wishes, &err);
        weights_close(&weights);
    }
    return rc == RT_OK ? COMMAND_DONE : command_failed("predict", &err);
}

const struct command command_predict = {
    .name = "predict",
    .use = "WEIGHTS | DB CANDIDATE DATA -o LOGITS.npy [--actions FILE.npy]",
    .summary = "a trained student's logits for a file of data",
    .help =
        "WEIGHTS is a file that `retort distill -o` wrote, floats or int8; of DB and CANDIDATE\n"
        "it is the newest one written. DATA is a file of examples as the study's task reads\n"
        "them: an IDX or .npy file of images, a folder of pictures by class, or a .csv table of\n"
        "them, which are resized; or a text a line (two, of pairs, with a tab between), or a\n"
        ".jsonl file with the key text (of pairs text_b, too), plain or gzip'd; of policies\n"
        "a .npy file of observations (steps, numbers), an episode, or of bytes (steps, height,\n"
        "width, channels) where they read pixels.\n"
        "Int8 weights are run in integers.\n"
        "\n"
        "  -o, --output FILE  float32 (examples, classes), as numpy.load() reads it; of policies\n"
        "                     (steps, components * bins)\n"
        "  --actions FILE     of policies: what is done, float32 (steps, components)\n",
    .run = run,
};
