#!/usr/bin/env python3
"""What each part of learning a policy is worth: one student, one part of its study changed in turn.

    policy.py RETORT [--study examples/policy/pendulum.yaml] [--arch L1-d16-k8-h2-f32-c8]
              [--seeds 3] [--steps 3000] [--folder out/ablation]

Each row is the mean gap over the seeds and its standard error over them; the standard error of one
evaluation stands behind it, and the mean return: a gap is to the study's own teachers. Another seed has
other episodes, first weights and order of rows. Needs PyYAML.
"""
import argparse
import copy
import math
import pathlib
import sqlite3
import subprocess

import yaml

# A change: keys of blocks and their values; a value of None takes the key away.
CHANGES = {
    "as it is": {},
    "drive: teacher": {"rollouts.drive": "teacher"},
    "drive: student": {"rollouts.drive": "student"},
    "perturb: 0": {"rollouts.perturb": 0},
    "perturb: 0.5": {"rollouts.perturb": 0.5},
    "perturb, of labels": {"rollouts.mode": "label"},
    "drive: teacher, perturb: 0": {"rollouts.drive": "teacher", "rollouts.perturb": 0},
    "replay: per": {"rollouts.replay": "per"},
    "regenerate: 5": {"rollouts.regenerate": 5, "rollouts.keep": 12800},
    "history: 1": {"arch.c": 1},
    "history: 2": {"arch.c": 2},
    "history: 4": {"arch.c": 4},
    "bins: 8": {"actions.bins": 8},
    "bins: 32": {"actions.bins": 32},
    "grid: inner": {"actions.grid": "inner"},
    "read: mean": {"actions.read": "mean"},
    "read: sample": {"actions.read": "sample"},
    "teachers: the table and PPO": {"teachers.members": [{"name": "vi", "table": {"tau": 0.05}},
                                                         {"name": "ppo", "ppo": {"steps": 300000}}]},
    "labels first: ce 0.9 to 0.1": {"distill.mix": "linear", "distill.ce0": 0.9, "distill.ce1": 0.1},
}


def genes_of(arch):
    letters = {"L": "depth", "d": "width", "k": "head_dim", "h": "heads", "f": "ffn", "c": "history"}
    return {letters[part[0]]: [int(part[1:])] for part in arch.split("-")}


def study_of(base, arch, change, seed, steps):
    study = copy.deepcopy(base)
    study["seed"] = seed
    study["space"] = {"tie": "uniform", **genes_of(arch)}
    study["limits"] = {}
    study["distill"] = {**study.get("distill", {}), "steps": steps, "batch": 128}
    study["search"] = {"trials": 1, "workers": 1, "objectives": ["gap", "params"]}
    study.pop("gates", None)
    for key, value in change.items():
        block, name = key.split(".")
        if block == "arch":
            study["space"]["history"] = [value]
        elif value is None:
            study.setdefault(block, {}).pop(name, None)
        else:
            study.setdefault(block, {})[name] = value
    return study


def absolute(study, folder):
    """Paths in a study are relative to it; the copies lie elsewhere."""
    for member in study["teachers"]["members"]:
        if "policy" in member:
            member["policy"]["file"] = str((folder / member["policy"]["file"]).resolve())
    if "model" in study["environment"]:
        study["environment"]["model"] = str((folder / study["environment"]["model"]).resolve())


def run(retort, study, folder):
    folder.mkdir(parents=True, exist_ok=True)
    study["store"], study["teachers"]["cache"] = "study.db", "teachers"
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    done = subprocess.run([retort, "search", path], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{path}: {done.stderr.strip()}")
    with sqlite3.connect(f"file:{folder / 'study.db'}?mode=ro", uri=True) as db:
        return db.execute("select g.value, g.stderr, r.value from metric g join metric r on r.name = 'return'"
                          " where g.name = 'gap'").fetchone()


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("retort", type=pathlib.Path)
    ask.add_argument("--study", type=pathlib.Path, default="examples/policy/pendulum.yaml")
    ask.add_argument("--arch", default="L1-d16-k8-h2-f32-c8")
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--steps", type=int, default=3000)
    ask.add_argument("--folder", type=pathlib.Path, default="out/ablation")
    ask.add_argument("--only", help="rows whose name has this in it")
    wanted = ask.parse_args()
    base = yaml.safe_load(wanted.study.read_text())
    absolute(base, wanted.study.parent)

    print(f"| {wanted.arch}, {wanted.steps} steps | gap, % | of one evaluation | return |\n|---|---|---|---|")
    for number, (name, change) in enumerate(CHANGES.items()):
        if wanted.only and wanted.only not in name:
            continue
        gaps = []
        for seed in range(1, wanted.seeds + 1):
            study = study_of(base, wanted.arch, change, seed, wanted.steps)
            gaps.append(run(wanted.retort.resolve(), study, wanted.folder / f"{number}-{seed}"))
        mean, error, played = (sum(column) / len(gaps) for column in zip(*gaps))
        spread = math.sqrt(sum((g[0] - mean) ** 2 for g in gaps) / max(len(gaps) - 1, 1) / len(gaps))
        print(f"| {name} | {100 * mean:.2f} +- {100 * spread:.2f} | {100 * error:.2f} | {played:.1f} |", flush=True)


if __name__ == "__main__":
    main()
