/* reports/figures.c -- report_figures() of report.h: gnuplot draws what its scripts and data say.
 *
 * Names and labels come from a database that anyone may have made, and gnuplot runs commands that
 * it finds in double quotes: so they stand in single quotes, and no shell starts it.
 *
 * All is made in a folder of its own inside the target, and moved up when all has worked. The .csv
 * and .gp files stay beside the pictures, so that a figure can be changed by hand:
 * `gnuplot front-params-error.gp`.
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): pipe2(), a child's folder */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "reports/report.h"
#include "reports/row_table.h"
#include "reports/rows.h"
#include "reports/text.h"

#define MOST_FIGURES 24 /* 21 pairs of 7 objectives, and three more */
#define FIGURE_NAME (2 * STORE_NAME + 8)
#define QUOTED 320 /* any label, in quotes */

extern char **environ;

struct figures {
    struct store *store;
    const char *folder;
    char work[RT_PATH_MAX]; /* the folder in which they are made */
    struct report__rows rows;
    int count;
    char name[MOST_FIGURES][FIGURE_NAME];
};

static rt_status open_in(const struct figures *f, const char *name, const char *suffix,
                         struct rt_writer *writer, struct rt_err *err)
{
    char path[RT_PATH_MAX + FIGURE_NAME + 8];

    (void)snprintf(path, sizeof path, "%s/%s.%s", f->work, name, suffix);
    return rt_writer_open(writer, path, err);
}

/* ---- data ---- */

static rt_status write_trials(const struct figures *f, bool front, struct rt_err *err)
{
    struct rt_writer writer;

    RT_TRY(open_in(f, front ? "front" : "trials", "csv", &writer, err));
    report__print_csv(&f->rows, 0, f->rows.count, front, writer.file);
    return rt_writer_commit(&writer, err);
}

/* Each row of a query as a line; `blocks`: a blank line wherever the first column changes, which
 * is where gnuplot lifts its pen. */
static rt_status write_query(const struct figures *f, const char *name, const char *head,
                             const char *sql, bool blocks, struct rt_err *err)
{
    struct rt_writer writer;
    sqlite3_stmt *q = NULL;
    sqlite3_int64 last = -1;
    rt_status rc;

    RT_TRY(open_in(f, name, "csv", &writer, err));
    if ((rc = report__ask(f->store, sql, &q, err)) != RT_OK) {
        rt_writer_abandon(&writer);
        return rc;
    }
    (void)fprintf(writer.file, "%s\n", head);
    while (report__next(q)) {
        if (blocks && last >= 0 && sqlite3_column_int64(q, 0) != last)
            (void)fputc('\n', writer.file);
        last = sqlite3_column_int64(q, 0);
        for (int c = 0; c < sqlite3_column_count(q); c++)
            (void)fprintf(writer.file, "%s%s", c ? "," : "", report__column(q, c));
        (void)fputc('\n', writer.file);
    }
    if ((rc = report__end(f->store, q, err)) != RT_OK) {
        rt_writer_abandon(&writer);
        return rc;
    }
    return rt_writer_commit(&writer, err);
}

/* ---- scripts ---- */

/* As a string of gnuplot in single quotes, where nothing is expanded and '' stands for a quote; a
 * script goes by lines, so control characters become spaces. */
static const char *quoted(const char *text, char to[QUOTED])
{
    char *out = to, *const end = to + QUOTED - 4;

    *out++ = '\'';
    for (; *text && out < end; text++) {
        const bool control = (unsigned char)*text < ' ' || *text == 127;
        *out++ = (char)(control ? ' ' : *text);
        if (*text == '\'')
            *out++ = '\'';
    }
    *out++ = '\'';
    *out = '\0';
    return to;
}

/* `body` is all of the script but what depends on the kind of picture. */
static rt_status write_script(struct figures *f, const char *name, const char *body,
                              struct rt_err *err)
{
    static const struct {
        const char *suffix, *terminal;
    } kinds[] = {
        {"svg", "svg size 640,440 dynamic background 'white' font 'sans,14'"},
        {"png",
         "pngcairo size 1280,880 background 'white' font 'sans,22' linewidth 2 pointscale 2"},
        {"pdf", "pdfcairo size 16cm,11cm font 'sans,11'"},
    };
    char file[FIGURE_NAME + 4], file_quoted[QUOTED];
    struct rt_writer writer;

    RT_TRY(open_in(f, name, "gp", &writer, err));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        (void)snprintf(file, sizeof file, "%s.%s", name, kinds[i].suffix);
        (void)fprintf(writer.file,
                      "reset\nset terminal %s\nset output %s\nset datafile separator ','\n"
                      "set grid lc rgb '#d6dce2' lw 0.6\nset border 3\nset tics nomirror\n"
                      "set key noenhanced\n%s\nunset output\n",
                      kinds[i].terminal, quoted(file, file_quoted), body);
    }
    RT_TRY(rt_writer_commit(&writer, err));
    (void)snprintf(f->name[f->count++], FIGURE_NAME, "%s", name);
    return RT_OK;
}

struct axis_text {
    char value[QUOTED + 32]; /* in a `using` */
    char label[QUOTED];      /* with the unit, in quotes */
    const char *settings;    /* how its numbers are written */
};

static struct axis_text axis_of(const struct report__rows *rows, int q)
{
    const struct report__quantity *quantity = &rows->quantities.list[q];
    struct axis_text axis;
    char column[REPORT__LINE], label[128], name[QUOTED];

    (void)snprintf(label, sizeof label, "%s%s%s", quantity->label, quantity->unit[0] ? ", " : "",
                   quantity->unit);
    (void)quoted(label, axis.label);
    (void)snprintf(axis.value, sizeof axis.value, "(%g*column(%s))", quantity->factor,
                   quoted(report__csv_name(quantity, column), name));
    axis.settings = quantity->digits == 0 ? "'%.0s%c'" : "'%g'";
    return axis;
}

/* "set xrange [...]" with room at both ends, and the scale. */
static void print_range(FILE *out, char letter, const struct report__rows *rows, int q,
                        double level)
{
    const double factor = rows->quantities.list[q].factor;
    const bool log_scale = report__is_log(rows, q);
    double low = level, high = level; /* fmin() and fmax() pass over a NaN */

    for (int i = 0; i < rows->count; i++) {
        const double value = factor * rows->row[i].value[q].value;
        low = fmin(low, value);
        high = fmax(high, value);
    }
    (void)fprintf(out, "%s logscale %c\n", log_scale ? "set" : "unset", letter);
    if (!(low <= high))
        return;
    if (log_scale) {
        const double room = fmax(pow(high / low, .05), 1.1);
        low /= room;
        high *= room;
    } else {
        const double room = high > low ? .05 * (high - low) : fmax(.1 * fabs(high), .5);
        low = fmin(fmax(low - room, 0), low);
        high += room;
    }
    (void)fprintf(out, "set %crange [%.6g:%.6g]\n", letter, low, high);
}

/* The lead has a standard error, and the ensemble's level. */
static void print_pair(FILE *out, const struct report__rows *rows, int x_place, int y_place)
{
    const struct report__quantity *lead = &rows->quantities.list[0];
    const struct axis_text x = axis_of(rows, x_place), y = axis_of(rows, y_place);
    const bool leads = y_place == 0 && lead->unit[0];
    const double level = y_place == 0 ? lead->factor * rows->ensemble.value : (double)NAN;
    char spread[STORE_NAME + 8], spread_quoted[QUOTED];

    print_range(out, 'x', rows, x_place, NAN);
    print_range(out, 'y', rows, y_place, level);
    (void)fprintf(out,
                  "set format x %s\nset format y %s\nset xlabel %s noenhanced\n"
                  "set ylabel %s noenhanced\nset key top right\nset bars 0\n"
                  "plot 'trials.csv' using %s:%s with points pt 7 ps 0.5 lc rgb '#97a1ab'"
                  " title 'trials'",
                  x.settings, y.settings, x.label, y.label, x.value, y.value);
    (void)snprintf(spread, sizeof spread, "%s_stderr", lead->name);
    if (leads)
        (void)fprintf(out,
                      ", \\\n  'front.csv' using %s:%s:(%g*column(%s))"
                      " with yerrorbars pt 0 lc rgb '#0b62b8' notitle",
                      x.value, y.value, lead->factor, quoted(spread, spread_quoted));
    (void)fprintf(out,
                  ", \\\n  'front.csv' using %s:%s with points pt 7 ps 0.9 lc rgb '#0b62b8'"
                  " title 'front'",
                  x.value, y.value);
    if (isfinite(level))
        (void)fprintf(out, ", \\\n  %.9g with lines dt 2 lw 1.5 lc rgb '#b14a00' title 'ensemble'",
                      level);
}

static rt_status write_pair(struct figures *f, int x, int y, struct rt_err *err)
{
    char name[FIGURE_NAME], *body = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&body, &size);

    if (!out)
        return rt_fail(err, RT_ENOMEM, "no memory for a figure");
    print_pair(out, &f->rows, x, y);
    if (fclose(out)) {
        free(body);
        return rt_fail(err, RT_ENOMEM, "no memory for a figure");
    }
    (void)snprintf(name, sizeof name, "front-%s-%s", f->rows.quantities.list[x].name,
                   f->rows.quantities.list[y].name);
    const rt_status rc = write_script(f, name, body, err);
    free(body);
    return rc;
}

static rt_status write_pairs(struct figures *f, struct rt_err *err)
{
    const struct report__quantities *quantities = &f->rows.quantities;

    for (int i = 0; i < quantities->objective_count; i++)
        for (int j = i + 1; j < quantities->objective_count; j++) {
            int x, y;
            report__pair(&f->rows, quantities->objective[i], quantities->objective[j], &x, &y);
            RT_TRY(write_pair(f, x, y, err));
        }
    return RT_OK;
}

static rt_status write_history(struct figures *f, struct rt_err *err)
{
    double defined;

    RT_TRY(write_query(f, "hypervolume", "trial,front,hypervolume",
                       "select trial, size, hypervolume from hypervolume order by trial", false,
                       err));
    RT_TRY(
        report__one_number(f->store, "select count(hypervolume) from hypervolume", &defined, err));
    if (defined < 1)
        return RT_OK; /* before its scale is fixed there is nothing to draw */
    return write_script(f, "hypervolume",
                        "set xlabel 'trial'\nset ylabel 'hypervolume, of 1'\n"
                        "plot 'hypervolume.csv' using 'trial':'hypervolume' with steps lw 2"
                        " lc rgb '#0b62b8' notitle",
                        err);
}

/* The first of the study's series that was recorded. */
static rt_status write_curves(struct figures *f, struct rt_err *err)
{
    char head[STORE_NAME + 32], sql[400], body[400 + 2 * QUOTED], *name, *label = NULL;
    char name_quoted[QUOTED], label_quoted[QUOTED];
    rt_status rc;

    RT_TRY(report__one_text(f->store,
                            "select name from series s where exists (select 1 from front f join"
                            " curve u on u.trial = f.trial and u.name = s.name) order by position"
                            " limit 1",
                            &name, err));
    (void)sqlite3_snprintf(sizeof sql, sql, "select label from series where name = %Q", name);
    rc = report__one_text(f->store, sql, &label, err);
    (void)sqlite3_snprintf(sizeof sql, sql,
                           "select u.trial, c.params, u.step, u.value from front f join curve u on"
                           " u.trial = f.trial and u.name = %Q join trial t on t.number = f.trial"
                           " join candidate c on c.id = t.candidate"
                           " order by c.params, u.trial, u.step",
                           name);
    (void)snprintf(head, sizeof head, "trial,params,step,%s", *name ? name : "value");
    (void)snprintf(body, sizeof body,
                   "set xlabel 'optimiser step'\nset ylabel %s noenhanced\n"
                   "set logscale cb\nset format cb '%%.0s%%c'\nset cblabel 'parameters'\n"
                   "set palette defined (0 '#1f6ebe', 1 '#8c8c8c', 2 '#d66a0a')\n"
                   "plot 'curves.csv' using 'step':%s:'params' with lines lw 1.5 lc palette"
                   " notitle",
                   quoted(rc == RT_OK ? label : "", label_quoted), quoted(name, name_quoted));
    if (rc == RT_OK)
        rc = write_query(f, "curves", head, sql, true, err);
    if (rc == RT_OK && *name)
        rc = write_script(f, "curves", body, err);
    free(name);
    free(label);
    return rc;
}

/* ---- gnuplot ---- */

/* LC_ALL=C before all that this process has. The caller frees it. */
static char **plain_environment(void)
{
    static char plain[] = "LC_ALL=C";
    size_t count = 0, kept = 1;

    while (environ[count])
        count++;
    char **list = calloc(count + 2, sizeof *list);
    if (!list)
        return NULL;
    list[0] = plain;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) != 0)
            list[kept++] = environ[i];
    return list;
}

/* Starts it in the folder of the scripts; what it says goes to `out`. 0, or why not. */
static int start_gnuplot(const struct figures *f, int out, pid_t *pid)
{
    char program[] = "gnuplot", scripts[MOST_FIGURES][FIGURE_NAME + 4];
    char *argv[MOST_FIGURES + 2] = {program};
    char **environment = plain_environment();
    posix_spawn_file_actions_t files;

    if (!environment)
        return ENOMEM;
    for (int i = 0; i < f->count; i++) {
        (void)snprintf(scripts[i], sizeof scripts[i], "%s.gp", f->name[i]);
        argv[i + 1] = scripts[i];
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addchdir_np(&files, f->work);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    const int error = posix_spawnp(pid, program, &files, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&files);
    free(environment);
    return error;
}

/* Until it closes its output; the last line that says something tells the cause. */
static void read_said(int from, char *said, size_t size)
{
    char line[200];
    FILE *in = fdopen(from, "r");

    if (!in) {
        close(from);
        return;
    }
    while (fgets(line, sizeof line, in))
        if (strspn(line, " \t^\n") < strlen(line))
            (void)snprintf(said, size, "%.*s", (int)strcspn(line, "\n"), line);
    (void)fclose(in);
}

static rt_status run_gnuplot(const struct figures *f, struct rt_err *err)
{
    char said[200] = "";
    int ends[2], code = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC))
        return rt_fail(err, RT_EIO, "cannot start gnuplot: %s", strerror(errno));
    const int error = start_gnuplot(f, ends[1], &pid);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        if (error == ENOENT)
            return rt_fail(err, RT_EIO,
                           "cannot draw figures: gnuplot is not installed; install the package "
                           "gnuplot-nox");
        return rt_fail(err, RT_EIO, "cannot start gnuplot: %s", strerror(error));
    }
    read_said(ends[0], said, sizeof said);
    while (waitpid(pid, &code, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0)
        return RT_OK;
    return rt_fail(err, RT_EIO, "gnuplot failed on the figures for '%.120s': %s", f->folder, said);
}

/* ---- the folder ---- */

/* Move NAME.SUFFIX up, or remove it. Names of files that were not made are passed over. */
static rt_status settle_file(const struct figures *f, const char *name, const char *suffix,
                             bool keep, struct rt_err *err)
{
    char from[RT_PATH_MAX + FIGURE_NAME + 8], to[RT_PATH_MAX + FIGURE_NAME + 8];

    (void)snprintf(from, sizeof from, "%s/%s.%s", f->work, name, suffix);
    (void)snprintf(to, sizeof to, "%s/%s.%s", f->folder, name, suffix);
    if (!keep)
        (void)unlink(from);
    else if (rename(from, to) && errno != ENOENT)
        return rt_fail(err, RT_EIO, "cannot write '%.300s': %s", to, strerror(errno));
    return RT_OK;
}

static rt_status settle(const struct figures *f, bool keep, struct rt_err *err)
{
    static const char *const data[] = {"trials", "front", "hypervolume", "curves"};
    static const char *const suffixes[] = {"gp", "svg", "png", "pdf"};
    rt_status rc = RT_OK;

    for (size_t i = 0; i < sizeof data / sizeof *data && rc == RT_OK; i++)
        rc = settle_file(f, data[i], "csv", keep, err);
    for (int i = 0; i < f->count; i++)
        for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes && rc == RT_OK; s++)
            rc = settle_file(f, f->name[i], suffixes[s], keep, err);
    return rc;
}

static rt_status make_all(struct figures *f, struct rt_err *err)
{
    RT_TRY(write_trials(f, false, err));
    RT_TRY(write_trials(f, true, err));
    RT_TRY(write_pairs(f, err));
    RT_TRY(write_history(f, err));
    return write_curves(f, err);
}

/* The files of a folder, and itself; a link is not followed. */
static void remove_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);

    if (!list)
        return;
    for (const struct dirent *file; (file = readdir(list));)
        if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
            (void)unlinkat(fd, file->d_name, 0);
    closedir(list);
    (void)rmdir(path);
}

/* What a killed run left; one whose number another process has now is let be. */
static void remove_left_over(const char *folder)
{
    char path[RT_PATH_MAX + NAME_MAX + 2];
    DIR *list = opendir(folder);

    if (!list)
        return;
    for (const struct dirent *entry; (entry = readdir(list));) {
        const char *pid = entry->d_name + 9;
        if (strncmp(entry->d_name, ".figures-", 9) != 0 || !*pid ||
            pid[strspn(pid, "0123456789")] || kill((pid_t)strtol(pid, NULL, 10), 0) == 0 ||
            errno != ESRCH)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        remove_folder(path);
    }
    closedir(list);
}

static rt_status make_in_work(struct figures *f, struct rt_err *err)
{
    rt_status rc;

    if (snprintf(f->work, sizeof f->work, "%s/.figures-%ld", f->folder, (long)getpid()) >=
        (int)sizeof f->work)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", f->folder);
    remove_left_over(f->folder);
    RT_TRY(rt_folder_make(f->work, err));
    if ((rc = report__freeze(f->store, err)) == RT_OK) {
        rc = make_all(f, err);
        report__unfreeze(f->store);
    }
    if (rc == RT_OK)
        rc = run_gnuplot(f, err);
    const rt_status settled = settle(f, rc == RT_OK, rc == RT_OK ? err : NULL);
    if (rc == RT_OK && settled != RT_OK) {
        rc = settled;
        (void)settle(f, false, NULL);
    }
    (void)rmdir(f->work);
    return rc == RT_OK ? rt_folder_flush_for(f->work, err) : rc;
}

rt_status report_figures(struct store *store, const char *folder, struct rt_err *err)
{
    struct figures *f = calloc(1, sizeof *f);
    rt_status rc;

    if (!f)
        return rt_fail(err, RT_ENOMEM, "no memory for figures");
    f->store = store;
    f->folder = folder;
    rc = report__rows_load(store, REPORT__ALL, &f->rows, err);
    if (rc == RT_OK && !f->rows.count)
        rc = rt_fail(err, RT_EEND, "'%s' has no committed trial%s to draw yet", store_path(store),
                     f->rows.committed ? " of the last rung" : "");
    if (rc == RT_OK && (rc = rt_folder_make(folder, err)) == RT_OK)
        rc = make_in_work(f, err);
    report__rows_release(&f->rows);
    free(f);
    return rc;
}
