/* tests/test_suspect.c -- each fault of recorded logits is found, and nothing in good ones. */
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/teachers/suspect.h"

enum { rows = 600, classes = 4, stride = 5 };

struct said {
    float logits[rows * stride];
    int label[rows];
};

/* A teacher that is right about 9 in 10; class 0 is as frequent as the other three together. */
static void speak(struct said *said)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 1, RT_STREAM_TEST, 7);
    for (int i = 0; i < rows; i++) {
        const int label = i % 2 ? 0 : 1 + (int)rt_rng_below(&rng, 3);
        const int answer = rt_rng_below(&rng, 10) ? label : (int)rt_rng_below(&rng, classes);
        said->label[i] = label;
        for (int c = 0; c < classes; c++)
            said->logits[i * stride + c] =
                (c == answer ? 4.f : 0.f) - (float)rt_rng_below(&rng, 100) / 50;
    }
}

static struct tr_suspect look(const struct said *said, bool labels)
{
    struct tr_suspect found;
    struct rt_err err;

    assert_ok(tr_logits_suspect(said->logits, stride, rows, classes, labels ? said->label : NULL,
                                &found, &err));
    return found;
}

static void nothing_is_wrong_with_a_good_teacher(void **state)
{
    struct said said;
    char text[240];
    (void)state;

    speak(&said);
    const struct tr_suspect found = look(&said, true);
    tr_suspect_text(&found, text);

    assert_int_equal(found.what, TR_UNSUSPECTED);
    assert_true(found.right > .85 && found.right < 1);
    assert_true(found.commonest == .5);
    assert_string_equal(text, "");
    assert_int_equal(look(&said, false).what, TR_UNSUSPECTED);
}

static void probabilities_are_told_from_logits(void **state)
{
    struct said said;
    (void)state;

    speak(&said);
    for (int i = 0; i < rows; i++) {
        float sum = 0, *row = said.logits + i * stride;
        for (int c = 0; c < classes; c++)
            sum += row[c] = expf(row[c]);
        for (int c = 0; c < classes; c++)
            row[c] /= sum;
    }

    assert_int_equal(look(&said, true).what, TR_PROBABILITIES);
    assert_int_equal(look(&said, false).what, TR_PROBABILITIES);
    said.logits[7] = -.1f;
    assert_int_equal(look(&said, true).what, TR_UNSUSPECTED);
}

static void classes_in_another_order_are_found(void **state)
{
    struct said said;
    char text[240];
    (void)state;

    speak(&said);
    for (int i = 0; i < rows; i++) {
        float *row = said.logits + i * stride;
        const float first = row[0];
        memmove(row, row + 1, (classes - 1) * sizeof *row);
        row[classes - 1] = first;
    }
    const struct tr_suspect found = look(&said, true);
    tr_suspect_text(&found, text);

    assert_int_equal(found.what, TR_CLASS_ORDER);
    assert_true(found.reordered > .85);
    assert_non_null(strstr(text, "columns in another order"));
}

static void rows_in_another_order_are_suspected(void **state)
{
    struct said said, kept;
    (void)state;

    speak(&said);
    kept = said;
    for (int i = 0; i < rows; i++) /* 7 and 600 have no factor in common */
        memcpy(said.logits + i * stride, kept.logits + i * 7 % rows * stride,
               sizeof(float[classes]));
    for (int i = 0; i < rows; i++) /* and the classes alternate no more */
        said.label[i] = kept.label[(i * 11 + 5 * (i / 2)) % rows];

    assert_int_equal(look(&said, true).what, TR_ROWS_SHUFFLED);
}

static void always_the_same_answer_is_chance(void **state)
{
    struct said said;
    (void)state;

    speak(&said);
    for (int i = 0; i < rows; i++)
        said.logits[i * stride] = 50;

    assert_int_equal(look(&said, true).what, TR_AT_CHANCE);
}

static void rows_of_unknown_class_do_not_count(void **state)
{
    struct said said;
    (void)state;

    speak(&said);
    const struct tr_suspect all = look(&said, true);
    for (int i = 0; i < rows; i += 2)
        said.label[i] = -1;
    const struct tr_suspect half = look(&said, true);
    for (int i = 0; i < rows; i++)
        said.label[i] = -1;
    const struct tr_suspect none = look(&said, true);

    assert_true(half.right > all.right - .1 && half.right < 1);
    assert_true(half.commonest == 1); /* every other row is of class 0 */
    assert_int_equal(none.what, TR_UNSUSPECTED);
    assert_true(isnan(none.right) && isnan(none.commonest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_wrong_with_a_good_teacher),
        cmocka_unit_test(probabilities_are_told_from_logits),
        cmocka_unit_test(classes_in_another_order_are_found),
        cmocka_unit_test(rows_in_another_order_are_suspected),
        cmocka_unit_test(always_the_same_answer_is_chance),
        cmocka_unit_test(rows_of_unknown_class_do_not_count),
    };
    return cmocka_run_group_tests_name("teachers/suspect", tests, NULL, NULL);
}
