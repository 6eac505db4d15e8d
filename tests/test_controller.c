/* tests/test_controller.c -- a policy from its file acts as the student did in its task, to the bit; and what
 * notes are refused. */
#include "policy_sample.h"

#include <unistd.h>

#include "trainer/export/c_source.h"
#include "trainer/export/model.h"
#include "trainer/export/tensor_file.h"
#include "trainer/net/acting.h"
#include "trainer/net/network.h"
#include "trainer/task/controller.h"

#define WEIGHTS "test-controller.safetensors"
enum { most_notes = 24, most_numbers = 8 };

struct notes {
    int count;
    struct tr_metadata list[most_notes + 1];
};

static void note(void *to, const char *key, const char *value)
{
    struct notes *notes = to;

    assert_true(notes->count < most_notes);
    notes->list[notes->count++] = (struct tr_metadata){key, strdup(value)};
}

/* What an episode showed. */
struct seen {
    int steps, observed;
    float observation[sample_horizon * most_numbers], action[sample_horizon];
    uint8_t pixels[sample_horizon * sample_frame];
};

static void look_on(void *context, const struct tr_env_batch *batch, int copy, const double *action)
{
    const struct tr_env_info *info = tr_env_info(batch->env);
    struct seen *seen = context;

    if (!action)
        return;
    for (int i = 0; i < seen->observed; i++)
        seen->observation[seen->steps * seen->observed + i] =
            (float)batch->observation[copy * info->observation + i];
    if (info->pixels[0])
        memcpy(seen->pixels + (ptrdiff_t)seen->steps * sample_frame,
               batch->pixels + (ptrdiff_t)copy * sample_frame, sample_frame);
    seen->action[seen->steps++] = (float)action[0];
}

static void write_codes(const struct tr_network *net, const struct tr_metadata *notes)
{
    struct tr_quantised quantised;
    struct tr_ranges ranges = {0};
    struct rt_arena arena;
    struct rt_err err;

    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        ranges.amax[i] = 4;
    assert_ok(rt_arena_init(&arena, tr_quantised_bytes(&net->student, false), &err));
    assert_ok(tr_quantised_init(&quantised, &net->student, &ranges, false, &arena, &err));
    tr_quantised_update(&quantised, &net->student, net->weights.params);
    assert_ok(tr_safetensors_write_int8(WEIGHTS, &net->student, &quantised, notes, &err));
    rt_arena_release(&arena);
}

/* A student with first weights, larger than usual, so that it does something; written with its notes. */
static void write_student(const struct tr_task *task, struct tr_network *net, bool codes)
{
    const struct space_arch arch = task->shape.features ? sample_policy() : sample_watcher();
    struct notes notes = {.count = 0};
    char text[SPACE_ARCH_TEXT];
    struct rt_err err;

    static const char *const pools[] = {
        [SPACE_POOL_CLASS] = "class", [SPACE_POOL_MEAN] = "mean", [SPACE_POOL_LAST] = "last"};

    space_arch_print(&arch, text);
    note(&notes, "arch", text);
    note(&notes, "pool", pools[task->shape.pool]);
    task->kind->describe(task, &notes, note);
    assert_ok(tr_network_open(net, &arch, &task->shape, tr_kernels_by_name("plain"),
                              TR_NETWORK_INFER, &err));
    tr_network_start(net, 5);
    for (size_t i = 0; i < net->student.param_count; i++)
        net->weights.params[i] *= 8;
    tr_weights_pack(&net->student, &net->weights);
    if (codes)
        write_codes(net, notes.list);
    else
        assert_ok(
            tr_safetensors_write(WEIGHTS, &net->student, net->weights.params, notes.list, &err));
    for (int i = 0; i < notes.count; i++)
        free((char *)notes.list[i].value);
}

static void play(const struct tr_task *task, const struct tr_network *net, struct seen *seen)
{
    const int room = task->kind->feed->at_once(task);
    const struct tr_policy_show show = {seen, look_on};
    struct tr_acting acting;
    struct rt_arena arena;
    struct rt_err err;
    double total;

    assert_ok(rt_arena_init(&arena, 32 << 20, &err));
    assert_ok(tr_acting_init(&acting, &net->student, room, &arena, &err));
    acting.weights = &net->weights;
    assert_ok(tr_policy_play(task, &acting.actor, 3, &show, &total, &err));
    rt_arena_release(&arena);
}

/* A program of C that ends with 0 where its self-test comes out right. */
static void passes_in_c(const struct tr_model *model)
{
    static const char *const made[] = {"test_steps.c", "test_steps.h", "test_steps_main.c",
                                       "test_steps"};
    const struct tr_c_options options = {.name = "test_steps", .selftest = true, .reentrant = true};
    struct rt_err err;

    assert_ok(tr_c_source_write("test_steps.c", model, &options, &err));
    assert_int_equal(
        system("printf '#include \"test_steps.h\"\nint main(void) { static struct "
               "test_steps_memory m; return sizeof m == TEST_STEPS_RAM ? "
               "test_steps_selftest(&m) : 99; }\n' >test_steps_main.c && cc -std=c99 -Wall -Wextra "
               "-Wconversion -pedantic -Werror test_steps.c test_steps_main.c -lm -o test_steps "
               "&& ./test_steps"),
        0);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(made[i]);
}

/* In its task, from its file, and in C. */
static void acts_alike(const struct tr_policy_options *options, int observed, enum space_pool pool)
{
    struct tr_task *task = gathered(options, 1);
    struct seen seen = {.observed = observed};
    float logits[sample_horizon * sample_bins], action[sample_horizon];
    struct tr_model_file *file = NULL;
    struct tr_network net;
    bool moves = false;
    struct rt_err err;

    task->shape.pool = pool;
    write_student(task, &net, false);
    play(task, &net, &seen);
    assert_int_equal(seen.steps, sample_horizon);
    assert_ok(tr_model_open(WEIGHTS, &tr_task_policy, tr_kernels_by_name("plain"), &file, &err));
    assert_ok(tr_model_act(tr_model_of(file), seen.observation, seen.steps, logits, action, &err));
    for (int t = 1; t < seen.steps; t++)
        moves |= action[t] != action[0];
    assert_true(moves);
    assert_memory_equal(action, seen.action, sizeof action);
    passes_in_c(tr_model_of(file));
    tr_model_close(file);
    tr_network_close(&net);
    tr_task_close(task);
    unlink(WEIGHTS);
}

static void a_policy_from_its_file_acts_as_in_its_task(void **state)
{
    struct tr_policy_options options = sample_options();
    (void)state;

    acts_alike(&options, 2, SPACE_POOL_LAST);
    acts_alike(&options, 2, SPACE_POOL_MEAN);
    acts_alike(&options, 2, SPACE_POOL_CLASS);
    options.previous_action = false;
    options.observe_count = 0;
    options.read = TR_READ_MODE;
    options.grid = TR_GRID_ENDS;
    acts_alike(&options, 3, SPACE_POOL_LAST);
}

/* As C it comes out right, and does not when its actions are moved by a twentieth of their range. */
static void watches_in_c(const struct tr_model *model)
{
    static const char *const made[] = {"test_watcher.c", "test_watcher.h", "test_watcher_main.c",
                                       "test_watcher"};
    const struct tr_c_options options = {.name = "test_watcher", .selftest = true};
    struct rt_err err;

    assert_ok(tr_c_source_write("test_watcher.c", model, &options, &err));
    assert_int_equal(
        system("printf '#include \"test_watcher.h\"\nint main(void)"
               " { return test_watcher_selftest(); }\n' >test_watcher_main.c &&"
               " cc -std=c99 -Wall -Wextra -Wconversion -pedantic -Werror"
               " test_watcher.c test_watcher_main.c -lm -o test_watcher && ./test_watcher &&"
               " sed -i 's/^    act(logits, action);/&\\n    action[0] += .21F;/' test_watcher.c &&"
               " cc -std=c99 test_watcher.c test_watcher_main.c -lm -o test_watcher &&"
               " ! ./test_watcher"),
        0);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(made[i]);
}

static void watches_alike(const struct tr_model *model, const struct seen *seen)
{
    float logits[sample_horizon * sample_bins], got[sample_horizon];
    struct rt_err err;
    double action;

    assert_true(tr_controller_frames(model->input.controller));
    assert_int_equal(tr_model_input_bytes(model), sample_frame);
    assert_ok(tr_model_answer(model, seen->pixels, seen->steps, logits, &err));
    for (int t = 0; t < seen->steps; t++) {
        tr_controller_act(model->input.controller, logits + t * sample_bins, &action);
        got[t] = (float)action;
    }
    /* of +-2; OpenBLAS multiplies many frames at once by other sums than one */
    assert_close(got, seen->action, (size_t)seen->steps, 1e-5, 0);
    assert_true(seen->action[1] != seen->action[20]);
}

static void a_policy_of_pixels_acts_frame_by_frame(void **state)
{
    const struct tr_policy_options options = sample_pixels();
    struct tr_task *task = gathered(&options, 1);
    static struct seen seen;
    struct rt_err err;
    (void)state;

    for (int codes = 0; codes < 3; codes++) { /* the last with the mean of its tokens */
        struct tr_model_file *file = NULL;
        struct tr_network net;
        if (codes == 2)
            task->shape.pool = SPACE_POOL_MEAN;
        write_student(task, &net, codes);
        assert_ok(
            tr_model_open(WEIGHTS, &tr_task_policy, tr_kernels_by_name("plain"), &file, &err));
        if (!codes) {
            play(task, &net, &seen);
            assert_int_equal(seen.steps, sample_horizon);
            watches_alike(tr_model_of(file), &seen);
        }
        watches_in_c(tr_model_of(file));
        tr_model_close(file);
        tr_network_close(&net);
    }
    tr_task_close(task);
    unlink(WEIGHTS);
}

/* Of C code in int8 whose likeliest bin is `shift` bins further, how many of its examples are wrong. */
static int wrong_when_shifted(int shift)
{
    char command[160];
    FILE *f;
    int wrong = -1;

    (void)snprintf(command, sizeof command,
                   "cc -std=c99 -DSHIFT=%d test_policy_c.c test_policy_main.c -lm -o test_policy_c "
                   "&& ./test_policy_c",
                   shift);
    assert_non_null(f = popen(command, "r"));
    assert_int_equal(fscanf(f, "%d", &wrong), 1);
    assert_int_equal(pclose(f), 0);
    return wrong;
}

static void an_int8_policy_may_take_the_bin_beside(void **state)
{
    static const char *const made[] = {"test_policy_c.c", "test_policy_c.h", "test_policy_c",
                                       "test_policy_main.c", WEIGHTS};
    const struct tr_c_options options = {.name = "test_policy_c", .selftest = true};
    struct tr_policy_options policy = sample_options();
    struct tr_model_file *file = NULL;
    struct tr_network net;
    struct rt_err err;
    (void)state;
    policy.previous_action = false;
    policy.read = TR_READ_MODE;
    struct tr_task *task = gathered(&policy, 1);

    write_student(task, &net, true);
    assert_ok(tr_model_open(WEIGHTS, &tr_task_policy, tr_kernels_by_name("plain"), &file, &err));
    assert_ok(tr_c_source_write("test_policy_c.c", tr_model_of(file), &options, &err));
    assert_int_equal(
        system("sed -i 's/(float)best/(float)(best + SHIFT)/' test_policy_c.c && printf "
               "'#include <stdio.h>\\n#include \"test_policy_c.h\"\\nint main(void)"
               " { return printf(\"%%d\", test_policy_c_selftest()) < 1; }\\n' "
               ">test_policy_main.c"),
        0);

    assert_int_equal(wrong_when_shifted(0), 0);
    assert_int_equal(wrong_when_shifted(-1), 0);
    assert_int_equal(wrong_when_shifted(2), 8);
    tr_model_close(file);
    tr_network_close(&net);
    tr_task_close(task);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(made[i]);
}

/* ---- notes ---- */

static const struct tr_metadata whole[] = {{"features", "3"},          {"parts", "1"},
                                           {"previous_action", "yes"}, {"read", "sample"},
                                           {"grid", "ends"},           {"feature_mean", "0 1 0"},
                                           {"feature_scale", "1 2 1"}, {"action_low", "-2"},
                                           {"action_high", "2"},       {NULL, NULL}};

struct changed { /* those, but for one */
    const char *key, *value;
};

static const char *note_of(const void *from, const char *key)
{
    const struct changed *changed = from;

    if (changed->key && strcmp(key, changed->key) == 0)
        return changed->value;
    for (const struct tr_metadata *m = whole; m->key; m++)
        if (strcmp(key, m->key) == 0)
            return m->value;
    return NULL;
}

static rt_status recall(const struct changed *changed, int classes,
                        struct tr_controller **controller, struct space_shape *shape,
                        struct rt_err *err)
{
    const struct tr_notes notes = {
        .note = note_of, .from = changed, .file = "x.safetensors", .features = 3, .tokens = 2};

    *shape = (struct space_shape){.classes = classes, .pool = SPACE_POOL_LAST};
    return tr_controller_recall(&notes, shape, controller, err);
}

static void steps_are_seen_as_they_are_told(void **state)
{
    const float first[2] = {.5F, 2}, second[2] = {-30, 1};
    const float input[6] = {.5F, 2, 0, -10, 0, .5F};
    struct tr_controller *c;
    struct space_shape shape;
    struct rt_err err;
    float got[6];
    (void)state;

    assert_ok(recall(&(struct changed){0}, 5, &c, &shape, &err));
    assert_int_equal(shape.features, 3);
    assert_int_equal(shape.classes, 5);
    assert_int_equal(c->observed, 2);
    assert_int_equal(c->read, TR_READ_MEAN); /* it draws nothing */
    tr_controller_see(c, first, NULL, got);
    assert_memory_equal(got, got + 3, 3 * sizeof *got); /* the first step stands again */
    tr_controller_see(c, second, &(double){1}, got);
    assert_memory_equal(got, input, sizeof got);
    tr_controller_free(c);
}

static void notes_that_do_not_fit_are_refused(void **state)
{
    static const struct changed bad[] = {{"features", "4"},
                                         {"features", "x"},
                                         {"parts", "2"},
                                         {"parts", NULL},
                                         {"read", "best"},
                                         {"feature_mean", "0 1"},
                                         {"feature_mean", "0 1 nan"},
                                         {"feature_scale", "1 2 1 3"},
                                         {"feature_scale", "1 0 1"},
                                         {"feature_scale", "1 2 -1"},
                                         {"feature_scale", "1 2 1e-50"},
                                         {"action_low", "2"},
                                         {"grid", "middle"},
                                         {"grid", NULL},
                                         {"previous_action", "maybe"}};
    struct tr_controller *c;
    struct space_shape shape;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rt_err err = {0};
        assert_int_equal(recall(&bad[i], 5, &c, &shape, &err), RT_EFORMAT);
        assert_non_null(strstr(err.text, "'x.safetensors' has no sound"));
    }
}

static void frames_are_answered_as_a_whole(void **state)
{
    const struct changed pixels = {"pixel_mean", "0.5"};
    const struct tr_notes notes = {
        .note = note_of, .from = &pixels, .file = "x.safetensors", .features = 288, .tokens = 49};
    struct space_shape shape = {.classes = 5, .pool = SPACE_POOL_NONE};
    struct tr_controller *c;
    struct rt_err err = {0};
    (void)state;

    assert_int_equal(tr_controller_recall(&notes, &shape, &c, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "no sound 'pool'"));
    shape.pool = SPACE_POOL_MEAN;
    assert_ok(tr_controller_recall(&notes, &shape, &c, &err));
    assert_true(tr_controller_frames(c));
    assert_int_equal(c->features, 0);
    tr_controller_free(c);
}

static void a_component_of_one_bin_is_refused(void **state)
{
    struct tr_controller *c;
    struct space_shape shape;
    struct rt_err err = {0};
    (void)state;

    assert_int_equal(recall(&(struct changed){0}, 1, &c, &shape, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "no sound 'parts'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_from_its_file_acts_as_in_its_task),
        cmocka_unit_test(a_policy_of_pixels_acts_frame_by_frame),
        cmocka_unit_test(an_int8_policy_may_take_the_bin_beside),
        cmocka_unit_test(steps_are_seen_as_they_are_told),
        cmocka_unit_test(notes_that_do_not_fit_are_refused),
        cmocka_unit_test(frames_are_answered_as_a_whole),
        cmocka_unit_test(a_component_of_one_bin_is_refused),
    };
    return cmocka_run_group_tests_name("trainer/task/controller", tests, NULL, NULL);
}
