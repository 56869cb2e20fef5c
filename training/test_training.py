"""Tests of what must not go wrong unseen: splits, labels, changed copies, packing.

usage: python -m unittest discover training
"""
import itertools
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch

import augment
import average
import card
import corpora
import errors
import pack
import package
import segments
import splits
import transitions
import windows

BLOCK = """@de politik
Lob für [[1|LOC|Aran]]
[[2|PER|Ida Ode]] lobt [[3|LOC|Aran]]. Später rügte [[4|PER|Ode]] die [[5|ORG|Aran AG]].
= 2>3:+ 4>5:- A>1:+"""
TOKENIZER = Path(__file__).parent.parent / "models" / "base" / "tokenizer.json"


def sample():
    return corpora.from_gold(corpora.convert_markup.parse_block(BLOCK), "written")


class Splits(unittest.TestCase):
    def test_a_changed_copy_of_a_held_text_is_found(self):
        held = splits.HeldTexts([" ".join(f"wort{i}" for i in range(40)), "Kurz und gut."])
        self.assertTrue(held.is_too_close(" ".join(f"Wort{i}," for i in range(36)) + " und noch etwas"))
        self.assertTrue(held.is_too_close("kurz und gut"))
        self.assertFalse(held.is_too_close(" ".join(f"wort{i}" for i in range(15)) + " x" * 40))

    def test_nothing_held_is_trained_on(self):
        kept, _ = splits.clean_training()
        held = splits.HeldTexts(t.text for g in (splits.dev(), splits.evaluation()) for ts in g.values() for t in ts)
        for source, texts in kept.items():
            self.assertFalse([t.text for t in texts if held.is_too_close(t.text)], source)

    def test_germeval_lines_are_as_said(self):
        lines = corpora.read_json("ner/germeval14_test")
        trained = {id(t) for t in splits.training()["germeval"]}
        self.assertEqual([i for i, t in enumerate(lines, 1) if id(t) not in trained], list(range(3601, 5101)))


class Copies(unittest.TestCase):
    def test_mentions_stay_on_their_names(self):
        for seed in range(30):
            text = augment.varied(sample(), random.Random(seed), swap_share=1, noise_share=1)
            spans = [text.text[m.start:m.end] for m in text.mentions]
            self.assertTrue(all(s == s.strip() and s for s in spans), spans)
            self.assertEqual(spans[1].split()[-1].lower(), spans[3].lower())

    def test_spelling_out_moves_offsets(self):
        text = augment.spelled(sample(), lambda c: augment.UMLAUTS.get(c, c))
        self.assertEqual([text.text[m.start:m.end] for m in text.mentions], ["Aran", "Ida Ode", "Aran", "Ode", "Aran AG"])


class Windows(unittest.TestCase):
    def setUp(self):
        self.windower = windows.Windower(TOKENIZER)

    def test_a_window_has_lines_labels_and_stances(self):
        window, = self.windower.cut(sample())
        self.assertEqual(window.ids.count(windows.END), 2)
        self.assertEqual([windows.LABELS[i] for i in window.labels[:5]], ["O", "O", "B-LOC", "B-PER", "I-PER"])
        self.assertEqual(window.polarity, [2, 1, 2, 1, 0])
        self.assertEqual(window.holders, [[0], [], [3], [], [5]])

    def test_a_holder_in_another_window_is_not_asked_for(self):
        parts = self.windower.cut(sample(), limit=15)
        self.assertGreater(len(parts), 1)
        self.assertTrue(all(holder < 2 + len(w.mentions) for w in parts for hs in w.holders for holder in hs))

    def test_a_judged_sentence_keeps_its_words_among_others(self):
        tone = corpora.Text("de", "Das ist schön.", [], "tone", has_types=False, tones=[(0, 14, [0.0, 0.0, 1.0])])
        units = [*self.windower.units(sample()), *self.windower.units(tone)]
        window, = self.windower.join(units, windows.LONGEST)
        (span, probabilities), = window.tones
        self.assertEqual([tone.text[a:b] for _, a, b in window.spans[slice(*span)]], ["Das", "ist", "schön", "."])
        self.assertEqual(probabilities, [0.0, 0.0, 1.0])
        self.assertEqual(set(window.labels[slice(*span)]), {windows.IGNORED})

    def test_sentences_end_where_they_should(self):
        text = "Am 3. Mai kam Dr. Ode. „Gut so.“ Das war alles."
        found = [text[a:b] for a, b in segments.sentences(text, 0, len(text))]
        self.assertEqual(found, ["Am 3. Mai kam Dr. Ode.", "„Gut so.“", "Das war alles."])


class Transitions(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.crf = transitions.Crf(5)
        for parameter in self.crf.parameters():
            torch.nn.init.normal_(parameter)
        self.logits, self.lengths = torch.randn(2, 4, 5), torch.tensor([4, 3])

    def paths(self, chain):
        """(path, its score) of every legal path of a chain, one by one."""
        crf, length = self.crf, int(self.lengths[chain])
        values = self.logits[chain] * crf.scale + crf.bias
        for path in itertools.product(range(5), repeat=length):
            steps = list(zip(path, path[1:]))
            if path[0] not in (2, 4) and all(b not in (2, 4) or a in (b, b - 1) for a, b in steps):
                score = crf.start[path[0]] + crf.end[path[-1]] + sum(crf.transitions[a, b] for a, b in steps)
                yield path, (score + sum(values[i, label] for i, label in enumerate(path))).item()

    def test_sum_best_path_and_probabilities_are_those_of_all_paths(self):
        sums = self.crf.log_sum(self.crf.emissions(self.logits), self.lengths)
        best, shares = self.crf.best(self.logits, self.lengths), self.crf.marginals(self.logits, self.lengths)
        for chain, length in enumerate(self.lengths.tolist()):
            paths, scores = zip(*self.paths(chain))
            weights = np.exp(scores)
            self.assertAlmostEqual(sums[chain].item(), np.log(weights.sum()), places=4)
            self.assertEqual(tuple(best[chain, :length].tolist()), paths[int(np.argmax(scores))])
            for word, label in itertools.product(range(length), range(5)):
                share = sum(w for path, w in zip(paths, weights) if path[word] == label) / weights.sum()
                self.assertAlmostEqual(shares[chain, word, label].item(), share, places=4)

    def test_a_word_without_label_is_summed_over(self):
        labels = torch.tensor([[1, 2, windows.IGNORED, 0], [0, windows.IGNORED, 3, 0]])
        losses = self.crf.loss(self.logits, labels, self.lengths)
        for chain in range(2):
            wanted = labels[chain, :int(self.lengths[chain])].tolist()
            weights = {path: np.exp(score) for path, score in self.paths(chain)}
            right = sum(w for path, w in weights.items()
                        if all(g in (label, windows.IGNORED) for g, label in zip(wanted, path)))
            self.assertAlmostEqual(losses[chain].item(), -np.log(right / sum(weights.values())), places=4)

    def test_folded_weights_give_the_same_scores(self):
        tensors = {"heads.ner.weight": np.ones((5, 3), np.float32), "heads.ner.bias": np.zeros(5, np.float32)}
        vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
        wanted = self.crf.emissions(torch.as_tensor(vectors @ tensors["heads.ner.weight"].T)).detach()
        self.crf.fold(tensors)
        found = vectors @ tensors["heads.ner.weight"].T + tensors["heads.ner.bias"]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


class Averages(unittest.TestCase):
    def test_shares_are_relative_to_their_sum(self):
        packages = [{"a": np.full(3, 1.0)}, {"a": np.full(3, 5.0)}]
        np.testing.assert_allclose(average.averaged(packages, [3, 1])["a"], 2.0)

    def test_other_tensors_are_refused(self):
        with self.assertRaises(SystemExit):
            average.averaged([{"a": np.zeros(1)}, {"b": np.zeros(1)}], [1, 1])


class Packing(unittest.TestCase):
    def test_what_is_packed_is_restored(self):
        matrix = np.random.default_rng(1).normal(size=(8, 128)).astype(np.float32)
        levels, scale, restored = pack.pack_groups(matrix)
        np.testing.assert_allclose(package.restored(levels, scale.astype(np.float32)), restored)
        levels, scale = pack.pack_blocks(matrix)
        values = package.restored(levels, scale.astype(np.float32))
        self.assertLess(np.abs(values - matrix).max(), 0.6 * np.abs(matrix).max() / 7)


class Reports(unittest.TestCase):
    def test_a_figure_stands_with_its_interval_and_empty_columns_are_left_out(self):
        report = {"overall": {"texts": 3, "ner": {"all": {"f1": {"value": 80.04, "interval": [70.0, 90.0]}}}}}
        first, *_ = card.measured({"written-de": report}).split("\n\n")
        self.assertEqual(first.splitlines()[0], "| split | texts | NER F1 |")
        self.assertEqual(first.splitlines()[2], "| written, German paragraphs | 3 | 80.0 (70.0–90.0) |")

    def test_differences_are_told_by_task(self):
        gold = corpora.convert_markup.parse_block(BLOCK)
        places = {e["id"]: (e["start"], e["end"]) for e in gold["entities"]}
        kinds = {1: "LOCATION", 2: "PERSON", 3: "ORGANIZATION", 5: "ORGANIZATION"}
        mentions = [{"span": dict(zip(("start", "end"), places[i])), "type": f"ENTITY_TYPE_{k}"} for i, k in kinds.items()]
        stances = [{"target": 2, "polarity": "POLARITY_FAVORABLE", "holderKind": "HOLDER_KIND_AUTHOR"}]
        found = [d[:3] for d in errors.differences(gold, {"mentions": mentions, "stances": stances})]
        self.assertEqual(found, [("ner", "LOC", "ORG"), ("ner", "PER", "nothing"), ("polarity", "+", "0"),
                                 ("holder", "Ida Ode", "A"), ("polarity", "-", "0")])


if __name__ == "__main__":
    unittest.main()
