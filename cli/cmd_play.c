/* cli/cmd_play.c -- `retort play DB CANDIDATE`: one episode of a student and of its teachers, to look at.
 *
 * The student is trained once more, by the recipe of the trials or the full one, so that no weights need
 * be kept. By the full one it is the student that `distill` gives; by that of the trials it differs in
 * last bits, since gradients are summed over lanes.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/retrain.h"
#include "reports/film.h"
#include "trainer/net/acting.h"
#include "trainer/task/policy/policy.h"

enum { most_capsules = 64, most_frames = 600, who_count = 2 };

struct wishes {
    struct retrain_wishes which;
    const char *output, *csv;
    int64_t episode;
    bool full;
};

/* One episode as it was seen: a frame each `stride` steps. */
struct film {
    const char *who;
    const struct tr_env_info *info;
    FILE *csv; /* NULL: none is wanted */
    int stride, steps, frames, room, capsules;
    double *shape, *frame_total;
    double total;
    bool failed; /* out of memory */
};

/* ---- looking on ---- */

static void write_row(const struct film *film, const struct tr_env_batch *batch, int copy,
                      const double *action)
{
    const int o = film->info->observation, n = film->info->actions;

    (void)fprintf(film->csv, "%s,%d", film->who, film->steps);
    for (int i = 0; i < o; i++)
        (void)fprintf(film->csv, ",%.9g", batch->observation[(ptrdiff_t)copy * o + i]);
    for (int i = 0; i < n; i++)
        (void)fprintf(film->csv, action ? ",%.9g" : ",", action ? action[i] : 0);
    (void)fprintf(film->csv, ",%.9g\n", film->total);
}

static bool grow(struct film *film)
{
    const int room = film->room ? 2 * film->room : 256;
    const size_t one = (size_t)film->capsules * REPORT_FILM_CAPSULE;
    double *shape = realloc(film->shape, (size_t)room * one * sizeof *shape);

    if (shape)
        film->shape = shape;
    double *total = realloc(film->frame_total, (size_t)room * sizeof *total);
    if (total)
        film->frame_total = total;
    film->failed = !shape || !total;
    film->room = film->failed ? film->room : room;
    return !film->failed;
}

static void take_frame(struct film *film, const struct tr_env_batch *batch, int copy)
{
    struct tr_capsule capsule[most_capsules];
    const int count = tr_env_draw(batch, copy, most_capsules, capsule);

    if (!film->frames)
        film->capsules = count < most_capsules ? count : most_capsules;
    if (!film->capsules || (film->frames == film->room && !grow(film)))
        return;
    for (int c = 0; c < film->capsules; c++) {
        double *to =
            film->shape + ((ptrdiff_t)film->frames * film->capsules + c) * REPORT_FILM_CAPSULE;
        const double from[REPORT_FILM_CAPSULE] = {capsule[c].x0, capsule[c].y0, capsule[c].x1,
                                                  capsule[c].y1, capsule[c].radius};
        memcpy(to, from, sizeof from);
    }
    film->frame_total[film->frames++] = film->total;
}

static void seen(void *context, const struct tr_env_batch *batch, int copy, const double *action)
{
    struct film *film = context;

    if (film->steps)
        film->total += batch->reward[copy];
    if (film->csv)
        write_row(film, batch, copy, action);
    if (film->steps % film->stride == 0 || !action)
        take_frame(film, batch, copy);
    film->steps++;
}

/* ---- the student ---- */

static rt_status train(struct retrain *job, const struct wishes *wishes, const atomic_int *stop,
                       struct rt_err *err)
{
    const struct session *session = &job->session;
    const struct tr_recipe full =
        study_full_recipe(&session->study, session->task->split.train_count);

    retrain_begin(job, job->arch, wishes->full ? &full : &session->study.recipe, stop);
    if (!job->run.recipe.micro_batch)
        job->run.recipe.micro_batch = 1;
    return full_run_train(&job->run, err);
}

/* show NULL: all starts, their returns into total. */
static rt_status play_student(struct retrain *job, int episode, const struct tr_policy_show *show,
                              double *total, struct rt_err *err)
{
    const struct tr_task *task = job->session.task;
    const struct tr_network *net = full_run_kept(&job->run);
    const int room = task->kind->feed->at_once(task);
    struct tr_acting acting;
    struct rt_arena arena;
    rt_status rc;

    rt_arena_init_counting(&arena);
    (void)tr_acting_init(&acting, &net->student, room, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = tr_acting_init(&acting, &net->student, room, &arena, err)) == RT_OK) {
        acting.weights = &net->weights;
        rc = show ? tr_policy_play(task, &acting.actor, episode, show, total, err)
                  : tr_policy_returns(task, &acting.actor, total, err);
    }
    rt_arena_release(&arena);
    return rc;
}

/* ---- what it leaves ---- */

static rt_status write_page(const struct wishes *wishes, const struct retrain *job,
                            const struct film films[who_count], const double *returns,
                            struct rt_err *err)
{
    const struct tr_policy_scores *scores = tr_policy_scores(job->session.task);
    const struct report_pairs pairs = {scores->episodes, returns, scores->teacher,
                                       (int)wishes->episode};
    struct report_film shown[who_count];
    char caption[who_count][80], title[SPACE_ARCH_TEXT + 80], arch[SPACE_ARCH_TEXT];

    if (!films[0].capsules)
        return rt_fail(err, RT_EARG,
                       "'%s' has no picture; give --csv FILE for the states and actions alone",
                       films[0].info->name);
    space_arch_print(&job->run.arch, arch);
    for (int i = 0; i < who_count; i++) {
        (void)snprintf(caption[i], sizeof caption[i], "return %.4g in %d steps", films[i].total,
                       films[i].steps - 1);
        shown[i] = (struct report_film){.title = films[i].who,
                                        .caption = caption[i],
                                        .frames = films[i].frames,
                                        .capsules = films[i].capsules,
                                        .shape = films[i].shape,
                                        .total = films[i].frame_total};
    }
    (void)snprintf(title, sizeof title, "%s: %s, start %d", films[0].info->name, arch,
                   (int)wishes->episode);
    RT_TRY(report_film_page(wishes->output, title, shown, who_count, &pairs, err));
    (void)printf("%s\n", wishes->output);
    return RT_OK;
}

/* (frames, 1 + 5 capsules) floats, for the caller to free; NULL: no pictures, or no memory. */
static float *pack(const struct film *film)
{
    const ptrdiff_t numbers = (ptrdiff_t)film->capsules * REPORT_FILM_CAPSULE;
    float *values = film->capsules
                        ? malloc((size_t)film->frames * (size_t)(numbers + 1) * sizeof *values)
                        : NULL;

    for (ptrdiff_t f = 0; values && f < film->frames; f++) {
        values[f * (numbers + 1)] = (float)film->frame_total[f];
        for (ptrdiff_t n = 0; n < numbers; n++)
            values[f * (numbers + 1) + 1 + n] = (float)film->shape[f * numbers + n];
    }
    return values;
}

/* For the report's page. A database that cannot be written is no reason to show nothing. */
static void record(const struct wishes *wishes, const struct retrain *job,
                   const struct film films[who_count], const double *returns)
{
    const struct tr_policy_scores *scores = tr_policy_scores(job->session.task);
    struct store_played played = {.arch = &job->run.arch,
                                  .full = wishes->full,
                                  .starts = scores->episodes,
                                  .student = returns,
                                  .teacher = scores->teacher,
                                  .shown = (int)wishes->episode};
    float *values[who_count];
    struct store *store = NULL;
    struct rt_err err;

    for (int i = 0; i < who_count; i++) {
        values[i] = pack(&films[i]);
        if (values[i])
            played.film[i] = (struct store_film){films[i].frames, films[i].capsules, values[i]};
    }
    rt_status rc = store_open(wishes->which.db, STORE_APPEND, NULL, &store, &err);
    if (rc == RT_OK)
        rc = store_played(store, &played, &err);
    store_close(store);
    if (rc != RT_OK)
        command_warn("play", "not kept for the report: %s", err.text);
    for (int i = 0; i < who_count; i++)
        free(values[i]);
}

static rt_status show(struct retrain *job, const struct wishes *wishes,
                      struct film films[who_count], struct rt_err *err)
{
    const struct tr_policy_scores *scores = tr_policy_scores(job->session.task);
    double total, *returns = calloc((size_t)scores->episodes, sizeof *returns);
    rt_status rc = RT_OK;

    if (!returns)
        return rt_fail(err, RT_ENOMEM, "no memory for the returns of %d starts", scores->episodes);
    for (int i = 0; i < who_count && rc == RT_OK; i++) {
        const struct tr_policy_show to = {&films[i], seen};
        rc = i ? tr_policy_play(job->session.task, NULL, (int)wishes->episode, &to, &total, err)
               : play_student(job, (int)wishes->episode, &to, &total, err);
        if (rc == RT_OK && films[i].failed)
            rc = rt_fail(err, RT_ENOMEM, "no memory for the pictures of an episode");
        if (rc == RT_OK)
            (void)printf("%-18s return %.6g in %d steps\n", films[i].who, total,
                         films[i].steps - 1);
    }
    if (rc == RT_OK)
        rc = play_student(job, 0, NULL, returns, err);
    if (rc == RT_OK)
        record(wishes, job, films, returns);
    if (rc == RT_OK && wishes->output)
        rc = write_page(wishes, job, films, returns, err);
    free(returns);
    return rc;
}

static rt_status play(struct retrain *job, const struct wishes *wishes, FILE *csv,
                      struct rt_err *err)
{
    const struct tr_env_info *info = tr_env_info(tr_policy_environment(job->session.task));
    const int stride = (info->horizon + most_frames - 1) / most_frames;
    struct film films[who_count] = {{.who = "student", .info = info, .csv = csv, .stride = stride},
                                    {.who = "teacher", .info = info, .csv = csv, .stride = stride}};
    const rt_status rc = show(job, wishes, films, err);

    for (int i = 0; i < who_count; i++) {
        free(films[i].shape);
        free(films[i].frame_total);
    }
    return rc;
}

static void write_head(FILE *csv, const struct tr_env_info *info)
{
    (void)fputs("who,step", csv);
    for (int i = 0; i < info->observation; i++)
        (void)fprintf(csv, ",observation_%d", i);
    for (int i = 0; i < info->actions; i++)
        (void)fprintf(csv, ",action_%d", i);
    (void)fputs(",return\n", csv);
}

static rt_status play_and_write(struct retrain *job, const struct wishes *wishes,
                                struct rt_err *err)
{
    struct rt_writer writer;
    rt_status rc;

    if (!wishes->csv)
        return play(job, wishes, NULL, err);
    RT_TRY(rt_writer_open(&writer, wishes->csv, err));
    write_head(writer.file, tr_env_info(tr_policy_environment(job->session.task)));
    if ((rc = play(job, wishes, writer.file, err)) == RT_OK)
        rc = rt_writer_commit(&writer, err);
    else
        rt_writer_abandon(&writer);
    if (rc == RT_OK)
        (void)printf("%s\n", wishes->csv);
    return rc;
}

/* ---- the command ---- */

static rt_status work(struct retrain *job, const void *of, const atomic_int *stop,
                      struct rt_err *err)
{
    const struct session *session = &job->session;
    const struct wishes *wishes = of;

    if (session->task->kind != &tr_task_policy)
        return rt_fail(err, RT_EARG, "'%.200s' is a study of the task '%s', which has no episodes",
                       wishes->which.db, session->task->kind->name);
    if (wishes->episode >= INT32_MAX)
        return rt_fail(err, RT_EARG, "--episode is too large");
    RT_TRY(retrain_teachers(job, wishes->full ? &session->study.full : &session->study.recipe, stop,
                            err));
    RT_TRY(train(job, wishes, stop, err));
    return play_and_write(job, wishes, err);
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {
        {"output", required_argument, NULL, 'o'},  {"csv", required_argument, NULL, 'c'},
        {"episode", required_argument, NULL, 'e'}, {"study", required_argument, NULL, 'S'},
        {"full", no_argument, NULL, 'f'},          {0}};
    bool good = true;

    *w = (struct wishes){0};
    for (int o; good && (o = command_option("play", argc, argv, "o:", longs)) != -1;) {
        switch (o) {
        case 'o': w->output = optarg; break;
        case 'c': w->csv = optarg; break;
        case 'S': w->which.study = optarg; break;
        case 'f': w->full = true; break;
        case 'e':
            good = command_int64("play", "--episode", optarg, 0, INT32_MAX - 1, &w->episode);
            break;
        default: good = false;
        }
    }
    return good && retrain_operands("play", argc, argv, 1, &w->which) ? COMMAND_DONE
                                                                      : COMMAND_USAGE;
}

static int run(int argc, char **argv)
{
    struct wishes wishes;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    return retrain_command("play", &wishes.which, work, &wishes);
}

const struct command command_play = {
    .name = "play",
    .use = "DB CANDIDATE [-o FILE.html] [--csv FILE] [--episode N] [--full] [--study FILE]",
    .summary = "one episode of a student and of its teachers, to look at",
    .help =
        "CANDIDATE is a candidate's number or its architecture, as `retort front` shows them, of "
        "a\n"
        "study of policies. Trains it once more, lets it act from one of the starts that scored\n"
        "it, then its teachers from the same, and prints both returns. The pictures and the "
        "returns\n"
        "from all those starts are kept in DB, and `retort report` shows the suggested student's.\n"
        "\n"
        "  -o, --output FILE  a moving picture of both, as one HTML file of its own\n"
        "  --csv FILE         observations, actions and returns, a row a step\n"
        "  --episode N        which start, from 0\n"
        "  --full             trained by the full recipe, not by that of the trials\n"
        "  --study FILE       take the full recipe and the places of files from this file\n",
    .run = run,
};
