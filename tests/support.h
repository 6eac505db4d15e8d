/* tests/support.h -- cmocka with its prerequisites, and what every test needs. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H
/* cmocka wants these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/status.h"

static inline void assert_close_at(const float *got, const float *want, size_t n, double atol,
                                   double rtol, const char *file, int line)
{
    for (size_t i = 0; i < n; i++) {
        const double gap = fabs((double)got[i] - (double)want[i]);
        if (!(gap <= atol + rtol * fabs((double)want[i]))) { /* written so that NaN fails */
            print_error("[%zu of %zu] got %.9g, want %.9g\n", i, n, (double)got[i],
                        (double)want[i]);
            _fail(file, line);
        }
    }
}
#define assert_close(got, want, n, atol, rtol)                                                     \
    assert_close_at(got, want, n, atol, rtol, __FILE__, __LINE__)

static inline void assert_near_at(double got, double want, double atol, const char *file, int line)
{
    if (!(fabs(got - want) <= atol)) {
        print_error("got %.12g, want %.12g\n", got, want);
        _fail(file, line);
    }
}
#define assert_near(got, want, atol) assert_near_at(got, want, atol, __FILE__, __LINE__)

/* An operation that must work; prints its error text when it does not. */
static inline void assert_ok_at(rt_status rc, const struct rt_err *err, const char *file, int line)
{
    if (rc != RT_OK) {
        print_error("%s: %s\n", rt_status_kind(rc), err ? err->text : "");
        _fail(file, line);
    }
}
#define assert_ok(call) assert_ok_at(call, &err, __FILE__, __LINE__)

/* Ends the test, untried; ./check repeats what for. */
#define skip_without(what)                                                                         \
    do {                                                                                           \
        print_message("skipped: %s\n", what);                                                      \
        skip();                                                                                    \
    } while (0)

/* Uniform in [-1, 1). */
static inline void fill_uniform(float *v, size_t n, uint64_t seed)
{
    struct rt_rng rng;
    rt_rng_init(&rng, seed, RT_STREAM_TEST, 0);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(2 * rt_rng_uniform(&rng) - 1);
}

/* All bits of one byte of a file; negative: counted from its end. */
static inline void flip(const char *path, long at)
{
    const int whence = at < 0 ? SEEK_END : SEEK_SET;
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, at, whence), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, at, whence), 0);
    assert_int_not_equal(fputc(byte ^ 255, file), EOF);
    assert_int_equal(fclose(file), 0);
}
#endif
