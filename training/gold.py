"""Writes the held texts as gold files for `tagwerk model eval`.

usage: gold.py DIRECTORY

German paragraphs and articles and those of the seven other languages are files of their own, since whole articles are
what the service mostly reads.
"""
import json
import sys
from pathlib import Path

import corpora
import splits

TONE_NAMES = {0: "neg", 1: "neu", 2: "pos"}


def written(german, kind):
    texts = splits.dev()["written"]
    return [t for t in texts if (t.lang == "de") == german and t.kind == kind]


def splits_to_measure():
    """Texts by file name, in the order of the table."""
    held = splits.evaluation()
    return {
        "written-de": written(True, "paragraph"),
        "written-de-articles": written(True, "article"),
        "written-others": written(False, "paragraph"),
        "written-others-articles": written(False, "article"),
        "germeval-last-1500": held["germeval"],
        "uner-de-pud": held["pud"],
        "smartdata-test": held["smartdata"],
        "newsmtsc-rw": held["newsmtsc"],
    }


def main(directory):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, texts in splits_to_measure().items():
        rows = (json.dumps({k: v for k, v in t.gold.items() if k != "file"}, ensure_ascii=False) for t in texts)
        (directory / f"{name}.jsonl").write_text("".join(row + "\n" for row in rows), encoding="utf-8")
        print(f"{name}: {len(texts)} texts")
    tones = splits.dev()["tone"]
    rows = (f"{t.lang}\t{TONE_NAMES[t.tone]}\t{t.text}\n" for t in tones)
    (directory / "tone.tsv").write_text("".join(rows), encoding="utf-8")
    print(f"tone: {len(tones)} sentences of {len({t.text for t in corpora.tones()})}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
