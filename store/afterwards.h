/* store/afterwards.h -- what follows a search: files that students were exported to, and stages that ran.
 *
 * Both tables are no part of the schema: the first row makes them, and files without them are as good.
 * Store open for STORE_WRITE or STORE_APPEND; any mode where it says so.
 */
#ifndef STORE_AFTERWARDS_H
#define STORE_AFTERWARDS_H
#include "base/hash.h"
#include "store/store.h"

struct store_exported {      /* a file or a folder of a trained student */
    const char *arch;        /* of a candidate of this study */
    const char *format;      /* safetensors, onnx, c, torch, huggingface */
    bool int8;               /* else floats */
    const char *path;        /* as it was given */
    int64_t bytes;           /* of a folder those of its files */
    char hash[RT_HASH_TEXT]; /* of the file, as xxh128sum shows it; of a folder, its weights' */
};
/* Replaces what was kept of the same path. */
rt_status store_exported(struct store *store, const struct store_exported *exported,
                         struct rt_err *err);

struct store_stage {         /* of `after:` in a study */
    const char *name, *what; /* such as distill, and the architecture; "": the whole study */
    const char *basis;       /* what it depends on: of another it is to be run anew */
    bool done;               /* else it failed */
    double seconds;
    const char *message; /* why it failed, or "" */
};
/* Replaces what was kept of the same name and what. */
rt_status store_stage(struct store *store, const struct store_stage *stage, struct rt_err *err);
/* Was it done, on this basis? In any mode. */
rt_status store_stage_is_done(struct store *store, const char *name, const char *what,
                              const char *basis, bool *done, struct rt_err *err);
#endif
