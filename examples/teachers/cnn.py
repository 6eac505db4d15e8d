"""A small convolutional teacher of Fashion-MNIST for pytorch_teacher.py; run by itself, it trains it on
what `retort data STUDY --export rows` wrote: python3 cnn.py rows cnn.pt
"""
import torch
from torch import nn


def model():
    def block(a, b):
        return [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(*block(1, 32), *block(32, 64), nn.Flatten(), nn.Dropout(0.3), nn.Linear(3136, 10))


def train(folder, weights, epochs=2):
    import numpy

    images = torch.from_numpy(numpy.load(f"{folder}/train.npy")).permute(0, 3, 1, 2)
    labels = torch.from_numpy(numpy.load(f"{folder}/train_labels.npy"))
    rows = torch.from_numpy(numpy.load(f"{folder}/rows_train.npy"))  # not those that validate
    net = model()
    steps = epochs * (len(rows) // 128)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0.01, steps)
    for _ in range(epochs):
        for batch in rows[torch.randperm(len(rows))][: len(rows) // 128 * 128].split(128):
            loss = nn.functional.cross_entropy(net(images[batch].float() / 255), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"loss {loss.item():.3f}")
    torch.save(net.state_dict(), weights)


if __name__ == "__main__":
    import sys

    train(*sys.argv[1:3])
