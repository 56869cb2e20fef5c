"""Tests of the fit of the speaker rules.

usage: python -m unittest discover training
"""
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

import quotes

NAMES = ["BIAS", "PERSON", "NEAREST"]


def candidate(speaks, place, *cues):
    return {"speaks": speaks, "place": place, "cues": ["BIAS", *cues]}


def passages(count):
    """Passages that the person speaks, whoever stands nearer."""
    near, person = candidate(False, "Before", "NEAREST"), candidate(True, "Before", "PERSON")
    return [[candidate(False, "Nowhere"), near, person] for _ in range(count)]


class Fit(unittest.TestCase):
    def test_the_cue_of_the_speakers_counts_for_and_the_others_cue_against(self):
        rows = quotes.Rows(NAMES, passages(40), [False] * 40)
        weights = quotes.fit(rows, ~rows.held)[list(quotes.PLACES).index("Before")]
        self.assertGreater(weights[1, 1], 0.5)
        self.assertLess(weights[2, 2], -0.5)

    def test_a_rare_cue_gets_no_weight(self):
        rows = quotes.Rows(NAMES, passages(quotes.RARE - 1), [False] * (quotes.RARE - 1))
        self.assertFalse(quotes.fit(rows, ~rows.held)[:, 1:].any())

    def test_a_passage_without_its_speaker_teaches_nothing(self):
        lost = [[candidate(False, "Nowhere"), candidate(False, "Before", "NEAREST")]] * 40
        rows = quotes.Rows(NAMES, lost, [False] * 40)
        self.assertFalse(quotes.fit(rows, ~rows.held).any())

    def test_the_last_of_equals_wins(self):
        rows = quotes.Rows(NAMES, passages(2), [False] * 2)
        weights = np.zeros((6, 3, 3))
        weights[2, 1, 1] = -1.0
        self.assertEqual(quotes.best(rows, weights).tolist(), [1, 4])


class Rules(unittest.TestCase):
    def test_a_pair_counts_only_where_both_cues_are_present(self):
        weights = np.zeros((6, 3, 3))
        weights[2, 1, 1], weights[2, 1, 2] = 1.0, 0.25
        row = [candidate(False, "Before", "PERSON"), candidate(False, "Before", "PERSON", "NEAREST")]
        rows = quotes.Rows(NAMES, [row], [False])
        self.assertEqual(rows.scores(weights).tolist(), [1.0, 1.25])

    def test_the_file_in_the_repository_is_as_it_would_be_written(self):
        text = quotes.PRESENT.read_text(encoding="utf-8")
        cues = quotes.PRESENT.with_name("cues.rs").read_text(encoding="utf-8")
        names = re.findall(r"^    ([A-Z_]+)$", cues, re.MULTILINE)
        self.assertEqual(quotes.rendered(quotes.parsed(text, names), names), text)


if __name__ == "__main__":
    unittest.main()
