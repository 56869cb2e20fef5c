"""The unmodified client of Google's API, versions 1 and 2, over an unsecured connection."""

import asyncio
import unicodedata
import unittest
from pathlib import Path

import grpc
from google.api_core import exceptions
from google.cloud import language_v1, language_v2
from google.cloud.language_v1 import EncodingType, Entity, EntityMention
from google.cloud.language_v1.services.language_service.transports import (
    LanguageServiceGrpcAsyncIOTransport,
)

from service import ADDRESS, client_v1, client_v2, html, main, plain, plain_v2, violated

ARTICLE = (Path(__file__).parents[2] / "examples" / "article-de.txt").read_text(encoding="utf-8")

# Names behind everything that makes units differ: umlauts, composed and not, emoji with a joiner, another plane.
ODD = "🙂👩‍🚀 𝔏 Grüße: Jürgen Köhler lobte " + unicodedata.normalize("NFD", "Björn Schäfer") + " aus Köln.\r\nÖmer Falk 🙂 kam aus Kiel."

CODECS = {EncodingType.UTF8: "utf-8", EncodingType.UTF16: "utf-16-le", EncodingType.UTF32: "utf-32-le"}
UNIT_BYTES = {EncodingType.UTF8: 1, EncodingType.UTF16: 2, EncodingType.UTF32: 4}


def spans_of_entities(answer):
    return [mention.text for entity in answer.entities for mention in entity.mentions]


def sliced(source, span, encoding):
    """What stands at a span of a text, as the unit of an encoding counts."""
    codec, unit = CODECS[encoding], UNIT_BYTES[encoding]
    start = span.begin_offset * unit
    return source.encode(codec)[start : start + len(span.content.encode(codec))].decode(codec)


class Version1(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = client_v1()

    def test_entities_have_types_saliences_and_proper_mentions(self):
        answer = self.client.analyze_entities(
            request={"document": plain(ARTICLE), "encoding_type": EncodingType.UTF32}
        )
        self.assertEqual(answer.language, "de")
        self.assertGreater(len(answer.entities), 3)
        saliences = [entity.salience for entity in answer.entities]
        self.assertAlmostEqual(sum(saliences), 1, places=2)
        self.assertEqual(saliences, sorted(saliences, reverse=True))
        told = {Entity.Type.PERSON, Entity.Type.ORGANIZATION, Entity.Type.LOCATION, Entity.Type.OTHER}
        for entity in answer.entities:
            self.assertIn(entity.type_, told)
            self.assertEqual(dict(entity.metadata), {})
            self.assertFalse(entity._pb.HasField("sentiment"))
            self.assertTrue(entity.mentions)
            for mention in entity.mentions:
                self.assertEqual(mention.type_, EntityMention.Type.PROPER)
                self.assertFalse(mention._pb.HasField("sentiment"))
                self.assertEqual(sliced(ARTICLE, mention.text, EncodingType.UTF32), mention.text.content)
        self.assertIn(Entity.Type.PERSON, {entity.type_ for entity in answer.entities})

    def test_offsets_count_in_the_unit_that_is_asked_for(self):
        for source in (ARTICLE, ODD):
            for encoding in CODECS:
                answer = self.client.annotate_text(
                    request={
                        "document": plain(source),
                        "features": {"extract_entities": True, "extract_document_sentiment": True},
                        "encoding_type": encoding,
                    }
                )
                spans = spans_of_entities(answer) + [sentence.text for sentence in answer.sentences]
                self.assertGreater(len(spans), 4)
                for span in spans:
                    self.assertEqual(sliced(source, span, encoding), span.content)

    def test_without_an_encoding_type_there_are_no_offsets(self):
        answer = self.client.annotate_text(
            request={
                "document": plain(ODD),
                "features": {"extract_entities": True, "extract_document_sentiment": True},
            }
        )
        spans = spans_of_entities(answer) + [sentence.text for sentence in answer.sentences]
        self.assertEqual({span.begin_offset for span in spans}, {-1})
        # The keywords of the client ask for UTF32 by themselves nowhere.
        answer = self.client.analyze_entities(document=plain(ODD), encoding_type=EncodingType.NONE)
        self.assertEqual({span.begin_offset for span in spans_of_entities(answer)}, {-1})

    def test_the_sentiment_of_the_document_adds_up(self):
        answer = self.client.analyze_sentiment(request={"document": plain(ARTICLE)})
        self.assertEqual(answer.language, "de")
        self.assertGreater(len(answer.sentences), 3)
        for sentence in answer.sentences:
            score, magnitude = sentence.sentiment.score, sentence.sentiment.magnitude
            self.assertTrue(-1 <= score <= 1)
            self.assertAlmostEqual(magnitude, abs(score), places=4)
        whole = answer.document_sentiment
        self.assertTrue(-1 <= whole.score <= 1)
        parts = sum(sentence.sentiment.magnitude for sentence in answer.sentences)
        self.assertAlmostEqual(whole.magnitude, parts, places=3)

    def test_praise_and_blame_have_their_signs(self):
        text = "Die großartige Arbeit von Nora Brandt verdient höchstes Lob. Das Versagen von Timo Krahl ist eine Schande."
        answer = self.client.analyze_entity_sentiment(request={"document": plain(text)})
        scores = {entity.name: entity.sentiment.score for entity in answer.entities}
        self.assertGreater(scores["Nora Brandt"], 0.2)
        self.assertLess(scores["Timo Krahl"], -0.2)
        for entity in answer.entities:
            parts = sum(mention.sentiment.magnitude for mention in entity.mentions)
            self.assertAlmostEqual(entity.sentiment.magnitude, parts, places=3)
        good, bad = (sentence.sentiment.score for sentence in self.client.analyze_sentiment(
            request={"document": plain(text)}
        ).sentences)
        self.assertGreater(good, 0)
        self.assertLess(bad, 0)

    def test_annotating_gives_what_was_asked_for_and_no_more(self):
        answer = self.client.annotate_text(
            request={"document": plain(ODD), "features": {"extract_entity_sentiment": True}}
        )
        self.assertTrue(answer.entities and answer.entities[0]._pb.HasField("sentiment"))
        self.assertFalse(answer._pb.HasField("document_sentiment"))
        self.assertEqual(list(answer.sentences), [])
        answer = self.client.annotate_text(
            request={"document": plain(ODD), "features": {"extract_document_sentiment": True}}
        )
        self.assertEqual(list(answer.entities), [])
        self.assertEqual(len(answer.sentences), 2)
        self.assertTrue(answer._pb.HasField("document_sentiment"))

    def test_the_language_is_detected_or_taken_from_the_caller(self):
        detected = plain(ARTICLE, "")
        self.assertEqual(self.client.analyze_entities(document=detected).language, "de")
        given = plain("Nora Brandt kam aus Graz.", "de-AT")
        self.assertEqual(self.client.analyze_entities(document=given).language, "de-AT")

    def test_an_empty_text_has_an_empty_answer(self):
        for content in ("", "  \n "):
            answer = self.client.analyze_entities(document=plain(content, ""))
            self.assertEqual(list(answer.entities), [])
            answer = self.client.analyze_sentiment(document=plain(content, ""))
            self.assertEqual(list(answer.sentences), [])
            self.assertTrue(answer._pb.HasField("document_sentiment"))
            self.assertEqual((answer.document_sentiment.score, answer.document_sentiment.magnitude), (0, 0))

    def test_offsets_of_html_count_in_the_html(self):
        source = (
            "<!DOCTYPE html><html><head><title>Werft | Küstenbote</title><style>p { color: red }</style>"
            "<script>var p = '<p>Timo Krahl</p>';</script></head>\n<body>\n<h1>J&uuml;rgen K&#246;hler geht</h1>\n"
            "<p>Der Chef der <b>Nordwerft&nbsp;AG</b>, <a href='/k'>J&uuml;rgen\n   K&ouml;hler</a>, verl&auml;sst 🙂 Kiel.</p>"
            "<ul><li>Björn Sch&auml;fer folgt ihm</li></ul></body></html>"
        )
        answer = self.client.analyze_entities(
            document=html(source), encoding_type=EncodingType.UTF16
        )
        found = [(mention.text.content, mention.text.begin_offset) for e in answer.entities for mention in e.mentions]
        contents = {content for content, _ in found}
        self.assertIn("Jürgen Köhler", contents)
        self.assertIn("Björn Schäfer", contents)
        self.assertNotIn("Timo Krahl", contents)
        places = {
            "Jürgen Köhler": ("J&uuml;rgen K&#246;hler", "J&uuml;rgen\n   K&ouml;hler"),
            "Björn Schäfer": ("Björn Sch&auml;fer",),
            "Kiel": ("Kiel",),
        }
        units = source.encode("utf-16-le")
        for content, begin in found:
            rest = units[2 * begin :].decode("utf-16-le")
            written = places.get(content)
            if written:
                self.assertTrue(rest.startswith(written), (content, rest[:30]))
            else:
                self.assertEqual(rest[0], content[0])
        sentences = self.client.analyze_sentiment(document=html(source)).sentences
        self.assertEqual(sentences[0].text.content, "Jürgen Köhler geht")
        self.assertEqual(sentences[-1].text.content, "Björn Schäfer folgt ihm")

    def test_bad_requests_name_the_field(self):
        types = language_v1.Document.Type
        cases = [
            ({"content": "a", "type_": types.TYPE_UNSPECIFIED}, "document.type"),
            ({"gcs_content_uri": "gs://bucket/text", "type_": types.PLAIN_TEXT}, "document.gcs_content_uri"),
            ({"type_": types.PLAIN_TEXT}, "document.content"),
            (plain("a" * 1_000_001), "document.content"),
            (plain("a", "ja"), "document.language"),
            (plain("a", "zh-Hant"), "document.language"),
            (plain("a", "d e"), "document.language"),
            (plain("これは日本語の文章です。東京は日本の首都です。", ""), "document.language"),
        ]
        for document, field in cases:
            with self.assertRaises(exceptions.InvalidArgument) as raised:
                self.client.analyze_entities(document=document)
            self.assertEqual(violated(raised.exception), [field], raised.exception)
        with self.assertRaises(exceptions.InvalidArgument) as raised:
            self.client.annotate_text(document=plain("a"), features={})
        self.assertEqual(violated(raised.exception), ["features"])

    def test_what_is_not_offered_says_so(self):
        document = plain("Nora Brandt kam.")
        calls = [
            lambda: self.client.analyze_syntax(document=document),
            lambda: self.client.classify_text(document=document),
            lambda: self.client.moderate_text(document=document),
            lambda: self.client.annotate_text(document=document, features={"extract_syntax": True}),
            lambda: self.client.annotate_text(
                document=document, features={"extract_entities": True, "classify_text": True}
            ),
            lambda: self.client.annotate_text(document=document, features={"moderate_text": True}),
        ]
        for call in calls:
            with self.assertRaises(exceptions.MethodNotImplemented) as raised:
                call()
            self.assertIn("this server tags names", raised.exception.message)

    def test_the_asynchronous_client_is_answered_too(self):
        async def analyze():
            channel = grpc.aio.insecure_channel(ADDRESS)
            transport = LanguageServiceGrpcAsyncIOTransport(channel=channel)
            client = language_v1.LanguageServiceAsyncClient(transport=transport)
            answers = [client.analyze_entities(document=plain(ODD)) for _ in range(4)]
            return await asyncio.gather(*answers)

        answers = asyncio.run(analyze())
        self.assertTrue(answers[0].entities)
        self.assertTrue(all(answer == answers[0] for answer in answers))


class Version2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = client_v2()

    def test_entities_have_probabilities_and_sentiment(self):
        answer = self.client.analyze_entities(
            request={"document": plain_v2(ARTICLE), "encoding_type": language_v2.EncodingType.UTF8}
        )
        self.assertEqual((answer.language_code, answer.language_supported), ("de", True))
        self.assertGreater(len(answer.entities), 3)
        for entity in answer.entities:
            self.assertTrue(-1 <= entity.sentiment.score <= 1)
            for mention in entity.mentions:
                self.assertTrue(0 < mention.probability <= 1)
                self.assertEqual(sliced(ARTICLE, mention.text, EncodingType.UTF8), mention.text.content)

    def test_both_versions_say_the_same(self):
        one = client_v1().analyze_entity_sentiment(document=plain(ARTICLE), encoding_type=EncodingType.UTF16)
        two = self.client.analyze_entities(
            document=plain_v2(ARTICLE), encoding_type=language_v2.EncodingType.UTF16
        )

        def told(answer):
            return [
                (e.name, int(e.type_), e.sentiment.score, e.sentiment.magnitude)
                + tuple((m.text.content, m.text.begin_offset, m.sentiment.score) for m in e.mentions)
                for e in answer.entities
            ]

        self.assertEqual(told(one), told(two))
        one = client_v1().analyze_sentiment(document=plain(ARTICLE)).document_sentiment
        two = self.client.analyze_sentiment(document=plain_v2(ARTICLE)).document_sentiment
        self.assertEqual((one.score, one.magnitude), (two.score, two.magnitude))

    def test_a_language_that_is_detected_but_not_supported_is_told(self):
        document = plain_v2("これは日本語の文章です。東京は日本の首都です。", "")
        answer = self.client.analyze_sentiment(document=document)
        self.assertEqual((answer.language_code, answer.language_supported), ("ja", False))

    def test_annotating_gives_all_that_was_asked_for(self):
        features = {"extract_entities": True, "extract_document_sentiment": True}
        answer = self.client.annotate_text(document=plain_v2(ODD), features=features)
        self.assertTrue(answer.entities and answer.sentences)
        self.assertTrue(answer._pb.HasField("document_sentiment"))
        self.assertEqual((answer.language_code, answer.language_supported), ("de", True))

    def test_bad_requests_name_the_field(self):
        cases = [(plain_v2("a", "ja"), "document.language_code"), ({"content": "a"}, "document.type")]
        for document, field in cases:
            with self.assertRaises(exceptions.InvalidArgument) as raised:
                self.client.analyze_sentiment(document=document)
            self.assertEqual(violated(raised.exception), [field])

    def test_what_is_not_offered_says_so(self):
        document = plain_v2("Nora Brandt kam.")
        calls = [
            lambda: self.client.classify_text(document=document),
            lambda: self.client.moderate_text(document=document),
            lambda: self.client.annotate_text(document=document, features={"classify_text": True}),
            lambda: self.client.annotate_text(document=document, features={"moderate_text": True}),
        ]
        for call in calls:
            with self.assertRaises(exceptions.MethodNotImplemented):
                call()


if __name__ == "__main__":
    main()
