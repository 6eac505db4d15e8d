/* trainer/export/huggingface.h -- a trained student as a folder that Hugging Face's transformers loads.
 *
 * Folder   config.json (model_type vit), model.safetensors and preprocessor_config.json: what
 *          ViTForImageClassification.from_pretrained() reads. A head dimension that is not the width over
 *          the heads is the config's head_dim, which transformers knows since version 5.
 * Errors   RT_EARG for a student that ViT cannot be: not of images, pool mean, heads or FFN widths that
 *          differ by layer, int8, images or patches that are no squares; it says which. RT_ENOMEM, RT_EIO.
 * Source   transformers, models/vit/modeling_vit.py.
 */
#ifndef TRAINER_EXPORT_HUGGINGFACE_H
#define TRAINER_EXPORT_HUGGINGFACE_H
#include "trainer/export/model.h"

/* Why such a student, of images and in floats, can be no ViT; NULL: it can. */
const char *tr_huggingface_why_not(const struct space_arch *arch, const struct space_shape *shape);
/* The folder is made; files in it are replaced. */
rt_status tr_huggingface_write(const char *folder, const struct tr_model *model,
                               struct rt_err *err);
#endif
