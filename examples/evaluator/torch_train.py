# An evaluator that trains a small classifier with PyTorch (python3-torch).
import json, sys, torch
from torch import nn

torch.set_num_threads(1)  # one worker is one core
gen = torch.Generator().manual_seed(0)
centres = torch.randn(10, 64, generator=gen)  # ten noisy classes of 8x8 "images"
y = torch.randint(10, (3000,), generator=gen)
x = centres[y] + 1.5 * torch.randn(3000, 64, generator=gen)

def train(arch, steps, seed):
    torch.manual_seed(seed)
    widths = [64] + arch["width"]
    layers = [m for a, b in zip(widths, widths[1:]) for m in (nn.Linear(a, b), getattr(nn, arch["activation"])())]
    net = nn.Sequential(*layers, nn.Linear(widths[-1], 10))
    opt = torch.optim.AdamW(net.parameters(), lr=arch["rate"])
    for step in range(steps):
        rows = torch.randint(2000, (64,))
        opt.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        opt.step()
    with torch.no_grad():
        right = (net(x[2000:]).argmax(1) == y[2000:]).float()
    return {"accuracy": right.mean().item(), "params": sum(p.numel() for p in net.parameters())}

for line in sys.stdin:
    job = json.loads(line)
    metrics = train(job["architecture"], job["budget"] or 200, job["seed"])
    print(json.dumps({"trial": job["trial"], "metrics": metrics}), flush=True)
