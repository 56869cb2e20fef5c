#!/usr/bin/env python3
"""Makes the models of tests/models: each architecture with random weights, and what Transformers says with them.

    python3 -m venv venv && venv/bin/pip install torch==2.4.0 transformers==4.46.3
    venv/bin/python scripts/tiny-models.py

The weights are drawn from a fixed seed and rounded to fp16, so that the folder stays small; the expected logits are
computed in fp32 from the rounded weights. The texts are read again by tests/models.rs and by the unit tests.
"""

import json
import re
import shutil
import warnings
from pathlib import Path

import torch
import transformers as t
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parent.parent / "tests/models"

CORPUS = [
    "Die Reederei Nordwind aus Kiel beruft Jana Roth in den Vorstand.",
    "Ömer Falk lobte sie in Brüssel: „Eine kluge Wahl für Europa.“",
    "The harbour board of Kiel thanked Ida Brosch for her work 🚢.",
    "Der Rat der Stadt Görlitz wirft der Firma Quarz & Söhne schwere Fehler vor.",
    "La ministre Inès Caron a salué l'accord de Genève.",
    "El alcalde Raúl Peña criticó a la empresa Verdalia.",
]

TEXTS = [
    "Ömer Falk lobte Jana Roth in Brüssel.",
    "The board 🚢 of Nordwind thanked Ida Brosch (Kiel).",
    "Inès Caron traf die Firma Quarz & Söhne in Görlitz, sagt „Nordwind“.",
    "Kiel",
]

PAIRS = [
    ("Ömer Falk lobte Jana Roth in Brüssel.", "Jana Roth"),
    ("Der Rat wirft der Firma Quarz & Söhne Fehler vor 🚢.", "Quarz & Söhne"),
]

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]
TYPES = {"PER": "PERSON", "ORG": "ORGANIZATION", "LOC": "LOCATION", "MISC": "MISCELLANEOUS"}


def template(begin, end, pair, types, tokenizer):
    """What stands around one text and between two."""
    second = ":1" if types else ":0"
    return processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end}{pair} $B{second} {end}{second}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (begin, end)],
    )


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False))
    tokenizer.post_processor = template("[CLS]", "[SEP]", "", True, tokenizer)
    return tokenizer


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = template("<s>", "</s>", " </s>", False, tokenizer)
    return tokenizer


def unigram(begin, end, pad, types):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = [begin, pad, end, "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = template(begin, end, "" if types else f" {end}", types, tokenizer)
    return tokenizer


TOKENIZERS = {
    "word-piece": word_piece(),
    "byte-level": byte_level(),
    "unigram": unigram("<s>", "</s>", "<pad>", False),
    "unigram-types": unigram("[CLS]", "[SEP]", "<pad>", True),
}

SHAPE = dict(
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=96,
    initializer_range=0.6,
)
DISTIL = dict(dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=96, initializer_range=0.6)
BART = dict(
    d_model=8,
    encoder_layers=1,
    decoder_layers=1,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=12,
    decoder_ffn_dim=12,
    max_position_embeddings=96,
    init_std=0.6,
    forced_eos_token_id=None,
)
MOBILE = dict(embedding_size=8, intra_bottleneck_size=4, true_hidden_size=4, num_feedforward_networks=2)

# Name, classes, configuration, tokenizer.
KINDS = [
    ("albert", "Albert", SHAPE | dict(embedding_size=4), "unigram-types"),
    ("bart", "Bart", BART, "byte-level"),
    ("bert", "Bert", SHAPE, "word-piece"),
    ("camembert", "Camembert", SHAPE | dict(max_position_embeddings=98), "unigram"),
    ("distilbert", "DistilBert", DISTIL, "word-piece"),
    ("electra", "Electra", SHAPE | dict(embedding_size=4), "word-piece"),
    ("fnet", "FNet", SHAPE | dict(use_tpu_fourier_optimizations=False), "unigram-types"),
    ("longformer", "Longformer", SHAPE | dict(max_position_embeddings=98, attention_window=[8, 8]), "byte-level"),
    ("mobilebert", "MobileBert", SHAPE | MOBILE, "word-piece"),
    ("roberta", "Roberta", SHAPE | dict(max_position_embeddings=98), "byte-level"),
    ("xlm-roberta", "XLMRoberta", SHAPE | dict(max_position_embeddings=98), "unigram"),
]


def rounded(tensor):
    return [round(value, 5) for value in tensor.flatten().tolist()]


def words(text):
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


def mentions(text, encoding, logits):
    """What the first subword of each word says, by the rule of BIO with an inside label allowed to begin."""
    found, open_type = [], None
    for start, end in words(text):
        # A character may be spread over several tokens, and a token begin with the blank before its word.
        inside = [i for i, (a, b) in enumerate(encoding.offsets) if a < end and b > start]
        label = LABELS[int(logits[inside[0]].argmax())] if inside else "O"
        if label == "O":
            open_type = None
            continue
        place, kind = label.split("-")
        if place == "B" or kind != open_type:
            found.append({"start": start, "end": end, "type": TYPES[kind]})
        else:
            found[-1]["end"] = end
        open_type = kind
    return found


def save(name, model):
    folder = ROOT / name
    folder.mkdir(parents=True)
    model.half()
    # Tensors that share their storage are written once each.
    tensors = {key: value.clone().contiguous() for key, value in model.state_dict().items() if value.is_floating_point()}
    save_file(tensors, folder / "model.safetensors")
    model.config.torch_dtype = None
    model.config.to_json_file(folder / "config.json", use_diff=True)
    config = json.loads((folder / "config.json").read_text())
    for key in ("torch_dtype", "transformers_version", "_name_or_path"):
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    model.float()


def encoded(tokenizer, *texts):
    encoding = tokenizer.encode(*texts)
    ids = torch.tensor([encoding.ids])
    return encoding, dict(input_ids=ids, attention_mask=torch.ones_like(ids)), torch.tensor([encoding.type_ids])


def run(model, inputs, types):
    if model.config.model_type == "fnet":
        del inputs["attention_mask"]
    if getattr(model.config, "type_vocab_size", 0) > 1 and model.config.model_type != "longformer":
        inputs["token_type_ids"] = types
    with torch.no_grad():
        return model(**inputs).logits[0]


def make(name, classes, shape, tokenizer_name):
    tokenizer = TOKENIZERS[tokenizer_name]
    special = {"pad_token_id": tokenizer.token_to_id("<pad>") or 0}
    if tokenizer_name in ("byte-level", "unigram"):
        special |= {"bos_token_id": 0, "eos_token_id": 2, "sep_token_id": 2}
    if name == "bart":
        special |= {"decoder_start_token_id": 2}
    common = shape | special | {"vocab_size": tokenizer.get_vocab_size()}
    made = []
    for head, labels in (("Token", LABELS), ("Sequence", ["negative", "neutral", "positive"])):
        # rust-bert has neither of these.
        if (name, head) in (("bart", "Token"), ("electra", "Sequence")):
            continue
        config = getattr(t, f"{classes}Config")(
            **common, id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)}
        )
        torch.manual_seed(7)
        model = getattr(t, f"{classes}For{head}Classification")(config).eval()
        # The biases are no zeros in a model that has learnt.
        for key, value in model.named_parameters():
            if key.endswith(("bias", "beta")):
                torch.nn.init.normal_(value, std=0.2)
        folder = f"{name}-{'tokens' if head == 'Token' else 'sequence'}"
        save(folder, model)
        cases = []
        for texts in [(text,) for text in TEXTS] if head == "Token" else PAIRS:
            encoding, inputs, types = encoded(tokenizer, *texts)
            logits = run(model, inputs, types)
            case = {"texts": list(texts), "tokens": encoding.ids, "logits": rounded(logits)}
            if head == "Token":
                case["mentions"] = mentions(texts[0], encoding, logits)
            cases.append(case)
        made.append({"model": folder, "tokenizer": tokenizer_name, "cases": cases})
    return made


def main():
    warnings.filterwarnings("ignore")
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    (ROOT / "tokenizers").mkdir()
    for name, tokenizer in TOKENIZERS.items():
        tokenizer.save(str(ROOT / f"tokenizers/{name}.json"), pretty=False)
    expected = [made for kind in KINDS for made in make(*kind)]
    lines = ",\n".join(json.dumps(model, ensure_ascii=False) for model in expected)
    (ROOT / "expected.json").write_text(f"[\n{lines}\n]\n")


main()
