"""A small convolutional teacher of Fashion-MNIST for pytorch_teacher.py or onnx_teacher.py; run by itself, it trains
it on what `retort data STUDY --export rows` wrote: python3 cnn.py rows cnn.pt, or cnn.onnx
"""
import sys

import numpy
import torch
from torch import nn


def model():
    def block(a, b):
        return [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(*block(1, 32), *block(32, 64), nn.Flatten(), nn.Dropout(0.3), nn.Linear(3136, 10))


def fit(net, folder, say=None, epochs=1, batch=64, rate=2e-3):
    """say(images), by default net(images), gives logits of images (n, channels, height, width) in 0 .. 1. Rows
    that validate are not seen.
    """
    say = say or net
    images = torch.from_numpy(numpy.load(f"{folder}/train.npy")).permute(0, 3, 1, 2)
    labels = torch.from_numpy(numpy.load(f"{folder}/train_labels.npy"))
    rows = torch.from_numpy(numpy.load(f"{folder}/rows_train.npy"))
    steps = len(rows) // batch
    if not steps:
        sys.exit(f"{len(rows)} rows to train on are less than a batch of {batch}")
    total = epochs * steps + 1
    optimiser = torch.optim.AdamW(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(  # which divides by 0 where the rate rises for a single step
        optimiser, rate, total_steps=total, pct_start=max(0.1, 2 / total))
    for epoch in range(epochs):
        net.train()
        for step, some in enumerate(rows[torch.randperm(len(rows))][: steps * batch].split(batch)):
            loss = nn.functional.cross_entropy(say(images[some].float() / 255), labels[some])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % 100 == 0:
                print(f"\repoch {epoch + 1} of {epochs}, step {step} of {steps}: loss {loss.item():.3f}", end="")
    print()
    return net.eval()


if __name__ == "__main__":
    net = fit(model(), sys.argv[1])
    if sys.argv[2].endswith(".onnx"):  # of 256 images a call
        torch.onnx.export(net, torch.zeros(256, 1, 28, 28), sys.argv[2])
    else:
        torch.save(net.state_dict(), sys.argv[2])
