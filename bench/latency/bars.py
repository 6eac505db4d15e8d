#!/usr/bin/env python3
"""How far Retort's figures of latency can be trusted on this machine, as bars that are met or missed.

Fifteen students are timed in sessions: inside a search with all workers busy, and alone, each several
times at different minutes and once more under added load; then in one long run of 60 blocks each, whose
floors are the truth. Told are: how far clear figures of all sessions agree, whether intervals hold the truth,
whether rankings beyond the intervals agree, what measuring took of the first search, and how well the
linear model foretells students that it has not seen.

    bench/latency/bars.py RETORT STUDY FOLDER [--repeats 3] [--pause 20] [--load 5] [--long 120]
                          [--model 40]

STUDY is a study of images, whose data are used; all else is replaced. Everything is written into
FOLDER; what is there already is not done again. As it stands it takes some twelve minutes of two
cores. Figures are only worth as much as the machine is quiet in the long run: say what else ran.
"""
import argparse
import itertools
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time

STUDENTS = """L1-d8-k8-h1-f16-p14 L1-d16-k8-h1-f32-p14 L1-d16-k8-h2-f32-p7 L1-d32-k8-h2-f64-p14
L2-d16-k8-h2-f32-p7 L1-d32-k16-h2-f64-p7 L2-d32-k16-h2-f64-p14 L2-d32-k16-h2-f64-p7
L2-d48-k16-h3-f96-p7 L3-d48-k16-h2-f128-p7 L3-d64-k16-h4-f128-p7 L4-d64-k16-h4-f256-p7
L4-d96-k16-h4-f256-p7 L4-d128-k16-h4-f256-p7 L6-d128-k16-h6-f256-p7""".split()

SPACE = """space:
  tie: uniform
  depth: [1, 2, 3, 4, 6]
  width: [8, 16, 32, 48, 64, 96, 128]
  head_dim: [8, 16]
  heads: [1, 2, 3, 4, 6]
  ffn: [16, 32, 64, 96, 128, 256]
  patch: [7, 14]
"""

# Latency does not depend on what is learnt: one small teacher, hardly taught.
TEACHERS = """teachers:
  cache: {}/teachers
  members: [{{name: one, train: {{arch: L1-d16-k8-h2-f32-p7, epochs: 0.1, batch: 64}}}}]
"""

bars = []  # (met, text)


def bar(met, text):
    bars.append(met)
    print(f"{'met   ' if met else 'MISSED'} {text}", flush=True)


def block(text, key):
    """A block of the study's own, with what is indented behind it."""
    found = re.search(rf"^{key}:.*\n(?:[ #].*\n|\n)*", text, re.M)
    return found.group(0) if found else ""


def study_of(args, db):
    """Beside the study, since its paths are relative."""
    name = os.path.basename(db).removesuffix(".db")
    return os.path.join(os.path.dirname(os.path.abspath(args.study)), f".bars-{name}.yaml")


def write_study(args, trials, steps, name):
    text = open(args.study).read()
    path = study_of(args, name)
    folder = os.path.abspath(args.folder)
    with open(path, "w") as out:
        out.write(f"name: bars\nstore: {folder}/{name}.db\n")
        out.write(block(text, "seed") + block(text, "data") + TEACHERS.format(folder) + SPACE)
        out.write(f"distill: {{steps: {steps}, batch: 64}}\n")
        out.write(f"search:\n  trials: {trials}\n  initial: {trials}\n  window: 16\n")
        out.write("  objectives: [error, latency]\n  start_from: [" + ", ".join(STUDENTS) + "]\n")
    return path


class Load:
    """Processes that keep the cores busy while the block is run."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        loop = "while True: pass"
        self.running = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(self.count)]

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
            process.wait()


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def search(args, name, trials, steps, load):
    db = os.path.join(args.folder, f"{name}.db")
    study = write_study(args, trials, steps, name)
    if not os.path.exists(db):
        with Load(load):
            run(args.retort, "search", study)
    return db


def alone(args, name, source, seconds, load, blocks=1):
    db = os.path.join(args.folder, f"{name}.db")
    if os.path.exists(db):
        return db
    connection = sqlite3.connect(source)
    connection.execute("vacuum into ?", (db + ".new",))
    connection.close()
    connection = sqlite3.connect(db + ".new")
    connection.executescript("delete from latency_block; delete from latency;")
    candidates = [str(c) for (c,) in connection.execute(
        "select id from candidate where arch in (%s)" % ",".join("?" * len(STUDENTS)), STUDENTS)]
    connection.close()
    with Load(load):
        run(args.retort, "latency", db + ".new", *candidates, "--seconds", str(seconds),
            "--blocks", str(blocks), "--study", study_of(args, source))
    os.rename(db + ".new", db)
    return db


def figures(db, where="1"):
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    rows = connection.execute(
        "select c.arch, l.state, l.value, l.low, l.high, l.weather, l.blocks, l.predicted"
        f" from latency l join candidate c on c.id = l.candidate join host h on h.id = l.host"
        f" where threads = 1 and batch = 1 and {where} order by c.id").fetchall()
    connection.close()
    return {row[0]: row[1:] for row in rows}


def of_students(figures):
    """The fifteen alone, and what was measured alone."""
    return {s: figures[s] for s in STUDENTS if s in figures and figures[s][0] != "predicted"}


def share(db):
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    (value,) = connection.execute(
        "select 100 * sum(timing + standing) / sum(workers * 86400 * (julianday(finished) -"
        " julianday(started))) from run").fetchone()
    connection.close()
    return value


def ranks_agree(a, b):
    """Pairs whose intervals do not touch in either session, and how many of them are in one order."""
    pairs = same = 0
    for x, y in itertools.combinations([s for s in STUDENTS if s in a and s in b], 2):
        apart = all(f[x][3] < f[y][2] or f[y][3] < f[x][2] for f in (a, b))
        pairs += apart
        same += apart and (a[x][1] < a[y][1]) == (b[x][1] < b[y][1])
    return pairs, same


def spearman(x, y):
    rank = lambda v: {i: r for r, i in enumerate(sorted(range(len(v)), key=v.__getitem__))}
    rx, ry, n = rank(x), rank(y), len(x)
    return 1 - 6 * sum((rx[i] - ry[i]) ** 2 for i in range(n)) / (n * (n * n - 1))


def tell_model(args, source):
    """Forty students measured as those of a host `model`; the others are what that predicts."""
    db = os.path.join(args.folder, "model.db")
    if not os.path.exists(db):
        shutil.copy(source, db + ".new")
        known = [str(i) for i in range(1, args.model + 1)]
        run(args.retort, "latency", db + ".new", *known, "--seconds", "60", "--study", study_of(args, source),
            "--host", "model", "--command", f"{os.path.abspath(args.retort)} latency --answer")
        run(args.retort, "latency", db + ".new", "--all", "--seconds", "60", "--study", study_of(args, source))
        os.rename(db + ".new", db)
    said, truth = figures(db, "h.host = 'model'"), figures(db, "h.host <> 'model'")
    held = [a for a in said if said[a][0] == "predicted" and a in truth]
    if len(held) < 3:
        return
    x, y = [said[a][1] for a in held], [truth[a][1] for a in held]
    error = sum(abs(p / t - 1) for p, t in zip(x, y)) / len(held)
    rank = spearman(x, y)
    bar(rank >= .97 and error <= .06, f"linear model from {args.model}: {len(held)} held out, rank correlation"
        f" {rank:.3f} (bar .97), mean error {100 * error:.1f} % (bar 6)")


def tell_sessions(truth, found):
    print(f"{'student':26} {'truth us':>9}  state     " + " ".join(f"{n:>14}" for n in found))
    agree = seen = 0
    for s in truth:
        clear = [f[s][1] for f in found.values() if s in f and f[s][0] == "clear"]
        seen += len(clear) > 1
        agree += not clear or max(clear) <= 1.03 * min(clear)
        cells = []
        for f in found.values():
            mark = "" if s in f and f[s][0] == "clear" else "~"
            cells.append(f"{mark + format(f[s][1] / truth[s][1], '.3f'):>14}" if s in f else " " * 14)
        print(f"{s:26} {truth[s][1] / 1e3:9.3f}  {truth[s][0]:9} " + " ".join(cells))
    print("as shares of the truth; ~ is estimated\n")
    need = len(truth) - 1
    unclear = sum(row[0] != "clear" for row in truth.values())
    if unclear:
        print(f"of the truth {unclear} figures are not clear: the long run had no quiet")
    bar(agree >= need, f"clear figures of all sessions agree within 3 %: {agree} of {len(truth)} (bar {need});"
        f" {seen} were clear in several")
    for name, f in found.items():
        held = sum(f[s][2] <= truth[s][1] <= f[s][3] for s in truth if s in f)
        clear = sum(f[s][0] == "clear" for s in truth if s in f)
        pairs, same = ranks_agree(f, truth)
        weather = sorted(f[s][4] for s in truth if s in f)
        bar(held >= need and same == pairs,
            f"{name:14} intervals hold the truth: {held:2d} (bar {need}); order beyond intervals: {same} of {pairs};"
            f" {clear:2d} clear, weather {weather[len(weather) // 2]:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("retort")
    parser.add_argument("study")
    parser.add_argument("folder")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pause", type=float, default=20, help="seconds between sessions")
    parser.add_argument("--load", type=int, default=5, help="busy processes of the loaded sessions")
    parser.add_argument("--long", type=float, default=120, help="seconds of the long run")
    parser.add_argument("--short", type=float, default=20, help="seconds of a session alone")
    parser.add_argument("--steps", type=int, default=1000, help="of a trial of the first search; others have a fifth")
    parser.add_argument("--model", type=int, default=40, help="students to fit the model to; 0: none")
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)

    began, trials = time.monotonic(), len(STUDENTS) + 3
    sessions = {}
    for i in range(args.repeats + 1):
        load = args.load if i == args.repeats else 0
        tag = "loaded" if load else str(i + 1)
        inside = search(args, f"search-{tag}", trials, args.steps if i == 0 else args.steps // 5, load)
        sessions[f"search {tag}"] = inside
        time.sleep(args.pause)
        sessions[f"alone {tag}"] = alone(args, f"alone-{tag}", inside, args.short, load)
        time.sleep(args.pause)
    truth = of_students(figures(alone(args, "long", sessions["search 1"], args.long, 0, 60)))
    tell_sessions(truth, {name: of_students(figures(db)) for name, db in sessions.items()})
    took = share(sessions["search 1"])
    bar(took <= 3, f"search 1: measuring took {took:.2f} % of the workers' time (bar 3)")
    if args.model:
        tell_model(args, search(args, "many", args.model + 40, 30, 0))
    for name in ["many"] + [os.path.basename(db) for db in sessions.values()]:
        if os.path.exists(study_of(args, name)):
            os.remove(study_of(args, name))
    print(f"\n{sum(bars)} of {len(bars)} bars met, in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
