"""Writes hf/KIND/: folders as the transformers library saves them, of tiny networks with random weights,
and in each expected.bin: inputs and what the library answers; in expected_12x20.bin of images of that size.

Run once, by hand:  python3 tests/golden/make_hf.py   (needs torch and transformers; the tests need only
the files). Made with transformers 5.24 and torch 2.13.

expected.bin is little-endian int32: inputs N, outputs C of each row, answers of each input (0: one a
row); then of each input: rows T, and T ids and T segments, or, of images, T floats; then its logits.
"""
import json
import os
import shutil

import numpy as np
import torch
import transformers as tf

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hf")
TEXT = dict(vocab_size=30, num_labels=3)
BERT = dict(TEXT, hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=20,
            max_position_embeddings=16)
VIT = dict(hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=20, image_size=8,
           patch_size=4, num_channels=1, num_labels=3)
GPT2 = dict(TEXT, n_embd=12, n_head=3, n_layer=2, n_positions=16, bos_token_id=1, eos_token_id=1,
            pad_token_id=0)
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "##a", "##b", "##c", "the", "dog",
          "cat", "##s", "!", ",", ".", "-", "good", "bad", "not", "a1"]


def texts(special=True):
    torch.manual_seed(5)
    ids = [torch.randint(5, 30, (n,)) for n in (9, 4, 14)]
    segments = [torch.zeros(9, dtype=int), torch.zeros(4, dtype=int), torch.tensor([0] * 6 + [1] * 8)]
    return [(i, s) for i, s in zip(ids, segments)]


def write(path, ask, model, inputs, answers):
    with torch.no_grad(), open(path, "wb") as f:
        logits = [ask(model, x) for x in inputs]
        f.write(np.array([len(inputs), logits[0].shape[-1], answers], "<i4").tobytes())
        for x, y in zip(inputs, logits):
            if isinstance(x, tuple):
                f.write(np.array([len(x[0]), *x[0], *x[1]], "<i4").tobytes())
            else:
                f.write(np.array([x.numel()], "<i4").tobytes())
                f.write(x.permute(1, 2, 0).contiguous().numpy().astype("<f4").tobytes())
            f.write(y.numpy().astype("<f4").tobytes())


def save(name, model, ask, inputs, answers=1, dtype=torch.float32, **how):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(7)
    with torch.no_grad():  # away from their first values
        for p in model.parameters():
            p += 0.3 * torch.randn_like(p)
    model.to(dtype).save_pretrained(folder, **how)
    write(os.path.join(folder, "expected.bin"), ask, model.to(torch.float64).eval(), inputs, answers)
    for extra in ("generation_config.json",):
        if os.path.exists(os.path.join(folder, extra)):
            os.remove(os.path.join(folder, extra))
    if isinstance(inputs[0], tuple):
        with open(os.path.join(folder, "vocab.txt"), "w") as f:
            f.write("\n".join(TOKENS) + "\n")


def with_segments(m, x):
    return m(input_ids=x[0][None], token_type_ids=x[1][None]).logits[0]


def plain(m, x):
    return m(input_ids=x[0][None]).logits[0]


def pixels(m, x):
    return m(pixel_values=x[None].double()).logits[0]


def resized():
    """Images of another size than a folder's own: its positions are interpolated."""
    for name, kind in (("vit", tf.ViTForImageClassification), ("deit", tf.DeiTForImageClassification)):
        model = kind.from_pretrained(os.path.join(HERE, name)).to(torch.float64).eval()
        images = [torch.randn(1, 12, 20, generator=torch.Generator().manual_seed(i)) for i in range(2)]
        write(os.path.join(HERE, name, "expected_12x20.bin"),
              lambda m, x: m(pixel_values=x[None].double(), interpolate_pos_encoding=True).logits[0],
              model, images, 1)


def main():
    os.makedirs(HERE, exist_ok=True)
    seq, img = texts(), [torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    save("bert", tf.BertForSequenceClassification(tf.BertConfig(**BERT)), with_segments, seq)
    save("bert_bf16", tf.BertForSequenceClassification(tf.BertConfig(**BERT)), with_segments, seq,
         dtype=torch.bfloat16)
    save("bert_f16_shards", tf.BertForSequenceClassification(tf.BertConfig(**BERT)), with_segments, seq,
         dtype=torch.float16, max_shard_size="4KB")
    save("distilbert", tf.DistilBertForSequenceClassification(tf.DistilBertConfig(
        **TEXT, dim=12, n_heads=3, n_layers=2, hidden_dim=20, max_position_embeddings=16)), plain, seq)
    save("roberta", tf.RobertaForSequenceClassification(tf.RobertaConfig(
        **dict(BERT, max_position_embeddings=18), type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)),
        plain, seq)
    save("gpt2", tf.GPT2ForSequenceClassification(tf.GPT2Config(**GPT2)), plain, seq)
    save("gpt2_lm", tf.GPT2LMHeadModel(tf.GPT2Config(**GPT2)), plain, seq, answers=0)
    save("minilm", tf.BertModel(tf.BertConfig(**BERT)),
         lambda m, x: m(input_ids=x[0][None]).last_hidden_state[0].mean(0), seq)
    save("vit", tf.ViTForImageClassification(tf.ViTConfig(**VIT)), pixels, img)
    save("deit", tf.DeiTForImageClassification(tf.DeiTConfig(**VIT)), pixels, img)
    save("deit_pair", tf.DeiTForImageClassificationWithTeacher(tf.DeiTConfig(**VIT)), pixels, img)
    with open(os.path.join(HERE, "vit", "preprocessor_config.json"), "w") as f:
        json.dump({"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5],
                   "image_std": [0.25], "rescale_factor": 1 / 255, "size": {"height": 8, "width": 8}}, f)
    resized()


if __name__ == "__main__":
    main()
