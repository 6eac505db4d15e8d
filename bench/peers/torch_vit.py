#!/usr/bin/env python3
"""The student of space/arch.h in PyTorch, timed as `retort bench` times its own: see compare.py.

usage: torch_vit.py {train|infer} ARCH SECONDS
prints one JSON line: {"samples_per_second": ..} or {"median_us": .., "p90_us": ..}
One thread, fp32, 28x28 images, 10 classes, class token; training is forward, KD + CE loss with
backward, clip at norm 1 and AdamW on batches of 64.
"""
import json
import re
import sys
import time
from statistics import median

import torch
import torch.nn.functional as F

SIDE, CLASSES, BATCH = 28, 10, 64


def parse(text):
    """'L2-d32-k16-h2-f64-p4' -> dict; lists of equal members only, as in the benchmark."""
    return {k: int(v) for k, v in re.findall(r"([Ldkhfp])(\d+)", text)}


class Block(torch.nn.Module):
    def __init__(self, a):
        super().__init__()
        self.heads, self.inner = a["h"], a["h"] * a["k"]
        self.ln1, self.ln2 = torch.nn.LayerNorm(a["d"]), torch.nn.LayerNorm(a["d"])
        self.qkv = torch.nn.Linear(a["d"], 3 * self.inner)
        self.proj = torch.nn.Linear(self.inner, a["d"])
        self.up, self.down = torch.nn.Linear(a["d"], a["f"]), torch.nn.Linear(a["f"], a["d"])

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v) if hasattr(F, "scaled_dot_product_attention") \
            else torch.softmax(q @ k.transpose(-2, -1) * q.shape[-1] ** -.5, -1) @ v
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, self.inner))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class Student(torch.nn.Module):
    def __init__(self, a):
        super().__init__()
        self.p = a["p"]
        patches = (SIDE // self.p) ** 2
        self.stem = torch.nn.Linear(self.p * self.p, a["d"])
        self.token = torch.nn.Parameter(torch.zeros(1, 1, a["d"]))
        self.position = torch.nn.Parameter(torch.randn(1, patches + 1, a["d"]) * .02)
        self.blocks = torch.nn.ModuleList(Block(a) for _ in range(a["L"]))
        self.ln, self.head = torch.nn.LayerNorm(a["d"]), torch.nn.Linear(a["d"], CLASSES)

    def forward(self, images):
        b, g = images.shape[0], SIDE // self.p
        x = images.view(b, g, self.p, g, self.p).transpose(2, 3).reshape(b, g * g, -1)
        x = torch.cat([self.token.expand(b, -1, -1), self.stem(x)], 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x[:, 0]))


def train(net, seconds):
    adam = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=.01)
    images, labels = torch.randn(BATCH, SIDE, SIDE), torch.arange(BATCH) % CLASSES
    teacher = torch.softmax(torch.randn(BATCH, CLASSES), -1)

    def step():
        adam.zero_grad(set_to_none=True)
        z = net(images)
        kl = F.kl_div(F.log_softmax(z / 4, -1), teacher, reduction="batchmean") * 16
        (.9 * F.cross_entropy(z, labels) + .1 * kl).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()

    return {"samples_per_second": BATCH / median(timed(step, seconds, 3, time.thread_time))}


def infer(net, seconds):
    image = torch.randn(1, SIDE, SIDE)
    net.eval()
    with torch.inference_mode():
        times = sorted(timed(lambda: net(image), seconds, 20))
    return {"median_us": times[len(times) // 2] * 1e6, "p90_us": times[len(times) * 9 // 10] * 1e6}


def timed(call, seconds, warmup, clock=time.perf_counter):
    """Seconds of each call by `clock`, for about `seconds` of wall time in all."""
    times = []
    for _ in range(warmup):
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = clock()
        call()
        times.append(clock() - start)
    return times


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    what, arch, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    student = Student(parse(arch))
    result = {"train": train, "infer": infer}[what](student, seconds)
    result["version"] = torch.__version__
    result["params"] = sum(p.numel() for p in student.parameters())
    print(json.dumps(result))
