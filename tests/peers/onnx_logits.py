#!/usr/bin/env python3
"""Compare ONNX graphs of a student with `retort predict`: onnx_logits.py RETORT WEIGHTS IMAGES.

IMAGES is an IDX file, plain or .gz. Exports every form that the weights have, runs each in ONNX
Runtime (packages onnxruntime and numpy, which nothing else of Retort needs) and prints how far its
logits are from Retort's. Exit 1 when a class differs in more than 0.05 % of the rows.
"""
import gzip
import os
import subprocess
import sys
import tempfile

import numpy
import onnxruntime


def images(path):
    data = (gzip.open if path.endswith('.gz') else open)(path, 'rb').read()
    sizes = [int.from_bytes(data[i:i + 4], 'big') for i in (4, 8, 12)]
    return numpy.frombuffer(data, numpy.uint8, offset=16).reshape(*sizes, 1)


def main(retort, weights, data):
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        logits, graph = (os.path.join(folder, n) for n in ('logits.npy', 'student.onnx'))
        subprocess.run([retort, 'predict', weights, data, '-o', logits], check=True, stdout=2)
        want = numpy.load(logits)
        for form in ([], ['--form', 'qdq']) if '.int8.' in weights else ([],):
            subprocess.run([retort, 'export', weights, '-o', graph, *form], check=True, stdout=2)
            got = onnxruntime.InferenceSession(graph).run(None, {'pixels': images(data)})[0]
            gap = numpy.abs(got - want).max(1)
            differ = (got.argmax(1) != want.argmax(1)).mean()
            bad |= differ > 5e-4
            print(f"{' '.join(form) or 'default'}: {len(want)} rows, largest difference {gap.max():.3g}, "
                  f'mean {gap.mean():.3g}, rows beyond 1e-4 {(gap > 1e-4).sum()}, '
                  f'classes that differ {differ:.4%}')
    return int(bad)


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
