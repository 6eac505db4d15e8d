/* tests/test_tokeniser.c -- WordPiece as BERT has it, by vectors that were computed with Hugging
 * Face's tokenizers; vocabularies and files of them. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "trainer/task/text/tokeniser_train.h"

/* 44 tokens, ids from 0. */
static const char tiny[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n!\n,\n.\n-\na\nb\nc\nd\ne\nthe\ndog\ncafe\nnaive\nun\n"
    "##aff\n##able\n##s\n##a\n##b\n##ing\n\u4e16\n\u754c\n\u03c3\n##\u03c3\n\u00df\n'\nt\ndon\n1\n"
    "##1\n##st\nistanbul\n#\n\u00e9\n[\n]\nmask\n\u00b7\n##e";

static struct tr_tokeniser open_tiny(void)
{
    struct tr_tokeniser t;
    struct rt_err err;

    assert_ok(tr_tokeniser_parse_vocabulary(&t, "tiny.txt", tiny, sizeof tiny - 1, &err));
    assert_int_equal(t.vocabulary.count, 44);
    return t;
}

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

static void wordpiece_gives_the_reference_ids(void **state)
{
    static const struct {
        const char *text;
        size_t bytes;
        const char *ids;
    } cases[] = {
#define CASE(literal, ids) {literal, sizeof(literal) - 1, ids}
        CASE("", "2 3"),
        CASE("  \t\n", "2 3"),
        CASE("The Dog!", "2 14 15 5 3"),
        CASE("unaffable, dogs.", "2 18 19 20 6 15 21 7 3"),
        CASE("unaffablex", "2 1 3"),
        CASE("Caf\u00e9 NAI\u0308VE", "2 16 17 3"),
        CASE("don't-dogs", "2 32 30 31 8 15 21 3"),
        CASE("\u4e16\u754ca\u4e16", "2 25 26 9 25 3"),
        CASE("\u754c\u3002a", "2 26 1 9 3"),
        CASE("a\0b\1c", "2 1 3"),
        CASE("a\u200bb\u00adc", "2 1 3"),
        CASE("a\u00a0b\u3000c\u2028d", "2 9 10 11 12 3"),
        CASE("a\vb\xC2\x85\x63", "2 1 3"),
        CASE("a\ufffdb", "2 9 23 3"),
        CASE("a\xFF\x62", "2 9 23 3"),
        CASE("\u03a3\u03a3 \u1e9e", "2 27 28 29 3"),
        CASE("\u0130STANBUL", "2 36 3"),
        CASE("11st #1", "2 33 34 35 37 33 3"),
        CASE("a\u00b7b\u00b4c", "2 9 42 1 3"),
        CASE("[mask]", "2 39 41 40 3"),
        CASE("\U0001f600 a", "2 1 9 3"),
        CASE("e\u0301\u0301 \u00e9", "2 13 13 3"),
        CASE("\ue000a\ue000 \u0378a", "2 9 1 3"),
        CASE("the\U000e0001dog", "2 1 3"),
        CASE("##s s", "2 37 37 1 1 3"),
        CASE("ABBA", "2 9 23 23 22 3"),
        CASE("a\U0002b820b \U0002b920", "2 1 1 3"),
        /* bytes that are not UTF-8 vanish, each alone */
        CASE("a\xC3", "2 9 3"),
        CASE("\xE4\xB8\x61", "2 9 3"),
        CASE("\xED\xA0\x80\x61", "2 9 3"),
        CASE("\xC0\x80\x61", "2 9 3"),
        CASE("\xF4\x90\x80\x80\x61 a", "2 9 9 3"),
#undef CASE
    };
    struct tr_tokeniser t = open_tiny();
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_ids(&t, (struct tr_span){cases[i].text, cases[i].bytes}, none, 512, cases[i].ids);
    tr_tokeniser_release(&t);
}

static void case_and_accents_are_kept_where_asked(void **state)
{
    struct tr_tokeniser t = open_tiny();
    (void)state;

    t.rules.accents = false;
    assert_ids(&t, TEXT("Caf\u00e9 E\u0301 The \u00c9"), none, 512, "2 1 1 14 38 3");
    t.rules.lower = false;
    assert_ids(&t, TEXT("Caf\u00e9 e\u0301 The \u00e9"), none, 512, "2 1 1 1 38 3");
    tr_tokeniser_release(&t);
}

static void words_of_101_characters_are_unknown(void **state)
{
    struct tr_tokeniser t = open_tiny();
    char text[101];
    int ids[128];
    (void)state;

    memset(text, 'a', sizeof text);
    assert_int_equal(tr_tokenise(&t, 44, text, 100, ids, 128), 100);
    assert_int_equal(ids[0], 9);
    for (int i = 1; i < 100; i++)
        assert_int_equal(ids[i], 22);
    assert_int_equal(tr_tokenise(&t, 44, text, 101, ids, 128), 1);
    assert_int_equal(ids[0], 1);
    tr_tokeniser_release(&t);
}

static void long_words_are_not_stored(void **state)
{
    struct tr_tokeniser t = open_tiny();
    const size_t bytes = 1 << 20;
    char *text = malloc(bytes);
    int ids[4];
    (void)state;

    assert_non_null(text);
    memset(text, 'a', bytes);
    text[bytes - 2] = ' ';
    assert_int_equal(tr_tokenise(&t, 44, text, bytes, ids, 4), 2);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 9);
    for (size_t i = 0; i + 3 < bytes; i += 3)
        memcpy(text + i, "\u4e15", 3); /* each a word: ideographs */
    assert_true(tr_tokenise(&t, 44, text, bytes, ids, 4) > 300000);
    free(text);
    tr_tokeniser_release(&t);
}

static void pairs_are_cut_longest_first(void **state)
{
    static const struct {
        int a, b, length, kept_a, kept_b;
    } cuts[] = {
        {4, 4, 8, 2, 3}, {3, 5, 8, 2, 3}, {1, 7, 7, 1, 3}, {7, 1, 7, 3, 1}, {5, 3, 6, 2, 1}};
    struct tr_tokeniser t = open_tiny();
    bool cut;
    int ids[64];
    (void)state;

    assert_ids(&t, TEXT("the dog"), TEXT("a cafe"), 512, "2 14 15 3 9 16 3");
    assert_ids(&t, TEXT("the dog a b c"), TEXT("a cafe d e"), 8, "2 14 15 9 3 9 16 3");
    assert_ids(&t, TEXT("the dog a b c"), TEXT("a cafe d e"), 7, "2 14 15 3 9 16 3");
    assert_ids(&t, TEXT("the dog a b c"), TEXT("a cafe d e"), 6, "2 14 15 3 9 3");
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        const struct tr_span a = {"a a a a a a a", (size_t)(2 * cuts[i].a - 1)};
        const struct tr_span b = {"b b b b b b b", (size_t)(2 * cuts[i].b - 1)};
        const int n = tr_encode(&t, 44, a, b, cuts[i].length, ids, &cut);
        int as = 0, bs = 0;
        for (int j = 0; j < n; j++) {
            as += ids[j] == 9;
            bs += ids[j] == 10;
        }
        assert_int_equal(as, cuts[i].kept_a);
        assert_int_equal(bs, cuts[i].kept_b);
        assert_true(cut);
    }
    assert_int_equal(tr_encode(&t, 44, TEXT("a a a a a a a a a"), none, 8, ids, &cut), 8);
    assert_true(cut);
    assert_int_equal(ids[7], 3);
    assert_int_equal(tr_encode(&t, 44, TEXT("a a a a a a"), none, 8, ids, &cut), 8);
    assert_false(cut);
    tr_tokeniser_release(&t);
}

static void a_limit_makes_a_smaller_vocabulary(void **state)
{
    struct tr_tokeniser t = open_tiny();
    int ids[8];
    (void)state;

    assert_int_equal(tr_tokenise(&t, 44, "dogs", 4, ids, 8), 2);
    assert_int_equal(tr_tokenise(&t, 21, "dogs", 4, ids, 8), 1); /* without ##s */
    assert_int_equal(ids[0], 1);
    tr_tokeniser_release(&t);
}

static void decoding_joins_pieces(void **state)
{
    static const int ids[] = {2, 18, 19, 20, 6, 15, 21, 1, 3};
    struct tr_tokeniser t = open_tiny();
    char text[64];
    (void)state;

    tr_decode(&t, ids, 9, text, sizeof text);
    assert_string_equal(text, "unaffable , dogs [UNK]");
    tr_decode(&t, ids, 9, text, 12);
    assert_string_equal(text, "unaffable ,");
    tr_tokeniser_release(&t);
}

/* ---- files ---- */

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#define MODEL(type, vocab)                                                                         \
    "{\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":false},"                           \
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"truncation\":{\"max_length\":3},"         \
    "\"model\":{\"type\":\"" type "\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":"      \
    "\"@\",\"max_input_chars_per_word\":4,\"vocab\":{" vocab "}}}"
#define FIVE "\"[SEP]\":3,\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2"

static void json_says_switches_and_ids(void **state)
{
    static const char text[] = MODEL("WordPiece", FIVE ",\"a\":5,\"@b\":4");
    struct tr_tokeniser t;
    struct rt_err err;
    (void)state;

    assert_ok(tr_tokeniser_parse_json(&t, "t.json", text, sizeof text - 1, &err));
    assert_int_equal(t.control[TR_MASK], -1);
    assert_false(t.rules.lower || t.rules.accents);
    assert_true(t.rules.clean && t.rules.han);
    assert_ids(&t, TEXT("abb A abbbb"), none, 512, "2 5 4 4 1 1 3");
    tr_tokeniser_release(&t);
}

static void refuse_json(const char *text, const char *says)
{
    struct tr_tokeniser t;
    struct rt_err err;

    assert_int_equal(tr_tokeniser_parse_json(&t, "t.json", text, strlen(text), &err), RT_EFORMAT);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void refuse_lines(const char *text, const char *says)
{
    struct tr_tokeniser t;
    struct rt_err err;

    assert_int_equal(tr_tokeniser_parse_vocabulary(&t, "v.txt", text, strlen(text), &err),
                     RT_EFORMAT);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void wrong_tokenisers_are_refused(void **state)
{
    (void)state;
    refuse_lines("[UNK]\n[CLS]\n[SEP]\na\nb\na\n", "'v.txt':6: token 5, 'a', is token 3 too");
    refuse_lines("[UNK]\n[CLS]\na\n", "lacks the token '[SEP]'");
    refuse_lines("[UNK]\n\n[CLS]\n", "'v.txt':2: token 1 has 0 bytes");
    refuse_json("{", "'t.json':1: not JSON");
    refuse_json("{}", "has no model");
    refuse_json(MODEL("Unigram", FIVE), "is Unigram; WordPiece and byte-level BPE can be run");
    refuse_json(MODEL("BPE", FIVE), "BPE behind the pre_tokenizer 'BertPreTokenizer'");
    refuse_json(MODEL("WordPiece", ""), "has no model.vocab");
    refuse_json(MODEL("WordPiece", FIVE ",\"a\":3"), "an id that is taken or not below 5");
    refuse_json(MODEL("WordPiece", FIVE ",\"a\":5"), "an id that is taken or not below 5");
    refuse_json(MODEL("WordPiece", "\"[UNK]\":0,\"[CLS]\":1"), "lacks the token '[SEP]'");
    refuse_json("{\"model\":{\"type\":\"WordPiece\"},\"normalizer\":{\"type\":\"Lowercase\"}}",
                "has the normalizer 'Lowercase'");
}

static void folders_hold_either_file(void **state)
{
    struct tr_tokeniser t;
    struct rt_err err;
    (void)state;

    (void)mkdir("tokens-test", 0777);
    assert_int_equal(tr_tokeniser_open(&t, "tokens-test", &err), RT_EIO);
    assert_non_null(strstr(err.text, "neither a tokenizer.json nor a vocab.txt"));
    put("tokens-test/vocab.txt", tiny);
    put("tokens-test/tokenizer_config.json", "{\"do_lower_case\": false}");
    assert_ok(tr_tokeniser_open(&t, "tokens-test", &err));
    assert_int_equal(t.vocabulary.count, 44);
    assert_false(t.rules.lower || t.rules.accents);
    tr_tokeniser_release(&t);
    put("tokens-test/tokenizer.json", MODEL("WordPiece", FIVE ",\"a\":4"));
    assert_ok(tr_tokeniser_open(&t, "tokens-test", &err));
    assert_int_equal(t.vocabulary.count, 5);
    tr_tokeniser_release(&t);
    assert_int_equal(tr_tokeniser_open(&t, "nowhere/vocab.txt", &err), RT_EIO);
    unlink("tokens-test/vocab.txt");
    unlink("tokens-test/tokenizer.json");
    unlink("tokens-test/tokenizer_config.json");
    assert_int_equal(rmdir("tokens-test"), 0);
}

/* ---- vocabulary ---- */

static void a_vocabulary_finds_each_of_many(void **state)
{
    struct tr_vocabulary v = {0};
    struct rt_err err;
    char token[16];
    (void)state;

    for (int i = 0; i < 5000; i++) {
        const int bytes = snprintf(token, sizeof token, "t%d", i * 7);
        assert_ok(tr_vocabulary_add(&v, token, (size_t)bytes, &err));
    }
    for (int i = 0; i < 5000; i++) {
        const int bytes = snprintf(token, sizeof token, "t%d", i * 7);
        assert_int_equal(tr_vocabulary_find(&v, token, (size_t)bytes), i);
        assert_string_equal(tr_vocabulary_token(&v, i), token);
    }
    assert_int_equal(tr_vocabulary_find(&v, "t1", 2), -1);
    assert_int_equal(tr_vocabulary_add(&v, "t7", 2, &err), RT_EARG);
    assert_int_equal(tr_vocabulary_add(&v, "", 0, &err), RT_EFORMAT);
    tr_vocabulary_release(&v);
}

/* ---- learnt vocabularies ---- */

struct list {
    const char *const *text;
    int count, next;
};

static bool next_text(void *from, struct tr_span *text)
{
    struct list *list = from;

    if (list->next == list->count)
        return false;
    *text = (struct tr_span){list->text[list->next], strlen(list->text[list->next])};
    list->next++;
    return true;
}

static struct tr_tokeniser train(enum tr_tokeniser_kind kind, int size, const char *const *text,
                                 int count)
{
    static const struct tr_word_rules rules = {true, true, true, true};
    struct list list = {text, count, 0};
    struct tr_tokeniser t;
    struct rt_err err;

    assert_ok(tr_tokeniser_train(&t, kind, size, &rules, &(struct tr_text_source){next_text, &list},
                                 &err));
    return t;
}

static void assert_tokens(const struct tr_tokeniser *t, const char *want)
{
    char got[512] = "";

    for (int i = TR_CONTROLS; i < t->vocabulary.count; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s",
                       i > TR_CONTROLS ? " " : "", tr_vocabulary_token(&t->vocabulary, i));
    assert_string_equal(got, want);
    assert_string_equal(tr_vocabulary_token(&t->vocabulary, 2), "[CLS]");
}

/* Of "low" 5, "lower" 2, "new" 6, "newer" 3 by hand: l 7, n 9, ##o 7, ##w 16, ##e 14, ##r 5. Pairs:
 * (##e, ##w) 9 and (n, ##e) 9: the smaller ids, (##e, ##w) being 6 5. Then (n, ##ew) 9, (##o, ##w) 7
 * before (l, ##o) 7, (l, ##ow) 7, (##e, ##r) 5, (new, ##er) 3, (low, ##er) 2. */
static const char *const words[] = {"low low LOW low low lower lower", "new new new new new new",
                                    "newer newer newer once"};

static void wordpieces_are_merged_by_frequency(void **state)
{
    struct tr_tokeniser t = train(TR_WORDPIECE, 100, words, 3), small;
    (void)state;

    assert_tokens(&t, "##w ##e n ##o l ##r ##c ##n o ##ew new ##ow low ##er newer lower");
    assert_ids(&t, TEXT("low newer wl"), none, 9, "2 17 19 1 3");
    for (int size = 6; size < t.vocabulary.count; size++) {
        small = train(TR_WORDPIECE, size, words, 3);
        assert_int_equal(small.vocabulary.count, size);
        for (int i = 0; i < size; i++)
            assert_string_equal(tr_vocabulary_token(&small.vocabulary, i),
                                tr_vocabulary_token(&t.vocabulary, i));
        tr_tokeniser_release(&small);
    }
    tr_tokeniser_release(&t);
}

static void words_are_ranked_and_seen_twice(void **state)
{
    struct tr_tokeniser t = train(TR_WORDS, 100, words, 3);
    (void)state;

    assert_tokens(&t, "new low newer lower");
    assert_ids(&t, TEXT("New once low"), none, 9, "2 5 1 6 3");
    tr_tokeniser_release(&t);
    t = train(TR_WORDS, 6, words, 3);
    assert_tokens(&t, "new");
    tr_tokeniser_release(&t);
}

static void bytes_are_tokens_of_any_text(void **state)
{
    struct tr_tokeniser t = train(TR_BYTES, 100, words, 3);
    char text[16];
    int ids[8];
    (void)state;

    assert_int_equal(t.vocabulary.count, 261);
    assert_int_equal(tr_encode(&t, 261, TEXT("a\xFF\n"), none, 8, ids, NULL), 5);
    assert_int_equal(ids[1], 5 + 'a');
    assert_int_equal(ids[2], 5 + 255);
    tr_decode(&t, ids, 5, text, sizeof text);
    assert_string_equal(text, "a\xFF\n");
    tr_tokeniser_release(&t);
}

enum { merged_texts = 300, merged_tokens = 120 };
static int merged_ids[merged_texts][40], merged_n[merged_texts]; /* of each text, and how many */

/* Of the first of equals; tokens below `next` there are. */
static void most_frequent_pair(int next, int *left, int *right)
{
    static int pairs[merged_tokens][merged_tokens];

    memset(pairs, 0, sizeof pairs);
    for (int i = 0; i < merged_texts; i++)
        for (int j = 0; j + 1 < merged_n[i]; j++)
            pairs[merged_ids[i][j]][merged_ids[i][j + 1]]++;
    *left = *right = 0;
    for (int a = 0; a < next; a++)
        for (int b = 0; b < next; b++)
            if (pairs[a][b] > pairs[*left][*right]) {
                *left = a;
                *right = b;
            }
}

static void merge_pair(int left, int right, int id)
{
    for (int i = 0; i < merged_texts; i++)
        for (int j = 0; j + 1 < merged_n[i]; j++)
            if (merged_ids[i][j] == left && merged_ids[i][j + 1] == right) {
                merged_ids[i][j] = id;
                memmove(merged_ids[i] + j + 1, merged_ids[i] + j + 2,
                        (size_t)(merged_n[i] - j - 2) * sizeof(int));
                merged_n[i]--;
            }
}

/* Merging by a plain count of all pairs before each merge. */
static void merges_are_those_of_a_plain_count(void **state)
{
    enum { count = merged_texts, size = merged_tokens };
    static char text[count][40];
    const char *list[count];
    struct tr_tokeniser t;
    struct rt_rng rng;
    (void)state;

    rt_rng_init(&rng, 3, RT_STREAM_TEST, 12);
    for (int i = 0; i < count; i++) {
        const int letters = 1 + (int)rt_rng_below(&rng, 12);
        for (int j = 0; j < letters; j++)
            text[i][j] = "aabc"[rt_rng_below(&rng, 4)];
        list[i] = text[i];
    }
    t = train(TR_WORDPIECE, size, list, count);
    assert_int_equal(t.vocabulary.count, size);
    for (int i = 0; i < count; i++) /* characters */
        for (merged_n[i] = 0; text[i][merged_n[i]]; merged_n[i]++) {
            const char token[] = {'#', '#', text[i][merged_n[i]], 0};
            merged_ids[i][merged_n[i]] = tr_vocabulary_find(
                &t.vocabulary, merged_n[i] ? token : token + 2, merged_n[i] ? 3 : 1);
            assert_true(merged_ids[i][merged_n[i]] >= 0);
        }
    for (int next = TR_CONTROLS + 6; next < size;) {
        int left, right;
        char merged[80];
        most_frequent_pair(next, &left, &right);
        (void)snprintf(merged, sizeof merged, "%s%s", tr_vocabulary_token(&t.vocabulary, left),
                       tr_vocabulary_token(&t.vocabulary, right) + 2);
        const int id = tr_vocabulary_find(&t.vocabulary, merged, strlen(merged));
        if (id != next && (id < 0 || id > next))
            fail_msg("merge '%s' is token %d, want %d", merged, id, next);
        next += id == next;
        merge_pair(left, right, id);
    }
    tr_tokeniser_release(&t);
}

static void ranking_keeps_what_texts_need(void **state)
{
    static const char *const text[] = {"the dogs, a cafe", "the the unaffable b"};
    struct list list = {text, 2, 0};
    struct tr_tokeniser whole = open_tiny(), t;
    struct rt_err err;
    int *from, ids[16], others[16];
    (void)state;

    assert_ok(
        tr_tokeniser_rank(&t, &whole, &(struct tr_text_source){next_text, &list}, &from, &err));
    assert_tokens(&t, ", a b ##s the dog cafe un ##aff ##able");
    for (int i = 0; i < 2; i++) {
        const struct tr_span span = {text[i], strlen(text[i])};
        const int n = tr_encode(&whole, 44, span, none, 16, ids, NULL);
        assert_int_equal(tr_encode(&t, t.vocabulary.count, span, none, 16, others, NULL), n);
        for (int j = 0; j < n; j++)
            assert_int_equal(from[others[j]], ids[j]);
    }
    free(from);
    tr_tokeniser_release(&t);
    tr_tokeniser_release(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece_gives_the_reference_ids),
        cmocka_unit_test(case_and_accents_are_kept_where_asked),
        cmocka_unit_test(words_of_101_characters_are_unknown),
        cmocka_unit_test(long_words_are_not_stored),
        cmocka_unit_test(pairs_are_cut_longest_first),
        cmocka_unit_test(a_limit_makes_a_smaller_vocabulary),
        cmocka_unit_test(decoding_joins_pieces),
        cmocka_unit_test(json_says_switches_and_ids),
        cmocka_unit_test(wrong_tokenisers_are_refused),
        cmocka_unit_test(folders_hold_either_file),
        cmocka_unit_test(a_vocabulary_finds_each_of_many),
        cmocka_unit_test(wordpieces_are_merged_by_frequency),
        cmocka_unit_test(words_are_ranked_and_seen_twice),
        cmocka_unit_test(bytes_are_tokens_of_any_text),
        cmocka_unit_test(merges_are_those_of_a_plain_count),
        cmocka_unit_test(ranking_keeps_what_texts_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
