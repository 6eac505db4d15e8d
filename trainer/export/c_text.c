/* trainer/export/c_text.c -- students of texts in C: token ids in, as many as the text has. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "trainer/export/c_source_internal.h"

void tr__c_text_sizes(const struct tr__source *s, FILE *out)
{
    const struct tr_student *student = s->model->student;

    fprintf(out,
            "#define %s_TOKENS %d      /* most ids of a text */\n"
            "#define %s_VOCABULARY %d  /* ids are below it */\n"
            "#define %s_CLASSES %d\n",
            s->upper, student->tokens, s->upper, student->stem.vocabulary, s->upper,
            student->shape.classes);
}

void tr__c_text_constants(struct tr__source *s)
{
    const struct tr_student *student = s->model->student;
    const float *params = s->model->weights->params;

    tr__put_floats(s, "embedding", params + student->plan->table,
                   (int64_t)student->stem.vocabulary * student->stem.features);
    if (student->shape.segments)
        tr__put_floats(s, "segment_row", params + student->plan->segment,
                       (int64_t)student->shape.segments * student->arch.width);
}

const char *tr__c_text_parameters(const struct tr__source *s)
{
    return s->model->student->shape.segments
               ? "const int32_t *ids, const uint8_t *segments, int count"
               : "const int32_t *ids, int count";
}

const char *tr__c_text_arguments(const struct tr__source *s)
{
    return s->model->student->shape.segments ? "ids, segments, count" : "ids, count";
}

void tr__c_text_stem(struct tr__source *s)
{
    const struct tr_student *student = s->model->student;
    const int pairs = student->shape.segments;

    fprintf(s->out,
            "/* Rows of a table, one a token, to the residual stream. */\n"
            "static int stem(struct %s_memory *m, %s)\n{\n"
            "    int t, i;\n"
            "    if (count < 1 || count > TOKENS)\n        return 0;\n"
            "    m->tokens = count;\n"
            "    for (t = 0; t < count; t++) {\n"
            "        const float *row;\n"
            "        if (ids[t] < 0 || ids[t] >= %d%s)\n            return 0;\n"
            "        row = embedding + ids[t] * %d;\n",
            s->options->name, tr__c_text_parameters(s), student->stem.vocabulary,
            pairs ? " || segments[t] > 1" : "", student->stem.features);
    if (student->stem.projected)
        tr__put_call(s, "        ", "stem", &student->plan->stem, "row", false,
                     "m->stream + t * WIDTH");
    else
        fputs("        for (i = 0; i < WIDTH; i++)\n"
              "            m->stream[t * WIDTH + i] = row[i];\n",
              s->out);
    fprintf(s->out,
            "        for (i = 0; i < WIDTH; i++)\n"
            "            m->stream[t * WIDTH + i] += position[t * WIDTH + i]%s;\n%s"
            "    }\n    return 1;\n}\n\n",
            pairs ? " + segment_row[segments[t] * WIDTH + i]" : "",
            student->shape.variant.stem_norm
                ? "        norm(m->stream + t * WIDTH, stem_ln_weight, stem_ln_bias,\n"
                  "             m->stream + t * WIDTH);\n"
                : "");
}

/* ---- the self-test ---- */

struct examples { /* of ids, of 1 to all tokens */
    struct tr_batch batch;
    struct tr_infer *infer;
    float *logits; /* (examples,C) */
};

static rt_status carve(const struct tr_student *student, struct examples *e, struct rt_arena *arena,
                       struct rt_err *err)
{
    const size_t values = (size_t)TR__C_EXAMPLES * (size_t)student->shape.classes;

    RT_TRY(tr_batch_init(&e->batch, &student->arch, &student->shape, TR__C_EXAMPLES, arena, err));
    RT_TRY(tr_infer_init(&e->infer, student, TR__C_EXAMPLES, arena, err));
    e->logits = rt_arena_alloc(arena, values, sizeof *e->logits);
    return rt_arena_check(arena, "a self-test in C", err);
}

static void invent(const struct tr__source *s, struct tr_batch *batch)
{
    const int tokens = s->model->student->tokens;
    int length[TR__C_EXAMPLES];
    struct rt_rng rng;

    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 0);
    for (int e = 0; e < TR__C_EXAMPLES; e++)
        length[e] = 1 + (tokens - 1) * e / (TR__C_EXAMPLES - 1);
    tr_batch_resize(batch, TR__C_EXAMPLES, length);
    tr_batch_noise(batch, &rng);
    for (int r = 0; batch->segment && r < tr_batch_rows(batch); r++)
        batch->segment[r] = (int)rt_rng_below(&rng, 2);
}

static void put_ints(struct tr__source *s, const char *type, const char *name, const int *values,
                     int count)
{
    tr__array_begin(s, type, name, count, 0);
    for (int i = 0; i < count; i++)
        tr__put_int8(s, i, values[i]);
    tr__array_end(s);
}

static void put_test(struct tr__source *s, const struct examples *e)
{
    const int rows = tr_batch_rows(&e->batch), classes = s->model->student->shape.classes;
    const bool pairs = e->batch.segment;
    const int64_t rom = s->rom; /* the test's constants are not the student's */

    fputs("\n", s->out);
    put_ints(s, "int32_t", "test_ids", e->batch.ids, rows);
    put_ints(s, "int", "test_start", e->batch.start, TR__C_EXAMPLES + 1);
    if (pairs)
        put_ints(s, "uint8_t", "test_segments", e->batch.segment, rows);
    tr__put_floats(s, "test_logits", e->logits, (int64_t)TR__C_EXAMPLES * classes);
    s->rom = rom;
    fprintf(s->out,
            "\nint %s_selftest(%s)\n{\n    float logits[%s_CLASSES];\n"
            "    int e, i, wrong = 0;\n"
            "    for (e = 0; e < %d; e++) {\n"
            "        const float *want = test_logits + e * %s_CLASSES;\n"
            "        const int best = %s_run(%stest_ids + test_start[e],%s\n"
            "            test_start[e + 1] - test_start[e], logits);\n"
            "        int bad = best < 0;\n"
            "        for (i = 0; !bad && i < %s_CLASSES; i++)\n"
            "            bad |= want[i] > want[best]%s;\n"
            "        wrong += bad;\n"
            "    }\n"
            "    return wrong;\n}\n",
            s->options->name, s->parameter, s->upper, TR__C_EXAMPLES, s->upper, s->options->name,
            s->options->reentrant ? "memory, " : "", pairs ? " test_segments + test_start[e]," : "",
            s->upper,
            s->model->weights->int8
                ? ""
                : " || !(logits[i] - want[i] < 1e-3f && want[i] - logits[i] < 1e-3f)");
}

rt_status tr__c_text_test(struct tr__source *s, struct rt_err *err)
{
    const struct tr_student *student = s->model->student;
    struct examples e;
    struct rt_arena arena;
    rt_status rc;

    assert(student->stem.vocabulary && student->shape.pool != SPACE_POOL_NONE);
    rt_arena_init_counting(&arena);
    (void)carve(student, &e, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = carve(student, &e, &arena, err)) == RT_OK) {
        invent(s, &e.batch);
        tr_infer_run(e.infer, student, s->model->weights, &e.batch, e.logits);
        put_test(s, &e);
    }
    rt_arena_release(&arena);
    return rc;
}
