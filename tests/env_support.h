/* tests/env_support.h -- an environment and a batch of it, opened and stepped. */
#ifndef TESTS_ENV_SUPPORT_H
#define TESTS_ENV_SUPPORT_H
#include "support.h"
#include "trainer/env/env.h"

static const bool all_of[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

struct sample_env {
    struct tr_env *env;
    struct tr_env_batch *batch;
};

static inline struct sample_env open_env(const struct tr_env_spec *spec, int count)
{
    struct sample_env s = {NULL, NULL};
    struct rt_err err;

    assert_ok(tr_env_open(&s.env, spec, &err));
    assert_ok(tr_env_batch_open(&s.batch, s.env, count, &err));
    return s;
}

static inline struct sample_env open_named(const char *name, int count)
{
    const struct tr_env_spec spec = {.name = name};

    return open_env(&spec, count);
}

static inline void close_env(struct sample_env *s)
{
    tr_env_batch_close(s->batch);
    tr_env_close(s->env);
}

/* All copies, without labels. */
static inline void step_all(struct sample_env *s, const double *action)
{
    struct rt_err err;

    assert_ok(tr_env_step(s->batch, all_of, action, false, &err));
}
#endif
