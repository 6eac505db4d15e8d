/* tests/forged.h -- a state (base/state.h) as anybody could write it: numbers changed, and its hash put right. */
#ifndef TESTS_FORGED_H
#define TESTS_FORGED_H
#include "support.h"

#include "base/state.h"

enum { state_parts = 8 + RT_HASH_TEXT }; /* where they begin */

/* At `at`, negative: counted from behind the last part. */
static inline void forge(const char *path, long at, const void *value, size_t bytes)
{
    char *file, hash[RT_HASH_TEXT];
    struct rt_err err;
    size_t size;

    assert_ok(rt_file_read(path, 1 << 24, &file, &size, &err));
    memcpy(file + (at < 0 ? (long)(size - sizeof hash) + at : at), value, bytes);
    rt_hash_bytes(file, size - sizeof hash, hash);
    memcpy(file + size - sizeof hash, hash, sizeof hash);
    assert_true(rt_state_is_whole((unsigned char *)file, size));
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
    free(file);
}
#endif
