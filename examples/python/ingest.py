"""A client that loses nothing: has JSON lines tagged over one stream, and where the stream breaks connects again and
sends exactly those documents once more that have no answer yet.

    python3 -m pip install -r examples/python/requirements.txt
    examples/python/stubs.sh
    python3 examples/python/ingest.py --server http://127.0.0.1:50051 articles.jsonl > tagged.jsonl
    python3 examples/python/ingest.py --output tagged.jsonl --resume articles.jsonl

It is examples/ingest.rs in Python, with the same options, lines and exit codes. Each line of the input is a document,
{"id", "text", "language"?}; ids are unique. Each line of the output is the answer for one of them, in the order in
which they come: the tagged document, or {"id", "error": {"code", "message"}} with the code of gRPC where the document
itself was refused. Sending twice does no harm, since the same text has the same answer; writing twice would, and each
id is written once.

Exit code: 0 all were tagged; 1 all were answered, some with an error, or a line was no document; 2 wrong usage;
3 given up, and --resume goes on from there.
"""

import argparse
import asyncio
import concurrent.futures
import fcntl
import json
import random
import sys
import threading
import time

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from tagwerk.v1 import document_pb2, tagging_service_pb2, tagging_service_pb2_grpc

CONNECT = 10
"""Seconds that a connection and a first call may take."""

SHORTEST_PAUSE = 0.2
"""The first pause is at most this many seconds, the second at most twice that, and so on."""

LONGEST_PAUSE = 10
"""No pause is longer, in seconds."""

CHANNEL_OPTIONS = [
    # Silence after which a connection is probed, and the time to answer the probe.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # While a stream is open, however long nothing is said on it.
    ("grpc.http2.max_pings_without_data", 0),
    # An answer is several times as long as its text; the usual 4 MiB would refuse answers for large documents.
    ("grpc.max_receive_message_length", 256 << 20),
    ("grpc.max_send_message_length", -1),
    # Each new channel connects at once: this client makes the pauses itself.
    ("grpc.use_local_subchannel_pool", 1),
]

FINAL = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
}
"""A call that ended so would always end so. Everything else may be the network, a proxy or a server that stops, and
all of that passes."""

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT.value[0]

PASSING = {grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], grpc.StatusCode.UNAVAILABLE.value[0]}
"""A document that was answered so is sent again. With every other code the cause is the document."""


class Broken(Exception):
    """A stream that came to no good end."""


class GivenUp(Exception):
    """What ends the work before its time."""


class Ingest:
    """Lines on the way from the input to the output."""

    def __init__(self, arguments, source, output, written):
        self.arguments = arguments
        self.source = source
        self.output = output
        self.written = written  # the ids that an earlier run has written
        self.ids = set()  # the ids that have been read
        self.lines = 0
        self.is_read = False  # whether the input has come to its end
        # At most as many as may be on the way, by id; what is not read yet waits in the input.
        self.waiting = {}
        self.unsent = {}  # those of them that the present stream does not have
        self.not_before = 0.0  # until then nothing is sent: the server has said so, or a pause is due
        self.max_bytes = 0  # the largest text that the server takes
        self.line = None  # the task that reads the next line
        self.answered = self.refused = self.unreadable = self.connections = 0

    async def run(self):
        """Works until each document has its answer in the output."""
        failures = 0
        while True:
            answered = self.answered
            try:
                return await self.exchange()
            except grpc.aio.AioRpcError as error:
                reason, told = f"{error.code().name}: {error.details()}", retry_delay(of_call(error))
                if error.code() in FINAL:
                    raise GivenUp(reason) from error
            except Broken as broken:
                reason, told = str(broken), 0
            failures = 0 if self.answered > answered else failures + 1
            if failures >= self.arguments.attempts:
                raise GivenUp(reason)
            self.pause(told, failures)
            rest = self.not_before - time.monotonic()
            say(f"{reason}; in {rest:.1f} s again, with {len(self.waiting)} documents that have no answer")
            await asyncio.sleep(rest)

    async def exchange(self):
        """Opens a stream and keeps it busy until there is nothing left to do."""
        async with self.channel() as channel:
            stub = tagging_service_pb2_grpc.TaggingServiceStub(channel)
            key = credentials(self.arguments)
            question = stub.GetInfo(tagging_service_pb2.GetInfoRequest(), metadata=key, timeout=CONNECT)
            await asyncio.wait({info := asyncio.ensure_future(question)})
            self.max_bytes = result(info).limits.max_document_bytes or sys.maxsize
            # Without a bound: it never holds more than the documents that wait, and putting never blocks.
            outbox = asyncio.Queue()
            call = stub.TagStream(requests(outbox), metadata=key)
            self.connections += 1
            self.unsent = dict(self.waiting)
            answer = asyncio.ensure_future(call.read())
            try:
                while not (self.is_read and not self.waiting):
                    answer = await self.step(call, answer, outbox)
                # Ends the stream as it should end. Everything is written, so that its status says nothing new.
                outbox.put_nowait(None)
                await asyncio.wait({answer})
            finally:
                call.cancel()
                await asyncio.gather(answer, return_exceptions=True)

    async def step(self, call, answer, outbox):
        """Sends what may be sent, and takes up whatever comes first: an answer, a line, the end of a pause."""
        rest = self.not_before - time.monotonic()
        if rest <= 0:
            for document in self.unsent.values():
                outbox.put_nowait(document)
            self.unsent = {}
        if not self.line and not self.is_read and len(self.waiting) < self.arguments.in_flight:
            self.line = asyncio.ensure_future(self.source.get())
        events = {answer} | ({self.line} if self.line else set())
        await asyncio.wait(
            events,
            timeout=max(rest, 0) if self.unsent else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if answer.done():
            self.take(result(answer))
            answer = asyncio.ensure_future(call.read())
        if self.line and self.line.done():
            line, self.line = self.line.result(), None
            self.read(line)
        return answer

    def read(self, line):
        """Takes up a line of the input; an empty one is its end."""
        if not line:
            self.is_read = True
            return
        self.lines += 1
        if not line.strip():
            return
        try:
            document = parse(line)
        except ValueError as error:
            self.skip(error)
            return
        if document.id in self.ids:
            self.skip(f"the id {document.id} has come before")
            return
        self.ids.add(document.id)
        if document.id in self.written:
            return
        # Far larger messages end a stream, so that the server could not answer this one by itself.
        size = len(document.text.encode())
        if size > self.max_bytes:
            self.refuse(document.id, INVALID_ARGUMENT, f"the text has {size} bytes, of {self.max_bytes} at most")
            return
        self.waiting[document.id] = self.unsent[document.id] = document

    def skip(self, reason):
        say(f"{self.arguments.input}:{self.lines}: {reason}")
        self.unreadable += 1

    def take(self, answer):
        """Writes an answer, unless it says to ask again."""
        if answer.id not in self.waiting:
            return
        result = answer.WhichOneof("result")
        if result == "document":
            self.write(json_format.MessageToDict(answer.document, always_print_fields_with_no_presence=True))
        elif result == "error" and answer.error.code in PASSING:
            self.pause(retry_delay(answer.error), 0)
            self.unsent[answer.id] = self.waiting[answer.id]
            return
        elif result == "error":
            self.refuse(answer.id, answer.error.code, answer.error.message)
        else:
            raise Broken("an answer without a result")
        del self.waiting[answer.id]

    def refuse(self, document_id, code, message):
        self.refused += 1
        self.write({"id": document_id, "error": {"code": code, "message": message}})

    def write(self, line):
        """Writes a line at once and in one piece: it is in the output or it is not."""
        rest = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        while rest:
            rest = rest[self.output.write(rest) :]
        self.answered += 1

    def pause(self, told, failures):
        """Holds back what is to be sent: for the time that the server has told and up to twice that, or else for a
        random time that may grow with the number of failures. Without chance all clients would come back in the same
        moment."""
        longest = told or min(SHORTEST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE)
        until = time.monotonic() + told + random.uniform(0, longest)
        self.not_before = max(self.not_before, until)

    def channel(self):
        """A new connection. It is opened with the first call."""
        scheme, _, address = self.arguments.server.rpartition("://")
        address = address.rstrip("/")
        if scheme != "https":
            return grpc.aio.insecure_channel(address, CHANNEL_OPTIONS)
        tls = grpc.ssl_channel_credentials(
            root_certificates=content(self.arguments.ca),
            private_key=content(self.arguments.client_key),
            certificate_chain=content(self.arguments.client_certificate),
        )
        return grpc.aio.secure_channel(address, tls, CHANNEL_OPTIONS)


async def requests(outbox):
    """What goes into a stream, until None ends it."""
    while (document := await outbox.get()) is not None:
        yield tagging_service_pb2.TagStreamRequest(document=document)


def result(task):
    """What a call has brought. A call that the other side cancelled must not look like the end of this program."""
    if task.cancelled():
        raise Broken("the call was cancelled")
    if task.result() is grpc.aio.EOF:
        raise Broken("the server ended the stream")
    return task.result()


def of_call(error):
    """The google.rpc.Status of a call; an empty one where it has none."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    try:
        return status_pb2.Status.FromString(details)
    except ValueError:
        return status_pb2.Status()


def retry_delay(status):
    """The seconds after which the server wants to be asked again; 0 where it does not say."""
    told = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(told):
            return told.retry_delay.ToTimedelta().total_seconds()
    return 0


def credentials(arguments):
    """What shows the API key. The file is read for each connection, so that a new key is taken up."""
    key = content(arguments.api_key_file)
    return [("authorization", f"Bearer {key.decode().strip()}")] if key else []


def content(path):
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()


def parse(line):
    """The document of a line. A ValueError says what is wrong with it."""
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("the line is no object")
    document_id, text, language = fields.get("id"), fields.get("text"), fields.get("language") or ""
    if isinstance(document_id, (int, float)) and not isinstance(document_id, bool):
        document_id = json.dumps(document_id)
    if not isinstance(document_id, str) or not document_id:
        raise ValueError("the id must be a string or a number")
    if not isinstance(text, str) or not isinstance(language, str):
        raise ValueError("text and language must be strings")
    return document_pb2.Document(id=document_id, text=text, language=language)


def open_output(path, resume):
    """Opens the output and tells which ids it has already.

    Fails on a file that is there without resume, that another process writes, or that holds something else."""
    file = open(path, "ab+" if resume else "xb+", buffering=0)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    written, whole = set(), 0
    file.seek(0)
    with open(path, "rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                written.add(json.loads(line)["id"])
                whole += len(line)
    # Whoever is killed while writing leaves half a line behind, which counts as not written.
    file.truncate(whole)
    file.seek(whole)
    return file, written


def read_ahead(file, loop, lines):
    """Puts the lines of a file into a short queue, and an empty one at its end.

    In a thread of its own, since reading a pipe may block; it must not keep the program from ending."""

    def work():
        while True:
            line = file.readline()
            try:
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
            except (RuntimeError, concurrent.futures.CancelledError):
                return  # given up: nobody takes lines any more
            if not line:
                return

    threading.Thread(target=work, daemon=True).start()


def say(message):
    print(f"ingest: {message}", file=sys.stderr, flush=True)


def arguments_of(command_line):
    parser = argparse.ArgumentParser(description="Has JSON lines tagged by a server, and loses none of them.")
    add = parser.add_argument
    add("input", metavar="FILE", help='documents, {"id", "text", "language"?} each, or - for standard input')
    add(
        "--server",
        metavar="URL",
        default="http://127.0.0.1:50051",
        help="host:port, http://host:port or https://host:port",
    )
    add("--output", metavar="FILE", help="write to this new file instead of to standard output")
    add("--resume", action="store_true", help="go on with an output that is there already: its ids are not sent again")
    add("--in-flight", metavar="N", type=int, default=64, help="documents that may be on the way at a time")
    add(
        "--attempts",
        metavar="N",
        type=int,
        default=120,
        help="give up after so many connections in a row that brought no answer",
    )
    add(
        "--ca",
        metavar="FILE",
        help="the authority that issued the server's certificate, where it is no public one [PEM]",
    )
    add("--client-certificate", metavar="FILE", help="the certificate to show to the server [PEM]")
    add("--client-key", metavar="FILE", help="the key of this certificate [PEM]")
    add("--api-key-file", metavar="FILE", help="the file that holds the API key or token to show to the server")
    arguments = parser.parse_args(command_line)
    if arguments.resume and not arguments.output:
        parser.error("--resume needs --output")
    if bool(arguments.client_certificate) != bool(arguments.client_key):
        parser.error("--client-certificate and --client-key go together")
    if arguments.in_flight < 1:
        parser.error("--in-flight must be 1 at least")
    return arguments


async def main():
    arguments = arguments_of(sys.argv[1:])
    try:
        source = sys.stdin.buffer if arguments.input == "-" else open(arguments.input, "rb")
        output, written = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False), set()
        if arguments.output:
            output, written = open_output(arguments.output, arguments.resume)
    except (OSError, ValueError, TypeError, KeyError) as error:
        say(error)
        return 2
    lines = asyncio.Queue(maxsize=1)
    read_ahead(source, asyncio.get_running_loop(), lines)
    ingest = Ingest(arguments, lines, output, written)
    try:
        await ingest.run()
        code = 0 if ingest.refused + ingest.unreadable == 0 else 1
    except (GivenUp, OSError) as error:
        say(f"given up: {error}; --output FILE --resume goes on from here")
        code = 3
    say(
        f"{ingest.answered} answered, {ingest.refused} of them with an error; "
        f"{ingest.unreadable} lines were no document; {ingest.connections} connections"
    )
    return code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
