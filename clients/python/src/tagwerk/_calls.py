"""What both clients make of the arguments of a call, and when they make it again."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Callable, Union

from . import errors
from .documents import Document, Options, Submitted, document_message, document_of, options_message
from .errors import TagwerkError
from .v1 import tagging_service_pb2

CONNECT = 10.0
"""Seconds that a connection and the first call of a stream may take."""

FAREWELL = 1.0
"""Seconds that the server has to end a stream in which everything is answered."""


def tag_request(
    submitted: Submitted, id: str, language: str, options: Options
) -> tuple[str, tagging_service_pb2.TagRequest]:
    """A text and the request to tag it. Raises InvalidArgument for what can't be sent."""
    document = document_of(submitted)
    if id or language:
        if not isinstance(submitted, str):
            raise TypeError("id and language belong into the document that is given")
        document = Document(submitted, id=id, language=language)
    if document.options is not None:
        if options:
            raise TypeError("options belong into the document or into the call, not into both")
        options = document.options
    return document.text, tagging_service_pb2.TagRequest(
        document=document_message(document), options=options_message(**options)
    )


def check_many(documents: Union[Iterable[Any], AsyncIterable[Any]], errors: str) -> None:
    """Raises TypeError or ValueError where tag_many was called in a way that can't be meant."""
    if isinstance(documents, (str, bytes, Mapping, Document)):
        raise TypeError("tag_many takes an iterable of documents; tag takes one")
    if errors not in ("raise", "return"):
        raise ValueError(f'errors must be "raise" or "return", not {errors!r}')


class Attempts:
    """The time of one call, and the pauses in it."""

    def __init__(self, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = clock() + timeout

    def left(self) -> float:
        """Seconds that are left; never negative."""
        return max(self._deadline - self._clock(), 0.0)

    def pause(self, error: TagwerkError) -> float:
        """Seconds after which the call is to be made again; raises the error where it isn't.

        It is where the server says when to come back, and that is in time: up to twice as late, since without chance
        all clients would come back in the same moment. Where it can't be reached, gRPC's own retries have tried."""
        if error.code not in errors.PASSING or error.retry_after is None:
            raise error
        pause = error.retry_after + random.uniform(0, max(error.retry_after, 0.01))
        if pause >= self.left():
            raise error
        return pause
