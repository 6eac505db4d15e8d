"""An ONNX model as a teacher of images, by ONNX Runtime. In the study:

    - name: net
      command: [python3, onnx_teacher.py, net.onnx]

Where its weights stand in a file of their own, name that, too, so that a change of them is noticed:
[.., net.onnx, net.onnx.data].

Its one input is uint8 (n, height, width, channels), as `retort export` writes them, or float
(n, channels, height, width) in 0 .. 1: change prepare() where yours wants another scale. Its first output
is the logits.
"""
import sys

import numpy
import onnxruntime

model, *_, images, logits = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
wanted = session.get_inputs()[0]


def prepare(batch):
    if wanted.type == "tensor(uint8)":
        return batch
    return batch.transpose(0, 3, 1, 2).astype(numpy.float32) / 255


rows, said = numpy.load(images, mmap_mode="r"), []
size = wanted.shape[0] if isinstance(wanted.shape[0], int) else 256
for i in range(0, len(rows), size):
    batch = numpy.resize(rows[i : i + size], (size, *rows.shape[1:]))  # the last one is filled up
    said.append(session.run(None, {wanted.name: prepare(batch)})[0])
    print(f"\r{min(i + size, len(rows))} of {len(rows)} rows", end="", file=sys.stderr)
print(file=sys.stderr)
numpy.save(logits, numpy.concatenate(said)[: len(rows)])
