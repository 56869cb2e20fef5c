"""The client for programs with asyncio: what it does besides what test_client.py shows of both."""

import asyncio
import threading
import time
import unittest

import grpc
from support import PATIENCE, Scripted, Server, abort, delivery, retry_info, server, until

import tagwerk
from tagwerk import AsyncClient, Document
from tagwerk.v1 import tagging_service_pb2

TEXT = "Nora Brandt warf der Vela AG Wortbruch vor."


async def all_of(answers):
    return [answer async for answer in answers]


class AsyncCase(unittest.IsolatedAsyncioTestCase):
    async def client(self, server):
        client = AsyncClient(server.address)
        self.addAsyncCleanup(client.close)
        return client


class RealServer(AsyncCase):
    async def test_calls_are_made_side_by_side(self):
        client = await self.client(server())
        answers = await asyncio.gather(*(client.tag(document) for document in delivery(30)))
        self.assertEqual([answer.id for answer in answers], [document.id for document in delivery(30)])

    async def test_a_stream_answers_each_in_its_place_whatever_is_among_them(self):
        client = await self.client(server())
        submitted = [
            Document(document.text, id=document.id, language="ja" if number % 7 == 0 else "")
            for number, document in enumerate(delivery(60))
        ]
        answers = await all_of(client.tag_many(submitted, errors="return"))
        for number, (document, answer) in enumerate(zip(submitted, answers)):
            if number % 7 == 0:
                self.assertIsInstance(answer, tagwerk.InvalidArgument)
                self.assertEqual(answer.document, document)
            else:
                self.assertEqual(answer.id, document.id)
        self.assertEqual(len(answers), 60)

    async def test_answers_come_while_the_input_waits_for_its_next_document(self):
        client, go_on = await self.client(server()), asyncio.Event()

        async def feed():
            yield "Guten Tag"
            await go_on.wait()
            yield "Gute Nacht"

        answered = []
        async for answer in client.tag_many(feed()):
            answered.append(answer.text)
            go_on.set()
        self.assertEqual(answered, ["Guten Tag", "Gute Nacht"])

    async def test_a_loop_that_is_left_ends_its_stream_and_the_client_goes_on(self):
        client = await self.client(server())
        answers = client.tag_many("Guten Tag" for _ in range(1000))
        async for _ in answers:
            break
        await answers.aclose()
        self.assertEqual((await client.tag(TEXT)).mentions[0].text, "Nora Brandt")

    async def test_an_error_of_the_input_is_that_of_the_loop(self):
        async def broken():
            yield "Guten Tag"
            raise KeyError("no more")

        client = await self.client(server())
        with self.assertRaises(KeyError):
            await all_of(client.tag_many(broken()))

    async def test_a_wrong_field_is_named(self):
        client = await self.client(server())
        with self.assertRaises(tagwerk.InvalidArgument) as caught:
            await client.tag(TEXT, language="ja")
        self.assertEqual(caught.exception.violations[0].field, "document.language")


class Failures(AsyncCase):
    async def test_a_server_that_is_killed_costs_no_answer_and_doubles_none(self):
        with Server() as server:
            client = await self.client(server)
            quiet = await all_of(client.tag_many(delivery(40)))
            answers = []
            async for answer in client.tag_many(delivery(40), in_flight=8):
                answers.append(answer)
                if len(answers) == 15:
                    await asyncio.to_thread(server.kill_and_start_again)
            self.assertEqual(answers, quiet)

    async def test_a_cancelled_task_cancels_its_call_and_its_stream(self):
        cancelled, begun = [], threading.Semaphore(0)

        def wait(context):
            context.add_callback(lambda: cancelled.append(True))
            begun.release()
            until(lambda: not context.is_active())

        def tag(request, context):
            wait(context)

        def stream(requests, context):
            wait(context)
            yield tagging_service_pb2.TagStreamResponse()

        with Scripted(tag, stream) as server:
            client = await self.client(server)
            for count, work in enumerate((client.tag("Guten Tag"), all_of(client.tag_many(["Guten Tag"]))), 1):
                task = asyncio.ensure_future(work)
                await asyncio.to_thread(begun.acquire)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                await asyncio.to_thread(until, lambda count=count: len(cancelled) == count)

    async def test_a_refused_call_waits_as_long_as_it_is_told(self):
        refused = []

        def tag(request, context):
            if not refused:
                refused.append(time.monotonic())
                abort(context, grpc.StatusCode.UNAVAILABLE, "starting", retry_info(0.15))
            return tagging_service_pb2.TagResponse()

        with Scripted(tag) as server:
            # Without gRPC's own retries, which don't read what they are told.
            client = AsyncClient(server.address, channel_options=[("grpc.enable_retries", 0)])
            self.addAsyncCleanup(client.close)
            await client.tag("Guten Tag")
            self.assertGreaterEqual(time.monotonic() - refused[0], 0.15)
            self.assertEqual(server.tags, 2)

    async def test_what_is_not_answered_in_time_is_told(self):
        over = threading.Event()

        def stream(requests, context):
            yield tagging_service_pb2.TagStreamResponse(id=next(requests).document.id, document={})
            over.wait(PATIENCE)

        with Scripted(stream=stream) as server:
            client = await self.client(server)
            answered = []
            with self.assertRaises(tagwerk.DeadlineExceeded) as caught:
                async for answer in client.tag_many(delivery(3), timeout=0.5):
                    answered.append(answer)
            over.set()
        self.assertEqual(len(answered), 1)
        self.assertEqual(caught.exception.unanswered, tuple(delivery(3))[1:])

    async def test_a_server_that_stays_away_is_given_up(self):
        client = AsyncClient("127.0.0.1:1")
        self.addAsyncCleanup(client.close)
        with self.assertRaises(tagwerk.Unavailable) as caught:
            await all_of(client.tag_many(delivery(5), patience=0.3, in_flight=2))
        self.assertEqual(caught.exception.unanswered[0].id, "report-0")


if __name__ == "__main__":
    unittest.main()
