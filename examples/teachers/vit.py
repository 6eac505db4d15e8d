"""A small ViT of Fashion-MNIST as transformers saves one, for `folder: vit`; it is trained on what
`retort data STUDY --export rows` wrote: python3 vit.py rows vit
"""
import json
import sys

from transformers import ViTConfig, ViTForImageClassification

from cnn import fit

rows, folder = sys.argv[1:]
mean, sd = 0.286, 0.353  # of Fashion-MNIST's pixels, in 0 .. 1
sizes = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 6, "intermediate_size": 192}
vit = ViTForImageClassification(ViTConfig(image_size=28, patch_size=7, num_channels=1, num_labels=10, **sizes))
fit(vit, rows, lambda images: vit(pixel_values=(images - mean) / sd).logits, epochs=2, rate=1e-3)
vit.save_pretrained(folder)
with open(f"{folder}/preprocessor_config.json", "w") as file:  # as ViTImageProcessor.save_pretrained() does
    how = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [mean], "image_std": [sd]}
    json.dump(how, file)
