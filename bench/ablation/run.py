#!/usr/bin/env python3
"""What each part of distillation is worth: one student, one budget, everything else held fixed.

Runs `retort search` on one study a variant and seed. All have the same rows, the same teachers and one
knowledge cache; the space is a single architecture, so that a study is one trial. A seed decides first
weights and the order of rows, the same for all variants, so differences are paired by seed. Scores are of
the validation rows, at T = 1.

  bench/ablation/run.py --retort build/release/retort --out out/ablation --table out/ablation/table.md
  bench/ablation/run.py --subject texts --out out/ablation-texts

What has run is not run again: delete OUT/runs to begin anew. --scale 0.02 tries everything in little time.
"""
import argparse
import concurrent.futures
import importlib
import json
import math
import pathlib
import re
import sqlite3
import subprocess
import sys
import time


def base(args):
    subject = args.subject
    return {
        "task": subject.TASK,
        "data": dict(subject.DATA),
        "teachers": {
            "cache": str(args.out / "teachers"),
            "members": [{"name": name, "train": {**how, "epochs": max(.01, how["epochs"] * args.scale)}}
                        for name, how in subject.TEACHERS.items()],
        },
        "space": dict(subject.STUDENT),
        "distill": {**subject.DISTILL, "steps": steps(args)},
        "search": {"trials": 1, "objectives": ["error"]},
        "latency": {"samples": 3, "warmup": 0},
    }


def steps(args):
    return max(3, round(args.subject.DISTILL["steps"] * args.scale))


def change(study, changes):
    for key, value in changes.items():
        path = key.split(".")
        if path[:2] == ["teachers", "weight"]:
            next(m for m in study["teachers"]["members"] if m["name"] == path[2])["weight"] = value
            continue
        block = study
        for name in path[:-1]:
            block = block.setdefault(name, {})
        block[path[-1]] = value
    return study


def stem(name, seed):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + "-" + str(seed)


def write_study(args, name, changes, seed, workers=1):
    """JSON is YAML, as far as study files go."""
    study = change(base(args), changes)
    study["seed"] = seed
    study["search"]["workers"] = workers
    path = args.out / "runs" / (stem(name, seed) + ".yaml")
    path.write_text(json.dumps(study, indent=1) + "\n")
    return path


def run(args, command, path):
    with open(args.out / "log.txt", "a") as log:
        done = subprocess.run([args.retort, command, path], stdout=log, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{command} {path} failed: {done.stderr.strip().splitlines()[-1]}")


def scores(path):
    db = sqlite3.connect(f"file:{path.with_suffix('.db')}?mode=ro", uri=True)
    got = dict(db.execute("select m.name, m.value from metric m join trial t on t.number = m.trial "
                          "where t.state = 'committed'"))
    (got["seconds"],) = db.execute("select seconds from execution where outcome = 'done'").fetchone()
    (got["params"],) = db.execute("select params from candidate").fetchone()
    got["teachers"] = list(db.execute(
        "select t.name, t.params, m.value, m.stderr from teacher t join teacher_metric m on m.teacher = t.number "
        "where m.name = 'error' order by t.number"))
    db.close()
    return got


def as_deployed(got):
    """What is deployed in int8 is scored in int8."""
    if "int8_error" in got:
        got["error"], got["kl"] = got["int8_error"], got["int8_kl"]
    return got


def is_done(path):
    try:
        return "error" in scores(path)
    except (sqlite3.Error, TypeError):
        return False


def mean_se(values):
    n = len(values)
    mean = sum(values) / n
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n) if n > 1 else math.nan


def percent(values):
    mean, se = mean_se([100 * v for v in values])
    return f"{mean:.2f} ± {se:.2f}"


def difference(got, reference, scale=1, digits=2):
    seeds = [s for s in got if s in reference]
    mean, se = mean_se([scale * (got[s] - reference[s]) for s in seeds])
    mark = " *" if abs(mean) > 2 * se else ""
    return f"{mean:+.{digits}f} ± {se:.{digits}f}{mark}"


def column(results, name, key):
    return {seed: got[key] for seed, got in results[name].items()}


def table(results, variants):
    lines = []
    group = None
    for g, name, changes in variants:
        if name not in results:
            continue
        if g != group:
            lines += ["", f"**{g}**", "", "| variant | error % | minus KD's | KL | minus KD's | parameters | time |",
                      "|---|---|---|---|---|---|---|"]
            group = g
        error, kl = column(results, name, "error"), column(results, name, "kl")
        own = any(key.startswith("teachers.") for key in changes)
        mean, se = mean_se(list(kl.values()))
        seconds = mean_se(list(column(results, name, "seconds").values()))[0]
        plain = mean_se(list(column(results, "KD", "seconds").values()))[0]
        first = name == "KD"
        params = next(iter(results[name].values()))["params"]
        lines.append("| {} | {} | {} | {} | {} | {} | {:.2f} |".format(
            name, percent(error.values()), "" if first else difference(error, column(results, "KD", "error"), 100),
            f"{mean:.4f} ± {se:.4f}", "" if first else "other target" if own else
            difference(kl, column(results, "KD", "kl"), 1, 4), params, seconds / plain))
    return lines


def headline(results, args):
    any_run = next(iter(results["KD"].values()))
    core = [name for name in args.subject.CORE if name in results]
    more = f", and to {2 * args.seeds} for {', '.join(core)}" if core else ""
    lines = [f"Student {any_run['params']} parameters, {steps(args)} steps of 64; seeds 1 to {args.seeds}{more}.", "",
             "| teacher | parameters | validation error % |", "|---|---|---|"]
    for name, params, error, se in any_run["teachers"]:
        lines.append(f"| {name} | {params} | {100 * error:.2f} ± {100 * se:.2f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subject", choices=["images", "texts"], default="images")
    parser.add_argument("--retort", default="build/release/retort")
    parser.add_argument("--out", type=lambda p: pathlib.Path(p).absolute(), default="out/ablation")
    parser.add_argument("--table", help="write the table here, too")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="of all budgets, for trying it out")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, each on one core")
    parser.add_argument("--only", default="", help="regular expression: these variants, and KD")
    args = parser.parse_args()
    args.retort = str(pathlib.Path(args.retort).absolute())
    (args.out / "runs").mkdir(parents=True, exist_ok=True)

    args.subject = importlib.import_module(args.subject)
    variants = {n: changes for _, n, changes in args.subject.VARIANTS if n == "KD" or re.search(args.only, n)}
    jobs = [(name, seed) for name in variants
            for seed in range(1, (2 if name in args.subject.CORE else 1) * args.seeds + 1)]
    paths = {job: write_study(args, job[0], variants[job[0]], job[1]) for job in jobs}
    begin = time.time()
    if not (args.out / "teachers" / "knowledge.rtk").exists():
        run(args, "teach", write_study(args, "teach", {}, 1, args.jobs))
    missing = [job for job in jobs if not is_done(paths[job])]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(lambda job: run(args, "search", paths[job]), missing))
    print(f"{len(missing)} runs, {time.time() - begin:.0f} s", file=sys.stderr)

    results = {}
    for name, seed in jobs:
        results.setdefault(name, {})[seed] = as_deployed(scores(paths[name, seed]))
    text = "\n".join(headline(results, args) + table(results, args.subject.VARIANTS)) + "\n"
    print(text)
    if args.table:
        pathlib.Path(args.table).write_text(text)


if __name__ == "__main__":
    main()
