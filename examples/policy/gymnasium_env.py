#!/usr/bin/env python3
"""Any environment of Gymnasium as `environment: {command: [python3, gymnasium_env.py, ID, ..]}`.

    gymnasium_env.py ID [--horizon N] [--labels FILE.py] [--atari] [--import MODULE] [--KEY VALUE ..]

--labels FILE.py  the teacher: a Python file with KIND = "gaussian" | "tanh" | "logits" | "q" and
                  label(observations) -> array (n, l): 2 n numbers (means, ln deviations), or n values.
--atari           84 x 84 x 4 frames as DeepMind's; students see them, `observation` is the RAM.
--import MODULE   that registers environments (ale_py, mujoco_playground, your own).
Other --KEY VALUE go to gymnasium.make(). Needs gymnasium and numpy. The protocol is described in
docs/environments.md; what libraries print goes to standard error.
"""
import importlib
import importlib.util
import json
import os
import struct
import sys

import gymnasium
import numpy as np


def make(name, atari, options):
    if atari:
        env = gymnasium.make(name, frameskip=1, **options)
        env = gymnasium.wrappers.AtariPreprocessing(env, screen_size=84, grayscale_obs=True)
        return gymnasium.wrappers.FrameStackObservation(env, 4)
    return gymnasium.make(name, **options)


def numbers(env, observation, atari):
    """The observation as a list of numbers, and its frame of bytes."""
    if atari:
        return env.unwrapped.ale.getRAM().astype(np.float64), np.moveaxis(np.asarray(observation), 0, -1).tobytes()
    return np.asarray(gymnasium.spaces.flatten(env.observation_space, observation), np.float64), b""


def limits(values):
    return [float(v) if np.isfinite(v) else None for v in values]


def describe(env, horizon, teacher, count, size, pixels):
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        action = {"kind": "discrete", "n": int(space.n)}
    else:
        action = {"kind": "box", "low": limits(space.low.ravel()), "high": limits(space.high.ravel())}
    spec, seconds = env.spec, getattr(env.unwrapped, "dt", None) or getattr(env.unwrapped, "tau", None)
    return {"version": 1, "environments": count, "observation": size, "action": action, "pixels": pixels,
            "horizon": horizon or (spec and spec.max_episode_steps) or 10000, "name": spec.id if spec else "custom",
            "labels": teacher.KIND if teacher else "none", **({"seconds": float(seconds)} if seconds else {})}


def act(space, values):
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(values[0]) + int(space.start)
    return np.asarray(values, space.dtype).reshape(space.shape)


def main():
    words = sys.argv[1:]
    name, options, own = words[0], {}, {"horizon": 0, "labels": "", "import": "", "atari": False}
    rest = iter(words[1:])
    for word in rest:
        key = word.lstrip("-")
        if key == "atari":
            own[key] = True
            continue
        value = next(rest)
        if key in own:
            own[key] = value
        else:
            options[key] = json.loads(value) if value[:1] in "0123456789-tfn[{" else value
    answers = os.fdopen(os.dup(1), "wb")  # what others print shall not spoil the frames
    os.dup2(2, 1)
    if own["import"] or own["atari"]:
        importlib.import_module(own["import"] or "ale_py")

    hello = json.loads(sys.stdin.buffer.readline())
    count, atari, teacher = hello["environments"], own["atari"], None
    if own["labels"] and hello["labels"]:
        module = importlib.util.spec_from_file_location("labels", own["labels"])
        teacher = importlib.util.module_from_spec(module)
        module.loader.exec_module(teacher)
    envs = [make(name, atari, options) for _ in range(count)]
    first, frame = numbers(envs[0], envs[0].reset(seed=0)[0], atari)
    said = describe(envs[0], int(own["horizon"]), teacher, count, len(first), [84, 84, 4] if frame else None)
    answers.write(json.dumps(said).encode() + b"\n")
    answers.flush()
    width = 0 if said["action"]["kind"] == "discrete" else len(said["action"]["low"])
    label_size = 0 if not teacher else 2 * width if width else said["action"]["n"]
    width = width or 1

    while len(head := sys.stdin.buffer.read(8)) == 8:
        op, n = struct.unpack("<II", head)
        item = 8 + 8 * (1 if op == 1 else width)
        body = sys.stdin.buffer.read(n * item)
        seen, parts, wanted = [], [], op == 1
        for i in range(n):
            at, flags = struct.unpack_from("<II", body, i * item)
            if op == 1:
                observation, _ = envs[at].reset(seed=struct.unpack_from("<Q", body, i * item + 8)[0] % 2**32)
                parts.append(b"")
            else:
                values = struct.unpack_from(f"<{width}d", body, i * item + 8)
                observation, reward, ended, cut, info = envs[at].step(act(envs[at].action_space, values))
                wanted = wanted or bool(flags & 1)
                success = 4 * bool(info.get("is_success", False))
                parts.append(struct.pack("<dII", float(reward), int(ended) | 2 * int(cut) | success, 0))
            seen.append(numbers(envs[at], observation, atari))
        labels = np.zeros((n, label_size))
        if label_size and wanted:
            labels = np.asarray(teacher.label(np.stack([o for o, _ in seen])), np.float64).reshape(n, label_size)
        answers.write(head)
        for part, (observation, frame), label in zip(parts, seen, labels):
            answers.write(part + observation.tobytes() + label.tobytes() + frame + bytes(-len(frame) % 8))
        answers.flush()


if __name__ == "__main__":
    main()
