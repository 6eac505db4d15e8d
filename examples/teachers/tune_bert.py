"""Trains a BERT, or any other text classifier of Hugging Face's transformers, on the rows of a study, and saves
the folder that `folder:` reads, or huggingface_text_teacher.py:

    retort data quick.yaml --export rows
    python3 tune_bert.py FOLDER_OR_NAME rows TUNED [EPOCHS [RATE]]

RATE is AdamW's at its peak; 5e-5 suits networks of BERT's size, small ones like MiniLM want 2e-4. `probe: {kind: fine}`
tunes one without Python; docs/text.md says what differs.
"""
import json
import sys
import time

import numpy
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

LENGTH, BATCH = 32, 64  # data.length; examples a step

name, rows, folder = sys.argv[1:4]
epochs = int(sys.argv[4]) if len(sys.argv) > 4 else 1
rate = float(sys.argv[5]) if len(sys.argv) > 5 else 5e-5
texts = [json.loads(line) for line in open(f"{rows}/train.jsonl", encoding="utf-8")]
labels = torch.from_numpy(numpy.load(f"{rows}/train_labels.npy"))
learnt = numpy.load(f"{rows}/rows_train.npy")  # not those that validate
if len(learnt) < BATCH:
    sys.exit(f"{len(learnt)} rows to train on are less than a batch of {BATCH}")
device = "cuda" if torch.cuda.is_available() else "cpu"
half = device == "cuda" or "bf16" in open("/proc/cpuinfo", encoding="ascii").read()
tokeniser = AutoTokenizer.from_pretrained(name)
net = AutoModelForSequenceClassification.from_pretrained(
    name, num_labels=int(labels.max()) + 1, attn_implementation="eager",
    ignore_mismatched_sizes=True)  # a classifier of other classes is begun anew
if tokeniser.pad_token is None:  # GPT-2's
    tokeniser.pad_token = tokeniser.eos_token
net.config.pad_token_id = tokeniser.pad_token_id
net.to(device).train(epochs > 1)  # no dropout where each text is seen once


def batches():
    """All rows in random order, those of a batch about as long as each other."""
    order = numpy.random.permutation(learnt)
    order = order[: len(order) // BATCH * BATCH]
    alike = [sorted(part, key=lambda row: len(texts[row]["text"]))
             for part in numpy.split(order, range(0, len(order), 64 * BATCH)[1:])]
    cut = numpy.concatenate(alike).reshape(-1, BATCH)
    return cut[numpy.random.permutation(len(cut))]


steps = epochs * (len(learnt) // BATCH)
optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.01, fused=True)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.06, anneal_strategy="linear")
begin, done = time.time(), 0
for epoch in range(epochs):
    for batch in batches():
        first = [texts[row]["text"] for row in batch]
        second = [texts[row]["text_b"] for row in batch] if "text_b" in texts[0] else None
        tokens = tokeniser(first, second, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
        with torch.autocast(device, torch.bfloat16, enabled=half):
            loss = net(**tokens.to(device), labels=labels[batch].to(device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        done += 1
        print(f"\rstep {done} of {steps}, loss {loss.item():.3f}, {time.time() - begin:.0f} s", end="", file=sys.stderr)
print(file=sys.stderr)
net.save_pretrained(folder)
tokeniser.save_pretrained(folder)
