#!/usr/bin/env python3
"""What a study of a million trials costs its readers and its writer, as bars that are met or missed.

The study is made by the store's own calls (`bench_search record`): four transactions a trial, ten
metrics, what a surrogate expected, a point of three learning curves, each hundredth failed. Then each reader
runs three times from a warm cache, and the middle one is told: seconds, and the most memory. Whatever
stands in FOLDER is not made again.

    bench/store/bars.py BUILD FOLDER [--trials 1000000] [--problem lm27-latency]

BUILD is a folder with `retort` and `bench_search`, of the preset release. A million trials take some
2 GB of FOLDER and ten minutes. Seconds are worth as much as the machine is quiet: say what else ran.
"""
import argparse
import os
import sqlite3
import subprocess
import sys
import time

missed = 0


def bar(what, figure, most, unit="s", least=False):
    global missed
    met = figure >= most if least else figure < most
    missed += not met
    print(f"{'met   ' if met else 'MISSED'} {what}: {figure:.4g} {unit}, "
          f"{'at least' if least else 'under'} {most:g}", flush=True)


def run(command, out):
    """Seconds and MB of one run, which must not fail."""
    began = time.monotonic()
    with open(out, "wb") as to:
        child = subprocess.Popen(command, stdout=to)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}")
    return time.monotonic() - began, used.ru_maxrss / 1024


def reader(what, command, most, out):
    runs = sorted(run(command, out) for _ in range(3))
    bar(what, runs[1][0], most)
    bar(f"{what}, memory", max(r[1] for r in runs), 500, "MB")


def record(build, problem, options):
    text = subprocess.run([f"{build}/bench_search", "record", problem, *options], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return dict(zip(*(line.split(",") for line in text.split())))


def view(db, sql):
    """Within a connection that is open, as a person's shell is."""
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    seconds = []
    for _ in range(4):
        began = time.monotonic()
        rows = len(connection.execute(sql).fetchall())
        seconds.append(time.monotonic() - began)
    connection.close()
    return sorted(seconds[1:])[1], rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("folder")
    parser.add_argument("--trials", type=int, default=1000000)
    parser.add_argument("--problem", default="lm27-latency")
    given = parser.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    db, page, out = (f"{given.folder}/{name}" for name in ("study.db", "page.html", "out"))
    retort = f"{given.build}/retort"

    for options, least in (([], 5000), (["--durable"], 200)):
        made = record(given.build, given.problem,
                      ["--trials", "2000", "--points", "3", *options])
        bar(f"transactions a second {' '.join(options)}", float(made["transactions_per_second"]),
            least, "", least=True)
    if not os.path.exists(db):
        made = record(given.build, given.problem,
                      ["--trials", str(given.trials), "--points", "3", "--to", f"{db}.part"])
        os.rename(f"{db}.part", db)
        print(f"{given.trials} trials: {made['wall_ms']} ms each, "
              f"{made['transactions_per_second']} transactions a second")
    print(f"the file: {os.path.getsize(db) / 1e6:.0f} MB")
    seconds, rows = view(db, "select * from pareto")
    bar(f"select * from pareto, {rows} rows", seconds, 0.01)
    for what, most in (("status", 0.2), ("front", 0.1), ("best", 0.1), ("importance", 10)):
        reader(what, [retort, what, db], most, out)
    reader("compare", [retort, "compare", db, db], 5, out)
    reader("report", [retort, "report", db, "-o", page], 10, out)
    bar("the page", os.path.getsize(page) / 1e6, 3, "MB")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
