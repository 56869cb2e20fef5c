"""Tagged documents as documents of spaCy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from .results import TaggedDocument

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

_SPAN_EXTENSIONS = ("entity", "probability", "polarity", "score", "holder", "holder_kind", "speaker", "target")


def to_spacy(document: TaggedDocument, nlp: Optional[Language] = None) -> Doc:
    """A spaCy Doc with the spans of a document (needs spaCy).

    nlp tokenises the text; None: the blank pipeline of its language, or of no language where spaCy lacks it. The Doc
    has span groups `mentions`, `quotes`, `evidence`, `sentences` and `targets`, labelled with type, speaker kind,
    polarity, tone and id; `doc.ents` are the mentions. A span whose ends lie within tokens grows to whole tokens.

    Extensions: `span._.entity`, `probability`, `polarity`, `score`, `holder`, `holder_kind` of a mention, `speaker` of
    a quote, `target` of an evidence, and `doc._.tagwerk`, the tagged document."""
    import spacy
    from spacy.tokens import Doc, Span
    from spacy.util import filter_spans

    for name in _SPAN_EXTENSIONS:
        if not Span.has_extension(name):
            Span.set_extension(name, default=None)
    if not Doc.has_extension("tagwerk"):
        Doc.set_extension("tagwerk", default=None)

    doc: Any = (nlp or _blank(spacy, document.language)).make_doc(document.text)
    doc._.tagwerk = document
    mentions: list[Span] = []
    quotes: list[Span] = []
    evidence: list[Span] = []
    sentences: list[Span] = []
    targets: list[Span] = []

    def add(spans: list[Span], start: int, end: int, label: str, **extensions: Any) -> None:
        span = doc.char_span(start, end, label=label, alignment_mode="expand")
        if span is None:
            return
        spans.append(span)
        for name, value in extensions.items():
            span._.set(name, value)

    for mention in document.mentions:
        entity, stance = mention.entity, mention.stance
        holder = stance.holder if stance else None
        add(
            mentions,
            mention.start,
            mention.end,
            mention.type.value,
            entity=entity.name if entity else None,
            probability=mention.probability,
            polarity=stance.polarity.value if stance else None,
            score=stance.score if stance else None,
            holder=holder.text if holder else None,
            holder_kind=holder.kind.value if holder else None,
        )
    for quote in document.quotes:
        add(quotes, quote.start, quote.end, quote.speaker.kind.value, speaker=quote.speaker.text)
    for relation in document.stances:
        span = relation.evidence
        add(evidence, span.start, span.end, relation.polarity.value, target=relation.target.text)
    for sentence in document.sentences:
        tone = sentence.sentiment.polarity.value if sentence.sentiment else ""
        add(sentences, sentence.start, sentence.end, tone)

    for target in document.targets:
        for place in target.spans:
            stance = place.stance
            add(
                targets,
                place.start,
                place.end,
                target.id,
                polarity=stance.polarity.value if stance else None,
                score=stance.score if stance else None,
            )

    doc.spans["mentions"], doc.spans["quotes"] = mentions, quotes
    doc.spans["evidence"], doc.spans["sentences"] = evidence, sentences
    doc.spans["targets"] = targets
    doc.ents = filter_spans(mentions)
    return doc  # type: ignore[no-any-return]


def _blank(spacy: Any, language: str) -> Any:
    try:
        return spacy.blank(language.partition("-")[0])
    except ImportError:
        return spacy.blank("xx")
