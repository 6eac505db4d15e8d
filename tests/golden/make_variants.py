"""Writes variant_*.bin: networks of space_variant, from PyTorch float64: logits and all gradients.

Run once, by hand:  python3 tests/golden/make_variants.py   (needs torch; the tests need only the files)

A file is little-endian: int32 magic 0x52544732; depth, width, head_dim, patch, embedding, vocabulary,
heads[depth], ffn[depth]; height, width, channels, classes, pool, length, segments, parts; post_norm,
stem_norm, no_final_norm, causal, registers, activation, head (as the enums of space/arch.h);
examples M, rows of each [M], asked A (0: all), the asked rows [A], parameters P, answers N; float32
eps; then float32 values (images) or int32 ids and, where there are segments, int32 segments; float32
params[P], dlogits, logits (N,C), grads[P]. params are in the order of space/arch.h; grads are of
sum(dlogits * logits). Examples are run one by one, so that a batch cannot mix them.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

CLASS, MEAN, LAST, PAIR, NONE = range(5)
ERF, TANH_GELU, RELU = range(3)
LINEAR, TANH_HEAD, RELU_HEAD, TIED = range(4)
BASE = dict(depth=2, width=10, head_dim=4, patch=0, embedding=0, vocabulary=0, heads=[2, 1], ffn=[12, 9],
            height=0, image_width=0, channels=0, classes=5, pool=CLASS, length=0, segments=0, parts=0,
            post_norm=0, stem_norm=0, no_final_norm=0, causal=0, registers=0, activation=ERF, head=LINEAR,
            eps=0.0, rows=[], asked=[])
TEXT = dict(vocabulary=20, length=9, rows=[9, 4, 1, 6])
IMAGE = dict(patch=2, height=4, image_width=6, channels=2, rows=[6, 6])
CASES = {
    "text_mean_projected": dict(TEXT, embedding=6, pool=MEAN),
    "text_class_segments": dict(TEXT, segments=2),
    "text_last_parts": dict(TEXT, pool=LAST, parts=3, classes=4, embedding=16),
    "bert": dict(TEXT, post_norm=1, stem_norm=1, no_final_norm=1, head=TANH_HEAD, segments=2, eps=1e-12),
    "distilbert": dict(TEXT, post_norm=1, stem_norm=1, no_final_norm=1, head=RELU_HEAD, eps=1e-12,
                       rows=[5, 5, 5]),
    "post_norm_mean": dict(TEXT, post_norm=1, pool=MEAN, activation=RELU, embedding=5),
    "gpt2": dict(TEXT, causal=1, activation=TANH_GELU, pool=LAST, eps=1e-5),
    "next_token": dict(TEXT, causal=1, pool=NONE, head=TIED, asked=[0, 1, 3, 8, 9, 12, 14, 18]),
    "next_token_projected": dict(TEXT, causal=1, pool=NONE, head=TIED, embedding=6, activation=TANH_GELU),
    "row_labels": dict(TEXT, pool=NONE, post_norm=1, asked=[0, 9, 13, 14, 17]),
    "deit_pair": dict(IMAGE, pool=PAIR, eps=1e-12),
    "deit_one": dict(IMAGE, registers=1, head=TANH_HEAD),
    "images_last": dict(IMAGE, pool=LAST, classes=3, parts=2),
}


class Reader:
    def __init__(self, params):
        self.params, self.at = params, 0

    def take(self, *shape):
        n = int(np.prod(shape))
        v = self.params[self.at : self.at + n].view(*shape)
        self.at += n
        return v


def activate(kind, x):
    return F.relu(x) if kind == RELU else F.gelu(x, approximate="tanh" if kind == TANH_GELU else "none")


def class_rows(c):
    return 2 if c["pool"] == PAIR else (1 + c["registers"] if c["patch"] and c["pool"] == CLASS else 0)


def read_params(c, p):
    """All tensors in the order of space/arch.h."""
    r, d = Reader(p), c["width"]
    text, e = c["vocabulary"] > 0, c["embedding"] or c["width"]
    f = e if text else c["patch"] ** 2 * c["channels"]
    tokens = c["length"] if text else (c["height"] // c["patch"]) * (c["image_width"] // c["patch"])
    w = {"blocks": []}
    if not text or e != d:
        w["stem"] = (r.take(d, f), r.take(d))
    if class_rows(c):
        w["class"] = r.take(class_rows(c), d)
    w["position"] = r.take(tokens + class_rows(c), d)
    if c["segments"]:
        w["segment"] = r.take(c["segments"], d)
    if c["stem_norm"]:
        w["stem_ln"] = (r.take(d), r.take(d))
    for h, f in zip(c["heads"], c["ffn"]):
        a = h * c["head_dim"]
        w["blocks"].append(dict(ln1=(r.take(d), r.take(d)), qkv=(r.take(3 * a, d), r.take(3 * a)),
                                proj=(r.take(d, a), r.take(d)), ln2=(r.take(d), r.take(d)),
                                up=(r.take(f, d), r.take(f)), down=(r.take(d, f), r.take(d))))
    if not c["no_final_norm"]:
        w["ln"] = (r.take(d), r.take(d))
    g = 2 * d if c["pool"] == PAIR else d
    tied = c["head"] == TIED
    if c["head"] in (TANH_HEAD, RELU_HEAD) or (tied and e != d):
        g2 = e if tied else g
        w["pooler"] = (r.take(g2, g), r.take(g2))
        g = g2
    if tied:
        bias = r.take(c["vocabulary"])
        w["table"] = r.take(c["vocabulary"], e)
        w["head"] = (w["table"], bias)
    else:
        outs = c["classes"] * max(1, c["parts"])
        w["head"] = (r.take(outs, g), r.take(outs))
        if text:
            w["table"] = r.take(c["vocabulary"], e)
    return w, r.at


def norm(c, x, w):
    return F.layer_norm(x, (x.shape[-1],), w[0], w[1], c["eps"] or 1e-6)


def attention(c, x, b, heads):
    t, k = x.shape[0], c["head_dim"]
    q, kk, v = (m.view(t, heads, k).transpose(0, 1) for m in F.linear(x, *b["qkv"]).split(heads * k, 1))
    o = F.scaled_dot_product_attention(q, kk, v, is_causal=bool(c["causal"]))
    return F.linear(o.transpose(0, 1).reshape(t, heads * k), *b["proj"])


def ffn(c, x, b):
    return F.linear(activate(c["activation"], F.linear(x, *b["up"])), *b["down"])


def example(c, w, ids, segments, image):
    if c["vocabulary"]:
        x = w["table"][ids]
        if "stem" in w:
            x = F.linear(x, *w["stem"])
    else:
        p, ch = c["patch"], c["channels"]
        cut = F.unfold(image.permute(2, 0, 1)[None], p, stride=p)[0].T
        x = F.linear(cut.view(-1, ch, p * p).transpose(1, 2).reshape(-1, p * p * ch), *w["stem"])
        if "class" in w:
            x = torch.cat([w["class"], x])
    x = x + w["position"][: x.shape[0]]
    if c["segments"]:
        x = x + w["segment"][segments]
    if c["stem_norm"]:
        x = norm(c, x, w["stem_ln"])
    for heads, b in zip(c["heads"], w["blocks"]):
        if c["post_norm"]:
            x = norm(c, x + attention(c, x, b, heads), b["ln1"])
            x = norm(c, x + ffn(c, x, b), b["ln2"])
        else:
            x = x + attention(c, norm(c, x, b["ln1"]), b, heads)
            x = x + ffn(c, norm(c, x, b["ln2"]), b)
    return x if c["no_final_norm"] else norm(c, x, w["ln"])


def head(c, w, x):
    if "pooler" in w:
        x = F.linear(x, *w["pooler"])
        x = torch.tanh(x) if c["head"] == TANH_HEAD else F.relu(x) if c["head"] == RELU_HEAD else x
    return F.linear(x, *w["head"])


def network(c, params, ids, segments, images):
    w, _ = read_params(c, params)
    pooled, at = [], 0
    for m, rows in enumerate(c["rows"]):
        image = images[m] if len(images) else None
        x = example(c, w, ids[at : at + rows], segments[at : at + rows], image)
        at += rows
        pooled.append({CLASS: lambda: x[:1], MEAN: lambda: x.mean(0, keepdim=True), LAST: lambda: x[-1:],
                       PAIR: lambda: x[:2].reshape(1, -1), NONE: lambda: x}[c["pool"]]())
    x = torch.cat(pooled)
    if c["asked"]:
        x = x[c["asked"]]
    return head(c, w, x)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    rng = np.random.default_rng(20281128)
    for name, own in CASES.items():
        c = dict(BASE, **own)
        n = read_params(c, torch.zeros(1 << 20))[1]
        rows = sum(c["rows"])
        text = c["vocabulary"] > 0
        ids = rng.integers(0, c["vocabulary"], rows) if text else np.zeros(rows, int)
        segments = rng.integers(0, 2, rows)
        images = rng.normal(0, 1, (len(c["rows"]), c["height"], c["image_width"], c["channels"]))
        images = images.astype(np.float32) if not text else np.zeros(0, np.float32)
        params = rng.normal(0, 0.35, n).astype(np.float32)
        tp = torch.tensor(params, dtype=torch.float64, requires_grad=True)
        logits = network(c, tp, torch.tensor(ids), torch.tensor(segments),
                         torch.tensor(images, dtype=torch.float64))
        dlogits = rng.normal(0, 1, tuple(logits.shape)).astype(np.float32)
        logits.backward(torch.tensor(dlogits, dtype=torch.float64))
        answers = logits.numel() // (c["vocabulary"] if c["head"] == TIED else c["classes"])
        extra = class_rows(c)
        order = [0x52544732] + [c[k] for k in ("depth", "width", "head_dim", "patch", "embedding", "vocabulary")]
        order += [*c["heads"], *c["ffn"]]
        order += [c[k] for k in ("height", "image_width", "channels", "classes", "pool", "length", "segments",
                                 "parts", "post_norm", "stem_norm", "no_final_norm", "causal", "registers",
                                 "activation", "head")]
        order += [len(c["rows"]), *(r + extra for r in c["rows"]), len(c["asked"]), *c["asked"], n, answers]
        with open(os.path.join(here, f"variant_{name}.bin"), "wb") as f:
            f.write(np.array(order, "<i4").tobytes())
            f.write(np.array([c["eps"]], "<f4").tobytes())
            f.write(np.ascontiguousarray(images, "<f4").tobytes())
            if text:
                f.write(ids.astype("<i4").tobytes())
            if c["segments"]:
                f.write(segments.astype("<i4").tobytes())
            for v in (params, dlogits, logits.detach().numpy(), tp.grad.numpy()):
                f.write(np.ascontiguousarray(v, "<f4").tobytes())


if __name__ == "__main__":
    main()
