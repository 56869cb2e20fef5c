"""Servers for the tests: the real program on a port of its own, and a scripted one that fails as a test wants it."""

import atexit
import functools
import json
import os
import subprocess
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from tagwerk import Document
from tagwerk.v1 import tagging_service_pb2

ROOT = Path(__file__).resolve().parents[3]

PATIENCE = 60.0
"""Seconds: far longer than anything here takes."""


def program() -> str:
    """The program to test: $TAGWERK_PROGRAM, or what was built last."""
    if "TAGWERK_PROGRAM" in os.environ:
        return os.environ["TAGWERK_PROGRAM"]
    built = [ROOT / "target" / profile / "tagwerk" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    if not built:
        raise SystemExit("there is no program to test: cargo build, or name one in TAGWERK_PROGRAM")
    return str(max(built, key=lambda path: path.stat().st_mtime))


def delivery(count):
    """Short reports, no two alike."""
    for number in range(count):
        yield Document(f"Meldung {number} aus Kiel: Jana Roth lobt die Reederei Ostwind.", id=f"report-{number}")


class Server:
    """A `tagwerk serve`. It is killed with `close` or by `with`."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.address = self._start("127.0.0.1:0")

    def kill_and_start_again(self) -> None:
        """Ends the program without a warning and starts it on the same port."""
        self.close()
        self._start(self.address)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.join()
        self.process.stderr.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, address: str) -> str:
        """Waits until the model is loaded and gives the address."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TAGWERK_")}
        command = [program(), "serve", "--listen", address, "--http-listen", "127.0.0.1:0", "--log-format", "json"]
        self.process = subprocess.Popen(
            [*command, *self.arguments], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        listening = ""
        for line in self.process.stderr:
            # Libraries may say something before.
            if not line.startswith(b"{"):
                continue
            event = json.loads(line)
            listening = event.get("grpc", listening)
            if event["message"] == "serving":
                break
        else:
            raise AssertionError(f"the server does not start: {self.process.wait()}")
        # The pipe must not fill up.
        self.log = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.log.start()
        return listening


@functools.cache
def server() -> Server:
    """The server that all tests share which do not harm it: loading a model takes seconds."""
    shared = Server()
    atexit.register(shared.close)
    return shared


class Scripted:
    """A server that answers as the functions say: `tag(request, context)` with a response, `stream(requests, context)`
    with responses. It is stopped by `with`."""

    def __init__(self, tag=None, stream=None, max_document_bytes=0) -> None:
        self.tags = self.streams = 0
        limits = tagging_service_pb2.Limits(max_document_bytes=max_document_bytes)

        def counted_tag(request, context):
            self.tags += 1
            return tag(request, context)

        def counted_stream(requests, context):
            self.streams += 1
            yield from stream(requests, context)

        messages = tagging_service_pb2
        handlers = {
            "Tag": grpc.unary_unary_rpc_method_handler(
                counted_tag, messages.TagRequest.FromString, messages.TagResponse.SerializeToString
            ),
            "GetInfo": grpc.unary_unary_rpc_method_handler(
                lambda request, context: messages.GetInfoResponse(limits=limits),
                messages.GetInfoRequest.FromString,
                messages.GetInfoResponse.SerializeToString,
            ),
            "TagStream": grpc.stream_stream_rpc_method_handler(
                counted_stream, messages.TagStreamRequest.FromString, messages.TagStreamResponse.SerializeToString
            ),
        }
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("tagwerk.v1.TaggingService", handlers)]
        )
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop(0).wait()


def status(code: grpc.StatusCode, message: str, *details) -> status_pb2.Status:
    """A status with its details packed."""
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=code.value[0], message=message, details=packed)


def retry_info(seconds: float) -> error_details_pb2.RetryInfo:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromNanoseconds(int(seconds * 1e9))
    return info


def abort(context, code: grpc.StatusCode, message: str, *details) -> None:
    """Ends a call with a status and its details."""
    context.set_trailing_metadata([("grpc-status-details-bin", status(code, message, *details).SerializeToString())])
    context.abort(code, message)


def until(condition) -> None:
    """Asks again and again until the answer is yes; fails when patience is over."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not in time")
        time.sleep(0.005)
