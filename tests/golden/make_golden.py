"""Writes student_*.bin: one student's parameters, inputs, logits and gradients, from PyTorch float64.

Run once, by hand:  python3 tests/golden/make_golden.py   (needs torch; the tests need only the files)

A file is little-endian int32: magic 0x52544731, depth, width, head_dim, patch, heads[depth],
ffn[depth], height, width, channels, classes, pool (0 class, 1 mean), batch, parameters P; then
float32: params[P], images[batch*H*W*channels], dlogits[batch*C], logits[batch*C], grads[P].
params and grads are in the order of space/arch.h; grads are of sum(dlogits * logits).
The network is written here with torch's own operators (its LayerNorm, scaled-dot-product attention,
erf GELU and unfold), not after the C code.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

CLASS, MEAN = 0, 1
# name, depth, width, head_dim, patch, heads, ffn, height, width, channels, classes, pool, batch
CASES = [
    ("plain", 2, 16, 8, 4, [2, 2], [32, 32], 16, 16, 1, 10, CLASS, 3),
    ("one_head_odd_widths", 2, 13, 5, 3, [1, 1], [19, 7], 15, 9, 3, 7, CLASS, 2),
    ("mean_pool", 2, 18, 12, 2, [2, 1], [40, 24], 8, 14, 2, 3, MEAN, 2),
    ("fifty_tokens_one_block", 1, 33, 17, 2, [1], [30], 14, 14, 1, 10, CLASS, 2),
    ("wide_heads", 2, 16, 24, 2, [1, 1], [30, 18], 16, 16, 1, 5, CLASS, 1),
    ("mean_one_token", 1, 8, 16, 4, [1], [9], 4, 4, 1, 2, MEAN, 3),
    ("patch_of_seven", 1, 36, 8, 7, [3], [21], 14, 21, 1, 10, CLASS, 2),
]


def take(params, at, *shape):
    n = int(np.prod(shape))
    v = params[at[0] : at[0] + n].view(*shape)
    at[0] += n
    return v


def network(params, images, case):
    _, depth, d, k, p, heads, ffn, _, _, c, classes, pool, batch = case
    at = [0]
    stem_w, stem_b = take(params, at, d, p * p * c), take(params, at, d)
    # F.unfold orders a patch as (channel, y, x); ours is (y, x, channel)
    cut = F.unfold(images.permute(0, 3, 1, 2), p, stride=p).transpose(1, 2)
    cut = cut.view(batch, -1, c, p * p).transpose(2, 3).reshape(batch, -1, p * p * c)
    x = F.linear(cut, stem_w, stem_b)
    if pool == CLASS:
        x = torch.cat([take(params, at, d).expand(batch, 1, d), x], 1)
    t = x.shape[1]
    x = x + take(params, at, t, d)
    for h, f in zip(heads, ffn):
        a = h * k
        y = F.layer_norm(x, (d,), take(params, at, d), take(params, at, d), 1e-6)
        qkv = F.linear(y, take(params, at, 3 * a, d), take(params, at, 3 * a))
        q, kk, v = (m.view(batch, t, h, k).transpose(1, 2) for m in qkv.split(a, 2))
        o = F.scaled_dot_product_attention(q, kk, v).transpose(1, 2).reshape(batch, t, a)
        x = x + F.linear(o, take(params, at, d, a), take(params, at, d))
        y = F.layer_norm(x, (d,), take(params, at, d), take(params, at, d), 1e-6)
        y = F.gelu(F.linear(y, take(params, at, f, d), take(params, at, f)))
        x = x + F.linear(y, take(params, at, d, f), take(params, at, d))
    x = F.layer_norm(x, (d,), take(params, at, d), take(params, at, d), 1e-6)
    x = x[:, 0] if pool == CLASS else x.mean(1)
    logits = F.linear(x, take(params, at, classes, d), take(params, at, classes))
    assert at[0] == len(params)
    return logits


def count(case):
    _, depth, d, k, p, heads, ffn, hh, ww, c, classes, pool, _ = case
    t = (hh // p) * (ww // p) + (pool == CLASS)
    n = d * p * p * c + d + (d if pool == CLASS else 0) + t * d
    for h, f in zip(heads, ffn):
        a = h * k
        n += 4 * d + 3 * a * d + 3 * a + d * a + d + f * d + f + d * f + d
    return n + 2 * d + classes * d + classes


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    rng = np.random.default_rng(20240601)
    for case in CASES:
        name, depth, d, k, p, heads, ffn, hh, ww, c, classes, pool, batch = case
        n = count(case)
        # wide enough that softmax and GELU leave their linear parts
        params = rng.normal(0, 0.35, n).astype(np.float32)
        images = rng.normal(0, 1, (batch, hh, ww, c)).astype(np.float32)
        dlogits = rng.normal(0, 1, (batch, classes)).astype(np.float32)
        tp = torch.tensor(params, dtype=torch.float64, requires_grad=True)
        logits = network(tp, torch.tensor(images, dtype=torch.float64), case)
        logits.backward(torch.tensor(dlogits, dtype=torch.float64))
        head = [0x52544731, depth, d, k, p, *heads, *ffn, hh, ww, c, classes, pool, batch, n]
        with open(os.path.join(here, f"student_{name}.bin"), "wb") as f:
            f.write(np.array(head, "<i4").tobytes())
            for v in (params, images, dlogits, logits.detach().numpy(), tp.grad.numpy()):
                f.write(np.ascontiguousarray(v, "<f4").tobytes())


if __name__ == "__main__":
    main()
