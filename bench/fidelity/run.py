#!/usr/bin/env python3
"""How well do short runs rank students? The same students, trained fully and in many short ways.

Takes a study file, draws students of its space (every depth and patch), and trains all of them by `retort
search`, one study a condition, in which they are named by `start_from`: fully with two seeds, and short with
other budgets, learning rates, schedules and a second seed. All have the same rows, teachers and knowledge cache.
What has run is not run again, so it may be stopped at any time and called again; the report says what is
still missing.

  bench/fidelity/run.py --study examples/fashion-mnist/quick.yaml --out out/fidelity --report docs/fidelity.md
  bench/fidelity/run.py --study examples/fashion-mnist/quick.yaml --out out/fidelity --only-report

--scale 0.02 tries everything in little time.
"""
import argparse
import json
import pathlib
import random
import re
import sqlite3
import subprocess
import sys

import report
import yaml

SHORT = 960  # steps of a short run, before --scale
FULL = 6400  # of a full one
BATCH, RATE = 64, 2e-3  # of both, unless a condition says otherwise
DRAWN = 27   # students beside the three that any search begins with
MACS = 1_000_000

# name, steps, seed, what it changes of the study (dotted keys); in the order in which they run
CONDITIONS = [
    ("short", SHORT, 1, {}),
    ("full", FULL, 1, {}),
    ("rate by width", SHORT, 1, {"distill.reference_width": 32}),
    ("twice the rate", SHORT, 1, {"distill.learning_rate": 4e-3}),
    ("half the steps", SHORT // 2, 1, {}),
    ("short, seed 2", SHORT, 2, {}),
    ("full, seed 2", FULL, 2, {}),
    ("a quarter of the steps", SHORT // 4, 1, {}),
    ("twice the steps", SHORT * 2, 1, {}),
    ("teachers alone", SHORT, 1, {"distill.ce0": 0, "distill.ce1": 0}),
    ("temperature 1", SHORT, 1, {"distill.t_schedule": "constant", "distill.t0": 1}),
    ("half the rate", SHORT, 1, {"distill.learning_rate": 1e-3}),
    ("batch of 32, twice the steps", SHORT * 2, 1, {"distill.batch": 32}),
    ("four times the steps", SHORT * 4, 1, {}),
    ("twice the rate, by width", SHORT, 1, {"distill.learning_rate": 4e-3, "distill.reference_width": 32}),
    ("three times the rate", SHORT, 1, {"distill.learning_rate": 6e-3}),
    ("three times the rate, by width", SHORT, 1, {"distill.learning_rate": 6e-3, "distill.reference_width": 32}),
    ("batch of 32, by width", SHORT * 2, 1, {"distill.batch": 32, "distill.reference_width": 32}),
    ("batch of 32, twice the rate", SHORT * 2, 1, {"distill.batch": 32, "distill.learning_rate": 4e-3}),
    ("batch of 16", SHORT * 4, 1, {"distill.batch": 16}),
    ("batch of 16, twice the rate", SHORT * 4, 1, {"distill.batch": 16, "distill.learning_rate": 4e-3}),
    ("batch of 16, twice the rate, seed 2", SHORT * 4, 2, {"distill.batch": 16, "distill.learning_rate": 4e-3}),
    ("batch of 16, twice the rate, temperature 1", SHORT * 4, 1,
     {"distill.batch": 16, "distill.learning_rate": 4e-3, "distill.t_schedule": "constant", "distill.t0": 1}),
    ("batch of 16, twice the rate, by width", SHORT * 4, 1,
     {"distill.batch": 16, "distill.learning_rate": 4e-3, "distill.reference_width": 32}),
    ("batch of 8", SHORT * 8, 1, {"distill.batch": 8}),
    ("batch of 8, twice the rate", SHORT * 8, 1, {"distill.batch": 8, "distill.learning_rate": 4e-3}),
]


def macs(depth, width, head_dim, heads, ffn, patch, side=28):
    """At least what the student multiplies; the last block is counted whole."""
    tokens = (side // patch) ** 2 + 1
    attention = heads * head_dim
    layer = tokens * (4 * width * attention + 2 * width * ffn) + 2 * tokens * tokens * attention
    return tokens * width * patch * patch + depth * layer


def draw(space):
    """Students of each depth and patch in turn, the rest at random."""
    rng = random.Random(1)
    cells = [(depth, patch) for depth in space["depth"] for patch in space["patch"]]
    drawn = []
    while len(drawn) < DRAWN:
        depth, patch = cells[len(drawn) % len(cells)]
        width, head_dim, heads = (rng.choice(space[key]) for key in ("width", "head_dim", "heads"))
        ffn = max(8, int(width * rng.choice(space["ffn_ratio"]) / 8 + .5) * 8)
        arch = f"L{depth}-d{width}-k{head_dim}-h{heads}-f{ffn}-p{patch}"
        if macs(depth, width, head_dim, heads, ffn, patch) <= MACS and arch not in drawn:
            drawn.append(arch)
    return drawn


def change(study, changes):
    for key, value in changes.items():
        block, name = key.split(".")
        study.setdefault(block, {})[name] = value
    return study


def stem(name):
    return "".join(c if c.isalnum() else "-" for c in name)


def write_study(args, base, name, steps, seed, changes):
    study = json.loads(json.dumps(base))
    study["seed"] = seed
    study["name"] = "fidelity: " + name
    study.setdefault("data", {})["seed"] = 1
    study["teachers"]["cache"] = str(args.out / "teachers")
    study["limits"] = {"macs": MACS}
    study["distill"].update(steps=max(3, round(steps * args.scale)), batch=BATCH, learning_rate=RATE)
    study["latency"] = {"batch": 1, "threads": 1}
    students = draw(study["space"])
    study["search"] = {"trials": len(students) + 3, "workers": 1, "initial": 3, "window": 1, "surrogate": "none",
                       "objectives": ["error", "params"], "start_from": students}
    change(study, changes)
    path = args.out / (stem(name) + ".yaml")
    path.write_text(json.dumps(study, indent=1) + "\n")  # JSON is YAML, as far as study files go
    return path


def retort(args, *command):
    with open(args.out / "log.txt", "a") as log:
        done = subprocess.run([args.retort, *map(str, command)], stdout=log, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed: {done.stderr.strip().splitlines()[-1]}")


def read(path):
    """{architecture: row} of what a condition has so far."""
    rows = {}
    if not path.exists():
        return rows
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for arch, macs_, params, depth, width, patch, trial in db.execute(
            "select c.arch, c.macs, c.params, c.depth, c.width, c.patch, t.number from trial t "
            "join candidate c on c.id = t.candidate where t.state = 'committed'"):
        got = dict(db.execute("select name, value from metric where trial = ?", (trial,)))
        heads, ffn = db.execute("select heads, ffn from layer l join trial t on t.candidate = l.candidate "
                                "where t.number = ? limit 1", (trial,)).fetchone()
        (last,) = db.execute("select avg(value) from curve where trial = ?1 and name = 'soft' and step >= "
                             "(select max(step) * 3 / 4 from curve where trial = ?1)", (trial,)).fetchone()
        rows[arch] = {"error": got["error"], "kl": got["kl"], "soft": last, "macs": macs_, "params": params,
                      "depth": depth, "width": width, "patch": patch, "heads": heads, "ffn": ffn}
    db.close()
    return rows


def tell(args):
    """The report of what there is, also into the file that was asked for."""
    found = {name: {"steps": max(3, round(steps * args.scale)), "batch": changes.get("distill.batch", BATCH),
                    "rows": read(args.out / (stem(name) + ".db"))} for name, steps, _, changes in CONDITIONS}
    text = report.text(found)
    if args.report:
        pathlib.Path(args.report).write_text(text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="examples/fashion-mnist/quick.yaml")
    parser.add_argument("--retort", default="build/release/retort")
    parser.add_argument("--out", type=lambda p: pathlib.Path(p).absolute(), default="out/fidelity")
    parser.add_argument("--report", help="write the tables here, too")
    parser.add_argument("--only-report", action="store_true", help="of what there is; train nothing")
    parser.add_argument("--only", default="", help="regular expression: run these conditions")
    parser.add_argument("--scale", type=float, default=1, help="of all budgets, for trying it out")
    args = parser.parse_args()
    args.out = pathlib.Path(args.out).absolute()
    args.retort = str(pathlib.Path(args.retort).absolute())
    args.out.mkdir(parents=True, exist_ok=True)
    base = yaml.safe_load(pathlib.Path(args.study).read_text())
    if not args.only_report:
        for name, steps, seed, changes in CONDITIONS:
            if not re.search(args.only, name):
                continue
            path = write_study(args, base, name, steps, seed, changes)
            retort(args, "search", path, "--db", path.with_suffix(".db"))
            print(f"{name}: done", file=sys.stderr, flush=True)
            tell(args)
    print(tell(args))


if __name__ == "__main__":
    main()
