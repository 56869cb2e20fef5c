"""Which text may be trained on, which chooses between models, and which only measures.

usage: splits.py     prints the sizes and what was taken out as too close to a held text

* Written paragraphs, articles and tone sentences: a twelfth, by the MD5 of the text, is dev.
* GermEval 2014: dev and lines 1-3,600 of test are trained on, lines 3,601-5,100 only measure.
* NewsMTSC: devtest_mt chooses, test_rw only measures.
* SmartData test and every UNER test only measure.
A training text that shares more than 60 % of the 8-word runs of the shorter side with a held text is taken out.
"""
import hashlib
import re
from collections import Counter, defaultdict

import corpora

GERMEVAL_FIRST_HELD = 3600
RUN = 8
TOO_CLOSE = 0.6


def is_dev(text):
    """Whether a written text belongs to the dev twelfth."""
    return int(hashlib.md5(text.encode("utf-8")).hexdigest(), 16) % 12 == 0


def training():
    """Texts to train on, by source, before near-duplicates are taken out."""
    read = corpora.read_json
    return {
        "written": [t for t in corpora.written() if not is_dev(t.text)],
        "tone": [t for t in corpora.tones() if not is_dev(t.text)],
        "germeval": read("ner/germeval14_dev") + read("ner/germeval14_test")[:GERMEVAL_FIRST_HELD],
        "smartdata": read("ner/smartdata_de_train", has_misc=False),
        "uner": read("ner/uner_pt_bosque_train", has_misc=False) + read("ner/uner_pt_bosque_dev", has_misc=False)
        + read("ner/uner_en_ewt_dev", has_misc=False),
        "newsmtsc": read("stance/newsmtsc_train"),
    }


def dev():
    """Texts that choose between models."""
    return {
        "written": [t for t in corpora.written() if is_dev(t.text)],
        "tone": [t for t in corpora.tones() if is_dev(t.text)],
        "newsmtsc": corpora.read_json("stance/newsmtsc_devtest_mt"),
    }


def evaluation():
    """Texts that only measure."""
    read = corpora.read_json
    return {
        "germeval": read("ner/germeval14_test")[GERMEVAL_FIRST_HELD:],
        "pud": read("ner/uner_de_pud_test", has_misc=False),
        "smartdata": read("ner/smartdata_de_test", has_misc=False),
        "uner_en": read("ner/uner_en_ewt_test", has_misc=False),
        "uner_pt": read("ner/uner_pt_bosque_test", has_misc=False),
        "newsmtsc": read("stance/newsmtsc_test_rw"),
    }


def runs(text):
    """The set of runs of eight words; a shorter text is one run."""
    words = re.findall(r"\w+", text.lower())
    last = max(1, len(words) - RUN + 1)
    return {hash(tuple(words[i:i + RUN])) for i in range(last)}


class HeldTexts:
    """Finds held texts by the runs that they share with a text."""

    def __init__(self, texts):
        self.sizes, self.holding = [], defaultdict(list)
        for number, text in enumerate(texts):
            found = runs(text)
            self.sizes.append(len(found))
            for run in found:
                self.holding[run].append(number)

    def is_too_close(self, text):
        """Whether a held text shares more than TOO_CLOSE of the runs of the shorter one."""
        found = runs(text)
        shared = Counter(number for run in found for number in self.holding.get(run, ()))
        return any(n > TOO_CLOSE * min(len(found), self.sizes[number]) for number, n in shared.items())


def clean_training():
    """Texts to train on, by source, and how many of each were too close to a held text."""
    held = HeldTexts(t.text for group in (dev(), evaluation()) for texts in group.values() for t in texts)
    kept, removed = {}, {}
    for source, texts in training().items():
        kept[source] = [t for t in texts if not held.is_too_close(t.text)]
        removed[source] = len(texts) - len(kept[source])
    return kept, removed


def main():
    kept, removed = clean_training()
    for source, texts in kept.items():
        print(f"train {source}: {len(texts)} texts, {removed[source]} taken out as too close to a held text")
    for name, group in (("dev", dev()), ("evaluation", evaluation())):
        for source, texts in group.items():
            print(f"{name} {source}: {len(texts)} texts")


if __name__ == "__main__":
    main()
