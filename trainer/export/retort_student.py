"""A student of retort in PyTorch; needs torch and safetensors.

    from retort_student import load
    net = load("student.safetensors")
    logits = net(images)         # float (N, C, H, W) in 0 .. 1, as torchvision's ToTensor gives them
    logits = net(ids, mask)      # of texts: token ids (N, L); mask, true where one is: (N, L), or None
    logits = net(ids, mask, segments)  # of pairs: 1 in the second text, else 0
    action, logits, memory = net.step(observation, memory)  # of policies: observation (N, S) as the environment
                                 # gives it; memory None where episodes begin, `first` (N) where only some do
    action = net.act(net(steps)) # the last K steps (N, K, F), the oldest first; or images, of policies of pixels

The modules have the tensors' names. Weights of an int8 file are what its codes stand for; inputs are not
rounded here, so logits are near those of integer arithmetic, not equal.
"""
import re

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn

EPS = 1e-6
CUT = 10  # of what a policy sees, normalised


class Block(nn.Module):
    def __init__(self, width, inner, head_dim, ffn, post_norm):
        super().__init__()
        self.head_dim, self.post_norm = head_dim, post_norm
        self.ln1, self.ln2 = nn.LayerNorm(width, EPS), nn.LayerNorm(width, EPS)
        self.qkv, self.proj = nn.Linear(width, 3 * inner), nn.Linear(inner, width)
        self.up, self.down = nn.Linear(width, ffn), nn.Linear(ffn, width)

    def attend(self, x, mask):
        q, k, v = (part.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        mask = None if mask is None else mask[:, None, None, :]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(attended.transpose(1, 2).flatten(2))

    def forward(self, x, mask):
        if self.post_norm:
            x = self.ln1(x + self.attend(x, mask))
            return self.ln2(x + self.down(F.gelu(self.up(x))))
        x = x + self.attend(self.ln1(x), mask)
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
        depth, post_norm = sum(name.endswith(".up.weight") for name in tensors), "stem_ln.weight" in tensors
        self.block = nn.ModuleList(
            Block(width, tensors[f"block.{i}.proj.weight"].shape[1], head_dim, len(tensors[f"block.{i}.up.bias"]), post_norm)
            for i in range(depth)
        )
        self.stem_ln = nn.LayerNorm(width, EPS) if post_norm else nn.Identity()
        self.ln = nn.Identity() if post_norm else nn.LayerNorm(width, EPS)
        self.head = nn.Linear(width, tensors["head.bias"].shape[0])
        for name in ("feature_mean", "feature_scale", "action_low", "action_high"):
            if name in notes:
                numbers = torch.tensor([float(number) for number in notes[name].split()])
                self.register_buffer(name, numbers, persistent=False)

    def patches(self, images):
        x = (images - float(self.notes["pixel_mean"])) / float(self.notes["pixel_sd"])
        p = int(re.search(r"-p(\d+)", self.notes["arch"])[1])
        n, c, h, w = x.shape
        x = x.permute(0, 2, 3, 1).reshape(n, h // p, p, w // p, p * c)
        return x.transpose(2, 3).reshape(n, h // p * (w // p), p * p * c)

    def tokens(self, x, segments):
        if hasattr(self, "embedding"):
            x = self.stem(self.embedding(x))
            x = x + self.position[: x.shape[1]]
            return self.stem_ln(x if segments is None else x + self.segment[segments])
        if hasattr(self, "feature_mean"):
            x = self.stem(((x - self.feature_mean) * self.feature_scale).clamp(-CUT, CUT))
        else:
            x = self.stem(self.patches(x))
        if hasattr(self, "class_token"):
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], 1)
        return x + self.position

    def forward(self, x, mask=None, segments=None):
        x = self.tokens(x, segments)
        for block in self.block:
            x = block(x, mask)
        if self.notes["pool"] == "class":
            return self.head(self.ln(x[:, 0]))
        if self.notes["pool"] == "last":
            last = x[:, -1] if mask is None else x[torch.arange(len(x), device=x.device), mask.long().sum(1) - 1]
            return self.head(self.ln(last))
        x = self.ln(x)
        if mask is None:
            return self.head(x.mean(1))
        mask = mask[:, :, None].to(x.dtype)
        return self.head((x * mask).sum(1) / mask.sum(1))

    # Of policies.

    def act(self, logits):
        """logits (N, components * bins) to actions (N, components), or the numbers of choices."""
        bins = logits.unflatten(1, (int(self.notes["parts"]), -1))
        if "grid" not in self.notes:
            return bins.argmax(-1)
        count, ends = bins.shape[-1], self.notes["grid"] == "ends"
        step = (self.action_high - self.action_low) / (count - 1 if ends else count)
        numbers = torch.arange(count, dtype=bins.dtype, device=bins.device)
        bin = bins.argmax(-1) if self.notes["read"] == "mode" else bins.softmax(-1) @ numbers
        return self.action_low + (bin + (0 if ends else 0.5)) * step

    def step(self, observation, memory=None, first=None):
        """One step of control of N robots: what each does, logits, and the memory for the next step."""
        observed = observation[:, None]
        history = len(self.position) - hasattr(self, "class_token")
        shape = len(observation), history, len(self.feature_mean)
        if memory is None:
            memory, first = observation.new_zeros(shape), observation.new_ones(len(observation), dtype=torch.bool)
        begins = False if first is None else first[:, None, None]
        begins = torch.as_tensor(begins, device=observation.device)
        done = torch.where(begins, 0, memory[:, -1:, observed.shape[2] :])
        now = torch.cat([observed, done], 2)
        steps = torch.cat([torch.where(begins, now, memory[:, :-1]), now], 1)
        logits = self(steps)
        action = self.act(logits)
        if "grid" not in self.notes:
            done = F.one_hot(action, logits.shape[1])
        else:
            done = (2 * (action - self.action_low) / (self.action_high - self.action_low) - 1)[:, None]
        done = done[:, :, : shape[2] - observed.shape[2]].to(observed.dtype)  # none where it is not seen
        return action, logits, torch.cat([steps[:, 1:], torch.cat([observed, done], 2)], 1)


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
