/* tests/test_space_pinned.c -- what a space draws and says, pinned: old studies must go on.
 *
 * Each digest is of the answers of one function on every space below. A change of any means that a
 * study made before proposes other architectures when it resumes.
 */
#include "base/hash.h"
#include "genes_sample.h"
#include "space_sample.h"

enum { spaces = 9, each = 1500 };

static struct space_gene own_genes[GENES_SAMPLE];

static struct space colour_space(void)
{
    struct space space = {
        .shape =
            {.height = 32, .width = 32, .channels = 3, .classes = 100, .pool = SPACE_POOL_MEAN},
        .tie = SPACE_TIE_AUTO,
        .depth = {3, {2, 4, 6}},
        .width = {5, {40, 64, 96, 128, 200}},
        .head_dim = {2, {8, 16}},
        .heads = {4, {1, 2, 3, 6}},
        .patch = {3, {2, 4, 8}},
        .ffn = {4, {32, 64, 128, 256}},
    };
    struct rt_err err;

    assert_ok(space_init(&space, &err));
    return space;
}

static void all_spaces(struct space space[spaces])
{
    space[0] = small_space(SPACE_TIE_UNIFORM);
    space[1] = small_space(SPACE_TIE_STAGE);
    space[2] = small_space(SPACE_TIE_LAYER);
    space[3] = small_space(SPACE_TIE_AUTO);
    space[4] = large_space();
    space[5] = single_space();
    space[6] = colour_space();
    space[7] = colour_space();
    space[7].tie = SPACE_TIE_STAGE;
    space[7].stages = 3;
    space[8] = genes_space(own_genes);
}

static void add_arch(struct rt_hash *hash, const struct space *space, const struct space_arch *arch)
{
    char text[SPACE_ARCH_TEXT];

    space_print(space, arch, text);
    rt_hash_add(hash, text, strlen(text) + 1);
}

/* A dozen digits: the last bits of a logarithm differ between machines. */
static void add_real(struct rt_hash *hash, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.12g", value);
    rt_hash_add(hash, text, strlen(text) + 1);
}

typedef void pinned_fn(struct rt_hash *hash, const struct space *space, struct rt_rng *rng);

static void assert_pinned(pinned_fn *answers, const char *digest)
{
    struct rt_hash *hash = rt_hash_open();
    struct space space[spaces];
    char text[RT_HASH_TEXT];

    all_spaces(space);
    assert_non_null(hash);
    for (int s = 0; s < spaces; s++) {
        struct rt_rng rng;
        rt_rng_init(&rng, 77, RT_STREAM_TEST, (uint64_t)s);
        for (int i = 0; i < each; i++)
            answers(hash, &space[s], &rng);
        const uint64_t used = rt_rng_u64(&rng); /* as many random numbers were drawn */
        rt_hash_add(hash, &used, sizeof used);
    }
    rt_hash_close(hash, text);
    assert_string_equal(text, digest);
}

/* ---- drawn ---- */

static void sampled(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    struct space_arch arch;

    space_sample(space, rng, &arch);
    add_arch(hash, space, &arch);
}

static void mutated(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    struct space_arch arch;

    space_sample(space, rng, &arch);
    for (int i = 0; i < 2; i++) {
        space_mutate(space, rng, &arch, &arch);
        add_arch(hash, space, &arch);
    }
}

static void mutated_while_tied(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    static const enum space_tie ties[] = {SPACE_TIE_UNIFORM, SPACE_TIE_STAGE, SPACE_TIE_LAYER};
    struct space_arch arch;

    space_sample(space, rng, &arch);
    space_mutate_tied(space, rng, ties[rt_rng_below(rng, 3)], &arch, &arch);
    add_arch(hash, space, &arch);
}

static void crossed(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    struct space_arch a, b, child;

    space_sample(space, rng, &a);
    space_sample(space, rng, &b);
    space_crossover(space, rng, &a, &b, &child);
    add_arch(hash, space, &child);
}

static void draws_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(sampled, "c6551f688027fc396c86edbdf0d518b4");
}

static void mutations_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(mutated, "a7b7e1d8e6997873c7b2594bed45e30d");
}

static void tied_mutations_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(mutated_while_tied, "3d436787b2db6d4327c30fa9bbc25665");
}

static void crossings_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(crossed, "581044e2f61edfed756d49ec5ee02fad");
}

/* ---- known ---- */

static void numbered(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    const int64_t size = space_size(space);
    struct space_arch arch;

    rt_hash_add(hash, &size, sizeof size);
    if (size < 0)
        return;
    space_nth(space, (int64_t)rt_rng_below(rng, (uint64_t)size), &arch);
    add_arch(hash, space, &arch);
}

static void anchored(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    char *size = space_size_text(space);
    struct space_arch arch;
    (void)rng;

    rt_hash_add(hash, size, strlen(size));
    free(size);
    space_largest(space, &arch);
    add_arch(hash, space, &arch);
    space_smallest(space, &arch);
    add_arch(hash, space, &arch);
    space_middle(space, &arch);
    add_arch(hash, space, &arch);
}

static void apart(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    struct space_arch a, b;

    space_sample(space, rng, &a);
    space_sample(space, rng, &b);
    const double distance = space_distance(space, &a, &b);
    rt_hash_add(hash, &distance, sizeof distance);
}

static void viewed(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    double feature[4 * SPACE_MAX_POSITIONS];
    int choice[SPACE_MAX_POSITIONS];
    struct space_arch arch, again;

    assert_true(space_feature_count(space) <= 4 * SPACE_MAX_POSITIONS);
    space_sample(space, rng, &arch);
    space_choices_of(space, &arch, choice);
    rt_hash_add(hash, choice, (size_t)space_positions(space) * sizeof *choice);
    space_features(space, &arch, feature);
    for (int i = 0; i < space_feature_count(space); i++)
        add_real(hash, feature[i]);
    for (int i = 0; i < space_positions(space); i++)
        choice[i] = rt_rng_below(rng, 3) ? choice[i] : -1;
    space_arch_of(space, choice, &again);
    add_arch(hash, space, &again);
}

static void priced(struct rt_hash *hash, const struct space *space, struct rt_rng *rng)
{
    static const char *const costs[] = {"params", "bytes", "macs", "memory", "error"};
    struct space_arch arch;

    space_sample(space, rng, &arch);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        add_real(hash, space->gene_count ? 0 : space_exact(space, &arch, costs[i]));
    for (int tie = SPACE_TIE_UNIFORM; tie <= SPACE_TIE_LAYER; tie++) {
        space_tie_to(space, (enum space_tie)tie, &arch);
        add_arch(hash, space, &arch);
    }
}

static void numbers_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(numbered, "42db982f95a82c1cfa925f6c1c2ebe71");
}

static void anchors_and_sizes_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(anchored, "be93d61e931d8eb4cf2b040d6f65a24c");
}

static void distances_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(apart, "aaa50301d19b509e22335e7a96bb231b");
}

static void choices_and_features_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(viewed, "0f505940126c519be38c5319fee8423a");
}

static void costs_and_ties_are_those_of_old_studies(void **state)
{
    (void)state;
    assert_pinned(priced, "2b0bf6feea98af521939439c22a714cf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_those_of_old_studies),
        cmocka_unit_test(mutations_are_those_of_old_studies),
        cmocka_unit_test(tied_mutations_are_those_of_old_studies),
        cmocka_unit_test(crossings_are_those_of_old_studies),
        cmocka_unit_test(numbers_are_those_of_old_studies),
        cmocka_unit_test(anchors_and_sizes_are_those_of_old_studies),
        cmocka_unit_test(distances_are_those_of_old_studies),
        cmocka_unit_test(choices_and_features_are_those_of_old_studies),
        cmocka_unit_test(costs_and_ties_are_those_of_old_studies),
    };
    return cmocka_run_group_tests_name("space, pinned", tests, NULL, NULL);
}
