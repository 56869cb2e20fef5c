"""Fits the rules that say who speaks a quotation (src/pipeline/quotes/rules.rs) and measures them.

usage: quotes.py ROWS.jsonl [-o RULES.rs]

The whole refit, from the root of a clone:

    mkdir -p target/quotes
    python training/convert_markup.py training/data/written/markup/*.txt -o target/quotes/gold.jsonl
    QUOTES_GOLD=target/quotes/gold.jsonl QUOTES_ROWS=target/quotes/rows.jsonl \\
        cargo test --lib -- --ignored writes_the_cues_of_every_candidate
    python training/quotes.py target/quotes/rows.jsonl -o src/pipeline/quotes/rules.rs

The test writes what the service's own code sees in each candidate (src/pipeline/quotes/probe.rs documents the rows).
A passage is held where its text is held (`splits.is_dev`); all others are fitted. Without -o nothing is written and
the figures of the present rules stand beside those of the new ones; with -o the new ones replace the file.

The model is a conditional logit over the candidates of a passage. A candidate's score is the sum of the weights of its
cues and of its pairs of cues, with weights of their own for each place. Cues have an L2 penalty, pairs a small one and
an L1 penalty beside it, which leaves few of them. Nothing is drawn by chance: the same rows give the same rules.
"""
import json
import re
import sys
from pathlib import Path

import numpy as np

import splits

PRESENT = Path(__file__).parent.parent / "src" / "pipeline" / "quotes" / "rules.rs"

# The places of candidates in the order of `Place` (src/pipeline/quotes/speaker.rs), with their documentation.
PLACES = {
    "Right": "Candidates behind the passage in the same sentence.",
    "Left": "Candidates before the passage in the same sentence.",
    "Before": "Candidates in the sentence before.",
    "Earlier": "Candidates in an earlier sentence.",
    "Behind": "Candidates in the sentence behind.",
    "Nowhere": "The candidate that is only described.",
}

RARE = 15  # a cue or pair of fewer candidates of its place gets no weight
CUE_L2, PAIR_L2, PAIR_L1 = 2.0, 0.3, 2.0
STEPS, RATE = 250, 0.05
FOLDS = 5
LEAST = 0.05  # smaller weights are left out of the rules

LINE_LENGTH = 100
HEADER = """\
//! What cues count for a candidate, by the candidate's place.
//!
//! A rule adds its weight to the score of a candidate that has all of its cues. The weights are
//! those of a sparse conditional logit model, fitted on news paragraphs of eight languages with
//! known speakers so that the true speaker scores highest. They are only meaningful together: refit
//! them all when a cue changes.

use super::cues::*;

/// A set of cues and what it counts where all are present.
type Rule = (Cues, f32);

/// The rules of each place, in the order in which places are declared.
pub(super) const RULES: [&[Rule]; 6] = [RIGHT, LEFT, BEFORE, EARLIER, BEHIND, NOWHERE];
"""


class Rows:
    """The candidates of all passages, one after the other.

    `cues` has a row of zeros and ones for each candidate and `at_place` the numbers of the candidates of each place;
    `passage` and `speaks` have an entry for each candidate, `first` and `held` one for each passage.
    """

    def __init__(self, names, passages, held):
        bits = {name: bit for bit, name in enumerate(names)}
        places = list(PLACES)
        candidates = [c for passage in passages for c in passage]
        sizes = [len(passage) for passage in passages]
        self.names = names
        self.cues = np.zeros((len(candidates), len(names)))
        for cues, candidate in zip(self.cues, candidates):
            cues[[bits[name] for name in candidate["cues"]]] = 1
        place = np.array([places.index(c["place"]) for c in candidates])
        self.at_place = [np.flatnonzero(place == p) for p in range(len(places))]
        self.speaks = np.array([c["speaks"] for c in candidates])
        self.passage = np.repeat(np.arange(len(sizes)), sizes)
        self.first = np.cumsum([0] + sizes[:-1])
        self.held = np.array(held)

    def scores(self, weights):
        """The score of each candidate; `weights` has a matrix for each place, the cues' own on its diagonal."""
        scores = np.empty(len(self.cues))
        for matrix, at in zip(weights, self.at_place):
            cues = self.cues[at]
            scores[at] = ((cues @ matrix) * cues).sum(axis=1)
        return scores

    def together(self, amounts):
        """For each place and pair of cues, the sum of `amounts` over the candidates with both of them."""
        sums = [self.cues[at].T @ (self.cues[at] * amounts[at, None]) for at in self.at_place]
        return np.triu(np.array(sums))

    def of_passages(self, chosen):
        """For each candidate, whether its passage is among the chosen ones."""
        return chosen[self.passage]


def read(path):
    """The rows of a probe; whether a passage is held is told by its text."""
    with open(path, encoding="utf-8") as file:
        names = json.loads(next(file))["cues"]
        rows = [json.loads(line) for line in file]
    return Rows(names, [row["candidates"] for row in rows], [splits.is_dev(row["text"]) for row in rows])


def best(rows, weights):
    """The candidate of each passage that scores highest; among equals the last one, as in the service."""
    scores = rows.scores(weights)
    ends = np.append(rows.first[1:], len(scores))
    return np.array([end - 1 - np.argmax(scores[start:end][::-1]) for start, end in zip(rows.first, ends)])


def accuracy(rows, weights, chosen):
    """Percentage of the chosen passages whose speaker scores highest."""
    return 100 * rows.speaks[best(rows, weights)][chosen].mean()


def surprise(rows, weights, counted):
    """The derivative of the counted passages' log loss by the score of each candidate."""
    scores = rows.scores(weights)
    odds = np.exp(scores - np.maximum.reduceat(scores, rows.first)[rows.passage])
    all_odds = np.add.reduceat(odds, rows.first)
    right_odds = np.add.reduceat(odds * rows.speaks, rows.first)
    share_of_right = np.divide(odds, right_odds[rows.passage], out=np.zeros_like(odds), where=rows.speaks)
    return (odds / all_odds[rows.passage] - share_of_right) * counted


def fit(rows, chosen):
    """The weights under which the speakers of the chosen passages are likeliest, less the penalties.

    Adam over all passages at once, with a proximal step for the L1 penalty. A passage whose speaker is no candidate
    teaches nothing.
    """
    has_speaker = np.logical_or.reduceat(rows.speaks, rows.first)
    counted = rows.of_passages(chosen & has_speaker)
    allowed = frequent(rows)
    is_pair = ~np.eye(len(rows.names), dtype=bool)
    l2 = np.where(is_pair, PAIR_L2, CUE_L2)
    l1 = np.where(is_pair, PAIR_L1, 0.0)
    weights, mean, square = (np.zeros(allowed.shape) for _ in range(3))
    for step in range(1, STEPS + 1):
        gradient = (rows.together(surprise(rows, weights, counted)) + l2 * weights) * allowed
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient ** 2
        rate = RATE / (np.sqrt(square / (1 - 0.999 ** step)) + 1e-8)
        weights = weights - rate * mean / (1 - 0.9 ** step)
        weights = np.sign(weights) * np.maximum(np.abs(weights) - rate * l1, 0)
    return weights


def frequent(rows):
    """Which cues and pairs get a weight. BIAS, which every candidate has, makes no pairs."""
    allowed = rows.together(rows.of_passages(~rows.held).astype(float)) >= RARE
    bias = rows.names.index("BIAS")
    allowed[:, bias, bias + 1:] = False
    return allowed


def cross_validation(rows):
    """The mean accuracy of the folds of the fitted passages, each under weights of the other folds."""
    fold = np.full(len(rows.held), -1)
    fold[~rows.held] = np.arange(np.count_nonzero(~rows.held)) % FOLDS
    return np.mean([accuracy(rows, fit(rows, (fold >= 0) & (fold != f)), fold == f) for f in range(FOLDS)])


def as_written(weights):
    """The weights with the precision of the rules, without those that are left out."""
    return np.where(np.abs(weights) >= LEAST, np.round(weights, 2), 0)


def rendered(weights, names):
    """The text of rules.rs: single cues first, then pairs, both in the order of the cues."""
    text = HEADER
    for matrix, (place, documentation) in zip(weights, PLACES.items()):
        text += f"\n/// {documentation}\n#[rustfmt::skip]\nconst {place.upper()}: &[Rule] = &[\n"
        singles = [(name, matrix[i, i]) for i, name in enumerate(names)]
        pairs = [(f"{names[i]} | {names[j]}", matrix[i, j]) for i, j in np.argwhere(matrix) if i != j]
        rules = [f"({cues}, {weight:.2f})," for cues, weight in singles + pairs if weight]
        text += "".join(line + "\n" for line in filled(rules)) + "];\n"
    return text


def filled(rules):
    """The rules in as few lines as hold them."""
    lines = []
    for rule in rules:
        if lines and len(lines[-1]) + 1 + len(rule) <= LINE_LENGTH:
            lines[-1] += " " + rule
        else:
            lines.append("    " + rule)
    return lines


def parsed(text, names):
    """The weights that a rules.rs gives."""
    weights = np.zeros((len(PLACES), len(names), len(names)))
    for matrix, place in zip(weights, PLACES):
        body = re.search(rf"const {place.upper()}: .*?= &\[\n(.*?)\];", text, re.DOTALL).group(1)
        for first, second, weight in re.findall(r"\((\w+)(?: \| (\w+))?, (-?[\d.]+)\)", body):
            matrix[names.index(first), names.index(second or first)] = float(weight)
    return weights


def report(title, rows, weights):
    """Prints how many rules there are and how often they name the speaker."""
    train, held = accuracy(rows, weights, ~rows.held), accuracy(rows, weights, rows.held)
    print(f"{title}: {np.count_nonzero(weights)} rules, speaker right on train {train:.2f} %, on held {held:.2f} %")


def main(rows_path, out_path=None):
    rows = read(rows_path)
    present = parsed(PRESENT.read_text(encoding="utf-8"), rows.names)
    print(f"passages: {np.count_nonzero(~rows.held)} train, {np.count_nonzero(rows.held)} held; "
          f"{len(rows.cues)} candidates; {np.count_nonzero(frequent(rows))} cues and pairs that may count")
    report("present rules", rows, present)
    new = as_written(fit(rows, ~rows.held))
    report("new rules", rows, new)
    print(f"largest difference of a weight: {np.abs(new - present).max():.2f}")
    print(f"five-fold cross-validation on train: {cross_validation(rows):.2f} %")
    if out_path:
        Path(out_path).write_text(rendered(new, rows.names), encoding="utf-8")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    out = arguments.pop(arguments.index("-o") + 1) if "-o" in arguments else None
    paths = [a for a in arguments if a != "-o"]
    if len(paths) != 1:
        sys.exit(__doc__)
    main(paths[0], out)
