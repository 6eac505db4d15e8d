/* trainer/import/shards.h -- the tensors of one network, in one safetensors file or several.
 *
 * Several  are listed by model.safetensors.index.json: {"weight_map": {tensor: file}}, files in the
 *          same folder. Tensors are found in them, whatever the index says is where.
 * Errors   RT_EIO, RT_ENOMEM; RT_EFORMAT names file and tensor.
 * Threads  read-only once open.
 */
#ifndef TRAINER_IMPORT_SHARDS_H
#define TRAINER_IMPORT_SHARDS_H
#include "trainer/export/tensor_file.h"

#define TR_SHARDS_MOST 256

struct tr_shards;
rt_status tr_shards_open(struct tr_shards **shards, const char *folder, struct rt_err *err);
void tr_shards_close(struct tr_shards *shards); /* NULL is none */
/* False: there is none of that name. */
bool tr_shards_find(const struct tr_shards *shards, const char *name, struct tr_stored *tensor);
/* The name of number i of all of them; NULL behind the last. */
const char *tr_shards_name(const struct tr_shards *shards, size_t i);
/* Floats first .. first + count - 1 of a tensor of F32, F16 or BF16, as float32. */
void tr_shards_floats(const struct tr_stored *tensor, size_t first, size_t count, float *to);
/* All files' bytes into a hash. */
struct rt_hash;
void tr_shards_hash(const struct tr_shards *shards, struct rt_hash *hash);
/* An index from memory: the names of its files, each once. The caller frees each and *files. */
rt_status tr_shards_parse(const char *name, const char *bytes, size_t count, char ***files,
                          int *file_count, struct rt_err *err);
#endif
