"""Lists where the service's answers differ from gold files, one difference a line, for reading.

usage: errors.py PROGRAM MODEL GOLD.jsonl...

Each line holds the task (ner, polarity, holder), what was marked and what was found, and the words around it. For
polarity and holder only mentions that were found with the right span count.
"""
import json
import subprocess
import sys
import tempfile

TYPES = {"PERSON": "PER", "ORGANIZATION": "ORG", "LOCATION": "LOC", "MISCELLANEOUS": "MISC"}
SIGNS = {"POLARITY_FAVORABLE": "+", "POLARITY_UNFAVORABLE": "-", "POLARITY_NEUTRAL": "0"}
AROUND = 140


def answers(program, model, texts):
    """The service's answer for each text."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for number, gold in enumerate(texts):
            row = {"id": str(number), "text": gold["text"], "language": gold["lang"]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        command = [program, "tag", "--format", "json", "--model", model, file.name]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def shown(text, start, end):
    """The words around a span, the span in brackets."""
    piece = text[max(0, start - AROUND):start] + "[[" + text[start:end] + "]]" + text[end:end + AROUND]
    return piece.replace("\n", " / ")


def differences(gold, answer):
    """(task, marked, found, start, end) of one text."""
    marked = {(e["start"], e["end"]): e for e in gold["entities"] if e.get("type") != "TOPIC"}
    found, places = {}, []
    for mention in answer["mentions"]:
        span = mention["span"]["start"], mention["span"]["end"]
        places.append(span)
        found[span] = TYPES[mention["type"].removeprefix("ENTITY_TYPE_")]
    for span in sorted(marked.keys() | found.keys()):
        right, got = marked.get(span, {}).get("type", "nothing"), found.get(span, "nothing")
        if right != got:
            yield "ner", right, got, *span
    by_id = {e["id"]: (e["start"], e["end"]) for e in gold["entities"]}
    wanted, holders = {}, {}
    for stance in gold["stances"]:
        span = by_id[stance["target"]]
        wanted.setdefault(span, set()).add({"positive": "+", "negative": "-"}[stance["polarity"]])
        holders.setdefault(span, set()).add(by_id.get(stance["holder"], stance["holder"]))
    stances = {places[s["target"]]: s for s in answer["stances"]}
    for span in sorted(marked.keys() & found.keys()):
        stance = stances.get(span)
        right, got = "".join(sorted(wanted.get(span, "0"))), SIGNS[stance["polarity"]] if stance else "0"
        if right != got:
            yield "polarity", right, got, *span
        elif stance and right in "+-":
            kind = stance["holderKind"].removeprefix("HOLDER_KIND_")
            holder = places[stance["holder"]] if kind == "MENTION" else {"AUTHOR": "A", "UNNAMED": "U"}[kind]
            if holder not in holders[span]:
                names = [gold["text"][slice(*h)] if isinstance(h, tuple) else h for h in (*holders[span], holder)]
                yield "holder", "/".join(names[:-1]), names[-1], *span


def main(program, model, paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            texts = [json.loads(line) for line in file]
        for gold, answer in zip(texts, answers(program, model, texts)):
            for task, right, got, start, end in differences(gold, answer):
                print(f"{task}\t{gold['lang']}\t{right} -> {got}\t{shown(gold['text'], start, end)}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
