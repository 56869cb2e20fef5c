"""Windows: texts as the encoder reads them, with what is to be learned from them.

A window is built as the service builds it: `<s>`, then whole lines, each closed by `</s>`; a line that is too long is
cut between sentences, and the sentences of one line stand side by side. Mentions that a cut goes through are left out,
and a stance whose holder stands in another window teaches its polarity but not its holder.
"""
from dataclasses import dataclass, field

from tokenizers import Tokenizer

import segments
from corpora import TYPES

BEGIN, PAD, END = 0, 1, 2
LONGEST = 510
USUAL = 256
LABELS = ["O"] + [f"{part}-{name}" for name in TYPES for part in "BI"]
IGNORED = -100


@dataclass
class Window:
    """Token ids, words as ranges of tokens, and the targets of each loss.

    `tones` are ((first word, behind the last), probabilities) of the sentences whose tone is known.
    """
    ids: list
    words: list
    starts_line: list
    labels: list = field(default_factory=list)
    mentions: list = field(default_factory=list)
    polarity: list = field(default_factory=list)
    holders: list = field(default_factory=list)
    tones: list = field(default_factory=list)
    misc: bool = True
    spans: list = field(default_factory=list)


@dataclass
class Unit:
    """A line or sentence that goes into a window whole."""
    text: object
    start: int
    end: int
    encoding: object
    starts_line: bool = True

    def __len__(self):
        return len(self.encoding.ids)


class Windower:
    """Makes windows with the tokenizer of a package."""

    def __init__(self, tokenizer_path):
        self.tokenizer = Tokenizer.from_file(str(tokenizer_path))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def units(self, text, limit=USUAL):
        """The lines of a text; those longer than a window as their sentences."""
        for start, end in segments.lines(text.text):
            line = self.unit(text, start, end)
            if len(line) + 2 <= limit:
                yield line
                continue
            for i, (left, right) in enumerate(segments.sentences(text.text, start, end)):
                yield self.unit(text, left, right, starts_line=i == 0)

    def unit(self, text, start, end, starts_line=True):
        encoding = self.tokenizer.encode(text.text[start:end], add_special_tokens=False)
        return Unit(text, start, end, encoding, starts_line)

    def cut(self, text, limit=USUAL):
        """The windows of one text, as the service cuts it."""
        return self.join(list(self.units(text, limit)), limit)

    def join(self, units, limit):
        """Windows of neighbouring units, each filled up to the limit."""
        windows, filling, size = [], [], 1
        for unit in units:
            if filling and size + len(unit) + 1 > limit:
                windows.append(build(filling))
                filling, size = [], 1
            if len(unit) <= LONGEST:
                filling.append(unit)
                size += len(unit) + 1
        if filling:
            windows.append(build(filling))
        return windows

    def sentence(self, text, start, end):
        """One sentence as a window of its own."""
        return build([self.unit(text, start, end)])

    def sentence_windows(self, text):
        """Every sentence as a window of its own."""
        spans = (s for line in segments.lines(text.text) for s in segments.sentences(text.text, *line))
        units = (self.unit(text, *span) for span in spans)
        return [build([unit]) for unit in units if len(unit) <= LONGEST]


def build(units):
    """One window of units, which may come from several texts."""
    window = Window([BEGIN], [], [])
    places, labels = {}, []
    for i, unit in enumerate(units):
        first_word, offset = len(window.words), len(window.ids)
        spans = segments.words(unit.text.text, unit.start, unit.end)
        window.words += word_tokens(spans, unit, offset)
        window.spans += [(unit.text, *span) for span in spans]
        window.starts_line += [(unit.starts_line or i == 0) and n == 0 for n in range(len(spans))]
        window.ids += unit.encoding.ids
        if i + 1 == len(units) or units[i + 1].starts_line:
            window.ids.append(END)
        found = mentions_in(unit, spans)
        labels += bio(unit, found, len(spans)) if unit.text.has_types else [IGNORED] * len(spans)
        window.tones += tones_in(unit, spans, first_word)
        for number, (left, right) in found:
            places[id(unit.text), number] = len(window.mentions)
            window.mentions.append((first_word + left, first_word + right))
            mention = unit.text.mentions[number]
            window.polarity.append(IGNORED if mention.polarity is None else mention.polarity)
            window.holders.append((unit.text, mention.holders))
    window.holders = [holder_targets(text, holders, places) for text, holders in window.holders]
    texts = [unit.text for unit in units]
    window.labels = labels
    window.misc = all(t.has_misc for t in texts)
    return window


def word_tokens(spans, unit, offset):
    """For each word the range of tokens that overlap it; a word without any takes the token before it."""
    offsets = unit.encoding.offsets
    out, first = [], 0
    for left, right in spans:
        left, right = left - unit.start, right - unit.start
        while first < len(offsets) and offsets[first][1] <= left:
            first += 1
        last = first
        while last < len(offsets) and offsets[last][0] < right:
            last += 1
        if last > first:
            out.append((offset + first, offset + last))
        else:
            before = out[-1][1] - 1 if out else 0
            out.append((before, before + 1))
    return out


def mentions_in(unit, spans):
    """(number, (first word, behind the last)) of the mentions that lie wholly in a unit."""
    found = []
    for number, mention in enumerate(unit.text.mentions):
        if mention.start < unit.start or mention.end > unit.end:
            continue
        inside = [n for n, (left, right) in enumerate(spans) if left < mention.end and right > mention.start]
        if inside:
            found.append((number, (inside[0], inside[-1] + 1)))
    return found


def tones_in(unit, spans, first_word):
    """((first word, behind the last), probabilities) of the judged sentences that lie wholly in a unit."""
    found = []
    for start, end, probabilities in unit.text.tones:
        if unit.start <= start and end <= unit.end:
            inside = [first_word + n for n, (left, right) in enumerate(spans) if left < end and right > start]
            if inside:
                found.append(((inside[0], inside[-1] + 1), probabilities))
    return found


def bio(unit, found, count):
    """The label of each word of a unit; topics are no names."""
    labels = [0] * count
    for number, (left, right) in found:
        kind = unit.text.mentions[number].type
        if kind in TYPES:
            begin = 1 + 2 * TYPES.index(kind)
            labels[left:right] = [begin] + [begin + 1] * (right - left - 1)
    return labels


def holder_targets(text, holders, places):
    """Right candidates of a mention: 0 author, 1 unnamed, 2 + mention; empty where none stands in the window."""
    out = set()
    for holder in holders:
        if holder == "A":
            out.add(0)
        elif holder == "U":
            out.add(1)
        elif (id(text), holder) in places:
            out.add(2 + places[id(text), holder])
    return sorted(out)
