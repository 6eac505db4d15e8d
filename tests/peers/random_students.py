#!/usr/bin/env python3
"""Random architectures through every way out: random_students.py RETORT DB DATA [COUNT].

Of a study of images or texts, whose data DATA is as onnx_logits.py wants it: trains COUNT (20) students of
random architectures for 60 steps, which need be no candidates, and compares with `retort predict` their ONNX graphs
(onnx_logits.py, needs onnxruntime) and, of images, their C code by gcc and clang. Exit 1 when one differs by
more than 2e-5 in float or in a class in int8.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

import numpy

retort, db, data = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 20
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.mkdtemp()
draw = random.Random(7)
texts = data.endswith(".txt")
MAIN = """
#include <stdio.h>
#include "s.h"
int main(void) {
  static uint8_t in[S_INPUTS]; float logits[S_CLASSES];
  while (fread(in, 1, sizeof in, stdin) == sizeof in) {
    (void)s_run(in, logits);
    fwrite(logits, sizeof(float), S_CLASSES, stdout);
  }
  return 0;
}
"""


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, **more).stdout


def architecture():
    depth = draw.randint(1, 4)
    layers = [1] if draw.random() < 0.5 else range(depth)
    per = lambda most: ".".join(str(draw.randint(1, most)) for _ in layers)
    arch = f"L{depth}-d{draw.randint(3, 40)}-k{draw.randint(1, 12)}-h{per(5)}-f{per(48)}"
    return arch + (f"-e{draw.randint(2, 12)}-v{draw.choice([40, 60])}" if texts else f"-p{draw.choice([1, 2, 4, 8])}")


def c_logits(weights, compiler, pixels):
    run(retort, "export", weights, "-o", f"{folder}/s.c")
    open(f"{folder}/main.c", "w").write(MAIN)
    run(compiler, "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "main.c", "s.c", "-lm", "-o", "run", cwd=folder)
    return numpy.frombuffer(run(f"{folder}/run", input=pixels), numpy.float32)


bad = 0
for number in range(count):
    arch = architecture()
    weights = f"{folder}/w.safetensors"
    run(retort, "distill", db, arch, "--steps", "60", "-o", weights)
    forms = [weights] + [w for w in [f"{folder}/w.int8.safetensors"] if os.path.exists(w)]
    for form in forms:
        int8 = ".int8." in form
        run(retort, "predict", form, data, "-o", f"{folder}/l.npy")
        want = numpy.load(f"{folder}/l.npy")
        line = f"{arch} {'int8' if int8 else 'float'}:"
        for compiler in () if texts else ("gcc", "clang"):
            got = c_logits(form, compiler, open(data, "rb").read()[16:]).reshape(want.shape)
            differ, worst = (got.argmax(1) != want.argmax(1)).sum(), abs(got - want).max()
            bad += differ > 0 if int8 else worst > 2e-5
            line += f" {compiler} {worst:.1e} {differ}"
        told = subprocess.run([sys.executable, f"{here}/onnx_logits.py", retort, form, data], capture_output=True, text=True)
        bad += told.returncode != 0
        print(line, "| onnx", re.sub(r"\s+", " ", told.stdout.strip() or told.stderr.strip()[-200:]), flush=True)
print(f"{bad} of {count} students' forms differ" if bad else f"{count} students: all the same")
sys.exit(bad > 0)
