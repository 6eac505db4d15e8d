/* tests/fuzz/fuzz_database.c -- a study's file with cells and bytes changed, through one of its readers.
 *
 * The input's first byte says which reader; the others are changes (changed.h).
 */
#include "changed.h"

#include "../hostile.h"
#include "../store_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Episodes of all candidates, so that the page shows those of whichever it suggests. */
static void play(struct store *store)
{
    static const double total[1] = {1};
    static const float film[2 * 6];
    struct store_played p = {.starts = 1, .student = total, .teacher = total};

    p.film[0] = p.film[1] = (struct store_film){2, 1, film};
    for (int i = 0; i < SAMPLE_TRIALS; i++) {
        const struct space_arch arch = sample_arch(i);
        p.arch = &arch;
        (void)store_played(store, &p, NULL); /* not of those that were never tried */
    }
}

/* Trial 0's student on the test, with a table of details. */
static void tell(struct store *store)
{
    static const struct store_cell cells[] = {{"F1 of each class", 0, 0, "class", "noun.animal"},
                                              {"F1 of each class", 0, 1, "student", "0.812"},
                                              {"F1 of each class", 1, 0, "class", "adj.all"},
                                              {"F1 of each class", 1, 1, "student", "0.9"},
                                              {"texts", 0, 0, "text", "a small European bird"}};
    const struct space_arch arch = sample_arch(0);
    const struct store_distillation d = {.arch = &arch,
                                         .host = 1,
                                         .weights = "",
                                         .value_count = 1,
                                         .values = {{"error", .081, .0027}},
                                         .detail_count = sizeof cells / sizeof *cells,
                                         .detail = cells};

    if (store_distillation(store, &d, NULL))
        abort();
}

static void make_seed(void)
{
    changed_place();
    struct store *store = sample_create(changed.path);
    sample_fill(store);
    play(store);
    tell(store);
    store_close(store);
    changed_from();
    changed_remove();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *store = NULL;
    struct rt_err err;

    if (!changed.seed)
        make_seed();
    if (!size)
        return 0;
    changed_write(data + 1, size - 1);
    if (store_open(changed.path, STORE_READ, NULL, &store, &err) == RT_OK) {
        hostile_read_one(store, data[0] % HOSTILE_READERS, "/dev/null");
        store_close(store);
    } else if (!err.text[0] || strchr(err.text, '\n')) {
        abort();
    }
    changed_remove();
    return 0;
}
