/* trainer/export/c_source.c -- fixed functions, then constants, then one call a layer.
 *
 * Linear layers have their rows in panels of four outputs with four named sums: compilers for small
 * cores keep those in registers, where an array of sums goes through memory. One token passes at a
 * time through queries, keys and values, then one at a time through the rest of a block, in place:
 * the memory is the residual stream, q k v of all tokens, and single rows.
 */
#include "trainer/export/c_source.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "trainer/export/c_functions.h"
#include "trainer/export/c_source_internal.h"
#include "trainer/task/controller.h"

/* ---- memory ---- */

static int largest(int a, int b)
{
    return a > b ? a : b;
}

/* Elements of each variable of NAME_memory. */
struct memory {
    int stream, qkv, scores, row, inner, hidden; /* floats */
    int codes;                                   /* int8_t; 0: none */
};

static struct memory memory_of(const struct tr_model *model, const struct space_stem *stem)
{
    const struct tr_student *student = model->student;
    const struct tr_plan *plan = student->plan;
    const int t = student->tokens, d = student->arch.width, f = stem->features;

    return (struct memory){.stream = t * d,
                           .qkv = largest(3 * t * plan->max_inner,
                                          model->weights->int8 ? 0 : f), /* the stem's row, too */
                           .scores = t,
                           .row = d,
                           .inner = plan->max_inner,
                           .hidden = plan->max_ffn,
                           .codes = model->weights->int8 ? largest(largest(d, plan->max_inner),
                                                                   largest(plan->max_ffn, f))
                                                         : 0};
}

static int64_t ram_of(const struct tr__source *s)
{
    const struct memory m = memory_of(s->model, s->stem);
    const int64_t bytes = 4 * ((int64_t)m.stream + m.qkv + m.scores + m.row + m.inner + m.hidden) +
                          m.codes + (s->text ? 4 : 0) + (s->steps ? tr__c_controller_bytes(s) : 0);
    return (bytes + 3) / 4 * 4; /* a struct of floats */
}

static void put_memory(struct tr__source *s, FILE *out)
{
    const struct memory m = memory_of(s->model, s->stem);

    fprintf(out, "struct %s_memory {%s\n", s->options->name,
            s->steps ? "" : " /* of one call; nothing is kept from one to the next */");
    if (s->steps)
        tr__c_controller_memory(s, out);
    if (s->text)
        fputs("    int32_t tokens; /* of this call */\n", out);
    fprintf(out,
            "    float stream[%d];  /* the residual stream, (tokens,width) */\n"
            "    float qkv[%d];     /* queries, keys and values of each token */\n"
            "    float scores[%d];  /* of one query */\n"
            "    float row[%d], inner[%d], hidden[%d];\n",
            m.stream, m.qkv, m.scores, m.row, m.inner, m.hidden);
    if (m.codes)
        fprintf(out, "    int8_t codes[%d];\n", m.codes);
    fputs("};\n", out);
}

/* ---- the run ---- */

/* y = layer(x), x in floats: in int8 quantised first. */
void tr__put_call(struct tr__source *s, const char *indent, const char *name,
                  const struct tr_plan_linear *layer, const char *x, bool add, const char *y)
{
    if (!s->model->weights->int8) {
        fprintf(s->out, "%slinear(%s, %s_weight, %s_bias, %d, %d, %d, %s);\n", indent, x, name,
                name, layer->in, layer->out, add, y);
        return;
    }
    fprintf(s->out, "%squantise(%s, %d, %.8ef, m->codes);\n", indent, x, layer->in,
            (double)(1 / tr_int8_input(s->model->weights->int8, layer->quantiser)));
    fprintf(s->out, "%slinear(m->codes, %s_weight, %s_scale, %s_bias, %d, %d, %d, %s);\n", indent,
            name, name, name, layer->in, layer->out, add, y);
}

static void put_stem(struct tr__source *s)
{
    const struct space_stem *cut = s->stem;
    const struct tr_plan_linear *layer = &s->model->student->plan->stem;
    const int first = s->model->student->stem.class_rows;
    const char *to = s->model->weights->int8 ? "m->codes" : "m->qkv";

    fprintf(s->out,
            "/* Rows of %d bytes, one a token, to the residual stream. */\n"
            "static void stem(struct %s_memory *m, const uint8_t *input)\n{\n"
            "    int y, x, l, i, t = %d;\n",
            cut->features, s->options->name, first);
    if (first)
        fputs("    for (i = 0; i < WIDTH; i++)\n        m->stream[i] = position[i];\n", s->out);
    fprintf(s->out,
            "    for (y = 0; y < %d; y++)\n"
            "        for (x = 0; x < %d; x++, t++) {\n"
            "            const uint8_t *from = input + y * %d + x * %d;\n"
            "            for (l = 0; l < %d; l++)\n"
            "                for (i = 0; i < %d; i++)\n"
            "                    %s[l * %d + i] = byte_value[from[l * %d + i]];\n",
            cut->down, cut->across, cut->lines * cut->line, cut->run, cut->lines, cut->run, to,
            cut->run, cut->line);
    fprintf(s->out,
            "            linear(%s, stem_weight, %sstem_bias, %d, %d, 0, m->stream + t * WIDTH);\n",
            to, s->model->weights->int8 ? "stem_scale, " : "", layer->in, layer->out);
    fputs("            for (i = 0; i < WIDTH; i++)\n"
          "                m->stream[t * WIDTH + i] += position[t * WIDTH + i];\n"
          "        }\n}\n\n",
          s->out);
}

struct row_text {
    char text[24];
};

/* In C, the row that is read behind the blocks, where one is, plus `more`. */
static struct row_text row_read(const struct tr__source *s, int more)
{
    const bool last = s->model->student->shape.pool == SPACE_POOL_LAST;
    struct row_text text;

    if (last && s->text) /* of the text, not of the longest */
        (void)snprintf(text.text, sizeof text.text, more ? "m->tokens" : "(m->tokens - 1)");
    else
        (void)snprintf(text.text, sizeof text.text, "%d",
                       (last ? s->model->student->tokens - 1 : 0) + more);
    return text;
}

static void put_queries(struct tr__source *s, int l, const struct tr_plan_block *b)
{
    const bool post = s->model->student->shape.variant.post_norm;
    const char *x = post ? "m->stream + t * WIDTH" : "m->row";
    char name[48], y[48];

    fprintf(s->out, "    for (t = 0; t < %s; t++) {\n", s->tokens);
    if (!post)
        fprintf(
            s->out,
            "        norm(m->stream + t * WIDTH, block%d_ln1_weight, block%d_ln1_bias, m->row);\n",
            l, l);
    if (b->pruned) {
        (void)snprintf(name, sizeof name, "block%d_q", l);
        fprintf(s->out, "        if (t == %s) {\n", row_read(s, 0).text);
        (void)snprintf(y, sizeof y, "m->qkv + t * %d", 3 * b->inner);
        tr__put_call(s, "            ", name, &b->query, x, false, y);
        fputs("        }\n", s->out);
        (void)snprintf(name, sizeof name, "block%d_kv", l);
        (void)snprintf(y, sizeof y, "m->qkv + t * %d + %d", 3 * b->inner, b->inner);
        tr__put_call(s, "        ", name, &b->memory, x, false, y);
    } else {
        (void)snprintf(name, sizeof name, "block%d_qkv", l);
        (void)snprintf(y, sizeof y, "m->qkv + t * %d", 3 * b->inner);
        tr__put_call(s, "        ", name, &b->query, x, false, y);
    }
    fputs("    }\n", s->out);
}

/* Norm `which` of a block, of row x to `to`. */
static void put_block_norm(struct tr__source *s, int l, int which, const char *to)
{
    fprintf(s->out, "        norm(x, block%d_ln%d_weight, block%d_ln%d_bias, %s);\n", l, which, l,
            which, to);
}

static void put_block(struct tr__source *s, int l)
{
    static const char in[] = "        ";
    const bool post = s->model->student->shape.variant.post_norm;
    const struct tr_plan_block *b = &s->model->student->plan->block[l];
    const struct row_text first = row_read(s, 0), end = row_read(s, 1);
    char name[48];

    fprintf(s->out, "static void block%d(struct %s_memory *m)\n{\n    int t;\n", l,
            s->options->name);
    put_queries(s, l, b);
    fprintf(s->out,
            "    for (t = %s; t < %s; t++) {\n"
            "        float *x = m->stream + t * WIDTH;\n"
            "        attend(m->qkv + t * %d, m->qkv, %s, %d, m->scores, m->inner);\n",
            b->pruned ? first.text : "0", b->pruned ? end.text : s->tokens, 3 * b->inner, s->tokens,
            b->inner);
    (void)snprintf(name, sizeof name, "block%d_proj", l);
    tr__put_call(s, in, name, &b->proj, "m->inner", true, "x");
    put_block_norm(s, l, post ? 1 : 2, post ? "x" : "m->row");
    (void)snprintf(name, sizeof name, "block%d_up", l);
    tr__put_call(s, in, name, &b->up, post ? "x" : "m->row", false, "m->hidden");
    fprintf(s->out, "        gelu(m->hidden, %d);\n", b->ffn);
    (void)snprintf(name, sizeof name, "block%d_down", l);
    tr__put_call(s, in, name, &b->down, "m->hidden", true, "x");
    if (post)
        put_block_norm(s, l, 2, "x");
    fputs("    }\n}\n\n", s->out);
}

void tr__c_pool(struct tr__source *s)
{
    const bool normed = !s->model->student->shape.variant.no_final_norm;

    if (tr__pools_row(s->model->student)) {
        fprintf(s->out,
                normed ? "    norm(m->stream + %s * WIDTH, ln_weight, ln_bias, m->row);\n"
                       : "    for (i = 0; i < WIDTH; i++)\n"
                         "        m->row[i] = m->stream[%s * WIDTH + i];\n",
                row_read(s, 0).text);
        return;
    }
    if (normed)
        fprintf(s->out,
                "    for (t = 0; t < %s; t++)\n"
                "        norm(m->stream + t * WIDTH, ln_weight, ln_bias, m->stream + t * WIDTH);\n",
                s->tokens);
    fprintf(s->out,
            "    for (i = 0; i < WIDTH; i++) {\n"
            "        float sum = 0;\n"
            "        for (t = 0; t < %s; t++)\n"
            "            sum += m->stream[t * WIDTH + i];\n"
            "        m->row[i] = sum / (float)%s;\n"
            "    }\n",
            s->tokens, s->tokens);
}

static void put_prototype(const struct tr__source *s, FILE *out)
{
    const char *name = s->options->name;

    fprintf(out, "%s %s_run(", s->frames ? "void" : "int", name);
    if (s->options->reentrant)
        fprintf(out, "struct %s_memory *memory, ", name);
    if (s->text)
        fprintf(out, "%s, float *logits)", tr__c_text_parameters(s));
    else
        fprintf(out, "const uint8_t *%s, float *%s)", s->model->input.name,
                s->frames ? "action" : "logits");
}

static void put_run(struct tr__source *s)
{
    const bool mean = s->model->student->shape.pool == SPACE_POOL_MEAN;

    put_prototype(s, s->out);
    fputs("\n{\n", s->out);
    if (s->options->reentrant)
        fprintf(s->out, "    struct %s_memory *const m = memory;\n", s->options->name);
    else
        fprintf(s->out,
                "    static struct %s_memory memory;\n"
                "    struct %s_memory *const m = &memory;\n",
                s->options->name, s->options->name);
    if (s->frames)
        fprintf(s->out, "    float logits[ACTIONS * BINS];\n%s", mean ? "    int i, t;\n" : "");
    else
        fprintf(s->out, "    int i, best = 0%s;\n", mean ? ", t" : "");
    if (s->text)
        fprintf(s->out, "    if (!stem(m, %s))\n        return -1;\n", tr__c_text_arguments(s));
    else
        fprintf(s->out, "    stem(m, %s);\n", s->model->input.name);
    for (int l = 0; l < s->model->student->arch.depth; l++)
        fprintf(s->out, "    block%d(m);\n", l);
    tr__c_pool(s);
    tr__put_call(s, "    ", "head", &s->model->student->plan->head, "m->row", false, "logits");
    if (s->frames) {
        fputs("    act(logits, action);\n}\n", s->out);
        return;
    }
    fprintf(s->out,
            "    for (i = 1; i < %s_CLASSES; i++)\n"
            "        best = logits[i] > logits[best] ? i : best;\n"
            "    return best;\n}\n",
            s->upper);
}

/* ---- the self-test ---- */

/* bytes (examples,numbers) of noise, some examples darker than others. */
static void invent(const struct tr__source *s, uint8_t *bytes)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 0);
    for (int e = 0; e < TR__C_EXAMPLES; e++)
        for (int i = 0; i < s->stem->numbers; i++)
            *bytes++ = (uint8_t)rt_rng_below(&rng, 32U << e % 4);
}

static void put_test_of(struct tr__source *s, const uint8_t *bytes, const float *logits)
{
    const char *name = s->options->name, *memory = s->options->reentrant ? "memory, " : "";
    const int classes = s->model->student->shape.classes;
    const int64_t rom = s->rom; /* the test's constants are not the student's */

    fputs("\n", s->out);
    tr__array_begin(s, "uint8_t", "test_input", (int64_t)TR__C_EXAMPLES * s->stem->numbers, 1);
    for (int64_t i = 0; i < (int64_t)TR__C_EXAMPLES * s->stem->numbers; i++)
        tr__put_int8(s, i, bytes[i]);
    tr__array_end(s);
    tr__put_floats(s, "test_logits", logits, (int64_t)TR__C_EXAMPLES * classes);
    s->rom = rom;
    fprintf(s->out, "\nint %s_selftest(%s)\n{\n    float logits[%s_CLASSES];\n", name, s->parameter,
            s->upper);
    fprintf(s->out,
            "    int e, i, wrong = 0;\n"
            "    for (e = 0; e < %d; e++) {\n"
            "        const float *want = test_logits + e * %s_CLASSES;\n"
            "        const int best = %s_run(%stest_input + e * %s_INPUTS, logits);\n"
            "        int bad = 0;\n"
            "        for (i = 0; i < %s_CLASSES; i++)\n"
            "            bad |= want[i] > want[best]%s;\n"
            "        wrong += bad;\n"
            "    }\n"
            "    return wrong;\n}\n",
            TR__C_EXAMPLES, s->upper, name, memory, s->upper, s->upper,
            s->model->weights->int8
                ? ""
                : " || !(logits[i] - want[i] < 1e-3f && want[i] - logits[i] < 1e-3f)");
}

static rt_status put_test(struct tr__source *s, struct rt_err *err)
{
    const size_t n = TR__C_EXAMPLES, classes = (size_t)s->model->student->shape.classes;
    uint8_t *bytes = malloc(n * (size_t)s->stem->numbers);
    float *logits = malloc(n * classes * sizeof *logits);
    rt_status rc =
        bytes && logits ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for a self-test in C");

    if (rc == RT_OK) {
        invent(s, bytes);
        rc = tr_model_answer(s->model, bytes, TR__C_EXAMPLES, logits, err);
    }
    if (rc == RT_OK)
        put_test_of(s, bytes, logits);
    free(bytes);
    free(logits);
    return rc;
}

/* ---- the two files ---- */

/* Text of anybody's within a comment, which must neither end nor begin here, nor leave its line. */
static void put_comment(const char *text, FILE *out)
{
    for (const char *c = text; *c; c++) {
        const char before = (char)(c > text ? c[-1] : ' ');
        const bool bad = (unsigned char)*c < ' ' || *c == 127 || (*c == '/' && before == '*') ||
                         (*c == '*' && before == '/');
        fputc(bad ? '?' : *c, out);
    }
}

static void put_metadata(const struct tr__source *s, FILE *out)
{
    for (const struct tr_metadata *m = s->model->metadata; m && m->key; m++) {
        if (strchr(m->value, '\n')) /* a list of many; it is in the weights' file */
            continue;
        fputs(" * ", out);
        put_comment(m->key, out);
        fprintf(out, "%*s ", strlen(m->key) < 12 ? (int)(12 - strlen(m->key)) : 0, "");
        put_comment(m->value, out);
        fputc('\n', out);
    }
}

static void put_declaration(const struct tr__source *s, FILE *out)
{
    if (s->steps) {
        tr__c_controller_declare(s, out);
        return;
    }
    if (s->frames)
        fprintf(out, "/* A frame, %s_INPUTS bytes, to action (%s_ACTIONS)%s. Cannot fail. %s. */\n",
                s->upper, s->upper,
                s->model->input.controller->actions.choice ? ", the number of the choice" : "",
                s->options->reentrant ? "Threads: one memory each" : "One call at a time");
    else
        fprintf(out, "/* The most likely class; logits (%s_CLASSES). %s. %s. */\n", s->upper,
                s->text ? "-1 for a count or an id out of range" : "Cannot fail",
                s->options->reentrant ? "Threads: one memory each" : "One call at a time");
    put_prototype(s, out);
    fputs(";\n", out);
}

static void put_header(struct tr__source *s, FILE *out)
{
    const char *name = s->options->name, *upper = s->upper;

    fprintf(out, "/* %.*s.h -- a student, written by retort %s.\n *\n", s->file_length, s->file,
            RT_VERSION);
    put_metadata(s, out);
    fprintf(out, " */\n#ifndef %s_H\n#define %s_H\n#include <stdint.h>\n\n", upper, upper);
    if (s->steps)
        tr__c_controller_sizes(s, out);
    else if (s->text)
        tr__c_text_sizes(s, out);
    else
        fprintf(out,
                "#define %s_INPUTS %d  /* bytes of an example */\n"
                "#define %s_%s %d\n",
                upper, s->stem->numbers, upper, s->frames ? "ACTIONS" : "CLASSES",
                s->frames ? space_parts(&s->model->student->shape)
                          : s->model->student->shape.classes);
    fprintf(out,
            "#define %s_RAM %lld  /* bytes of variables, the stack aside */\n"
            "#define %s_ROM %lld  /* bytes of constants */\n\n"
            "#ifdef __cplusplus\nextern \"C\" {\n#endif\n",
            upper, (long long)ram_of(s), upper, (long long)s->rom);
    if (s->options->reentrant)
        put_memory(s, out);
    put_declaration(s, out);
    if (s->options->selftest)
        fprintf(out,
                "/* How many of %d examples come out wrong on this machine: 0. */\nint "
                "%s_selftest(%s);\n",
                TR__C_EXAMPLES, name, s->parameter);
    fputs("#ifdef __cplusplus\n}\n#endif\n#endif\n", out);
}

static void put_code(struct tr__source *s)
{
    const struct tr_student *student = s->model->student;

    fprintf(s->out,
            "/* Compile with -O2, link with -lm; the header says what this is. */\n"
            "#include \"%.*s.h\"\n\n#include <math.h>\n\n",
            s->file_length, s->file);
    fprintf(s->out,
            "#define TOKENS %d\n#define WIDTH %d\n#define HEAD_DIM %d\n"
            "#define SCORE_SCALE %.8ef\n#define EPSILON %.8ef\n\n",
            student->tokens, student->arch.width, student->arch.head_dim,
            (double)(1.0F / sqrtf((float)student->arch.head_dim)), (double)TR_NORM_EPS);
    tr__put_constants(s);
    fputs("\n", s->out);
    if (!s->options->reentrant)
        put_memory(s, s->out);
    fputs("\n", s->out);
    fputs(s->model->weights->int8 ? tr__c_int8_linear : tr__c_float_linear, s->out);
    fputs(tr__c_row_functions, s->out);
    if (s->model->input.controller)
        tr__c_controller_functions(s);
    if (s->text)
        tr__c_text_stem(s);
    else if (!s->steps)
        put_stem(s);
    for (int l = 0; l < student->arch.depth; l++)
        put_block(s, l);
    if (s->steps)
        tr__c_controller_run(s);
    else
        put_run(s);
}

static rt_status check_name(const char *name, char upper[TR_C_NAME], struct rt_err *err)
{
    const size_t length = strlen(name);
    bool good = length > 0 && length < TR_C_NAME && !isdigit((unsigned char)name[0]);

    for (size_t i = 0; good && i < length; i++) {
        good = isalnum((unsigned char)name[i]) || name[i] == '_';
        upper[i] = (char)toupper((unsigned char)name[i]);
    }
    if (!good)
        return rt_fail(
            err, RT_EARG,
            "'%.64s' is no name for a C function; use --name with letters, digits and _, "
            "%d at most",
            name, TR_C_NAME - 1);
    upper[length] = '\0';
    return RT_OK;
}

static rt_status source_open(struct tr__source *s, const char *path, const struct tr_model *model,
                             const struct tr_c_options *options, struct rt_err *err)
{
    const char *slash = strrchr(path, '/');

    *s = (struct tr__source){.model = model, .options = options, .file = slash ? slash + 1 : path};
    s->file_length = (int)strlen(s->file) - 2;
    s->stem = &model->student->stem;
    s->text = s->stem->vocabulary;
    s->frames = model->input.controller && tr_controller_frames(model->input.controller);
    s->steps = model->input.controller && !s->frames;
    s->tokens = s->text ? "m->tokens" : "TOKENS";
    RT_TRY(check_name(options->name, s->upper, err));
    (void)snprintf(s->parameter, sizeof s->parameter,
                   options->reentrant ? "struct %s_memory *memory" : "void", options->name);
    return RT_OK;
}

rt_status tr_c_source_write(const char *path, const struct tr_model *model,
                            const struct tr_c_options *options, struct rt_err *err)
{
    char header_path[RT_PATH_MAX];
    struct rt_writer code = {0}, header = {0};
    struct tr__source s;
    rt_status rc;

    assert(strlen(path) > 2 && strcmp(path + strlen(path) - 2, ".c") == 0);
    RT_TRY(source_open(&s, path, model, options, err));
    (void)snprintf(header_path, sizeof header_path, "%.*sh", (int)strlen(path) - 1, path);
    if ((rc = rt_writer_open(&code, path, err)) || (rc = rt_writer_open(&header, header_path, err)))
        goto done;
    s.out = code.file;
    put_code(&s);
    if (options->selftest && (rc = (model->input.controller ? tr__c_controller_test
                                    : s.text                ? tr__c_text_test
                                                            : put_test)(&s, err)))
        goto done;
    put_header(&s, header.file);
    rc = rt_writer_commit_pair(&header, &code, err);
done:
    rt_writer_abandon(&code);
    rt_writer_abandon(&header);
    return rc;
}
