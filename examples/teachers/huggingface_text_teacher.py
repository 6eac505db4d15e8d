"""A text classifier of Hugging Face's transformers as a teacher. In the study, of texts:

    - name: deberta
      command: [python3, huggingface_text_teacher.py, FOLDER_OR_NAME]

Its classes must be the study's, in the same order; `retort doctor` says when they seem not to be. Bert,
distilbert, roberta and gpt2 need no command: `folder: FOLDER` reads them without Python.
"""
import json
import sys

import numpy
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

name, texts, logits = sys.argv[1:]
device = "cuda" if torch.cuda.is_available() else "cpu"
tokeniser = AutoTokenizer.from_pretrained(name)
net = AutoModelForSequenceClassification.from_pretrained(name).to(device).eval()

# Not every tokeniser says how much its model can read; RoBERTa's positions begin at 2.
longest = min(tokeniser.model_max_length, getattr(net.config, "max_position_embeddings", 10**6) - 2)
rows, said = [json.loads(line) for line in open(texts, encoding="utf-8")], []
with torch.inference_mode():
    for i in range(0, len(rows), 64):
        first = [row["text"] for row in rows[i : i + 64]]
        second = [row["text_b"] for row in rows[i : i + 64]] if "text_b" in rows[0] else None
        batch = tokeniser(first, second, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        said.append(net(**batch.to(device)).logits.float().cpu().numpy())
        print(f"\r{i + len(first)} of {len(rows)} rows", end="", file=sys.stderr)
print(file=sys.stderr)
numpy.save(logits, numpy.concatenate(said))
