"""The documents of one tag_many on their way: which wait for an answer, which are to be sent, what comes next.

Knows neither threads nor a network, so that both clients do the same."""

from __future__ import annotations

import random
import sys
import time
from collections import deque
from typing import Callable, NoReturn, Optional, Union

from . import errors
from .documents import Document, Submitted, document_message, document_of, options_message
from .errors import TagwerkError
from .results import TaggedDocument
from .v1 import document_pb2, tagging_service_pb2

Outcome = Union[TaggedDocument, TagwerkError]

SHORTEST_PAUSE = 0.2
"""The first pause is at most this many seconds, the second at most twice that, and so on."""

LONGEST_PAUSE = 10.0
"""No pause is longer, in seconds, unless the server wants it so."""


class Broken(Exception):
    """A stream that came to no good end."""

    def __init__(self, error: TagwerkError) -> None:
        super().__init__(error)
        self.error = error


class _Way:
    """One document on its way."""

    __slots__ = ("place", "document", "request", "refused_since")

    def __init__(self, place: int, document: Document, request: tagging_service_pb2.TagStreamRequest) -> None:
        self.place = place
        self.document = document
        self.request = request
        self.refused_since: Optional[float] = None


class Delivery:
    """The documents of one tag_many on their way.

    in_flight: documents taken and not handed out. ordered: whether they are handed out in the order of the input.
    patience: seconds of failures without an answer after which it gives up. deadline: the
    time of `clock` by which all must be answered."""

    def __init__(
        self,
        options: document_pb2.TagOptions,
        *,
        in_flight: int,
        ordered: bool,
        patience: float,
        timeout: Optional[float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if in_flight < 1:
            raise ValueError(f"in_flight must be at least 1, not {in_flight}")
        self._options = options
        self._in_flight = in_flight
        self._ordered = ordered
        self._patience = patience
        self._clock = clock
        self._deadline = None if timeout is None else clock() + timeout
        self._taken = 0
        self._handed_out = 0
        self._waiting: dict[int, _Way] = {}
        self._unsent: deque[_Way] = deque()
        # What the present stream was sent, by sequence number, until it is answered.
        self._sent: dict[int, _Way] = {}
        self._sequence = 0
        # Answers by place, with their documents, that are not handed out yet.
        self._held: dict[int, tuple[Document, Outcome]] = {}
        self._not_before = 0.0
        # The time of the first failure since the last answer.
        self._failing_since: Optional[float] = None
        self._failures = 0
        self._max_text = self._max_message = sys.maxsize

    @property
    def has_room(self) -> bool:
        """Whether another document may be taken from the input."""
        return len(self._waiting) + len(self._held) < self._in_flight

    @property
    def is_empty(self) -> bool:
        """Whether everything taken was answered and handed out."""
        return not self._waiting and not self._held

    @property
    def has_unanswered(self) -> bool:
        """Whether a document waits for its answer."""
        return bool(self._waiting)

    @property
    def unanswered(self) -> tuple[Document, ...]:
        """What was taken and not handed out, in the order of the input."""
        ways = {place: way.document for place, way in self._waiting.items()}
        ways.update((place, document) for place, (document, _) in self._held.items())
        return tuple(ways[place] for place in sorted(ways))

    def add(self, submitted: Submitted) -> None:
        """Takes a document of the input. One that can't be sent is answered here."""
        place, self._taken = self._taken, self._taken + 1
        document = document_of(submitted)
        try:
            options = self._options if document.options is None else options_message(**document.options)
            request = tagging_service_pb2.TagStreamRequest(document=document_message(document), options=options)
        except TagwerkError as error:
            self._hold(place, document, error)
            return
        way = self._waiting[place] = _Way(place, document, request)
        self._unsent.append(way)

    def begin(self, limits: tagging_service_pb2.Limits) -> None:
        """A new stream: everything without an answer is to be sent, in the order of the input."""
        self._max_text = limits.max_document_bytes or sys.maxsize
        self._max_message = limits.max_message_bytes or sys.maxsize
        self._sequence = 0
        self._sent.clear()
        self._unsent = deque(self._waiting[place] for place in sorted(self._waiting))

    def next_request(self) -> Optional[tagging_service_pb2.TagStreamRequest]:
        """What is to be sent now; None where nothing is, or a pause is on."""
        while self._unsent and self.rest() <= 0:
            way = self._unsent.popleft()
            # A message that is too large would end the stream, and with it the documents beside it.
            size = len(way.request.document.text.encode()) if len(way.document.text) * 4 > self._max_text else 0
            if size > self._max_text:
                description = f"has {size} bytes, of {self._max_text} at most"
                self._answer(way, errors.invalid("document.text", description, "TEXT_TOO_LARGE"))
            elif way.request.ByteSize() > self._max_message:
                description = f"has {way.request.ByteSize()} bytes with its options, of {self._max_message} at most"
                self._answer(way, errors.invalid("document", description))
            else:
                self._sent[self._sequence] = way
                self._sequence += 1
                return way.request
        return None

    def rest(self) -> float:
        """Seconds until something may be sent; 0 or less: now."""
        return self._not_before - self._clock()

    @property
    def pause(self) -> Optional[float]:
        """Seconds after which `next_request` should be asked again; None: not before an answer comes."""
        return max(self.rest(), 0.0) if self._unsent else None

    def left(self) -> Optional[float]:
        """Seconds until the deadline; None without one."""
        return None if self._deadline is None else self._deadline - self._clock()

    def within(self, seconds: float) -> float:
        """So many seconds, or what is left until the deadline."""
        left = self.left()
        return seconds if left is None else max(min(seconds, left), 0.0)

    def take(self, response: tagging_service_pb2.TagStreamResponse) -> None:
        """Takes an answer of the stream. Raises Broken for one that is none."""
        way = self._sent.pop(response.sequence, None)
        if way is None:
            return
        result = response.WhichOneof("result")
        if result == "document":
            self._answer(way, TaggedDocument(way.document.text, response.document))
            self._failing_since, self._failures = None, 0
        elif result == "error":
            error = errors.of_status(response.error)
            now = self._clock()
            if way.refused_since is None:
                way.refused_since = now
            if error.code in errors.PASSING and now - way.refused_since < self._patience:
                self._wait(error.retry_after, 0)
                self._unsent.append(way)
            else:
                self._answer(way, error)
                self._failing_since, self._failures = None, 0
        else:
            raise Broken(errors.Internal("an answer without a result"))

    def next_outcome(self) -> Optional[Outcome]:
        """What is to be handed out now; None where nothing is."""
        if not self._held:
            return None
        place = self._handed_out if self._ordered else next(iter(self._held))
        if place not in self._held:
            return None
        self._handed_out += 1
        return self._held.pop(place)[1]

    def broken(self, error: TagwerkError) -> float:
        """The stream broke. Gives the seconds to wait before the next; raises what nothing can be done about."""
        now = self._clock()
        left = self.left()
        if left is not None and left <= 0:
            self.fail(errors.DeadlineExceeded("not all documents were answered in time"))
        if self._failing_since is None:
            self._failing_since = now
        if error.code in errors.FINAL or now - self._failing_since > self._patience:
            self.fail(error)
        self._wait(error.retry_after, self._failures)
        self._failures += 1
        return self.within(max(self.rest(), 0.0))

    def fail(self, error: TagwerkError) -> NoReturn:
        """Raises an error with what it leaves unanswered."""
        error.unanswered = self.unanswered
        raise error

    def _wait(self, told: Optional[float], failures: int) -> None:
        """Holds back what is to be sent: as long as the server has told and up to twice that, or else for a random
        time that may grow with the failures. Without chance all clients would come back in the same moment."""
        longest = told or min(SHORTEST_PAUSE * 2.0 ** min(failures, 10), LONGEST_PAUSE)
        self._not_before = max(self._not_before, self._clock() + (told or 0.0) + random.uniform(0, longest))

    def _answer(self, way: _Way, outcome: Outcome) -> None:
        del self._waiting[way.place]
        self._hold(way.place, way.document, outcome)

    def _hold(self, place: int, document: Document, outcome: Outcome) -> None:
        if isinstance(outcome, TagwerkError):
            outcome.document = document
        self._held[place] = (document, outcome)
