"""Draws training windows from all corpora in fixed shares of tokens.

Written texts come in every form in which the service meets them: articles cut into its windows, paragraphs joined to
windows of all lengths, lone paragraphs and lone sentences. A model that has only seen short windows invents stances in
long ones.
"""
import random
import re

from augment import varied
from windows import LONGEST, USUAL

# Share of the tokens of a round; German and written texts first.
SHARES = {
    "de_articles": 0.22,
    "de_joined": 0.22,
    "de_short": 0.08,
    "others_articles": 0.06,
    "others_joined": 0.15,
    "others_short": 0.04,
    "germeval": 0.08,
    "smartdata": 0.02,
    "uner": 0.02,
    "newsmtsc": 0.07,
    "tone": 0.04,
}
SWAPPED = 0.35
NOISY = 0.06
LONG = 0.25
SHORTEST, SHORTEST_OF_ARTICLES = 50, 90
# How often a favoured text stands in a deck.
FAVOUR = 2


class Deck:
    """Gives every text once before one comes again."""

    def __init__(self, texts, rng):
        self.texts, self.rng, self.rest = texts, rng, []

    def draw(self):
        if not self.rest:
            self.rest = self.rng.sample(self.texts, len(self.texts))
        return self.rest.pop()


class Mixture:
    """Rounds of windows; `texts` are the training texts by source, `favour` a pattern of written files."""

    def __init__(self, texts, windower, seed, favour=None):
        self.windower, self.rng = windower, random.Random(seed)
        texts = texts | {"written": favoured(texts["written"], favour)}
        self.decks = {name: Deck(texts, self.rng) for name, texts in by_share(texts).items() if texts}

    def round(self, tokens):
        """Windows of about so many tokens in the shares of the mixture."""
        windows = []
        for name, deck in self.decks.items():
            wanted, size = SHARES[name] * tokens, 0
            while size < wanted:
                drawn = self.draw(name, deck)
                size += sum(len(w.ids) for w in drawn)
                windows += drawn
        return windows

    def draw(self, name, deck):
        if name.endswith("_articles"):
            return self.windower.cut(self.written(deck), self.limit())
        if name.endswith("_joined"):
            return self.joined(deck)
        if name.endswith("_short"):
            text = self.written(deck)
            return self.windower.cut(text) if self.rng.random() < 0.7 else self.windower.sentence_windows(text)
        return self.toned(deck) if name == "tone" else self.windower.cut(deck.draw())

    def toned(self, deck):
        """A lone sentence, or some among paragraphs of their language, now on a line of their own, now not."""
        if self.rng.random() < 0.4:
            return self.windower.cut(deck.draw())
        first = deck.draw()
        units = list(self.windower.units(first, USUAL))
        for _ in range(self.rng.randint(0, 3)):
            units += self.windower.units(deck.draw(), USUAL)
        for _ in range(self.rng.randint(0, 2)):
            units += self.windower.units(self.decks["de_joined" if first.lang == "de" else "others_joined"].draw(), USUAL)
        self.rng.shuffle(units)
        for unit in units:
            unit.starts_line = self.rng.random() < 0.5
        return self.windower.join(units, LONGEST)[:1]

    def written(self, deck):
        return varied(deck.draw(), self.rng, SWAPPED, NOISY)

    def limit(self):
        """Now the service's window length, now less or more."""
        if self.rng.random() < 0.4:
            return USUAL
        return self.rng.randint(*((USUAL, LONGEST) if self.rng.random() < 0.5 else (SHORTEST_OF_ARTICLES, USUAL)))

    def joined(self, deck):
        """One window of paragraphs that have nothing to do with each other, as lines of one text."""
        limits = (USUAL, LONGEST) if self.rng.random() < LONG else (SHORTEST, USUAL)
        limit = self.rng.randint(*limits)
        units = []
        while sum(map(len, units)) < limit:
            units += self.windower.units(self.written(deck), limit)
        return self.windower.join(units, limit)[:-1] or self.windower.join(units, limit)


def favoured(texts, pattern):
    """Written texts, those of the named files several times: what the start package has not seen teaches most."""
    if not pattern:
        return texts
    return texts + [t for t in texts if re.search(pattern, t.gold["file"])] * (FAVOUR - 1)


def by_share(texts):
    """The texts of each share."""
    out = {name: texts[name] for name in ("germeval", "smartdata", "uner", "newsmtsc", "tone") if name in texts}
    for name, german in (("de", True), ("others", False)):
        written = [t for t in texts["written"] if (t.lang == "de") == german]
        paragraphs = [t for t in written if t.kind == "paragraph"]
        out[f"{name}_articles"] = [t for t in written if t.kind == "article"]
        out[f"{name}_joined"] = out[f"{name}_short"] = paragraphs
    return out
