/* trainer/task/text/fnv.h -- FNV-1a with 64 bits: for folds of data, and for tables in memory. */
#ifndef TRAINER_TASK_TEXT_FNV_H
#define TRAINER_TASK_TEXT_FNV_H
#include <stddef.h>
#include <stdint.h>

#define TR_FNV_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t tr_fnv_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t tr_fnv(uint64_t hash, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = tr_fnv_byte(hash, (unsigned char)bytes[i]);
    return hash;
}
#endif
