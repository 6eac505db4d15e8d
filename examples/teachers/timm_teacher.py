"""A network of timm, which has those of torchvision too, as a teacher of images. In the study:

    - name: resnet
      command: [python3, timm_teacher.py, resnet18, resnet18.pth]

The second word is timm's name of the network, the third a checkpoint of yours with the study's classes.
Images are resized and normalised as timm's own configuration of that network says, or to the side that one
more word says, if yours was trained on smaller ones: [.., resnet18.pth, 64]. A network of greys (in_chans=1)
has one mean and deviation: those of the configuration's three colours, averaged.
"""
import sys

import numpy
import timm
import torch

name, weights, *side, images, logits = sys.argv[1:]
state = torch.load(weights, map_location="cpu", weights_only=True)
state = state.get("state_dict", state)
rows = numpy.load(images, mmap_mode="r")
classes = state[[key for key in state if key.endswith("bias")][-1]].shape[0]
first = next((value for value in state.values() if value.dim() == 4), None)  # of the first convolution
like = {"num_classes": classes, "in_chans": 3 if first is None else first.shape[1]}
try:
    net = timm.create_model(name, **like, **({"img_size": int(side[0])} if side else {}))
except TypeError:  # one that takes images of any size, as most convolutional ones do
    net = timm.create_model(name, **like)
net.load_state_dict(state)
device = "cuda" if torch.cuda.is_available() else "cpu"
net.to(device).eval()
config = timm.data.resolve_model_data_config(net)
mean, std = (torch.tensor(config[key], device=device).view(1, -1, 1, 1) for key in ("mean", "std"))
if like["in_chans"] == 1:
    mean, std = mean.mean(1, keepdim=True), std.mean(1, keepdim=True)
size = [int(side[0])] * 2 if side else config["input_size"][1:]

said = []
with torch.inference_mode():
    for i in range(0, len(rows), 64):
        batch = torch.from_numpy(rows[i : i + 64].copy()).to(device).permute(0, 3, 1, 2).float() / 255
        batch = batch.expand(-1, like["in_chans"], -1, -1)  # greys, too
        batch = torch.nn.functional.interpolate(batch, size, mode="bicubic", antialias=True)
        said.append(net((batch - mean) / std).float().cpu().numpy())
        print(f"\r{i + len(batch)} of {len(rows)} rows", end="", file=sys.stderr)
print(file=sys.stderr)
numpy.save(logits, numpy.concatenate(said))
