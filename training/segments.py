"""Lines, sentences and words of a text, as the service cuts them.

The service has rules of its own for sentences; here a shorter version is enough, because it only decides where
training windows are cut. Words must be the same: a run of word characters with its combining marks, or one other
character that is no blank.
"""
import re

WORD = re.compile(r"\w[\w\u0300-\u036f]*|[^\w\s]")
LINE_BREAK = re.compile(r"[\n\r\x0b\x0c\x85\u2028\u2029]+")
STOP = re.compile(r"[.!?…]+[\"'“”’»«)\]‘]*\s+(?=[\"'„“‚‘»«(\[–—-]*\s*[A-ZÄÖÜÀ-ÝĄĆĘŁŃÓŚŹŻ0-9¿¡])")
ABBREVIATION = re.compile(
    r"(?:^|[\s(„\"»])(?:[A-ZÄÖÜ]|\d{1,2}|Dr|Prof|St|Mr|Mrs|Ms|Nr|bzw|ca|etwa|u|a|z|d|h|o|v|Chr|Abs|Art|Mio|Mrd|Tsd|Str"
    r"|inkl|evtl|vgl|usw|sog|Sr|Sra|Dra|prof|dr|ul|św|dott|sig|No|vs|Gen|Sen|Rep|Gov|Lt|Col|Inc|Ltd|Co|Jr|av)\.$")


def lines(text):
    """The non-empty lines as (start, end) without blanks around them."""
    return list(_pieces(text, 0, len(text), [m.span() for m in LINE_BREAK.finditer(text)]))


def sentences(text, start, end):
    """The sentences of one line as (start, end) without blanks around them."""
    cuts = [(m.end(), m.end()) for m in STOP.finditer(text, start, end) if not _abbreviated(text, start, m)]
    return list(_pieces(text, start, end, cuts))


def words(text, start, end):
    """The words of a span as (start, end)."""
    return [m.span() for m in WORD.finditer(text, start, end)]


def _abbreviated(text, start, stop):
    return stop.group().startswith(". ") and ABBREVIATION.search(text[max(start, stop.start() - 12):stop.start() + 1])


def _pieces(text, start, end, cuts):
    for left, right in [*cuts, (end, end)]:
        piece = text[start:left]
        body = piece.strip()
        if body:
            at = start + piece.index(body)
            yield at, at + len(body)
        start = right
