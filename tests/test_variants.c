/* tests/test_variants.c -- networks of space_variant, and those of token ids, against PyTorch; that
 * examples of a batch stay apart; costs; int8.
 */
#include "student_support.h"

#include "base/arena.h"
#include "trainer/net/student_int8.h"
#include "trainer/net/student_internal.h"

static const char *const names[] = {"text_mean_projected",
                                    "text_class_segments",
                                    "text_last_parts",
                                    "bert",
                                    "distilbert",
                                    "post_norm_mean",
                                    "gpt2",
                                    "next_token",
                                    "row_labels",
                                    "deit_pair",
                                    "next_token_projected",
                                    "deit_one",
                                    "images_last"};
static const char *const sets[] = {"plain", "v3", "v4", "v3-openblas", "v4-openblas"};
enum { name_count = sizeof names / sizeof *names, set_count = sizeof sets / sizeof *sets };

/* One golden file, and a network for it. */
struct net {
    struct space_arch arch;
    struct space_shape shape;
    int examples, rows[8], asked[64], asked_count, params, answers;
    float *values, *want_params, *dlogits, *logits, *want_grads; /* of the file */
    int *ids, *segments;
    struct tr_student student;
    struct tr_weights weights;
    struct tr_pass *pass;
    struct tr_infer *infer;
    struct tr_batch batch;
    struct rt_arena arena;
    float *got, *grads;
};

static void read_exactly(FILE *f, void *to, size_t size, size_t n)
{
    assert_int_equal(fread(to, size, n, f), n);
}

static int next_int(FILE *f)
{
    int32_t v = 0;
    read_exactly(f, &v, sizeof v, 1);
    return v;
}

static void *next_block(struct net *n, FILE *f, size_t count)
{
    float *at = rt_arena_zalloc(&n->arena, count + 1, sizeof *at);
    assert_non_null(at);
    read_exactly(f, at, sizeof *at, count);
    return at;
}

static void read_arch(struct net *n, FILE *f)
{
    struct space_arch *arch = &n->arch;

    assert_int_equal(next_int(f), 0x52544732);
    int *const numbers[] = {&arch->depth, &arch->width,     &arch->head_dim,
                            &arch->patch, &arch->embedding, &arch->vocabulary};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = next_int(f);
    for (int l = 0; l < arch->depth; l++)
        arch->heads[l] = next_int(f);
    for (int l = 0; l < arch->depth; l++)
        arch->ffn[l] = next_int(f);
}

static void read_shape(struct net *n, FILE *f)
{
    struct space_shape *s = &n->shape;
    struct space_variant *v = &s->variant;

    s->height = next_int(f);
    s->width = next_int(f);
    s->channels = next_int(f);
    s->classes = next_int(f);
    s->pool = (enum space_pool)next_int(f);
    s->length = next_int(f);
    s->segments = next_int(f);
    s->parts = next_int(f);
    v->post_norm = next_int(f);
    v->stem_norm = next_int(f);
    v->no_final_norm = next_int(f);
    v->causal = next_int(f);
    v->registers = next_int(f);
    v->activation = (enum space_activation)next_int(f);
    v->head = (enum space_head)next_int(f);
}

static void read_golden(struct net *n, const char *name)
{
    char path[512];
    int rows = 0;

    (void)snprintf(path, sizeof path, "%s/golden/variant_%s.bin", RT_TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    read_arch(n, f);
    read_shape(n, f);
    n->examples = next_int(f);
    for (int m = 0; m < n->examples; m++)
        rows += n->rows[m] = next_int(f);
    n->asked_count = next_int(f);
    for (int i = 0; i < n->asked_count; i++)
        n->asked[i] = next_int(f);
    n->params = next_int(f);
    n->answers = next_int(f);
    read_exactly(f, &n->shape.variant.eps, sizeof(float), 1);
    n->values = next_block(
        n, f, (size_t)n->examples * n->shape.height * n->shape.width * n->shape.channels);
    n->ids = next_block(n, f, n->shape.length ? (size_t)rows : 0);
    n->segments = next_block(n, f, n->shape.segments ? (size_t)rows : 0);
    const int classes =
        n->shape.variant.head == SPACE_HEAD_TIED ? n->arch.vocabulary : n->shape.classes;
    const size_t logits = (size_t)n->answers * classes;
    n->want_params = next_block(n, f, (size_t)n->params);
    n->dlogits = next_block(n, f, logits);
    n->logits = next_block(n, f, logits);
    n->want_grads = next_block(n, f, (size_t)n->params);
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
}

/* Examples first .. first + count - 1 of the file into the batch; how many answers are asked of them. */
static int fill(struct net *n, int first, int count)
{
    struct tr_batch *b = &n->batch;
    int before = 0, asked[64], asks = 0;

    for (int m = 0; m < first; m++)
        before += n->rows[m];
    tr_batch_resize(b, count, n->rows + first);
    const int rows = tr_batch_rows(b);
    if (b->ids)
        memcpy(b->ids, n->ids + before, (size_t)rows * sizeof *b->ids);
    else
        memcpy(b->values, n->values + (ptrdiff_t)first * b->numbers,
               (size_t)count * b->numbers * sizeof *b->values);
    if (b->segment)
        memcpy(b->segment, n->segments + before, (size_t)rows * sizeof *b->segment);
    for (int i = 0; i < n->asked_count; i++)
        if (n->asked[i] >= before && n->asked[i] < before + rows)
            asked[asks++] = n->asked[i] - before;
    if (asks)
        tr_batch_ask(b, asks, asked);
    return n->asked_count ? asks : b->answers;
}

static void net_open(struct net *n, const char *name, const struct tr_kernels *kernels, bool prune)
{
    struct rt_err err;

    *n = (struct net){0};
    assert_ok(rt_arena_init(&n->arena, 8 << 20, &err));
    read_golden(n, name);
    assert_ok(tr__student_init(&n->student, &n->arch, &n->shape, kernels, prune, &err));
    assert_int_equal(n->student.param_count, n->params);
    assert_ok(tr_weights_init(&n->weights, &n->student, true, &n->arena, &err));
    assert_ok(tr_pass_init(&n->pass, &n->student, n->examples, &n->arena, &err));
    assert_ok(tr_infer_init(&n->infer, &n->student, n->examples, &n->arena, &err));
    assert_ok(tr_batch_init(&n->batch, &n->arch, &n->shape, n->examples, &n->arena, &err));
    n->got = rt_arena_zalloc(&n->arena,
                             (size_t)tr_batch_most_answers(&n->arch, &n->shape, n->examples) *
                                 n->student.shape.classes,
                             sizeof(float));
    n->grads = rt_arena_zalloc(&n->arena, n->student.param_count, sizeof(float));
    assert_ok(rt_arena_check(&n->arena, "the test", &err));
    memcpy(n->weights.params, n->want_params, (size_t)n->params * sizeof(float));
    tr_weights_pack(&n->student, &n->weights);
    assert_int_equal(fill(n, 0, n->examples), n->answers);
}

static void net_close(struct net *n)
{
    rt_arena_release(&n->arena);
    tr_student_release(&n->student);
}

static void run(struct net *n)
{
    memset(n->grads, 0, n->student.param_count * sizeof(float));
    tr_pass_forward(n->pass, &n->student, &n->weights, &n->batch, n->got);
    tr_pass_backward(n->pass, &n->student, &n->weights, n->dlogits, n->grads);
    if (n->student.stem.vocabulary) {
        ptrdiff_t ld;
        const float *dlookup = tr_pass_dlookup(n->pass, &ld);
        tr_lookup_back(&n->student, tr_batch_rows(&n->batch), n->batch.ids, dlookup, ld, n->grads);
    }
}

static void assert_like(const float *got, const float *want, size_t n, double tolerance,
                        const char *what, const char *which)
{
    double worst = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - (double)want[i]);
        worst = d <= worst ? worst : d; /* NaN is taken */
        top = fmax(top, fabs((double)want[i]));
    }
    if (!(worst <= tolerance * top)) {
        print_error("%s of %s: off by %.3g of %.3g\n", what, which, worst, top);
        fail();
    }
}

static void check_golden(const char *name, const struct tr_kernels *kernels, bool prune)
{
    struct net n;

    net_open(&n, name, kernels, prune);
    const size_t logits = (size_t)n.answers * n.student.shape.classes;
    run(&n);
    assert_like(n.got, n.logits, logits, 1e-4, "logits", name);
    for (int t = 0; t < n.student.tensor_count; t++) {
        const struct tr_tensor *tensor = &n.student.tensors[t];
        assert_like(n.grads + tensor->offset, n.want_grads + tensor->offset, tensor->count, 1e-4,
                    tensor->name, name);
    }
    tr_infer_run(n.infer, &n.student, &n.weights, &n.batch, n.got);
    assert_like(n.got, n.logits, logits, 1e-4, "inferred logits", name);
    net_close(&n);
}

static void logits_and_gradients_match_pytorch(void **state)
{
    (void)state;
    for (int s = 0; s < set_count; s++) {
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        for (int i = 0; kernels && i < name_count; i++) {
            check_golden(names[i], kernels, true);
            check_golden(names[i], kernels, false);
        }
    }
}

static double loss_of(struct net *n)
{
    double sum = 0;

    tr_weights_pack(&n->student, &n->weights);
    tr_pass_forward(n->pass, &n->student, &n->weights, &n->batch, n->got);
    for (size_t i = 0; i < (size_t)n->answers * n->student.shape.classes; i++)
        sum += (double)n->got[i] * (double)n->dlogits[i];
    return sum;
}

/* Of three parameters of each tensor, where the step is a compromise of rounding and curvature. */
static void gradients_are_the_slopes_of_the_loss(void **state)
{
    const float h = 4e-3F;
    (void)state;
    for (int i = 0; i < name_count; i++) {
        struct net n;
        net_open(&n, names[i], tr_kernels_by_name("plain"), true);
        run(&n);
        for (int t = 0; t < n.student.tensor_count; t++) {
            const struct tr_tensor *tensor = &n.student.tensors[t];
            const float *grads = n.grads + tensor->offset;
            double top = .05;
            if (tensor->count == 0)
                continue;
            for (size_t k = 0; k < tensor->count; k++)
                top = fmax(top, fabs((double)grads[k]));
            for (size_t k = 0; k < 3; k++) {
                float *w = n.weights.params + tensor->offset + (k * 7919 + 5) % tensor->count;
                const float was = *w;
                *w = was + h;
                const double up = loss_of(&n);
                *w = was - h;
                const double slope = (up - loss_of(&n)) / (2 * (double)h);
                *w = was;
                assert_near(slope, (double)grads[(k * 7919 + 5) % tensor->count], .03 * top + .02);
            }
        }
        net_close(&n);
    }
}

/* Bits where the sets multiply themselves. */
static void each_example_is_as_if_alone(void **state)
{
    (void)state;
    for (int s = 0; s < 3; s++)
        for (int i = 0; i < name_count; i++) {
            const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
            struct net all, one;
            if (!kernels)
                continue;
            net_open(&all, names[i], kernels, true);
            net_open(&one, names[i], kernels, true);
            run(&all);
            const float *logits = all.got;
            for (int m = 0; m < all.examples; m++) {
                const size_t count = (size_t)fill(&one, m, 1) * all.student.shape.classes;
                if (!count)
                    continue;
                tr_infer_run(one.infer, &one.student, &one.weights, &one.batch, one.got);
                if (s)
                    assert_memory_equal(one.got, logits, count * sizeof *logits);
                else
                    assert_close(one.got, logits, count, 1e-5, 1e-5);
                logits += count;
            }
            net_close(&all);
            net_close(&one);
        }
}

static void a_causal_row_does_not_see_what_comes_later(void **state)
{
    (void)state;
    for (int s = 0; s < set_count; s++) {
        struct net n;
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        if (!kernels)
            continue;
        net_open(&n, "next_token_projected", kernels, true);
        run(&n);
        float before[64];
        memcpy(before, n.got, 60 * sizeof *before); /* rows 0 to 2 of 9 */
        n.batch.ids[3] = (n.batch.ids[3] + 7) % 20;
        n.batch.ids[8] = (n.batch.ids[8] + 7) % 20;
        tr_pass_forward(n.pass, &n.student, &n.weights, &n.batch, n.got);
        assert_memory_equal(before, n.got, 60 * sizeof *before);
        assert_memory_not_equal(n.got + 60, n.logits + 60, 20 * sizeof *before);
        net_close(&n);
    }
}

static void the_built_network_costs_what_space_says(void **state)
{
    (void)state;
    for (int i = 0; i < name_count; i++) {
        struct space_cost built, said;
        struct net n;
        net_open(&n, names[i], tr_kernels_by_name("plain"), true);
        tr_student_cost(&n.student, &built);
        space_cost_of(&n.arch, &n.shape, &said);
        assert_int_equal(built.params, n.student.param_count);
        assert_int_equal(built.params, said.params);
        assert_int_equal(built.bytes, said.bytes);
        assert_int_equal(built.macs, said.macs);
        assert_int_equal(built.memory, said.memory);
        assert_int_equal(tr_int8_bytes(&n.student), said.int8_bytes);
        net_close(&n);
    }
}

/* Logits of the quantised copy are near those in float, the same in training and inference, and of its own
 * integers. */
static void int8_twins_answer_like_their_floats(void **state)
{
    (void)state;
    for (int i = 0; i < name_count; i++) {
        const struct tr_kernels *kernels = tr_kernels_by_name("v3");
        struct tr_observer observer = {0};
        struct tr_quantised quantised;
        struct rt_err err;
        struct net n;
        float inferred[512];
        net_open(&n, names[i], kernels ? kernels : tr_kernels_by_name("plain"), true);
        const size_t logits = (size_t)n.answers * n.student.shape.classes;
        assert_true(logits <= 512);
        tr_ranges_clear(&observer.seen);
        tr_pass_observe(n.pass, &observer);
        run(&n);
        tr_pass_observe(n.pass, NULL);
        assert_ok(tr_quantised_init(&quantised, &n.student, &observer.seen, true, &n.arena, &err));
        tr_quantised_update(&quantised, &n.student, n.weights.params);
        tr_infer_run(n.infer, &n.student, &quantised.weights, &n.batch, inferred);
        assert_like(inferred, n.logits, logits, .12, "int8 logits", names[i]);
        tr_pass_forward(n.pass, &n.student, &quantised.weights, &n.batch, n.got);
        assert_memory_equal(n.got, inferred, logits * sizeof *inferred);
        net_close(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_gradients_match_pytorch),
        cmocka_unit_test(gradients_are_the_slopes_of_the_loss),
        cmocka_unit_test(each_example_is_as_if_alone),
        cmocka_unit_test(a_causal_row_does_not_see_what_comes_later),
        cmocka_unit_test(the_built_network_costs_what_space_says),
        cmocka_unit_test(int8_twins_answer_like_their_floats),
    };
    return cmocka_run_group_tests_name("variants", tests, NULL, NULL);
}
