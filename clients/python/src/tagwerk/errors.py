"""What can go wrong, with one class for each status of gRPC that the server gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from .documents import Document

_DETAILS = "grpc-status-details-bin"


class FieldViolation(NamedTuple):
    """A field of the request that is wrong, and why."""

    field: str
    description: str


class TagwerkError(Exception):
    """A call, or one document of a stream, that failed."""

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    """The status of gRPC."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        violations: Iterable[FieldViolation] = (),
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        """The reason in one word, such as "TEXT_TOO_LARGE"; empty where the server gave none."""
        self.violations: tuple[FieldViolation, ...] = tuple(violations)
        """The fields of the request that are wrong."""
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again; None where it did not say."""
        self.document: Optional[Document] = None
        """The document that failed. Set in tag_many alone; None where the whole stream failed."""
        self.unanswered: tuple[Document, ...] = ()
        """What tag_many had taken from its input and not handed out when it raised this."""

    def __str__(self) -> str:
        name = f" (document {self.document.id!r})" if self.document is not None and self.document.id else ""
        return f"{self.code.name}: {self.message}{name}"


class Cancelled(TagwerkError):
    """The call was cancelled."""

    code = grpc.StatusCode.CANCELLED


class InvalidArgument(TagwerkError):
    """The request is wrong; `violations` says in which fields."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class DeadlineExceeded(TagwerkError):
    """There was no answer in time."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class NotFound(TagwerkError):
    """What was asked for is not there."""

    code = grpc.StatusCode.NOT_FOUND


class PermissionDenied(TagwerkError):
    """The credentials don't allow this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class ResourceExhausted(TagwerkError):
    """The server is full, or a quota is used up; `retry_after` says when to come back."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class FailedPrecondition(TagwerkError):
    """The server is not in a state to do this."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class OutOfRange(TagwerkError):
    """A message is larger than the server takes."""

    code = grpc.StatusCode.OUT_OF_RANGE


class Unimplemented(TagwerkError):
    """The server does not know this call."""

    code = grpc.StatusCode.UNIMPLEMENTED


class Internal(TagwerkError):
    """The server failed on this text."""

    code = grpc.StatusCode.INTERNAL


class Unavailable(TagwerkError):
    """No connection, or the server starts or stops."""

    code = grpc.StatusCode.UNAVAILABLE


class Unauthenticated(TagwerkError):
    """Credentials are missing or not accepted."""

    code = grpc.StatusCode.UNAUTHENTICATED


_CLASSES: dict[grpc.StatusCode, type[TagwerkError]] = {kind.code: kind for kind in TagwerkError.__subclasses__()}
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

PASSING = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
"""One document, or one call, that failed so may be sent again."""

FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""A stream that ended so would always end so. Everything else may be the network, a proxy or a server that stops."""


def of_call(error: grpc.RpcError) -> TagwerkError:
    """What a call ended in."""
    code = error.code() or grpc.StatusCode.UNKNOWN
    status = status_pb2.Status()
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == _DETAILS:
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                pass  # a proxy's own; the code and the message stand without it
    return _error(code, error.details() or status.message, status)


def of_status(status: status_pb2.Status) -> TagwerkError:
    """What one document of a stream ended in."""
    return _error(_CODES.get(status.code, grpc.StatusCode.UNKNOWN), status.message, status)


def invalid(field: str, description: str, reason: str = "") -> InvalidArgument:
    """A request that is wrong in one field and was not sent for that."""
    return InvalidArgument(f"{field} {description}", reason=reason, violations=[FieldViolation(field, description)])


def _error(code: grpc.StatusCode, message: str, status: status_pb2.Status) -> TagwerkError:
    reason, violations, retry_after = "", list[FieldViolation](), None
    info, request, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    for detail in status.details:
        try:
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(request):
                violations = [FieldViolation(v.field, v.description) for v in request.field_violations]
            elif detail.Unpack(retry):
                retry_after = max(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9, 0.0)
        except DecodeError:
            continue
    kind = _CLASSES.get(code, TagwerkError)
    error = kind(message, reason=reason, violations=violations, retry_after=retry_after)
    error.code = code
    return error
