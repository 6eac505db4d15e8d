#!/usr/bin/env python3
"""Retort's search and others on the problems of bench_search: a CSV of runs, and Markdown tables of it.

  pip install -r bench/search/requirements.txt
  bench/search/compare.py run results.csv --program build/release/bench_search [--only layers/retort ...]
  bench/search/compare.py table results.csv > tables.md

A run that stands in the CSV already is not repeated.
"""
import argparse
import csv
import statistics
import subprocess
import sys
import time
from pathlib import Path

import peers

AT = (50, 100, 200, 500, 1000)
MODELS = ("lm27", "lm51", "lm75", "lm27-latency", "lm51-latency", "lm75-latency", "lm27-noisy",
          "lm75-noisy", "lm75-latency-noisy", "gaps")
PROBLEMS = ("layers", "deep", "trap", "narrow", "table", *MODELS)
RETORT = {
    "retort": [],
    "retort, 16 at once": ["--window", "16"],
    "retort, layers free": ["--free"],
    "retort, no surrogate": ["--no-surrogate"],
    "retort, neither": ["--free", "--no-surrogate"],
    "retort, rungs": ["--rungs"],
    "retort, rungs, no surrogate": ["--rungs", "--no-surrogate"],
}
TRIALS = {"optuna-tpe": 200, "botorch": 200, "retort, layers free": 200, "retort, rungs": 200,
          "retort, rungs, no surrogate": 200}  # the rest 1000
FIELDS = ["problem", "method", "seed", *map(str, AT), "seconds"]
SEEDS = {"optuna-tpe": 1, "botorch": 3}  # the rest as many as asked for


def tried(problem, method):
    """Is the method run on the problem when all are?"""
    if method == "botorch":
        return problem in ("lm27", "lm75-latency")
    if "rungs" in method or "free" in method or "neither" in method or method == "optuna-tpe":
        return problem == "table" if "rungs" in method else problem not in (*MODELS, "table")
    return True


def retort(program, problem, seed, trials, options):
    command = [program, "run", problem, "--seed", str(seed), "--trials", str(trials), *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [float(line.split(",")[1]) for line in lines[1:]]


def one(program, problem, method, seed):
    began = time.monotonic()
    trials = 200 if problem == "table" else TRIALS.get(method, AT[-1])  # the table has 432 in all
    if method in RETORT:
        volumes = retort(program, problem, seed, trials, RETORT[method])
    else:
        volumes = peers.run(program, problem, method, seed, trials)
    row = {"problem": problem, "method": method, "seed": seed,
           "seconds": f"{time.monotonic() - began:.1f}"}
    for n in AT:
        row[str(n)] = f"{volumes[n - 1]:.6f}" if n <= len(volumes) else ""
    return row


def run(arguments):
    path = Path(arguments.results)
    done = set()
    if path.exists():
        with path.open() as file:
            done = {(r["problem"], r["method"], int(r["seed"])) for r in csv.DictReader(file)}
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if file.tell() == 0:
            writer.writeheader()
        for problem in PROBLEMS:
            for method in (*RETORT, *peers.PEERS):
                chosen = {problem, method, f"{problem}/{method}"} & set(arguments.only or {problem})
                if not chosen or not tried(problem, method):
                    continue
                for seed in range(min(arguments.seeds, SEEDS.get(method, arguments.seeds))):
                    if (problem, method, seed) not in done:
                        writer.writerow(one(arguments.program, problem, method, seed))
                        file.flush()


def median(rows, n):
    """With the number of seeds, where it is not all of them."""
    values = [float(row[n]) for row in rows if row[n]]
    few = f" ({len(values)})" if len(values) < len(rows) else ""
    return f"{statistics.median(values):.4f}{few}" if values else ""


def table(arguments):
    with open(arguments.results) as file:
        rows = list(csv.DictReader(file))
    for problem in PROBLEMS:
        print(f"\n`{problem}`\n\n| search | seeds | " + " | ".join(f"{n} trials" for n in AT) + " |")
        print("|---|---|" + "---|" * len(AT))
        ours = [r for r in rows if r["problem"] == problem]
        for method in sorted({r["method"] for r in ours}, key=lambda m: (not m.startswith("retort"), m)):
            mine = [r for r in ours if r["method"] == method]
            print(f"| {method} | {len(mine)} | " + " | ".join(median(mine, str(n)) for n in AT) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("results")
    parser.add_argument("--program", default="build/release/bench_search")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", nargs="*", help="problems, methods, or problem/method")
    arguments = parser.parse_args()
    (run if arguments.what == "run" else table)(arguments)


if __name__ == "__main__":
    sys.exit(main())
