#!/usr/bin/env python3
"""scikit-learn's digits as .npy, as IDX and as a folder of PNG files are the same study:

    digits_rows.py RETORT

Needs scikit-learn and Pillow. Writes the 1797 digits three ways, in one order of rows, class by class as
folders have them, searches each (12 trials, one teacher of scikit-learn by its ready script) and compares all
rows: candidates, trials, metrics, curves. Exit 1 when one differs by a bit.
"""
import os
import struct
import subprocess
import sys
import tempfile

import joblib
import numpy
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

retort = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
script = os.path.join(here, "..", "..", "examples", "teachers", "sklearn_teacher.py")
os.chdir(tempfile.mkdtemp())
digits = load_digits()
test = numpy.arange(len(digits.target)) % 5 == 4


def idx(name, array):
    with open(name, "wb") as file:
        file.write(struct.pack(f">I{array.ndim}I", 0x800 | array.ndim, *array.shape) + array.tobytes())


for part, rows in ("train", numpy.flatnonzero(~test)), ("test", numpy.flatnonzero(test)):
    rows = rows[numpy.argsort(digits.target[rows], kind="stable")]
    images, labels = digits.images[rows].astype("uint8"), digits.target[rows]
    numpy.save(f"{part}.npy", digits.images[rows])  # float64, whole numbers to 16, as they come
    numpy.save(f"{part}-labels.npy", labels)
    idx(f"{part}.idx", images)
    idx(f"{part}-labels.idx", labels.astype("uint8"))
    for i, (image, label) in enumerate(zip(images, labels)):
        os.makedirs(f"{part}/{label}", exist_ok=True)
        Image.fromarray(image).save(f"{part}/{label}/{i:04}.png")

forest = RandomForestClassifier(100, random_state=1)
joblib.dump(forest.fit(numpy.load("train.npy").reshape(-1, 64) / 255, numpy.load("train-labels.npy")), "forest.joblib")


def study(kind, ending, labels):
    def keys(part):
        return f"{part}_images: {part}{ending}" + (f"\n  {part}_labels: {part}-labels{ending}" if labels else "")

    return f"""name: digits
store: {kind}.db
data:
  format: {kind}
  {keys("train")}
  {keys("test")}
  validation: 300
teachers:
  cache: {kind}.teachers
  members:
    - {{name: forest, command: [{sys.executable}, {script}, forest.joblib]}}
space: {{depth: [1, 2], width: [16, 24], head_dim: [8], heads: [1, 2, 3], ffn: [16, 32, 48], patch: [2, 4]}}
distill: {{steps: 200}}
search: {{trials: 12, objectives: [error, params]}}
"""


for kind, ending in ("npy", ".npy"), ("idx", ".idx"), ("folder", ""):
    with open(f"{kind}.yaml", "w", encoding="utf-8") as file:
        file.write(study(kind, ending, kind != "folder"))
    subprocess.run([retort, "search", f"{kind}.yaml"], check=True, capture_output=True)
differ = 0
for kind in "idx", "folder":
    print(f"npy and {kind}:", flush=True)
    differ += subprocess.run([os.path.join(here, "..", "compare_rows"), "npy.db", f"{kind}.db"], check=False).returncode
subprocess.run([retort, "front", "npy.db"], check=True)
sys.exit(differ > 0)
