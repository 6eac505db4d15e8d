/* trainer/teachers/suspect.c -- see suspect.h. */
#include "trainer/teachers/suspect.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "trainer/distill/softmax.h"

static bool are_probabilities(const float *logits, ptrdiff_t stride, int n, int classes)
{
    for (int i = 0; i < n; i++, logits += stride) {
        double sum = 0;
        for (int c = 0; c < classes; c++) {
            if (logits[c] < 0)
                return false;
            sum += (double)logits[c];
        }
        if (fabs(sum - 1) > 2e-3)
            return false;
    }
    return true;
}

/* count (C,C): how often a row whose largest logit is that of the column has the label of the row.
 * Returns the rows whose label is known. */
static int tally(const float *logits, ptrdiff_t stride, int n, int classes, const int *label,
                 int *count)
{
    int known = 0;

    for (int i = 0; i < n; i++, logits += stride) {
        assert(label[i] >= -1 && label[i] < classes);
        if (label[i] < 0)
            continue;
        count[(ptrdiff_t)label[i] * classes + tr_argmax_float(logits, classes)]++;
        known++;
    }
    return known;
}

static int rows_with(const int *count, int classes, int label)
{
    int sum = 0;

    for (int c = 0; c < classes; c++)
        sum += count[(ptrdiff_t)label * classes + c];
    return sum;
}

static int rows_said(const int *count, int classes, int said)
{
    int sum = 0;

    for (int l = 0; l < classes; l++)
        sum += count[(ptrdiff_t)l * classes + said];
    return sum;
}

/* Rows that are right when each column stands for the label it most often goes with; 0 when two
 * columns go with one label. taken[C] is work. */
static int right_reordered(const int *count, int classes, bool *taken)
{
    int right = 0;

    for (int c = 0; c < classes; c++)
        taken[c] = false;
    for (int c = 0; c < classes; c++) {
        int best = 0;
        for (int l = 1; l < classes; l++)
            if (count[(ptrdiff_t)l * classes + c] > count[(ptrdiff_t)best * classes + c])
                best = l;
        if (taken[best])
            return 0;
        taken[best] = true;
        right += count[(ptrdiff_t)best * classes + c];
    }
    return right;
}

/* Is each class said about as often as it occurs? */
static bool said_as_often(const int *count, int classes, int n)
{
    int differ = 0;

    for (int c = 0; c < classes; c++)
        differ += abs(rows_with(count, classes, c) - rows_said(count, classes, c));
    return differ <= .2 * n;
}

static void judge(const int *count, int n, int classes, bool *taken, struct tr_suspect *found)
{
    int right = 0, commonest = 0;

    for (int c = 0; c < classes; c++) {
        const int rows = rows_with(count, classes, c);
        right += count[(ptrdiff_t)c * classes + c];
        commonest = rows > commonest ? rows : commonest;
    }
    found->right = (double)right / n;
    found->commonest = (double)commonest / n;
    found->reordered = (double)right_reordered(count, classes, taken) / n;
    const double chance = fmin(2 * found->commonest, (1 + found->commonest) / 2);
    if (found->what != TR_UNSUSPECTED)
        return;
    if (found->reordered >= found->right + .2)
        found->what = TR_CLASS_ORDER;
    else if (found->right < chance)
        found->what = said_as_often(count, classes, n) ? TR_ROWS_SHUFFLED : TR_AT_CHANCE;
}

rt_status tr_logits_suspect(const float *logits, ptrdiff_t stride, int n, int classes,
                            const int *label, struct tr_suspect *found, struct rt_err *err)
{
    assert(n >= 1 && classes >= 1 && stride >= classes);
    *found = (struct tr_suspect){.right = NAN, .commonest = NAN};
    if (classes > 1 && are_probabilities(logits, stride, n, classes))
        found->what = TR_PROBABILITIES;
    if (!label || classes < 2)
        return RT_OK;
    int *count = calloc((size_t)classes * (size_t)classes, sizeof *count);
    bool *taken = calloc((size_t)classes, sizeof *taken);
    if (count && taken) {
        const int known = tally(logits, stride, n, classes, label, count);
        if (known)
            judge(count, known, classes, taken, found);
    }
    const rt_status rc =
        count && taken ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to look at logits");
    free(count);
    free(taken);
    return rc;
}

void tr_suspect_text(const struct tr_suspect *found, char text[240])
{
    const double right = 100 * found->right, commonest = 100 * found->commonest;

    text[0] = '\0';
    switch (found->what) {
    case TR_UNSUSPECTED: break;
    case TR_PROBABILITIES:
        (void)snprintf(text, 240,
                       "these are probabilities: rows sum to 1; give logits, or their logarithm");
        break;
    case TR_CLASS_ORDER:
        (void)snprintf(text, 240,
                       "%.1f %% are right, and %.1f %% would be with columns in another order: its "
                       "classes are numbered otherwise",
                       right, 100 * found->reordered);
        break;
    case TR_ROWS_SHUFFLED:
        (void)snprintf(text, 240,
                       "%.1f %% are right, and the commonest class has %.1f %%, though each class "
                       "is said as often as it occurs: are its rows in the order of the data?",
                       right, commonest);
        break;
    case TR_AT_CHANCE:
        (void)snprintf(text, 240,
                       "%.1f %% are right, and the commonest class has %.1f %%: is it of this "
                       "data, and fed as it was trained?",
                       right, commonest);
        break;
    }
}
