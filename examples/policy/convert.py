#!/usr/bin/env python3
"""A policy of Stable-Baselines3 or CleanRL as the safetensors file that `policy:` of a teacher names.

    convert.py MODEL OUT [--activation tanh|relu] [--normalize vecnormalize.pkl] [--obs-rms FILE.npz]

MODEL is a Stable-Baselines3 .zip, its policy.pth, or a .cleanrl_model of torch.save(). Statistics of
observations come from VecNormalize's pickle (which wants stable_baselines3 installed), or an .npz with
`mean` and `var`. A policy that was trained on normalised observations is worthless without them.
Pickles run code: convert files of people whom you trust.
Needs numpy and torch. The activation, where it is not given, is that of Stable-Baselines3's data, or
of each library's default: tanh for PPO and A2C, relu for SAC and DQN.
"""
import argparse
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import torch


def read_model(path):
    """Tensors by name, and Stable-Baselines3's settings where there are any."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "policy.pth" in archive.namelist():
                settings = archive.read("data").decode() if "data" in archive.namelist() else ""
                return torch.load(io.BytesIO(archive.read("policy.pth")), "cpu"), settings
    model = torch.load(path, "cpu", weights_only=True)
    return (model[0] if isinstance(model, (tuple, list)) else model), ""


def activation_of(tensors, settings):
    if "ReLU" in settings or "Tanh" in settings:
        return "relu" if "ReLU" in settings else "tanh"
    squashed = any(name.startswith(("actor.latent_pi", "fc", "q_net", "network")) for name in tensors)
    return "relu" if squashed else "tanh"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--activation", choices=["tanh", "relu"])
    parser.add_argument("--normalize", help="vecnormalize.pkl of Stable-Baselines3")
    parser.add_argument("--obs-rms", help=".npz with mean and var")
    parser.add_argument("--clip", type=float, default=10.0)
    args = parser.parse_args()

    tensors, settings = read_model(args.model)
    notes = {"activation": args.activation or activation_of(tensors, settings), "obs_clip": repr(args.clip)}
    values = {k: v.numpy() for k, v in tensors.items() if not k.startswith(("critic", "value_net", "q_net_target"))}
    if args.normalize:
        with open(args.normalize, "rb") as file:
            statistics = pickle.load(file)
        values["obs_mean"], values["obs_var"] = statistics.obs_rms.mean, statistics.obs_rms.var
        notes["obs_clip"], notes["obs_epsilon"] = repr(statistics.clip_obs), repr(statistics.epsilon)
    elif args.obs_rms:
        with np.load(args.obs_rms) as statistics:
            values["obs_mean"], values["obs_var"] = statistics["mean"], statistics["var"]
    else:
        print("no statistics of observations: right only if it was trained without normalising them")

    header, at = {"__metadata__": notes}, 0
    values = {k: np.ascontiguousarray(v, np.float32) for k, v in values.items() if np.size(v)}
    for name, value in values.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    with open(args.out, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(v.tobytes() for v in values.values()))
    print(f"{args.out}: {len(values)} tensors, activation {notes['activation']}")


if __name__ == "__main__":
    main()
