"""Any torch.nn.Module as a teacher of images. In the study:

    - name: cnn
      command: [python3, pytorch_teacher.py, cnn.py, cnn.pt]

cnn.py is yours: model() gives the module, without weights; prepare(images), if it is there, makes its
input of uint8 (n, height, width, channels), else that is (n, channels, height, width) in 0 .. 1, as
torchvision's ToTensor gives it. cnn.pt is its state dict, as torch.save(net.state_dict(), ..) wrote it.
"""
import importlib.util
import sys

import numpy
import torch

source, weights, images, logits = sys.argv[1:]
spec = importlib.util.spec_from_file_location("teacher", source)
mine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mine)
net = mine.model()
net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
device = "cuda" if torch.cuda.is_available() else "cpu"
net.to(device).eval()
prepare = getattr(mine, "prepare", lambda batch: batch.permute(0, 3, 1, 2).float() / 255)

rows, said = numpy.load(images, mmap_mode="r"), []
with torch.inference_mode():
    for i in range(0, len(rows), 256):
        batch = torch.from_numpy(rows[i : i + 256].copy()).to(device)
        said.append(net(prepare(batch)).float().cpu().numpy())
        print(f"\r{i + len(batch)} of {len(rows)} rows", end="", file=sys.stderr)
print(file=sys.stderr)
numpy.save(logits, numpy.concatenate(said))
