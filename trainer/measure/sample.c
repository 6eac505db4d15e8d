/* trainer/measure/sample.c -- see sample.h. */
#include "trainer/measure/sample.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/net/soft_row.h"

struct teller { /* a network, and the text so far */
    const struct tr_student *student;
    const struct tr_weights *weights;
    const struct tr_tokeniser *tokeniser;
    const struct tr_sampling *sampling;
    struct rt_rng rng;
    struct tr_batch batch;
    struct tr_infer *infer;
    float *p; /* (V) logits, then probabilities */
    int *ids; /* [prompt and new ones] */
    int count;
};

static rt_status carve(struct teller *t, int most, struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_student *s = t->student;

    RT_TRY(tr_batch_init(&t->batch, &s->arch, &s->shape, 1, arena, err));
    RT_TRY(tr_infer_init(&t->infer, s, 1, arena, err));
    t->p = rt_arena_alloc(arena, (size_t)s->shape.classes, sizeof *t->p);
    t->ids = rt_arena_alloc(arena, (size_t)most, sizeof *t->ids);
    return rt_arena_check(arena, "a text that goes on", err);
}

/* Logits of what follows the text, of its latest tokens where it is longer than can be read. */
static void ask(struct teller *t)
{
    const int most = t->batch.tokens, n = t->count < most ? t->count : most;
    const int last = n - 1;

    tr_batch_resize(&t->batch, 1, &n);
    t->batch.ids[0] = t->ids[0]; /* [CLS] */
    memcpy(t->batch.ids + 1, t->ids + t->count - last, (size_t)last * sizeof *t->ids);
    tr_batch_ask(&t->batch, 1, &last);
    tr_infer_run(t->infer, t->student, t->weights, &t->batch, t->p);
}

static bool may_follow(const struct teller *t, int id)
{
    for (int i = 0; i < TR_CONTROLS; i++)
        if (i != TR_SEP && t->tokeniser->control[i] == id)
            return false;
    return true;
}

static int likeliest(const struct teller *t)
{
    int best = t->tokeniser->control[TR_SEP];

    for (int v = 0; v < t->student->shape.classes; v++)
        if (may_follow(t, v) && t->p[v] > t->p[best])
            best = v;
    return best;
}

static int draw(struct teller *t)
{
    const int classes = t->student->shape.classes;
    double sum = 0;

    (void)tr_soft_row(t->student, classes, 1 / t->sampling->temperature, t->p, t->p);
    for (int v = 0; v < classes; v++)
        sum += may_follow(t, v) ? (double)t->p[v] : 0;
    double left = rt_rng_uniform(&t->rng) * sum;
    for (int v = 0; v < classes; v++)
        if (may_follow(t, v) && (left -= (double)t->p[v]) < 0)
            return v;
    return t->tokeniser->control[TR_SEP];
}

static void go_on(struct teller *t, int most)
{
    const int begun = t->count;

    while (t->count - begun < most) {
        ask(t);
        const int id = t->sampling->temperature > 0 ? draw(t) : likeliest(t);
        if (id == t->tokeniser->control[TR_SEP])
            break;
        t->ids[t->count++] = id;
    }
}

rt_status tr_sample_text(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_tokeniser *tokeniser, const char *prompt,
                         const struct tr_sampling *sampling, char *text, size_t room,
                         struct rt_err *err)
{
    const int vocabulary = student->arch.vocabulary;
    const int given = tr_tokenise(tokeniser, vocabulary, prompt, strlen(prompt), NULL, 0);
    const int most = 1 + given + sampling->tokens;
    struct teller t = {
        .student = student, .weights = weights, .tokeniser = tokeniser, .sampling = sampling};
    struct rt_arena arena;
    rt_status rc;

    assert(student->shape.pool == SPACE_POOL_NONE && sampling->tokens >= 0);
    assert(student->shape.classes <= tokeniser->vocabulary.count);
    rt_rng_init(&t.rng, sampling->seed, RT_STREAM_SAMPLE, 0);
    rt_arena_init_counting(&arena);
    (void)carve(&t, most, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = carve(&t, most, &arena, err)) == RT_OK) {
        t.ids[0] = tokeniser->control[TR_CLS];
        t.count = 1 + tr_tokenise(tokeniser, vocabulary, prompt, strlen(prompt), t.ids + 1, given);
        go_on(&t, sampling->tokens);
        tr_decode(tokeniser, t.ids + 1 + given, t.count - 1 - given, text, room);
    }
    rt_arena_release(&arena);
    return rc;
}
