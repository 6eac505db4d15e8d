/* trainer/import/folder.h -- a network as Hugging Face's transformers library saves it: a folder with
 * config.json and model.safetensors, or model.safetensors.index.json and its shards.
 *
 * Kinds    texts: bert (MiniLM and sentence encoders are ones), distilbert, roberta, gpt2; images:
 *          vit, deit, of which also those with two heads, whose mean is answered.
 * Network  each is a struct tr_student whose shape's variant says how it departs from ours, so it
 *          runs, gives layers, and can be pruned like one; `fit` makes it of the task's size: of its
 *          positions the first `length` are taken, of images of another size they are interpolated.
 * Head     the folder's classifier: BERT's tanh pooler, RoBERTa's and DistilBERT's first layer, GPT-2's
 *          scores of the last token; for the next token GPT-2's own table. A folder without
 *          a classifier has 0 classes, and its head, a linear one of the mean or of the class token,
 *          is left as it was.
 * Tensors  F32, or F16 and BF16, widened. Prefixes ("bert.") may be missing; gamma and beta are weight
 *          and bias; buffers and pre-training heads are left out; any other tensor that nothing
 *          reads is an error that names it, and so is one missing, misshapen or of another type.
 * Refused  with what would work: other model types, activations, relative positions, decoders,
 *          pickles (pytorch_model.bin), images that its patches do not divide.
 * Errors   RT_EIO, RT_ENOMEM; RT_EFORMAT and RT_ESHAPE name the file and what is wrong in it.
 * Threads  one at a time.
 * Source   Wolf et al. 2020, arXiv:1910.03771; names and orders as read from files it wrote.
 */
#ifndef TRAINER_IMPORT_FOLDER_H
#define TRAINER_IMPORT_FOLDER_H
#include "base/file.h"
#include "base/hash.h"
#include "trainer/net/student.h"

#define TR_FOLDER_LABELS 1024 /* most classes of a folder's classifier */

enum tr_folder_kind {
    TR_FOLDER_BERT,
    TR_FOLDER_DISTILBERT,
    TR_FOLDER_ROBERTA,
    TR_FOLDER_GPT2,
    TR_FOLDER_VIT,
    TR_FOLDER_DEIT
};

struct tr_shards; /* the open files: shards.h */
struct tr_folder {
    enum tr_folder_kind kind;
    char path[RT_PATH_MAX];
    struct space_arch arch; /* text: vocabulary whole */
    struct space_variant variant;
    int classes;          /* of its classifier; 0: it has none */
    int positions;        /* of a text: most tokens */
    int segments;         /* 0 or 2 */
    int size[3];          /* of its images: height, width, channels */
    int64_t params;       /* of the tensors that are read */
    bool pair;            /* two classifiers, whose mean is meant */
    int labels;           /* names of classes that it gives */
    char **label;         /* owned: [labels] */
    float mean[3], sd[3]; /* of its images' pixel/255, by channel; sd 0: it does not say */
    struct tr_shards *shards;
};

rt_status tr_folder_open(struct tr_folder *folder, const char *path, struct rt_err *err);
void tr_folder_close(struct tr_folder *folder);
/* The shape of its network for what students of `task` read: its length, images and classes. `next`:
 * to say the next token. RT_ESHAPE or RT_EARG when it cannot, with what would work. */
rt_status tr_folder_fit(const struct tr_folder *folder, const struct space_shape *task, bool next,
                        struct space_shape *shape, struct rt_err *err);
/* Its weights into those of a network of that arch and shape. The head's are left as they are when the
 * folder has none. */
rt_status tr_folder_load(const struct tr_folder *folder, const struct tr_student *student,
                         float *params, struct rt_err *err);
/* Of config and all weights. */
rt_status tr_folder_hash(const struct tr_folder *folder, char hash[RT_HASH_TEXT],
                         struct rt_err *err);
/* A config.json from memory, for fuzzing: everything but the weights. */
rt_status tr_folder_parse(struct tr_folder *folder, const char *name, const char *bytes,
                          size_t count, struct rt_err *err);
#endif
