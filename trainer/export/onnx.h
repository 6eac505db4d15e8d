/* trainer/export/onnx.h -- a trained student as an ONNX graph, preprocessing inside.
 *
 * Graph    opset 17, IR 8, plain operators. Input: bytes as the data have them, with the shape of
 *          one example behind N; output "logits" (N,C). Initialisers carry the names of the
 *          tensors, nodes those of what they compute; matrices are stored (in,out).
 * Texts    inputs "ids" (N,T) int64, T at most the student's length, "lengths" (N) of each text and,
 *          of pairs, "segments" (N,T) int64; what lies behind a text may be any token. The table is
 *          float in all forms.
 * Forms    float: as trained. Codes: int8, where inputs and weights of linear layers are integers
 *          kept in floats, whose sums are exact on every CPU while a layer has at most
 *          TR_ONNX_EXACT_TERMS inputs; wider ones use MatMulInteger. QDQ: QuantizeLinear and
 *          DequantizeLinear pairs, which engines fuse; x86 without VNNI may then saturate sums.
 * Exact    logits equal the trainer's by rounding; int8 ones also but for inputs that lie on a
 *          rounding border.
 * Errors   RT_ENOMEM; RT_ESHAPE beyond protobuf's 2 GiB; RT_EIO. Nothing half-written.
 * Source   github.com/onnx/onnx, docs/Operators.md and onnx.proto.
 */
#ifndef TRAINER_EXPORT_ONNX_H
#define TRAINER_EXPORT_ONNX_H
#include "trainer/export/model.h"

#define TR_ONNX_EXACT_TERMS 1032 /* 2^24 / (127 * 128): above, a sum in float may round */

enum tr_onnx_form { TR_ONNX_FLOAT, TR_ONNX_CODES, TR_ONNX_QDQ };

struct tr_onnx_options {
    enum tr_onnx_form form; /* not FLOAT: of an int8 model */
    int batch;              /* 0: any number of examples */
};

rt_status tr_onnx_write(const char *path, const struct tr_model *model,
                        const struct tr_onnx_options *options, struct rt_err *err);
#endif
