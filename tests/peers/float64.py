#!/usr/bin/env python3
"""Whose rounding is it? How far Retort, PyTorch and ONNX Runtime are from the same student in float64:

    float64.py RETORT WEIGHTS IMAGES.npy        of images: float weights, uint8 (N, height, width[, channels])

All of them in float32, from the same float32 pixels. Needs numpy, onnxruntime, safetensors and torch. Prints
the largest and the quadratic mean deviation of a logit.
"""
import subprocess
import sys
import tempfile

import numpy
import onnxruntime
import torch

retort, weights, path = sys.argv[1:]
images = numpy.load(path)
images = images if images.ndim == 4 else images[..., None]
pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
said = {}
with tempfile.TemporaryDirectory() as folder:
    for words in (["predict", weights, path, "-o", f"{folder}/logits.npy"],
                  ["export", weights, "-o", f"{folder}/student.onnx"],
                  ["export", weights, "--format", "torch", "-o", f"{folder}/torch"]):
        subprocess.run([retort, *words], check=True, capture_output=True)
    said["retort"] = numpy.load(f"{folder}/logits.npy")
    session = onnxruntime.InferenceSession(f"{folder}/student.onnx")
    said["onnxruntime"] = numpy.concatenate([session.run(None, {"pixels": one[None]})[0] for one in images])
    sys.path.insert(0, f"{folder}/torch")
    from retort_student import load

    nets = load(f"{folder}/torch/student.safetensors"), load(f"{folder}/torch/student.safetensors").double()
mean, sd = (float(nets[0].notes[key]) for key in ("pixel_mean", "pixel_sd"))
nets[1].notes.update(pixel_mean="0", pixel_sd="1")
with torch.inference_mode():
    said["torch"] = torch.cat([nets[0](one[None]) for one in pixels]).numpy()
    want = torch.cat([nets[1](((one[None] - mean) / sd).double()) for one in pixels]).numpy()
print(f"{len(want)} images, logits of {want.min():.3g} to {want.max():.3g}")
for name, logits in said.items():
    off = abs(logits - want)
    print(f"{name}: {off.max():.2g} at most, {numpy.sqrt((off**2).mean()):.2g} in the quadratic mean")
