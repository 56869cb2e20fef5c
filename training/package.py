"""Reads and writes the tensors of a model package.

A package in the repository is packed (`pack.py`): 4-bit word embeddings and int8 matrices. Here it is unpacked to fp32
for training, and written back with fp16 matrices, which `pack.py` then packs again. The word embeddings are frozen in
training, so that packing them again loses nothing.
"""
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

WORDS = "embeddings.word_embeddings"


def unpacked(directory):
    """All tensors of a package as fp32, by name; the heads under `heads.`."""
    tensors = load_file(Path(directory) / "model.safetensors")
    out = {}
    for name, tensor in tensors.items():
        if name.endswith(".scale") and name.removesuffix("scale") + "weight" in tensors:
            continue
        scale = tensors.get(name.removesuffix("weight") + "scale") if name.endswith(".weight") else None
        out[name] = tensor.astype(np.float32) if scale is None else restored(tensor, scale.astype(np.float32))
    return out


def restored(levels, scale):
    """The values of a packed matrix."""
    if levels.dtype == np.uint8:
        rows, blocks = scale.shape
        halves = levels.reshape(rows, blocks, -1)
        values = np.concatenate([halves & 15, halves >> 4], axis=2).astype(np.float32) - 8
        return (values * scale[:, :, None]).reshape(rows, -1)
    if scale.ndim == 1:
        return levels.astype(np.float32) * scale[:, None]
    groups = levels.reshape(*scale.shape, -1).astype(np.float32)
    return (groups * scale[:, :, None]).reshape(levels.shape)


def save(directory, tensors, config, tokenizer):
    """Writes an unpacked package: encoder and word matrices fp16, everything else fp32."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    halved = {n: t.astype(np.float16 if is_matrix(n, t) else np.float32) for n, t in tensors.items()}
    save_file(halved, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if Path(tokenizer).resolve() != (directory / "tokenizer.json").resolve():
        shutil.copyfile(tokenizer, directory / "tokenizer.json")


def is_matrix(name, tensor):
    return tensor.ndim == 2 and not name.startswith("heads.")


def config_of(directory):
    return json.loads((Path(directory) / "config.json").read_text(encoding="utf-8"))
