/* tests/test_import.c -- folders that transformers saved: what is in them, that our network answers as
 * the library did, and what is refused.
 */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "trainer/import/folder.h"
#include "trainer/import/shards.h"
#include "trainer/net/network.h"

static const struct space_shape texts = {.length = 14, .classes = 3, .pool = SPACE_POOL_MEAN};
static const struct space_shape images = {
    .height = 8, .width = 8, .channels = 1, .classes = 3, .pool = SPACE_POOL_CLASS};
static const char *const sets[] = {"plain", "v3", "v4"};

static const char *folder_path(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/golden/hf/%s", RT_TEST_DATA, name);
    return path;
}

/* A folder's expected.bin, or another file like it. */
struct expected {
    FILE *file;
    int inputs, outputs, answers;
};

static int next_int(FILE *f)
{
    int32_t v = 0;
    assert_int_equal(fread(&v, sizeof v, 1, f), 1);
    return v;
}

static struct expected expected_open(const char *name, const char *file)
{
    char path[600];
    struct expected e;

    (void)snprintf(path, sizeof path, "%s/%s", folder_path(name), file);
    e.file = fopen(path, "rb");
    assert_non_null(e.file);
    e.inputs = next_int(e.file);
    e.outputs = next_int(e.file);
    e.answers = next_int(e.file);
    return e;
}

/* The next input into the batch, and its logits; returns the answers. */
static int expected_next(const struct expected *e, struct tr_batch *batch, float *logits)
{
    const int numbers = next_int(e->file);
    int rows = numbers;

    tr_batch_resize(batch, 1, batch->ids ? &rows : NULL);
    if (batch->ids) {
        for (int i = 0; i < rows; i++)
            batch->ids[i] = next_int(e->file);
        for (int i = 0; i < rows; i++) {
            const int segment = next_int(e->file);
            if (batch->segment)
                batch->segment[i] = segment;
        }
    } else {
        assert_int_equal(numbers, batch->numbers);
        assert_int_equal(fread(batch->values, sizeof(float), (size_t)numbers, e->file), numbers);
    }
    const size_t count = (size_t)(e->answers ? e->answers : rows) * e->outputs;
    assert_int_equal(fread(logits, sizeof(float), count, e->file), count);
    return (int)count / e->outputs;
}

static void check(const char *name, const struct space_shape *task, bool next, const char *set)
{
    const struct tr_kernels *kernels = tr_kernels_by_name(set);
    float want[16 * 64], got[16 * 64];
    struct tr_folder folder;
    struct tr_network net;
    struct tr_infer *infer;
    struct tr_batch batch;
    struct rt_arena arena;
    struct space_shape shape;
    struct rt_err err;

    if (!kernels)
        return;
    assert_ok(tr_folder_open(&folder, folder_path(name), &err));
    assert_ok(tr_folder_fit(&folder, task, next, &shape, &err));
    assert_ok(tr_network_open(&net, &folder.arch, &shape, kernels, TR_NETWORK_INFER, &err));
    assert_ok(tr_folder_load(&folder, &net.student, net.weights.params, &err));
    tr_weights_pack(&net.student, &net.weights);
    assert_ok(rt_arena_init(&arena, 1 << 20, &err));
    assert_ok(tr_infer_init(&infer, &net.student, 1, &arena, &err));
    assert_ok(tr_batch_init(&batch, &folder.arch, &shape, 1, &arena, &err));
    const struct expected e =
        expected_open(name, task->height == 12 ? "expected_12x20.bin" : "expected.bin");
    assert_int_equal(e.outputs, net.student.shape.classes);
    for (int i = 0; i < e.inputs; i++) {
        const int answers = expected_next(&e, &batch, want);
        assert_int_equal(answers, batch.answers);
        tr_infer_run(infer, &net.student, &net.weights, &batch, got);
        assert_close(got, want, (size_t)answers * e.outputs, 1e-5, 1e-5);
    }
    assert_int_equal(fgetc(e.file), EOF);
    fclose(e.file);
    rt_arena_release(&arena);
    tr_network_close(&net);
    tr_folder_close(&folder);
}

static void networks_answer_as_the_library_does(void **state)
{
    static const char *const of_texts[] = {"bert",    "bert_bf16", "bert_f16_shards",
                                           "roberta", "gpt2",      "distilbert"};
    static const char *const of_images[] = {"vit", "deit", "deit_pair"};
    (void)state;
    for (int s = 0; s < 3; s++) {
        for (size_t i = 0; i < sizeof of_texts / sizeof *of_texts; i++)
            check(of_texts[i], &texts, false, sets[s]);
        for (size_t i = 0; i < sizeof of_images / sizeof *of_images; i++)
            check(of_images[i], &images, false, sets[s]);
        check("gpt2_lm", &texts, true, sets[s]);
    }
}

/* Their grids of 2x2 positions become ones of 3x5. */
static void images_of_another_size_are_read_by_interpolated_positions(void **state)
{
    static const struct space_shape larger = {
        .height = 12, .width = 20, .channels = 1, .classes = 3, .pool = SPACE_POOL_CLASS};
    (void)state;
    for (int s = 0; s < 3; s++) {
        check("vit", &larger, false, sets[s]);
        check("deit", &larger, false, sets[s]);
    }
}

/* What the mean of its rows is, by a head that passes it on. */
static void an_encoder_alone_gives_its_mean(void **state)
{
    struct space_shape task = texts, shape;
    float want[64], got[64];
    struct tr_folder folder;
    struct tr_network net;
    struct tr_infer *infer;
    struct tr_batch batch;
    struct rt_arena arena;
    struct rt_err err;
    (void)state;

    assert_ok(tr_folder_open(&folder, folder_path("minilm"), &err));
    assert_int_equal(folder.classes, 0);
    task.classes = 12;
    assert_ok(tr_folder_fit(&folder, &task, false, &shape, &err));
    assert_int_equal(shape.pool, SPACE_POOL_MEAN);
    assert_ok(tr_network_open(&net, &folder.arch, &shape, tr_kernels_by_name("plain"),
                              TR_NETWORK_INFER, &err));
    assert_ok(tr_folder_load(&folder, &net.student, net.weights.params, &err));
    for (int t = 0; t < net.student.tensor_count; t++)
        for (int c = 0; strcmp(net.student.tensors[t].name, "head.weight") == 0 && c < 12; c++)
            net.weights.params[net.student.tensors[t].offset + (size_t)c * 13] = 1;
    tr_weights_pack(&net.student, &net.weights);
    assert_ok(rt_arena_init(&arena, 1 << 20, &err));
    assert_ok(tr_infer_init(&infer, &net.student, 1, &arena, &err));
    assert_ok(tr_batch_init(&batch, &folder.arch, &shape, 1, &arena, &err));
    const struct expected e = expected_open("minilm", "expected.bin");
    for (int i = 0; i < e.inputs; i++) {
        (void)expected_next(&e, &batch, want);
        for (int r = 0; r < tr_batch_rows(&batch); r++)
            batch.segment[r] = 0; /* as the library was asked */
        tr_infer_run(infer, &net.student, &net.weights, &batch, got);
        assert_close(got, want, 12, 1e-5, 1e-5);
    }
    fclose(e.file);
    rt_arena_release(&arena);
    tr_network_close(&net);
    tr_folder_close(&folder);
}

static void a_folder_says_what_it_is(void **state)
{
    struct tr_folder folder;
    struct rt_err err;
    char a[RT_HASH_TEXT], b[RT_HASH_TEXT];
    (void)state;

    assert_ok(tr_folder_open(&folder, folder_path("bert"), &err));
    assert_int_equal(folder.kind, TR_FOLDER_BERT);
    assert_int_equal(folder.arch.depth, 2);
    assert_int_equal(folder.arch.heads[1], 3);
    assert_int_equal(folder.arch.vocabulary, 30);
    assert_int_equal(folder.classes, 3);
    assert_int_equal(folder.labels, 3);
    assert_string_equal(folder.label[2], "LABEL_2");
    assert_int_equal(folder.positions, 16);
    /* (30 + 16 + 2 + 2) d + 2 (4 d + 4 (d d + d) + 2 d f + f + d) + d d + d + 3 d + 3, d 12, f 20 */
    assert_int_equal(folder.params, 50 * 12 + 2 * (48 + 4 * 156 + 480 + 32) + 156 + 39);
    assert_ok(tr_folder_hash(&folder, a, &err));
    tr_folder_close(&folder);
    assert_ok(tr_folder_open(&folder, folder_path("bert_bf16"), &err));
    assert_ok(tr_folder_hash(&folder, b, &err));
    assert_string_not_equal(a, b);
    tr_folder_close(&folder);
    assert_ok(tr_folder_open(&folder, folder_path("vit"), &err));
    assert_near(folder.mean[0], .5, 1e-7);
    assert_near(folder.sd[0], .25, 1e-7);
    tr_folder_close(&folder);
}

/* ---- refusals ---- */

static char scratch[256];

/* A copy of a golden folder with one text of its config.json replaced. */
static void broken_folder(const char *name, const char *text, const char *by)
{
    char path[600], config[8192], weights[600], *at;
    FILE *f;

    (void)snprintf(scratch, sizeof scratch, "/tmp/retort-import-%d", (int)getpid());
    (void)mkdir(scratch, 0700);
    (void)snprintf(path, sizeof path, "%s/config.json", folder_path(name));
    f = fopen(path, "r");
    assert_non_null(f);
    config[fread(config, 1, sizeof config - 256, f)] = '\0';
    fclose(f);
    at = strstr(config, text);
    assert_non_null(at);
    memmove(at + strlen(by), at + strlen(text), strlen(at + strlen(text)) + 1);
    memcpy(at, by, strlen(by));
    (void)snprintf(path, sizeof path, "%s/config.json", scratch);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(config, f);
    fclose(f);
    (void)snprintf(weights, sizeof weights, "%s/model.safetensors", folder_path(name));
    (void)snprintf(path, sizeof path, "%s/model.safetensors", scratch);
    (void)unlink(path);
    assert_int_equal(symlink(weights, path), 0);
}

static void broken_remove(void)
{
    char path[600];

    (void)snprintf(path, sizeof path, "%s/config.json", scratch);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", scratch);
    (void)unlink(path);
    (void)rmdir(scratch);
}

static void what_cannot_be_run_is_refused_by_name(void **state)
{
    static const struct {
        const char *folder, *text, *by, *says;
    } cases[] = {
        {"bert", "\"model_type\": \"bert\"", "\"model_type\": \"albert\"", "model_type 'albert'"},
        {"bert", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"silu\"", "hidden_act 'silu'"},
        {"bert", "\"hidden_size\": 12", "\"hidden_size\": 13", "which they do not divide"},
        {"bert", "\"hidden_size\": 12", "\"hidden_size\": 15", "has other sizes"},
        {"bert", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "lacks tensor"},
        {"bert", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "has a tensor"},
        {"bert", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": -1", "no num_hidden_layers"},
        {"bert", "\"is_decoder\": false", "\"is_decoder\": true", "is_decoder: true"},
        {"bert", "\"pad_token_id\": 0", "\"position_embedding_type\": \"relative_key\"",
         "position_embedding_type 'relative_key'"},
        {"bert", "{", "[", "is not JSON"},
        {"bert", "\"vocab_size\": 30", "\"vocab_size\": 31", "has other sizes"},
        {"gpt2", "\"scale_attn_weights\": true", "\"scale_attn_weights\": false",
         "scale_attn_weights"},
        {"vit", "\"patch_size\": 4", "\"patch_size\": 3", "patches of 3x3"},
    };
    struct tr_folder folder;
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        broken_folder(cases[i].folder, cases[i].text, cases[i].by);
        assert_int_equal(tr_folder_open(&folder, scratch, &err), RT_EFORMAT);
        if (!strstr(err.text, cases[i].says)) {
            print_error("'%s' does not say '%s'\n", err.text, cases[i].says);
            fail();
        }
    }
    broken_remove();
    assert_int_equal(tr_folder_open(&folder, "/nonexistent", &err), RT_EIO);
}

static void what_does_not_fit_the_task_is_refused(void **state)
{
    static const struct space_shape longer = {.length = 17, .classes = 3};
    static const struct space_shape other = {.length = 9, .classes = 4};
    static const struct space_shape colours = {
        .height = 8, .width = 8, .channels = 3, .classes = 3};
    static const struct space_shape large = {.height = 9, .width = 8, .channels = 1, .classes = 3};
    const struct {
        const char *folder;
        const struct space_shape *task;
        bool next;
        const char *says;
    } cases[] = {{"bert", &longer, false, "at most 16 tokens"},
                 {"bert", &other, false, "has 3 classes but the data has 4"},
                 {"bert", &images, false, "reads texts"},
                 {"bert", &texts, true, "says no next token"},
                 {"vit", &texts, false, "reads images"},
                 {"vit", &large, false, "patches of 4, which do not divide the study's of 9x8"},
                 {"vit", &colours, false, "images of 1 channels, the study's have 3"}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_folder folder;
        struct space_shape shape;
        struct rt_err err;
        assert_ok(tr_folder_open(&folder, folder_path(cases[i].folder), &err));
        assert_int_not_equal(tr_folder_fit(&folder, cases[i].task, cases[i].next, &shape, &err),
                             RT_OK);
        assert_non_null(strstr(err.text, cases[i].says));
        tr_folder_close(&folder);
    }
}

static void an_index_names_files_of_its_own_folder(void **state)
{
    static const struct {
        const char *text;
        int files; /* 0: refused */
    } cases[] = {{"{\"weight_map\": {\"a\": \"x.safetensors\", \"b\": \"y.safetensors\"}}", 2},
                 {"{\"weight_map\": {\"a\": \"x.safetensors\", \"b\": \"x.safetensors\"}}", 1},
                 {"{\"weight_map\": {\"a\": \"../x.safetensors\"}}", 0},
                 {"{\"weight_map\": {\"a\": \"x.bin\"}}", 0},
                 {"{\"weight_map\": {\"a\": 3}}", 0},
                 {"{\"weight_map\": {}}", 0},
                 {"[]", 0},
                 {"{", 0}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char **files = NULL;
        int count = 0;
        struct rt_err err;
        const rt_status rc =
            tr_shards_parse("index", cases[i].text, strlen(cases[i].text), &files, &count, &err);
        assert_int_equal(rc, cases[i].files ? RT_OK : RT_EFORMAT);
        assert_int_equal(count, cases[i].files);
        for (int f = 0; f < count; f++)
            free(files[f]);
        free(files);
    }
}

static void halves_and_brain_floats_are_widened(void **state)
{
    static const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x8001, 0x7bff, 0x7c00, 0x0400, 0x8000};
    static const float as_half[] = {1, -2, 0x1p-24F, -0x1p-24F, 65504, INFINITY, 0x1p-14F, -0.0F};
    static const uint16_t brain[] = {0x3f80, 0xc040, 0x0000};
    static const float as_brain[] = {1, -3, 0};
    const struct tr_stored halves = {.type = TR_STORED_F16, .count = 8, .values = half};
    const struct tr_stored brains = {.type = TR_STORED_BF16, .count = 3, .values = brain};
    float got[8];
    (void)state;

    tr_shards_floats(&halves, 0, 8, got);
    assert_memory_equal(got, as_half, sizeof as_half);
    tr_shards_floats(&brains, 0, 3, got);
    assert_memory_equal(got, as_brain, sizeof as_brain);
}

/* Tokens may change beside the weights, and then a teacher says something else. */
static void tokens_are_of_the_hash(void **state)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char hash[3][RT_HASH_TEXT], to[64], from[RT_PATH_MAX];
    struct tr_folder folder;
    struct rt_err err;
    (void)state;

    assert_int_equal(mkdir("import-tokens", 0700), 0);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(from, sizeof from, "%s/%s", folder_path("bert"), files[i]);
        (void)snprintf(to, sizeof to, "import-tokens/%s", files[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            FILE *file = fopen("import-tokens/vocab.txt", "w");
            assert_non_null(file);
            (void)fputs(i == 1 ? "one\n" : "two\n", file);
            assert_int_equal(fclose(file), 0);
        }
        assert_ok(tr_folder_open(&folder, "import-tokens", &err));
        assert_ok(tr_folder_hash(&folder, hash[i], &err));
        tr_folder_close(&folder);
    }
    assert_string_not_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[1], hash[2]);
    unlink("import-tokens/config.json");
    unlink("import-tokens/model.safetensors");
    unlink("import-tokens/vocab.txt");
    assert_int_equal(rmdir("import-tokens"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_answer_as_the_library_does),
        cmocka_unit_test(images_of_another_size_are_read_by_interpolated_positions),
        cmocka_unit_test(an_encoder_alone_gives_its_mean),
        cmocka_unit_test(a_folder_says_what_it_is),
        cmocka_unit_test(what_cannot_be_run_is_refused_by_name),
        cmocka_unit_test(what_does_not_fit_the_task_is_refused),
        cmocka_unit_test(an_index_names_files_of_its_own_folder),
        cmocka_unit_test(halves_and_brain_floats_are_widened),
        cmocka_unit_test(tokens_are_of_the_hash),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
