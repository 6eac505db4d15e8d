/* tests/test_text_task.c -- batches of texts against the texts, splits, and macro-F1. */
#include "support.h"

#include <unistd.h>

#include "trainer/task/text/text.h"

static const char train_file[] = "text-test.tsv";

/* 40 rows: an odd one begins with "good", label pos; an even one with "bad", label neg. */
static void write_rows(const char *path, int rows, const char *last)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fputs("text\tlabel\n", file);
    for (int i = 0; i < rows; i++)
        (void)fprintf(file, "%s%.*s\t%s\n", i % 2 ? "good" : "bad", 2 * (i % 7), " w w w w w w",
                      i % 2 ? "pos" : "neg");
    (void)fputs(last, file);
    assert_int_equal(fclose(file), 0);
}

static int remove_files(void **state)
{
    (void)state;
    unlink(train_file);
    unlink("text-test-pairs.tsv");
    unlink("text-test-more.tsv");
    return 0;
}

static const struct tr_texts_spec two_columns = {
    .table = {.format = TR_TABLE_TSV, .column = {"text", NULL, "label"}, .header = true}};

static struct tr_texts load(const char *path, const struct tr_texts_spec *spec,
                            const struct tr_labels *known)
{
    struct tr_texts texts;
    struct rt_err err;

    assert_ok(tr_texts_load(&texts, path, spec, known, &err));
    return texts;
}

static const struct tr_text_spec words = {.length = 6,
                                          .kind = TR_WORDS,
                                          .rules = {true, true, true, true},
                                          .size = 100,
                                          .vocabularies = 2,
                                          .vocabulary = {8, 7}};

static struct tr_task *open_task(const struct tr_text_spec *spec, enum space_pool pool)
{
    const struct tr_split_sizes sizes = {.validation = 10, .seed = 1};
    struct tr_texts texts;
    struct tr_task *task;
    struct rt_err err;

    write_rows(train_file, 40, "");
    texts = load(train_file, &two_columns, NULL);
    assert_ok(tr_text_task(&task, &texts, spec, pool, &sizes, &err));
    return task;
}

static void open_batch(struct tr_batch *batch, struct rt_arena *arena, const struct tr_task *task,
                       int vocabulary, int room)
{
    struct space_arch arch = {.depth = 1, .width = 8, .head_dim = 8, .vocabulary = vocabulary};
    struct rt_err err;

    arch.heads[0] = 1;
    arch.ffn[0] = 8;
    assert_ok(rt_arena_init(arena, 1 << 20, &err));
    assert_ok(tr_batch_init(batch, &arch, &task->shape, room, arena, &err));
}

/* ids: 5 w, then bad and good by their counts in the train rows. */
static void batches_are_ragged_rows_of_ids(void **state)
{
    struct tr_task *task = open_task(&words, SPACE_POOL_MEAN);
    const struct tr_tokeniser *t = tr_text_tokeniser(task);
    const int bad = tr_vocabulary_find(&t->vocabulary, "bad", 3);
    const int rows[] = {2, 1, 13};
    struct tr_batch batch;
    struct rt_arena arena;
    (void)state;

    assert_int_equal(task->shape.classes, 2);
    assert_int_equal(task->shape.length, 6);
    assert_string_equal(tr_text_labels(task)->name[1], "pos");
    assert_string_equal(tr_vocabulary_token(&t->vocabulary, 5), "w");
    open_batch(&batch, &arena, task, 8, 4);
    task->kind->fill(task, rows, 3, &batch);
    assert_int_equal(batch.examples, 3);
    assert_int_equal(batch.answers, 3);
    assert_int_equal(batch.start[1], 5); /* [CLS] bad w w [SEP] */
    assert_int_equal(batch.start[2], 9);
    assert_int_equal(batch.start[3], 15); /* cut */
    const int first[] = {2, bad, 5, 5, 3};
    assert_memory_equal(batch.ids, first, sizeof first);
    assert_int_equal(batch.ids[14], 3);
    assert_int_equal(batch.label[0], 0);
    assert_int_equal(batch.label[1], 1);
    assert_int_equal(batch.label[2], 1);
    rt_arena_release(&arena);
    open_batch(&batch, &arena, task, 7, 4); /* one word fewer */
    task->kind->fill(task, rows, 2, &batch);
    assert_true((batch.ids[1] == 1) != (batch.ids[6] == 1));
    rt_arena_release(&arena);
    tr_task_close(task);
}

static void a_test_is_read_by_the_tokens_of_the_training_file(void **state)
{
    struct tr_task *task = open_task(&words, SPACE_POOL_MEAN), *test;
    const int rows[] = {4};
    struct tr_texts texts;
    struct tr_batch batch;
    struct rt_arena arena;
    struct rt_err err;
    int shared;
    (void)state;

    write_rows("text-test-more.tsv", 4, "other w\tpos\n");
    texts = load("text-test-more.tsv", &two_columns, tr_text_labels(task));
    assert_ok(tr_text_task_like(&test, task, &texts, &err));
    open_batch(&batch, &arena, test, 8, 4);
    test->kind->fill(test, rows, 1, &batch);
    const int want[] = {2, 1, 5, 3};
    assert_int_equal(tr_batch_rows(&batch), 4);
    assert_memory_equal(batch.ids, want, sizeof want);
    assert_string_not_equal(test->hash, task->hash);
    const int all[] = {0, 1, 2, 3, 4};
    assert_ok(tr_text_count_shared(test, all, 5, task, task->split.train, task->split.train_count,
                                   &shared, &err));
    assert_int_equal(shared, 4);
    rt_arena_release(&arena);
    tr_task_close(test);
    tr_task_close(task);
    write_rows("text-test-more.tsv", 4, "x\tneu\n");
    struct tr_labels known = {0};
    static char names[2][TR_LABEL_NAME] = {"neg", "pos"};
    known = (struct tr_labels){2, names};
    assert_int_equal(tr_texts_load(&texts, "text-test-more.tsv", &two_columns, &known, &err),
                     RT_EFORMAT);
    assert_non_null(strstr(err.text, "'text-test-more.tsv':6: the label 'neu' is none of the 2"));
}

static void pairs_have_segments(void **state)
{
    const struct tr_texts_spec spec = {
        .table = {.format = TR_TABLE_TSV, .column = {"1", "2", "3"}, .header = false}};
    const struct tr_split_sizes sizes = {.validation = 2, .seed = 1};
    FILE *file = fopen("text-test-pairs.tsv", "w");
    struct tr_text_spec tokens = words;
    const int rows[] = {1};
    struct tr_texts texts;
    struct tr_batch batch;
    struct rt_arena arena;
    struct tr_task *task;
    struct rt_err err;
    (void)state;

    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        (void)fprintf(file, "a b\ta\t%d\n", i % 2);
    assert_int_equal(fclose(file), 0);
    tokens.vocabularies = 1;
    tokens.vocabulary[0] = 7;
    texts = load("text-test-pairs.tsv", &spec, NULL);
    assert_ok(tr_text_task(&task, &texts, &tokens, SPACE_POOL_MEAN, &sizes, &err));
    assert_int_equal(task->shape.segments, 2);
    open_batch(&batch, &arena, task, 7, 4);
    task->kind->fill(task, rows, 1, &batch);
    const int ids[] = {2, 5, 6, 3, 5, 3}, segments[] = {0, 0, 0, 0, 1, 1};
    assert_memory_equal(batch.ids, ids, sizeof ids);
    assert_memory_equal(batch.segment, segments, sizeof segments);
    rt_arena_release(&arena);
    tr_task_close(task);
}

static void next_tokens_are_the_labels_of_all_but_the_last(void **state)
{
    struct tr_text_spec spec = words;
    const int rows[] = {2, 1};
    struct tr_task *task;
    struct tr_batch batch;
    struct rt_arena arena;
    (void)state;

    spec.next = true;
    spec.vocabularies = 1;
    task = open_task(&spec, SPACE_POOL_NONE);
    assert_int_equal(task->shape.classes, 8);
    assert_int_equal(task->kind->answers(task, 2), 4);
    open_batch(&batch, &arena, task, 8, 4);
    task->kind->fill(task, rows, 2, &batch);
    assert_int_equal(batch.answers, 7);
    const int asked[] = {0, 1, 2, 3, 5, 6, 7};
    assert_memory_equal(batch.asked, asked, sizeof asked);
    for (int i = 0; i < 7; i++)
        assert_int_equal(batch.label[i], batch.ids[asked[i] + 1]);
    assert_int_equal(batch.label[3], 3); /* [SEP] ends a text */
    rt_arena_release(&arena);
    tr_task_close(task);
}

static void too_large_a_vocabulary_is_refused(void **state)
{
    const struct tr_split_sizes sizes = {.validation = 10, .seed = 1};
    struct tr_text_spec spec = words;
    struct tr_texts texts;
    struct tr_task *task;
    struct rt_err err;
    (void)state;

    write_rows(train_file, 40, "");
    texts = load(train_file, &two_columns, NULL);
    spec.vocabulary[0] = 9;
    assert_int_equal(tr_text_task(&task, &texts, &spec, SPACE_POOL_MEAN, &sizes, &err), RT_EARG);
    assert_non_null(strstr(err.text, "9 tokens is asked for, but the train rows have 8"));
    assert_null(texts.label); /* taken */
}

static void empty_texts_are_refused(void **state)
{
    struct tr_texts texts;
    struct rt_err err;
    FILE *file = fopen(train_file, "w");
    (void)state;

    assert_non_null(file);
    (void)fputs("text\tlabel\n\ta\n\tb\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tr_texts_load(&texts, train_file, &two_columns, NULL, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "every text of 'text-test.tsv' is empty"));
}

static void wordnet_validates_by_its_own_fold(void **state)
{
    const struct tr_texts_spec spec = {.wordnet = true, .table.column = {"text", NULL, "label"}};
    const struct tr_split_sizes sizes = {.validation = 1000, .seed = 1};
    const struct tr_text_spec bytes = {
        .length = 8, .kind = TR_BYTES, .vocabularies = 1, .vocabulary = {261}};
    struct tr_text_lengths lengths;
    struct tr_texts texts;
    struct tr_task *task;
    struct rt_err err;
    (void)state;

    if (access("/usr/share/wordnet/data.noun", R_OK))
        skip_without("WordNet (package wordnet-base)");
    texts = load("/usr/share/wordnet", &spec, NULL);
    assert_ok(tr_text_task(&task, &texts, &bytes, SPACE_POOL_MEAN, &sizes, &err));
    assert_int_equal(task->rows, 105281);
    assert_int_equal(task->split.train_count, 93698);
    assert_int_equal(task->split.validation_count, 1000);
    assert_int_equal(task->shape.classes, 45);
    assert_ok(tr_text_measure_lengths(task, &lengths, &err));
    assert_int_equal(lengths.most, 2 + 505);
    assert_int_equal(lengths.empty, 0);
    tr_task_close(task);
}

static void a_teacher_reads_by_its_own_tokens(void **state)
{
    struct tr_task *task = open_task(&words, SPACE_POOL_MEAN), *view;
    const struct space_shape shape = {.length = 9, .classes = 2, .pool = SPACE_POOL_CLASS};
    struct tr_reading how = {.shape = &shape, .vocabulary = 12, .folder = "text-test-tokens"};
    const int rows[] = {3};
    struct tr_batch batch;
    struct rt_arena arena;
    struct rt_err err;
    FILE *file = fopen("text-test-tokens", "w");
    (void)state;

    assert_non_null(file);
    (void)fputs("[UNK]\ngo\n##od\nw\nbad\n[SEP]\n[CLS]\n", file);
    assert_int_equal(fclose(file), 0);
    assert_ok(task->kind->reread(task, &how, &view, &err));
    assert_int_equal(view->rows, task->rows);
    open_batch(&batch, &arena, view, 12, 2);
    view->kind->fill(view, rows, 1, &batch);
    const int ids[] = {6, 1, 2, 3, 3, 3, 5}; /* [CLS] go ##od w w w [SEP] */
    assert_int_equal(tr_batch_rows(&batch), 7);
    assert_memory_equal(batch.ids, ids, sizeof ids);
    assert_int_equal(batch.label[0], 1);
    rt_arena_release(&arena);
    tr_task_close(view);
    static char a[] = "NEG", b[] = "LABEL_1", c[] = "good";
    char *const names[] = {a, b}, *const others[] = {c, a};
    how.labels = 2;
    how.label = names;
    assert_ok(task->kind->reread(task, &how, &view, &err));
    tr_task_close(view);
    how.label = others;
    assert_int_equal(task->kind->reread(task, &how, &view, &err), RT_EMISMATCH);
    assert_non_null(strstr(err.text, "class 0 is 'good' to 'text-test-tokens' and 'neg' in the"));
    how.labels = 0;
    how.vocabulary = 6;
    assert_int_equal(task->kind->reread(task, &how, &view, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "has 7 tokens, its network reads 6"));
    tr_task_close(task);
    unlink("text-test-tokens");
}

static void macro_f1_is_the_mean_over_classes_that_occur(void **state)
{
    /* Labels 0 0 1 1 2, answers 0 1 1 1 0, of 4 classes: F1 1/2, 4/5, 0, none. */
    static const int label[] = {0, 0, 1, 1, 2}, answer[] = {0, 1, 1, 1, 0};
    float logits[20] = {0};
    double f1[4], error;
    (void)state;

    for (int i = 0; i < 5; i++)
        logits[4 * i + answer[i]] = 1;
    assert_near(tr_text_f1(label, logits, 5, 4, f1, &error), (.5 + .8 + 0) / 3, 1e-12);
    /* By text, of the sum: 1/4, -57/200, 2/25, 2/25, -1/8. */
    assert_near(error, sqrt(5.0 / 4 * (.0625 + .081225 + 2 * .0064 + .015625)) / 3, 1e-12);
    assert_near(f1[0], .5, 1e-12);
    assert_near(f1[1], .8, 1e-12);
    assert_near(f1[2], 0, 1e-12);
    assert_near(f1[3], -1, 0);
}

static void texts_are_written_as_they_were_read(void **state)
{
    static const struct tr_table_spec lines = {.format = TR_TABLE_JSONL,
                                               .column = {"text", "text_b", NULL}};
    static const struct tr_texts_spec pairs = {
        .table = {.format = TR_TABLE_TSV, .column = {"a", "b", "label"}, .header = true}};
    const struct tr_split_sizes sizes = {.validation = 1, .seed = 1};
    const struct tr_text_spec spec = {
        .length = 8, .kind = TR_WORDS, .size = 50, .vocabularies = 1, .vocabulary = {7}};
    FILE *file = fopen("text-test-pairs.tsv", "w");
    struct tr_texts texts;
    struct tr_table table;
    struct tr_task *task;
    struct rt_err err;
    size_t bytes;
    (void)state;

    assert_non_null(file);
    for (int i = 0; i < 4; i++) /* quotes, a backslash, letters beyond ASCII */
        (void)fprintf(file, "%s\"x\\n\" \xc3\xa4\tsecond %d\t%d\n", i ? "" : "a\tb\tlabel\n", i,
                      i % 2);
    assert_int_equal(fclose(file), 0);
    texts = load("text-test-pairs.tsv", &pairs, NULL);
    assert_ok(tr_text_task(&task, &texts, &spec, SPACE_POOL_MEAN, &sizes, &err));
    assert_string_equal(task->kind->written, ".jsonl");
    assert_ok(task->kind->write(task, "text-test-more.tsv", &err));
    assert_ok(tr_table_read("text-test-more.tsv", &lines, &table, &err));

    assert_int_equal(table.rows, 4);
    const char *text = tr_table_field(&table, 0, 0, &bytes);
    assert_int_equal(bytes, 8);
    assert_memory_equal(text, "\"x\\n\" \xc3\xa4", 8);
    text = tr_table_field(&table, 3, 1, &bytes);
    assert_memory_equal(text, "second 3", bytes);
    tr_table_release(&table);
    tr_task_close(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(texts_are_written_as_they_were_read, remove_files),
        cmocka_unit_test_teardown(batches_are_ragged_rows_of_ids, remove_files),
        cmocka_unit_test_teardown(a_test_is_read_by_the_tokens_of_the_training_file, remove_files),
        cmocka_unit_test_teardown(pairs_have_segments, remove_files),
        cmocka_unit_test_teardown(next_tokens_are_the_labels_of_all_but_the_last, remove_files),
        cmocka_unit_test_teardown(too_large_a_vocabulary_is_refused, remove_files),
        cmocka_unit_test_teardown(empty_texts_are_refused, remove_files),
        cmocka_unit_test_teardown(a_teacher_reads_by_its_own_tokens, remove_files),
        cmocka_unit_test(wordnet_validates_by_its_own_fold),
        cmocka_unit_test(macro_f1_is_the_mean_over_classes_that_occur),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
