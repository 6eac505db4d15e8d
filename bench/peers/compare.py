#!/usr/bin/env python3
"""Retort beside PyTorch on the same students, in alternation: speed of training and of single calls.

usage: compare.py [--retort build/release/retort] [--python PYTHON] [--rounds 5] [--seconds 2]
                  [--kernels v4|v3] [-o FILE.csv]

Every round runs, for each student: Retort, PyTorch training, PyTorch inference (A B A B ...), each in
a process of its own with one thread. Training counts CPU time of the thread, calls wall time; what
is printed are medians over the rounds, with the least and the most in the CSV file. PYTHON is one
that has torch: /usr/bin/python3 with Debian's python3-torch, or that of an environment. With
--kernels v3 both are held to AVX2 (ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA for PyTorch).
"""
import argparse
import csv
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
from statistics import median

STUDENTS = ["L2-d32-k16-h2-f64-p4", "L4-d64-k16-h4-f128-p4", "L6-d96-k24-h4-f288-p4",
            "L6-d128-k32-h4-f512-p4", "L8-d192-k32-h6-f768-p4"]
HERE = pathlib.Path(__file__).resolve().parent


def environment(kernels):
    env = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", RETORT_KERNELS=kernels)
    if kernels == "v3":
        env.update(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2",
                   MKL_ENABLE_INSTRUCTIONS="AVX2")
    return env


def run(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"compare: {' '.join(command)}:\n{done.stderr}")
    return done.stdout


def retort(a, student, env, tuned):
    """The micro-batch that the first round finds is kept in `tuned` for the others."""
    out = run([a.retort, "bench", "--student", student, "--seconds", str(a.seconds), "--format",
               "csv", "--micro-batch", tuned.get(student, "0")], env)
    row = next(csv.DictReader(out.splitlines()))
    tuned[student] = row["micro_batch"]
    return {"train": float(row["examples_per_second"]), "call": float(row["call_us"]),
            "share": float(row["share"]), "gflops": float(row["gflops"]),
            "peak": float(row["peak_gflops"])}


def torch(a, student, env):
    script = [a.python, str(HERE / "torch_vit.py")]
    train = json.loads(run(script + ["train", student, str(a.seconds)], env))
    infer = json.loads(run(script + ["infer", student, str(a.seconds / 2)], env))
    return {"torch_train": train["samples_per_second"], "torch_call": infer["median_us"],
            "version": train["version"]}


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def geometric(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def summary(rounds):
    """Medians of each column, and of the ratios within a round."""
    row = {k: median(r[k] for r in rounds) for k in
           ("train", "torch_train", "call", "torch_call", "share", "gflops", "peak")}
    for name, ratios in (("train_ratio", [r["train"] / r["torch_train"] for r in rounds]),
                         ("call_ratio", [r["torch_call"] / r["call"] for r in rounds])):
        row[name], row[name + "_least"], row[name + "_most"] = median(ratios), min(ratios), max(ratios)
    return row


def show(kernels, table, version):
    print(f"\nkernels {kernels}, PyTorch {version}, {processor()}")
    print("| student | peak | Retort, examples/s | PyTorch | ratio | Retort, us a call | PyTorch | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for student, r in table.items():
        print(f"| `{student}` | {100 * r['share']:.0f} % | {r['train']:.0f} | {r['torch_train']:.0f} | "
              f"{r['train_ratio']:.2f} | {r['call']:.0f} | {r['torch_call']:.0f} | "
              f"{r['call_ratio']:.2f} |")
    print(f"| geometric mean | | | | {geometric(r['train_ratio'] for r in table.values()):.2f} | | | "
          f"{geometric(r['call_ratio'] for r in table.values()):.2f} |")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--retort", default="build/release/retort")
    p.add_argument("--python", default="/usr/bin/python3")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--kernels", default="v4", choices=["v4", "v3"])
    p.add_argument("-o", "--output")
    a = p.parse_args()
    env, rounds, tuned = environment(a.kernels), {s: [] for s in STUDENTS}, {}
    for i in range(a.rounds):
        for student in STUDENTS:
            rounds[student].append({**retort(a, student, env, tuned),
                                    **torch(a, student, env)})
            print(f"round {i + 1} of {a.rounds}: {student}", file=sys.stderr)
    table = {s: summary(r) for s, r in rounds.items()}
    show(a.kernels, table, rounds[STUDENTS[0]][0]["version"])
    if a.output:
        with open(a.output, "w", newline="", encoding="utf-8") as f:
            w = csv.DictWriter(f, ["student", *table[STUDENTS[0]]])
            w.writeheader()
            w.writerows({"student": s, **r} for s, r in table.items())


if __name__ == "__main__":
    main()
