#include "cli/study.h"
#include "cli/study_internal.h"
#include "support.h"

#define ROOT RT_TEST_DATA "/.."

static const struct space_shape fashion = {28, 28, 1, 10,
                                           SPACE_POOL_MEAN}; /* its pool is ignored */

/* The least that a study says. Line 1 is data, 4 teachers, 7 space. */
#define DATA "data:\n  train_images: i.gz\n  train_labels: l.gz\n"
#define TEACHERS "teachers:\n  members:\n    - {name: t, train: {arch: L1-d16-k8-h1-f16-p7}}\n"
#define SPACE_BUT_FFN                                                                              \
    "space:\n  depth: [1, 2]\n  width: [16]\n  head_dim: [8]\n  heads: [1]\n  patch: [7]\n"
#define SPACE SPACE_BUT_FFN "  ffn: [32]\n"
#define MINIMAL DATA TEACHERS SPACE

static struct study parsed(const char *yaml)
{
    struct study study;
    struct rt_err err;

    assert_ok(study_parse("dir/s.yaml", yaml, strlen(yaml), &study, &err));
    return study;
}

/* ---- what is read ---- */

static void a_minimal_study_has_the_defaults(void **state)
{
    struct study study = parsed(MINIMAL), want;
    (void)state;
    study_defaults(&want);

    assert_string_equal(study.name, "s");
    assert_string_equal(study.path, "dir/s.yaml");
    assert_string_equal(study.yaml, MINIMAL);
    assert_string_equal(study.store, "dir/s.db");
    assert_string_equal(study.teachers.folder, "dir/s.teachers");
    assert_string_equal(study.data.train_images, "dir/i.gz");
    assert_string_equal(study.data.test_images, "");
    assert_int_equal(study.data.validation, 10000);
    assert_int_equal(study.seed, 1);
    assert_int_equal(study.search.seed, 1);
    assert_true(study.search.workers >= 1);
    assert_int_equal(study.search.window, want.search.window);
    assert_int_equal(study.search.objective_count, 3);
    assert_string_equal(study.search.objectives[2], "latency");
    assert_int_equal(study.recipe.steps, want.recipe.steps);
    assert_near(study.recipe.learning_rate, want.recipe.learning_rate, 0);
    assert_near(study.recipe.distill.t0, 4, 0);
    assert_true(study.recipe.distill.t2_scale);
    assert_near(study.recipe.distill.weight[0], 1, 0);
    assert_near(study.full_epochs, 20, 0);
    assert_near(study.recipe.distill.calibration[15], 1, 0); /* what has no key has its default */
    assert_near(study.full.distill.calibration[15], 1, 0);
    assert_int_equal(study.latency.samples, want.latency.samples);
    assert_int_equal(study.space.limits.params, 0);
    assert_int_equal(study.teachers.count, 1);
    assert_int_equal(study.teachers.teacher[0].arch.width, 16);
    assert_near(study.teachers.teacher[0].epochs, 10, 0);
    assert_int_equal(study.teachers.teacher[0].seed, 1);
    study_release(&study);
}

static void the_last_rung_has_the_steps_of_a_trial(void **state)
{
    struct study study = parsed(MINIMAL "search: {rungs: [60, 180, 540], eta: 2.5}\n");
    (void)state;

    assert_int_equal(study.search.rung_count, 3);
    assert_int_equal(study.search.rung_budget[1], 180);
    assert_near(study.search.eta, 2.5, 0);
    assert_int_equal(study.recipe.steps, 540);
    study_release(&study);
    study = parsed(MINIMAL "distill: {steps: 9}\n");
    assert_int_equal(study.search.rung_count, 0);
    study_release(&study);
}

static void every_kind_of_value_reaches_its_place(void **state)
{
    struct study study =
        parsed("name: n\nseed: 9000000000000000\nstore: /a/b.db\n"
               "data: {train_images: /i, train_labels: ../l, test_images: x, test_labels: y,\n"
               "       classes: 12, validation: 7, train_limit: 8}\n"
               "teachers:\n  cache: c\n  combine: logit\n  members:\n"
               "    - {name: a, weight: 3, logits: {train: p.npy, test: /q.npy}}\n"
               "    - name: b\n      train: {arch: L2-d16-k8-h1.2-f16-p7, epochs: 1.5, batch: 3,\n"
               "              learning_rate: 2e-3, warmup: .25, weight_decay: 0.5, seed: 4}\n"
               "space: {tie: stage, stages: 2, depth: [2, 1, 2], width: [8], head_dim: [8],\n"
               "        heads: [1], ffn_ratio: [2, 1.0e+0, .5], patch: [7], pool: mean}\n"
               "limits: {params: 1, bytes: 2, macs: 3, memory: 5000000000}\n"
               "distill: {steps: 6, loss: dkd, t2_scale: false, mix: two_stage, reg: l2sq}\n"
               "full: {epochs: 2.5, t0: 3}\n"
               "search: {trials: 5000000, hours: 0.5, workers: 3, objectives: [kl, macs],\n"
               "         worker_memory: 6000000000}\n"
               "latency: {batch: 4, threads: 2, warmup: 0, samples: 3}\n");
    (void)state;
    assert_string_equal(study.name, "n");
    assert_true(study.seed == UINT64_C(9000000000000000));
    assert_true(study.search.seed == study.seed);
    assert_string_equal(study.store, "/a/b.db");
    assert_string_equal(study.teachers.folder, "dir/c");
    assert_string_equal(study.data.train_images, "/i");
    assert_string_equal(study.data.train_labels, "dir/../l");
    assert_string_equal(study.data.test_labels, "dir/y");
    assert_int_equal(study.data.classes, 12);
    assert_int_equal(study.data.train_limit, 8);
    assert_int_equal(study.recipe.distill.combine, TR_COMBINE_LOGIT);
    assert_int_equal(study.full.distill.combine, TR_COMBINE_LOGIT);
    assert_near(study.recipe.distill.weight[0], .75, 1e-15);
    assert_near(study.full.distill.weight[1], .25, 1e-15);
    assert_true(study.teachers.teacher[0].recorded);
    assert_string_equal(study.teachers.teacher[0].train_logits, "dir/p.npy");
    assert_string_equal(study.teachers.teacher[0].test_logits, "/q.npy");
    assert_false(study.teachers.teacher[1].recorded);
    assert_int_equal(study.teachers.teacher[1].arch.heads[1], 2);
    assert_near(study.teachers.teacher[1].epochs, 1.5, 0);
    assert_int_equal(study.teachers.teacher[1].batch, 3);
    assert_near(study.teachers.teacher[1].warmup, .25, 0);
    assert_int_equal(study.teachers.teacher[1].seed, 4);
    assert_int_equal(study.space.tie, SPACE_TIE_STAGE);
    assert_int_equal(study.space.depth.count, 2); /* sorted, without repeats */
    assert_int_equal(study.space.depth.value[0], 1);
    assert_int_equal(study.space.ratio_count, 3);
    assert_near(study.space.ffn_ratio[0], .5, 0);
    assert_int_equal(study.space.shape.pool, SPACE_POOL_MEAN);
    assert_true(study.space.limits.memory == INT64_C(5000000000));
    assert_int_equal(study.recipe.steps, 6);
    assert_int_equal(study.recipe.distill.loss, TR_LOSS_DKD);
    assert_false(study.recipe.distill.t2_scale);
    assert_int_equal(study.recipe.distill.mix, TR_MIX_TWO_STAGE);
    assert_int_equal(study.recipe.distill.reg, TR_REG_L2SQ);
    assert_int_equal(study.full.distill.loss, TR_LOSS_DKD); /* taken over from distill */
    assert_near(study.full.distill.t0, 3, 0);
    assert_near(study.recipe.distill.t0, 4, 0);
    assert_int_equal(study.search.trials, 5000000);
    assert_near(study.search.hours, .5, 0);
    assert_int_equal(study.search.workers, 3);
    assert_int_equal(study.search.objective_count, 2);
    assert_string_equal(study.search.objectives[1], "macs");
    assert_true(study.worker_memory == INT64_C(6000000000));
    assert_int_equal(study.latency.threads, 2);
    assert_int_equal(study.latency.warmup, 0);
    study_release(&study);
}

static void the_full_recipe_counts_epochs_or_steps(void **state)
{
    struct study epochs = parsed(MINIMAL "full: {epochs: 2, batch: 50}\n");
    struct study steps = parsed(MINIMAL "full: {steps: 77}\n");
    (void)state;
    assert_int_equal(study_full_recipe(&epochs, 1000).steps, 40);
    assert_int_equal(study_full_recipe(&epochs, 1000).batch, 50);
    assert_int_equal(study_full_recipe(&epochs, 1).steps, 1);
    assert_int_equal(study_full_recipe(&steps, 1000).steps, 77);
    study_release(&epochs);
    study_release(&steps);
}

static void the_micro_batch_is_fixed_unless_timing_it_is_asked_for(void **state)
{
    struct study usual = parsed(MINIMAL);
    struct study small = parsed(MINIMAL "distill: {batch: 3}\nfull: {batch: 2}\n");
    struct study timed = parsed(MINIMAL "distill: {micro_batch: 0}\n");
    (void)state;
    assert_int_equal(usual.recipe.micro_batch, 4); /* so that a study begun anew repeats */
    assert_int_equal(small.recipe.micro_batch, 3);
    assert_int_equal(small.full.micro_batch, 2);
    assert_int_equal(timed.recipe.micro_batch, 0);
    study_release(&usual);
    study_release(&small);
    study_release(&timed);
}

static void the_examples_load_and_fit_fashion_mnist(void **state)
{
    static const char *const paths[] = {ROOT "/examples/fashion-mnist/quick.yaml",
                                        ROOT "/examples/fashion-mnist/overnight.yaml"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct study study;
        struct rt_err err;
        assert_ok(study_load(paths[i], &study, &err));

        assert_ok(study_bind_shape(&study, &fashion, &err));

        assert_int_equal(study.space.shape.height, 28);
        assert_int_equal(study.space.shape.pool, SPACE_POOL_CLASS);
        assert_int_equal(study.teachers.count, 2 + i);
        assert_true(space_size(&study.space) > (i ? INT64_C(10000000000) : 1000));
        study_release(&study);
    }
}

/* ---- what is refused ---- */

struct refusal {
    const char *yaml, *text;
};

static void assert_refused(const struct refusal *r, rt_status code)
{
    struct study study = {.seed = 77};
    struct rt_err err = {0};

    const rt_status rc = study_parse("s.yaml", r->yaml, strlen(r->yaml), &study, &err);

    if (rc != code || strcmp(err.text, r->text) != 0)
        fail_msg("got %s: %s\nwant %s: %s", rt_status_kind(rc), err.text, rt_status_kind(code),
                 r->text);
    assert_int_equal(study.seed, 77);
}

static void what_is_not_yaml_is_refused(void **state)
{
    static const struct refusal refusals[] = {
        {"", "'s.yaml':1:1: the file is empty; see the examples for what a study says"},
        {"# nothing\n", "'s.yaml':1:1: the file is empty; see the examples for what a study says"},
        {"a: [1\nb: 2\n", "'s.yaml':2:2: this is not YAML: did not find expected ',' or ']'"},
        {"a: 1\n b: 2\n", "'s.yaml':2:3: this is not YAML: mapping values are not allowed in this "
                          "context"},
        {"a: *b\n", "'s.yaml':1:4: this is not YAML: found undefined alias"},
        {MINIMAL "---\nname: b\n", "'s.yaml':14:1: the study ends here, but the file goes on; a "
                                   "file holds one study"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EFORMAT);
}

static void wrong_keys_and_types_are_refused_with_their_place(void **state)
{
    static const struct refusal refusals[] = {
        {"- a\n", "'s.yaml':1:1: expects a block of keys, not a list"},
        {"x\n", "'s.yaml':1:1: expects a block of keys, not 'x'"},
        {MINIMAL "nmae: x\n", "'s.yaml':14:1: unknown key 'nmae', did you mean 'name'?"},
        {MINIMAL "q: x\n", "'s.yaml':14:1: unknown key 'q'; the keys here are name, task, seed, "
                           "store, data, teachers, evaluator, space, limits, distill, full, "
                           "prune, gates, search, latency"},
        {MINIMAL "search:\n  windows: 3\n",
         "'s.yaml':15:3: search: unknown key 'windows', did you mean 'window'?"},
        {MINIMAL "seed: 1\nseed: 2\n", "'s.yaml':15:1: seed: this key is given twice; leave one "
                                       "out"},
        {MINIMAL "seed: 1.5\n", "'s.yaml':14:7: seed: expects a whole number like 16, not '1.5'"},
        {MINIMAL "seed: 010\n", "'s.yaml':14:7: seed: expects a whole number like 16, not '010'"},
        {MINIMAL "seed: 1e6\n", "'s.yaml':14:7: seed: expects a whole number like 16, not '1e6'"},
        {MINIMAL "seed:\n", "'s.yaml':14:6: seed: expects a whole number like 16, but nothing is "
                            "given"},
        {MINIMAL "seed: [1]\n", "'s.yaml':14:7: seed: expects one value, not a list"},
        {MINIMAL "name: {a: b}\n", "'s.yaml':14:7: name: expects one word, not a block of keys"},
        {MINIMAL "name: ''\n", "'s.yaml':14:7: name: expects a text, but nothing is given"},
        {MINIMAL "distill: {t0: hot}\n",
         "'s.yaml':14:15: distill.t0: expects a number like 0.5, not 'hot'"},
        {MINIMAL "distill: {t0: nan}\n",
         "'s.yaml':14:15: distill.t0: expects a number like 0.5, not 'nan'"},
        {MINIMAL "distill: {t0: 1e999}\n",
         "'s.yaml':14:15: distill.t0: expects a number like 0.5, not '1e999'"},
        {MINIMAL "distill: {t0: 0x10}\n",
         "'s.yaml':14:15: distill.t0: expects a number like 0.5, not '0x10'"},
        {MINIMAL "distill: {t2_scale: maybe}\n",
         "'s.yaml':14:21: distill.t2_scale: expects true or false, not 'maybe'"},
        {MINIMAL "distill: {loss: kl}\n", "'s.yaml':14:17: distill.loss: unknown value 'kl'; give "
                                          "one of fkl, rkl, js, sym, mse, dkd, hard, dist"},
        {MINIMAL "task: text\n", "'s.yaml':14:7: task: unknown value 'text'; give image"},
        {MINIMAL "seed: \"1\\n2\"\n",
         "'s.yaml':14:7: seed: expects a whole number like 16, not '1 2'"},
        {MINIMAL "limits: 3\n", "'s.yaml':14:9: limits: expects a block of keys, not '3'"},
        {MINIMAL "limits:\n", "'s.yaml':14:8: limits: expects a block of keys, but nothing is "
                              "given"},
        {DATA SPACE, "'s.yaml':1:1: the key 'teachers' is missing; add it"},
        {"data:\n  train_labels: l\n" TEACHERS SPACE,
         "'s.yaml':2:3: data: the key 'train_images' is missing; add it"},
        {DATA "teachers:\n  members:\n  - {train: {arch: L1-d16-k8-h1-f16-p7}}\n" SPACE,
         "'s.yaml':6:5: teachers.members[0]: the key 'name' is missing; add it"},
        {DATA TEACHERS "space:\n  depth: []\n",
         "'s.yaml':8:10: space.depth: the list is empty; give 1 to 64 entries"},
        {DATA TEACHERS "space:\n  depth: 3\n",
         "'s.yaml':8:10: space.depth: expects a list like [1, 2], not '3'"},
        {DATA TEACHERS "space:\n  depth: [1,\n    two]\n",
         "'s.yaml':9:5: space.depth[1]: expects a whole number like 16, not 'two'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void values_out_of_range_are_refused_with_the_range(void **state)
{
    static const struct refusal refusals[] = {
        {MINIMAL "seed: -1\n", "'s.yaml':14:7: seed: -1 is out of range; give 0 to 9e+15"},
        {MINIMAL "seed: 99999999999999999999\n",
         "'s.yaml':14:7: seed: 99999999999999999999 is out of range; give 0 to 9e+15"},
        {MINIMAL "search: {window: 0}\n",
         "'s.yaml':14:18: search.window: 0 is out of range; give 1 to 4096"},
        {MINIMAL "distill: {ce0: 1.5}\n",
         "'s.yaml':14:16: distill.ce0: 1.5 is out of range; give 0 to 1"},
        {MINIMAL "full: {t0: 0}\n",
         "'s.yaml':14:12: full.t0: 0 is out of range; give 0.01 to 1000"},
        {DATA TEACHERS "space:\n  depth: [1, 65]\n",
         "'s.yaml':8:14: space.depth[1]: 65 is out of range; give 1 to 64"},
        {DATA "teachers:\n  members:\n  - {name: a, weight: 0}\n" SPACE,
         "'s.yaml':6:23: teachers.members[0].weight: 0 is out of range; give 1e-06 to 1000000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

#define TRAIN "train: {arch: L1-d16-k8-h1-f16-p7}"
#define MEMBERS(list) DATA "teachers:\n  members:\n" list SPACE
#define WEIGHED(key, list) "teachers:\n  " key "\n  members:\n" list SPACE

static void teachers_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {MEMBERS("  - {name: a}\n"), "'s.yaml':6:5: teachers.members[0]: a teacher is either "
                                     "trained or recorded; give train or logits"},
        {MEMBERS("  - {name: a, " TRAIN ", logits: {train: x}}\n"),
         "'s.yaml':6:5: teachers.members[0]: a teacher is either trained or recorded; give one of "
         "train and logits only"},
        {MEMBERS("  - {name: a, " TRAIN "}\n  - {name: a, logits: {train: x}}\n"),
         "'s.yaml':7:12: teachers.members[1].name: two teachers are called 'a'; rename one"},
        {MEMBERS("  - {name: a, " TRAIN "}\n  - {name: b, " TRAIN "}\n"),
         "'s.yaml':7:22: teachers.members[1].train: 'b' would be the same network as 'a'; give it "
         "another seed"},
        {MEMBERS("  - {name: a/b, " TRAIN "}\n"),
         "'s.yaml':6:12: teachers.members[0].name: 'a/b' cannot name a file; give letters, digits, "
         "'-', '_' and '.'"},
        {MEMBERS("  - {name: ensemble, " TRAIN "}\n"),
         "'s.yaml':6:12: teachers.members[0].name: 'ensemble' is what all teachers are called "
         "together; give another"},
        {MEMBERS("  - {name: a, train: {arch: L2}}\n"),
         "'s.yaml':6:29: teachers.members[0].train.arch: 'L2' is not an architecture; write it "
         "like L4-d96-k16-h4.4.2.2-f192.192.96.96-p7, lists with one member a layer or one for "
         "all"},
        {DATA TEACHERS SPACE "  ffn_ratio: [1]\n",
         "'s.yaml':13:8: space.ffn: both ffn and ffn_ratio are given; leave one out"},
        {DATA TEACHERS SPACE_BUT_FFN,
         "'s.yaml':8:3: space.ffn_ratio: there is nothing to choose from; give 1 to 64 choices of "
         "ffn or ffn_ratio"},
        {DATA TEACHERS SPACE "  tie: stage\n", "'s.yaml':14:8: space.tie: tie by stage needs the "
                                               "number of stages; add stages: 2"},
        {DATA TEACHERS SPACE "  stages: 2\n", "'s.yaml':14:11: space.stages: stages are for tie: "
                                              "stage or auto; leave them out or change "
                                              "the tie"},
        {DATA "  held_out: 9\n" WEIGHED("weights: em", "  - {name: a, weight: 2, " TRAIN "}\n"),
         "'s.yaml':8:23: teachers.members[0].weight: teachers.weights finds the weights by itself; "
         "leave this one out, or the rule"},
        {DATA WEIGHED("weights: auto", "  - {name: a, " TRAIN "}\n"),
         "'s.yaml':5:12: teachers.weights: it is fitted on rows that nothing is trained on; give "
         "data.held_out, such as 2000"},
        {DATA WEIGHED("calibrate: true", "  - {name: a, " TRAIN "}\n"),
         "'s.yaml':5:14: teachers.calibrate: it is fitted on rows that nothing is trained on; give "
         "data.held_out, such as 2000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void search_keys_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {MINIMAL "search: {rungs: [60, 60]}\n",
         "'s.yaml':14:22: search.rungs[1]: 60 steps are not more than the 60 of the rung before; "
         "give them in rising order"},
        {MINIMAL "search: {rungs: [60]}\n", "'s.yaml':14:17: search.rungs: one rung is none; give "
                                            "two or more, or distill.steps alone"},
        {MINIMAL "search: {rungs: [0, 60]}\n",
         "'s.yaml':14:18: search.rungs[0]: 0 is out of range; give 1 to 1000000000"},
        {MINIMAL "distill: {init: prune}\nsearch: {inherit: parent}\n",
         "'s.yaml':15:19: search.inherit: students start as what is cut out of a teacher "
         "(distill.init); of two beginnings leave one out"},
        {MINIMAL "search: {eta: 2}\n",
         "'s.yaml':14:15: search.eta: eta is for rungs; give search.rungs or leave it out"},
        {MINIMAL "distill: {steps: 61}\nsearch: {rungs: [20, 60]}\n",
         "'s.yaml':14:18: distill.steps: the last of search.rungs is 60; give that or leave it "
         "out"},
        {MINIMAL "search: {objectives: [error, error]}\n",
         "'s.yaml':14:30: search.objectives[1]: 'error' is given twice; leave one out"},
        {MINIMAL "search: {objectives: [error, speed]}\n",
         "'s.yaml':14:30: search.objectives[1]: unknown value 'speed'; give one of error, kl, "
         "params, bytes, macs, memory, latency, int8_error, int8_kl, int8_bytes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void keys_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {MINIMAL "latency: {threads: 2}\n", "'s.yaml':14:20: latency.threads: 2 threads cannot "
                                            "share a batch of 1; give at most one an example"},
        {MINIMAL "distill: {batch: 8, micro_batch: 9}\n",
         "'s.yaml':14:34: distill.micro_batch: 9 is more than the batch of 8; give less or 0"},
        {MINIMAL "full: {clip_low: 2}\n", "'s.yaml':14:18: full.clip_low: the floor 2 is above the "
                                          "ceiling clip_high 1; give less or 0"},
        {MINIMAL "distill: {loss: mse, tau_teacher: 0.01}\n",
         "'s.yaml':14:35: distill.tau_teacher: the losses mse and hard know no temperature; give "
         "another loss, or 0"},
        {MINIMAL "distill: {loss: hard, standardise: true}\n",
         "'s.yaml':14:36: distill.standardise: the losses mse and hard do not standardise; give "
         "another loss, or false"},
        {MINIMAL "full: {reg: none, reg_target: ema}\n",
         "'s.yaml':14:31: full.reg_target: without a regulariser it has no target; give reg: l2, "
         "or leave it out"},
        {MINIMAL "distill: {reg_decay: 0.9}\n",
         "'s.yaml':14:22: distill.reg_decay: it is for reg_target: ema alone; leave it out or "
         "change the target"},
        {MINIMAL "distill: {loss: dist, batch: 2}\n",
         "'s.yaml':14:30: distill.batch: dist correlates the examples of a batch; give at least 3, "
         "or dist_gamma: 0"},
        {MINIMAL "full: {steps: 5, epochs: 2}\n",
         "'s.yaml':14:15: full.steps: both epochs and steps are given; leave one out"},
        {"data: {train_images: a, train_labels: b, test_labels: c}\n" TEACHERS SPACE,
         "'s.yaml':1:55: data.test_labels: test images and labels go together; give both or "
         "neither"},
        {"name: &n x\nstore: *n\n" MINIMAL,
         "'s.yaml':2:1: aliases are not for study files; write the value out"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void a_missing_file_is_refused_by_its_name(void **state)
{
    struct study study;
    struct rt_err err;
    (void)state;

    assert_int_equal(study_load("no/such.yaml", &study, &err), RT_EIO);

    assert_non_null(strstr(err.text, "'no/such.yaml'"));
}

static void a_long_path_is_cut_in_messages(void **state)
{
    struct study study;
    struct rt_err err;
    char path[2000];
    (void)state;
    memset(path, 'p', sizeof path);
    snprintf(path + 1990, 10, "end.yaml");

    assert_int_equal(study_parse(path, "x: 1\n", 5, &study, &err), RT_EARG);

    assert_non_null(strstr(err.text, "pend.yaml':1:1: unknown key 'x'"));
}

/* ---- what needs the data ---- */

static void assert_bind_refused(const char *yaml, const char *text)
{
    struct study study = parsed(yaml);
    struct rt_err err = {0};

    assert_int_equal(study_bind_shape(&study, &fashion, &err), RT_EARG);
    assert_string_equal(err.text, text);
    study_release(&study);
}

static void bind_refuses_what_does_not_fit_the_images(void **state)
{
    (void)state;
    assert_bind_refused(DATA TEACHERS
                        "space: {depth: [1], width: [16], head_dim: [8], heads: [1],\n"
                        "        ffn: [16], patch: [5]}\n",
                        "'dir/s.yaml':8:27: space.patch: 5 does not divide images of 28x28 pixels; "
                        "give a divisor of both");
    assert_bind_refused(MEMBERS("  - {name: a, train: {arch: L1-d16-k8-h1-f16-p5}}\n"),
                        "'dir/s.yaml':6:29: teachers.members[0].train.arch: patch 5 does not "
                        "divide images of 28x28 pixels");
}

static void bind_refuses_limits_that_nothing_keeps(void **state)
{
    (void)state;
    assert_bind_refused(MINIMAL "limits: {macs: 3, params: 100}\n",
                        "'dir/s.yaml':14:27: limits.params: nothing in the space fits 100; the "
                        "smallest member needs 2978");
}

/* ---- the hash ---- */

static void hash_of(const char *yaml, char text[RT_HASH_TEXT])
{
    struct study study = parsed(yaml);

    study_hash(&study, text);
    study_release(&study);
}

static void the_hash_ignores_what_does_not_decide_results(void **state)
{
    static const char *const same[] = {
        "# a comment\n" MINIMAL,
        MINIMAL "name: other\nstore: elsewhere.db\n",
        MINIMAL "search: {workers: 7, hours: 2, trials: 30}\n",
        MINIMAL "full: {epochs: 3, t0: 2}\n",
        DATA "  seed: 1\n" TEACHERS SPACE,
        MINIMAL "seed: 1\nlimits: {params: 0}\n", /* defaults, spelt out */
        SPACE TEACHERS "  cache: other\n" DATA "  test_images: t\n  test_labels: u\n",
        DATA TEACHERS "space: {width: [16, 16], depth: [2, 1], ffn: [32], heads: [1],\n"
                      "        head_dim: [8], patch: [7]}\n",
    };
    char want[RT_HASH_TEXT], got[RT_HASH_TEXT];
    (void)state;
    hash_of(MINIMAL, want);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        hash_of(same[i], got);
        if (strcmp(got, want) != 0)
            fail_msg("another hash for\n%s", same[i]);
    }
}

static void the_hash_changes_with_what_decides_results(void **state)
{
    static const char *const different[] = {
        MINIMAL,
        MINIMAL "seed: 2\n",
        DATA "  seed: 2\n" TEACHERS SPACE,
        DATA "  seed: 1\n" TEACHERS SPACE "seed: 2\n",
        MINIMAL "limits: {params: 9000}\n",
        MINIMAL "distill: {steps: 501}\n",
        MINIMAL "distill: {t0: 3.9999999999}\n",
        MINIMAL "distill: {t2_scale: false}\n",
        MINIMAL "distill: {loss: rkl}\n",
        MINIMAL "distill: {loss: dist}\n",
        MINIMAL "distill: {loss: dist, dist_gamma: 0}\n",
        MINIMAL "distill: {loss: dist, dist_beta: 2}\n",
        MINIMAL "distill: {tau_teacher: 0.01}\n",
        MINIMAL "distill: {standardise: true}\n",
        MINIMAL "distill: {reg_target: ema}\n",
        MINIMAL "distill: {reg_target: ema, reg_decay: 0.9}\n",
        MINIMAL "search: {window: 15}\n",
        MINIMAL "search: {rungs: [100, 500]}\n",
        MINIMAL "search: {inherit: parent}\n",
        MINIMAL "search: {rungs: [10, 500]}\n",
        MINIMAL "search: {rungs: [10, 500], eta: 2}\n",
        MINIMAL "search: {objectives: [error, params]}\n",
        MINIMAL "search: {objectives: [params, error]}\n",
        MINIMAL "search: {worker_memory: 5000000000}\n",
        MINIMAL "latency: {batch: 2}\n",
        DATA "  validation: 9\n" TEACHERS SPACE,
        DATA TEACHERS "  combine: logit\n" SPACE,
        DATA TEACHERS "  weights: entropy\n" SPACE,
        DATA TEACHERS "  weights: uniform\n" SPACE,
        DATA "  held_out: 9\n" TEACHERS SPACE,
        DATA "  held_out: 9\n" TEACHERS "  calibrate: true\n" SPACE,
        DATA TEACHERS SPACE "  pool: mean\n",
        DATA TEACHERS SPACE_BUT_FFN "  ffn: [32, 40]\n",
        DATA TEACHERS SPACE_BUT_FFN "  ffn_ratio: [2]\n",
        DATA TEACHERS SPACE_BUT_FFN "  ffn_ratio: [2.25]\n",
        MEMBERS("  - {name: u, " TRAIN "}\n"),
        MEMBERS("  - {name: t, train: {arch: L1-d16-k8-h1-f16-p7, epochs: 9}}\n"),
        MEMBERS("  - {name: t, train: {arch: L1-d16-k8-h1-f24-p7}}\n"),
        MEMBERS("  - {name: t, logits: {train: x}}\n"),
        MEMBERS("  - {name: t, logits: {train: y}}\n"),
        "data: {train_images: j.gz, train_labels: l.gz}\n" TEACHERS SPACE,
    };
    enum { count = sizeof different / sizeof *different };
    static char hash[count][RT_HASH_TEXT];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        hash_of(different[i], hash[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(hash[i], hash[j]) == 0)
                fail_msg("one hash for\n%s\nand\n%s", different[i], different[j]);
    }
}

static void the_hash_does_not_change_when_the_shape_is_bound(void **state)
{
    struct study study = parsed(MINIMAL);
    char before[RT_HASH_TEXT], after[RT_HASH_TEXT];
    struct rt_err err;
    (void)state;
    study_hash(&study, before);
    assert_ok(study_bind_shape(&study, &fashion, &err));

    study_hash(&study, after);

    assert_string_equal(before, after);
    study_release(&study);
}

/* ---- the table and its description ---- */

struct keys {
    const char *docs;
    int numbers;
};

static void visit(struct keys *keys, const char *prefix, const cyaml_schema_value_t *schema)
{
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++) {
        const cyaml_schema_value_t *value = &f->value;
        char key[STUDY_KEY], row[STUDY_KEY];
        const struct study_range *range;

        snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", f->key);
        if (strncmp(key, "full.", 5) == 0 && strcmp(f->key, "epochs") != 0 &&
            !strstr(key, ".online"))
            continue; /* one row says that it has the keys of distill */
        const char *member = strstr(key, "members[0].");
        snprintf(row, sizeof row, "| `%s` |", member ? member + 11 : f->key);
        const char *at = strstr(keys->docs, row);
        if (!at && value->type != CYAML_MAPPING)
            fail_msg("docs/study.md does not describe %s", key);
        if (value->type == CYAML_MAPPING)
            visit(keys, key, value);
        if (value->type == CYAML_SEQUENCE) {
            snprintf(key + strlen(key), sizeof key - strlen(key), "[0]");
            value = value->sequence.entry;
            if (value->type == CYAML_MAPPING)
                visit(keys, key, value);
        }
        if (value->type != CYAML_INT && value->type != CYAML_UINT && value->type != CYAML_FLOAT)
            continue;
        range = study__range(key);
        if (!range) {
            fail_msg("%s has no range", key);
            return;
        }
        if (value->type == CYAML_INT && value->data_size == sizeof(int))
            assert_true(range->least >= INT32_MIN && range->most <= INT32_MAX);
        keys->numbers++;
    }
}

static void every_key_is_described_and_every_number_has_a_range(void **state)
{
    struct keys keys = {0};
    char *docs = NULL;
    size_t bytes;
    struct rt_err err;
    (void)state;
    assert_ok(rt_file_read(ROOT "/docs/study.md", 1 << 20, &docs, &bytes, &err));
    keys.docs = docs;

    visit(&keys, "", &study__schema);

    assert_in_range(keys.numbers, 50, 200);
    free(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_study_has_the_defaults),
        cmocka_unit_test(the_last_rung_has_the_steps_of_a_trial),
        cmocka_unit_test(every_kind_of_value_reaches_its_place),
        cmocka_unit_test(the_full_recipe_counts_epochs_or_steps),
        cmocka_unit_test(the_micro_batch_is_fixed_unless_timing_it_is_asked_for),
        cmocka_unit_test(the_examples_load_and_fit_fashion_mnist),
        cmocka_unit_test(what_is_not_yaml_is_refused),
        cmocka_unit_test(wrong_keys_and_types_are_refused_with_their_place),
        cmocka_unit_test(values_out_of_range_are_refused_with_the_range),
        cmocka_unit_test(teachers_that_contradict_each_other_are_refused),
        cmocka_unit_test(search_keys_that_contradict_each_other_are_refused),
        cmocka_unit_test(keys_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_missing_file_is_refused_by_its_name),
        cmocka_unit_test(a_long_path_is_cut_in_messages),
        cmocka_unit_test(bind_refuses_what_does_not_fit_the_images),
        cmocka_unit_test(bind_refuses_limits_that_nothing_keeps),
        cmocka_unit_test(the_hash_ignores_what_does_not_decide_results),
        cmocka_unit_test(the_hash_changes_with_what_decides_results),
        cmocka_unit_test(the_hash_does_not_change_when_the_shape_is_bound),
        cmocka_unit_test(every_key_is_described_and_every_number_has_a_range),
    };
    return cmocka_run_group_tests_name("cli/study", tests, NULL, NULL);
}
