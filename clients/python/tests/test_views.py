"""Tagged documents as HTML, as data frames and in spaCy."""

import html
import importlib.util
import re
import unittest

import tagwerk
from tagwerk.v1 import document_pb2

TEXT = 'Müller <script>alert(1)</script> & Söhne lobt die "Vela" 😀.'


def tagged(text=TEXT, language="de"):
    """A document in which Müller, in a quote of Vela's, praises Vela. No server is needed for it."""

    def span(part):
        start = text.index(part)
        return document_pb2.Span(start=start, end=start + len(part))

    favorable = document_pb2.PolarityProbabilities(favorable=0.75, neutral=0.25)
    raw = document_pb2.TaggedDocument(
        id='"><b>',
        language=language,
        mentions=[
            document_pb2.Mention(
                span=span("Müller <script>"),
                text="Müller <script>",
                type=document_pb2.ENTITY_TYPE_PERSON,
                probability=0.5,
                entity=0,
                stance=document_pb2.Stance(polarity=document_pb2.POLARITY_NEUTRAL),
            ),
            document_pb2.Mention(
                span=span("Vela"),
                text="Vela",
                type=document_pb2.ENTITY_TYPE_ORGANIZATION,
                probability=1,
                entity=1,
                stance=document_pb2.Stance(
                    polarity=document_pb2.POLARITY_FAVORABLE, score=0.75, probabilities=favorable
                ),
            ),
        ],
        entities=[
            document_pb2.Entity(
                name="Müller <script>", type=document_pb2.ENTITY_TYPE_PERSON, mentions=[0], salience=0.5
            ),
            document_pb2.Entity(
                name="Vela",
                type=document_pb2.ENTITY_TYPE_ORGANIZATION,
                mentions=[1],
                salience=0.5,
                stance=document_pb2.EntityStance(
                    polarity=document_pb2.POLARITY_FAVORABLE, score=0.75, favorable_count=1
                ),
            ),
        ],
        stances=[
            document_pb2.StanceRelation(
                target=1,
                holder_kind=document_pb2.HOLDER_KIND_MENTION,
                holder=0,
                polarity=document_pb2.POLARITY_FAVORABLE,
                probability=0.75,
                holder_probability=0.5,
                evidence=span('lobt die "Vela"'),
            )
        ],
        # It begins within the mention and ends behind it.
        quotes=[
            document_pb2.Quote(span=span('<script>alert(1)</script> & Söhne lobt die "Vela"'), speaker_kind=2),
        ],
        sentences=[document_pb2.Sentence(span=span(text))],
    )
    return tagwerk.TaggedDocument(text, raw)


class Html(unittest.TestCase):
    def test_nothing_of_the_text_or_the_answer_becomes_markup(self):
        for page in (tagwerk.render(tagged(), page=True), tagged().render(), tagged(language='"><b>')._repr_html_()):
            self.assertNotIn("<script", page)
            self.assertNotIn('<b>"', page)
            self.assertNotIn('"><b>', page)
            self.assertEqual(re.findall(r"(?:src|href)=|url\(|@import", page), [])

    def test_the_text_is_there_whole(self):
        for text in (TEXT, TEXT + "\r\n\n Zweiter  Absatz &amp; <b>"):
            (paragraph,) = re.findall(r"<p [^>]*>(.*?)</p>", tagged(text).render(), re.DOTALL)
            shown = html.unescape(re.sub(r"<small>.*?</small>|<[^>]*>", "", paragraph))
            self.assertEqual(shown, text)

    def test_what_html_does_not_allow_is_replaced(self):
        self.assertIn("Guten\ufffd Tag", tagwerk.TaggedDocument("Guten\0 Tag", document_pb2.TaggedDocument()).render())

    def test_elements_never_cross(self):
        open_elements = []
        for closes, name in re.findall(r"<(/?)(p|q|mark|small)\b", tagged().render()):
            if closes:
                self.assertEqual(open_elements.pop(), name)
            else:
                open_elements.append(name)
        self.assertEqual(open_elements, [])

    def test_a_page_is_one_and_a_fragment_is_none(self):
        self.assertTrue(tagged().render(page=True).startswith("<!DOCTYPE html>"))
        self.assertTrue(tagged().render().startswith("<div"))


@unittest.skipUnless(importlib.util.find_spec("pandas"), "pandas is not installed")
class Pandas(unittest.TestCase):
    def test_each_mention_entity_and_stance_has_its_row(self):
        mentions, entities, stances, _ = tagwerk.to_pandas([tagged(), tagged()])
        self.assertEqual((len(mentions), len(entities), len(stances)), (4, 4, 2))
        row = mentions.iloc[3]
        self.assertEqual((row.document, row.text, row.type, row.entity), (1, "Vela", "ORGANIZATION", 1))
        self.assertEqual((row.polarity, row.score, row.holder), ("FAVORABLE", 0.75, "Müller <script>"))
        self.assertEqual(TEXT[row.start : row.end], "Vela")
        row = stances.iloc[0]
        self.assertEqual((row.holder, row.target, row.polarity), ("Müller <script>", "Vela", "FAVORABLE"))
        self.assertEqual(row.evidence, 'lobt die "Vela"')
        self.assertEqual(list(entities.favorable.fillna(0)), [0, 1, 0, 1])

    def test_columns_and_their_types_do_not_hang_on_the_documents(self):
        empty = tagwerk.TaggedDocument("", document_pb2.TaggedDocument())
        for none, some in zip(empty.to_pandas(), tagged().to_pandas()):
            self.assertEqual(list(none.columns), list(some.columns))
            self.assertEqual(list(none.dtypes), list(some.dtypes))
            self.assertEqual(len(none), 0)


@unittest.skipUnless(importlib.util.find_spec("spacy"), "spaCy is not installed")
class Spacy(unittest.TestCase):
    def test_a_doc_has_the_spans_and_what_is_known_of_them(self):
        document = tagged()
        doc = document.to_spacy()
        self.assertEqual((doc.text, doc.lang_), (TEXT, "de"))
        self.assertIs(doc._.tagwerk, document)
        # The tokeniser does not part "<script>alert(1)</script>": the span grows to whole tokens.
        self.assertEqual([span.label_ for span in doc.spans["mentions"]], ["PERSON", "ORGANIZATION"])
        vela = doc.spans["mentions"][1]
        self.assertEqual((vela.text, vela._.polarity, vela._.holder), ("Vela", "FAVORABLE", "Müller <script>"))
        self.assertEqual([entity.label_ for entity in doc.ents], ["PERSON", "ORGANIZATION"])
        self.assertEqual([span._.target for span in doc.spans["evidence"]], ["Vela"])
        self.assertEqual((len(doc.spans["quotes"]), len(doc.spans["sentences"])), (1, 1))

    def test_a_language_that_spacy_lacks_and_none_have_a_doc(self):
        for language in ("und", "", "tlh", "pt-BR"):
            self.assertEqual(tagged(language=language).to_spacy().text, TEXT)


if __name__ == "__main__":
    unittest.main()
