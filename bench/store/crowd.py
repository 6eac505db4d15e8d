#!/usr/bin/env python3
"""What readers cost a search: many workers write one study, and from time to time many readers read it.

The evaluator answers after four seconds, so the search keeps up a rate that readers could lower. Slices
without and with readers take turns within one search. A reader asks again a second after it was answered;
one in ten holds a read transaction open for five seconds. Told are errors of locks, the most that the
write-ahead log grew to, and how much slower the search was in slices with readers.

    bench/store/crowd.py RETORT FOLDER [--minutes 10] [--workers 64] [--readers 10] [--slice 30]

FOLDER must not be there. Say what else ran: on a busy machine slices differ by more than the bar.
"""
import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

CHILD = """import json, sys, time
for line in sys.stdin:
    job = json.loads(line)
    a, b, c, d = (job["architecture"][g] for g in "abcd")
    time.sleep(4)
    metrics = {"loss": 1 / (1 + a) + ((b * 7 + c * 3 + d) % 11) * 1e-3, "cost": a + 1e-3 * b}
    metrics.update((f"more{i}", i + 1e-3 * c) for i in range(8))
    curve = {"loss": [[s, 1 / (1 + s)] for s in range(12)]}
    print(json.dumps({"trial": job["trial"], "metrics": metrics, "curve": curve}), flush=True)
"""
STUDY = """name: crowd
evaluator: {{command: [{python}, child.py], workers: {workers}, timeout: 600}}
space:
  genes:
{genes}
search: {{trials: 10000000, hours: {hours}, window: {window}, surrogate: none, objectives: [loss, cost]}}
"""
COMMANDS = ["status"], ["front"], ["best"], ["status"], ["report", "-o", "page{}.html"]
VIEWS = ("select * from pareto", "select * from leaderboard limit 20", "select * from progress")


class Reader(threading.Thread):
    def __init__(self, number, given, stop):
        super().__init__()
        self.number, self.given, self.stop, self.errors, self.asked = number, given, stop, [], 0

    def ask_command(self):
        command, *rest = COMMANDS[self.number % len(COMMANDS)]
        rest = [word.format(self.number) for word in rest]
        done = subprocess.run([self.given.retort, command, "study.db", *rest],
                              cwd=self.given.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            self.errors.append(done.stderr.strip())

    def ask_view(self, seconds):
        try:
            db = sqlite3.connect(f"file:{self.given.folder}/study.db?mode=ro", uri=True, timeout=0)
            db.execute("begin")
            for sql in VIEWS:
                db.execute(sql).fetchall()
            self.stop.wait(seconds)
            db.execute("commit")
            db.close()
        except sqlite3.Error as error:
            self.errors.append(str(error))

    def run(self):
        while not self.stop.is_set():
            if self.number % 10 == 9:
                self.ask_view(5)
            elif self.number % 2:
                self.ask_view(0)
            else:
                self.ask_command()
            self.asked += 1
            self.stop.wait(1)


def committed(folder):
    db = sqlite3.connect(f"file:{folder}/study.db?mode=ro", uri=True, timeout=5)
    count, = db.execute("select committed + failed from progress").fetchone()
    db.close()
    return count


def run_slice(given, readers, log):
    """Trials a second, and what readers met."""
    stop = threading.Event()
    crowd = [Reader(i, given, stop) for i in range(readers)]
    for reader in crowd:
        reader.start()
    time.sleep(2)  # what was asked before
    first, began = committed(given.folder), time.monotonic()
    while time.monotonic() < began + given.slice:
        try:
            log.append(os.stat(f"{given.folder}/study.db-wal").st_size)
        except FileNotFoundError:
            pass
        time.sleep(0.1)
    rate = (committed(given.folder) - first) / (time.monotonic() - began)
    stop.set()
    for reader in crowd:
        reader.join()
    return rate, [e for r in crowd for e in r.errors], sum(r.asked for r in crowd)


def write_study(given):
    os.makedirs(given.folder)
    names = "[" + ", ".join(str(i) for i in range(64)) + "]"
    with open(f"{given.folder}/child.py", "w", encoding="utf-8") as out:
        out.write(CHILD)
    with open(f"{given.folder}/study.yaml", "w", encoding="utf-8") as out:
        genes = "\n".join(f"    - {{name: {g}, choices: {names}}}" for g in "abcd")
        out.write(STUDY.format(python=sys.executable, workers=given.workers, genes=genes,
                               hours=given.minutes / 60 + 1, window=4 * given.workers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("retort")
    parser.add_argument("folder")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--slice", type=float, default=30)
    given = parser.parse_args()
    given.retort = os.path.abspath(given.retort)
    write_study(given)
    rates, log, errors, asked = {False: [], True: []}, [], [], 0
    with open(f"{given.folder}/search.txt", "w", encoding="utf-8") as out:
        search = subprocess.Popen([given.retort, "search", "study.yaml", "--db", "study.db"],
                                  cwd=given.folder, stdout=out, stderr=out)
    try:
        time.sleep(20)  # the children start
        ends = time.monotonic() + 60 * given.minutes
        crowded = False
        while time.monotonic() < ends or crowded:
            rate, met, reads = run_slice(given, given.readers if crowded else 0, log)
            rates[crowded].append(rate)
            errors += met
            asked += reads
            print(f"{'with' if crowded else 'without'} readers: {rate:.1f} trials a second",
                  flush=True)
            crowded = not crowded
            if search.poll() is not None:
                sys.exit("the search has ended: see search.txt")
    finally:
        search.terminate()
        search.wait()
    slower = 1 - statistics.mean(rates[True]) / statistics.mean(rates[False])
    bars = ((not errors, f"{len(errors)} errors of {asked} reads {errors[:3] or ''}"),
            (max(log) < 64 << 20, f"the write-ahead log had {max(log) / 2**20:.1f} MiB at most"),
            (slower <= 0.02, f"the search was {100 * slower:.1f} % slower with readers"))
    for met, text in bars:
        print("met   " if met else "MISSED", text)
    sys.exit(not all(met for met, _ in bars))


if __name__ == "__main__":
    main()
