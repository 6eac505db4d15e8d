/* cli/cmd_sample.c -- `retort sample`: what a student of the next token, and its teachers, go on with. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/kept_study.h"
#include "cli/weights.h"
#include "trainer/measure/sample.h"
#include "trainer/task/text/text.h"

enum { most_tokens = 4096, room = 1 << 16, longest_prompt = 1 << 16 };

struct wishes {
    const char *from, *candidate; /* candidate NULL: from is a file of weights, without teachers */
    const char *prompt;
    int64_t tokens, seed;
    double temperature;
};

static rt_status tell(const char *name, const struct tr_student *student,
                      const struct tr_weights *weights, const struct tr_tokeniser *tokeniser,
                      const struct wishes *w, struct rt_err *err)
{
    const struct tr_sampling sampling = {
        .tokens = (int)w->tokens, .temperature = w->temperature, .seed = (uint64_t)w->seed};
    static char text[room];

    RT_TRY(
        tr_sample_text(student, weights, tokeniser, w->prompt, &sampling, text, sizeof text, err));
    rt_text_plain(text);
    (void)printf("%-16.63s %s\n", name, text);
    return RT_OK;
}

static const char *note_of(const void *from, const char *key)
{
    for (const struct tr_metadata *note = from; note->key; note++)
        if (strcmp(note->key, key) == 0)
            return note->value;
    return NULL;
}

static rt_status tell_student(const struct weights *weights, const struct wishes *w,
                              struct rt_err *err)
{
    const struct tr_model *model = weights->model;
    const struct tr_notes notes = {.note = note_of, .from = model->metadata, .file = weights->path};
    struct tr_tokeniser tokeniser;

    if (model->student->shape.pool != SPACE_POOL_NONE)
        return rt_fail(err, RT_EARG,
                       "'%.200s' says what a text is, not how it goes on; that takes a study with "
                       "data.target: next",
                       weights->path);
    RT_TRY(tr_text_recall_tokens(&notes, model->student->arch.vocabulary, &tokeniser, err));
    const rt_status rc = tell("student", model->student, model->weights, &tokeniser, w, err);
    tr_tokeniser_release(&tokeniser);
    return rc;
}

static rt_status tell_teachers(const struct wishes *w, struct rt_err *err)
{
    struct session session = {0};
    struct settings settings;
    struct store *store;
    rt_status rc;

    RT_TRY(store_open(w->from, STORE_READ, NULL, &store, err));
    rc = kept_study_open(store, NULL, false, &session, &settings, err);
    store_close(store);
    RT_TRY(rc);
    rc = session_teachers_open(&session, err);
    for (int k = 0; rc == RT_OK && k < session.study.teachers.count; k++)
        rc = tell(session.study.teachers.teacher[k].name, &session.knowledge.live[k].student,
                  &session.knowledge.live[k].weights, tr_text_tokeniser(session.task), w, err);
    session_close(&session);
    return rc;
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"prompt", required_argument, NULL, 'p'},
                                   {"tokens", required_argument, NULL, 'n'},
                                   {"temperature", required_argument, NULL, 'T'},
                                   {"seed", required_argument, NULL, 's'},
                                   {0}};
    bool good = true;

    *w = (struct wishes){.tokens = 24, .temperature = 1, .seed = 1};
    for (int o; good && (o = command_option("sample", argc, argv, "p:", longs)) != -1;) {
        switch (o) {
        case 'p': w->prompt = optarg; break;
        case 'n':
            good = command_int64("sample", "--tokens", optarg, 1, most_tokens, &w->tokens);
            break;
        case 'T':
            good = command_double("sample", "--temperature", optarg, 0, 100, &w->temperature);
            break;
        case 's': good = command_int64("sample", "--seed", optarg, 0, INT64_MAX, &w->seed); break;
        default: good = false;
        }
    }
    if (!good || !command_operand("sample", argc, argv, "WEIGHTS", &w->from))
        return COMMAND_USAGE;
    if (argc - optind > 0)
        w->candidate = argv[optind++];
    if (!command_no_more("sample", argc, argv))
        return COMMAND_USAGE;
    if (!w->prompt || strlen(w->prompt) > longest_prompt)
        return command_usage("sample", w->prompt ? "the prompt is longer than 65536 bytes"
                                                 : "no --prompt TEXT");
    return COMMAND_DONE;
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
        rc = tell_student(&weights, &wishes, &err);
        weights_close(&weights);
    }
    if (rc == RT_OK && wishes.candidate)
        rc = tell_teachers(&wishes, &err);
    return rc == RT_OK ? COMMAND_DONE : command_failed("sample", &err);
}

const struct command command_sample = {
    .name = "sample",
    .use = "WEIGHTS | DB CANDIDATE --prompt TEXT [--tokens N] [--temperature T] [--seed S]",
    .summary = "how a student of the next token goes on with a text",
    .help =
        "WEIGHTS is a file that `retort distill -o` wrote in a study with data.target: next; of "
        "DB\n"
        "and CANDIDATE it is the newest one written, and the study's teachers go on, too.\n"
        "\n"
        "  -p, --prompt TEXT  how the text begins; \"\" for one from its beginning\n"
        "  --tokens N         at most so many more (24); it may end before\n"
        "  --temperature T    1 draws from the probabilities, less keeps to the likelier, 0 takes\n"
        "                     the likeliest (1)\n"
        "  --seed S           of the draw (1)\n",
    .run = run,
};
