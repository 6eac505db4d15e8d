#!/usr/bin/env python3
"""Compare ONNX graphs of a student with `retort predict`: onnx_logits.py RETORT WEIGHTS DATA.

DATA is an IDX file of images, plain or .gz, or a .npy of them; or, ending in .txt, a text a line, of pairs two with a tab
between, which are cut into the tokens of the exported FILE.vocab.txt here (lower case ASCII alone, and pairs no
longer than a student reads). Exports every form that the weights have, runs each in ONNX
Runtime (packages onnxruntime and numpy, which nothing else of Retort needs) and prints how far its
logits are from Retort's. Exit 1 when a class differs in more than 0.05 % of the rows.
"""
import gzip
import os
import re
import subprocess
import sys
import tempfile

import numpy
import onnxruntime


def images(path):
    if path.endswith('.npy'):
        return numpy.load(path)
    data = (gzip.open if path.endswith('.gz') else open)(path, 'rb').read()
    sizes = [int.from_bytes(data[i:i + 4], 'big') for i in (4, 8, 12)]
    return numpy.frombuffer(data, numpy.uint8, offset=16).reshape(*sizes, 1)


def pieces(word, tokens):
    """A word's ids: the longest prefix that is a token, then the longest continuation, .."""
    found, at = [], 0
    while at < len(word):
        end = len(word)
        while end > at and ('##' if at else '') + word[at:end] not in tokens:
            end -= 1
        if end == at:
            return [tokens['[UNK]']]
        found.append(tokens[('##' if at else '') + word[at:end]])
        at = end
    return found


def texts(path, vocabulary, length):
    tokens = {t: i for i, t in enumerate(open(vocabulary).read().split('\n')[:-1])}
    rows, segments = [], []
    for line in open(path):
        ids, which = [tokens['[CLS]']], [0]
        for part, text in enumerate(line.split('\t')):
            cut = [i for w in re.findall(r'[a-z0-9]+|[^a-z0-9\s]', text.lower()) for i in pieces(w, tokens)]
            cut = cut[:length - len(ids) - 1] + [tokens['[SEP]']]
            ids, which = ids + cut, which + [part] * len(cut)
        rows.append(ids)
        segments.append(which)
    longest = max(map(len, rows))

    def padded(lists, filler):  # what is behind a text is not read
        return numpy.array([x + [filler] * (longest - len(x)) for x in lists], numpy.int64)

    inputs = {'ids': padded(rows, len(tokens) - 1), 'lengths': numpy.array([*map(len, rows)], numpy.int64)}
    return {**inputs, 'segments': padded(segments, 0)} if '\t' in line else inputs


def inputs(session, data, graph):
    if not data.endswith('.txt'):
        return {'pixels': images(data)}
    length = int(session.get_modelmeta().custom_metadata_map['length'])
    return texts(data, graph.replace('.onnx', '.vocab.txt'), length)


def main(retort, weights, data):
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        logits, graph = (os.path.join(folder, n) for n in ('logits.npy', 'student.onnx'))
        subprocess.run([retort, 'predict', weights, data, '-o', logits], check=True, stdout=2)
        want = numpy.load(logits)
        for form in ([], ['--form', 'qdq']) if '.int8.' in weights else ([],):
            subprocess.run([retort, 'export', weights, '-o', graph, *form], check=True, stdout=2)
            session = onnxruntime.InferenceSession(graph)
            got = session.run(None, inputs(session, data, graph))[0]
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
