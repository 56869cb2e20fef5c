"""What comes back: a document with its tagged spans.

The classes read from the message that came, which `raw` gives. Offsets are code points, and so are valid for slices
of a `str`: `document.text[mention.start:mention.end] == mention.text`."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Optional, Protocol, TypeVar

from .v1 import document_pb2

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from .frames import Frames

_E = TypeVar("_E", bound="_Word")


class _Word(str, Enum):
    """A value of an enumeration of the API: its name without the prefix, in capitals."""

    def __str__(self) -> str:
        return str(self.value)


class EntityType(_Word):
    """What is named."""

    PERSON = "PERSON"
    ORGANIZATION = "ORGANIZATION"
    LOCATION = "LOCATION"
    MISCELLANEOUS = "MISCELLANEOUS"
    UNKNOWN = "UNKNOWN"
    """One that a newer server knows."""


class Polarity(_Word):
    """A position or tone."""

    FAVORABLE = "FAVORABLE"
    NEUTRAL = "NEUTRAL"
    UNFAVORABLE = "UNFAVORABLE"
    UNKNOWN = "UNKNOWN"
    """One that a newer server knows."""


class HolderKind(_Word):
    """Who holds a stance, or speaks."""

    MENTION = "MENTION"
    """Somebody the document names."""
    AUTHOR = "AUTHOR"
    """The author, or the narration itself."""
    UNNAMED = "UNNAMED"
    """Somebody who is only described."""
    UNKNOWN = "UNKNOWN"
    """One that a newer server knows."""


def _word(kind: type[_E], prefix: str, enum: Any, number: int) -> _E:
    try:
        return kind(enum.Name(number)[len(prefix) :])
    except ValueError:
        return kind("UNKNOWN")


def _polarity(number: int) -> Polarity:
    return _word(Polarity, "POLARITY_", document_pb2.Polarity, number)


def _entity_type(number: int) -> EntityType:
    return _word(EntityType, "ENTITY_TYPE_", document_pb2.EntityType, number)


class Probabilities(NamedTuple):
    """A distribution over the polarities."""

    favorable: float
    neutral: float
    unfavorable: float


class Span:
    """A range of the text, from `start` up to `end`, exclusive."""

    __slots__ = ("_document", "start", "end")

    def __init__(self, document: TaggedDocument, raw: document_pb2.Span) -> None:
        self._document = document
        self.start: int = raw.start
        self.end: int = raw.end

    @property
    def text(self) -> str:
        """What stands there."""
        return self._document.text[self.start : self.end]

    @property
    def slice(self) -> slice:
        """For `document.text[span.slice]`."""
        return slice(self.start, self.end)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Span {self.start}:{self.end} {self.text!r}>"


class _Spanned(Protocol):
    @property
    def span(self) -> document_pb2.Span: ...


_R = TypeVar("_R", bound=_Spanned)


class _Place(Generic[_R]):
    """Something that stands in the text."""

    __slots__ = ("_document", "raw")

    def __init__(self, document: TaggedDocument, raw: _R) -> None:
        self._document = document
        self.raw = raw

    @property
    def span(self) -> Span:
        return Span(self._document, self.raw.span)

    @property
    def start(self) -> int:
        return self.raw.span.start

    @property
    def end(self) -> int:
        """Exclusive."""
        return self.raw.span.end

    @property
    def text(self) -> str:
        return self.span.text


class Holder:
    """Who holds a stance, or speaks."""

    __slots__ = ("kind", "mention", "probability")

    def __init__(self, kind: HolderKind, mention: Optional[Mention], probability: Optional[float]) -> None:
        self.kind = kind
        self.mention = mention
        """The mention that names the holder; None where none does."""
        self.probability = probability
        """How probable this holder is, given the stance; None for the speaker of a quote."""

    @property
    def text(self) -> str:
        """The name as it stands in the text, or "author" or "unnamed"."""
        return self.mention.text if self.mention else self.kind.value.lower()

    @property
    def entity(self) -> Optional[Entity]:
        """The entity that holds the stance; None where no mention names it."""
        return self.mention.entity if self.mention else None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Holder {self.kind} {self.text!r}>"


class Stance:
    """The stance toward one mention, and who holds it."""

    __slots__ = ("_document", "_relation", "raw")

    def __init__(
        self,
        document: TaggedDocument,
        raw: document_pb2.Stance,
        relation: Any,
    ) -> None:
        self._document = document
        self._relation = relation
        self.raw = raw

    @property
    def polarity(self) -> Polarity:
        return _polarity(self.raw.polarity)

    @property
    def score(self) -> float:
        """Favourable minus unfavourable, in [-1, 1]."""
        return self.raw.score

    @property
    def probabilities(self) -> Probabilities:
        raw = self.raw.probabilities
        return Probabilities(raw.favorable, raw.neutral, raw.unfavorable)

    @property
    def holder(self) -> Optional[Holder]:
        """Who holds it; None where it is neutral."""
        if self._relation is None:
            return None
        return _Relation(self._document, self._relation).holder

    @property
    def evidence(self) -> Optional[Span]:
        """The clause or sentence that carries it; None where it is neutral."""
        return Span(self._document, self._relation.evidence) if self._relation is not None else None

    def __repr__(self) -> str:
        holder = f" by {self.holder}" if self.holder else ""
        return f"<Stance {self.polarity} {self.score:+.2f}{holder}>"


class Mention(_Place[document_pb2.Mention]):
    """A span that names an entity."""

    __slots__ = ("index",)

    def __init__(self, document: TaggedDocument, index: int, raw: document_pb2.Mention) -> None:
        super().__init__(document, raw)
        self.index = index
        """Its place in `document.mentions`."""

    @property
    def text(self) -> str:
        """The span exactly as submitted."""
        return self.raw.text

    @property
    def type(self) -> EntityType:
        return _entity_type(self.raw.type)

    @property
    def probability(self) -> float:
        """How sure the model is of span and type, in [0, 1]."""
        return self.raw.probability

    @property
    def entity(self) -> Optional[Entity]:
        """What is named; None where entities were not asked for."""
        return self._document.entities[self.raw.entity] if self.raw.HasField("entity") else None

    @property
    def stance(self) -> Optional[Stance]:
        """The stance toward it; None where stances were not asked for."""
        if not self.raw.HasField("stance"):
            return None
        return Stance(self._document, self.raw.stance, self._document._relations.get(self.index))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Mention {self.start}:{self.end} {self.type} {self.text!r}>"


class EntityStance:
    """What the stances toward the mentions of one entity add up to."""

    __slots__ = ("raw",)

    def __init__(self, raw: document_pb2.EntityStance) -> None:
        self.raw = raw

    @property
    def polarity(self) -> Polarity:
        return _polarity(self.raw.polarity)

    @property
    def score(self) -> float:
        """The mean of the scores that are not neutral, in [-1, 1]."""
        return self.raw.score

    @property
    def favorable_count(self) -> int:
        """Mentions with a favourable stance."""
        return self.raw.favorable_count

    @property
    def unfavorable_count(self) -> int:
        """Mentions with an unfavourable stance."""
        return self.raw.unfavorable_count

    def __repr__(self) -> str:
        return f"<EntityStance {self.polarity} {self.score:+.2f}>"


class Entity:
    """One thing that the document names."""

    __slots__ = ("_document", "index", "raw")

    def __init__(self, document: TaggedDocument, index: int, raw: document_pb2.Entity) -> None:
        self._document = document
        self.index = index
        """Its place in `document.entities`."""
        self.raw = raw

    @property
    def name(self) -> str:
        """The best form of the name in the text."""
        return self.raw.name

    @property
    def type(self) -> EntityType:
        return _entity_type(self.raw.type)

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """Where it is named, in the order of the text."""
        return tuple(self._document.mentions[index] for index in self.raw.mentions)

    @property
    def salience(self) -> float:
        """How prominent it is, in [0, 1]; those of a document sum to 1."""
        return self.raw.salience

    @property
    def stance(self) -> Optional[EntityStance]:
        """The stance over the whole document; None where stances were not asked for."""
        return EntityStance(self.raw.stance) if self.raw.HasField("stance") else None

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Entity {self.type} {self.name!r}, {len(self.raw.mentions)} mentions>"


class _Relation:
    """Who stands where."""

    __slots__ = ("_document", "raw")

    def __init__(self, document: TaggedDocument, raw: Any) -> None:
        self._document = document
        self.raw = raw

    @property
    def holder(self) -> Holder:
        """Whose stance it is."""
        kind = _word(HolderKind, "HOLDER_KIND_", document_pb2.HolderKind, self.raw.holder_kind)
        mention = self._document.mentions[self.raw.holder] if self.raw.HasField("holder") else None
        return Holder(kind, mention, self.raw.holder_probability)

    @property
    def polarity(self) -> Polarity:
        return _polarity(self.raw.polarity)

    @property
    def probability(self) -> float:
        """How probable the polarity is, in [0, 1]."""
        return self.raw.probability

    @property
    def evidence(self) -> Span:
        """The clause or sentence that carries the stance."""
        return Span(self._document, self.raw.evidence)


class StanceRelation(_Relation):
    """A stance that is not neutral: who stands where on whom."""

    __slots__ = ()

    @property
    def target(self) -> Mention:
        """Toward whom."""
        return self._document.mentions[self.raw.target]

    def __repr__(self) -> str:
        return f"<StanceRelation {self.holder} -> {self.target}: {self.polarity}>"


class TargetStance(_Relation):
    """A stance toward a target that is not neutral."""

    __slots__ = ("_answer",)

    def __init__(self, document: TaggedDocument, answer: TargetAnswer, raw: Any) -> None:
        super().__init__(document, raw)
        self._answer = answer

    @property
    def span(self) -> TargetSpan:
        """The place that it is about."""
        return self._answer.spans[self.raw.span]

    def __repr__(self) -> str:
        return f"<TargetStance {self.holder} -> {self._answer.id}: {self.polarity}>"


class TargetSpan(Span):
    """A place where a document names a target."""

    __slots__ = ("_relation", "raw")

    def __init__(self, document: TaggedDocument, raw: Any, relation: Any) -> None:
        super().__init__(document, raw.span)
        self._relation = relation
        self.raw = raw

    @property
    def sentence(self) -> Optional[Span]:
        """The sentence around it; None where no sentence holds it."""
        return Span(self._document, self.raw.sentence) if self.raw.HasField("sentence") else None

    @property
    def mention(self) -> Optional[Mention]:
        """The mention that it meets; None where it meets none."""
        return self._document.mentions[self.raw.mention] if self.raw.HasField("mention") else None

    @property
    def stance(self) -> Optional[Stance]:
        """The stance toward it; None where stances were not asked for."""
        return Stance(self._document, self.raw.stance, self._relation) if self.raw.HasField("stance") else None


class TargetAnswer:
    """What a document says of one target."""

    __slots__ = ("_document", "raw", "spans")

    def __init__(self, document: TaggedDocument, raw: Any) -> None:
        self._document = document
        self.raw = raw
        relations = {relation.span: relation for relation in raw.stances}
        self.spans: tuple[TargetSpan, ...] = tuple(
            TargetSpan(document, span, relations.get(index)) for index, span in enumerate(raw.spans)
        )
        """Where the document names it, in the order of the text; empty where it does not."""

    @property
    def id(self) -> str:
        """The id of the target."""
        return self.raw.id

    @property
    def is_present(self) -> bool:
        """Whether the document names it."""
        return bool(self.spans)

    @property
    def stance(self) -> Optional[EntityStance]:
        """What the stances toward its spans add up to; None where stances were not asked for or there is no span."""
        return EntityStance(self.raw.stance) if self.raw.HasField("stance") else None

    @property
    def stances(self) -> tuple[TargetStance, ...]:
        """Who stands where on it: one for each span with a stance that is not neutral."""
        return tuple(TargetStance(self._document, self, raw) for raw in self.raw.stances)

    @property
    def quotes_of(self) -> tuple[Quote, ...]:
        """The quotations that it speaks."""
        return tuple(self._document.quotes[index] for index in self.raw.quotes_of)

    @property
    def quotes_about(self) -> tuple[Quote, ...]:
        """The quotations in which it is named."""
        return tuple(self._document.quotes[index] for index in self.raw.quotes_about)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The entities whose mentions its spans meet."""
        return tuple(self._document.entities[index] for index in self.raw.entities)

    @property
    def in_headline(self) -> bool:
        """Whether the headline names it."""
        return self.raw.prominence.in_headline

    @property
    def in_first_paragraph(self) -> bool:
        """Whether the first paragraph names it."""
        return self.raw.prominence.in_first_paragraph

    @property
    def share(self) -> float:
        """Its share of all that the document names, in [0, 1]."""
        return self.raw.prominence.share

    def __repr__(self) -> str:
        return f"<TargetAnswer {self.id!r}, {len(self.spans)} spans>"


class Quote(_Place[document_pb2.Quote]):
    """A passage in quotation marks in which somebody is quoted. Its text has the marks."""

    __slots__ = ()

    @property
    def speaker(self) -> Holder:
        """Who says it."""
        kind = _word(HolderKind, "SPEAKER_KIND_", document_pb2.SpeakerKind, self.raw.speaker_kind)
        mention = self._document.mentions[self.raw.speaker] if self.raw.HasField("speaker") else None
        return Holder(kind, mention, None)

    def __repr__(self) -> str:
        return f"<Quote {self.speaker}: {self.text!r}>"


class Sentiment:
    """The tone of a sentence or of the document."""

    __slots__ = ("raw",)

    def __init__(self, raw: document_pb2.Sentiment) -> None:
        self.raw = raw

    @property
    def polarity(self) -> Polarity:
        return _polarity(self.raw.polarity)

    @property
    def score(self) -> float:
        """Favourable minus unfavourable, in [-1, 1]."""
        return self.raw.score

    @property
    def probabilities(self) -> Probabilities:
        raw = self.raw.probabilities
        return Probabilities(raw.favorable, raw.neutral, raw.unfavorable)

    def __repr__(self) -> str:
        return f"<Sentiment {self.polarity} {self.score:+.2f}>"


class Sentence(_Place[document_pb2.Sentence]):
    """A sentence, headline or other line of its own, without surrounding blanks."""

    __slots__ = ()

    @property
    def sentiment(self) -> Optional[Sentiment]:
        """Its tone; None where sentiment was not asked for."""
        return Sentiment(self.raw.sentiment) if self.raw.HasField("sentiment") else None

    def __repr__(self) -> str:
        return f"<Sentence {self.start}:{self.end} {self.text!r}>"


class TaggedDocument:
    """A document with its tagged spans."""

    def __init__(self, text: str, raw: document_pb2.TaggedDocument) -> None:
        self.text = text
        """The text as submitted."""
        self.raw = raw
        """The answer itself."""

    @property
    def id(self) -> str:
        """The id of the submitted document."""
        return self.raw.id

    @property
    def language(self) -> str:
        """The language as a BCP 47 tag, given or detected; "und" where it can't be told."""
        return self.raw.language

    @property
    def language_probability(self) -> float:
        """How probable the detected language is; 1 where it was given."""
        return self.raw.language_probability

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """In the order of the text. They do not overlap."""
        return tuple(Mention(self, index, raw) for index, raw in enumerate(self.raw.mentions))

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """By falling salience."""
        return tuple(Entity(self, index, raw) for index, raw in enumerate(self.raw.entities))

    @cached_property
    def stances(self) -> tuple[StanceRelation, ...]:
        """One for each mention with a stance that is not neutral, in the order of the targets."""
        return tuple(StanceRelation(self, raw) for raw in self.raw.stances)

    @cached_property
    def quotes(self) -> tuple[Quote, ...]:
        """In the order of the text."""
        return tuple(Quote(self, raw) for raw in self.raw.quotes)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """In the order of the text."""
        return tuple(Sentence(self, raw) for raw in self.raw.sentences)

    @property
    def sentiment(self) -> Optional[Sentiment]:
        """The tone of the whole; None where it was not asked for or there is no sentence."""
        return Sentiment(self.raw.sentiment) if self.raw.HasField("sentiment") else None

    @cached_property
    def targets(self) -> tuple[TargetAnswer, ...]:
        """What the document says of each target that was asked about, in their order."""
        return tuple(TargetAnswer(self, raw) for raw in getattr(self.raw, "targets", ()))

    @property
    def coverage(self) -> document_pb2.Coverage:
        """How much was read: all of it."""
        return self.raw.coverage

    @property
    def model(self) -> document_pb2.Model:
        """The model that gave this answer. The same text with the same fingerprint has the same answer."""
        return self.raw.model

    @property
    def near_duplicate_key(self) -> int:
        """A 64-bit similarity hash: keys of edited copies differ in few bits."""
        return self.raw.near_duplicate_key

    @cached_property
    def _relations(self) -> dict[int, document_pb2.StanceRelation]:
        return {raw.target: raw for raw in self.raw.stances}

    def render(self, *, page: bool = False) -> str:
        """The text in HTML with its mentions, stances and quotes marked: a fragment, or a whole page."""
        from .html import render

        return render(self, page=page)

    def to_pandas(self) -> Frames:
        """Data frames of the mentions, entities, stances and targets (needs pandas)."""
        from .frames import to_pandas

        return to_pandas([self])

    def to_spacy(self, nlp: Optional[Language] = None) -> Doc:
        """A spaCy Doc with the spans (needs spaCy). nlp tokenises; None: the blank pipeline of the language."""
        from .docs import to_spacy

        return to_spacy(self, nlp)

    def _repr_html_(self) -> str:
        return self.render()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TaggedDocument):
            return NotImplemented
        return self.text == other.text and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = f" {self.id!r}" if self.id else ""
        return (
            f"<TaggedDocument{name} {self.language}, {len(self.raw.mentions)} mentions, "
            f"{len(self.raw.entities)} entities>"
        )
