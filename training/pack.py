"""Packs a trained model directory into the form that the repository holds.

usage: pack.py SOURCE TARGET

SOURCE holds config.json, tokenizer.json and model.safetensors with fp16/fp32 matrices and int8 word embeddings.
TARGET gets the same tensors, smaller:
- encoder matrices: int8 with one fp16 scale for each 64 inputs of a row (`<name>.scale`, [rows, inputs / 64]),
  value = int8 x scale; one scale for a whole row costs 0.3 points of NER F1, as a few weights are far larger;
- word embeddings: 4 bit in blocks of 32 (`embeddings.word_embeddings.scale`, fp16 [vocabulary, hidden / 32]);
  byte j of a block holds value j in its low and value j + 16 in its high nibble, value = (nibble - 8) x scale;
- the heads' matrices fp16, everything else fp32.
Prints how far each kind of tensor is from its original.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

BLOCK = 32
GROUP = 64


def pack_groups(matrix):
    """Symmetric int8, one fp16 scale per 64 inputs of a row, rounded to nearest."""
    rows, width = matrix.shape
    groups = matrix.reshape(rows, width // GROUP, GROUP)
    scale = (np.abs(groups).max(axis=2) / 127.0).astype(np.float16)
    divisor = np.where(scale == 0, 1.0, scale).astype(np.float32)
    levels = np.clip(np.rint(groups / divisor[:, :, None]), -127, 127).astype(np.int8)
    restored = levels.astype(np.float32) * scale.astype(np.float32)[:, :, None]
    return levels.reshape(matrix.shape), scale, restored.reshape(matrix.shape)


def pack_blocks(matrix):
    """Symmetric 4 bit in blocks of 32; of 33 candidate scales per block the one with the least squared error."""
    rows, width = matrix.shape
    blocks = matrix.reshape(rows, width // BLOCK, BLOCK)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    best_error = np.full(extreme.shape, np.inf, np.float32)
    best_scale = np.zeros(extreme.shape, np.float16)
    best_levels = np.zeros(blocks.shape, np.int8)
    for factor in np.linspace(0.92, 1.08, 33):
        scale = (extreme / -8.0 * factor).astype(np.float16)
        divisor = np.where(scale == 0, 1.0, scale).astype(np.float32)
        levels = np.clip(np.rint(blocks / divisor[:, :, None]), -8, 7).astype(np.int8)
        error = ((levels * divisor[:, :, None] - blocks) ** 2).sum(axis=2)
        better = error < best_error
        best_error = np.where(better, error, best_error)
        best_scale = np.where(better, scale, best_scale)
        best_levels = np.where(better[:, :, None], levels, best_levels)
    nibbles = (best_levels + 8).astype(np.uint8)
    packed = nibbles[:, :, : BLOCK // 2] | (nibbles[:, :, BLOCK // 2 :] << 4)
    return packed.reshape(rows, width // 2), best_scale


def relative_error(packed, original):
    return float(np.linalg.norm(packed - original) / max(np.linalg.norm(original), 1e-30))


def main(source, target):
    source, target = Path(source), Path(target)
    target.mkdir(parents=True, exist_ok=True)
    tensors, out, errors = load_file(source / "model.safetensors"), {}, {}
    for name, tensor in tensors.items():
        if name == "embeddings.word_embeddings.scale":
            continue
        if name == "embeddings.word_embeddings.weight":
            matrix = tensor.astype(np.float32)
            if tensor.dtype == np.int8:
                matrix *= tensors["embeddings.word_embeddings.scale"][:, None]
            levels, scale = pack_blocks(matrix)
            out[name], out["embeddings.word_embeddings.scale"] = levels, scale
            nibbles = np.stack([levels & 15, levels >> 4]).reshape(2, *scale.shape, BLOCK // 2)
            restored = (np.moveaxis(nibbles, 0, 2).astype(np.float32) - 8) * scale.astype(np.float32)[:, :, None, None]
            errors[name] = relative_error(restored.reshape(matrix.shape), matrix)
        elif name.startswith("encoder.") and tensor.ndim == 2:
            matrix = tensor.astype(np.float32)
            out[name], out[name.removesuffix("weight") + "scale"], restored = pack_groups(matrix)
            errors[name] = relative_error(restored, matrix)
        elif tensor.ndim == 2 and tensor.size > 100_000:
            out[name] = tensor.astype(np.float16)
        else:
            out[name] = tensor.astype(np.float32)
    save_file(out, target / "model.safetensors")
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
    config = json.loads((source / "config.json").read_text())
    if not (target / "config.json").exists():
        (target / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    print(f"word embeddings: relative error {errors.pop('embeddings.word_embeddings.weight'):.5f}")
    print(f"encoder matrices: relative error at most {max(errors.values()):.5f}")
    print(f"{sum(f.stat().st_size for f in target.iterdir()) / 1e6:.1f} MB in {target}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
