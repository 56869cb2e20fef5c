"""Changed copies of written texts: other names, other typography.

Names are exchanged for names of the same kind from the typed lists, so that the model learns from what stands around a
name; what a list does not know is exchanged only where no grammar depends on it (persons, single-word organisations and
places). A surname follows its full name through the text, and an ending -s is kept.
"""
import random
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache

import corpora

SINGLE_KINDS = {"ORG": ["company", "club", "media"], "LOC": ["city_world", "city_dach"]}
PERSON_KINDS = ["politician", "athlete_coach", "artist_media", "scientist_activist_jurist_cleric", "business"]
UMLAUTS = dict(zip("äöüÄÖÜß", ("ae", "oe", "ue", "Ae", "Oe", "Ue", "ss")))
STRAIGHT = dict.fromkeys("„“”»«", '"') | {"‚": "'", "‘": "'", "’": "'", "–": "-"}
GUILLEMETS = {"„": "»", "“": "«", "”": "«"}
SWAP_SHARE = 0.6


@lru_cache(maxsize=None)
def lists():
    """Kinds by name, and names by type and kind."""
    kinds, members = {}, defaultdict(list)
    for kind_type, kind, name in corpora.names():
        kinds.setdefault((kind_type, name), kind)
        members[kind_type, kind].append(name)
    return kinds, members


class Swapper:
    """Chooses other names for the names of one text."""

    def __init__(self, text, rng):
        self.text, self.rng, self.chosen, self.surnames = text, rng, {}, {}

    def run(self):
        """The text with other names."""
        mentions = [m for m in self.text.mentions if m.type in corpora.TYPES]
        for mention in sorted(mentions, key=lambda m: m.start - m.end):
            surface = self.text.text[mention.start:mention.end]
            if surface not in self.chosen:
                self.chosen[surface] = self.other(mention.type, surface)
        return rewritten(self.text, lambda m, surface: self.chosen.get(surface, surface))

    def other(self, kind_type, surface):
        if kind_type == "PER" and surface in self.surnames:
            return self.surnames[surface]
        base, ending = self.without_ending(kind_type, surface)
        name = base
        if self.rng.random() < SWAP_SHARE:
            name = (self.person(base) if kind_type == "PER" else self.thing(kind_type, base)) or base
        if kind_type == "PER" and " " in base:
            own, new = base.split()[-1], name.split()[-1]
            self.surnames |= {own: new, own + "s": own + "s" if own == new else with_ending(new, "s")}
        return surface if name == base else with_ending(name, ending)

    def without_ending(self, kind_type, surface):
        kinds, _ = lists()
        if surface.endswith("s") and (kind_type, surface) not in kinds:
            if (kind_type, surface[:-1]) in kinds or surface[:-1] in self.text.text.split():
                return surface[:-1], "s"
        return surface, ""

    def person(self, base):
        kinds, members = lists()
        kind = kinds.get(("PER", base)) or self.rng.choice(PERSON_KINDS)
        several = " " in base
        return self.draw([n for n in members["PER", kind] if (" " in n) == several])

    def thing(self, kind_type, base):
        kinds, members = lists()
        kind = kinds.get((kind_type, base))
        if kind is None and base.isalpha() and base[0].isupper() and kind_type in SINGLE_KINDS:
            kind = self.rng.choice(SINGLE_KINDS[kind_type])
        several = " " in base
        return self.draw([n for n in members.get((kind_type, kind), ()) if (" " in n) == several])

    def draw(self, names):
        return self.rng.choice(names) if names else None


def with_ending(name, ending):
    """A name with its genitive -s, which is an apostrophe behind a sibilant."""
    return name + ("’" if ending and name[-1] in "sxzß" else ending)


def rewritten(text, name_of):
    """A copy of a text in which each mention is spelled anew; nested mentions do not occur."""
    out, mentions, at, size = [], [], 0, 0
    for mention in text.mentions:
        if mention.start < at:
            return text
        surface = name_of(mention, text.text[mention.start:mention.end])
        before = text.text[at:mention.start]
        out += [before, surface]
        start = size + len(before)
        size = start + len(surface)
        mentions.append(replace(mention, start=start, end=size))
        at = mention.end
    return replace(text, text="".join(out) + text.text[at:], mentions=mentions, gold=None, tones=[])


def spelled(text, spell, first=0, last=None):
    """A copy in which each character of a part is written as `spell` says."""
    last = len(text.text) if last is None else last
    pieces = [spell(c) if first <= i < last else c for i, c in enumerate(text.text)]
    places = [0]
    for piece in pieces:
        places.append(places[-1] + len(piece))
    mentions = [replace(m, start=places[m.start], end=places[m.end]) for m in text.mentions]
    return replace(text, text="".join(pieces), mentions=mentions, gold=None, tones=[])


def noisy(text, rng):
    """A copy with the first line in capitals, umlauts spelled out, or other quotation marks."""
    choice = rng.random()
    if choice < 0.3:
        end = text.text.find("\n")
        return spelled(text, str.upper, 0, end) if 0 < end < 150 else text
    if choice < 0.5:
        return spelled(text, lambda c: UMLAUTS.get(c, c))
    marks = STRAIGHT if choice < 0.85 else GUILLEMETS
    return spelled(text, lambda c: marks.get(c, c))


def varied(text, rng, swap_share, noise_share):
    """The text itself or a changed copy."""
    if rng.random() < swap_share:
        text = Swapper(text, rng).run()
    return noisy(text, rng) if rng.random() < noise_share else text


def main():
    rng = random.Random(3)
    for text in rng.sample(corpora.written(), 4):
        print(Swapper(text, rng).run().text, end="\n\n")


if __name__ == "__main__":
    main()
