/* tests/test_study_layers.c -- the study's `layers` blocks: defaults, places, and what is refused.
 */
#include "cli/study.h"
#include "support.h"

static const struct space_shape fashion = {
    .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};

#define DATA "data: {train_images: i, train_labels: l}\n"
#define TEACHERS                                                                                   \
    "teachers:\n  members:\n    - {name: r, logits: {train: x.npy}}\n"                             \
    "    - {name: t, train: {arch: L2-d32-k8-h4-f16-p7}}\n"                                        \
    "    - {name: u, train: {arch: L3-d16-k8-h2-f16-p7}}\n"
#define SPACE                                                                                      \
    "space: {depth: [1, 2], width: [16], head_dim: [8], heads: [1, 2], patch: [7], ffn: [8]}\n"
#define STUDY DATA TEACHERS SPACE /* its next line is the eighth */

static struct study parsed(const char *yaml)
{
    struct study study;
    struct rt_err err;

    assert_ok(study_parse("s.yaml", yaml, strlen(yaml), &study, &err));
    return study;
}

static void a_study_without_the_block_has_no_layer_losses(void **state)
{
    struct study study = parsed(STUDY);
    (void)state;
    assert_false(tr_layers_on(&study.recipe.layers));
    assert_false(tr_layers_on(&study.full.layers));
    study_release(&study);
}

static void an_empty_block_switches_the_defaults_on(void **state)
{
    struct study study = parsed(STUDY "distill: {layers: {}}\n");
    const struct tr_layers *layers = &study.recipe.layers;
    struct rt_err err;
    (void)state;
    for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
        assert_near(layers->weight[kind], 1, 0);
    assert_int_equal(layers->hidden_loss, TR_HIDDEN_MSE);
    assert_int_equal(layers->attention_loss, TR_ATTENTION_RELATION);
    assert_int_equal(layers->relation_heads, 0);
    assert_int_equal(layers->map, TR_LAYERS_UNIFORM);
    assert_near(layers->intermediate, .3, 0);
    assert_true(layers->balance);
    assert_int_equal(layers->teacher, 1); /* the first that was trained here */
    assert_true(tr_layers_on(&study.full.layers));
    assert_int_equal(study.full.layers.teacher, 1);
    assert_ok(study_bind_shape(&study, &fashion, &err));
    study_release(&study);
}

static void every_key_reaches_its_place(void **state)
{
    struct study study =
        parsed(STUDY "distill: {layers: {teacher: u, embedding: 2, hidden: 3, attention: 0.5,\n"
                     "  hidden_loss: cosine, attention_loss: probabilities, map: random,\n"
                     "  intermediate: 0.25, balance: false}}\n"
                     "full: {layers: {teacher: t, attention_loss: relation, relation_heads: 4}}\n");
    const struct tr_layers *layers = &study.recipe.layers, *full = &study.full.layers;
    (void)state;
    assert_near(layers->weight[TR_LAYER_EMBEDDING], 2, 0);
    assert_near(layers->weight[TR_LAYER_HIDDEN], 3, 0);
    assert_near(layers->weight[TR_LAYER_ATTENTION], .5, 0);
    assert_int_equal(layers->hidden_loss, TR_HIDDEN_COSINE);
    assert_int_equal(layers->attention_loss, TR_ATTENTION_PROBS);
    assert_int_equal(layers->map, TR_LAYERS_RANDOM);
    assert_near(layers->intermediate, .25, 0);
    assert_false(layers->balance);
    assert_int_equal(layers->teacher, 2);
    assert_int_equal(full->teacher, 1);
    assert_int_equal(full->relation_heads, 4);
    assert_near(full->weight[TR_LAYER_HIDDEN], 3, 0); /* as in distill */
    study_release(&study);
}

static void the_full_recipe_may_have_them_alone_or_not_at_all(void **state)
{
    struct study alone = parsed(STUDY "full: {layers: {hidden: 0}}\n");
    struct study never =
        parsed(STUDY "distill: {layers: {}}\nfull: {layers: {embedding: 0, hidden: 0,\n"
                     "  attention: 0}}\n");
    (void)state;
    assert_false(tr_layers_on(&alone.recipe.layers));
    assert_near(alone.full.layers.weight[TR_LAYER_HIDDEN], 0, 0);
    assert_near(alone.full.layers.weight[TR_LAYER_ATTENTION], 1, 0);
    assert_true(tr_layers_on(&never.recipe.layers));
    assert_false(tr_layers_on(&never.full.layers));
    study_release(&alone);
    study_release(&never);
}

static void assert_refused(const char *yaml, const char *text)
{
    struct study study;
    struct rt_err err = {0};

    assert_int_equal(study_parse("s.yaml", yaml, strlen(yaml), &study, &err), RT_EARG);
    assert_string_equal(err.text, text);
}

static void what_no_teacher_can_give_is_refused(void **state)
{
    (void)state;
    assert_refused(STUDY "distill: {layers: {teacher: x}}\n",
                   "'s.yaml':8:29: distill.layers.teacher: there is no teacher 'x'; name one of "
                   "teachers.members");
    assert_refused(STUDY "distill: {layers: {teacher: r}}\n",
                   "'s.yaml':8:29: distill.layers.teacher: teacher 'r' is recorded and has "
                   "no layers; name one with train");
    assert_refused(DATA "teachers: {members: [{name: r, logits: {train: x.npy}}]}\n" SPACE
                        "full: {layers: {}}\n",
                   "'s.yaml':4:16: full.layers.teacher: no teacher has layers; add one with train, "
                   "or leave layers out");
    assert_refused(STUDY "distill: {layers: {attention_loss: kl, relation_heads: 2}}\n",
                   "'s.yaml':8:56: distill.layers.relation_heads: relation heads are for "
                   "attention_loss: relation alone; leave them out");
    assert_refused(
        STUDY "distill: {layers: {attention_loss: softmax}}\n",
        "'s.yaml':8:36: distill.layers.attention_loss: unknown value 'softmax'; give one "
        "of logits, probabilities, kl, relation");
    assert_refused(STUDY "full: {layers: {intermediate: 2}}\n",
                   "'s.yaml':8:31: full.layers.intermediate: 2 is out of range; give 0 to 1");
}

static void assert_bind_refused(const char *yaml, const char *text)
{
    struct study study = parsed(yaml);
    struct rt_err err = {0};

    assert_int_equal(study_bind_shape(&study, &fashion, &err), RT_EARG);
    assert_string_equal(err.text, text);
    study_release(&study);
}

static void a_space_with_students_that_cannot_follow_is_refused(void **state)
{
    static const char layers[] = "distill: {layers: {}}\n";
    char yaml[1024];
    (void)state;
    (void)snprintf(yaml, sizeof yaml,
                   "%sspace: {depth: [1], width: [16], head_dim: [8], heads: [1], patch: [4, 7],\n"
                   "  ffn: [8]}\n%s",
                   DATA TEACHERS, layers);
    assert_bind_refused(yaml, "'s.yaml':7:68: space.patch: patches of 4 are not patches of 7, and "
                              "layer-wise losses compare a student's tokens with its teacher's; "
                              "allow the teacher's alone");
    (void)snprintf(yaml, sizeof yaml,
                   "%sspace: {depth: [1, 3], width: [16], head_dim: [8], heads: [1], patch: [7],\n"
                   "  ffn: [8]}\n%s",
                   DATA TEACHERS, layers);
    assert_bind_refused(yaml, "'s.yaml':7:16: space.depth: layer-wise losses map 3 layers of a "
                              "student to the 2 of the teacher; allow no more than it has");
    assert_bind_refused(STUDY "distill: {layers: {attention_loss: logits}}\n",
                        "'s.yaml':7:59: space.heads: attention is compared head by head, but 1 "
                        "heads are not the teacher's 4; allow its number alone, start "
                        "from it by init: prune, or take "
                        "attention_loss: relation");
    assert_bind_refused(STUDY "full: {layers: {relation_heads: 3}}\n",
                        "'s.yaml':8:33: full.layers.relation_heads: 3 does not divide the "
                        "attention widths 8 of a student and 32 of the teacher; give 0 to choose "
                        "for each student");
}

static void students_cut_out_of_the_teacher_need_not_have_its_heads(void **state)
{
    struct study study = parsed(STUDY "distill: {init: prune, layers: {attention_loss: logits}}\n");
    struct study other = parsed(STUDY "prune: {teacher: u}\ndistill: {init: prune, layers: {}}\n");
    struct rt_err err;
    (void)state;
    assert_true(study.recipe.layers.matched);
    assert_false(other.recipe.layers.matched);
    assert_ok(study_bind_shape(&study, &fashion, &err));
    study_release(&study);
    study_release(&other);
}

static void the_hash_knows_the_layers_of_trials_alone(void **state)
{
    static const char *const studies[] = {
        STUDY,
        STUDY "distill: {layers: {}}\n",
        STUDY "distill: {layers: {teacher: u}}\n",
        STUDY "distill: {layers: {hidden: 0}}\n",
        STUDY "distill: {layers: {hidden_loss: cosine}}\n",
        STUDY "distill: {layers: {relation_heads: 2}}\n",
        STUDY "distill: {layers: {map: last}}\n",
        STUDY "distill: {layers: {intermediate: 0}}\n",
        STUDY "distill: {layers: {balance: false}}\n",
    };
    enum { count = sizeof studies / sizeof *studies };
    char hash[count][RT_HASH_TEXT], full[RT_HASH_TEXT];
    struct study other = parsed(STUDY "full: {layers: {}}\n");
    (void)state;
    for (int i = 0; i < count; i++) {
        struct study study = parsed(studies[i]);
        study_hash(&study, hash[i]);
        study_release(&study);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(hash[i], hash[j]);
    }
    study_hash(&other, full);
    assert_string_equal(full, hash[0]);
    study_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_without_the_block_has_no_layer_losses),
        cmocka_unit_test(an_empty_block_switches_the_defaults_on),
        cmocka_unit_test(every_key_reaches_its_place),
        cmocka_unit_test(the_full_recipe_may_have_them_alone_or_not_at_all),
        cmocka_unit_test(what_no_teacher_can_give_is_refused),
        cmocka_unit_test(a_space_with_students_that_cannot_follow_is_refused),
        cmocka_unit_test(students_cut_out_of_the_teacher_need_not_have_its_heads),
        cmocka_unit_test(the_hash_knows_the_layers_of_trials_alone),
    };
    return cmocka_run_group_tests_name("cli/study: layers", tests, NULL, NULL);
}
