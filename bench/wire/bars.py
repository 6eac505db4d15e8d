#!/usr/bin/env python3
"""What workers elsewhere cost on this machine, as bars that are met or missed.

    bench/wire/bars.py RETORT BENCH_WIRE [--pairs 3] [--seconds 20] [--nice -10]

1. Overhead: trials that an evaluator answers at once, by one worker here and by one that is connected; the
   difference of their time a trial.
2. Throughput: trials of about a second by two workers here and by two that are connected, in turn (A B A B).
   By the clock, while both have work; and by the CPU time of search and workers a trial, which other load
   changes little: what two cores spend on a trial decides how many they do when nothing else runs.
3. Results a second that a search takes from played workers (bench_wire), by the clock and a second of its
   CPU time; and its memory with 1,000 connections.

Teachers and data are made up, in a temporary folder. As it stands it takes three and a half minutes of two
cores; --pairs 5 is steadier. Processes ask for a high priority, which root gets; still say what else ran.
"""
import argparse
import csv
import os
import random
import re
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time

STUDY = """name: {name}
seed: 3
store: {name}.db
data: {{train_images: images, train_labels: labels, validation: 200}}
teachers:
  cache: teachers
  members: [{{name: one, train: {{arch: L1-d16-k8-h2-f16-p7, epochs: 1, batch: 50, seed: 1}}}}]
space:
  tie: layer
  depth: [2]
  width: [32]
  head_dim: [16]
  heads: [2]
  ffn: [60, 61, 62, 63, 64, 65, 66, 67, 68]
  patch: [7]
distill: {{steps: {steps}, batch: 50}}
search: {{trials: {trials}, initial: {trials}, window: 16, objectives: [error, params]}}
latency: {{samples: 3, warmup: 0}}  # by the search itself, when trials are elsewhere
"""

AT_ONCE = """name: {name}
seed: 3
store: {name}.db
evaluator: {{command: [{python}, at_once.py]}}
space:
  genes:
    - {{name: a, choices: {choices}}}
    - {{name: b, choices: {choices}}}
search: {{trials: {trials}, initial: {trials}, window: 16, objectives: [sum, a]}}
"""

EVALUATOR = """import json, sys
for line in sys.stdin:
    job = json.loads(line)
    genes = job["architecture"]
    print(json.dumps({"trial": job["trial"], "metrics": {"sum": genes["a"] + genes["b"], "a": genes["a"]}}), flush=True)
"""

args = None
met = []


def bar(good, text):
    met.append(good)
    print(f"{'met   ' if good else 'MISSED'} {text}", flush=True)


def write_data():
    draw = random.Random(1)
    classes = [draw.randrange(10) for _ in range(1000)]
    shapes = [bytes(draw.randrange(120) for _ in range(784)) for _ in range(10)]
    with open("images", "wb") as images, open("labels", "wb") as labels:
        images.write(struct.pack(">4I", 2051, 1000, 28, 28))
        labels.write(struct.pack(">2I", 2049, 1000) + bytes(classes))
        for c in classes:
            noise = draw.randbytes(784)
            images.write(bytes(s + n // 2 for s, n in zip(shapes[c], noise)))
    with open("at_once.py", "w") as file:
        file.write(EVALUATOR)


def write_study(text, name, **values):
    with open(f"{name}.yaml", "w") as file:
        file.write(text.format(name=name, **values))
    return f"{name}.yaml"


def start(*argv):
    return subprocess.Popen([args.retort, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def end(process):
    """Seconds of CPU that it and its children took."""
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{process.args}: exit {process.returncode}: {said}")
    return usage.ru_utime + usage.ru_stime


def times(db):
    """When trials began and ended, in seconds."""
    with sqlite3.connect(db) as file:
        return file.execute("select 86400 * (julianday(started) - 2460000), 86400 * (julianday(finished) - 2460000)"
                            " from execution where outcome = 'done'").fetchall()


def run(study, workers, elsewhere, trials):
    """CPU seconds, and when trials ran."""
    for name in os.listdir("."):
        if name.startswith("run.db"):
            os.remove(name)
    common = ["search", study, "--db", "run.db", "--trials", str(trials)]
    if not elsewhere:
        return end(start(*common, "--workers", str(workers))), times("run.db")
    search = start(*common, "--workers", "0", "--listen", "tcp://127.0.0.1:0")
    address = ""
    while not address:
        found = re.match(r"listening at ([^,\s]*)", line := search.stderr.readline())
        if not line:
            end(search)
        address = found.group(1) if found else ""
    worker = start("worker", "--connect", address, "--cache", "cache", "--slots", str(workers))
    return end(search) + end(worker), times("run.db")


def seconds_a_trial(spans):
    """Of a worker alone, its first ones left out."""
    ends = sorted(stop for _, stop in spans)[5:]
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def rate(spans):
    """Trials a second while all workers have one, parts of trials counted as such."""
    begin, stop = sorted(b for _, b in spans)[3], max(a for a, _ in spans)
    done = sum(max(0, min(b, stop) - max(a, begin)) / (b - a) for a, b in spans)
    return done / (stop - begin)


def overhead():
    study = write_study(AT_ONCE, "short", trials=400, choices=list(range(60)), python=sys.executable)
    here, there = [], []
    for _ in range(args.pairs):
        for elsewhere, into in ((False, here), (True, there)):
            into.append(1000 * seconds_a_trial(run(study, 1, elsewhere, 400)[1]))
    extra = [b - a for a, b in zip(here, there)]
    bar(statistics.median(extra) < 5,
        f"a remote trial takes {statistics.median(extra):.2f} ms beyond its work (pairs: "
        f"{', '.join(f'{e:.2f}' for e in extra)}; here {statistics.median(here):.2f} ms a trial): below 5")


def throughput():
    study = write_study(STUDY, "long", trials=1000, steps=args.steps)
    end(start("teach", study))
    seconds = seconds_a_trial(run(study, 1, False, 8)[1])
    trials = max(12, round(2 * args.seconds / seconds))
    first = [run(study, 2, elsewhere, 2)[0] for elsewhere in (False, True)]  # what starting takes
    rates, costs = ([], []), ([], [])
    for _ in range(args.pairs):
        for elsewhere in (0, 1):
            cpu, spans = run(study, 2, elsewhere, trials)
            rates[elsewhere].append(rate(spans))
            costs[elsewhere].append((cpu - first[elsewhere]) / (trials - 2))
    ratio = statistics.median(b / a for a, b in zip(*rates))
    spent = statistics.median(a / b for a, b in zip(*costs))
    bar(ratio >= .98, f"2 remote workers do {100 * ratio:.1f} % of 2 local ones, {trials} trials of {seconds:.2f} s "
                      f"(pairs: {', '.join(f'{100 * b / a:.1f}' for a, b in zip(*rates))}): at least 98")
    bar(spent >= .98, f"the same by CPU time a trial: {100 * spent:.1f} % "
                      f"({1000 * statistics.median(costs[0]):.1f} ms and {1000 * statistics.median(costs[1]):.1f} ms)")


def wire(workers, trials, window):
    text = subprocess.run([args.bench_wire, str(workers), str(trials), str(window)], check=True,
                          capture_output=True, text=True).stdout
    return {key: float(value) for key, value in next(csv.DictReader(text.splitlines())).items()}


def results():
    runs = [wire(32, 10000, 64) for _ in range(args.pairs)]
    by_clock = statistics.median(r["results_per_second"] for r in runs)
    by_cpu = 1000 / statistics.median(r["cpu_ms_per_result"] for r in runs)
    bar(by_clock >= 2000, f"the search takes {by_clock:.0f} results a second (runs: "
                          f"{', '.join('%.0f' % r['results_per_second'] for r in runs)}): at least 2,000")
    bar(by_cpu >= 2000, f"the same a second of its CPU time: {by_cpu:.0f}")
    many = wire(1000, 5000, 2000)
    bar(many["peak_mb"] < 200, f"memory with 1,000 connections: {many['peak_mb']:.0f} MB "
                               f"({many['results_per_second']:.0f} results a second): below 200")


def main():
    global args
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("retort", type=os.path.realpath)
    parser.add_argument("bench_wire", type=os.path.realpath)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=18, help="of each run of part 2")
    parser.add_argument("--steps", type=int, default=600, help="of each trial of part 2")
    parser.add_argument("--nice", type=int, default=-10)
    args = parser.parse_args()
    try:
        os.setpriority(os.PRIO_PROCESS, 0, args.nice)
    except PermissionError:
        print(f"no priority of {args.nice} here")
    began, load = time.time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_data()
        overhead()
        throughput()
        results()
        os.chdir("/")
    print(f"{sum(met)} of {len(met)} met, {time.time() - began:.0f} s; load before it {load:.1f}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
