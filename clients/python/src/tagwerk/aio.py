"""The client for programs with asyncio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Sequence
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

_END: Any = vars(grpc.aio)["EOF"]


class AsyncClient:
    """The same client as `Client`, with the same arguments, for one event loop. It is closed with `close` or by
    `async with`. A task that is cancelled cancels its call."""

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
        self._credentials = self._access.credentials() if self._access.uses_tls else None
        # Made with the first call: a channel belongs to the event loop in which it is made.
        self._channel: Any = None
        self._made: Optional[Stub] = None
        self._is_closed = False

    async def tag(
        self,
        document: Submitted,
        *,
        id: str = "",
        language: str = "",
        timeout: Optional[float] = None,
        **options: Unpack[Options],
    ) -> TaggedDocument:
        """Tags one document, as `Client.tag` does."""
        text, request = tag_request(document, id, language, options)
        answer = await self._call(self._stub().tag, request, timeout)
        return TaggedDocument(text, answer.document)

    @overload
    def tag_many(
        self,
        documents: Union[Iterable[Submitted], AsyncIterable[Submitted]],
        *,
        errors: Literal["raise"] = "raise",
        ordered: bool = True,
        in_flight: int = 64,
        timeout: Optional[float] = None,
        patience: float = 600.0,
        **options: Unpack[Options],
    ) -> AsyncIterator[TaggedDocument]: ...

    @overload
    def tag_many(
        self,
        documents: Union[Iterable[Submitted], AsyncIterable[Submitted]],
        *,
        errors: Literal["return"],
        ordered: bool = True,
        in_flight: int = 64,
        timeout: Optional[float] = None,
        patience: float = 600.0,
        **options: Unpack[Options],
    ) -> AsyncIterator[Union[TaggedDocument, TagwerkError]]: ...

    def tag_many(
        self,
        documents: Union[Iterable[Submitted], AsyncIterable[Submitted]],
        *,
        errors: str = "raise",
        ordered: bool = True,
        in_flight: int = 64,
        timeout: Optional[float] = None,
        patience: float = 600.0,
        **options: Unpack[Options],
    ) -> AsyncIterator[Union[TaggedDocument, TagwerkError]]:
        """Tags documents in any number over one stream, as `Client.tag_many` does.

        documents may be an asynchronous iterable too: while it waits for its next document, answers come."""
        check_many(documents, errors)
        delivery = Delivery(
            options_message(**options), in_flight=in_flight, ordered=ordered, patience=patience, timeout=timeout
        )
        return self._deliver(delivery, _Source(documents), raises=errors == "raise")

    async def info(self, *, timeout: Optional[float] = None) -> tagging_service_pb2.GetInfoResponse:
        """The server's version, its models and what it accepts."""
        answer: tagging_service_pb2.GetInfoResponse = await self._call(
            self._stub().get_info, tagging_service_pb2.GetInfoRequest(), timeout
        )
        return answer

    async def close(self) -> None:
        """Ends the connection, and with it every call."""
        self._is_closed = True
        if self._channel is not None:
            await self._channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _stub(self) -> Stub:
        if self._is_closed:
            raise ValueError("the client is closed")
        if self._made is None:
            target, options = self._access.target, self._access.options
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(target, options)
            else:
                self._channel = grpc.aio.secure_channel(target, self._credentials, options)
            self._made = Stub(self._channel)
        return self._made

    async def _call(self, method: Any, request: Any, timeout: Optional[float]) -> Any:
        attempts = Attempts(self._timeout if timeout is None else timeout)
        while True:
            try:
                return await method(request, timeout=attempts.left(), metadata=self._access.metadata())
            except grpc.aio.AioRpcError as failed:
                pause = attempts.pause(_errors.of_call(failed))
            await asyncio.sleep(pause)

    async def _deliver(
        self, delivery: Delivery, source: _Source, *, raises: bool
    ) -> AsyncIterator[Union[TaggedDocument, TagwerkError]]:
        try:
            while True:
                try:
                    exchange = self._exchange(delivery, source)
                    try:
                        async for outcome in exchange:
                            if raises and isinstance(outcome, TagwerkError):
                                delivery.fail(outcome)
                            yield outcome
                    finally:
                        await exchange.aclose()
                    return
                except Broken as broken:
                    pause = delivery.broken(broken.error)
                await asyncio.sleep(pause)
        finally:
            await source.close()

    async def _exchange(
        self, delivery: Delivery, source: _Source
    ) -> AsyncGenerator[Union[TaggedDocument, TagwerkError], None]:
        """Opens a stream and keeps it busy until there is nothing left to do. Raises Broken where it breaks."""
        while not source.is_read and delivery.is_empty:
            await asyncio.wait({source.read()})
            source.take(delivery)
        if source.is_read and delivery.is_empty:
            return
        metadata = self._access.metadata()
        limits = await self._limits(delivery.within(CONNECT), metadata)
        # Without a bound: it never holds more than the documents that are in flight.
        outbox: asyncio.Queue[Optional[tagging_service_pb2.TagStreamRequest]] = asyncio.Queue()
        call = self._stub().tag_stream(_requests(outbox), timeout=delivery.left(), metadata=metadata)
        answer = asyncio.ensure_future(call.read())
        delivery.begin(limits)
        try:
            while True:
                while (request := delivery.next_request()) is not None:
                    outbox.put_nowait(request)
                while (outcome := delivery.next_outcome()) is not None:
                    yield outcome
                if source.is_read and delivery.is_empty:
                    break
                events = {answer}
                if not source.is_read and delivery.has_room:
                    events.add(source.read())
                await asyncio.wait(events, timeout=delivery.pause, return_when=asyncio.FIRST_COMPLETED)
                if answer.done():
                    delivery.take(_result(answer))
                    answer = asyncio.ensure_future(call.read())
                source.take(delivery)
            # Ends the stream as it should end. Everything is answered, so that its status says nothing new.
            outbox.put_nowait(None)
            await asyncio.wait({answer}, timeout=FAREWELL)
        finally:
            call.cancel()
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    async def _limits(self, timeout: float, metadata: Any) -> tagging_service_pb2.Limits:
        """What the server accepts. Raises Broken where it can't be reached."""
        try:
            info: tagging_service_pb2.GetInfoResponse = await self._stub().get_info(
                tagging_service_pb2.GetInfoRequest(), timeout=timeout, metadata=metadata
            )
        except grpc.aio.AioRpcError as failed:
            raise Broken(_errors.of_call(failed)) from None
        return info.limits


class _Source:
    """The input of a tag_many. At most one document is being read at a time."""

    def __init__(self, documents: Union[Iterable[Submitted], AsyncIterable[Submitted]]) -> None:
        if isinstance(documents, AsyncIterable):
            self._next = documents.__aiter__().__anext__
        else:
            plain = iter(documents)

            async def read() -> Submitted:
                try:
                    return next(plain)
                except StopIteration:
                    raise StopAsyncIteration from None

            self._next = read
        self._reading: Optional[asyncio.Future[Submitted]] = None
        self.is_read = False

    def read(self) -> asyncio.Future[Submitted]:
        """Begins to read the next document, or goes on with it."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._next())
        return self._reading

    def take(self, delivery: Delivery) -> None:
        """Takes the document that was read, if one was."""
        if self._reading is None or not self._reading.done():
            return
        reading, self._reading = self._reading, None
        try:
            submitted = reading.result()
        except StopAsyncIteration:
            self.is_read = True
        else:
            delivery.add(submitted)

    async def close(self) -> None:
        """Reads no further."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


async def _requests(
    outbox: asyncio.Queue[Optional[tagging_service_pb2.TagStreamRequest]],
) -> AsyncIterator[tagging_service_pb2.TagStreamRequest]:
    while (request := await outbox.get()) is not None:
        yield request


def _result(answer: asyncio.Future[Any]) -> tagging_service_pb2.TagStreamResponse:
    """What a stream has brought. Raises Broken where it has ended."""
    if answer.cancelled():
        raise Broken(_errors.Cancelled("the call was cancelled"))
    try:
        response = answer.result()
    except grpc.aio.AioRpcError as failed:
        raise Broken(_errors.of_call(failed)) from None
    if response is _END:
        raise Broken(_errors.Unavailable("the server ended the stream"))
    return response  # type: ignore[no-any-return]
