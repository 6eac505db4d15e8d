/* tests/test_text_table.c -- files of texts, their labels, and the glosses of WordNet. */
#include "support.h"

#include <unistd.h>
#include <zlib.h>

#include "trainer/task/text/fnv.h"
#include "trainer/task/text/labels.h"
#include "trainer/task/text/table.h"
#include "trainer/task/text/wordnet.h"

static const struct tr_table_spec two_columns = {
    .format = TR_TABLE_TSV, .column = {"text", NULL, "label"}, .header = true};

static struct tr_table parse(const char *text, const struct tr_table_spec *spec)
{
    struct tr_table table = {0};
    struct rt_err err;

    if (tr_table_parse("a.txt", (const uint8_t *)text, strlen(text), spec, &table, &err))
        fail_msg("%s", err.text);
    return table;
}

static void assert_field(const struct tr_table *table, int row, int column, const char *want)
{
    size_t bytes;
    const char *field = tr_table_field(table, row, column, &bytes);

    if (bytes != strlen(want) || memcmp(field, want, bytes))
        fail_msg("row %d column %d is '%.*s', want '%s'", row, column, (int)bytes, field, want);
}

static void assert_refused(const char *text, size_t bytes, const struct tr_table_spec *spec,
                           const char *says)
{
    struct tr_table table = {.rows = 77};
    struct rt_err err = {0};

    assert_int_equal(tr_table_parse("a.txt", (const uint8_t *)text, bytes, spec, &table, &err),
                     RT_EFORMAT);
    if (!strstr(err.text, says) || strchr(err.text, '\n'))
        fail_msg("'%s' does not say '%s'", err.text, says);
    assert_int_equal(table.rows, 77);
}

static void refuse(const char *text, const struct tr_table_spec *spec, const char *says)
{
    assert_refused(text, strlen(text), spec, says);
}

static void tsv_keeps_quotes_and_finds_columns_by_name(void **state)
{
    struct tr_table table =
        parse("\xEF\xBB\xBFid\tlabel\ttext\r\n1\tpos\t\"lone quote\r\n2\tneg\t", &two_columns);
    (void)state;

    assert_int_equal(table.rows, 2);
    assert_int_equal(table.columns, 2);
    assert_field(&table, 0, 0, "\"lone quote");
    assert_field(&table, 0, 1, "pos");
    assert_field(&table, 1, 0, "");
    assert_field(&table, 1, 1, "neg");
    assert_int_equal(table.line[0], 2);
    assert_int_equal(table.line[1], 3);
    tr_table_release(&table);
}

static void columns_go_by_number_with_and_without_names(void **state)
{
    const struct tr_table_spec bare = {.format = TR_TABLE_TSV, .column = {"4", NULL, "2"}};
    const struct tr_table_spec named = {
        .format = TR_TABLE_CSV, .column = {"2", "#2 String", "1"}, .header = true};
    struct tr_table table = parse("gj04\t1\t\tOur friends won't buy\n", &bare);
    (void)state;

    assert_int_equal(table.rows, 1);
    assert_field(&table, 0, 0, "Our friends won't buy");
    assert_field(&table, 0, 1, "1");
    tr_table_release(&table);
    table = parse("Quality,#1 String,#2 String\n1,a,b\n", &named);
    assert_int_equal(table.columns, 3);
    assert_field(&table, 0, 0, "a");
    assert_field(&table, 0, 1, "b");
    assert_field(&table, 0, 2, "1");
    tr_table_release(&table);
}

static void csv_follows_rfc_4180(void **state)
{
    const struct tr_table_spec spec = {
        .format = TR_TABLE_CSV, .column = {"text", NULL, "label"}, .header = true};
    struct tr_table table =
        parse("label,text\r\n0,\"a \"\"b\"\", c\nd\"\r\n\"1\",e f\r\n2,\"\"", &spec);
    (void)state;

    assert_int_equal(table.rows, 3);
    assert_field(&table, 0, 0, "a \"b\", c\nd");
    assert_field(&table, 0, 1, "0");
    assert_field(&table, 1, 0, "e f");
    assert_field(&table, 1, 1, "1");
    assert_field(&table, 2, 0, "");
    assert_int_equal(table.line[1], 4);
    tr_table_release(&table);
    refuse("text,label\n\"a,0\n", &spec, "'a.txt':2: a quote is opened and never closed");
    refuse("text,label\na\"b,0\n", &spec, "'a.txt':2: a quote within field 1");
    refuse("text,label\n\xC3,\xA9\n", &spec, "'a.txt':2: byte 0xc3 is no UTF-8");
    refuse("text,label\nb,0\n\"a\"b,0\n", &spec, "'a.txt':3: field 1 goes on behind its closing");
}

static void jsonl_decodes_escapes_and_surrogates(void **state)
{
    const struct tr_table_spec spec = {.format = TR_TABLE_JSONL, .column = {"t", NULL, "l"}};
    struct tr_table table =
        parse("{\"t\":\"\\ud83d\\ude00\\ud800x\\udc00 \\\\ud800\\n\",\"l\":3}\n\n"
              "  \r\n{\"l\": \"a\", \"t\": \"\", \"more\": [1]}",
              &spec);
    (void)state;

    assert_int_equal(table.rows, 2);
    assert_field(&table, 0, 0, "\xF0\x9F\x98\x80\xEF\xBF\xBDx\xEF\xBF\xBD \\ud800\n");
    assert_field(&table, 0, 1, "3");
    assert_field(&table, 1, 1, "a");
    assert_int_equal(table.line[1], 4);
    tr_table_release(&table);
    refuse("{\"t\":\"a\",\"l\":1}\n{\"t\":\"b\"}\n", &spec, "'a.txt':2: no key 'l'");
    refuse("{\"t\":1,\"l\":1}\n", &spec, "the value of 't' is not a text");
    refuse("{\"t\":\"a\",\"l\":1.5}\n", &spec, "neither a text nor a whole number");
    refuse("[1]\n", &spec, "'a.txt':1: not a JSON object");
    refuse("{\"t\":\n", &spec, "'a.txt':1: not JSON at column");
    refuse("{\"t\":\"a\\u0000b\",\"l\":1}\n", &spec, "a NUL character");
    refuse("{\"t\":\"\xFF\",\"l\":1}\n", &spec, "not JSON at column");
}

static void lines_are_texts(void **state)
{
    const struct tr_table_spec spec = {.format = TR_TABLE_LINES, .column = {"text"}};
    struct tr_table table = parse("a\tb\n\n\"c\"", &spec);
    (void)state;

    assert_int_equal(table.rows, 3);
    assert_int_equal(table.columns, 1);
    assert_field(&table, 0, 0, "a\tb");
    assert_field(&table, 1, 0, "");
    assert_field(&table, 2, 0, "\"c\"");
    tr_table_release(&table);
}

static void wrong_tables_are_refused_by_line(void **state)
{
    const struct tr_table_spec bare = {.format = TR_TABLE_TSV, .column = {"text", NULL, "2"}};
    const struct tr_table_spec far = {.format = TR_TABLE_TSV, .column = {"1", NULL, "3"}};
    (void)state;

    refuse("", &two_columns, "has no rows");
    refuse("text\tlabel\n", &two_columns, "has no rows");
    refuse("text\tlabel\na\tb\nc\n", &two_columns, "'a.txt':3: 1 field, want 2");
    refuse("text\tlabel\na\tb\tc\n", &two_columns, "'a.txt':2: 3 fields, want 2");
    refuse("text\tlabel\na\tb\n\nc\td\n", &two_columns, "'a.txt':3: 1 field, want 2");
    refuse("sentence\tlabel\na\tb\n", &two_columns, "'a.txt':1: no column 'text'; give its number");
    refuse("text\tlabel\ttext\na\tb\tc\n", &two_columns, "columns 1 and 3 are both 'text'; give");
    refuse("a\tb\n", &bare, "no column 'text' where the first line has no names");
    refuse("a\tb\n", &far, "no column 3; the line has 2");
    refuse("text\tlabel\na\xC3(\t1\n", &two_columns, "'a.txt':2: byte 0xc3 is no UTF-8");
    assert_refused("text\tlabel\na\0b\t1\n", 17, &two_columns, "'a.txt':2: a NUL byte");
}

static void too_long_a_row_is_refused(void **state)
{
    const size_t bytes = TR_TABLE_MAX_LINE + 64;
    char *text = malloc(bytes);
    (void)state;

    assert_non_null(text);
    memset(text, 'a', bytes);
    memcpy(text, "text\tlabel\n1\t", 13);
    assert_refused(text, bytes, &two_columns, "'a.txt':2: more than 16777216 bytes");
    free(text);
}

static void packed_files_are_read_alike(void **state)
{
    struct tr_table table;
    struct rt_err err;
    gzFile file = gzopen("table-test.tsv.gz", "wb");
    (void)state;

    assert_non_null(file);
    assert_true(gzputs(file, "text\tlabel\none\ta\n") > 0);
    assert_int_equal(gzclose(file), Z_OK);
    assert_ok(tr_table_read("table-test.tsv.gz", &two_columns, &table, &err));
    assert_field(&table, 0, 0, "one");
    tr_table_release(&table);
    unlink("table-test.tsv.gz");
    assert_int_equal(tr_table_read("nowhere.tsv", &two_columns, &table, &err), RT_EIO);
}

/* ---- labels ---- */

static rt_status labels_of(const char *text, const char *const *given, int count,
                           struct tr_labels *labels, struct rt_err *err)
{
    const struct tr_table_spec spec = {.format = TR_TABLE_LINES, .column = {"label"}};
    struct tr_table table = parse(text, &spec);
    const rt_status rc = tr_labels_find(labels, "a.txt", &table, 0, given, count, err);

    tr_table_release(&table);
    return rc;
}

static void labels_are_numbers_or_sorted_names(void **state)
{
    static const struct {
        const char *text;
        int count;
        const char *first, *last;
    } cases[] = {
        {"2\n0\n2\n", 3, "0", "2"},
        {"1\n2\n10\n", 3, "1", "2"},
        {"b\na\nB\n", 3, "B", "b"},
        {"0\n01\n", 2, "0", "01"},
        {"not_entailment\nentailment\n", 2, "entailment", "not_entailment"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_labels labels;
        struct rt_err err;
        assert_ok(labels_of(cases[i].text, NULL, 0, &labels, &err));
        assert_int_equal(labels.count, cases[i].count);
        assert_string_equal(labels.name[0], cases[i].first);
        assert_string_equal(labels.name[labels.count - 1], cases[i].last);
        tr_labels_release(&labels);
    }
}

static void labels_refuse_what_is_no_class(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a\n\n", "'a.txt':2: the label is empty"},
        {"a\na\n", "single label 'a'"},
        {"3.8\n5.0\n", "a regression"},
        {"0\n70000\n", "want 0 to 255"},
        {"a\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
         "'a.txt':2: the label has 72 bytes"},
    };
    static const char *const twice[] = {"a", "b", "a"};
    struct tr_labels labels;
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(labels_of(cases[i].text, NULL, 0, &labels, &err), RT_EFORMAT);
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
    }
    assert_int_equal(labels_of("a\n", twice, 3, &labels, &err), RT_EARG);
    assert_non_null(strstr(err.text, "'a' twice"));
}

static void labels_are_read_in_the_order_given(void **state)
{
    static const char *const given[] = {"pos", "neg"};
    const struct tr_table_spec spec = {.format = TR_TABLE_LINES, .column = {"label"}};
    struct tr_table table = parse("neg\npos\nneg\n", &spec), other = parse("pos\nneu\n", &spec);
    struct tr_labels labels;
    struct rt_err err;
    int label[3];
    (void)state;

    assert_ok(tr_labels_find(&labels, "a.txt", &table, 0, given, 2, &err));
    assert_ok(tr_labels_read(&labels, "a.txt", &table, 0, label, &err));
    assert_int_equal(label[0], 1);
    assert_int_equal(label[1], 0);
    assert_int_equal(label[2], 1);
    assert_int_equal(tr_labels_read(&labels, "b.txt", &other, 0, label, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "'b.txt':2: the label 'neu' is none of the 2"));
    tr_labels_release(&labels);
    tr_table_release(&table);
    tr_table_release(&other);
}

/* ---- WordNet ---- */

static void fnv_is_the_published_one(void **state)
{
    (void)state;
    assert_true(tr_fnv(TR_FNV_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(tr_fnv(TR_FNV_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void wordnet_has_its_known_sizes_where_it_is_installed(void **state)
{
    int counts[3] = {0}, most = 0, classes[TR_WORDNET_LABELS] = {0}, label, *fold;
    struct tr_table table;
    struct rt_err err;
    size_t bytes;
    (void)state;

    if (access(TR_WORDNET_FOLDER "/data.noun", R_OK))
        skip_without("WordNet (package wordnet-base)");
    assert_ok(tr_wordnet_read(TR_WORDNET_FOLDER, 0, 9, &table, &fold, &err));
    for (int i = 0; i < table.rows; i++) {
        counts[fold[i] < 8 ? 0 : fold[i] - 7]++;
        const char *name = tr_table_field(&table, i, 1, &bytes);
        for (label = 0; strncmp(tr_wordnet_labels[label], name, bytes) != 0;)
            label++;
        most = ++classes[label] > most ? classes[label] : most;
    }
    assert_int_equal(table.rows, 117033);
    assert_int_equal(counts[0], 93698);
    assert_int_equal(counts[1], 11583);
    assert_int_equal(counts[2], 11752);
    assert_near((double)most / table.rows, .124, .002);
    assert_field(&table, table.rows - 1, 1, "verb.weather");
    free(fold);
    tr_table_release(&table);
}

static void wordnet_names_a_missing_file(void **state)
{
    struct tr_table table;
    struct rt_err err;
    int *fold;
    (void)state;

    assert_int_equal(tr_wordnet_read("nowhere", 0, 8, &table, &fold, &err), RT_EIO);
    assert_non_null(strstr(err.text, "'nowhere/data.adj'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tsv_keeps_quotes_and_finds_columns_by_name),
        cmocka_unit_test(columns_go_by_number_with_and_without_names),
        cmocka_unit_test(csv_follows_rfc_4180),
        cmocka_unit_test(jsonl_decodes_escapes_and_surrogates),
        cmocka_unit_test(lines_are_texts),
        cmocka_unit_test(wrong_tables_are_refused_by_line),
        cmocka_unit_test(too_long_a_row_is_refused),
        cmocka_unit_test(packed_files_are_read_alike),
        cmocka_unit_test(labels_are_numbers_or_sorted_names),
        cmocka_unit_test(labels_refuse_what_is_no_class),
        cmocka_unit_test(labels_are_read_in_the_order_given),
        cmocka_unit_test(fnv_is_the_published_one),
        cmocka_unit_test(wordnet_has_its_known_sizes_where_it_is_installed),
        cmocka_unit_test(wordnet_names_a_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
