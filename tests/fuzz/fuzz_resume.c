/* tests/fuzz/fuzz_resume.c -- a search goes on with a study whose cells and bytes were changed: it is
 * refused in one line, or the search ends as it should. The input is a list of changes (changed.h). */
#include "changed.h"

#include "../search_sample.h"

#include "cli/settings.h"

enum { BEFORE = 20, AFTER = 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_seed(void)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct sample_context context = {.fail_every = 7};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;

    changed_place();
    const struct search_options options = sample_options(BEFORE, 1);
    sample_create(&s, &options);
    if (sample_run(&s, &space, options, &context, &end, &err) != RT_OK)
        abort();
    store_close(s.store);
    s.store = NULL;
    snprintf(changed.path, sizeof changed.path, "%s", s.path);
    changed_from();
    snprintf(changed.path, sizeof changed.path, "%s/changed.db", changed.folder);
    sample_remove(&s);
}

static rt_status go_on(struct store *store, struct rt_err *err)
{
    static const struct rt_machine machine = {.host = "bench", .cpu = "some", .cores = 2};
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(AFTER, 1);
    struct sample_context context = {.shape = space.shape};
    const struct search_evaluator evaluator = {sample_evaluate, &context, NULL};
    struct settings settings;
    struct store_block *blocks;
    enum search_end end;
    char *text;
    int count;

    RT_TRY(store_settings(store, &text, err));
    (void)settings_parse(&settings, text, NULL);
    free(text);
    RT_TRY(store_host(store, &machine, "v2", &options.host, err));
    RT_TRY(store_blocks_load(store, options.host, &blocks, &count, err));
    free(blocks);
    return search_run(&space, &options, &evaluator, store, &context.stop, NULL, NULL, &end, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *store = NULL;
    struct rt_err err = {0};

    if (!changed.seed)
        make_seed();
    changed_write(data, size);
    rt_status rc =
        store_open(changed.path, STORE_WRITE, "0123456789abcdef0123456789abcdef", &store, &err);
    if (rc == RT_OK) {
        rc = go_on(store, &err);
        store_close(store);
    }
    if (rc != RT_OK && (!err.text[0] || strchr(err.text, '\n')))
        abort();
    changed_remove();
    return 0;
}
