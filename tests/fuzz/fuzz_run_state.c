/* A run goes on with a state, or leaves it alone, whatever numbers it holds: a student of policies, or a teacher
 * by PPO. The input is a byte that says which run, then changes of 11 bytes each to the parts of a sound state of
 * it: where (3, little-endian), and 8 bytes; the file's hash is put right.
 */
#include "../resume_policy_sample.h"

#include "base/state.h"
#include "trainer/experts/ppo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { policies = 4, runs = policies + 1, change = 11, parts_at = 8 + RT_HASH_TEXT };

static struct {
    bool ready;
    struct bed bed[policies];
    struct tr_env *env;
    char state[RT_PATH_MAX], file[RT_PATH_MAX]; /* of PPO */
    char *sound[runs];
    size_t bytes[runs];
} all;

static void stop_at_two(void *to, int64_t steps, double mean, int episodes)
{
    (void)mean, (void)episodes;
    if (steps >= 2 * 32)
        atomic_store((atomic_int *)to, 1);
}

static rt_status teach(bool stops)
{
    struct tr_ppo_recipe recipe;
    const struct tr_kernels *kernels;
    atomic_int stop = 0;
    struct rt_err err;

    tr_ppo_defaults(&recipe);
    recipe.steps = 4 * 32;
    recipe.copies = 2;
    recipe.steps_each = recipe.batch = 16;
    recipe.epochs = 1;
    recipe.layers = 1;
    recipe.width[0] = 4;
    assert_ok(tr_kernels_choose(&kernels, &err));
    return tr_ppo_train(&(struct tr_ppo_run){.env = all.env,
                                             .recipe = &recipe,
                                             .kernels = kernels,
                                             .threads = 1,
                                             .stop = &stop,
                                             .progress = stops ? stop_at_two : NULL,
                                             .to = &stop,
                                             .path = all.file,
                                             .hash = "abc",
                                             .state = all.state},
                        &err);
}

static struct tr_policy_options options_of(int run)
{
    struct tr_policy_options options = sample_options();

    options.environment.horizon = 8;
    options.rollouts.base = options.rollouts.episodes = 4;
    options.rollouts.replay = run & 1 ? TR_REPLAY_PER : TR_REPLAY_UNIFORM;
    if (run & 2) {
        options.rollouts.rounds = 6;
        options.rollouts.keep = 20;
        options.rollouts.perturb_mode = TR_PERTURB_LABEL;
    }
    return options;
}

static void prepare(void)
{
    struct outcome out = {0};
    struct rt_err err;

    for (int i = 0; i < policies; i++) {
        const struct tr_policy_options options = options_of(i);
        bed_open(&all.bed[i], &options);
        train_until(&all.bed[i].run, 8, &out);
        assert_ok(
            rt_file_read(all.bed[i].run.resume.path, 1 << 24, &all.sound[i], &all.bytes[i], &err));
        tr_resume_forget(&all.bed[i].run.resume);
    }
    outcome_release(&out);
    snprintf(all.state, sizeof all.state, "/tmp/retort-fuzz-%ld.state", (long)getpid());
    snprintf(all.file, sizeof all.file, "/tmp/retort-fuzz-%ld.safetensors", (long)getpid());
    assert_ok(tr_env_open(&all.env, &(struct tr_env_spec){.name = "cartpole"}, &err));
    assert_int_equal(teach(true), RT_ESTOP);
    assert_ok(rt_file_read(all.state, 1 << 24, &all.sound[policies], &all.bytes[policies], &err));
    all.ready = true;
}

static void forge(int run, const char *path, const uint8_t *data, size_t size)
{
    const size_t bytes = all.bytes[run], parts = bytes - parts_at - RT_HASH_TEXT;
    char *file = malloc(bytes);

    assert_non_null(file);
    memcpy(file, all.sound[run], bytes);
    for (; size >= change; data += change, size -= change) {
        const size_t at = (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % (parts - 7);
        memcpy(file + parts_at + at, data + 3, 8);
    }
    rt_hash_bytes(file, bytes - RT_HASH_TEXT, file + bytes - RT_HASH_TEXT);
    FILE *out = rt_folder_make_for(path, NULL) == RT_OK ? fopen(path, "wb") : NULL;
    if (!out || fwrite(file, 1, bytes, out) != bytes || fclose(out) != 0)
        abort();
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome out = {0};
    struct rt_err err;
    rt_status rc;

    if (!all.ready)
        prepare();
    if (size == 0)
        return 0;
    const int run = data[0] % runs;
    forge(run, run < policies ? all.bed[run].run.resume.path : all.state, data + 1, size - 1);
    if (run < policies) {
        all.bed[run].run.stop_at = -1;
        rc = train(&all.bed[run].run, true, &out, &err);
        outcome_release(&out);
    } else {
        rc = teach(false);
    }
    if (rc != RT_OK && rc != RT_ENAN) /* weights may be as large as any number */
        abort();
    return 0;
}
