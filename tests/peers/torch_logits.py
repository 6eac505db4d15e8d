#!/usr/bin/env python3
"""Compare a student in PyTorch and, where it is one, as a ViT of transformers with `retort predict`:

    torch_logits.py RETORT WEIGHTS IMAGES        an IDX file of grey images, plain or .gz

Needs torch and safetensors; without transformers the ViT is left out, and said. Prints how far logits are
from Retort's; exit 1 beyond 2e-5.
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch

retort, weights, path = sys.argv[1:]
folder = tempfile.mkdtemp()


def run(*words):
    return subprocess.run([retort, *words], check=True, capture_output=True)


with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
    data = file.read()
count, height, width = (int.from_bytes(data[i : i + 4], "big") for i in (4, 8, 12))
images = numpy.frombuffer(data, numpy.uint8, offset=16).reshape(count, 1, height, width)
run("predict", weights, path, "-o", f"{folder}/logits.npy")
want = numpy.load(f"{folder}/logits.npy")
bad = 0


def report(name, net):
    global bad
    with torch.inference_mode():
        got = numpy.concatenate([net(torch.from_numpy(part.copy())) for part in numpy.array_split(images, 1 + count // 500)])
    worst, differ = abs(got - want).max(), (got.argmax(1) != want.argmax(1)).sum()
    bad += worst > 2e-5
    print(f"{name}: largest difference {worst:.2g}, {differ} of {count} classes differ")


run("export", weights, "--format", "torch", "-o", f"{folder}/torch")
sys.path.insert(0, f"{folder}/torch")
from retort_student import load  # noqa: E402

student = load(f"{folder}/torch/student.safetensors")
report("torch", lambda batch: student(batch.float() / 255).numpy())
vit = subprocess.run([retort, "export", weights, "--format", "huggingface", "-o", f"{folder}/vit"], capture_output=True)
if vit.returncode:
    print("transformers:", vit.stderr.decode().strip())
else:
    try:
        from transformers import ViTForImageClassification
    except ImportError:
        sys.exit(print("transformers is not installed: left out") or bad > 0)
    os.environ["HF_HUB_OFFLINE"] = "1"
    net, told = ViTForImageClassification.from_pretrained(f"{folder}/vit", output_loading_info=True)
    assert not any(told.values()), told
    how = json.load(open(f"{folder}/vit/preprocessor_config.json"))
    mean, sd = how["image_mean"][0], how["image_std"][0]
    report("transformers", lambda batch: net((batch.float() / 255 - mean) / sd).logits.numpy())
sys.exit(bad > 0)
