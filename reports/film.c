/* reports/film.c -- see film.h. Coordinates are whole millimetres, which is all that a screen shows and
 * takes a third of the room.
 */
#include "reports/film.h"

#include <assert.h>
#include <math.h>

#include "base/file.h"
#include "reports/text.h"

/* What of the world a film shows, in metres. */
struct window {
    double left, right, bottom, top;
    bool follows; /* the capsules walk: left and right are beside their middle */
};

static const double *capsule_of(const struct report_film *film, int frame, int c)
{
    return film->shape + ((ptrdiff_t)frame * film->capsules + c) * REPORT_FILM_CAPSULE;
}

static double middle_of(const struct report_film *film, int frame)
{
    double sum = 0;

    for (int c = 0; c < film->capsules; c++)
        sum += (capsule_of(film, frame, c)[0] + capsule_of(film, frame, c)[2]) / 2;
    return sum / film->capsules;
}

static void widen(struct window *w, const double *capsule, double shift)
{
    for (int end = 0; end < 2; end++) {
        const double x = capsule[2 * (ptrdiff_t)end] - shift, y = capsule[2 * (ptrdiff_t)end + 1],
                     r = capsule[4];
        w->left = fmin(w->left, x - r);
        w->right = fmax(w->right, x + r);
        w->bottom = fmin(w->bottom, y - r);
        w->top = fmax(w->top, y + r);
    }
}

static struct window see_all(const struct report_film *films, int count, bool follows)
{
    struct window w = {INFINITY, -INFINITY, INFINITY, -INFINITY, follows};

    for (int i = 0; i < count; i++)
        for (int f = 0; f < films[i].frames; f++) {
            const double shift = follows ? middle_of(&films[i], f) : 0;
            for (int c = 0; c < films[i].capsules; c++)
                widen(&w, capsule_of(&films[i], f, c), shift);
        }
    return w;
}

static struct window window_of(const struct report_film *films, int count)
{
    struct window w = see_all(films, count, false);
    const double margin = .1;

    if (w.right - w.left > 4 * (w.top - w.bottom))
        w = see_all(films, count, true);
    w.left -= margin;
    w.right += margin;
    w.bottom -= margin;
    w.top += margin;
    return w;
}

static void write_frame(FILE *out, const struct report_film *film, const struct window *w)
{
    const double shift = w->follows ? middle_of(film, 0) : 0;

    for (int c = 0; c < film->capsules; c++) {
        const double *s = capsule_of(film, 0, c);
        (void)fprintf(
            out, "<line x1=\"%.0f\" y1=\"%.0f\" x2=\"%.0f\" y2=\"%.0f\" stroke-width=\"%.0f\"/>",
            1e3 * (s[0] - shift), -1e3 * s[1], 1e3 * (s[2] - shift), -1e3 * s[3], 2e3 * s[4]);
    }
}

static void write_numbers(FILE *out, const struct report_film *film)
{
    (void)fprintf(out, " data-capsules=\"%d\" data-frames=\"", film->capsules);
    for (int f = 0; f < film->frames; f++)
        for (int c = 0; c < film->capsules; c++)
            for (int n = 0; n < 4; n++)
                (void)fprintf(out, f || c || n ? " %.0f" : "%.0f",
                              (n % 2 ? -1e3 : 1e3) * capsule_of(film, f, c)[n]);
    (void)fputs("\" data-total=\"", out);
    for (int f = 0; f < film->frames; f++)
        (void)fprintf(out, f ? " %.4g" : "%.4g", film->total[f]);
    (void)fputs("\"", out);
}

static void write_film(FILE *out, const struct report_film *film, const struct window *w)
{
    (void)fputs("<figure class=\"film\"><figcaption><b>", out);
    report__html(out, film->title);
    (void)fputs("</b> ", out);
    report__html(out, film->caption);
    (void)fprintf(
        out, "</figcaption><svg role=\"img\" viewBox=\"%.0f %.0f %.0f %.0f\" data-follows=\"%d\"",
        1e3 * w->left, -1e3 * w->top, 1e3 * (w->right - w->left), 1e3 * (w->top - w->bottom),
        w->follows);
    write_numbers(out, film);
    (void)fprintf(out, "><line class=\"ground\" x1=\"%.0f\" y1=\"0\" x2=\"%.0f\" y2=\"0\"/><g>",
                  1e3 * w->left, 1e3 * w->right);
    write_frame(out, film, w);
    (void)fprintf(out, "</g></svg><p class=\"film-now\">step 1 of %d</p></figure>", film->frames);
}

static const char script[] =
    "<script>\n"
    "(() => {\n"
    "  const list = (t) => t.split(' ').map(Number);\n"
    "  const films = [...document.querySelectorAll('.film svg')].map((svg) => ({\n"
    "    svg, lines: [...svg.querySelectorAll('g line')], per: 4 * +svg.dataset.capsules,\n"
    "    follows: +svg.dataset.follows, at: list(svg.dataset.frames),\n"
    "    total: list(svg.dataset.total), now: svg.parentNode.querySelector('.film-now')}));\n"
    "  const last = Math.max(...films.map((f) => f.total.length)) - 1;\n"
    "  const draw = (frame) => films.forEach((f) => {\n"
    "    const i = Math.min(frame, f.total.length - 1), p = f.at.slice(i * f.per, (i + 1) * "
    "f.per);\n"
    "    let x = 0;\n"
    "    if (f.follows) { for (let n = 0; n < p.length; n += 2) x += p[n]; x /= p.length / 2; }\n"
    "    f.lines.forEach((line, c) => ['x1', 'y1', 'x2', 'y2'].forEach((name, n) =>\n"
    "      line.setAttribute(name, p[4 * c + n] - (n % 2 ? 0 : x))));\n"
    "    f.now.textContent = `step ${i + 1} of ${f.total.length}, return ${f.total[i]}` +\n"
    "      (f.follows ? `, at ${(x / 1000).toFixed(2)} m` : '');\n"
    "  });\n"
    "  const bar = document.querySelector('.film-bar'), button = "
    "document.querySelector('.film-play');\n"
    "  let frame = 0, plays = !matchMedia('(prefers-reduced-motion: reduce)').matches, before = "
    "0;\n"
    "  const show = () => { draw(frame); bar.value = frame; button.textContent = plays ? 'pause' : "
    "'play'; };\n"
    "  bar.max = last;\n"
    "  bar.oninput = () => { plays = false; frame = +bar.value; show(); };\n"
    "  button.onclick = () => { plays = !plays; if (plays && frame >= last) frame = 0; show(); };\n"
    "  const tick = (time) => {\n"
    "    if (plays && time - before >= 33) {\n"
    "      before = time; frame = frame >= last ? 0 : frame + 1; show();\n"
    "    }\n"
    "    requestAnimationFrame(tick);\n"
    "  };\n"
    "  show(); requestAnimationFrame(tick);\n"
    "})();\n"
    "</script>\n";

void report_film_write(FILE *out, const struct report_film *films, int count)
{
    const struct window w = window_of(films, count);

    assert(count >= 1 && films->frames >= 1 && films->capsules >= 1);
    (void)fputs("<div class=\"films\">", out);
    for (int i = 0; i < count; i++)
        write_film(out, &films[i], &w);
    (void)fputs("</div><p class=\"film-tools\"><button type=\"button\" class=\"film-play\">play"
                "</button> <input type=\"range\" class=\"film-bar\" aria-label=\"step\" min=\"0\" "
                "value=\"0\"></p>\n",
                out);
    (void)fputs(script, out);
}

const char report__film_style[] =
    ".films { display: flex; flex-wrap: wrap; gap: 1.5rem; }\n"
    ".film { flex: 1 1 20rem; margin: 0; }\n"
    ".film svg { width: 100%; max-height: 24rem; border: 1px solid var(--line); }\n"
    ".film line { stroke: #2f6db3; stroke-linecap: round; }\n"
    ".film + .film g line { stroke: #b3662f; }\n"
    ".film line.ground { stroke: var(--line); stroke-width: 8; }\n"
    ".film-now { margin: .3rem 0; font-variant-numeric: tabular-nums; }\n"
    ".film-tools { display: flex; gap: 1rem; align-items: center; }\n"
    ".film-bar { flex: 1; }\n"
    ".film-tools button { position: static; }\n"
    ".pairs { max-width: 26rem; font-size: 12px; }\n"
    ".pairs rect { fill: none; stroke: var(--line); }\n"
    ".pairs line { stroke: var(--line); stroke-dasharray: 5 4; }\n"
    ".pairs circle { fill: #2f6db3; opacity: .75; }\n"
    ".pairs circle.marked { fill: #b3662f; opacity: 1; }\n"
    ".pairs text { fill: var(--ink); }\n";

static const char page_style[] =
    ":root { color-scheme: light dark; --ink: #1b2430; --paper: #fff; --line: #9aa5b1; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --paper: #12161b; } }\n"
    "body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);\n"
    "  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }\n"
    "h1 { font-size: 1.3rem; }\n";

/* ---- returns ---- */

enum { plot_side = 360, plot_margin = 56 };

/* From a value to a place on an axis of the plot. */
static double place(double value, double low, double high)
{
    return (plot_side - 2 * plot_margin) * (value - low) / (high - low);
}

void report_pairs_write(FILE *out, const struct report_pairs *p)
{
    const double end = plot_side - plot_margin;
    double low = INFINITY, high = -INFINITY;

    for (int i = 0; i < p->count; i++) {
        low = fmin(low, fmin(p->student[i], p->teacher[i]));
        high = fmax(high, fmax(p->student[i], p->teacher[i]));
    }
    if (!(high > low))
        high = low + 1;
    (void)fprintf(out,
                  "<svg class=\"pairs\" role=\"img\" "
                  "viewBox=\"0 0 %d %d\"><title>return of the student over that of the "
                  "teacher</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
                  "<line x1=\"%d\" y1=\"%g\" x2=\"%g\" y2=\"%d\"/>",
                  plot_side, plot_side, plot_margin, plot_margin, plot_side - 2 * plot_margin,
                  plot_side - 2 * plot_margin, plot_margin, end, end, plot_margin);
    for (int i = 0; i < p->count; i++)
        (void)fprintf(out,
                      "<circle%s cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>start %d: student %.5g, "
                      "teacher %.5g</title></circle>",
                      i == p->marked ? " class=\"marked\"" : "",
                      plot_margin + place(p->teacher[i], low, high),
                      end - place(p->student[i], low, high), i == p->marked ? 6 : 3, i,
                      p->student[i], p->teacher[i]);
    (void)fprintf(out,
                  "<text x=\"%d\" y=\"%g\">%.4g</text><text x=\"%g\" y=\"%g\" "
                  "text-anchor=\"end\">%.4g</text><text x=\"%d\" y=\"%g\" "
                  "text-anchor=\"middle\">teacher</text>"
                  "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
                  "transform=\"rotate(-90 %d %d)\">student</text></svg>\n"
                  "<p>Above the line the student did better. The large one is shown.</p>\n",
                  plot_margin, end + 16, low, end, end + 16, high, plot_side / 2, end + 36, 24,
                  plot_side / 2, 24, plot_side / 2);
}

rt_status report_film_page(const char *path, const char *title, const struct report_film *films,
                           int count, const struct report_pairs *pairs, struct rt_err *err)
{
    struct rt_writer writer;

    RT_TRY(rt_writer_open(&writer, path, err));
    (void)fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width\"><title>",
                writer.file);
    report__html(writer.file, title);
    (void)fputs("</title>\n", writer.file);
    (void)fprintf(writer.file, "<style>\n%s%s</style>\n</head><body><h1>", page_style,
                  report__film_style);
    report__html(writer.file, title);
    (void)fputs("</h1>\n", writer.file);
    report_film_write(writer.file, films, count);
    if (pairs) {
        (void)fputs("<h2>Returns from the same starts</h2>\n", writer.file);
        report_pairs_write(writer.file, pairs);
    }
    (void)fputs("</body></html>\n", writer.file);
    return rt_writer_commit(&writer, err);
}
