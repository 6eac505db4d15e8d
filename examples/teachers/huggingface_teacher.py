"""An image classifier of Hugging Face's transformers as a teacher. In the study:

    - name: beit
      command: [python3, huggingface_teacher.py, FOLDER_OR_NAME]

Its classes must be the study's, in the same order; `retort doctor` says when they seem not to be. Vit and
deit need no command: `folder: FOLDER` reads them without Python.
"""
import sys

import numpy
import torch
from transformers import AutoImageProcessor, AutoModelForImageClassification

name, images, logits = sys.argv[1:]
device = "cuda" if torch.cuda.is_available() else "cpu"
processor = AutoImageProcessor.from_pretrained(name)
net = AutoModelForImageClassification.from_pretrained(name).to(device).eval()

rows, said = numpy.load(images, mmap_mode="r"), []
with torch.inference_mode():
    for i in range(0, len(rows), 64):
        batch = rows[i : i + 64]
        batch = numpy.broadcast_to(batch, (*batch.shape[:3], net.config.num_channels))  # greys, too
        batch = processor(list(batch), return_tensors="pt", input_data_format="channels_last").to(device)
        said.append(net(**batch).logits.float().cpu().numpy())
        print(f"\r{i + len(said[-1])} of {len(rows)} rows", end="", file=sys.stderr)
print(file=sys.stderr)
numpy.save(logits, numpy.concatenate(said))
