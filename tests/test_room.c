/* Memory that workers share: what runs side by side never takes more than there is. */
#include <pthread.h>
#include <stdatomic.h>

#include "cli/room.h"
#include "tests/support.h"

enum { workers = 8, turns = 200, all = 100 };

struct shared {
    struct room room;
    atomic_int taken, most, done;
};

static void *work(void *context)
{
    struct shared *s = context;

    for (int i = 0; i < turns; i++) {
        const int bytes = 1 + (i * 37 + 11) % all;
        room_take(&s->room, (size_t)bytes);
        const int taken = atomic_fetch_add(&s->taken, bytes) + bytes;
        if (taken > atomic_load(&s->most))
            atomic_store(&s->most, taken);
        atomic_fetch_sub(&s->taken, bytes);
        room_give(&s->room, (size_t)bytes);
        atomic_fetch_add(&s->done, 1);
    }
    return NULL;
}

static void trials_wait_for_room_and_all_get_it(void **state)
{
    static struct shared s;
    pthread_t thread[workers];
    (void)state;

    assert_int_equal(room_open(&s.room, all, 1, NULL), RT_OK);
    for (int i = 0; i < workers; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, &s), 0);
    for (int i = 0; i < workers; i++)
        (void)pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&s.done), workers * turns);
    assert_in_range(atomic_load(&s.most), 1, all);
    room_close(&s.room);
}

static void the_largest_goes_alone(void **state)
{
    struct room room;
    struct rt_err err;
    (void)state;

    assert_int_equal(room_open(&room, 5 << 20, 6 << 20, &err), RT_ENOMEM);
    assert_int_equal(room_open(&room, 5 << 20, 5 << 20, &err), RT_OK);
    room_take(&room, 6 << 20); /* does not wait for what never comes */
    assert_true(room.taken == 6 << 20);
    room_give(&room, 6 << 20);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_wait_for_room_and_all_get_it),
        cmocka_unit_test(the_largest_goes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
