/* cli/cmd_plan.c -- `retort plan STUDY`: what a night comes to, before it is spent. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/machine.h"
#include "cli/command.h"
#include "cli/doctor.h"
#include "cli/formats.h"
#include "cli/plan.h"

struct wishes { /* negative or NULL: as the study says */
    const char *study, *db;
    int64_t trials, workers;
    double hours, seconds;
    enum report_format format;
};

/* ---- for people ---- */

/* 5400 as "1.5 h". */
static const char *duration(double seconds, char text[24])
{
    if (seconds >= 5400)
        (void)snprintf(text, 24, "%.1f h", seconds / 3600);
    else if (seconds >= 90)
        (void)snprintf(text, 24, "%.0f min", seconds / 60);
    else
        (void)snprintf(text, 24, "%.3g s", seconds);
    return text;
}

static void print_time(const struct plan *p, const struct study *study)
{
    char a[24], b[24], c[24];

    if (p->to_train)
        (void)printf("teachers   %d of %d to train, about %s\n", p->to_train, p->teachers,
                     duration(p->teaching, a));
    else
        (void)printf("teachers   %d, none to train\n", p->teachers);
    (void)printf("a trial    %s, from %s to %s (%d students)\n", duration(p->trial, a),
                 duration(p->trial_least, b), duration(p->trial_most, c), p->students);
    (void)printf("trials     %.0f an hour with %d workers", p->per_hour, study->search.workers);
    if (p->done > 0)
        (void)printf("; %.0f are done", p->done);
    if (p->bounded)
        (void)printf("\nthe night  about %.0f trials in %s, teachers included\n", p->trials,
                     duration(p->hours * 3600, a));
    else
        (void)printf("\nthe night  has no end: say --trials, --hours or --until\n");
}

/* Behind its name, in lines of 80 characters at most. */
static void print_wrapped(const char *name, const char *text)
{
    enum { indent = 11, width = 80 - indent };

    while (*text) {
        size_t n = strlen(text);
        if (n > width)
            for (n = width; n > 0 && text[n] != ' '; n--)
                continue;
        n = n ? n : strlen(text);
        (void)printf("%-*s%.*s\n", indent, name, (int)n, text);
        name = "";
        text += n + (text[n] == ' ');
    }
}

/* So many seconds from now, as 07:42. */
static const char *time_of_day(double seconds, char text[24])
{
    const time_t then = time(NULL) + (time_t)fmin(seconds, 1e9);
    struct tm local;

    (void)strftime(text, 24, seconds > 86400 ? "%a %H:%M" : "%H:%M", localtime_r(&then, &local));
    return text;
}

static void print_room(const struct plan *p, const struct study *study)
{
    const double all = p->trial_bytes * study->search.workers;
    char a[16], b[16], c[16], d[16];

    (void)printf("memory     at most %s a trial, %s for all workers;\n"
                 "           what the teachers say %s; %s may be taken%s\n",
                 disk_bytes(p->trial_bytes, a), disk_bytes(all, b), disk_bytes(p->shared_bytes, c),
                 disk_bytes(p->room, d),
                 p->trial_bytes > p->room ? ":\n           the largest trials will fail"
                 : all > p->room          ? ":\n           large trials will wait for others"
                                          : "");
    print_wrapped("disk", p->disk_text);
}

/* What follows the search; and when all of it is over. */
static void print_after(const struct plan *p, const struct study *study)
{
    const struct after_plan *after = &p->after;
    const double seconds = p->confirm + p->distill, most = 3600 * study->after.hours;
    char a[24], b[24], c[24];

    if (!after->asked)
        return;
    (void)printf("after      a full run takes %s of one core; of a front of %.0f%s:\n",
                 duration(p->full, a), after->members, after->known ? "" : ", say");
    if (after->runs > 0)
        (void)printf("           confirm: %.0f full runs by %d workers, about %s\n", after->runs,
                     study->search.workers, duration(p->confirm, a));
    if (after->students > 0)
        (void)printf("           distill: %.0f students and %.0f exports, about %s\n",
                     after->students, after->exports, duration(p->distill, b));
    if (most > 0)
        (void)printf("           %s in all, and %s are allowed%s\n", duration(seconds, a),
                     duration(most, b),
                     seconds > most ? ": TOO LITTLE,\n           the same command goes on with the "
                                      "rest"
                                    : "");
    if (p->bounded)
        (void)printf("           with these the night ends about %s, %s from now\n",
                     time_of_day(3600 * p->hours + (most > 0 ? fmin(seconds, most) : seconds), c),
                     duration(3600 * p->hours + (most > 0 ? fmin(seconds, most) : seconds), a));
}

static void print_table(const struct plan *p, const struct study *study)
{
    (void)printf("study      %s\n", study->name);
    print_time(p, study);
    print_after(p, study);
    print_room(p, study);
    if (p->rows > 0)
        (void)printf(
            "ranking    an error of %.2f %% has a standard error of %.2f %% by %.0f rows:\n"
            "           students nearer than %.2f %% are not told apart by one seed\n",
            100 * p->error, 100 * p->error_error, p->rows, 100 * 2 * sqrt(2) * p->error_error);
}

/* ---- for programs ---- */

static void print_csv(const struct plan *p)
{
    (void)puts(
        "teachers,to_train,teaching_seconds,trial_seconds,trial_seconds_stderr,"
        "trial_seconds_least,trial_seconds_most,trials_per_hour,trials_done,trials,hours,"
        "trial_bytes,teachers_bytes,memory_room,cache_bytes,database_bytes,disk_room,"
        "validation_rows,error,error_stderr,full_seconds,confirm_runs,confirm_seconds,students,"
        "exports,distill_seconds,after_bytes");
    (void)printf("%d,%d,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.0f", p->teachers, p->to_train, p->teaching,
                 p->trial, p->trial_error, p->trial_least, p->trial_most, p->per_hour, p->done);
    if (p->bounded)
        (void)printf(",%.0f,%.6g", p->trials, p->hours);
    else
        (void)printf(",,");
    (void)printf(",%.0f,%.0f,%.0f,%.0f,", p->trial_bytes, p->shared_bytes, p->room, p->disk.cache);
    if (p->bounded)
        (void)printf("%.0f", p->disk.database);
    (void)printf(",%.0f,%.0f,%.6g,%.6g", p->disk_room, p->rows, p->error, p->error_error);
    (void)printf(",%.6g,%.0f,%.6g,%.0f,%.0f,%.6g,%.0f\n", p->full, p->after.runs, p->confirm,
                 p->after.students, p->after.exports, p->distill, p->disk.after);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static rt_status print_json(const struct plan *p, struct rt_err *err)
{
    json_t *all = json_pack(
        "{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
        " s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "teachers", p->teachers, "to_train", p->to_train, "teaching_seconds", number(p->teaching),
        "trial_seconds", number(p->trial), "trial_seconds_stderr", number(p->trial_error),
        "trial_seconds_least", number(p->trial_least), "trial_seconds_most", number(p->trial_most),
        "trials_per_hour", number(p->per_hour), "trials_done", number(p->done), "trials",
        number(p->trials), "hours", number(p->hours), "trial_bytes", number(p->trial_bytes),
        "teachers_bytes", number(p->shared_bytes), "memory_room", number(p->room), "cache_bytes",
        number(p->disk.cache), "database_bytes", number(p->bounded ? p->disk.database : NAN),
        "disk_room", number(p->disk_room), "validation_rows", number(p->rows), "error",
        number(p->error), "error_stderr", number(p->error_error), "full_seconds", number(p->full),
        "confirm_runs", number(p->after.runs), "confirm_seconds", number(p->confirm), "students",
        number(p->after.students), "exports", number(p->after.exports), "distill_seconds",
        number(p->distill), "after_bytes", number(p->disk.after));
    char *text = all ? json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;

    if (text)
        (void)puts(text);
    free(text);
    json_decref(all);
    return text ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to print the plan");
}

/* ---- the command ---- */

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {
        {"db", required_argument, NULL, 'd'},      {"trials", required_argument, NULL, 't'},
        {"hours", required_argument, NULL, 'h'},   {"until", required_argument, NULL, 'u'},
        {"workers", required_argument, NULL, 'w'}, {"seconds", required_argument, NULL, 's'},
        {"format", required_argument, NULL, 'f'},  {0}};
    bool good = true;

    *w = (struct wishes){.trials = -1, .workers = -1, .hours = -1, .seconds = 4};
    for (int o; good && (o = command_option("plan", argc, argv, "f:", longs)) != -1;) {
        switch (o) {
        case 'd': w->db = optarg; break;
        case 't': good = command_int64("plan", "--trials", optarg, 0, INT64_MAX, &w->trials); break;
        case 'w': good = command_int64("plan", "--workers", optarg, 1, 1024, &w->workers); break;
        case 'h': good = command_double("plan", "--hours", optarg, 0, 1e6, &w->hours); break;
        case 'u': good = command_until("plan", optarg, &w->hours); break;
        case 's': good = command_double("plan", "--seconds", optarg, .1, 3600, &w->seconds); break;
        case 'f': good = format_option("plan", optarg, &w->format); break;
        default: good = false;
        }
    }
    return good && command_operand("plan", argc, argv, "STUDY", &w->study) &&
                   command_no_more("plan", argc, argv)
               ? COMMAND_DONE
               : COMMAND_USAGE;
}

static rt_status make(struct session *session, const struct wishes *w, struct plan *plan,
                      struct rt_err *err)
{
    struct study *study = &session->study;
    struct search_options *search = &study->search;

    if (w->db)
        (void)snprintf(study->store, sizeof study->store, "%s", w->db);
    RT_TRY(study_as_begun(study, study->store, err));
    search->trials = w->trials >= 0 ? w->trials : search->trials;
    search->hours = w->hours >= 0 ? w->hours : search->hours;
    search->workers = w->workers > 0 ? (int)w->workers : search->workers;
    RT_TRY(study_check_cores(study, rt_cores(), err));
    RT_TRY(session_prepare(session, err));
    return plan_make(session, w->seconds, plan, err);
}

static int run(int argc, char **argv)
{
    struct session session;
    struct wishes wishes;
    struct plan plan;
    struct rt_err err;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (session_load(&session, wishes.study, NULL, &err))
        return command_failed("plan", &err);
    rt_status rc = make(&session, &wishes, &plan, &err);
    if (rc == RT_OK && wishes.format == REPORT_TABLE)
        print_table(&plan, &session.study);
    else if (rc == RT_OK && wishes.format == REPORT_CSV)
        print_csv(&plan);
    else if (rc == RT_OK)
        rc = print_json(&plan, &err);
    session_close(&session);
    return rc == RT_OK ? COMMAND_DONE : command_failed("plan", &err);
}

const struct command command_plan = {
    .name = "plan",
    .use = "STUDY [--trials N] [--hours H] [--until HH:MM] [--workers N] [OPTION]...",
    .summary = "what a night with a study comes to: time, memory, disk, and certainty",
    .help =
        "Measures some steps of each teacher that is to be trained, and the whole of a trial's\n"
        "parts for eight students of the space, on one core; then says how many trials the night\n"
        "has, what memory and disk they need, which students validation can tell apart, and how "
        "long\n"
        "what `after` asks for takes.\n"
        "Nothing is written. Leave the machine alone meanwhile.\n"
        "\n"
        "  --trials N, --hours H, --until HH:MM, --workers N, --db FILE   as for `search`\n"
        "  --seconds S   of training for the students in all (4)\n"
        "  -f, --format F   table, csv or json\n",
    .run = run,
};
