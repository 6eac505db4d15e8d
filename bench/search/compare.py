#!/usr/bin/env python3
"""Retort's search and others on the problems of bench_search: a CSV of runs, and Markdown tables of it.

  pip install -r bench/search/requirements.txt
  bench/search/compare.py run results.csv --program build/release/bench_search [--only layers/retort ...]
  bench/search/compare.py table results.csv [--into docs/benchmarks.md]

A run that stands in the CSV already is not repeated, unless it had fewer trials than are wanted now; the
longer row, which comes later, then counts. Tables go into a document between its two comments that name
this script.
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
BEGIN, END = "<!-- tables of bench/search/compare.py -->\n", "<!-- end of these tables -->"
FIELDS = ["problem", "method", "seed", *map(str, AT), "seconds"]
SEEDS = {"optuna-tpe": 1, "botorch": 3}  # the rest as many as asked for


def tried(problem, method):
    """Is the method run on the problem when all are?"""
    if method == "botorch":
        return problem in ("layers", "lm27")
    if "rungs" in method or "free" in method or "neither" in method or method == "optuna-tpe":
        return problem == "table" if "rungs" in method else problem not in (*MODELS, "table")
    return True


def retort(program, problem, seed, trials, options):
    command = [program, "run", problem, "--seed", str(seed), "--trials", str(trials), *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [float(line.split(",")[1]) for line in lines[1:]]


def length(problem, method, most):
    """Trials of a run."""
    return min(most, TRIALS.get(method, most), 200 if problem == "table" else most)  # that has 432 in all


def one(program, problem, method, seed, trials):
    began = time.monotonic()
    if method in RETORT:
        volumes = retort(program, problem, seed, trials, RETORT[method])
    else:
        volumes = peers.run(program, problem, method, seed, trials)
    row = {"problem": problem, "method": method, "seed": seed,
           "seconds": f"{time.monotonic() - began:.1f}"}
    for n in AT:
        row[str(n)] = f"{volumes[n - 1]:.6f}" if n <= len(volumes) else ""
    return row


def read(path):
    """The rows by what was run: the last of each."""
    if not path.exists():
        return {}
    with path.open() as file:
        return {(r["problem"], r["method"], int(r["seed"])): r for r in csv.DictReader(file)}


def is_done(row, trials):
    return bool(row and row[str(max((n for n in AT if n <= trials), default=AT[0]))])


def run(arguments):
    path = Path(arguments.results)
    rows = read(path)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if file.tell() == 0:
            writer.writeheader()
        for problem in PROBLEMS:
            for method in (*RETORT, *peers.PEERS):
                chosen = {problem, method, f"{problem}/{method}"} & set(arguments.only or {problem})
                if not chosen or not tried(problem, method):
                    continue
                trials = length(problem, method, arguments.trials)
                for seed in range(min(arguments.seeds, SEEDS.get(method, arguments.seeds))):
                    if not is_done(rows.get((problem, method, seed)), trials):
                        writer.writerow(one(arguments.program, problem, method, seed, trials))
                        file.flush()


def values(rows, problem, method, n):
    return [float(row[str(n)]) for row in rows
            if row["problem"] == problem and row["method"] == method and row[str(n)]]


def median(found, all_seeds):
    """With the number of seeds, where it is not all of them."""
    few = f" ({len(found)})" if len(found) < all_seeds else ""
    return f"{statistics.median(found):.4f}{few}" if found else ""


def methods_of(rows, problem):
    found = {r["method"] for r in rows if r["problem"] == problem}
    return sorted(found, key=lambda method: (not method.startswith("retort"), method))


def problem_table(rows, problem):
    lines = [f"`{problem}`", "", "| search | seeds | " + " | ".join(f"{n} trials" for n in AT) + " |",
             "|---|---|" + "---|" * len(AT)]
    for method in methods_of(rows, problem):
        seeds = sum(r["problem"] == problem and r["method"] == method for r in rows)
        cells = [median(values(rows, problem, method, n), seeds) for n in AT]
        lines.append(f"| {method} | {seeds} | " + " | ".join(cells) + " |")
    return lines


def best_other(rows, problem, n):
    """The highest median of what is not Retort's."""
    others = [method for method in methods_of(rows, problem) if not method.startswith("retort")]
    found = [of for of in (values(rows, problem, method, n) for method in others) if of]
    return median(max(found, key=statistics.median, default=[]), 10)


SUMMARY = [
    "The search as it is now, after 500 and 1000 trials (`table` 200), and what it was before; medians of 10",
    "seeds, or of so many as stand in brackets:",
    "",
    "| problem | before | now | missing, now to before | best other, 500 | now, 1000 | best other, 1000 |",
    "|---|---|---|---|---|---|---|",
]


def summary_row(rows, problem, at, end):
    before, now = (values(rows, problem, method, at) for method in ("retort before", "retort"))
    missing = ""
    if before and statistics.median(before) < .99995:  # else there was nothing to gain
        missing = f"{(1 - statistics.median(now)) / (1 - statistics.median(before)):.2f}"
    late = values(rows, problem, "retort", end)
    cells = [median(before, 10), median(now, 10), missing, best_other(rows, problem, at),
             median(late, 10), best_other(rows, problem, end)]
    return f"| `{problem}` | " + " | ".join(cells) + " |"


def summary(rows):
    lines = list(SUMMARY)
    for problem in PROBLEMS:
        at = 200 if problem == "table" else 500
        if values(rows, problem, "retort", at):
            lines.append(summary_row(rows, problem, at, 1000))
    return lines


def table(arguments):
    rows = list(read(Path(arguments.results)).values())
    lines = []
    for problem in PROBLEMS:
        lines += [*problem_table(rows, problem), ""]
    text = "\n".join(lines + summary(rows)) + "\n"
    if not arguments.into:
        sys.stdout.write(text)
        return
    path = Path(arguments.into)
    before, _, rest = path.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"{path} has no place for tables")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("results")
    parser.add_argument("--program", default="build/release/bench_search")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=AT[-1], help="of a run, at most")
    parser.add_argument("--into", help="the document that tables go into")
    parser.add_argument("--only", nargs="*", help="problems, methods, or problem/method")
    arguments = parser.parse_args()
    (run if arguments.what == "run" else table)(arguments)


if __name__ == "__main__":
    sys.exit(main())
