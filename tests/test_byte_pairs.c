/* tests/test_byte_pairs.c -- byte-level BPE as GPT-2 and RoBERTa have it. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "trainer/task/text/tokeniser.h"

static void assert_ids(const struct tr_tokeniser *t, struct tr_span a, struct tr_span b, int length,
                       const char *want)
{
    int ids[4096];
    char got[4096] = "";
    const int n = tr_encode(t, t->vocabulary.count, a, b, length, ids, NULL);

    for (int i = 0; i < n; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), i ? " %d" : "%d", ids[i]);
    if (strcmp(got, want) != 0)
        fail_msg("'%.*s' gives %s, want %s", (int)a.bytes, a.text, got, want);
}

#define TEXT(literal) ((struct tr_span){literal, sizeof(literal) - 1})
static const struct tr_span none;

static void pieces_are_those_of_the_reference(void **state)
{
    /* split by Hugging Face's ByteLevel; | stands between */
    static const struct {
        const char *text, *pieces;
    } cases[] = {
        {"Hello world's  2nd\n\nday", "Hello| world|'s| | 2|nd|\n|\n|day"},
        {"don't we'LL I'm", "don|'t| we|'|LL| I|'m"},
        {"a  b   ", "a| | b|   "},
        {"100km/h 3.14", "100|km|/|h| 3|.|14"},
        {" '", " '"},
        {"\u00e9t\u00e9 \u4e16\u754c\u0663", "\u00e9t\u00e9| \u4e16\u754c|\u0663"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char got[128] = "";
        const char *at = cases[i].text;
        for (size_t left = strlen(at), n; left; at += n, left -= n) {
            n = tr_piece(at, left);
            (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", *got ? "|" : "",
                           (int)n, at);
        }
        assert_string_equal(got, cases[i].pieces);
    }
}

/* The bytes' tokens in the order of their code points, then the controls and some merges. */
static void write_pairs(const char *controls)
{
    FILE *vocabulary, *merges;
    int id = 0;

    (void)mkdir("pairs-test", 0777);
    vocabulary = fopen("pairs-test/vocab.json", "w");
    merges = fopen("pairs-test/merges.txt", "w");
    assert_true(vocabulary && merges);
    (void)fputc('{', vocabulary);
    for (int code = 33; code < 256 + 68; code++) {
        const bool shown = code <= 126 || (code >= 161 && code <= 172) || code >= 174;
        if (shown)
            (void)fprintf(vocabulary, "\"\\u%04x\":%d,", (unsigned)code, id++);
    }
    assert_int_equal(id, 256);
    (void)fprintf(vocabulary,
                  "\"lo\":256,\"low\":257,\"\\u0120low\":258,\"er\":259,\"\\u0120l\":260,%s}",
                  controls);
    (void)fputs("#version: 0.2\nl o\nlo w\n\u0120 low\ne r\n\u0120 l\n", merges);
    assert_int_equal(fclose(vocabulary) + fclose(merges), 0);
}

static int remove_pairs(void **state)
{
    (void)state;
    unlink("pairs-test/vocab.json");
    unlink("pairs-test/merges.txt");
    (void)rmdir("pairs-test");
    return 0;
}

/* e is 68, w 86, space 220 of 188 that stand for themselves and 32 before it. */
static void byte_pairs_are_merged_by_rank(void **state)
{
    struct tr_tokeniser t;
    struct rt_err err;
    char text[32];
    int ids[32];
    (void)state;

    write_pairs("\"<|endoftext|>\":261");
    assert_ok(tr_tokeniser_open(&t, "pairs-test", &err));
    assert_ids(&t, TEXT("lower low"), none, 16, "257 259 258");
    assert_ids(&t, TEXT(" lew"), none, 16, "260 68 86");
    assert_ids(&t, TEXT(""), none, 16, "261"); /* GPT-2 has nothing around a text */
    assert_ids(&t, TEXT("low"), TEXT(" low"), 16, "257 258");
    t.space_first = true;
    assert_ids(&t, TEXT("low low"), none, 16, "258 258");
    t.space_first = false;
    const int n = tr_tokenise(&t, t.vocabulary.count, "\u00e9\n \xFFlower", 11, ids, 32);
    tr_decode(&t, ids, n, text, sizeof text);
    assert_string_equal(text, "\u00e9\n \xFFlower");
    tr_tokeniser_release(&t);
    write_pairs("\"<s>\":261,\"<pad>\":262,\"</s>\":263,\"<unk>\":264,\"<mask>\":265");
    assert_ok(tr_tokeniser_open(&t, "pairs-test", &err));
    assert_ids(&t, TEXT("low"), none, 16, "261 257 263");
    assert_ids(&t, TEXT("low"), TEXT("er"), 16, "261 257 263 263 259 263");
    tr_tokeniser_release(&t);
    write_pairs("\"x\":261");
    assert_int_equal(tr_tokeniser_open(&t, "pairs-test", &err), RT_EFORMAT);
    write_pairs("\"<s>\":261");
    assert_int_equal(tr_tokeniser_open(&t, "pairs-test", &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "neither <s> and </s> nor <|endoftext|>"));
}

/* All merges of a random piece by going through all neighbours each time. */
static void merging_a_piece_is_that_of_a_plain_search(void **state)
{
    struct tr_tokeniser t;
    struct rt_err err;
    struct rt_rng rng;
    (void)state;

    write_pairs("\"<|endoftext|>\":261");
    assert_ok(tr_tokeniser_open(&t, "pairs-test", &err));
    static const int merges[][3] = {
        {75, 78, 256}, {256, 86, 257}, {220, 257, 258}, {68, 81, 259}, {220, 75, 260}};
    rt_rng_init(&rng, 5, RT_STREAM_TEST, 13);
    for (int round = 0; round < 500; round++) {
        char piece[24];
        int ids[24], want[24], count = 1 + (int)rt_rng_below(&rng, 24);
        for (int i = 0; i < count; i++)
            piece[i] = "lower "[rt_rng_below(&rng, 6)];
        for (int i = 0; i < count; i++)
            want[i] = t.merges.byte[(unsigned char)piece[i]];
        const int n = tr_merge_piece(&t.merges, piece, (size_t)count, ids);
        for (size_t m = 0; m < 5; m++)
            for (int i = 0; i + 1 < count; i++)
                if (want[i] == merges[m][0] && want[i + 1] == merges[m][1]) {
                    want[i] = merges[m][2];
                    memmove(want + i + 1, want + i + 2, (size_t)(count - i - 2) * sizeof *want);
                    count--;
                }
        assert_int_equal(n, count);
        assert_memory_equal(ids, want, (size_t)n * sizeof *ids);
    }
    tr_tokeniser_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_those_of_the_reference),
        cmocka_unit_test_teardown(byte_pairs_are_merged_by_rank, remove_pairs),
        cmocka_unit_test_teardown(merging_a_piece_is_that_of_a_plain_search, remove_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
