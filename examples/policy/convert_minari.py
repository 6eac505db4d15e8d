#!/usr/bin/env python3
"""Trajectories of Minari or D4RL (HDF5) as the arrays that `environment: {recorded: ..}` names.

    convert_minari.py FILE.hdf5 FOLDER

Writes observations.npy, actions.npy and ends.npy. Minari has a group an episode, whose observations have
one row more than its actions: the last is dropped. D4RL has all episodes in one, with `terminals` and
`timeouts`. Discrete actions become labels.npy, logits that are 0 at the action and -10 elsewhere.
Needs numpy and h5py.
"""
import os
import sys

import h5py
import numpy as np


def episodes(file):
    """Observations and actions of each episode."""
    if "episode_0" in file:
        for name in sorted((n for n in file if n.startswith("episode_")), key=lambda n: int(n[8:])):
            actions = np.asarray(file[name]["actions"])
            yield np.asarray(file[name]["observations"])[: len(actions)], actions
        return
    ends = file["terminals"][:].astype(bool)
    if "timeouts" in file:
        ends |= file["timeouts"][:].astype(bool)
    observations, actions = np.asarray(file["observations"]), np.asarray(file["actions"])
    start = 0
    for end in np.flatnonzero(ends) + 1:
        yield observations[start:end], actions[start:end]
        start = end


def main():
    source, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    with h5py.File(source, "r") as file:
        parts = [(o.reshape(len(a), -1), a) for o, a in episodes(file) if len(a)]
    observations = np.concatenate([o for o, _ in parts]).astype(np.float32)
    actions = np.concatenate([a for _, a in parts])
    np.save(os.path.join(folder, "observations.npy"), observations)
    np.save(os.path.join(folder, "ends.npy"), np.cumsum([len(a) for _, a in parts], dtype=np.int64) - 1)
    if np.issubdtype(actions.dtype, np.integer) and actions.ndim == 1:
        logits = np.full((len(actions), int(actions.max()) + 1), -10, np.float32)
        logits[np.arange(len(actions)), actions] = 0
        np.save(os.path.join(folder, "labels.npy"), logits)
    else:
        np.save(os.path.join(folder, "actions.npy"), actions.reshape(len(actions), -1).astype(np.float32))
    print(f"{len(parts)} episodes, {len(actions)} steps of {observations.shape[1]} numbers")


if __name__ == "__main__":
    main()
