/* trainer/task/text/text_look.c -- what there is to know of texts before a night is spent on them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/fnv.h"
#include "trainer/task/text/text.h"

static int by_number(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

rt_status tr_text_measure_lengths(const struct tr_task *task, struct tr_text_lengths *lengths,
                                  struct rt_err *err)
{
    const struct tr_tokeniser *t = tr_text_tokeniser(task);
    const struct tr_texts *texts = tr_text_texts(task);
    const int controls = texts->pairs ? 3 : 2, n = task->rows;
    int *length = malloc((size_t)n * sizeof *length);

    if (!length)
        return rt_fail(err, RT_ENOMEM, "no memory to measure %d texts", n);
    *lengths = (struct tr_text_lengths){0};
    for (int i = 0; i < n; i++) {
        length[i] = controls;
        for (int which = 0; which <= texts->pairs; which++) {
            const struct tr_span text = tr_texts_get(texts, i, which);
            length[i] += tr_tokenise(t, t->vocabulary.count, text.text, text.bytes, NULL, 0);
        }
        lengths->cut += length[i] > task->shape.length;
        lengths->empty += length[i] == controls;
    }
    qsort(length, (size_t)n, sizeof *length, by_number);
    lengths->median = length[n / 2];
    lengths->p95 = length[(int)((int64_t)n * 95 / 100)];
    lengths->most = length[n - 1];
    free(length);
    return RT_OK;
}

/* ---- texts that are in two places ---- */

static int by_hash(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t hash_row(const struct tr_texts *texts, int row)
{
    uint64_t hash = TR_FNV_START;

    for (int which = 0; which <= texts->pairs; which++) {
        const struct tr_span text = tr_texts_get(texts, row, which);
        hash = tr_fnv_byte(tr_fnv(hash, text.text, text.bytes), 0); /* no text has a NUL */
    }
    return hash;
}

/* Equal hashes of 64 bits are taken for equal texts. */
rt_status tr_text_count_shared(const struct tr_task *a, const int *rows_a, int n_a,
                               const struct tr_task *b, const int *rows_b, int n_b, int *shared,
                               struct rt_err *err)
{
    uint64_t *hash = malloc((size_t)n_b * sizeof *hash);

    assert(n_a >= 1 && n_b >= 1);
    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to compare %d texts", n_b);
    for (int i = 0; i < n_b; i++)
        hash[i] = hash_row(tr_text_texts(b), rows_b[i]);
    qsort(hash, (size_t)n_b, sizeof *hash, by_hash);
    *shared = 0;
    for (int i = 0; i < n_a; i++) {
        const uint64_t key = hash_row(tr_text_texts(a), rows_a[i]);
        *shared += bsearch(&key, hash, (size_t)n_b, sizeof *hash, by_hash) != NULL;
    }
    free(hash);
    return RT_OK;
}
