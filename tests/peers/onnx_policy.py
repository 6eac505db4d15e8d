#!/usr/bin/env python3
"""Compare ONNX graphs of a policy with `retort predict`: onnx_policy.py RETORT WEIGHTS [STEPS].

Made-up observations, within what FILE.control.json says was seen in training, go through both step by
step, the graph's memory handed from call to call; two episodes at once, of which the second begins anew
halfway. Needs onnxruntime and numpy, which nothing else of Retort needs. Exit 1 when an action differs by
more than a thousandth of its range or, in int8, more than one step in fifty does.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime


def run(retort, *words):
    subprocess.run([retort, *words], check=True, stdout=2)


def steps_of(graph, observed, begin_again):
    """Actions and logits (2,steps,..): of observed (steps,S), in the second copy from begin_again on."""
    session = onnxruntime.InferenceSession(graph)
    inputs = {i.name: i.shape for i in session.get_inputs()}
    outputs = [o.name for o in session.get_outputs()]
    memory = np.zeros((2, *inputs["memory"][1:]), np.float32) if "memory" in inputs else None
    found = {"action": [], "logits": []}
    for t, o in enumerate(observed):
        feed = {"observation": np.stack([o, o])}
        if memory is not None:
            feed.update(memory=memory, first=np.array([t == 0, t in (0, begin_again)]))
        said = dict(zip(outputs, session.run(None, feed)))
        memory = said.get("next_memory")
        for name in found:
            found[name].append(said[name])
    return {name: np.stack(values, 1) for name, values in found.items()}


def main(retort, weights, steps=200):
    rng, bad = np.random.default_rng(1), False
    with tempfile.TemporaryDirectory() as folder:
        seen, logits, actions, graph = (os.path.join(folder, n) for n in
                                        ("seen.npy", "logits.npy", "actions.npy", "student.onnx"))
        for form in ([], ["--form", "qdq"]) if ".int8." in weights else ([],):
            run(retort, "export", weights, "-o", graph, *form)
            contract = json.load(open(graph[:-5] + ".control.json"))
            least, most = (np.array([o[k] for o in contract["observation"]]) for k in ("least", "most"))
            span = np.array([a["high"] - a["low"] if "high" in a else 1 for a in contract["action"]])
            observed = rng.uniform(least, most, (int(steps), len(least))).astype(np.float32)
            half = len(observed) // 2
            got = steps_of(graph, observed, half)
            for copy, start in ((0, 0), (1, half)):
                np.save(seen, observed[start:])
                run(retort, "predict", weights, seen, "-o", logits, "--actions", actions)
                off = np.abs(got["action"][copy, start:] - np.load(actions)) / span
                apart = np.abs(got["logits"][copy, start:] - np.load(logits))
                share = (off.max(1) > 1e-3).mean()
                bad |= bool(share > (0.02 if ".int8." in weights else 0))
                print(f"{' '.join(form) or 'default'}, copy {copy}: {len(off)} steps, actions differ by at most "
                      f"{off.max():.2g} of their range, logits by {apart.max():.2g}, steps beyond 0.001 {share:.2%}")
    return int(bad)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
