"""Keeps the documents of the chart together: chart-docs.py [--write].

The comments of values.yaml are the source. From them come the table of the chart's README and the descriptions in
values.schema.json; the settings under `config` come from docs/configuration.md, which is made from the code. Without
--write nothing is changed, and what is out of date is told.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "tagwerk"
BEGIN = "<!-- The table is made from values.yaml: make chart-docs writes it. -->"
END = "<!-- The end of the table. -->"

# Settings that the chart settles itself, by values of its own.
SETTLED = {
    "server": {"listen", "http_listen", "grace_seconds", "insecure"},
    "tls": {"certificate", "key", "client_ca"},
    "auth": {"keys", "jwks", "issuer", "audience"},
    "model": {"model", "models"},
}
# Maps that hold what the user likes: the keys in them need no comment and no property.
FREE = {
    "commonLabels", "monitoring.dashboard.labels", "networkPolicy.ingress.grpc", "networkPolicy.ingress.metrics",
}


def described(text):
    """Each key of values.yaml with its comment, by path; what has none is told as a problem."""
    comments, problems, path, comment = {}, [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        match = re.match(r"( *)([\w.-]+):(\s|$)", line)
        if not match:
            comment = []
            continue
        depth = len(match[1]) // 2
        del path[depth:]
        path.append(match[2])
        name = ".".join(path)
        if any(name.startswith(f"{free}.") for free in FREE):
            continue
        if not comment:
            problems.append(f"values.yaml:{number}: {name} has no comment")
        comments[name] = " ".join(comment)
        comment = []
    return comments, problems


def setting(key, default, meaning):
    """The schema of one setting of the server, from its row in docs/configuration.md."""
    listed = re.search(r" \((`[^`]+`(?:, `[^`]+`)*)\)$", meaning)
    literal = default.strip("`")
    schema = {"description": meaning}
    if listed:
        schema["enum"] = re.findall(r"`([^`]+)`", listed[1])
    elif meaning.endswith("from 0 to 1"):
        schema |= {"type": "number", "minimum": 0, "maximum": 1}
    elif literal in ("true", "false"):
        schema["type"] = "boolean"
    elif re.fullmatch(r"[0-9]+", literal) or key.endswith(("_bytes", "_seconds", "_tokens")):
        schema |= {"type": "integer", "minimum": 0}
    elif re.fullmatch(r"[0-9.]+", literal):
        schema |= {"type": "number", "minimum": 0}
    elif "separated by commas" in meaning:
        schema |= {"type": "array", "items": {"type": "string"}}
    else:
        schema |= {"type": "string", "minLength": 1}
    return schema


def config_schema(document):
    """The schema of `config`: the sections of docs/configuration.md without what the chart settles."""
    sections, section = {}, None
    for line in document.splitlines():
        heading = re.match(r"### .*: `\[(\w+)\]`$", line)
        if heading:
            section = heading[1]
            continue
        row = re.match(r"\| `(\w+)` \| `--[^|]+\| `TAGWERK_[^|]+\| ([^|]+) \| ([^|]+) \|$", line)
        if row and section and row[1] not in SETTLED.get(section, set()):
            sections.setdefault(section, {})[row[1]] = setting(row[1], row[2], row[3])
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(sections),
        "properties": {
            name: {"type": "object", "additionalProperties": False, "properties": settings}
            for name, settings in sections.items()
        },
    }


def property_of(schema, name):
    for key in name.split("."):
        schema = schema.get("properties", {}).get(key)
        if schema is None:
            return None
    return schema


def paths(schema, prefix=""):
    for key, inner in schema.get("properties", {}).items():
        yield f"{prefix}{key}"
        yield from paths(inner, f"{prefix}{key}.")


def completed(schema, comments, document):
    """The schema with the settings of the server and every description, and what does not fit."""
    problems = []
    schema["properties"]["config"] = config_schema(document)
    for name, comment in comments.items():
        described = property_of(schema, name)
        if described is None:
            problems.append(f"values.schema.json: no property {name}")
        elif not (name.startswith("config.") and name.count(".") > 1):
            described.pop("description", None)
            described["description"] = comment
    left_out = ("config.", "resources.", "worker.resources.", "global")
    for name in paths(schema):
        if name not in comments and not name.startswith(left_out):
            problems.append(f"values.yaml: no key {name}, which values.schema.json has")
    for section in schema["properties"]["config"]["properties"]:
        if f"config.{section}" not in comments:
            problems.append(f"values.yaml: no key config.{section}, which docs/configuration.md has")
    return schema, problems


def cell(text):
    return text.replace("|", "\\|")


def table(comments, values):
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    for name, comment in comments.items():
        value = values
        for key in name.split("."):
            value = value[key]
        # A section stands as a line of its own; what it holds follows.
        if isinstance(value, dict) and any(other.startswith(f"{name}.") for other in comments):
            rows.append(f"| **`{name}`** | | {cell(comment)} |")
        else:
            rows.append(f"| `{name}` | `{cell(json.dumps(value, ensure_ascii=False))}` | {cell(comment)} |")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write what is out of date")
    write = parser.parse_args().write

    text = (CHART / "values.yaml").read_text()
    comments, problems = described(text)
    readme = (CHART / "README.md").read_text()
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"helm/tagwerk/README.md: the lines {BEGIN} and {END} are missing")
    schema, unfit = completed(
        json.loads((CHART / "values.schema.json").read_text()),
        comments,
        (ROOT / "docs" / "configuration.md").read_text(),
    )
    problems += unfit
    made = {
        CHART / "README.md": f"{before}{BEGIN}\n\n{table(comments, yaml.safe_load(text))}\n\n{END}{after}",
        CHART / "values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    }
    for path, content in made.items():
        if path.read_text() == content:
            continue
        if write:
            path.write_text(content)
        else:
            problems.append(f"{path.relative_to(ROOT)}: out of date; run make chart-docs")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
