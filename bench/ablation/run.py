#!/usr/bin/env python3
"""What each part of distillation is worth: one student, one budget, everything else held fixed.

Runs `retort search` on one study a variant and seed. All have the same rows, the same teachers and one
knowledge cache; the space is a single architecture, so that a study is one trial. A seed decides first
weights and the order of rows, the same for all variants, so differences are paired by seed. Scores are of
the validation rows, at T = 1.

  bench/ablation/run.py --retort build/release/retort --out out/ablation --table out/ablation/table.md

What has run is not run again: delete OUT/runs to begin anew. --scale 0.02 tries everything in little time.
"""
import argparse
import concurrent.futures
import json
import math
import pathlib
import re
import sqlite3
import subprocess
import sys
import time

DATA = "/usr/share/datasets/fashion-mnist/"
STUDENT = {"depth": [4], "width": [48], "head_dim": [16], "heads": [3], "ffn": [96], "patch": [7]}

# Three that err differently: wide heads, many heads, and smaller patches. `heads3` has as many heads as the
# student, for the losses that compare attention head by head; `heads6` has twice as many, to be pruned.
TEACHERS = {
    "heads3": {"arch": "L4-d96-k32-h3-f192-p7", "epochs": 5, "seed": 11},
    "heads6": {"arch": "L5-d96-k16-h6-f192-p7", "epochs": 5, "seed": 12},
    "fine": {"arch": "L3-d96-k16-h6-f192-p4", "epochs": 3, "seed": 13},
}
STEPS = 1500


def base(out, scale):
    return {
        "data": {
            "train_images": DATA + "train-images-idx3-ubyte.gz",
            "train_labels": DATA + "train-labels-idx1-ubyte.gz",
            "validation": 10000, "held_out": 2000, "seed": 1,
        },
        "teachers": {
            "cache": str(out / "teachers"),
            "members": [{"name": name, "train": {**how, "epochs": max(.01, how["epochs"] * scale)}}
                        for name, how in TEACHERS.items()],
        },
        "space": STUDENT,
        "distill": {"steps": max(3, round(STEPS * scale)), "batch": 64, "learning_rate": 2e-3},
        "search": {"trials": 1, "objectives": ["error"]},
        "latency": {"samples": 3, "warmup": 0},
    }


def only(teacher):
    """The ensemble with all of its weight on one: the others stay in the cache that all share."""
    return {"teachers.weight." + name: 1e6 if name == teacher else 1e-6 for name in TEACHERS}


def layers(**keys):
    return {"distill.layers": {"teacher": "heads3", **keys}}


def pruned(**keys):
    return {"distill.init": "prune", "prune": {"teacher": "heads6", **keys}}


# group, name, what it changes of the baseline: dotted keys of the study file. `core` ones answer the two
# questions that the whole thing stands on, and get twice the seeds.
CORE = ["KD", "labels alone", "heads3 alone", "heads6 alone", "fine alone"]
VARIANTS = [
    ("What is learned from", "KD", {}),
    ("What is learned from", "labels alone", {"distill.mix": "constant", "distill.ce0": 1, "distill.reg": "none"}),
    ("What is learned from", "teachers alone", {"distill.ce0": 0, "distill.ce1": 0}),
    ("Teachers", "heads3 alone", only("heads3")),
    ("Teachers", "heads6 alone", only("heads6")),
    ("Teachers", "fine alone", only("fine")),
    ("Teachers", "mean of logits", {"teachers.combine": "logit"}),
    ("Teachers", "weights by accuracy", {"teachers.weights": "accuracy"}),
    ("Teachers", "weights by entropy", {"teachers.weights": "entropy"}),
    ("Teachers", "weights by confidence", {"teachers.weights": "confidence"}),
    ("Teachers", "weights by EM", {"teachers.weights": "em"}),
    ("Teachers", "calibrated", {"teachers.calibrate": True}),
    ("Soft loss", "reverse KL", {"distill.loss": "rkl"}),
    ("Soft loss", "Jensen-Shannon", {"distill.loss": "js"}),
    ("Soft loss", "symmetric KL", {"distill.loss": "sym"}),
    ("Soft loss", "logit MSE", {"distill.loss": "mse"}),
    ("Soft loss", "DKD", {"distill.loss": "dkd"}),
    ("Soft loss", "teacher's class (hard)", {"distill.loss": "hard"}),
    ("Soft loss", "correlation (dist)", {"distill.loss": "dist"}),
    ("Soft loss", "standardised logits", {"distill.standardise": True}),
    ("Mixing with labels", "two-stage: labels, then teachers", {"distill.mix": "two_stage"}),
    ("Mixing with labels", "cosine 0.9 to 0.1", {"distill.mix": "cosine"}),
    ("Mixing with labels", "constant 0.1", {"distill.mix": "constant", "distill.ce0": .1}),
    ("Mixing with labels", "constant 0.5", {"distill.mix": "constant", "distill.ce0": .5}),
    ("Mixing with labels", "constant 0.9", {"distill.mix": "constant", "distill.ce0": .9}),
    ("Temperature", "cosine 4 to 1", {"distill.t_schedule": "cosine"}),
    ("Temperature", "linear 8 to 1", {"distill.t0": 8}),
    ("Temperature", "constant 4", {"distill.t_schedule": "constant"}),
    ("Temperature", "constant 2", {"distill.t_schedule": "constant", "distill.t0": 2}),
    ("Temperature", "constant 1", {"distill.t_schedule": "constant", "distill.t0": 1}),
    ("Temperature", "without T^2", {"distill.t2_scale": False}),
    ("Temperature", "constant 4 without T^2", {"distill.t_schedule": "constant", "distill.t2_scale": False}),
    ("Regulariser and clipping", "no regulariser", {"distill.reg": "none"}),
    ("Regulariser and clipping", "squared L2", {"distill.reg": "l2sq"}),
    ("Regulariser and clipping", "L2 to its own running mean", {"distill.reg_target": "ema"}),
    ("Regulariser and clipping", "no gradient floor", {"distill.clip_low": 0}),
    ("Regulariser and clipping", "no clipping", {"distill.clip_low": 0, "distill.clip_high": 0}),
    ("Layer-wise, then logits", "embedding, hidden, relations", layers()),
    ("Layer-wise, then logits", "all the time beside logits", layers(intermediate=0)),
    ("Layer-wise, then logits", "hidden alone", layers(embedding=0, attention=0)),
    ("Layer-wise, then logits", "hidden by cosine", layers(embedding=0, attention=0, hidden_loss="cosine")),
    ("Layer-wise, then logits", "relations alone (MiniLM)", layers(embedding=0, hidden=0)),
    ("Layer-wise, then logits", "attention scores (TinyBERT)", layers(attention_loss="logits")),
    ("Layer-wise, then logits", "attention probabilities", layers(attention_loss="probabilities")),
    ("Layer-wise, then logits", "attention KL", layers(attention_loss="kl")),
    ("Layer-wise, then logits", "without balance", layers(balance=False)),
    ("First weights", "pruned by activation", pruned()),
    ("First weights", "pruned by gradient", pruned(importance="gradient")),
    ("First weights", "layers by influence", pruned(layers="influence")),
    ("First weights", "heads merged", pruned(merge_heads=True)),
    ("In int8", "KD, then int8 (PTQ)", {"distill.quantise": "ptq"}),
    ("In int8", "int8 felt while training (QAT)", {"distill.quantise": "qat"}),
]


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
    study = change(base(args.out, args.scale), changes)
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


def table(results, names):
    lines = []
    group = None
    for g, name, _ in VARIANTS:
        if name not in names:
            continue
        if g != group:
            lines += ["", f"**{g}**", "", "| variant | error % | minus KD's | KL | minus KD's | time |",
                      "|---|---|---|---|---|---|"]
            group = g
        error, kl = column(results, name, "error"), column(results, name, "kl")
        own = any(key.startswith("teachers.") for key in VARIANTS_BY_NAME[name])
        mean, se = mean_se(list(kl.values()))
        seconds = mean_se(list(column(results, name, "seconds").values()))[0]
        plain = mean_se(list(column(results, "KD", "seconds").values()))[0]
        first = name == "KD"
        lines.append("| {} | {} | {} | {} | {} | {:.2f} |".format(
            name, percent(error.values()), "" if first else difference(error, column(results, "KD", "error"), 100),
            f"{mean:.4f} ± {se:.4f}", "" if first else "other target" if own else
            difference(kl, column(results, "KD", "kl"), 1, 4), seconds / plain))
    return lines


VARIANTS_BY_NAME = {name: changes for _, name, changes in VARIANTS}


def headline(results, args):
    any_run = next(iter(results["KD"].values()))
    lines = [f"Student {any_run['params']} parameters, {max(3, round(STEPS * args.scale))} steps of 64; seeds "
             f"1 to {args.seeds}, and to {2 * args.seeds} for {', '.join(c for c in CORE if c in results)}.", "",
             "| teacher | parameters | validation error % |", "|---|---|---|"]
    for name, params, error, se in any_run["teachers"]:
        lines.append(f"| {name} | {params} | {100 * error:.2f} ± {100 * se:.2f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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

    names = [n for _, n, _ in VARIANTS if n == "KD" or re.search(args.only, n)]
    jobs = [(name, seed) for name in names
            for seed in range(1, (2 if name in CORE else 1) * args.seeds + 1)]
    paths = {job: write_study(args, job[0], VARIANTS_BY_NAME[job[0]], job[1]) for job in jobs}
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
    text = "\n".join(headline(results, args) + table(results, names)) + "\n"
    print(text)
    if args.table:
        pathlib.Path(args.table).write_text(text)


if __name__ == "__main__":
    main()
