/* tests/test_kept_layers.c -- what inner layers of a teacher say, kept in a file: the bits of a teacher that
 * runs beside, an interrupted pass that goes on, damage that is found.
 */
#include "toy_task.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/teachers/kept_layers.h"

enum { rows = 700, validating = 60 };

static struct tr_ensemble_spec spec = {
    .count = 1, .teacher[0] = {.name = "vit", .weight = 1, .kind = &tr_teacher_imported}};
static struct space_shape shape;
static struct tr_teaching teaching = {.spec = &spec, .shape = &shape, .threads = 1};
static struct tr_network network;
static char path[RT_PATH_MAX + 16];

static int set_up(void **state)
{
    struct rt_err err;

    (void)state;
    shape = toy_shape();
    (void)strcpy(spec.folder, "/tmp/retort-layers-XXXXXX");
    assert_non_null(mkdtemp(spec.folder));
    (void)snprintf(path, sizeof path, "%s/vit.layers", spec.folder);
    (void)snprintf(spec.teacher[0].source, RT_PATH_MAX, "%s/golden/hf/vit", RT_TEST_DATA);
    teaching.task = toy_task(rows, validating);
    assert_ok(tr_kernels_choose(&teaching.kernels, &err));
    assert_ok(tr_teacher_open(&network, &teaching, 0, TR_NETWORK_TRACE, &err));
    return 0;
}

static int tear_down(void **state)
{
    char command[RT_PATH_MAX + 16];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", spec.folder);
    assert_int_equal(system(command), 0);
    tr_network_close(&network);
    tr_task_close((struct tr_task *)(uintptr_t)teaching.task);
    return 0;
}

/* All parts that losses on hidden rows and heads of two layers can read. */
static void plan(struct tr_kept_layers *kept)
{
    struct tr_layers layers;
    struct tr_layer_parts parts = {0};
    struct rt_err err;

    tr_layers_defaults(&layers);
    layers.attention_loss = TR_ATTENTION_KL;
    tr_layers_read(&layers, network.student.arch.depth, network.student.arch.depth, &parts);
    assert_ok(tr_kept_layers_plan(kept, teaching.task, &network.student, 0, &parts, &err));
}

static void keep(struct tr_kept_layers *kept)
{
    struct rt_err err;

    plan(kept);
    assert_ok(tr_kept_layers_open(kept, &teaching, 0, "of this teacher, by 32 letters..", &network,
                                  &err));
}

static void train(const struct tr_kept_layers *kept, const char *arch_text,
                  enum tr_attention_loss loss, float *params, size_t most)
{
    const struct tr_data data = {.task = teaching.task, .resident = &network, .kept = kept};
    struct tr_recipe recipe = toy_recipe(12);
    struct tr_train_summary summary;
    struct tr_network student;
    struct space_arch arch;
    struct rt_err err;

    tr_layers_defaults(&recipe.layers);
    recipe.layers.attention_loss = loss;
    recipe.layers.intermediate = 1;
    assert_ok(space_arch_parse(arch_text, &arch, &err));
    assert_ok(tr_network_open(&student, &arch, &shape, teaching.kernels, TR_NETWORK_TRAIN, &err));
    tr_network_start(&student, 4);
    const struct tr_training job = {.student = &student.student,
                                    .data = &data,
                                    .recipe = &recipe,
                                    .seed = 3,
                                    .lanes = 1,
                                    .threads = 1};
    assert_ok(tr_train(&job, &student.weights, &summary, &err));
    assert_true(student.student.param_count <= most);
    memset(params, 0, most * sizeof *params);
    memcpy(params, student.weights.params, student.student.param_count * sizeof *params);
    tr_network_close(&student);
}

static void a_run_that_reads_has_the_bits_of_one_with_the_teacher_beside(void **state)
{
    enum { most = 20000 };
    static const enum tr_attention_loss losses[] = {TR_ATTENTION_RELATION, TR_ATTENTION_KL};
    static float live[most], read[most];
    struct tr_kept_layers kept, zeros;
    char arch[64];
    (void)state;

    keep(&kept);
    plan(&zeros);
    for (int i = 0; i < 2; i++) {
        for (int depth = 1; depth <= network.student.arch.depth; depth++) {
            (void)snprintf(arch, sizeof arch, "L%d-d16-k8-h%d-f24-p%d", depth,
                           network.student.arch.heads[0], network.student.arch.patch);
            train(NULL, arch, losses[i], live, most);
            train(&kept, arch, losses[i], read, most);
            assert_memory_equal(read, live, sizeof live);
            train(&zeros, arch, losses[i], read, most);
            assert_memory_not_equal(read, live, sizeof live);
        }
    }
    tr_kept_layers_close(&zeros);
    tr_kept_layers_close(&kept);
}

/* The file's bytes; the caller frees them. */
static char *contents(size_t *bytes)
{
    char *data;
    struct rt_err err;

    assert_ok(rt_file_read(path, 1 << 26, &data, bytes, &err));
    return data;
}

static void change(size_t at, int to)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(to, file), (unsigned char)to);
    assert_int_equal(fclose(file), 0);
}

static int asked;
static void count(void *context, const char *teacher, int step, int steps)
{
    (void)context;
    assert_string_equal(teacher, "vit");
    assert_int_equal(steps, 3); /* 640 train rows */
    assert_true(step <= steps);
    asked++;
}

static void what_is_missing_or_damaged_is_asked_again(void **state)
{
    struct tr_kept_layers kept;
    size_t bytes, again;
    (void)state;

    teaching.progress = count;
    assert_int_equal(unlink(path) | 1, 1);
    for (int trouble = 0; trouble < 5; trouble++) {
        static const int blocks[] = {3, 0, 2, 3, 1};
        char *whole = NULL, *now;
        if (trouble)
            whole = contents(&bytes);
        if (trouble == 2)
            assert_int_equal(truncate(path, (off_t)bytes / 2), 0);
        if (trouble == 3)
            change(9, '?'); /* of another teacher */
        if (trouble == 4)
            change(bytes - 40, '?');
        asked = 0;
        keep(&kept);
        assert_int_equal(asked, blocks[trouble]);
        assert_int_equal(kept.bytes, kept.map.bytes);
        tr_kept_layers_close(&kept);
        now = contents(&again);
        if (trouble) {
            assert_int_equal(again, bytes);
            assert_memory_equal(now, whole, bytes);
        }
        free(whole);
        free(now);
    }
    teaching.progress = NULL;
}

static void an_interrupted_pass_says_so_and_any_threads_write_the_same(void **state)
{
    static atomic_int stop = 1;
    struct tr_kept_layers kept;
    size_t bytes, again;
    struct rt_err err;
    (void)state;

    keep(&kept);
    tr_kept_layers_close(&kept);
    char *one = contents(&bytes);
    assert_int_equal(unlink(path), 0);
    teaching.stop = &stop;
    plan(&kept);
    assert_int_equal(tr_kept_layers_open(&kept, &teaching, 0, "of this teacher, by 32 letters..",
                                         &network, &err),
                     RT_ESTOP);
    tr_kept_layers_close(&kept);
    teaching.stop = NULL;
    teaching.threads = 3;
    keep(&kept);
    tr_kept_layers_close(&kept);
    teaching.threads = 1;
    char *three = contents(&again);
    assert_int_equal(again, bytes);
    assert_memory_equal(three, one, bytes);
    free(one);
    free(three);
}

/* By whoever asks whether what is learnt from is as it was; what was cut off is not read for that. */
static void what_others_write_into_an_open_file_is_found(void **state)
{
    const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct tr_kept_layers kept;
    const struct tr_data data = {.task = teaching.task, .resident = &network, .kept = &kept};
    const atomic_int stopped = 1, goes_on = 0;
    size_t bytes;
    struct rt_err err;
    (void)state;

    keep(&kept);
    tr_kept_layers_close(&kept);
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0); /* clocks of files are coarse */
    char *whole = contents(&bytes);
    keep(&kept);
    assert_ok(tr_data_look(&data, &err));
    change(bytes - 40, whole[bytes - 40] ^ 1);
    assert_ok(tr_data_look_until(&data, &stopped, &err)); /* which does not know it yet */
    assert_int_equal(tr_data_look_until(&data, &goes_on, &err), RT_EDIRTY);
    assert_int_equal(tr_data_look(&data, &err), RT_EDIRTY);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "was written into"));
    change(bytes - 40, whole[bytes - 40]);
    assert_ok(tr_data_look(&data, &err));
    assert_int_equal(truncate(path, (off_t)bytes - 1), 0);
    assert_int_equal(tr_data_look(&data, &err), RT_EDIRTY);
    assert_non_null(strstr(err.text, "was cut short"));
    tr_kept_layers_close(&kept);
    keep(&kept); /* which is the mend */
    assert_ok(tr_data_look(&data, &err));
    assert_int_equal(unlink(path), 0); /* ours is there yet */
    assert_ok(tr_data_look(&data, &err));
    tr_kept_layers_close(&kept);
    free(whole);
}

/* Of 12 layers: what each choice of a study can come to read. */
static void parts_are_those_that_losses_read(void **state)
{
    static const struct {
        enum tr_layer_map map;
        enum tr_attention_loss attention;
        double hidden, weight;
        bool matched;
        const char *stream, *qkv; /* a letter a layer */
    } cases[] = {
        {TR_LAYERS_UNIFORM, TR_ATTENTION_RELATION, 1, 1, false, "..x..x..x..x", "...........x"},
        {TR_LAYERS_UNIFORM, TR_ATTENTION_KL, 1, 1, false, "..x..x..x..x", "..x..x..x..x"},
        {TR_LAYERS_LAST, TR_ATTENTION_RELATION, 1, 0, false, "........xxxx", "............"},
        {TR_LAYERS_FIRST, TR_ATTENTION_RELATION, 0, 1, true, "............", "...x........"},
        {TR_LAYERS_RANDOM, TR_ATTENTION_RELATION, 1, 1, false, "xxxxxxxxxxxx", ".........xxx"},
        {TR_LAYERS_KEPT, TR_ATTENTION_LOGITS, 1, 1, true, "x..x..x..x..", "xxxxxxxxxxxx"},
        {TR_LAYERS_UNIFORM, TR_ATTENTION_KL, 0, 0, true, "............", "............"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct tr_layer_parts parts = {0};
        struct tr_layers layers;
        tr_layers_defaults(&layers);
        layers.map = cases[c].map;
        layers.attention_loss = cases[c].attention;
        layers.weight[TR_LAYER_HIDDEN] = cases[c].hidden;
        layers.weight[TR_LAYER_ATTENTION] = cases[c].weight;
        layers.matched = cases[c].matched;
        tr_layers_read(&layers, 4, 12, &parts);
        assert_false(parts.stream[0]);
        for (int l = 0; l < 12; l++) {
            assert_int_equal(parts.stream[l + 1], cases[c].stream[l] == 'x');
            assert_int_equal(parts.qkv[l], cases[c].qkv[l] == 'x');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_reads_has_the_bits_of_one_with_the_teacher_beside),
        cmocka_unit_test(what_is_missing_or_damaged_is_asked_again),
        cmocka_unit_test(an_interrupted_pass_says_so_and_any_threads_write_the_same),
        cmocka_unit_test(what_others_write_into_an_open_file_is_found),
        cmocka_unit_test(parts_are_those_that_losses_read),
    };
    return cmocka_run_group_tests_name("kept layers", tests, set_up, tear_down);
}
