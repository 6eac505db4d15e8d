"""Texts: a student of WordNet's glosses. What run.py asks of a subject, as images.py."""
TASK = "text"
DATA = {"format": "wordnet", "train": "/usr/share/wordnet", "length": 32, "validation": 11583, "seed": 1}
STUDENT = {"depth": [2], "width": [32], "head_dim": [16], "heads": [2], "ffn": [64], "vocabulary": [8000],
           "embedding": [16], "pool": "mean"}

# `heads2` has as many heads as the student, for the losses that compare attention head by head; `heads4` has
# twice as many, to be pruned.
TEACHERS = {
    "heads2": {"arch": "L2-d64-k32-h2-f128-e32-v8000", "epochs": 3, "learning_rate": 2e-3, "seed": 11},
    "heads4": {"arch": "L2-d64-k16-h4-f128-e32-v8000", "epochs": 3, "learning_rate": 2e-3, "seed": 12},
}
DISTILL = {"steps": 1464, "batch": 64, "learning_rate": 4e-3}


def layers(**keys):
    return {"distill.layers": {"teacher": "heads2", **keys}}


def pruned(**keys):
    return {"distill.init": "prune", "prune": {"teacher": "heads4", **keys}}


CORE = []
VARIANTS = [
    ("What is learned from", "KD", {}),
    ("What is learned from", "labels alone", {"distill.mix": "constant", "distill.ce0": 1, "distill.reg": "none"}),
    ("What is learned from", "teachers alone", {"distill.ce0": 0, "distill.ce1": 0}),
    ("What is learned from", "two-stage: labels, then teachers", {"distill.mix": "two_stage"}),
    ("Layer-wise, then logits", "embedding, hidden, relations", layers()),
    ("Layer-wise, then logits", "embedding alone", layers(hidden=0, attention=0)),
    ("Layer-wise, then logits", "hidden alone", layers(embedding=0, attention=0)),
    ("Layer-wise, then logits", "relations alone (MiniLM)", layers(embedding=0, hidden=0)),
    ("Layer-wise, then logits", "attention scores alone", layers(embedding=0, hidden=0, attention_loss="logits")),
    ("First weights", "pruned: table, blocks and head", pruned()),
    ("Table of tokens", "e 8", {"space.embedding": [8]}),
    ("Table of tokens", "e 32", {"space.embedding": [32]}),
    ("Table of tokens", "v 2000", {"space.vocabulary": [2000]}),
    ("Table of tokens", "v 4000", {"space.vocabulary": [4000]}),
    ("In int8", "KD, then int8 (PTQ)", {"distill.quantise": "ptq"}),
    ("In int8", "int8 felt while training (QAT)", {"distill.quantise": "qat"}),
]
