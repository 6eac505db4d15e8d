/* base/state.c -- see state.h. */
#include "base/state.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

static const char magic[8] = "RTSTATE1";

enum { head_bytes = sizeof magic + RT_HASH_TEXT };

void rt_state_part(struct rt_state *state, void *values, size_t bytes)
{
    state->bytes += bytes;
    if (state->to) {
        (void)fwrite(values, 1, bytes, state->to); /* errors stay with the stream */
        rt_hash_add(state->hash, values, bytes);
    }
    if (state->from) {
        if (!state->judges)
            memcpy(values, state->from, bytes);
        state->from += bytes;
    }
}

/* Parts lie in the file as they come, at any address. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type has none */
#define NUMBERS(name, type)                                                                        \
    void name(struct rt_state *state, type *values, size_t n, double least, double most)           \
    {                                                                                              \
        for (size_t i = 0; state->judges && i < n; i++) {                                          \
            type value;                                                                            \
            memcpy(&value, state->from + i * sizeof value, sizeof value);                          \
            state->bad |= !((double)value >= least && (double)value <= most);                      \
        }                                                                                          \
        rt_state_part(state, values, n * sizeof *values);                                          \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
NUMBERS(rt_state_ints, int)
NUMBERS(rt_state_longs, int64_t)
NUMBERS(rt_state_floats, float)
NUMBERS(rt_state_doubles, double)

bool rt_state_write(const char *path, const char made_of[RT_HASH_TEXT], rt_state_walk *walk,
                    void *context)
{
    struct rt_state state = {.hash = rt_hash_open()};
    char head[head_bytes], hash[RT_HASH_TEXT];
    struct rt_writer writer;

    if (!state.hash)
        return false;
    const bool open =
        rt_folder_make_for(path, NULL) == RT_OK && rt_writer_open(&writer, path, NULL) == RT_OK;
    if (open) {
        state.to = writer.file;
        memcpy(head, magic, sizeof magic);
        memcpy(head + sizeof magic, made_of, RT_HASH_TEXT);
        rt_state_part(&state, head, sizeof head);
        walk(&state, context);
    }
    rt_hash_close(state.hash, hash);
    if (!open)
        return false;
    (void)fwrite(hash, 1, sizeof hash, writer.file);
    return rt_writer_commit(&writer, NULL) == RT_OK;
}

bool rt_state_is_whole(const unsigned char *data, size_t bytes)
{
    char hash[RT_HASH_TEXT];

    if (bytes < head_bytes + sizeof hash || memcmp(data, magic, sizeof magic) != 0)
        return false;
    rt_hash_bytes(data, bytes - sizeof hash, hash);
    return memcmp(data + bytes - sizeof hash, hash, sizeof hash) == 0;
}

bool rt_state_open(struct rt_map *map, const char *path, const char made_of[RT_HASH_TEXT],
                   const unsigned char **parts, size_t *bytes)
{
    if (access(path, F_OK) != 0 || rt_map_open(map, path, NULL) != RT_OK)
        return false;
    if (!rt_state_is_whole(map->data, map->bytes) ||
        memcmp(map->data + sizeof magic, made_of, RT_HASH_TEXT) != 0) {
        rt_map_close(map);
        return false;
    }
    *parts = map->data + head_bytes;
    *bytes = map->bytes - head_bytes - RT_HASH_TEXT;
    return true;
}
