/* tests/test_study_refusals.c -- what a study file may not say, and how it is told. */
#include "base/clock.h"
#include "study_sample.h"

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
        {MINIMAL "---\nname: b\n", "'s.yaml':14:1: the study ends here, but the file goes on; a "
                                   "file holds one study"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EFORMAT);
}

static void wrong_keys_are_refused_with_their_place(void **state)
{
    static const struct refusal refusals[] = {
        {"- a\n", "'s.yaml':1:1: expects a block of keys, not a list"},
        {"x\n", "'s.yaml':1:1: expects a block of keys, not 'x'"},
        {MINIMAL "nmae: x\n", "'s.yaml':14:1: unknown key 'nmae', did you mean 'name'?"},
        {MINIMAL "q: x\n", "'s.yaml':14:1: unknown key 'q'; the keys here are name, task, seed, "
                           "store, data, teachers, evaluator, space, limits, distill, full, "
                           "prune, gates, search, latency, after"},
        {MINIMAL "search:\n  windows: 3\n",
         "'s.yaml':15:3: search: unknown key 'windows', did you mean 'window'?"},
        {MINIMAL "seed: 1\nseed: 2\n", "'s.yaml':15:1: seed: this key is given twice; leave one "
                                       "out"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void wrong_types_and_missing_keys_are_refused(void **state)
{
    static const struct refusal refusals[] = {
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
        {MINIMAL "task: sound\n",
         "'s.yaml':14:7: task: unknown value 'sound'; give one of image, text, policy"},
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
         "'s.yaml':14:18: search.window: 0 is out of range; give 1 to 100000"},
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

#define WEIGHED(key, list) "teachers:\n  " key "\n  members:\n" list SPACE

static void teachers_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {MEMBERS("  - {name: a}\n"), "'s.yaml':6:5: teachers.members[0]: a teacher is made of "
                                     "one thing; give one of: train, logits, folder, command"},
        {MEMBERS("  - {name: a, logits: {train: \"\"}}\n"),
         "'s.yaml':6:31: teachers.members[0].logits.train: expects a text, but "
         "nothing is given"},
        {MEMBERS("  - {name: a, " TRAIN ", logits: {train: x}}\n"),
         "'s.yaml':6:5: teachers.members[0]: a teacher is made of one thing; give only one of: "
         "train, logits, folder, command"},
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
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void genes_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {DATA TEACHERS SPACE "  ffn_ratio: [1]\n",
         "'s.yaml':13:8: space.ffn: both ffn and ffn_ratio are given; leave one out"},
        {DATA TEACHERS SPACE_BUT_FFN,
         "'s.yaml':8:3: space.ffn_ratio: there is nothing to choose from; give 1 to 64 choices of "
         "ffn or ffn_ratio"},
        {DATA TEACHERS SPACE "  tie: stage\n", "'s.yaml':14:8: space.tie: tie by stage needs the "
                                               "number of stages; add stages: 2"},
        {DATA TEACHERS SPACE "  stages: 2\n  tie: layer\n",
         "'s.yaml':14:11: space.stages: stages are for tie: "
         "stage or auto; leave them out or change "
         "the tie"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void weights_that_nothing_can_fit_are_refused(void **state)
{
    static const struct refusal refusals[] = {
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

static void settings_of_latency_that_cannot_be_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {MINIMAL "latency: {batch: [4, 4]}\n",
         "'s.yaml':14:18: latency.batch: 4 is given twice; leave one out"},
        {MINIMAL "latency: {batch: [1, 2], threads: [1, 4]}\n",
         "'s.yaml':14:35: latency.threads: 4 threads cannot share a batch of 2; give at most one "
         "an "
         "example"},
        {MINIMAL "search: {objectives: [error, latency@1x4]}\n",
         "'s.yaml':14:30: search.objectives[1]: unknown value 'latency@1x4'; give one of error, "
         "kl, "
         "params, bytes, macs, memory, latency, int8_error, int8_kl, int8_bytes"},
        {MINIMAL "latency: {threads: 2}\n", "'s.yaml':14:20: latency.threads: 2 threads cannot "
                                            "share a batch of 1; give at most one an example"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static void keys_that_contradict_each_other_are_refused(void **state)
{
    static const struct refusal refusals[] = {
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
        {DATA "  validation: 9\n  validation_rows: r.npy\n" TEACHERS SPACE,
         "'s.yaml':4:15: data.validation: validation_rows says which rows, and how many; leave one "
         "out"},
        {"name: &n x\nstore: *n\n" MINIMAL,
         "'s.yaml':2:8: aliases are not for study files; write the value out"},
        {"a: *b\n", "'s.yaml':1:4: aliases are not for study files; write the value out"},
        {MINIMAL "name: \"a\\0b\"\n", "'s.yaml':14:7: this text has a zero byte in it; leave it "
                                      "out"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_refused(&refusals[i], RT_EARG);
}

static double seconds_to_refuse(const char *text, size_t bytes, struct rt_err *err)
{
    const int64_t before = rt_now_ns();
    struct study study;

    assert_int_equal(study_parse("s.yaml", text, bytes, &study, err), RT_EARG);
    return (double)(rt_now_ns() - before) * 1e-9;
}

/* A hundred thousand lists in each other, and lines that mean a million million nodes. */
static void what_is_made_to_be_large_is_refused_at_once(void **state)
{
    const size_t deep = 100000;
    static char text[200000];
    struct rt_err err;
    char *at = text;
    (void)state;
    memset(text, '[', deep);
    assert_true(seconds_to_refuse(text, deep, &err) < .5);
    assert_string_equal(err.text, "'s.yaml':1:17: this is nested deeper than anything that a study "
                                  "says");
    for (size_t i = 0; i < 2 * deep; i++)
        text[i] = i % 2 ? ' ' : '-';
    assert_true(seconds_to_refuse(text, 2 * deep, &err) < .5);
    assert_non_null(strstr(err.text, "nested deeper"));
    at += sprintf(at, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        at += sprintf(at, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            at += sprintf(at, "%s*a%d", k ? ", " : "", i - 1);
        at += sprintf(at, "]\n");
    }
    assert_true(seconds_to_refuse(text, strlen(text), &err) < .5);
    assert_string_equal(err.text,
                        "'s.yaml':2:10: aliases are not for study files; write the value out");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_yaml_is_refused),
        cmocka_unit_test(wrong_keys_are_refused_with_their_place),
        cmocka_unit_test(wrong_types_and_missing_keys_are_refused),
        cmocka_unit_test(values_out_of_range_are_refused_with_the_range),
        cmocka_unit_test(teachers_that_contradict_each_other_are_refused),
        cmocka_unit_test(genes_that_contradict_each_other_are_refused),
        cmocka_unit_test(weights_that_nothing_can_fit_are_refused),
        cmocka_unit_test(search_keys_that_contradict_each_other_are_refused),
        cmocka_unit_test(settings_of_latency_that_cannot_be_are_refused),
        cmocka_unit_test(keys_that_contradict_each_other_are_refused),
        cmocka_unit_test(what_is_made_to_be_large_is_refused_at_once),
        cmocka_unit_test(a_missing_file_is_refused_by_its_name),
        cmocka_unit_test(a_long_path_is_cut_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
