"""Images: a student of Fashion-MNIST. What run.py asks of a subject: the blocks of the study that all variants
change, and the variants."""
TASK = "image"
FOLDER = "/usr/share/datasets/fashion-mnist/"
DATA = {
    "train_images": FOLDER + "train-images-idx3-ubyte.gz",
    "train_labels": FOLDER + "train-labels-idx1-ubyte.gz",
    "validation": 10000, "held_out": 2000, "seed": 1,
}
STUDENT = {"depth": [4], "width": [48], "head_dim": [16], "heads": [3], "ffn": [96], "patch": [7]}

# Three that err differently: wide heads, many heads, and smaller patches. `heads3` has as many heads as the
# student, for the losses that compare attention head by head; `heads6` has twice as many, to be pruned.
TEACHERS = {
    "heads3": {"arch": "L4-d96-k32-h3-f192-p7", "epochs": 5, "seed": 11},
    "heads6": {"arch": "L5-d96-k16-h6-f192-p7", "epochs": 5, "seed": 12},
    "fine": {"arch": "L3-d96-k16-h6-f192-p4", "epochs": 3, "seed": 13},
}
DISTILL = {"steps": 1500, "batch": 64, "learning_rate": 2e-3}


def only(teacher):
    """The ensemble with all of its weight on one: the others stay in the cache that all share."""
    return {"teachers.weight." + name: 1e6 if name == teacher else 1e-6 for name in TEACHERS}


def layers(**keys):
    return {"distill.layers": {"teacher": "heads3", **keys}}


def pruned(**keys):
    return {"distill.init": "prune", "prune": {"teacher": "heads6", **keys}}


# group, name, what it changes of the baseline: dotted keys of the study file. `core` ones answer the two
# questions that the whole thing stands on, and get twice the seeds.
CORE = ["KD", "labels alone", "heads3 alone", "heads6 alone", "fine alone"]
VARIANTS = [
    ("What is learned from", "KD", {}),
    ("What is learned from", "labels alone", {"distill.mix": "constant", "distill.ce0": 1, "distill.reg": "none"}),
    ("What is learned from", "teachers alone", {"distill.ce0": 0, "distill.ce1": 0}),
    ("Teachers", "heads3 alone", only("heads3")),
    ("Teachers", "heads6 alone", only("heads6")),
    ("Teachers", "fine alone", only("fine")),
    ("Teachers", "mean of logits", {"teachers.combine": "logit"}),
    ("Teachers", "weights by accuracy", {"teachers.weights": "accuracy"}),
    ("Teachers", "weights by entropy", {"teachers.weights": "entropy"}),
    ("Teachers", "weights by confidence", {"teachers.weights": "confidence"}),
    ("Teachers", "weights by EM", {"teachers.weights": "em"}),
    ("Teachers", "calibrated", {"teachers.calibrate": True}),
    ("Soft loss", "reverse KL", {"distill.loss": "rkl"}),
    ("Soft loss", "Jensen-Shannon", {"distill.loss": "js"}),
    ("Soft loss", "symmetric KL", {"distill.loss": "sym"}),
    ("Soft loss", "logit MSE", {"distill.loss": "mse"}),
    ("Soft loss", "DKD", {"distill.loss": "dkd"}),
    ("Soft loss", "teacher's class (hard)", {"distill.loss": "hard"}),
    ("Soft loss", "correlation (dist)", {"distill.loss": "dist"}),
    ("Soft loss", "standardised logits", {"distill.standardise": True}),
    ("Mixing with labels", "two-stage: labels, then teachers", {"distill.mix": "two_stage"}),
    ("Mixing with labels", "cosine 0.9 to 0.1", {"distill.mix": "cosine"}),
    ("Mixing with labels", "constant 0.1", {"distill.mix": "constant", "distill.ce0": .1}),
    ("Mixing with labels", "constant 0.5", {"distill.mix": "constant", "distill.ce0": .5}),
    ("Mixing with labels", "constant 0.9", {"distill.mix": "constant", "distill.ce0": .9}),
    ("Temperature", "cosine 4 to 1", {"distill.t_schedule": "cosine"}),
    ("Temperature", "linear 8 to 1", {"distill.t0": 8}),
    ("Temperature", "constant 4", {"distill.t_schedule": "constant"}),
    ("Temperature", "constant 2", {"distill.t_schedule": "constant", "distill.t0": 2}),
    ("Temperature", "constant 1", {"distill.t_schedule": "constant", "distill.t0": 1}),
    ("Temperature", "without T^2", {"distill.t2_scale": False}),
    ("Temperature", "constant 4 without T^2", {"distill.t_schedule": "constant", "distill.t2_scale": False}),
    ("Regulariser and clipping", "no regulariser", {"distill.reg": "none"}),
    ("Regulariser and clipping", "squared L2", {"distill.reg": "l2sq"}),
    ("Regulariser and clipping", "L2 to its own running mean", {"distill.reg_target": "ema"}),
    ("Regulariser and clipping", "no gradient floor", {"distill.clip_low": 0}),
    ("Regulariser and clipping", "no clipping", {"distill.clip_low": 0, "distill.clip_high": 0}),
    ("Layer-wise, then logits", "embedding, hidden, relations", layers()),
    ("Layer-wise, then logits", "all the time beside logits", layers(intermediate=0)),
    ("Layer-wise, then logits", "hidden alone", layers(embedding=0, attention=0)),
    ("Layer-wise, then logits", "hidden by cosine", layers(embedding=0, attention=0, hidden_loss="cosine")),
    ("Layer-wise, then logits", "relations alone (MiniLM)", layers(embedding=0, hidden=0)),
    ("Layer-wise, then logits", "attention scores (TinyBERT)", layers(attention_loss="logits")),
    ("Layer-wise, then logits", "attention probabilities", layers(attention_loss="probabilities")),
    ("Layer-wise, then logits", "attention KL", layers(attention_loss="kl")),
    ("Layer-wise, then logits", "without balance", layers(balance=False)),
    ("First weights", "pruned by activation", pruned()),
    ("First weights", "pruned by gradient", pruned(importance="gradient")),
    ("First weights", "layers by influence", pruned(layers="influence")),
    ("First weights", "heads merged", pruned(merge_heads=True)),
    ("In int8", "KD, then int8 (PTQ)", {"distill.quantise": "ptq"}),
    ("In int8", "int8 felt while training (QAT)", {"distill.quantise": "qat"}),
]
