/* reports/figures.c -- report_figures() of report.h: gnuplot draws what its script and data say.
 *
 * The .csv and .gp files stay beside the pictures, so that a figure can be changed by hand.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "reports/report.h"
#include "reports/rows.h"

struct terminal {
    const char *suffix, *options;
};

static const struct terminal terminals[] = {
    {"svg", "svg size 640,440 dynamic background 'white' font 'sans,13'"},
    {"png", "pngcairo size 1280,880 background 'white' font 'sans,22' linewidth 2"},
    {"pdf", "pdfcairo size 16cm,11cm font 'sans,12'"},
};

static rt_status open_in(struct rt_writer *writer, const char *folder, const char *name,
                         const char *suffix, struct rt_err *err)
{
    char path[RT_PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix) >= (int)sizeof path)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
    return rt_writer_open(writer, path, err);
}

static rt_status run_gnuplot(const char *folder, const char *name, struct rt_err *err)
{
    char command[2 * RT_PATH_MAX];
    int code;

    /* The folder is handed over as a quoted word: a quote in it becomes '\'' for the shell. */
    char quoted[RT_PATH_MAX], *to = quoted;
    for (const char *c = folder; *c && to < quoted + sizeof quoted - 5; c++) {
        if (*c == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *c;
        }
    }
    *to = '\0';
    (void)snprintf(command, sizeof command, "cd '%s' && gnuplot '%s.gp' 2>&1 >/dev/null", quoted,
                   name);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the words are quoted above */
    char said[160] = "";
    if (!pipe)
        return rt_fail(err, RT_EIO, "cannot start gnuplot: %s", strerror(errno));
    while (!said[0] && fgets(said, sizeof said, pipe))
        said[strcspn(said, "\n")] = '\0';
    while (fgetc(pipe) != EOF)
        continue;
    code = pclose(pipe);
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0)
        return RT_OK;
    if (WIFEXITED(code) && WEXITSTATUS(code) == 127)
        return rt_fail(err, RT_EIO, "gnuplot is not installed; install the package gnuplot-nox");
    return rt_fail(err, RT_EIO, "gnuplot failed on '%.200s/%s.gp': %s", folder, name, said);
}

/* One figure: `body` is all of the script but terminal and output. */
static rt_status draw(const char *folder, const char *name, const char *body, struct rt_err *err)
{
    struct rt_writer writer;

    RT_TRY(open_in(&writer, folder, name, "gp", err));
    for (size_t i = 0; i < sizeof terminals / sizeof *terminals; i++)
        (void)fprintf(writer.file,
                      "set terminal %s\nset output '%s.%s'\nset datafile separator ','\n"
                      "set datafile missing ''\nset grid lc rgb '#dddddd'\nset key top right\n%s\n",
                      terminals[i].options, name, terminals[i].suffix, body);
    RT_TRY(rt_writer_commit(&writer, err));
    return run_gnuplot(folder, name, err);
}

static rt_status write_trials(const struct report_rows *rows, const char *folder, bool front,
                              struct rt_err *err)
{
    struct rt_writer writer;

    RT_TRY(open_in(&writer, folder, front ? "front" : "trials", "csv", err));
    (void)fputs("candidate,arch,error,kl,latency,params,bytes,macs,memory\n", writer.file);
    for (int i = 0; i < rows->count; i++) {
        const struct report_row *r = &rows->row[i];
        if (front && !r->on_front)
            continue;
        (void)fprintf(writer.file, "%lld,%s,%.9g,%.9g,%.9g,%lld,%lld,%lld,%lld\n",
                      (long long)r->candidate, r->arch, r->error, r->kl, r->latency,
                      (long long)r->params, (long long)r->bytes, (long long)r->macs,
                      (long long)r->memory);
    }
    return rt_writer_commit(&writer, err);
}

static rt_status draw_pair(const char *folder, const char *x, const char *y, struct rt_err *err)
{
    char name[2 * STORE_NAME + 8], body[1024];

    (void)snprintf(name, sizeof name, "front-%s-%s", x, y);
    (void)snprintf(
        body, sizeof body,
        "%s\n%s\nset xlabel '%s'\nset ylabel '%s'\n"
        "plot 'trials.csv' using (column('%s')):(column('%s')) with points pt 7 ps 0.5 lc "
        "rgb '#94a3b8' title 'trials', \\\n"
        "     'front.csv' using (column('%s')):(column('%s')) with points pt 7 ps 0.8 lc "
        "rgb '#c2410c' title 'front'",
        report_is_log(x) ? "set logscale x" : "unset logscale x",
        report_is_log(y) ? "set logscale y" : "unset logscale y", x, y, x, y, x, y);
    return draw(folder, name, body, err);
}

static rt_status draw_history(struct store *store, const char *folder, struct rt_err *err)
{
    struct rt_writer writer;
    char *text;

    RT_TRY(
        report_text(store,
                    "select group_concat(trial || ',' || size || ',' || coalesce(hypervolume, ''),"
                    " char(10)) from hypervolume",
                    &text, err));
    rt_status rc = open_in(&writer, folder, "hypervolume", "csv", err);
    if (rc == RT_OK) {
        (void)fprintf(writer.file, "trial,front,hypervolume\n%s\n", text);
        rc = rt_writer_commit(&writer, err);
    }
    free(text);
    RT_TRY(rc);
    return draw(
        folder, "hypervolume",
        "set xlabel 'trial'\nset ylabel 'hypervolume'\nset key bottom right\n"
        "plot 'hypervolume.csv' using 1:3 every ::1 with steps lw 2 lc rgb '#1d4ed8' notitle",
        err);
}

static rt_status draw_curves(struct store *store, const char *folder, struct rt_err *err)
{
    struct rt_writer writer;
    char *text;

    RT_TRY(
        report_text(store,
                    "select group_concat(line, '') from (select iif(step = min(step) over"
                    " (partition by trial), char(10), '') || trial || ',' || step || ',' || value"
                    " || char(10) as line from learning_curves where name = 'loss' and on_front"
                    " order by trial, step)",
                    &text, err));
    rt_status rc = open_in(&writer, folder, "curves", "csv", err);
    if (rc == RT_OK) {
        (void)fprintf(writer.file, "trial,step,loss\n%s\n", text);
        rc = rt_writer_commit(&writer, err);
    }
    free(text);
    RT_TRY(rc);
    return draw(folder, "curves",
                "set xlabel 'step'\nset ylabel 'loss'\nset key off\n"
                "plot 'curves.csv' using 2:3:1 every ::1 with lines lc variable",
                err);
}

rt_status report_figures(struct store *store, const char *folder, struct rt_err *err)
{
    struct report_rows rows;
    rt_status rc;

    RT_TRY(report_rows_load(store, false, &rows, err));
    if (!rows.count)
        rc = rt_fail(err, RT_EEND, "'%s' has no finished trial to draw", store_path(store));
    else if ((rc = rt_folder_make(folder, err)) == RT_OK &&
             (rc = write_trials(&rows, folder, false, err)) == RT_OK)
        rc = write_trials(&rows, folder, true, err);
    for (int i = 0; i < rows.objective_count && rc == RT_OK; i++)
        for (int j = i + 1; j < rows.objective_count && rc == RT_OK; j++) {
            const bool swap = !report_is_log(rows.objective[i]);
            rc = draw_pair(folder, rows.objective[swap ? j : i], rows.objective[swap ? i : j], err);
        }
    report_rows_release(&rows);
    if (rc == RT_OK && (rc = draw_history(store, folder, err)) == RT_OK)
        rc = draw_curves(store, folder, err);
    return rc;
}
