/* tests/test_study_hash.c -- hashes as they are in databases made until now: a study whose hash
 * changes cannot be taken up again. What is here was computed before the walker of study files was
 * rewritten; only a key that decides results, and that a study gives, may change a hash.
 */
#include "study_sample.h"

#include <unistd.h>

/* Studies of before that say nothing of ties had this one. */
#define TIED MINIMAL "  tie: uniform\n"
#define ROOT RT_TEST_DATA "/.."
#define OWN                                                                                        \
    "evaluator: {command: [python3, tiny.py, --epochs, '3'], timeout: 60}\n"                       \
    "search: {objectives: [loss, -speed], constraints: ['seconds <= 2.5'], trials: 9}\n"

static void assert_hash(const struct study *study, const char *what, const char *want)
{
    char got[RT_HASH_TEXT];

    study_hash(study, got);
    if (strcmp(got, want) != 0)
        fail_msg("the hash is %s, was %s:\n%s", got, want, what);
}

static void the_hashes_of_the_examples_stay(void **state)
{
    static const struct {
        const char *file, *hash;
    } all[] = {
        {"fashion-mnist/quick.yaml", "5f45db22821408ec37f951434517f9e4"},
        {"fashion-mnist/overnight.yaml", "b449797e5716c7d35ddd7ff6b8cf1bdd"},
        {"fashion-mnist/gates.yaml", "31012a55260659b3543bd469bb1c705c"},
        {"evaluator/tiny.yaml", "1f0a90a1e6c1284cd1c87635289900ab"},
        {"evaluator/replay.yaml", "c6f4d17e1a21c61db49ab4d95161d138"},
        {"evaluator/torch.yaml", "a2e3000e60362146ab3a10dbdbabc7c9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[RT_PATH_MAX];
        struct study study;
        struct rt_err err;

        (void)snprintf(path, sizeof path, ROOT "/examples/%s", all[i].file);
        assert_ok(study_load(path, &study, &err));
        assert_hash(&study, all[i].file, all[i].hash);
        study_release(&study);
    }
}

static const struct {
    const char *yaml, *hash;
} variants[] = {
    {TIED, "d4e432e5de207fba38f43af5dc602293"},
    {TIED "task: image\nseed: 9000000000000000\n", "6587543bed2da377a1c36612f0786323"},
    {"data: {format: idx, train_images: i, train_labels: l, classes: 12, validation: 7,\n"
     "       held_out: 5, train_limit: 8, seed: 4, test_images: t, test_labels: u}\n"
     "teachers: {combine: logit, weights: auto, calibrate: true, cache: c, members: [\n"
     "  {name: a, logits: {train: p.npy, test: q.npy, params: 77}},\n"
     "  {name: b, train: {arch: L2-d16-k8-h1.2-f16-p7, epochs: 1.5, batch: 3,\n"
     "                    learning_rate: 2e-3, warmup: .25, weight_decay: 0.5, seed: 4}}]}\n"
     "space: {tie: stage, stages: 2, depth: [2, 1, 2], width: [8], head_dim: [8],\n"
     "        heads: [1, 2], ffn_ratio: [2, 1.0e+0, .5], patch: [7, 4], pool: mean}\n"
     "limits: {params: 100000, bytes: 200000, macs: 3000000, memory: 5000000000}\n",
     "ba1707e7e6189aa120db721cc245cab4"},
    {TIED "distill: {steps: 6, batch: 8, micro_batch: 0, loss: dkd, t0: 3, t1: 2, mix: two_stage,\n"
          "          t_schedule: cosine, t2_scale: false, tau_teacher: .5, standardise: true,\n"
          "          ce0: .8, ce1: .2, stage_split: .4, reg: l2sq, reg_weight: .1, dkd_beta: 2,\n"
          "          reg_target: ema, reg_decay: .9, clip_high: 2, clip_low: .1, floor_until: .5,\n"
          "          curve_points: 3, init: prune, quantise: qat, reference_width: 64,\n"
          "          qat: {start: .5, ema: .9, freeze: .8}}\n"
          "prune: {teacher: t, importance: gradient, layers: influence, merge_heads: true}\n"
          "full: {epochs: 2.5, t0: 3}\ngates: {agreement: .5}\n",
     "6e83b64a6fc45d1c3dfcc3e2ffd7b194"},
    {TIED "distill: {loss: dist, dist_gamma: 2, quantise: ptq, ptq_rows: 9,\n"
          "          layers: {hidden: 1, attention: .5, attention_loss: kl, map: last,\n"
          "                   hidden_loss: cosine, intermediate: .3, balance: true}}\n",
     "5ff801d89bd42a00ee247ed643ec22ef"},
    {TIED "search: {rungs: [10, 500], eta: 2, window: 4, population: 8, initial: 5,\n"
          "         crossover: .4, random: .2, inherit: parent, surrogate: none,\n"
          "         start_from: [L1-d16-k8-h1-f32-p7, other.db], objectives: [kl, macs],\n"
          "         constraints: ['error <= 0.5'], worker_memory: 6000000000, hours: 3}\n"
          "latency: {batch: 4, threads: 2, warmup: 0, samples: 3}\n",
     "3e454e02ed40040f98a5f3eeafb9b397"},
    {OWN "space:\n  genes:\n  - {name: act, choices: [relu, gelu]}\n"
         "  - {name: depth, choices: [1, 2], ordered: false}\n"
         "  - {name: units, choices: [4, 8, 16], length: depth, tie: stage, stages: 2}\n",
     "79d41158fd4a06b9f5e99ebec9597549"},
    {OWN SPACE "  tie: uniform\n  images: {height: 28, width: 28, channels: 1, classes: 10}\n",
     "245a1c1282b8b199233e6b58aea15937"},
};

static void the_hashes_of_variants_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        struct study study = parsed(variants[i].yaml);

        assert_hash(&study, variants[i].yaml, variants[i].hash);
        study_release(&study);
    }
}

static void a_newer_key_counts_where_it_is_given(void **state)
{
    struct study without = parsed(MINIMAL), zero = parsed(MINIMAL "limits: {int8_bytes: 0}\n"),
                 given = parsed(MINIMAL "limits: {int8_bytes: 9000}\n"),
                 pi = parsed(MINIMAL "latency: {host: pi, command: ssh pi}\n"),
                 moved = parsed(MINIMAL "latency: {host: pi, command: ssh pi.lan}\n");
    char hash[5][RT_HASH_TEXT];
    (void)state;
    study_hash(&without, hash[0]);
    study_hash(&zero, hash[1]);
    study_hash(&given, hash[2]);
    study_hash(&pi, hash[3]);
    study_hash(&moved, hash[4]);

    assert_int_equal(given.space.limits.int8_bytes, 9000);
    assert_string_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
    assert_string_not_equal(hash[0], hash[3]); /* another machine, however it is reached */
    assert_string_equal(hash[3], hash[4]);
    study_release(&pi);
    study_release(&moved);
    study_release(&without);
    study_release(&zero);
    study_release(&given);
}

static void remove_folder(const char *folder)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char path[64];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        (void)snprintf(path, sizeof path, "%s/s.db%s", folder, ends[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* A database whose study has the hash of a file. */
static void begin(const char *yaml, const char *db)
{
    struct study study = parsed(yaml);
    char hash[RT_HASH_TEXT];
    struct store *store;
    struct rt_err err;
    const struct store_study row = {.name = "s",
                                    .yaml = yaml,
                                    .hash = hash,
                                    .settings = "{}",
                                    .objective_count = 1,
                                    .objectives = {"error"},
                                    .rung_count = 1};

    study_hash(&study, hash);
    assert_ok(store_create(db, &row, &store, &err));
    store_close(store);
    study_release(&study);
}

static void unsaid_ties_are_those_that_a_study_began_with(void **state)
{
    static const char *const began[] = {TIED, MINIMAL, MINIMAL "  tie: layer\n"};
    static const enum space_tie want[] = {SPACE_TIE_UNIFORM, SPACE_TIE_AUTO, SPACE_TIE_AUTO};
    (void)state;
    for (size_t i = 0; i < sizeof began / sizeof *began; i++) {
        char folder[] = "/tmp/retort-ties-XXXXXX", db[64];
        struct study study = parsed(MINIMAL);
        struct rt_err err;
        assert_non_null(mkdtemp(folder));
        (void)snprintf(db, sizeof db, "%s/s.db", folder);

        assert_ok(study_as_begun(&study, db, &err)); /* there is none */
        assert_int_equal(study.space.tie, SPACE_TIE_AUTO);
        begin(began[i], db);
        assert_ok(study_as_begun(&study, db, &err));

        assert_int_equal(study.space.tie, want[i]);
        study_release(&study);
        remove_folder(folder);
    }
}

static void lists_of_genes_remember_too(void **state)
{
#define LIST "space:\n  genes:\n  - {name: x, choices: [1, 2], length: 9"
    char folder[] = "/tmp/retort-ties-XXXXXX", db[64], untied[16];
    struct study study = parsed(OWN LIST "}\n");
    struct rt_err err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(db, sizeof db, "%s/s.db", folder);
    assert_int_equal(study.space.gene[0].tie, SPACE_TIE_AUTO);
    assert_false(study_untied(&study, untied));
    begin(OWN LIST ", tie: uniform}\n", db);

    assert_ok(study_as_begun(&study, db, &err));

    assert_int_equal(study.space.gene[0].tie, SPACE_TIE_UNIFORM);
    assert_int_equal(study.space.gene[0].positions, 1);
    assert_true(study_untied(&study, untied));
    assert_string_equal(untied, "512");
    study_release(&study);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hashes_of_the_examples_stay),
        cmocka_unit_test(the_hashes_of_variants_stay),
        cmocka_unit_test(a_newer_key_counts_where_it_is_given),
        cmocka_unit_test(unsaid_ties_are_those_that_a_study_began_with),
        cmocka_unit_test(lists_of_genes_remember_too),
    };
    return cmocka_run_group_tests_name("hashes of studies", tests, NULL, NULL);
}
