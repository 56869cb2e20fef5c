"""Prints the reports of `tagwerk model eval --json` in a directory as one table.

usage: table.py DIRECTORY SPLIT...
"""
import json
import sys
from pathlib import Path

COLUMNS = {
    "texts": ("texts",),
    "NER F1": ("ner", "all", "f1"),
    "polarity": ("polarity", "macro_f1"),
    "accuracy": ("polarity", "accuracy"),
    "ECE": ("polarity", "calibration_error"),
    "holder": ("holder", "all", "accuracy"),
    "target+polarity F1": ("relations", "targets", "f1"),
    "relation F1": ("relations", "relations", "f1"),
    "quotes F1": ("quotes", "spans", "f1"),
    "speaker": ("quotes", "speakers", "accuracy"),
    "tone": ("tone", "accuracy"),
}


def value(report, path):
    """The figure at a path, or None where the report has none."""
    for key in path:
        report = report.get(key) if isinstance(report, dict) else None
    return report.get("value") if isinstance(report, dict) else report


def main(directory, splits):
    print("| split | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for split in splits:
        report = json.loads((Path(directory) / f"{split}.json").read_text(encoding="utf-8"))["overall"]
        cells = (value(report, path) for path in COLUMNS.values())
        shown = ("-" if cell is None else f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells)
        print(f"| {split} | " + " | ".join(shown) + " |")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
