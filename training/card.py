"""Writes the measured part of a model card, and the figures in the package's configuration.

usage: card.py REPORTS PACKAGE

REPORTS is a directory that `evaluate.sh` has filled. In PACKAGE/MODEL_CARD.md the text between the lines
`<!-- measured -->` and `<!-- /measured -->` is replaced; in PACKAGE/config.json the list `figures`.
"""
import json
import sys
from pathlib import Path

SPLITS = {
    "written-de": "written, German paragraphs",
    "written-de-articles": "written, German articles",
    "written-others": "written, seven languages, paragraphs",
    "written-others-articles": "written, seven languages, articles",
    "germeval-last-1500": "GermEval test, last 1,500",
    "uner-de-pud": "UNER de PUD (no MISC)",
    "smartdata-test": "SmartData test (no MISC)",
    "newsmtsc-rw": "NewsMTSC rw test",
    "tone": "written, tone of sentences",
}
COLUMNS = {
    "NER F1": ("ner", "all", "f1"),
    "polarity macro F1": ("polarity", "macro_f1"),
    "polarity ECE": ("polarity", "calibration_error"),
    "holder": ("holder", "all", "accuracy"),
    "stances end to end": ("relations", "relations", "f1"),
    "quotations F1": ("quotes", "spans", "f1"),
    "speaker": ("quotes", "speakers", "accuracy"),
    "tone accuracy": ("tone", "accuracy"),
    "tone ECE": ("tone", "calibration_error"),
}
METRICS = {
    "ner": ("ner", "f1", ("ner", "all", "f1")),
    "polarity": ("polarity", "macro_f1", ("polarity", "macro_f1")),
    "holder": ("holder", "accuracy", ("holder", "all", "accuracy")),
    "tone": ("tone", "accuracy", ("tone", "accuracy")),
}
TYPES = ["PER", "ORG", "LOC", "MISC"]
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def found(report, path):
    """The figure at a path, or None."""
    for key in path:
        report = report.get(key) if isinstance(report, dict) else None
    return report


def cell(figure):
    """A figure with the bounds of its interval."""
    if figure is None:
        return ""
    if isinstance(figure, dict):
        interval = figure.get("interval")
        bounds = f" ({interval[0]:.1f}–{interval[1]:.1f})" if interval else ""
        return f"{figure['value']:.1f}{bounds}"
    return f"{figure:.1f}"


def table(heads, rows):
    """Rows under heads; columns without any figure are left out."""
    kept = [i for i in range(len(heads)) if i == 0 or any(row[i] for row in rows)]
    lines = ["| " + " | ".join(heads[i] for i in kept) + " |", "|---" * len(kept) + "|"]
    return lines + ["| " + " | ".join(row[i] for i in kept) + " |" for row in rows]


def measured(reports):
    """The tables of all splits, of languages and of types."""
    heads = ["split", "texts", *COLUMNS]
    rows = [[SPLITS[name], f"{r['overall']['texts']:,}", *(cell(found(r["overall"], p)) for p in COLUMNS.values())]
            for name, r in reports.items()]
    lines = table(heads, rows)
    languages = sorted(reports.get("written-others", {}).get("languages", {}).items())
    rows = [[language, str(figures["texts"]), *(cell(found(figures, p)) for p in COLUMNS.values())]
            for language, figures in languages]
    lines += ["", "Paragraphs by language:", "", *table(["language", *heads[1:]], rows)]
    names = [n for n in reports if found(reports[n]["overall"], ("ner", "all", "f1"))]
    rows = [[SPLITS[n], *(cell(found(reports[n]["overall"], ("ner", "types", t, "f1"))) for t in TYPES)] for n in names]
    lines += ["", "NER F1 by type:", "", *table(["split", *TYPES], rows)]
    return "\n".join(lines)


def figures(reports):
    """The figures that the service names."""
    return [{"task": task, "split": SPLITS[name], "metric": metric, "value": round(figure["value"], 1),
             "count": report["overall"]["texts"]}
            for task, metric, path in METRICS.values()
            for name, report in reports.items()
            if (figure := found(report["overall"], path)) is not None]


def main(directory, package):
    directory, package = Path(directory), Path(package)
    reports = {name: json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
               for name in SPLITS if (directory / f"{name}.json").exists()}
    card = package / "MODEL_CARD.md"
    before, rest = card.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    card.write_text(f"{before}{BEGIN}\n{measured(reports)}\n{END}{after}", encoding="utf-8")
    path = package / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["figures"] = figures(reports)
    path.write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
