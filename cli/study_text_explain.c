/* cli/study_text_explain.c -- what a student of texts answers to a test, class by class, and where it
 * departs from its teachers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/study_task.h"
#include "trainer/distill/softmax.h"
#include "trainer/task/text/text.h"

enum { most_examples = 20, most_shown = 160 }; /* bytes of a text */

struct departure { /* of a row where student and ensemble answer differently */
    int row, student, ensemble;
    double doubt; /* the ensemble's probability of its answer less the student's of that */
};

static int by_doubt(const void *a, const void *b)
{
    const struct departure *x = a, *y = b;

    if (x->doubt != y->doubt)
        return x->doubt > y->doubt ? -1 : 1;
    return x->row - y->row;
}

static int find_departures(const struct tr_task *test, const float *student, const double *ensemble,
                           struct departure *list)
{
    double z[TR_LABELS_MAX], p[TR_LABELS_MAX], logp[TR_LABELS_MAX];
    const int classes = test->shape.classes;
    int count = 0;

    for (int i = 0; i < test->rows; i++) {
        const double *said = ensemble + (ptrdiff_t)i * classes;
        for (int c = 0; c < classes; c++)
            z[c] = (double)student[(ptrdiff_t)i * classes + c];
        (void)tr_softmax(z, classes, 1, p, logp);
        const int own = tr_argmax(p, classes), theirs = tr_argmax(said, classes);
        if (own != theirs)
            list[count++] = (struct departure){i, own, theirs, said[theirs] - p[theirs]};
    }
    qsort(list, (size_t)count, sizeof *list, by_doubt);
    return count;
}

/* Both texts of a row, cut at a whole character, in plain letters. */
static json_t *shown_text(const struct tr_task *test, int row)
{
    char text[most_shown + 8] = "";
    size_t used = 0;

    for (int which = 0; which < 2; which++) {
        const struct tr_span span = tr_texts_get(tr_text_texts(test), row, which);
        if (!span.text)
            break;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", which ? " | " : "",
                                 span.bytes > most_shown ? most_shown : (int)span.bytes, span.text);
        if (used >= most_shown)
            break;
    }
    if (used > most_shown)
        used = most_shown;
    while (used && ((unsigned char)text[used] & 0xC0) == 0x80)
        used--;
    text[used] = '\0';
    rt_text_plain(text);
    return json_string(text);
}

static json_t *explain_departures(const struct tr_task *test, const struct departure *list,
                                  int count)
{
    const struct tr_labels *labels = tr_text_labels(test);
    json_t *all = json_array();

    for (int i = 0; i < count && i < most_examples; i++) {
        const struct departure *d = &list[i];
        json_array_append_new(
            all, json_pack("{s:i,s:f,s:s,s:s,s:s,s:o}", "row", d->row, "doubt", d->doubt, "student",
                           labels->name[d->student], "ensemble", labels->name[d->ensemble], "label",
                           labels->name[test->label[d->row]], "text", shown_text(test, d->row)));
    }
    return all;
}

struct class_f1 {
    const char *name;
    double student, ensemble;
    int rows;
};

static int by_f1(const void *a, const void *b)
{
    const struct class_f1 *x = a, *y = b;

    if (x->student != y->student)
        return x->student < y->student ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The worst first; classes that neither occur nor are answered are left out. */
static json_t *explain_classes(const struct tr_task *test, const float *student,
                               const float *ensemble)
{
    const int classes = test->shape.classes;
    double own[TR_LABELS_MAX], theirs[TR_LABELS_MAX];
    struct class_f1 list[TR_LABELS_MAX] = {{0}};
    json_t *all = json_array();

    (void)tr_text_f1(test->label, student, test->rows, classes, own, NULL);
    (void)tr_text_f1(test->label, ensemble, test->rows, classes, theirs, NULL);
    for (int c = 0; c < classes; c++)
        list[c] = (struct class_f1){tr_text_labels(test)->name[c], own[c], theirs[c], 0};
    for (int i = 0; i < test->rows; i++)
        list[test->label[i]].rows++;
    qsort(list, (size_t)classes, sizeof *list, by_f1);
    for (int c = 0; c < classes; c++)
        if (list[c].student >= 0)
            json_array_append_new(all, json_pack("{s:f,s:f,s:i,s:s}", "F1", list[c].student,
                                                 "ensemble", list[c].ensemble, "rows", list[c].rows,
                                                 "class", list[c].name));
    return all;
}

json_t *study__text_explain(const struct tr_task *test, const float *student,
                            const double *ensemble)
{
    const size_t values = (size_t)test->rows * test->shape.classes;
    struct departure *list = malloc((size_t)test->rows * sizeof *list);
    float *logits = malloc(values * sizeof *logits);
    json_t *all = NULL;

    if (list && logits) {
        const int count = find_departures(test, student, ensemble, list);
        tr_log_of(ensemble, values, logits);
        all = json_pack("{s:o,s:o}", "F1 of each class", explain_classes(test, student, logits),
                        "where student and ensemble differ most",
                        explain_departures(test, list, count));
    }
    free(list);
    free(logits);
    return all;
}
