/* tests/test_inherit_text.c -- students cut out of a BERT, and what they keep of its table.
 *
 * Of twelve heads four: a folder is written here as the transformers library names its tensors, of random
 * numbers, since what is compared is the same network with the other heads masked.
 */
#include "support.h"

#include <sys/stat.h>

#include "base/arena.h"
#include "trainer/export/safetensors.h"
#include "trainer/import/folder.h"
#include "trainer/learn/inherit.h"
#include "trainer/net/student_trace.h"

enum { texts = 4, tokens = 9 };
static const char golden[] = RT_TEST_DATA "/golden/hf/bert"; /* d 12, 3 heads, f 20 */

/* A BERT of 2 layers and 30 tokens, how its parts score, and its table. */
struct bed {
    struct tr_network bert, student;
    struct space_shape shape;
    struct tr_importance scores;
    struct tr_table_basis basis;
    struct tr_lineage lineage;
};

static void bed_open(struct bed *bed, const char *path)
{
    const struct space_shape task = {.length = tokens, .classes = 3};
    struct tr_folder folder;
    struct rt_err err;

    *bed = (struct bed){0};
    assert_ok(tr_folder_open(&folder, path, &err));
    assert_ok(tr_folder_fit(&folder, &task, false, &bed->shape, &err));
    bed->shape.segments = 0;
    assert_ok(tr_network_open(&bed->bert, &folder.arch, &bed->shape, tr_kernels_by_name("plain"),
                              TR_NETWORK_TRACE, &err));
    assert_ok(tr_folder_load(&folder, &bed->bert.student, bed->bert.weights.params, &err));
    assert_ok(tr_importance_init(&bed->scores, &folder.arch, &err));
    const int heads = folder.arch.heads[0];
    for (int l = 0; l < 2; l++)
        for (int h = 0; h < heads; h++)
            bed->scores.head[l][h] = (h * 5 + l) % heads; /* of 3 the best is head 1, then head 2 */
    assert_ok(tr_table_basis_init(&bed->basis, &bed->bert.student, bed->bert.weights.params, &err));
    tr_folder_close(&folder);
}

static void bed_cut(struct bed *bed, const char *arch_text, const struct space_shape *shape)
{
    const struct tr_inherit_options options = {.basis = &bed->basis};
    struct space_arch arch;
    struct rt_err err;

    assert_ok(space_arch_parse(arch_text, &arch, &err));
    assert_ok(tr_network_open(&bed->student, &arch, shape, tr_kernels_by_name("plain"),
                              TR_NETWORK_TRACE, &err));
    tr_network_start(&bed->student, 3);
    assert_ok(tr_inherit(&bed->student.student, bed->student.weights.params, &bed->bert.student,
                         bed->bert.weights.params, &bed->scores, &options, &bed->lineage, &err));
    tr_weights_pack(&bed->student.student, &bed->student.weights);
}

static void bed_close(struct bed *bed)
{
    tr_network_close(&bed->bert);
    tr_network_close(&bed->student);
    tr_importance_release(&bed->scores);
    tr_table_basis_release(&bed->basis);
    tr_lineage_release(&bed->lineage);
}

/* out (rows,d): what the last block leaves of some texts of ids below 20. */
static int run(struct tr_network *net, float *out)
{
    static const int length[texts] = {9, 1, 5, 7};
    struct tr_trace trace;
    struct tr_batch batch;
    struct rt_arena arena;
    struct rt_err err;

    assert_ok(rt_arena_init(&arena, 4 << 20, &err));
    assert_ok(tr__trace_init(&trace, &net->student, texts, &arena, &err));
    assert_ok(tr_batch_init(&batch, &net->student.arch, &net->student.shape, texts, &arena, &err));
    tr_batch_resize(&batch, texts, length);
    const int rows = tr_batch_rows(&batch), d = net->student.arch.width;
    assert_true(rows > 0);
    for (int r = 0; r < rows; r++)
        batch.ids[r] = (7 * r + 3) % 20;
    tr_weights_pack(&net->student, &net->weights);
    tr__trace_run(&trace, &net->student, &net->weights, &batch, net->student.arch.depth);
    for (int r = 0; r < rows; r++)
        memcpy(out + (ptrdiff_t)r * d, trace.stream[net->student.arch.depth] + r * tr__padded(d),
               (size_t)d * sizeof *out);
    rt_arena_release(&arena);
    return rows;
}

/* Without the contexts of the heads that the student has not. */
static void mask_heads(struct bed *bed)
{
    const struct tr_student *s = &bed->bert.student;
    const int d = s->arch.width, k = s->arch.head_dim, kept = bed->student.student.arch.heads[0];

    for (int l = 0; l < 2; l++)
        for (int h = 0; h < s->arch.heads[0]; h++) {
            bool stays = false;
            for (int i = 0; i < kept; i++)
                stays |= bed->lineage.head[l][i] == h;
            for (int o = 0; o < d && !stays; o++)
                memset(bed->bert.weights.params + s->plan->block[l].proj.weight +
                           (size_t)(o * d + h * k),
                       0, (size_t)k * sizeof(float));
        }
}

/* What is cut out computes what the rest of the BERT does; `best` are its heads, of each layer. */
static void check_heads(const char *folder, const char *arch, const int *best, int heads)
{
    float want[32 * 24] = {0}, got[32 * 24] = {0};
    struct bed bed;

    bed_open(&bed, folder);
    bed_cut(&bed, arch, &bed.shape);
    for (int l = 0; l < 2; l++)
        for (int h = 0; h < heads; h++)
            assert_int_equal(bed.lineage.head[l][h], best[l * heads + h]);
    mask_heads(&bed);
    const int rows = run(&bed.bert, want);
    assert_int_equal(run(&bed.student, got), rows);
    assert_close(got, want, (size_t)(rows * bed.bert.student.arch.width), 1e-5, 1e-5);
    bed_close(&bed);
}

static void a_head_of_three_computes_what_the_masked_bert_does(void **state)
{
    static const int best[] = {1, 2};
    (void)state;
    check_heads(golden, "L2-d12-k4-h1-f20-v30", best, 1);
    check_heads(golden, "L2-d12-k4-h1-f20-v20", best, 1);
}

/* ---- twelve heads ---- */

static void add(struct tr_named *tensors, int *count, const char *name, int rows, int cols)
{
    struct tr_named *t = &tensors[(*count)++];
    const size_t n = (size_t)rows * (size_t)(cols ? cols : 1);
    float *values = malloc(n * sizeof *values);

    assert_non_null(values);
    fill_uniform(values, n, (uint64_t)*count);
    *t = (struct tr_named){.dims = cols ? 2 : 1, .shape = {rows, cols}, .values = values};
    assert_true(snprintf(t->name, sizeof t->name, "%s", name) < (int)sizeof t->name);
}

static void add_linear(struct tr_named *tensors, int *count, const char *name, int out, int in)
{
    char full[64];

    (void)snprintf(full, sizeof full, "%s.weight", name);
    add(tensors, count, full, out, in);
    (void)snprintf(full, sizeof full, "%s.bias", name);
    add(tensors, count, full, out, 0);
}

static void add_block(struct tr_named *tensors, int *count, int l)
{
    static const struct {
        const char *name;
        int out, in; /* in 0: a norm */
    } parts[] = {{"attention.self.query", 24, 24},
                 {"attention.self.key", 24, 24},
                 {"attention.self.value", 24, 24},
                 {"attention.output.dense", 24, 24},
                 {"attention.output.LayerNorm", 24, 0},
                 {"intermediate.dense", 20, 24},
                 {"output.dense", 24, 20},
                 {"output.LayerNorm", 24, 0}};
    char name[56];

    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        (void)snprintf(name, sizeof name, "encoder.layer.%d.%s", l, parts[p].name);
        add_linear(tensors, count, name, parts[p].out, parts[p].in);
    }
}

/* A BERT without a classifier: 2 layers, d 24, 12 heads, f 20, 30 tokens, 16 positions. */
static void write_bert(const char *folder)
{
    static const char config[] =
        "{\"model_type\": \"bert\", \"vocab_size\": 30, \"hidden_size\": 24, "
        "\"num_attention_heads\": 12, \"num_hidden_layers\": 2, \"intermediate_size\": 20, "
        "\"max_position_embeddings\": 16, \"type_vocab_size\": 2, \"hidden_act\": \"gelu\", "
        "\"layer_norm_eps\": 1e-12}";
    struct tr_named tensors[64];
    char path[512];
    int count = 0;
    struct rt_err err;

    add(tensors, &count, "embeddings.word_embeddings.weight", 30, 24);
    add(tensors, &count, "embeddings.position_embeddings.weight", 16, 24);
    add(tensors, &count, "embeddings.token_type_embeddings.weight", 2, 24);
    add_linear(tensors, &count, "embeddings.LayerNorm", 24, 0);
    add_block(tensors, &count, 0);
    add_block(tensors, &count, 1);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_ok(tr_safetensors_write_named(path, tensors, count, NULL, &err));
    (void)snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(config, file) >= 0);
    assert_int_equal(fclose(file), 0);
    for (int t = 0; t < count; t++)
        free((float *)(uintptr_t)tensors[t].values);
}

static void four_heads_of_twelve_compute_what_the_masked_bert_does(void **state)
{
    /* scores (5 h + l) mod 12: 11, 10, 9, 8 in order of the heads' numbers */
    static const int best[] = {2, 4, 7, 9, 2, 4, 9, 11};
    char folder[] = "/tmp/retort-bert-XXXXXX", command[64];
    (void)state;

    assert_non_null(mkdtemp(folder));
    write_bert(folder);
    check_heads(folder, "L2-d24-k2-h4-f20-v30", best, 4);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void components_are_orthonormal_and_ordered(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, golden);
    const double *u = bed.basis.vectors;
    for (int i = 0; i < 12; i++) {
        double top = 0;
        assert_true(i == 0 || bed.basis.values[i] <= bed.basis.values[i - 1]);
        for (int j = 0; j < 12; j++) {
            double dot = 0;
            for (int k = 0; k < 12; k++)
                dot += u[i * 12 + k] * u[j * 12 + k];
            assert_near(dot, i == j, 1e-12);
            top = fabs(u[i * 12 + j]) > fabs(top) ? u[i * 12 + j] : top;
        }
        assert_true(top > 0);
    }
    assert_near(tr_table_basis_kept(&bed.basis, 12), 1, 1e-12);
    assert_true(tr_table_basis_kept(&bed.basis, 4) < tr_table_basis_kept(&bed.basis, 5));
    bed_close(&bed);
}

/* The mean square of what is lost is the sum of the eigenvalues that are left out. */
static void a_projected_table_gives_back_what_its_components_keep(void **state)
{
    enum { e = 7, d = 12, v = 30 };
    double lost = 0, left_out = 0;
    struct bed bed;
    float row[d];
    (void)state;
    bed_open(&bed, golden);
    bed_cut(&bed, "L1-d12-k4-h3-f20-e7-v30", &bed.shape);
    for (int id = 0; id < v; id++) {
        float want[d];
        tr_table_row(&bed.bert.student, bed.bert.weights.params, id, want);
        tr_table_row(&bed.student.student, bed.student.weights.params, id, row);
        for (int i = 0; i < d; i++)
            lost += ((double)row[i] - (double)want[i]) * ((double)row[i] - (double)want[i]) / v;
    }
    for (int i = e; i < d; i++)
        left_out += bed.basis.values[i];
    assert_near(lost, left_out, 1e-5 * left_out);
    bed_close(&bed);
}

/* Norms stand elsewhere: the blocks are as they were, the table has the first components. */
static void a_pre_norm_student_takes_the_table_alone(void **state)
{
    const struct space_shape pre = {.length = tokens, .classes = 3, .pool = SPACE_POOL_MEAN};
    static const char *const archs[] = {"L2-d16-k4-h3-f20-e6-v30", "L2-d8-k4-h3-f20-v30",
                                        "L2-d20-k4-h3-f20-v25"};
    (void)state;
    for (int a = 0; a < 3; a++) {
        struct bed bed;
        bed_open(&bed, golden);
        bed_cut(&bed, archs[a], &pre);
        const struct tr_student *s = &bed.student.student;
        float *first = calloc(s->param_count, sizeof *first);
        assert_non_null(first);
        tr_student_init_params(s, 3, first);
        const float *params = bed.student.weights.params;
        const int e = s->stem.features < 12 ? s->stem.features : 12;
        double squares = 0;
        assert_int_equal(bed.lineage.layer[0], -1);
        assert_true(bed.lineage.inherited > 0);
        for (int l = 0; l < 2; l++)
            assert_memory_equal(params + s->plan->block[l].query.weight,
                                first + s->plan->block[l].query.weight,
                                (size_t)3 * 12 * s->arch.width * sizeof *first);
        for (int id = 0; id < s->stem.vocabulary; id++)
            for (int i = 0; i < e; i++) {
                const double x = params[s->plan->table + (size_t)(id * s->stem.features + i)];
                squares += x * x / s->stem.vocabulary / e;
            }
        assert_near(sqrt(squares), .02, s->stem.vocabulary == 30 ? 1e-7 : 4e-3);
        free(first);
        bed_close(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_of_three_computes_what_the_masked_bert_does),
        cmocka_unit_test(four_heads_of_twelve_compute_what_the_masked_bert_does),
        cmocka_unit_test(components_are_orthonormal_and_ordered),
        cmocka_unit_test(a_projected_table_gives_back_what_its_components_keep),
        cmocka_unit_test(a_pre_norm_student_takes_the_table_alone),
    };
    return cmocka_run_group_tests_name("inherit text", tests, NULL, NULL);
}
