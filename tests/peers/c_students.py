"""Exported C code, built and run, for random_students.py: s.c and s.h of a folder, with --reentrant.

answers() gives what it says by each compiler at hand; sums() what its int8 layers sum up to, call by call, from a
copy of the code that also writes down inputs and sums.
"""
import shutil
import subprocess

import numpy

STRICT = "-std=c99 -O2 -Wall -Wextra -Wconversion -pedantic -Werror".split()
WAYS = [("gcc", ["gcc"], []), ("clang", ["clang"], []),
        ("aarch64", ["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64"])]
MAIN = """
#include <stdio.h>
#include "s.h"
FILE *trace;
static struct s_memory memory;
int main(void) {
%s
  static float logits[%d];
  trace = fopen("trace", "wb");
  if (!trace || sizeof memory != S_RAM || s_selftest(&memory))
    return 3;
  fclose(trace);
  trace = fopen("trace", "wb");
%s  while (%s) {
%s
    fwrite(logits, sizeof logits, 1, stdout);
%s
  }
  return fclose(trace);
}
"""
IMAGE = ("  static uint8_t in[S_INPUTS];", "", "fread(in, 1, sizeof in, stdin) == sizeof in",
         "    (void)s_run(&memory, in, logits);", "")
TEXT = ("  static int32_t ids[S_TOKENS], n;%s", "", "fread(&n, sizeof n, 1, stdin) == 1",
        "    if (fread(ids, sizeof *ids, (size_t)n, stdin) != (size_t)n%s || s_run(&memory, ids, %sn, logits) < 0)\n"
        "      return 4;", "")
POLICY = ("  static float seen[S_OBSERVED], action[S_ACTIONS];\n  size_t i;", "  s_reset(&memory);\n",
          "fread(seen, sizeof seen, 1, stdin) == 1",
          "    s_run(&memory, seen, action);\n    for (i = 0; i < sizeof logits / sizeof *logits; i++)\n"
          "      logits[i] = memory.logits[i];", "    fwrite(action, sizeof action, 1, stdout);")


def program(task, inputs, outputs):
    parts = {"image": IMAGE, "text": TEXT, "policy": POLICY}[task]
    if task == "text":
        pairs = "segments" in inputs
        parts = (parts[0] % ("\n  static uint8_t segments[S_TOKENS];" if pairs else ""), *parts[1:3], parts[3] %
                 (" || fread(segments, 1, (size_t)n, stdin) != (size_t)n" if pairs else "",
                  "segments, " if pairs else ""), parts[4])
    return MAIN % (parts[0], outputs, *parts[1:])


def fed(task, inputs, rows=None):
    """What the program reads of the first rows."""
    if task == "image":
        return inputs["pixels"][:rows].tobytes()
    if task == "policy":
        return inputs["observation"][:rows].tobytes()
    data = b""
    for i, n in enumerate(inputs["lengths"][:rows]):
        data += numpy.int32(n).tobytes() + inputs["ids"][i, :n].astype(numpy.int32).tobytes()
        if "segments" in inputs:
            data += inputs["segments"][i, :n].astype(numpy.uint8).tobytes()
    return data


def build(folder, words, code):
    done = subprocess.run([*words, *STRICT, "main.c", code, "-lm", "-o", "run"], cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-600:]


def answers(task, folder, inputs, outputs):
    """(way, logits, actions or None) by each compiler."""
    open(f"{folder}/main.c", "w").write(program(task, inputs, outputs))
    for way, words, through in WAYS:
        if not all(shutil.which(program) for program in words[:1] + through):
            continue
        build(folder, words, "s.c")
        rows = 25 if through else None  # an emulator takes its time
        done = subprocess.run([*through, "./run"], cwd=folder, input=fed(task, inputs, rows), capture_output=True)
        assert not done.returncode, f"{way}: exit {done.returncode}"
        said = numpy.frombuffer(done.stdout, numpy.float32)
        actions = 1 if task == "policy" else 0  # of pendulum and pole alike
        said = said.reshape(-1, outputs + actions)
        yield way, said[:, :outputs], said[:, outputs:] if actions else None


def sums(task, folder, inputs, tensors, codes_of):
    """Calls of linear layers whose sums are those of the file's codes, of all calls."""
    code = open(f"{folder}/s.c").read()
    for old, new in (
        ("static void quantise(", "#include <stdio.h>\nextern FILE *trace;\nstatic void quantise("),
        ("    int o, i, r;\n", "    int o, i, r;\n    fwrite(x, 1, (size_t)in, trace);\n"),
        ("            y[o + r] = (float)s[r] *",
         "            fwrite(&s[r], 4, 1, trace), y[o + r] = (float)s[r] *"),
        ("static void norm(", "#define linear(x, w, ...) (fprintf(trace, \"%s \", #w), (linear)(x, w, __VA_ARGS__))\n"
         "static void norm("),
    ):
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    open(f"{folder}/traced.c", "w").write(code)
    open(f"{folder}/main.c", "w").write(program(task, inputs, tensors["head.bias"].shape[0]))
    build(folder, ["gcc"], "traced.c")
    subprocess.run("./run", cwd=folder, input=fed(task, inputs, 5), capture_output=True, check=True)
    data, at, equal, calls = open(f"{folder}/trace", "rb").read(), 0, 0, 0
    known = {}
    while at < len(data):
        end = data.index(b" ", at)
        name = data[at:end].decode()
        matrix = known.setdefault(name, codes_of(tensors, name))
        rows, columns = matrix.shape
        codes = numpy.frombuffer(data, numpy.int8, columns, end + 1)
        got = numpy.frombuffer(data, numpy.int32, rows, end + 1 + columns)
        equal += bool((matrix @ codes.astype(numpy.int64) == got).all())
        calls += 1
        at = end + 1 + columns + 4 * rows
    return equal, calls
