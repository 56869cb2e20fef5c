"""The client for programs without asyncio."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Optional, Union, overload

import grpc

from . import errors as _errors
from ._calls import CONNECT, FAREWELL, Attempts, check_many, tag_request
from ._channel import Access, Pem, Secret, Stub
from ._delivery import Broken, Delivery
from .documents import Options, Submitted, options_message
from .errors import TagwerkError
from .results import TaggedDocument
from .v1 import tagging_service_pb2

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from typing import Unpack
    else:
        from typing_extensions import Unpack


class Client:
    """A client of a Tagwerk server. It may be used by several threads, and is closed with `close` or by `with`.

    server: "host:port", "http://host:port", "https://host:port" for TLS, or a name of gRPC's own such as
    "dns:///tagwerk:50051". Calls go in turn to all addresses that the name has. api_key or token: what shows who
    calls, or a function that gives it for each call. root_certificates: of the authority that issued the server's
    certificate, where it is no public one; client_certificate and client_key show who calls: paths, or the PEM itself
    as bytes. server_name: the name in the server's certificate, where it is not that of `server`. timeout: seconds
    that a call of `tag` or `info` may take, retries included. channel_options: further options of the gRPC channel.

    A call that finds no server, a busy one or one that starts is made again until its time is over."""

    def __init__(
        self,
        server: str = "http://127.0.0.1:50051",
        *,
        api_key: Optional[Secret] = None,
        token: Optional[Secret] = None,
        root_certificates: Optional[Pem] = None,
        client_certificate: Optional[Pem] = None,
        client_key: Optional[Pem] = None,
        server_name: Optional[str] = None,
        timeout: float = 30.0,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        self._access = Access(
            server,
            api_key=api_key,
            token=token,
            root_certificates=root_certificates,
            client_certificate=client_certificate,
            client_key=client_key,
            server_name=server_name,
            channel_options=channel_options,
        )
        self._timeout = timeout
        if self._access.uses_tls:
            self._channel = grpc.secure_channel(
                self._access.target, self._access.credentials(), options=self._access.options
            )
        else:
            self._channel = grpc.insecure_channel(self._access.target, options=self._access.options)
        self._stub = Stub(self._channel)

    def tag(
        self,
        document: Submitted,
        *,
        id: str = "",
        language: str = "",
        timeout: Optional[float] = None,
        **options: Unpack[Options],
    ) -> TaggedDocument:
        """Tags one document: a text, a `Document` or a mapping with its fields. id and language are for a text.

        timeout: seconds, retries included; None: that of the client. options: features, min_probability, targets,
        watchlist and model, as `tagwerk.Options` has them.

        Raises TagwerkError by the status: InvalidArgument, DeadlineExceeded, Unavailable and so on."""
        text, request = tag_request(document, id, language, options)
        answer = self._call(self._stub.tag, request, timeout)
        return TaggedDocument(text, answer.document)

    @overload
    def tag_many(
        self,
        documents: Iterable[Submitted],
        *,
        errors: Literal["raise"] = "raise",
        ordered: bool = True,
        in_flight: int = 64,
        timeout: Optional[float] = None,
        patience: float = 600.0,
        **options: Unpack[Options],
    ) -> Iterator[TaggedDocument]: ...

    @overload
    def tag_many(
        self,
        documents: Iterable[Submitted],
        *,
        errors: Literal["return"],
        ordered: bool = True,
        in_flight: int = 64,
        timeout: Optional[float] = None,
        patience: float = 600.0,
        **options: Unpack[Options],
    ) -> Iterator[Union[TaggedDocument, TagwerkError]]: ...

    def tag_many(
        self,
        documents: Iterable[Submitted],
        *,
        errors: str = "raise",
        ordered: bool = True,
        in_flight: int = 64,
        timeout: Optional[float] = None,
        patience: float = 600.0,
        **options: Unpack[Options],
    ) -> Iterator[Union[TaggedDocument, TagwerkError]]:
        """Tags documents in any number over one stream, and gives the answers as the loop asks for them.

        documents: read as there is room, in the thread of the loop; where reading blocks, so do the answers (the
        AsyncClient waits for both). errors: "raise" the first document that could not be tagged, or "return" its
        error in its place, with the `document` that it is about. ordered: in the order of the input, or as they come.
        in_flight: documents read and not handed out; 64 is twice what the server works on in one stream. timeout:
        seconds for all of them; None: any. patience: seconds of failures without an answer after which it gives up.
        options: as for `tag`.

        When the stream breaks, it opens another and sends again what has no answer, and nothing else: the same text
        has the same answer, and each is handed out once. What it raises has what is left in `unanswered`."""
        check_many(documents, errors)
        delivery = Delivery(
            options_message(**options), in_flight=in_flight, ordered=ordered, patience=patience, timeout=timeout
        )
        return self._deliver(delivery, Source(documents), raises=errors == "raise")

    def info(self, *, timeout: Optional[float] = None) -> tagging_service_pb2.GetInfoResponse:
        """The server's version, its models and what it accepts."""
        answer: tagging_service_pb2.GetInfoResponse = self._call(
            self._stub.get_info, tagging_service_pb2.GetInfoRequest(), timeout
        )
        return answer

    def close(self) -> None:
        """Ends the connection, and with it every call."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: Any, request: Any, timeout: Optional[float]) -> Any:
        attempts = Attempts(self._timeout if timeout is None else timeout)
        while True:
            try:
                return method(request, timeout=attempts.left(), metadata=self._access.metadata())
            except grpc.RpcError as failed:
                pause = attempts.pause(_errors.of_call(failed))
            time.sleep(pause)

    def _deliver(
        self, delivery: Delivery, source: Source, *, raises: bool
    ) -> Iterator[Union[TaggedDocument, TagwerkError]]:
        while True:
            try:
                for outcome in self._exchange(delivery, source):
                    if raises and isinstance(outcome, TagwerkError):
                        delivery.fail(outcome)
                    yield outcome
                return
            except Broken as broken:
                pause = delivery.broken(broken.error)
            time.sleep(pause)

    def _exchange(self, delivery: Delivery, source: Source) -> Iterator[Union[TaggedDocument, TagwerkError]]:
        """Opens a stream and keeps it busy until there is nothing left to do. Raises Broken where it breaks."""
        source.read_into(delivery)
        if source.is_read and delivery.is_empty:
            return
        # Without a bound: neither ever holds more than the documents that are in flight.
        outbox: SimpleQueue[Optional[tagging_service_pb2.TagStreamRequest]] = SimpleQueue()
        inbox: SimpleQueue[Any] = SimpleQueue()
        call = None
        try:
            metadata = self._access.metadata()
            limits = self._limits(delivery.within(CONNECT), metadata)
            call = self._stub.tag_stream(iter(outbox.get, None), timeout=delivery.left(), metadata=metadata)
            threading.Thread(target=_receive, args=(call, inbox), name="tagwerk-answers", daemon=True).start()
            delivery.begin(limits)
            while True:
                while (request := delivery.next_request()) is not None:
                    outbox.put(request)
                while (outcome := delivery.next_outcome()) is not None:
                    yield outcome
                if inbox.empty() and source.read_into(delivery):
                    continue
                if source.is_read and delivery.is_empty:
                    break
                try:
                    event = inbox.get(timeout=delivery.pause)
                except Empty:
                    continue
                if isinstance(event, TagwerkError):
                    raise Broken(event)
                delivery.take(event)
            # Ends the stream as it should end. Everything is answered, so that its status says nothing new.
            outbox.put(None)
            try:
                inbox.get(timeout=FAREWELL)
            except Empty:
                pass
        finally:
            outbox.put(None)
            if call is not None:
                call.cancel()

    def _limits(self, timeout: float, metadata: Any) -> tagging_service_pb2.Limits:
        """What the server accepts. Raises Broken where it can't be reached."""
        try:
            info: tagging_service_pb2.GetInfoResponse = self._stub.get_info(
                tagging_service_pb2.GetInfoRequest(), timeout=timeout, metadata=metadata
            )
        except grpc.RpcError as failed:
            raise Broken(_errors.of_call(failed)) from None
        return info.limits


class Source:
    """The input of a tag_many."""

    def __init__(self, documents: Iterable[Submitted]) -> None:
        self._documents = iter(documents)
        self.is_read = False

    def read_into(self, delivery: Delivery) -> bool:
        """Reads a document where there is room for one and one is left; says whether it did."""
        if self.is_read or not delivery.has_room:
            return False
        try:
            submitted = next(self._documents)
        except StopIteration:
            self.is_read = True
            return False
        delivery.add(submitted)
        return True


def _receive(call: Any, inbox: SimpleQueue[Any]) -> None:
    """Puts the answers of a stream into a queue, and behind them what it ended in."""
    try:
        for response in call:
            inbox.put(response)
        inbox.put(_errors.Unavailable("the server ended the stream"))
    except grpc.RpcError as failed:
        inbox.put(_errors.of_call(failed))
