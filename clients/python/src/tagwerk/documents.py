"""What is submitted: documents, and how they are to be tagged."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, TypedDict, Union

from google.protobuf.message import Message

from . import errors
from .v1 import document_pb2

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from typing import Unpack
    else:
        from typing_extensions import Unpack


TARGET_TYPES = ("PERSON", "ORGANIZATION", "LOCATION", "MISCELLANEOUS", "TOPIC")
"""What kind of thing a target may be."""


@dataclass(frozen=True)
class Target:
    """Something that a document is asked about."""

    id: str
    """The caller's own id; it comes back with the answer."""
    names: Iterable[str] = ()
    """The name and other names, in their base form; none: the id is the name."""
    type: str = ""
    """What kind of thing it is, of `TARGET_TYPES`; empty: it is not said."""


class Options(TypedDict, total=False):
    """How a document is to be tagged, by name."""

    features: Iterable[str]
    """The layers to compute: "mentions", "entities", "stances", "quotes", "sentences", "sentiment". None named: all."""
    min_probability: float
    """Mentions and stances that are less probable are left out, in [0, 1]."""
    targets: Iterable[Union[str, Target, Mapping[str, Any]]]
    """What the document is asked about: names, targets, or mappings with the fields of one."""
    watchlist: str
    """A watchlist of the server, by name, whose targets are asked about too."""
    present_targets_only: bool
    """Only targets that the document names are answered."""
    model: str
    """The model to ask, by name. Empty: the server's default."""


@dataclass(frozen=True)
class Document:
    """A text to be tagged."""

    text: str
    """The text. Line breaks separate headlines and paragraphs."""
    id: str = ""
    """An id of the caller's; it comes back with the answer."""
    language: str = ""
    """The language as a BCP 47 tag; empty: it is detected."""
    options: Optional[Options] = None
    """How to tag this document; None: as the call says."""


Submitted = Union[str, Document, Mapping[str, Any]]
"""What may be submitted: a text, a `Document`, or a mapping with the fields of one."""


def document_of(submitted: Submitted) -> Document:
    """The document that was submitted. Raises TypeError for what can be none."""
    if isinstance(submitted, Document):
        return submitted
    if isinstance(submitted, str):
        return Document(submitted)
    if isinstance(submitted, Mapping):
        return Document(**submitted)
    raise TypeError(f"a document is a str, a tagwerk.Document or a mapping, not {type(submitted).__name__}")


def document_message(document: Document) -> document_pb2.Document:
    """The message of a document. Raises InvalidArgument for what can't be sent."""
    message = document_pb2.Document()
    for field in ("id", "text", "language"):
        value = getattr(document, field)
        if not isinstance(value, str):
            raise errors.invalid(f"document.{field}", f"must be a str, not {type(value).__name__}")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise errors.invalid(f"document.{field}", f"has half a character at {error.start}") from None
        setattr(message, field, value)
    return message


def options_message(**options: Unpack[Options]) -> document_pb2.TagOptions:
    """The message of some options. Raises InvalidArgument for what can't be sent, TypeError for an unknown name."""
    message = document_pb2.TagOptions(offset_unit=document_pb2.OFFSET_UNIT_CODE_POINT)
    given: dict[str, Any] = dict(options)
    for name, value in given.items():
        if name not in Options.__annotations__:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(Options.__annotations__)}")
        if name == "features":
            message.features.extend(_features(value))
        elif name == "targets":
            targets = [_target(target, index) for index, target in enumerate(value)]
            if targets:
                _set(message, name, targets)
        elif value is not None and value != "" and value is not False:
            _set(message, name, value)
    return message


def _features(names: Any) -> list[document_pb2.Feature]:
    if isinstance(names, str):
        raise errors.invalid("options.features", f"must be a list of layers, not the text {names!r}")
    known: Any = {name[len("FEATURE_") :].lower(): number for name, number in document_pb2.Feature.items() if number}
    features: list[document_pb2.Feature] = []
    for name in names:
        if name not in known:
            raise errors.invalid("options.features", f"has no layer {name!r}; there are {', '.join(known)}")
        features.append(known[name])
    return features


def _target(value: Any, index: int) -> dict[str, Any]:
    target = Target(value) if isinstance(value, str) else Target(**value) if isinstance(value, Mapping) else value
    if not isinstance(target, Target):
        raise TypeError(f"a target is a str, a tagwerk.Target or a mapping, not {type(value).__name__}")
    if isinstance(target.names, str):
        raise errors.invalid(f"options.targets[{index}].names", f"must be a list, not the text {target.names!r}")
    fields = {"id": target.id, "names": list(target.names) or [target.id]}
    if target.type:
        if target.type not in TARGET_TYPES:
            known = ", ".join(TARGET_TYPES)
            raise errors.invalid(f"options.targets[{index}].type", f"must be one of {known}, not {target.type!r}")
        fields["type"] = f"TARGET_TYPE_{target.type}"
    return fields


def _set(message: Message, field: str, value: Any) -> None:
    if field not in message.DESCRIPTOR.fields_by_name:
        raise errors.invalid(f"options.{field}", "is unknown to this version of the API")
    try:
        message.MergeFrom(type(message)(**{field: value}))
    except (TypeError, ValueError) as error:
        raise errors.invalid(f"options.{field}", f"can't be sent: {error}") from error
