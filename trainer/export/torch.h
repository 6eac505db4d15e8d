/* trainer/export/torch.h -- a trained student as a folder for PyTorch.
 *
 * Folder   retort_student.py, a module of torch alone that builds any student from its file, and
 *          student.safetensors, the file of weights as it is, floats or int8.
 * Errors   RT_EIO, RT_ENOMEM.
 */
#ifndef TRAINER_EXPORT_TORCH_H
#define TRAINER_EXPORT_TORCH_H
#include "base/status.h"

/* `weights` is a student's file. The folder is made; files in it are replaced. */
rt_status tr_torch_write(const char *folder, const char *weights, struct rt_err *err);
#endif
