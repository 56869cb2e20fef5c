"""Reads every corpus of training/data into one form.

A text knows which layers are annotated in it, so that a loss is only taken where there is something to learn from:
a corpus with types but no MISC must not teach that works and events are no names.
"""
import csv
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import convert_markup

DATA = Path(__file__).parent / "data"
TYPES = ["PER", "ORG", "LOC", "MISC"]
SIGNS = {"negative": 0, "neutral": 1, "positive": 2}
TONES = {"neg": "negative", "neu": "neutral", "pos": "positive"}


@dataclass
class Mention:
    """A span that names an entity, or a topic; `polarity` is None where it is not judged or has both signs."""
    start: int
    end: int
    type: str | None
    polarity: int | None = None
    holders: list = field(default_factory=list)


@dataclass
class Text:
    """An annotated text.

    Holders of a mention are "A", "U" or the index of another mention. `tones` are (start, end, [negative, neutral,
    positive]) of those sentences whose tone is known, `tone` is that of the whole text.
    """
    lang: str
    text: str
    mentions: list
    corpus: str
    kind: str = "paragraph"
    has_types: bool = True
    has_misc: bool = True
    tone: int | None = None
    gold: dict | None = None
    tones: list = field(default_factory=list)


def from_gold(gold, corpus, kind="paragraph", has_misc=True):
    """A text from the JSON form of the corpora."""
    layers = set(gold["annotated"])
    entities = sorted(gold["entities"], key=lambda e: (e["start"], e["end"]))
    order = {e["id"]: i for i, e in enumerate(entities)}
    mentions = [Mention(e["start"], e["end"], e.get("type"), SIGNS.get(e.get("polarity"))) for e in entities]
    if "stances" in layers:
        _add_stances(mentions, gold["stances"], order)
    return Text(gold["lang"], gold["text"], mentions, corpus, kind, "entities" in layers, has_misc, None, gold)


def _add_stances(mentions, stances, order):
    signs = [set() for _ in mentions]
    for stance in stances:
        target = order[stance["target"]]
        holder = stance["holder"]
        signs[target].add(SIGNS[stance["polarity"]])
        mentions[target].holders.append(holder if holder in ("A", "U") else order[holder])
    for mention, found in zip(mentions, signs):
        mention.polarity = 1 if not found else found.pop() if len(found) == 1 else None


@lru_cache(maxsize=None)
def written():
    """Every written paragraph and article; a text of more than 1,000 characters or an article file is an article."""
    texts = []
    for path in sorted((DATA / "written" / "markup").glob("*.txt")):
        for block in blocks(path):
            gold = convert_markup.parse_block(block)
            article = "artikel" in path.name or len(gold["text"]) > 1200
            text = from_gold(gold, "written", "article" if article else "paragraph")
            text.gold["file"] = path.name
            texts.append(text)
    return texts


def blocks(path):
    """The marked-up blocks of a file that keep to the form; the others are named on standard output."""
    for block in convert_markup.re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        if not block.strip():
            continue
        try:
            convert_markup.parse_block(block)
        except ValueError as error:
            print(f"{path.name}: left out a block: {error}")
            continue
        yield block


@lru_cache(maxsize=None)
def read_json(name, has_misc=True):
    """One of the converted corpora, for example ner/germeval14_dev, in the order of its lines."""
    with open(DATA / f"{name}.jsonl", encoding="utf-8") as file:
        return [from_gold(json.loads(line), name, has_misc=has_misc) for line in file if line.strip()]


@lru_cache(maxsize=None)
def tones():
    """The sentences with their tone."""
    texts = []
    for path in sorted((DATA / "sentiment").glob("*.tsv")):
        with open(path, encoding="utf-8", newline="") as file:
            for lang, tone, sentence in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                sign = SIGNS[TONES[tone]]
                known = [(0, len(sentence), [float(sign == i) for i in range(3)])]
                texts.append(Text(lang, sentence, [], "tone", "tone", has_types=False, tone=sign, tones=known))
    return texts


@lru_cache(maxsize=None)
def names():
    """(type, kind, name) of the typed lists."""
    rows = []
    for path in sorted((DATA / "names").glob("*.tsv")):
        with open(path, encoding="utf-8", newline="") as file:
            rows += [tuple(row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) == 3]
    return rows
