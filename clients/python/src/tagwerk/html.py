"""Tagged documents in HTML that needs nothing but itself."""

from __future__ import annotations

from html import escape
from typing import Optional

from .results import EntityType, HolderKind, Mention, Polarity, Quote, TaggedDocument

_STYLE = """
.tagwerk { max-width: 46em; font: 1rem/1.7 Georgia, serif; overflow-wrap: anywhere; color-scheme: light dark; }
.tagwerk p { margin: 0 0 .8em; white-space: pre-wrap; }
.tagwerk mark { color: inherit; background: none; border-bottom: 2px solid var(--hue); padding: .05em .1em; }
.tagwerk .person { --hue: #2f6fd0; } .tagwerk .organization { --hue: #a94bb0; }
.tagwerk .location { --hue: #b8691a; } .tagwerk .miscellaneous, .tagwerk .unknown { --hue: #118a84; }
.tagwerk .favorable { background: rgba(40, 160, 80, .22); }
.tagwerk .unfavorable { background: rgba(215, 60, 50, .22); }
.tagwerk small { font: 600 .6em system-ui, sans-serif; color: var(--hue); margin-left: .35em; }
.tagwerk q { quotes: none; font-style: italic; }
.tagwerk ul { list-style: none; padding: 0; font-size: .9em; }
.tagwerk li > mark { border: 0; }
"""

_TAGS = {
    EntityType.PERSON: "PER",
    EntityType.ORGANIZATION: "ORG",
    EntityType.LOCATION: "LOC",
    EntityType.MISCELLANEOUS: "MISC",
    EntityType.UNKNOWN: "?",
}

_SIGNS = {Polarity.FAVORABLE: "+", Polarity.UNFAVORABLE: "\u2212"}


def render(document: TaggedDocument, *, page: bool = False) -> str:
    """The text in HTML with its mentions, stances and quotes marked, and below it who stands where on whom.

    A fragment for a notebook, or with `page` a whole page. It has its style in itself and loads nothing; everything
    that comes from the text is escaped."""
    parts = [f'<div class="tagwerk" lang="{_escaped(document.language)}"><style>{_STYLE}</style>\n']
    parts.append(f'<p dir="auto">{_text(document)}</p>\n')
    if document.stances:
        parts.append("<ul>\n")
        for stance in document.stances:
            kind = stance.polarity.value.lower()
            who = stance.holder.text if stance.holder.kind is HolderKind.MENTION else f"({stance.holder})"
            parts.append(
                f"<li><b>{_escaped(who)}</b> \u2192 <b>{_escaped(stance.target.text)}</b> "
                f'<mark class="{kind}">{kind} {stance.probability:.0%}</mark> {_escaped(stance.evidence.text)}</li>\n'
            )
        parts.append("</ul>\n")
    parts.append("</div>")
    fragment = "".join(parts)
    if not page:
        return fragment
    title = _escaped(document.id or "Tagwerk")
    return (
        f'<!DOCTYPE html>\n<html lang="{_escaped(document.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n</head>\n'
        f"<body>\n{fragment}\n</body>\n</html>\n"
    )


def _text(document: TaggedDocument) -> str:
    """The text in pieces between the ends of quotes and mentions. Elements never cross: a mention that reaches into
    a quote is marked in two parts."""
    mentions, quotes = list(document.mentions), list(document.quotes)
    spans: list[tuple[int, int]] = [(m.start, m.end) for m in mentions] + [(q.start, q.end) for q in quotes]
    cuts = sorted({0, len(document.text), *(offset for span in spans for offset in span)})
    parts = []
    quote: Optional[Quote] = None
    mention: Optional[Mention] = None
    for start, end in zip(cuts, cuts[1:]):
        # Both lists are in the order of the text; quotes that overlap are marked from where the one before ends.
        while quotes and quotes[0].end <= start:
            quotes.pop(0)
        while mentions and mentions[0].end <= start:
            mentions.pop(0)
        now = quotes[0] if quotes and quotes[0].start <= start else None
        if now is not quote:
            parts.append("</q>" if quote else "")
            parts.append(f'<q title="{_escaped(now.speaker.text)}">' if now else "")
            quote = now
        mention = mentions[0] if mentions and mentions[0].start <= start else None
        piece = _escaped(document.text[start:end])
        parts.append(_mark(mention, piece, is_last=end == mention.end) if mention else piece)
    parts.append("</q>" if quote else "")
    return "".join(parts)


def _mark(mention: Mention, piece: str, *, is_last: bool) -> str:
    stance = mention.stance
    classes, title, sign = mention.type.value.lower(), f"{mention.probability:.0%}", ""
    if stance:
        classes += f" {stance.polarity.value.lower()}"
        title += f", {stance.polarity.value.lower()} {stance.score:+.2f}"
        sign = _SIGNS.get(stance.polarity, "")
        if stance.holder:
            title += f", by {stance.holder}"
    if mention.entity:
        title = f"{mention.entity.name}: {title}"
    tag = f"<small>{_TAGS[mention.type]}{sign}</small>" if is_last else ""
    return f'<mark class="{classes}" title="{_escaped(title)}">{piece}{tag}</mark>'


def _escaped(text: str) -> str:
    """Text as it may stand in an element or in a quoted attribute. What HTML does not allow is replaced."""
    return "".join(c if c in "\t\n\r" or not _is_control(c) else "\ufffd" for c in escape(text))


def _is_control(c: str) -> bool:
    return c < " " or "\x7f" <= c <= "\x9f"
