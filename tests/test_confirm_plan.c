/* Who is trained fully: the front, and controls of all costs. */
#include "support.h"

#include "cli/confirm_plan.h"

enum { MANY = 50 };

static void fill(struct store_confirmable list[MANY])
{
    for (int i = 0; i < MANY; i++)
        list[i] = (struct store_confirmable){
            .candidate = i + 1, .cost = (i * 17) % MANY, .on_front = i % 10 == 0};
}

static void the_front_and_one_of_each_stratum(void **state)
{
    struct store_confirmable list[MANY];
    struct confirm_pick *pick;
    int count, members = 0, seen[9] = {0};
    struct rt_err err;

    (void)state;
    fill(list);
    assert_int_equal(confirm_plan(list, MANY, 9, 1, &pick, &count, &err), RT_OK);
    assert_int_equal(count, 5 + 9);
    assert_true(pick[0].stratum == -1 && pick[1].stratum == 0); /* they take turns */
    for (int i = 0; i < count; i++) {
        const struct store_confirmable *c = &list[pick[i].candidate - 1];
        members += pick[i].stratum < 0;
        assert_true(c->on_front == (pick[i].stratum < 0));
        if (pick[i].stratum < 0)
            continue;
        seen[pick[i].stratum]++;
        int cheaper = 0; /* of the 45 others, 5 a stratum */
        for (int k = 0; k < MANY; k++)
            cheaper += !list[k].on_front && list[k].cost < c->cost;
        assert_int_equal(cheaper / 5, pick[i].stratum);
    }
    assert_int_equal(members, 5);
    for (int i = 0; i < 9; i++)
        assert_int_equal(seen[i], 1);
    free(pick);
}

static void the_seed_decides(void **state)
{
    struct store_confirmable list[MANY];
    struct confirm_pick *a, *b, *c;
    int count, same = 0;
    struct rt_err err;

    (void)state;
    fill(list);
    assert_int_equal(confirm_plan(list, MANY, 9, 1, &a, &count, &err), RT_OK);
    assert_int_equal(confirm_plan(list, MANY, 9, 1, &b, &count, &err), RT_OK);
    assert_int_equal(confirm_plan(list, MANY, 9, 2, &c, &count, &err), RT_OK);
    assert_memory_equal(a, b, (size_t)count * sizeof *a);
    for (int i = 0; i < count; i++)
        same += a[i].candidate == c[i].candidate;
    assert_true(same < count);
    free(a);
    free(b);
    free(c);
}

static void what_there_is_when_more_is_wanted(void **state)
{
    struct store_confirmable list[3] = {{1, NAN, false}, {2, 5, true}, {3, 1, false}};
    struct confirm_pick *pick;
    int count;
    struct rt_err err;

    (void)state;
    assert_int_equal(confirm_plan(list, 3, 9, 1, &pick, &count, &err), RT_OK);
    assert_int_equal(count, 3);
    assert_true(pick[0].candidate == 2 && pick[1].candidate == 3 && pick[2].candidate == 1);
    free(pick);
    assert_int_equal(confirm_plan(list, 0, 9, 1, &pick, &count, &err), RT_OK);
    assert_int_equal(count, 0);
    free(pick);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_and_one_of_each_stratum),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(what_there_is_when_more_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
