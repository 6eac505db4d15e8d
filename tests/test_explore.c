/* tests/test_explore.c -- trials against the model's word: what they are and when they come. */
#include "search_sample.h"

struct study {
    struct space space;
    struct search__proposer proposer;
    struct search_options options;
    int explorers, finer; /* of patch 4, which no member of the front has */
    bool uneven;          /* what layers give in networks of patch 4 */
};

/* A model soon knows it, and so the whole front. */
static double error_of(const struct space_arch *a)
{
    double error = .9 - .1 * log2(a->width) - .02 * a->patch;

    for (int l = 0; l < a->depth; l++)
        error -= .02 / (l + 1) * log2(a->heads[l]);
    return error;
}

/* 0..1 */
static double chance(int l, int heads, int ffn)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 9, RT_STREAM_TEST,
                ((uint64_t)l * 8 + (uint64_t)heads) * 4096 + (uint64_t)ffn);
    return rt_rng_uniform(&rng);
}

static double finer_loses(const struct space_arch *a, bool uneven)
{
    double sum = a->patch == 4 ? .1 : 0;

    if (!uneven)
        return sum;

    for (int l = 0; l < a->depth && a->patch == 4; l++)
        sum += .1 * (chance(l, a->heads[l], a->ffn[l]) - .5);
    return sum;
}

static void study_init(struct study *s, enum space_tie tie)
{
    struct rt_err err;

    *s = (struct study){.space = sample_space(tie), .options = sample_options(0, 1)};
    s->space.depth = (struct space_choices){1, {6}};
    s->options.window = 1;
    s->options.surrogate = SEARCH_SURROGATE_GP;
    assert_ok(search__proposer_init(&s->proposer, &s->space, &s->options, &err));
}

static void play(struct study *s, size_t trials)
{
    struct search__proposal proposal;
    struct space_cost cost;
    struct rt_err err;

    while (s->proposer.count < trials) {
        assert_ok(search__propose(&s->proposer, &proposal, &err));
        space_cost_of(&proposal.arch, &s->space.shape, &cost);
        const double objectives[] = {
            error_of(&proposal.arch) + finer_loses(&proposal.arch, s->uneven), (double)cost.macs};
        const bool explorer = strcmp(proposal.origin, "explorer") == 0;
        s->explorers += explorer;
        s->finer += explorer && proposal.arch.patch == 4;
        assert_ok(search__proposer_add(&s->proposer, &proposal.arch, -1, &err));
        search__proposer_result(&s->proposer, objectives, 0);
    }
}

/* The layers from `*first` to before the one returned differ. */
static int differ(const struct space_arch *a, const struct space_arch *b, int *first)
{
    int end = 0;

    *first = a->depth;
    for (int l = 0; l < a->depth; l++)
        if (a->heads[l] != b->heads[l] || a->ffn[l] != b->ffn[l]) {
            *first = l < *first ? l : *first;
            end = l + 1;
        }
    return end;
}

static bool has_layer(const struct space_arch *a, int heads, int ffn)
{
    for (int l = 0; l < a->depth; l++)
        if (a->heads[l] == heads && a->ffn[l] == ffn)
            return true;
    return false;
}

static void a_few_neighbouring_layers_of_a_member_of_the_front_differ(void **state)
{
    struct study s;
    int found = 0, copied = 0;
    (void)state;
    study_init(&s, SPACE_TIE_LAYER);
    play(&s, 40);
    const struct search__level *front = &s.proposer.rungs.levels[0].level[0];
    for (uint64_t i = 0; i < 200; i++) {
        struct search__proposal out = {.origin = ""};
        struct rt_rng rng;
        int first, copies = 0;
        bool member = false;
        rt_rng_init(&rng, 3, RT_STREAM_TEST, i);
        search__explore_layers(&s.proposer, &rng, 0, &out);
        assert_string_equal(out.origin, "explorer");
        assert_false(out.predicted);
        for (size_t j = 0; j < front->count; j++)
            member |= front->member[j] == (size_t)out.parent_a;
        assert_true(member);
        const struct space_arch *parent = &s.proposer.archs[out.parent_a];
        const int end = differ(&out.arch, parent, &first);
        assert_int_equal(out.arch.width, parent->width);
        assert_int_equal(out.arch.patch, parent->patch);
        assert_in_range(end - first, 1, 3);
        for (int l = first; l < end; l++)
            copies += has_layer(parent, out.arch.heads[l], out.arch.ffn[l]);
        copied += copies == end - first;
        found++;
    }
    assert_int_equal(found, 200);
    assert_in_range(copied, 20, 180); /* of those copied from equal layers nothing would differ */
    search__proposer_release(&s.proposer);
}

/* How often of 1000 there is one, when the model promises so much. */
static int often(struct study *s, double promised)
{
    int count = 0;

    for (uint64_t i = 0; i < 1000; i++) {
        struct search__proposal out = {.origin = ""};
        struct rt_rng rng;
        rt_rng_init(&rng, 4, RT_STREAM_TEST, i);
        search__explore_layers(&s->proposer, &rng, promised, &out);
        count += out.origin[0] != '\0';
    }
    return count;
}

static void the_less_is_promised_the_more_there_are(void **state)
{
    struct study s;
    (void)state;
    study_init(&s, SPACE_TIE_LAYER);
    play(&s, 30);
    assert_in_range(often(&s, 1e-2), 0, 5);
    assert_in_range(often(&s, 3e-5), 70, 130);
    assert_in_range(often(&s, 1e-5), 450, 550);
    assert_in_range(often(&s, 1e-8), 990, 1000);
    search__proposer_release(&s.proposer);
}

static void there_are_none_where_layers_are_equal(void **state)
{
    struct study s;
    (void)state;
    study_init(&s, SPACE_TIE_UNIFORM);
    play(&s, 30);
    assert_int_equal(often(&s, 0), 0);
    search__proposer_release(&s.proposer);
}

static void they_come_when_nothing_is_left_but_not_while_layers_are_equal(void **state)
{
    struct study s;
    (void)state;
    study_init(&s, SPACE_TIE_AUTO);
    play(&s, 32);
    assert_int_equal(s.explorers, 0);
    play(&s, 160);
    print_message("  %d explorers\n", s.explorers);
    assert_in_range(s.explorers, 1, 50);
    search__proposer_release(&s.proposer);
}

/* The front is of patch 7 alone, and explorers of layers keep that. */
static void what_the_front_lacks_is_tried_while_there_is_hope(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct study s;
        study_init(&s, SPACE_TIE_LAYER);
        s.uneven = !known;
        play(&s, 160);
        assert_int_equal(s.finer, 0);
        play(&s, 220);
        print_message("  %d of %d explorers\n", s.finer, s.explorers);
        assert_in_range(s.finer, known ? 0 : 3, known ? 2 : 60);
        search__proposer_release(&s.proposer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_neighbouring_layers_of_a_member_of_the_front_differ),
        cmocka_unit_test(the_less_is_promised_the_more_there_are),
        cmocka_unit_test(there_are_none_where_layers_are_equal),
        cmocka_unit_test(what_the_front_lacks_is_tried_while_there_is_hope),
        cmocka_unit_test(they_come_when_nothing_is_left_but_not_while_layers_are_equal),
    };
    return cmocka_run_group_tests_name("search/explore", tests, NULL, NULL);
}
