/* tests/test_next_token.c -- students of the next token: their loss against the one in double, their
 * measures against those of all answers at once, live teachers, and how a text goes on.
 */
#include "support.h"

#include <unistd.h>

#include "trainer/distill/fidelity.h"
#include "trainer/learn/token_loss.h"
#include "trainer/learn/train.h"
#include "trainer/measure/sample.h"
#include "trainer/net/predict.h"
#include "trainer/task/text/text.h"
#include "trainer/teachers/live.h"
#include "trainer/teachers/teachers.h"

static const char file_name[] = "next-token.txt";

enum { texts = 48, longest = 8, teachers = 2 };

/* Each text repeats one of two words, so what comes next is easy; some are too long. */
static struct tr_task *open_task(void)
{
    const struct tr_texts_spec lines = {.table = {.format = TR_TABLE_LINES, .column = {"1"}}};
    const struct tr_text_spec spec = {.next = true,
                                      .length = longest,
                                      .kind = TR_WORDS,
                                      .rules = {true, true, true, true},
                                      .size = 10,
                                      .vocabularies = 1,
                                      .vocabulary = {8}};
    const struct tr_split_sizes sizes = {.validation = 12, .seed = 1};
    FILE *file = fopen(file_name, "w");
    struct tr_texts read;
    struct tr_task *task;
    struct rt_err err;

    assert_non_null(file);
    for (int i = 0; i < texts; i++)
        for (int w = 0, n = 1 + i % 9; w <= n; w++)
            (void)fputs(w == n ? "\n" : i % 2 ? "ding " : w ? "dong " : "the dong ", file);
    assert_int_equal(fclose(file), 0);
    assert_ok(tr_texts_load(&read, file_name, &lines, NULL, &err));
    assert_int_equal(unlink(file_name), 0);
    assert_ok(tr_text_task(&task, &read, &spec, SPACE_POOL_MEAN, &sizes, &err));
    return task;
}

struct bed { /* a student and two live teachers, of random weights */
    struct tr_task *task;
    struct tr_network net;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct tr_data data;
};

static void open_network(struct tr_network *net, const struct tr_task *task, const char *text,
                         uint64_t seed)
{
    const struct tr_kernels *kernels;
    struct space_arch arch;
    struct rt_err err;

    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(space_arch_parse(text, &arch, &err));
    assert_ok(tr_network_open(net, &arch, &task->shape, kernels, TR_NETWORK_TRAIN, &err));
    tr_network_start(net, seed);
    for (size_t i = 0; i < net->student.param_count; i++)
        net->weights.params[i] *= 12; /* logits that are far apart */
    tr_weights_pack(&net->student, &net->weights);
}

static int bed_open(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);

    assert_non_null(bed);
    bed->task = open_task();
    open_network(&bed->net, bed->task, "L1-d8-k4-h2-f8-e4-v8", 1);
    bed->knowledge = (struct tr_knowledge){.key = {.teachers = teachers, .classes = 8},
                                           .live = calloc(teachers, sizeof(struct tr_network))};
    open_network(&bed->knowledge.live[0], bed->task, "L1-d8-k8-h1-f8-v8", 2);
    open_network(&bed->knowledge.live[1], bed->task, "L2-d12-k4-h2-f8-e4-v8", 3);
    tr_ensemble_defaults(&bed->ensemble);
    bed->ensemble.weight[0] = .25;
    bed->ensemble.weight[1] = .75;
    bed->data = (struct tr_data){
        .task = bed->task, .knowledge = &bed->knowledge, .ensemble = &bed->ensemble};
    *state = bed;
    return 0;
}

static int bed_close(void **state)
{
    struct bed *bed = *state;

    tr_knowledge_close(&bed->knowledge);
    tr_network_close(&bed->net);
    tr_task_close(bed->task);
    free(bed);
    return 0;
}

/* ---- the loss ---- */

enum { answers = 5, classes = 37 };

static void check_loss(const struct bed *bed, const struct tr_distill *distill, int said_by)
{
    struct tr_network live[2] = {bed->net, bed->net}; /* for their kernels alone */
    const struct tr_knowledge knowledge = {.key = {.teachers = said_by, .classes = classes},
                                           .live = live};
    struct tr_ensemble ensemble = bed->ensemble;
    struct tr_data data = {.knowledge = said_by ? &knowledge : NULL, .ensemble = &ensemble};
    struct tr_recipe recipe = {.distill = *distill};
    const struct tr_training job = {.student = &bed->net.student, .data = &data, .recipe = &recipe};
    static float z[answers * classes], v[answers * 2 * classes], got[answers * classes];
    static float want[answers * classes], row[5 * classes], weight[answers];
    static double scratch[64 * classes];
    const int label[answers] = {0, 36, 7, 7, 20};
    const float *said[answers];
    struct tr_distill_stats a = {0}, b = {0};

    ensemble.weight[0] = said_by == 1 ? 1 : .25;
    ensemble.calibration[0] = 1.3;
    fill_uniform(z, answers * classes, 1);
    fill_uniform(v, answers * 2 * classes, 2);
    for (int i = 0; i < answers * classes; i++)
        z[i] *= 6;
    for (int i = 0; i < answers; i++) {
        weight[i] = 1 + (float)i / 4;
        said[i] = v + (ptrdiff_t)i * said_by * classes;
    }
    const struct tr_answers all = {.count = answers,
                                   .classes = classes,
                                   .teachers = said_by,
                                   .logits = z,
                                   .label = label,
                                   .weight = weight,
                                   .said = said};
    assert_true(tr_distill_scratch(classes) <= sizeof scratch / sizeof *scratch);
    assert_true(tr__token_loss_floats(classes) <= sizeof row / sizeof *row);
    assert_true(tr__token_loss_knows(distill, &data));
    tr_distill_loss(distill, &ensemble, .4, &all, .1, scratch, want, &a);
    tr__token_loss(&job, .4, &all, .1, row, got, &b);
    assert_close(got, want, answers * classes, 2e-7, 1e-5);
    assert_near(b.total, a.total, 2e-4);
    assert_near(b.ce, a.ce, 1e-4);
    assert_near(b.soft, a.soft, 2e-4);
    assert_near(b.reg, a.reg, 1e-5);
    assert_near(b.grad_ce_sq, a.grad_ce_sq, 1e-6);
    assert_near(b.grad_soft_sq, a.grad_soft_sq, 1e-6);
    assert_near(b.t, a.t, 1e-12);
}

static void the_loss_of_tokens_is_that_in_double(void **state)
{
    struct tr_distill distill;

    tr_distill_defaults(&distill);
    for (int said_by = 0; said_by <= 2; said_by++) {
        check_loss(*state, &distill, said_by); /* T 4 to 1, l2 */
        distill.reg = TR_REG_L2SQ;
        distill.t2_scale = false;
        check_loss(*state, &distill, said_by);
        distill.t0 = distill.t1 = 1;
        check_loss(*state, &distill, said_by);
        distill.reg = TR_REG_NONE;
        check_loss(*state, &distill, said_by);
        tr_distill_defaults(&distill);
    }
    const struct tr_data data = ((struct bed *)*state)->data;
    distill.loss = TR_LOSS_RKL;
    assert_false(tr__token_loss_knows(&distill, &data));
}

/* ---- measures ---- */

struct all { /* the answers of all validation rows at once */
    int n;
    int label[400];
    float logits[400 * 8];
    double target[400 * 8];
};

/* One row at a time, into the next places. */
static void ask_each(const struct bed *bed, struct all *all)
{
    const struct tr_split *split = &bed->task->split;
    struct tr_batch batch;
    struct tr_infer *infer[3];
    struct rt_arena arena;
    struct rt_err err;
    float said[longest * teachers * 8], one[longest * 8];

    assert_ok(rt_arena_init(&arena, 1 << 22, &err));
    assert_ok(tr_batch_init(&batch, &bed->net.student.arch, &bed->task->shape, 1, &arena, &err));
    assert_ok(tr_infer_init(&infer[0], &bed->net.student, 1, &arena, &err));
    for (int k = 0; k < teachers; k++)
        assert_ok(tr_infer_init(&infer[1 + k], &bed->knowledge.live[k].student, 1, &arena, &err));
    for (int r = 0; r < split->validation_count; r++) {
        bed->task->kind->fill(bed->task, &split->validation[r], 1, &batch);
        tr_infer_run(infer[0], &bed->net.student, &bed->net.weights, &batch,
                     all->logits + (ptrdiff_t)all->n * 8);
        for (int k = 0; k < teachers; k++) {
            tr_infer_run(infer[1 + k], &bed->knowledge.live[k].student,
                         &bed->knowledge.live[k].weights, &batch, one);
            for (int i = 0; i < batch.answers; i++)
                memcpy(said + (i * teachers + k) * 8, one + i * 8, 8 * sizeof *one);
        }
        for (int i = 0; i < batch.answers; i++, all->n++) {
            all->label[all->n] = batch.label[i];
            tr_ensemble_target(&bed->ensemble, said + (ptrdiff_t)i * teachers * 8, teachers, 8, 1,
                               all->target + (ptrdiff_t)all->n * 8);
        }
    }
    rt_arena_release(&arena);
}

static struct tr_metrics measured(const struct bed *bed, bool ensemble, int threads)
{
    const struct tr_split *split = &bed->task->split;
    struct tr_metrics metrics = {0};
    struct rt_err err;

    assert_ok(tr_rows_measure(bed->task, split->validation, split->validation_count,
                              ensemble ? NULL : &bed->net.student,
                              ensemble ? NULL : &bed->net.weights, &bed->knowledge, &bed->ensemble,
                              threads, &metrics, &err));
    return metrics;
}

static void measures_by_row_are_those_of_all_answers(void **state)
{
    static struct all all;
    const struct tr_metrics one = measured(*state, false, 1), two = measured(*state, false, 2);
    const struct tr_metrics ensemble = measured(*state, true, 1);
    struct tr_fidelity f;
    struct rt_err err;
    double nll = 0;

    all.n = 0;
    ask_each(*state, &all);
    assert_ok(tr_fidelity_measure(all.logits, all.target, all.label, all.n, 8, &f, &err));
    assert_memory_equal(&one, &two, sizeof one); /* to the bit */
    assert_near(tr_metrics_value(&one, "error"), f.error, 1e-12);
    assert_near(tr_metrics_value(&one, "nll"), f.nll, 1e-5);
    assert_near(tr_metrics_value(&one, "kl"), f.kl, 1e-5);
    assert_near(tr_metrics_value(&one, "ece"), f.ece, 1e-5);
    assert_near(tr_metrics_value(&one, "agreement"), f.agreement, 1e-12);
    assert_near(tr_metrics_value(&one, "accuracy_retention"), f.retention, 1e-12);
    assert_near(tr_metrics_value(&one, "perplexity"), exp(f.nll), 1e-3);
    for (int i = 0; i < all.n; i++)
        nll -= log(all.target[i * 8 + all.label[i]]);
    assert_near(tr_metrics_value(&ensemble, "nll"), nll / all.n, 1e-5);
    assert_near(tr_metrics_value(&ensemble, "kl"), 0, 1e-12);
    assert_near(tr_metrics_value(&ensemble, "agreement"), 1, 1e-12);
}

/* "ding ding .. ": five characters a word; of a text that is cut so many words as are read. */
static void bits_are_of_the_characters_that_were_read(void **state)
{
    const struct bed *bed = *state;
    const struct tr_split *split = &bed->task->split;
    const struct tr_metrics metrics = measured(bed, false, 1);
    int answered = 0;
    double chars = 0;

    for (int r = 0; r < split->validation_count; r++) {
        const int row = split->validation[r], words = 1 + row % 9 + (row % 2 == 0);
        const int read = words < longest - 2 ? words : longest - 2;
        answered += bed->task->kind->answers(bed->task, row);
        /* up to the space that the next word begins behind, and the end */
        chars += 5 * read - (row % 2 == 0) + 1;
    }
    assert_near(tr_metrics_value(&metrics, "bits_per_character"),
                tr_metrics_value(&metrics, "nll") * answered / log(2) / chars, 1e-6);
}

static void a_ratio_has_the_error_of_its_rows(void **state)
{
    const double a[] = {1, 4, 3, 8}, b[] = {1, 2, 2, 3}; /* 2; rests -1, 0, -1, 2 */
    struct tr_metrics metrics = {0};
    (void)state;

    tr_metrics_add_ratio(&metrics, "r", a, b, 4);
    assert_near(metrics.list[0].value, 2, 1e-12);
    assert_near(metrics.list[0].error, sqrt(6 * 4.0 / 3) / 8, 1e-12);
}

/* ---- training ---- */

static void train(const struct bed *bed, struct tr_network *net, int steps, int lanes, int threads)
{
    struct tr_recipe recipe = {
        .steps = steps, .batch = 8, .micro_batch = 2, .learning_rate = .02, .warmup = .1};
    struct tr_train_summary summary;
    struct rt_err err;

    tr_distill_defaults(&recipe.distill);
    recipe.distill.ce0 = recipe.distill.ce1 = 0; /* from the teachers alone */
    const struct tr_training job = {.student = &net->student,
                                    .data = &bed->data,
                                    .recipe = &recipe,
                                    .seed = 1,
                                    .lanes = lanes,
                                    .threads = threads};
    tr_network_start(net, 9);
    assert_ok(tr_train(&job, &net->weights, &summary, &err));
}

static void a_student_learns_what_live_teachers_say(void **state)
{
    struct bed *bed = *state;
    const double before = tr_metrics_value((struct tr_metrics[]){measured(bed, false, 1)}, "kl");
    struct tr_network again;

    train(bed, &bed->net, 80, 2, 1);
    const double after = tr_metrics_value((struct tr_metrics[]){measured(bed, false, 1)}, "kl");
    assert_true(after < .25 * before);
    open_network(&again, bed->task, "L1-d8-k4-h2-f8-e4-v8", 1);
    train(bed, &again, 80, 2, 2);
    assert_memory_equal(again.weights.params, bed->net.weights.params,
                        again.student.param_count * sizeof(float)); /* for any number of threads */
    tr_network_close(&again);
}

/* ---- going on ---- */

static void go_on(const struct bed *bed, const char *prompt, struct tr_sampling sampling,
                  char text[200])
{
    struct rt_err err;

    assert_ok(tr_sample_text(&bed->net.student, &bed->net.weights, tr_text_tokeniser(bed->task),
                             prompt, &sampling, text, 200, &err));
}

static void a_text_goes_on_as_those_that_were_read(void **state)
{
    struct bed *bed = *state;
    char text[2][200];

    bed->data.knowledge = NULL; /* labels alone */
    train(bed, &bed->net, 120, 1, 1);
    go_on(bed, "the", (struct tr_sampling){.tokens = 1}, text[0]);
    assert_string_equal(text[0], "dong");
    go_on(bed, "DING", (struct tr_sampling){.tokens = 20}, text[0]);
    assert_null(strstr(text[0], "dong"));
    assert_null(strchr(text[0], '['));
    for (int i = 0; i < 2; i++)
        go_on(bed, "", (struct tr_sampling){.tokens = 30, .temperature = 3, .seed = 4}, text[i]);
    assert_string_equal(text[0], text[1]);
    go_on(bed, "the dong dong dong dong dong dong dong dong dong dong",
          (struct tr_sampling){.tokens = 1, .temperature = .01, .seed = 1}, text[0]);
    assert_true(!strcmp(text[0], "dong") || !strcmp(text[0], ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_loss_of_tokens_is_that_in_double, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(measures_by_row_are_those_of_all_answers, bed_open,
                                        bed_close),
        cmocka_unit_test_setup_teardown(bits_are_of_the_characters_that_were_read, bed_open,
                                        bed_close),
        cmocka_unit_test(a_ratio_has_the_error_of_its_rows),
        cmocka_unit_test_setup_teardown(a_student_learns_what_live_teachers_say, bed_open,
                                        bed_close),
        cmocka_unit_test_setup_teardown(a_text_goes_on_as_those_that_were_read, bed_open,
                                        bed_close),
    };
    return cmocka_run_group_tests_name("the next token", tests, NULL, NULL);
}
