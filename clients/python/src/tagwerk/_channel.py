"""How the server is reached: address, TLS, credentials, and the settings of the channel."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional, Union

import grpc

from .v1 import tagging_service_pb2

SERVICE = "tagwerk.v1.TaggingService"

Pem = Union[bytes, str, "os.PathLike[str]"]
"""A PEM file: its path, or its bytes."""

Secret = Union[str, Callable[[], str]]
"""A key or token, or what gives it: asked for each call, so that a new one is taken up."""

SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{"service": SERVICE, "method": "Tag"}, {"service": SERVICE, "method": "GetInfo"}],
                # RESOURCE_EXHAUSTED is missing on purpose: gRPC's own retries don't read RetryInfo.
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.2s",
                    "maxBackoff": "10s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
)

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.service_config", SERVICE_CONFIG),
    # Silence after which a connection is probed, and the time to answer the probe.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # While a stream is open, however long nothing is said on it.
    ("grpc.http2.max_pings_without_data", 0),
    # An answer is several times as long as its text; the usual 4 MiB would refuse answers for large documents.
    ("grpc.max_receive_message_length", 256 << 20),
    ("grpc.max_send_message_length", -1),
    # A server that starts again is found at once, and one that stays away not only after two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 10_000),
)


class Access:
    """How the server is reached, for both clients."""

    def __init__(
        self,
        server: str,
        *,
        api_key: Optional[Secret],
        token: Optional[Secret],
        root_certificates: Optional[Pem],
        client_certificate: Optional[Pem],
        client_key: Optional[Pem],
        server_name: Optional[str],
        channel_options: Sequence[tuple[str, Any]],
    ) -> None:
        scheme, separator, address = server.partition("://")
        if not separator:
            scheme, address = "http", server
        if not address.strip("/"):
            raise ValueError(f"server must be host:port, http://host:port or https://host:port, not {server!r}")
        if (client_certificate is None) != (client_key is None):
            raise ValueError("client_certificate and client_key come together")
        if api_key is not None and token is not None:
            raise ValueError("give api_key or token, not both")
        # Other schemes are gRPC's own names of servers, such as dns:/// and unix://.
        self.target = address.rstrip("/") if scheme in ("http", "https") else server
        self.uses_tls = scheme == "https" or root_certificates is not None or client_certificate is not None
        if scheme == "http" and separator and self.uses_tls:
            raise ValueError(f"certificates need https, not {server!r}")
        self._root, self._certificate, self._key = root_certificates, client_certificate, client_key
        self._header, self._secret = ("x-api-key", api_key) if token is None else ("authorization", token)
        self.options: list[tuple[str, Any]] = [*OPTIONS, *channel_options]
        if server_name is not None:
            self.options.append(("grpc.ssl_target_name_override", server_name))

    def credentials(self) -> grpc.ChannelCredentials:
        """What TLS needs. Raises OSError where a file can't be read."""
        return grpc.ssl_channel_credentials(
            root_certificates=_content(self._root),
            private_key=_content(self._key),
            certificate_chain=_content(self._certificate),
        )

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a call shows of the caller."""
        if self._secret is None:
            return ()
        secret = (self._secret() if callable(self._secret) else self._secret).strip()
        return ((self._header, f"Bearer {secret}" if self._header == "authorization" else secret),)


class Stub:
    """The calls of the service over a channel of either kind."""

    def __init__(self, channel: Any) -> None:
        self.tag = channel.unary_unary(
            f"/{SERVICE}/Tag",
            request_serializer=tagging_service_pb2.TagRequest.SerializeToString,
            response_deserializer=tagging_service_pb2.TagResponse.FromString,
        )
        self.get_info = channel.unary_unary(
            f"/{SERVICE}/GetInfo",
            request_serializer=tagging_service_pb2.GetInfoRequest.SerializeToString,
            response_deserializer=tagging_service_pb2.GetInfoResponse.FromString,
        )
        self.tag_stream = channel.stream_stream(
            f"/{SERVICE}/TagStream",
            request_serializer=tagging_service_pb2.TagStreamRequest.SerializeToString,
            response_deserializer=tagging_service_pb2.TagStreamResponse.FromString,
        )


def _content(pem: Optional[Pem]) -> Optional[bytes]:
    return pem if pem is None or isinstance(pem, bytes) else Path(pem).read_bytes()
