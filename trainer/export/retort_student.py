"""A student of retort in PyTorch; needs torch and safetensors.

    from retort_student import load
    net = load("student.safetensors")
    logits = net(images)         # float (N, C, H, W) in 0 .. 1, as torchvision's ToTensor gives them
    logits = net(ids, mask)      # of texts: token ids (N, L); mask, true where one is: (N, L), or None
    logits = net(ids, mask, segments)  # of pairs: 1 in the second text, else 0

The modules have the tensors' names. Weights of an int8 file are what its codes stand for; inputs are not
rounded here, so logits are near those of integer arithmetic, not equal.
"""
import re

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn

EPS = 1e-6


class Block(nn.Module):
    def __init__(self, width, inner, head_dim, ffn):
        super().__init__()
        self.head_dim = head_dim
        self.ln1, self.ln2 = nn.LayerNorm(width, EPS), nn.LayerNorm(width, EPS)
        self.qkv, self.proj = nn.Linear(width, 3 * inner), nn.Linear(inner, width)
        self.up, self.down = nn.Linear(width, ffn), nn.Linear(ffn, width)

    def forward(self, x, mask):
        q, k, v = (
            part.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for part in self.qkv(self.ln1(x)).chunk(3, -1)
        )
        mask = None if mask is None else mask[:, None, None, :]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.proj(attended.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class Student(nn.Module):
    def __init__(self, tensors, notes):
        super().__init__()
        self.notes = notes
        width = tensors["position"].shape[1]
        head_dim = int(re.search(r"-k(\d+)", notes["arch"])[1])
        for name in ("class_token", "position", "segment"):
            if name in tensors:
                self.register_parameter(name, nn.Parameter(torch.zeros(tensors[name].shape)))
        if "embedding.weight" in tensors:
            self.embedding = nn.Embedding(*tensors["embedding.weight"].shape)
        self.stem = nn.Linear(tensors["stem.weight"].shape[1], width) if "stem.weight" in tensors else nn.Identity()
        depth = sum(name.endswith(".up.weight") for name in tensors)
        self.block = nn.ModuleList(
            Block(width, tensors[f"block.{i}.proj.weight"].shape[1], head_dim, tensors[f"block.{i}.up.bias"].shape[0])
            for i in range(depth)
        )
        self.ln = nn.LayerNorm(width, EPS)
        self.head = nn.Linear(width, tensors["head.bias"].shape[0])

    def patches(self, images):
        x = (images - float(self.notes["pixel_mean"])) / float(self.notes["pixel_sd"])
        p = int(re.search(r"-p(\d+)", self.notes["arch"])[1])
        n, c, h, w = x.shape
        x = x.permute(0, 2, 3, 1).reshape(n, h // p, p, w // p, p * c)
        return x.transpose(2, 3).reshape(n, h // p * (w // p), p * p * c)

    def forward(self, x, mask=None, segments=None):
        if hasattr(self, "embedding"):
            x = self.stem(self.embedding(x))
            x = x + self.position[: x.shape[1]]
            if segments is not None:
                x = x + self.segment[segments]
        else:
            x = self.stem(self.patches(x))
            if hasattr(self, "class_token"):
                x = torch.cat([self.class_token.expand(len(x), 1, -1), x], 1)
            x = x + self.position
        for block in self.block:
            x = block(x, mask)
        if self.notes["pool"] == "class":
            return self.head(self.ln(x[:, 0]))
        x = self.ln(x)
        if mask is None:
            return self.head(x.mean(1))
        mask = mask[:, :, None].to(x.dtype)
        return self.head((x * mask).sum(1) / mask.sum(1))


def load(path):
    with safe_open(path, "pt") as file:
        notes = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    for name in [name for name in tensors if name.endswith("weight_scale")]:
        matrix = name[: -len("_scale")]
        tensors[matrix] = tensors[matrix].float() * tensors.pop(name)[:, None]
        tensors.pop(name[: -len("weight_scale")] + "input_scale", None)
    net = Student(tensors, notes)
    net.load_state_dict(tensors)
    return net.eval()
