"""Client of Tagwerk: who is in a news text, and who stands where on whom.

`Client` and `AsyncClient` tag one document (`tag`) or any number of them (`tag_many`); README.md shows how."""

from .aio import AsyncClient
from .client import Client
from .documents import Document, Options
from .errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    TagwerkError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from .frames import Frames, to_pandas
from .html import render
from .results import (
    Entity,
    EntityStance,
    EntityType,
    Holder,
    HolderKind,
    Mention,
    Polarity,
    Probabilities,
    Quote,
    Sentence,
    Sentiment,
    Span,
    Stance,
    StanceRelation,
    TaggedDocument,
)

__all__ = [
    "AsyncClient",
    "Cancelled",
    "Client",
    "DeadlineExceeded",
    "Document",
    "Entity",
    "EntityStance",
    "EntityType",
    "FailedPrecondition",
    "FieldViolation",
    "Frames",
    "Holder",
    "HolderKind",
    "Internal",
    "InvalidArgument",
    "Mention",
    "NotFound",
    "Options",
    "OutOfRange",
    "PermissionDenied",
    "Polarity",
    "Probabilities",
    "Quote",
    "ResourceExhausted",
    "Sentence",
    "Sentiment",
    "Span",
    "Stance",
    "StanceRelation",
    "TaggedDocument",
    "TagwerkError",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "render",
    "to_pandas",
]
