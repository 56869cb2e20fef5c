from google.rpc import status_pb2 as _status_pb2
from tagwerk.v1 import document_pb2 as _document_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TagRequest(_message.Message):
    __slots__ = ("document", "options")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    document: _document_pb2.Document
    options: _document_pb2.TagOptions
    def __init__(self, document: _Optional[_Union[_document_pb2.Document, _Mapping]] = ..., options: _Optional[_Union[_document_pb2.TagOptions, _Mapping]] = ...) -> None: ...

class TagResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: _document_pb2.TaggedDocument
    def __init__(self, document: _Optional[_Union[_document_pb2.TaggedDocument, _Mapping]] = ...) -> None: ...

class TagStreamRequest(_message.Message):
    __slots__ = ("document", "options")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    document: _document_pb2.Document
    options: _document_pb2.TagOptions
    def __init__(self, document: _Optional[_Union[_document_pb2.Document, _Mapping]] = ..., options: _Optional[_Union[_document_pb2.TagOptions, _Mapping]] = ...) -> None: ...

class TagStreamResponse(_message.Message):
    __slots__ = ("id", "sequence", "document", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    sequence: int
    document: _document_pb2.TaggedDocument
    error: _status_pb2.Status
    def __init__(self, id: _Optional[str] = ..., sequence: _Optional[int] = ..., document: _Optional[_Union[_document_pb2.TaggedDocument, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GetInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInfoResponse(_message.Message):
    __slots__ = ("version", "models", "limits", "watchlists")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    WATCHLISTS_FIELD_NUMBER: _ClassVar[int]
    version: str
    models: _containers.RepeatedCompositeFieldContainer[ModelInfo]
    limits: Limits
    watchlists: _containers.RepeatedCompositeFieldContainer[WatchlistInfo]
    def __init__(self, version: _Optional[str] = ..., models: _Optional[_Iterable[_Union[ModelInfo, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., watchlists: _Optional[_Iterable[_Union[WatchlistInfo, _Mapping]]] = ...) -> None: ...

class WatchlistInfo(_message.Message):
    __slots__ = ("name", "targets")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    name: str
    targets: int
    def __init__(self, name: _Optional[str] = ..., targets: _Optional[int] = ...) -> None: ...

class ModelInfo(_message.Message):
    __slots__ = ("model", "license", "languages", "labels", "figures")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LICENSE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    model: _document_pb2.Model
    license: str
    languages: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.RepeatedCompositeFieldContainer[LabelSet]
    figures: _containers.RepeatedCompositeFieldContainer[Figure]
    def __init__(self, model: _Optional[_Union[_document_pb2.Model, _Mapping]] = ..., license: _Optional[str] = ..., languages: _Optional[_Iterable[str]] = ..., labels: _Optional[_Iterable[_Union[LabelSet, _Mapping]]] = ..., figures: _Optional[_Iterable[_Union[Figure, _Mapping]]] = ...) -> None: ...

class LabelSet(_message.Message):
    __slots__ = ("head", "labels")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    head: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, head: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ...) -> None: ...

class Figure(_message.Message):
    __slots__ = ("task", "split", "metric", "value", "count")
    TASK_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    task: str
    split: str
    metric: str
    value: float
    count: int
    def __init__(self, task: _Optional[str] = ..., split: _Optional[str] = ..., metric: _Optional[str] = ..., value: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_document_bytes", "max_message_bytes", "max_window_tokens", "queue_tokens", "workers")
    MAX_DOCUMENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_WINDOW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    max_document_bytes: int
    max_message_bytes: int
    max_window_tokens: int
    queue_tokens: int
    workers: int
    def __init__(self, max_document_bytes: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., max_window_tokens: _Optional[int] = ..., queue_tokens: _Optional[int] = ..., workers: _Optional[int] = ...) -> None: ...
