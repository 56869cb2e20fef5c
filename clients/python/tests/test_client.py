"""The client for programs without asyncio, against the real server and against one that fails on purpose."""

import os
import pickle
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from support import PATIENCE, Scripted, Server, abort, delivery, program, retry_info, server, status, until

import tagwerk
from tagwerk import Client, Document, EntityType, HolderKind, Polarity, Target
from tagwerk._delivery import Delivery
from tagwerk.documents import options_message
from tagwerk.v1 import document_pb2, tagging_service_pb2

TEXT = "Nora Brandt warf der Vela AG Wortbruch vor."

DELAY = 0.15
"""Seconds that a scripted server wants to be left alone for."""


class RealServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = Client(server().address)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()


class Results(RealServer):
    def test_offsets_select_each_span_whatever_stands_before_it(self):
        before = [
            "",
            "Äpfel, Öl und Übermut. ",
            "A\u0308pfel. ",
            "😀👩‍👩‍👧‍👦 ",
            "🇩🇪\r\n",
            "\u202e\u0000 ",
            "naïve café — „so“. ",
        ]
        for prefix in before:
            with self.subTest(prefix=prefix):
                document = self.client.tag(prefix + TEXT + " „Übel 😀“, sagte Nora Brandt.")
                self.assertIn("Vela AG", [mention.text for mention in document.mentions])
                for mention in document.mentions:
                    self.assertEqual(document.text[mention.start : mention.end], mention.text)
                    self.assertEqual(document.text[mention.span.slice], mention.span.text)
                (quote,) = [quote for quote in document.quotes if "😀" in quote.text]
                self.assertEqual(quote.text, "„Übel 😀“")

    def test_a_stance_has_its_target_holder_and_evidence(self):
        document = self.client.tag(TEXT, id="a-1", language="de")
        holder, target = document.mentions
        self.assertEqual((document.id, document.language, holder.text), ("a-1", "de", "Nora Brandt"))
        self.assertEqual((holder.type, target.type), (EntityType.PERSON, EntityType.ORGANIZATION))
        self.assertEqual(target.stance.polarity, Polarity.UNFAVORABLE)
        self.assertLess(target.stance.score, 0)
        self.assertAlmostEqual(sum(target.stance.probabilities), 1, places=5)
        self.assertEqual(target.stance.holder.kind, HolderKind.MENTION)
        self.assertEqual(target.stance.holder.mention.index, holder.index)
        self.assertIn("Wortbruch", target.stance.evidence.text)
        (relation,) = document.stances
        self.assertEqual((relation.holder.text, relation.target.text), ("Nora Brandt", "Vela AG"))
        self.assertIsNone(holder.stance.holder)
        self.assertEqual(document.coverage.bytes_read, len(TEXT.encode()))

    def test_an_entity_has_its_mentions(self):
        document = self.client.tag("Jana Roth kam nach Kiel. Roth lobte die Stadt.")
        (person,) = [entity for entity in document.entities if entity.type == "PERSON"]
        self.assertEqual(
            (person.name, [str(mention) for mention in person.mentions]), ("Jana Roth", ["Jana Roth", "Roth"])
        )
        self.assertTrue(all(mention.entity is person for mention in person.mentions))
        self.assertAlmostEqual(sum(entity.salience for entity in document.entities), 1, places=5)

    def test_a_layer_that_was_not_asked_for_is_none_or_empty(self):
        document = self.client.tag(TEXT, features=["mentions"])
        mention = document.mentions[0]
        self.assertEqual((mention.stance, mention.entity, document.sentiment), (None, None, None))
        self.assertEqual((document.entities, document.stances, document.sentences), ((), (), ()))

    def test_an_empty_text_has_an_empty_answer(self):
        document = self.client.tag("")
        self.assertEqual((document.text, document.mentions, document.sentiment), ("", (), None))

    def test_a_tagged_document_survives_pickling(self):
        document = self.client.tag(TEXT)
        copy = pickle.loads(pickle.dumps(document))
        self.assertEqual(copy, document)
        self.assertEqual(copy.mentions[1].stance.holder.text, "Nora Brandt")

    def test_info_names_the_model_and_the_limits(self):
        info = self.client.info()
        self.assertIn("de", info.models[0].languages)
        self.assertGreater(info.limits.max_document_bytes, 0)


class Errors(RealServer):
    def test_a_wrong_field_is_named(self):
        cases = [
            (dict(language="ja"), "document.language"),
            (dict(min_probability=2.0), "options.min_probability"),
            (dict(features=["mentions", "poems"]), "options.features"),
        ]
        for arguments, field in cases:
            with self.subTest(field=field), self.assertRaises(tagwerk.InvalidArgument) as caught:
                self.client.tag(TEXT, **arguments)
            self.assertEqual([violation.field for violation in caught.exception.violations], [field])
            self.assertEqual(caught.exception.code, grpc.StatusCode.INVALID_ARGUMENT)

    def test_half_a_character_is_refused_before_it_is_sent(self):
        with self.assertRaises(tagwerk.InvalidArgument) as caught:
            self.client.tag("Nora \ud83d Brandt")
        self.assertEqual(caught.exception.violations[0], ("document.text", "has half a character at 5"))

    def test_what_is_no_document_is_a_type_error(self):
        for wrong in (b"bytes", 7, None):
            with self.subTest(wrong=wrong), self.assertRaises(TypeError):
                self.client.tag(wrong)
        with self.assertRaises(TypeError):
            self.client.tag_many("a text and no list")
        with self.assertRaises(TypeError):
            self.client.tag(TEXT, feature=["mentions"])

    def test_an_error_survives_pickling(self):
        with self.assertRaises(tagwerk.InvalidArgument) as caught:
            self.client.tag(TEXT, language="ja")
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((copy.message, copy.violations), (caught.exception.message, caught.exception.violations))


HAS_TARGETS = "targets" in document_pb2.TagOptions.DESCRIPTOR.fields_by_name


class Targets(RealServer):
    @unittest.skipUnless(HAS_TARGETS, "this version of the API has no targets")
    def test_each_target_is_answered_whether_the_document_names_it_or_not(self):
        targets = ["Vela AG", Target("roth", names=["Jana Roth"], type="PERSON"), {"id": "kiel", "names": ["Kiel"]}]
        document = self.client.tag(TEXT, targets=targets)
        vela, roth, kiel = document.targets
        self.assertEqual([vela.id, roth.id, kiel.id], ["Vela AG", "roth", "kiel"])
        self.assertEqual([vela.is_present, roth.is_present, kiel.is_present], [True, False, False])
        (span,) = vela.spans
        self.assertEqual((span.text, span.mention.text, span.sentence.text), ("Vela AG", "Vela AG", TEXT))
        self.assertEqual(document.text[span.slice], "Vela AG")
        self.assertEqual((span.stance.polarity, span.stance.holder.text), (Polarity.UNFAVORABLE, "Nora Brandt"))
        (stance,) = vela.stances
        self.assertEqual((stance.holder.text, stance.span.text), ("Nora Brandt", "Vela AG"))
        self.assertIn("Wortbruch", stance.evidence.text)
        self.assertEqual((vela.stance.unfavorable_count, roth.stance), (1, None))
        self.assertGreater(vela.share, 0)
        self.assertEqual([entity.name for entity in vela.entities], ["Vela AG"])
        present = self.client.tag(TEXT, targets=targets, present_targets_only=True)
        self.assertEqual([target.id for target in present.targets], ["Vela AG"])

    def test_a_target_that_can_be_none_is_named(self):
        cases = [
            (["a", Target("b", type="ANIMAL")], "options.targets[1].type"),
            ([{"id": "a", "names": "a"}], "options.targets[0].names"),
        ]
        for targets, field in cases:
            with self.subTest(field=field), self.assertRaises(tagwerk.InvalidArgument) as caught:
                self.client.tag(TEXT, targets=targets)
            self.assertEqual(caught.exception.violations[0].field, field)

    @unittest.skipIf(HAS_TARGETS, "this version of the API has targets")
    def test_what_the_api_does_not_have_is_named(self):
        with self.assertRaises(tagwerk.InvalidArgument) as caught:
            self.client.tag(TEXT, targets=["Vela AG"])
        self.assertEqual(caught.exception.violations[0].field, "options.targets")


class Streams(RealServer):
    def test_a_stream_answers_each_of_300_documents_in_its_place_whatever_is_among_them(self):
        # Each bad one with what is wrong with it.
        bad = {
            7: (dict(language="ja"), "document.language"),
            100: (dict(text="Tag " * (1 << 19)), "document.text"),
            101: (dict(text="Tag " * (1 << 21)), "document.text"),
            150: (dict(text="halb \udc00"), "document.text"),
            299: (dict(language="eine Sprache"), "document.language"),
        }
        submitted = [
            {"id": document.id, "text": document.text, **bad.get(number, ({}, ""))[0]}
            for number, document in enumerate(delivery(300))
        ]
        answers = list(self.client.tag_many(submitted, errors="return"))
        self.assertEqual(len(answers), 300)
        for number, (fields, answer) in enumerate(zip(submitted, answers)):
            if number in bad:
                self.assertIsInstance(answer, tagwerk.InvalidArgument)
                self.assertEqual(answer.violations[0].field, bad[number][1])
                self.assertEqual(answer.document.id, fields["id"])
            else:
                self.assertEqual((answer.id, answer.text), (fields["id"], fields["text"]))
                self.assertEqual(answer.text[answer.mentions[0].span.slice], answer.mentions[0].text)

    def test_without_order_each_is_answered_once(self):
        ids = [answer.id for answer in self.client.tag_many(delivery(50), ordered=False)]
        self.assertEqual(sorted(ids), sorted(document.id for document in delivery(50)))

    def test_an_error_is_raised_in_its_place_and_tells_what_is_left(self):
        submitted = [
            Document("Guten Tag", id=str(number), language="ja" if number == 3 else "de") for number in range(6)
        ]
        answered = []
        with self.assertRaises(tagwerk.InvalidArgument) as caught:
            for answer in self.client.tag_many(submitted, in_flight=2):
                answered.append(answer.id)
        self.assertEqual(answered, ["0", "1", "2"])
        self.assertEqual(caught.exception.document, submitted[3])
        # The next one may have been read already.
        self.assertIn([document.id for document in caught.exception.unanswered], (["4"], []))

    def test_the_input_is_read_no_further_than_what_is_in_flight(self):
        read = 0

        def endless():
            nonlocal read
            while True:
                read += 1
                yield "Guten Tag"

        answers = self.client.tag_many(endless(), in_flight=4)
        for taken in range(1, 20):
            next(answers)
            self.assertLessEqual(read, taken + 4)
        answers.close()

    def test_an_input_without_documents_has_no_answers(self):
        self.assertEqual(list(self.client.tag_many([])), [])
        self.assertEqual(list(Client("127.0.0.1:1").tag_many(iter(()))), [])

    def test_an_error_of_the_input_is_that_of_the_loop(self):
        def broken():
            yield "Guten Tag"
            raise KeyError("no more")

        with self.assertRaises(KeyError):
            list(self.client.tag_many(broken()))
        self.assertEqual(self.client.tag("Guten Tag").text, "Guten Tag")

    def test_documents_may_have_options_of_their_own(self):
        submitted = [Document(TEXT), Document(TEXT, options={"features": ["mentions"]})]
        whole, part = self.client.tag_many(submitted)
        self.assertEqual((len(whole.sentences), len(part.sentences), len(part.mentions)), (1, 0, 2))


class Failures(unittest.TestCase):
    def test_a_server_that_is_killed_twice_costs_no_answer_and_doubles_none(self):
        with Server() as server, Client(server.address) as client:
            quiet = list(client.tag_many(delivery(60)))
            answers = []
            for answer in client.tag_many(delivery(60), in_flight=8):
                answers.append(answer)
                if len(answers) in (15, 40):
                    server.kill_and_start_again()
        self.assertEqual(answers, quiet)

    def test_a_call_that_is_refused_waits_as_long_as_it_is_told(self):
        refused = []

        def tag(request, context):
            if len(refused) < 2:
                refused.append(time.monotonic())
                abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry_info(DELAY))
            return tagging_service_pb2.TagResponse()

        with Scripted(tag) as server, Client(server.address) as client:
            client.tag("Guten Tag")
            self.assertEqual(server.tags, 3)
            self.assertGreaterEqual(time.monotonic() - refused[0], 2 * DELAY)

    def test_a_call_that_could_not_be_answered_in_time_is_not_waited_for(self):
        def tag(request, context):
            abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry_info(3600))

        with Scripted(tag) as server, Client(server.address) as client:
            with self.assertRaises(tagwerk.ResourceExhausted) as caught:
                client.tag("Guten Tag", timeout=PATIENCE)
            self.assertEqual((caught.exception.retry_after, server.tags), (3600, 1))

    def test_a_refused_stream_and_refused_documents_wait_as_long_as_they_are_told(self):
        refused, arrived = [], []

        def stream(requests, context):
            if not refused:
                refused.append(time.monotonic())
                abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry_info(DELAY))
            for sequence, request in enumerate(requests):
                response = tagging_service_pb2.TagStreamResponse(id=request.document.id, sequence=sequence)
                is_first = all(id != response.id for id, _ in arrived)
                arrived.append((response.id, time.monotonic()))
                if is_first:
                    refused.append(time.monotonic())
                    response.error.CopyFrom(status(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry_info(DELAY)))
                else:
                    response.document.id = request.document.id
                # The second time it is an answer to nothing.
                yield response
                yield response

        with Scripted(stream=stream) as server, Client(server.address) as client:
            answers = list(client.tag_many([Document("Guten Tag", id=id) for id in "abc"]))
            self.assertEqual(([answer.id for answer in answers], server.streams), (["a", "b", "c"], 2))
        self.assertEqual(sorted(id for id, _ in arrived), ["a", "a", "b", "b", "c", "c"])
        # The stream, then each of the documents.
        self.assertGreaterEqual(arrived[0][1] - refused[0], DELAY)
        self.assertGreaterEqual(arrived[3][1] - refused[3], DELAY)

    def test_a_full_queue_costs_no_answer(self):
        # Room for one short text or two; many more at a time.
        with Server("--queue-tokens", "512", "--batch-tokens", "512") as server, Client(server.address) as client:
            texts = [document.text * 6 for document in delivery(24)]
            with ThreadPoolExecutor(12) as threads:
                answers = list(threads.map(lambda text: client.tag(text, timeout=PATIENCE), texts))
        self.assertEqual([answer.text for answer in answers], texts)

    def test_what_is_not_answered_in_time_is_told(self):
        over = threading.Event()

        def stream(requests, context):
            yield tagging_service_pb2.TagStreamResponse(id=next(requests).document.id, document={})
            over.wait(PATIENCE)

        def tag(request, context):
            over.wait(PATIENCE)

        with Scripted(tag, stream) as server, Client(server.address) as client:
            with self.assertRaises(tagwerk.DeadlineExceeded):
                client.tag("Guten Tag", timeout=0.2)
            answered = []
            with self.assertRaises(tagwerk.DeadlineExceeded) as caught:
                for answer in client.tag_many(delivery(3), timeout=0.5):
                    answered.append(answer)
            over.set()
        self.assertEqual(len(answered), 1)
        self.assertEqual(caught.exception.unanswered, tuple(delivery(3))[1:])

    def test_a_stream_that_would_never_succeed_is_not_tried_again(self):
        def stream(requests, context):
            abort(context, grpc.StatusCode.PERMISSION_DENIED, "not you")
            yield

        with Scripted(stream=stream) as server, Client(server.address) as client:
            with self.assertRaises(tagwerk.PermissionDenied) as caught:
                list(client.tag_many(["Guten Tag"]))
            self.assertEqual(server.streams, 1)
        self.assertEqual(caught.exception.unanswered, (Document("Guten Tag"),))

    def test_the_time_that_the_loop_takes_is_not_counted_as_failure(self):
        clock = [0.0]
        delivery = Delivery(
            options_message(), in_flight=2, ordered=True, patience=10, timeout=None, clock=lambda: clock[0]
        )
        delivery.add("Guten Tag")
        clock[0] = 1000.0
        self.assertLess(delivery.broken(tagwerk.Unavailable("gone")), 10)
        clock[0] = 1010.0
        self.assertLess(delivery.broken(tagwerk.Unavailable("gone")), 10)
        clock[0] = 1011.0
        with self.assertRaises(tagwerk.Unavailable):
            delivery.broken(tagwerk.Unavailable("gone"))

    def test_calls_go_in_turn_to_all_addresses(self):
        def tag(request, context):
            return tagging_service_pb2.TagResponse()

        with Scripted(tag) as one, Scripted(tag) as other:
            with Client(f"ipv4:{one.address},{other.address}") as client:
                # Until both connections stand, one gets all.
                until(lambda: client.tag("Guten Tag") and one.tags and other.tags)
                before = (one.tags, other.tags)
                for _ in range(10):
                    client.tag("Guten Tag")
            self.assertEqual((one.tags - before[0], other.tags - before[1]), (5, 5))

    def test_a_document_that_the_model_fails_on_is_not_sent_again(self):
        sent = []

        def stream(requests, context):
            for sequence, request in enumerate(requests):
                sent.append(request.document.id)
                error = status(grpc.StatusCode.INTERNAL, "failed", error_details_pb2.ErrorInfo(reason="DEFECT"))
                yield tagging_service_pb2.TagStreamResponse(sequence=sequence, error=error)

        with Scripted(stream=stream) as server, Client(server.address) as client:
            (error,) = client.tag_many([Document("Guten Tag", id="a")], errors="return")
        self.assertEqual((type(error), error.reason, sent), (tagwerk.Internal, "DEFECT", ["a"]))
        self.assertIn("'a'", str(error))

    def test_a_server_that_stays_away_is_given_up(self):
        with Client("127.0.0.1:1") as client:
            with self.assertRaises(tagwerk.Unavailable) as caught:
                list(client.tag_many(delivery(5), patience=0.3, in_flight=2))
            self.assertEqual(caught.exception.unanswered[0].id, "report-0")
            with self.assertRaises(tagwerk.Unavailable):
                client.tag("Guten Tag")


@unittest.skipUnless("TAGWERK_CERTIFICATES" in os.environ, "TAGWERK_CERTIFICATES names no folder of certificates")
class Security(unittest.TestCase):
    """$TAGWERK_CERTIFICATES has ca.pem, and server.pem and client.pem with their keys, issued by it."""

    def test_over_tls_a_caller_with_the_key_is_served(self):
        folder = Path(os.environ["TAGWERK_CERTIFICATES"])
        made = subprocess.run([program(), "key", "ingest"], capture_output=True, text=True, check=True)
        keys, key = folder / "keys.toml", made.stderr.strip()
        keys.write_text(made.stdout)
        tls = ["--tls-certificate", str(folder / "server.pem"), "--tls-key", str(folder / "server.key")]
        with Server(*tls, "--auth-keys", str(keys)) as server:
            address = f"https://{server.address}"
            trusted = dict(root_certificates=folder / "ca.pem", server_name="tagwerk.test")
            for credentials in (dict(api_key=key), dict(token=lambda: f"{key}\n")):
                with Client(address, **trusted, **credentials) as client:
                    self.assertEqual(client.tag(TEXT).mentions[0].text, "Nora Brandt")
                    self.assertEqual(len(list(client.tag_many([TEXT, TEXT]))), 2)
            for credentials in (dict(), dict(api_key="wrong")):
                with Client(address, **trusted, **credentials) as client:
                    with self.assertRaises(tagwerk.Unauthenticated):
                        client.tag(TEXT)
                    with self.assertRaises(tagwerk.Unauthenticated):
                        list(client.tag_many([TEXT]))
            with Client(address, api_key=key, server_name="tagwerk.test") as stranger:
                with self.assertRaises(tagwerk.Unavailable):
                    stranger.tag(TEXT)

    def test_with_mutual_tls_a_caller_shows_a_certificate(self):
        folder = Path(os.environ["TAGWERK_CERTIFICATES"])
        tls = ["--tls-certificate", str(folder / "server.pem"), "--tls-key", str(folder / "server.key")]
        with Server(*tls, "--tls-client-ca", str(folder / "ca.pem")) as server:
            trusted = dict(root_certificates=(folder / "ca.pem").read_bytes(), server_name="tagwerk.test")
            own = dict(client_certificate=folder / "client.pem", client_key=folder / "client.key")
            with Client(f"https://{server.address}", **trusted, **own) as client:
                self.assertEqual(client.tag(TEXT).mentions[0].text, "Nora Brandt")
            with Client(f"https://{server.address}", **trusted) as client:
                with self.assertRaises(tagwerk.Unavailable):
                    client.tag(TEXT)


class Arguments(unittest.TestCase):
    def test_settings_that_contradict_each_other_are_refused(self):
        cases = [
            ("http://", {}),
            ("http://localhost:50051", dict(root_certificates=b"pem")),
            ("localhost:50051", dict(api_key="a", token="b")),
            ("https://localhost:50051", dict(client_certificate=b"pem")),
        ]
        for address, settings in cases:
            with self.subTest(address=address, settings=settings), self.assertRaises(ValueError):
                Client(address, **settings)

    def test_options_that_the_api_does_not_have_are_named(self):
        with self.assertRaises(TypeError):
            Client("127.0.0.1:1").tag_many([], colour="red")


if __name__ == "__main__":
    unittest.main()
