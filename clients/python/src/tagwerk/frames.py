"""Tagged documents as data frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .results import TaggedDocument

if TYPE_CHECKING:
    from pandas import DataFrame


class Frames(NamedTuple):
    """The tables of some documents. `document` is the place of the document among them, `id` its id."""

    mentions: DataFrame
    """A row for each mention; `entity` is the place of what is named in the document's entities."""
    entities: DataFrame
    """A row for each entity of each document."""
    stances: DataFrame
    """A row for each stance that is not neutral: who stands where on whom, and what says so."""
    targets: DataFrame
    """A row for each target of each document that was asked about, whether the document names it or not."""


_MENTIONS = {
    "document": "int64",
    "id": "object",
    "start": "int64",
    "end": "int64",
    "text": "object",
    "type": "object",
    "probability": "float64",
    "entity": "Int64",
    "name": "object",
    "polarity": "object",
    "score": "float64",
    "holder": "object",
    "holder_kind": "object",
}

_ENTITIES = {
    "document": "int64",
    "id": "object",
    "entity": "int64",
    "name": "object",
    "type": "object",
    "mentions": "int64",
    "salience": "float64",
    "polarity": "object",
    "score": "float64",
    "favorable": "Int64",
    "unfavorable": "Int64",
}

_STANCES = {
    "document": "int64",
    "id": "object",
    "holder_kind": "object",
    "holder": "object",
    "holder_entity": "object",
    "holder_probability": "float64",
    "polarity": "object",
    "probability": "float64",
    "target": "object",
    "target_entity": "object",
    "start": "int64",
    "end": "int64",
    "evidence": "object",
}

_TARGETS = {
    "document": "int64",
    "id": "object",
    "target": "object",
    "spans": "int64",
    "share": "float64",
    "in_headline": "bool",
    "in_first_paragraph": "bool",
    "polarity": "object",
    "score": "float64",
    "favorable": "Int64",
    "unfavorable": "Int64",
}


def to_pandas(documents: Iterable[TaggedDocument]) -> Frames:
    """Data frames of the mentions, entities, stances and targets of some documents (needs pandas).

    Every column is there and has its type, however few the documents. What was not asked for is missing (None, NaN)."""
    mentions: list[dict[str, Any]] = []
    entities: list[dict[str, Any]] = []
    stances: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for number, document in enumerate(documents):
        common = {"document": number, "id": document.id}
        mentions.extend({**common, **row} for row in _mentions(document))
        entities.extend({**common, **row} for row in _entities(document))
        stances.extend({**common, **row} for row in _stances(document))
        targets.extend({**common, **row} for row in _targets(document))
    return Frames(
        _frame(mentions, _MENTIONS),
        _frame(entities, _ENTITIES),
        _frame(stances, _STANCES),
        _frame(targets, _TARGETS),
    )


def _mentions(document: TaggedDocument) -> Iterable[dict[str, Any]]:
    for mention in document.mentions:
        entity, stance = mention.entity, mention.stance
        holder = stance.holder if stance else None
        yield {
            "start": mention.start,
            "end": mention.end,
            "text": mention.text,
            "type": mention.type.value,
            "probability": mention.probability,
            "entity": entity.index if entity else None,
            "name": entity.name if entity else None,
            "polarity": stance.polarity.value if stance else None,
            "score": stance.score if stance else None,
            "holder": holder.text if holder else None,
            "holder_kind": holder.kind.value if holder else None,
        }


def _entities(document: TaggedDocument) -> Iterable[dict[str, Any]]:
    for entity in document.entities:
        stance = entity.stance
        yield {
            "entity": entity.index,
            "name": entity.name,
            "type": entity.type.value,
            "mentions": len(entity.mentions),
            "salience": entity.salience,
            "polarity": stance.polarity.value if stance else None,
            "score": stance.score if stance else None,
            "favorable": stance.favorable_count if stance else None,
            "unfavorable": stance.unfavorable_count if stance else None,
        }


def _stances(document: TaggedDocument) -> Iterable[dict[str, Any]]:
    for stance in document.stances:
        holder, target, evidence = stance.holder, stance.target, stance.evidence
        yield {
            "holder_kind": holder.kind.value,
            "holder": holder.text,
            "holder_entity": holder.entity.name if holder.entity else None,
            "holder_probability": holder.probability,
            "polarity": stance.polarity.value,
            "probability": stance.probability,
            "target": target.text,
            "target_entity": target.entity.name if target.entity else None,
            "start": evidence.start,
            "end": evidence.end,
            "evidence": evidence.text,
        }


def _targets(document: TaggedDocument) -> Iterable[dict[str, Any]]:
    for target in document.targets:
        stance = target.stance
        yield {
            "target": target.id,
            "spans": len(target.spans),
            "share": target.share,
            "in_headline": target.in_headline,
            "in_first_paragraph": target.in_first_paragraph,
            "polarity": stance.polarity.value if stance else None,
            "score": stance.score if stance else None,
            "favorable": stance.favorable_count if stance else None,
            "unfavorable": stance.unfavorable_count if stance else None,
        }


def _frame(rows: list[dict[str, Any]], columns: dict[str, str]) -> DataFrame:
    import pandas

    frame: DataFrame = pandas.DataFrame(rows, columns=list(columns)).astype(columns)
    return frame
