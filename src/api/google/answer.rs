//! What an answer says, whichever version puts it into messages.

use super::{
    super::convert::rounded,
    question::{Question, Source},
};
use crate::{
    pipeline::{
        document::{self, EntityType, Judgement, TaggedDocument},
        text::{Offsets, Span},
    },
    proto::google::language::v1::entity::Type,
};

/// The offset where none are asked for.
const NO_OFFSET: i32 = -1;

/// The parts of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The language given, or detected.
    pub(super) language: String,
    /// Whether the model lists it.
    pub(super) language_supported: bool,
    /// By falling salience.
    pub(super) entities: Vec<Entity>,
    /// In the order of the text.
    pub(super) sentences: Vec<Sentence>,
    /// The tone of the document, where it was asked for.
    pub(super) sentiment: Option<Sentiment>,
}

/// One thing that the document names.
#[derive(Debug, PartialEq)]
pub(super) struct Entity {
    pub(super) name: String,
    /// The number of its type, the same in both versions.
    pub(super) kind: i32,
    pub(super) salience: f32,
    pub(super) mentions: Vec<Mention>,
    pub(super) sentiment: Option<Sentiment>,
}

/// A place where it is named.
#[derive(Debug, PartialEq)]
pub(super) struct Mention {
    pub(super) text: TextSpan,
    pub(super) probability: f32,
    pub(super) sentiment: Option<Sentiment>,
}

/// A sentence with its tone.
#[derive(Debug, PartialEq)]
pub(super) struct Sentence {
    pub(super) text: TextSpan,
    pub(super) sentiment: Sentiment,
}

/// Characters, and where they begin.
#[derive(Debug, PartialEq)]
pub(super) struct TextSpan {
    pub(super) content: String,
    pub(super) begin_offset: i32,
}

/// A tone or stance: its direction in [-1, 1], and how much of it there is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sentiment {
    pub(super) score: f32,
    pub(super) magnitude: f32,
}

impl Sentiment {
    /// That of one sentence or mention: as much of it as it is one-sided.
    fn of(judgement: Option<Judgement>) -> Self {
        let score = judgement.map_or(0.0, |judgement| judgement.distribution.score());
        Self {
            score: rounded(score),
            magnitude: rounded(score.abs()),
        }
    }

    /// That of a whole: its own score, and all that there is in its parts.
    fn over(score: f32, parts: impl Iterator<Item = Self>) -> Self {
        Self {
            score: rounded(score),
            magnitude: rounded(parts.map(|part| part.magnitude).sum()),
        }
    }
}

impl Answer {
    /// What is told of a tagged document.
    pub(super) fn new(
        tagged: &TaggedDocument,
        question: &Question,
        source: &Source,
        supported: &[String],
    ) -> Self {
        let offsets = question
            .unit
            .map(|unit| Offsets::new(&source.submitted, unit));
        let spans = Spans {
            tagged,
            source,
            offsets,
        };
        let with_stances = question.features.stances;
        let entities = tagged.entities.iter();
        let sentences: Vec<Sentence> = tagged
            .sentences
            .iter()
            .map(|sentence| Sentence {
                text: spans.text_span(sentence.span),
                sentiment: Sentiment::of(sentence.sentiment),
            })
            .collect();
        let sentiment = question.features.sentiment.then(|| {
            let score = Sentiment::of(tagged.sentiment).score;
            Sentiment::over(score, sentences.iter().map(|sentence| sentence.sentiment))
        });
        let language = match question.language.as_str() {
            "" => &tagged.language,
            given => given,
        };
        Self {
            language: language.to_owned(),
            language_supported: supported.contains(&tagged.language),
            entities: entities.map(|e| spans.entity(e, with_stances)).collect(),
            sentences,
            sentiment,
        }
    }
}

/// Where the spans of a document stand in what was submitted.
struct Spans<'a> {
    tagged: &'a TaggedDocument,
    source: &'a Source,
    offsets: Option<Offsets<'a>>,
}

impl Spans<'_> {
    fn text_span(&self, span: Span) -> TextSpan {
        TextSpan {
            content: self.tagged.text.slice(span).to_owned(),
            begin_offset: self.begin_offset(span),
        }
    }

    fn begin_offset(&self, span: Span) -> i32 {
        let Some(offsets) = &self.offsets else {
            return NO_OFFSET;
        };
        let at = self.source.origin(span.start());
        let begin = offsets.convert(self.source.submitted.span_around(at..at));
        i32::try_from(begin.start).unwrap_or(i32::MAX)
    }

    fn entity(&self, entity: &document::Entity, with_stances: bool) -> Entity {
        let mentions: Vec<Mention> = entity
            .mentions
            .iter()
            .filter_map(|&index| self.tagged.mentions.get(index))
            .map(|mention| Mention {
                text: self.text_span(mention.span),
                probability: rounded(mention.probability),
                sentiment: with_stances.then(|| Sentiment::of(mention.stance)),
            })
            .collect();
        let sentiment = with_stances.then(|| {
            let score = entity.stance.map_or(0.0, |stance| stance.score);
            Sentiment::over(score, mentions.iter().filter_map(|m| m.sentiment))
        });
        Entity {
            name: entity.name.clone(),
            kind: kind(entity.entity_type).into(),
            salience: rounded(entity.salience),
            mentions,
            sentiment,
        }
    }
}

fn kind(entity_type: EntityType) -> Type {
    match entity_type {
        EntityType::Person => Type::Person,
        EntityType::Location => Type::Location,
        EntityType::Organization => Type::Organization,
        EntityType::Miscellaneous => Type::Other,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{
        super::question::{Analyses, Content, Submitted},
        *,
    };
    use crate::{
        api::status::Surface,
        pipeline::document::{Coverage, Distribution, EntityStance, Polarity},
    };

    const PLAIN: i32 = 1;
    const HTML: i32 = 2;
    const UTF16: i32 = 2;

    fn judgement(favorable: f32, unfavorable: f32) -> Judgement {
        let distribution = Distribution {
            favorable,
            neutral: 1.0 - favorable - unfavorable,
            unfavorable,
        };
        Judgement {
            polarity: distribution.polarity(),
            distribution,
        }
    }

    /// What was asked, and a document in which each of these words names an entity of its own and each line is a
    /// sentence.
    struct Case {
        question: Question,
        source: Source,
        tagged: TaggedDocument,
    }

    impl Case {
        fn new(
            content: &str,
            kind: i32,
            encoding: i32,
            analyses: Analyses,
            words: &[&str],
        ) -> Self {
            let submitted = Submitted {
                kind,
                content: Some(Content::Inline(content.into())),
                language: String::new(),
            };
            let question = Question::new(Surface::GoogleV1, Some(submitted), encoding, analyses);
            let mut question = question.unwrap();
            let source = Source::read(&mut question).unwrap();
            let text = source.text().clone();
            let span = |part: &str| {
                let at = text.as_str().find(part).unwrap();
                text.span(at..at + part.len()).unwrap()
            };
            let mention = |(index, word): (usize, &&str)| document::Mention {
                span: span(word),
                entity_type: EntityType::ALL[index],
                probability: 0.912_345,
                entity: Some(index),
                stance: Some(judgement(0.0, 0.25)),
            };
            let entity = |(index, word): (usize, &&str)| document::Entity {
                name: (*word).to_owned(),
                entity_type: EntityType::ALL[index],
                mentions: vec![index],
                salience: 0.5,
                stance: Some(EntityStance {
                    polarity: Polarity::Unfavorable,
                    score: -0.25,
                    favorable_count: 0,
                    unfavorable_count: 1,
                }),
            };
            let sentences = text.as_str().lines().filter(|line| !line.is_empty());
            let tagged = TaggedDocument {
                id: String::new(),
                offset_unit: document::TagOptions::default().offset_unit,
                language: "de".into(),
                language_probability: 1.0,
                mentions: words.iter().enumerate().map(mention).collect(),
                entities: words.iter().enumerate().map(entity).collect(),
                stances: Vec::new(),
                quotes: Vec::new(),
                sentences: sentences
                    .map(|line| document::Sentence {
                        span: span(line),
                        sentiment: Some(judgement(0.5, 0.0)),
                    })
                    .collect(),
                sentiment: Some(judgement(0.125, 0.0)),
                coverage: Coverage::default(),
                targets: Vec::new(),
                near_duplicate_key: 0,
                read: Instant::now(),
                text,
            };
            Self {
                question,
                source,
                tagged,
            }
        }

        fn answer(&self) -> Answer {
            let supported = ["de".to_owned()];
            Answer::new(&self.tagged, &self.question, &self.source, &supported)
        }

        fn places(&self) -> Vec<(String, i32)> {
            let mentions = self.answer().entities.into_iter().flat_map(|e| e.mentions);
            mentions
                .map(|mention| (mention.text.content, mention.text.begin_offset))
                .collect()
        }
    }

    #[test]
    fn each_type_has_its_number() {
        for (entity_type, number) in [
            (EntityType::Person, 1),
            (EntityType::Location, 2),
            (EntityType::Organization, 3),
            (EntityType::Miscellaneous, 7),
        ] {
            assert_eq!(i32::from(kind(entity_type)), number);
        }
    }

    #[test]
    fn offsets_count_in_the_unit_of_the_encoding_type() {
        // "🙂" has one code point, two units of UTF-16 and four bytes; "ö" has two bytes.
        let text = "🙂 Köhler Roth";
        for (encoding, begins) in [(0, [-1, -1]), (1, [5, 13]), (2, [3, 10]), (3, [2, 9])] {
            let words = ["Köhler", "Roth"];
            let case = Case::new(text, PLAIN, encoding, Analyses::ENTITIES, &words);
            let expected = words.map(str::to_owned).into_iter().zip(begins);
            assert_eq!(case.places(), expected.collect::<Vec<_>>(), "{encoding}");
        }
    }

    #[test]
    fn offsets_of_html_count_in_the_html_and_contents_are_what_it_shows() {
        let html = "<p>🙂 <b>K&ouml;hler</b></p>\n<p>Nora\n  Roth";
        let words = ["Köhler", "Nora Roth"];
        let case = Case::new(html, HTML, UTF16, Analyses::ENTITIES, &words);
        let expected = [("Köhler".to_owned(), 9), ("Nora Roth".to_owned(), 32)];
        assert_eq!(case.places(), expected);
    }

    #[test]
    fn magnitudes_are_the_sum_of_their_parts() {
        let analyses = Analyses {
            sentiment: true,
            ..Analyses::ENTITY_SENTIMENT
        };
        let answer = Case::new("Roth kam.\nUnd ging.", PLAIN, 0, analyses, &["Roth"]).answer();
        let sentiment = |score, magnitude| Sentiment { score, magnitude };
        let sentences: Vec<Sentiment> = answer.sentences.iter().map(|s| s.sentiment).collect();
        assert_eq!(sentences, [sentiment(0.5, 0.5); 2]);
        assert_eq!(answer.sentiment, Some(sentiment(0.125, 1.0)));
        assert_eq!(answer.entities[0].sentiment, Some(sentiment(-0.25, 0.25)));
        let mention = &answer.entities[0].mentions[0];
        assert_eq!(mention.sentiment, Some(sentiment(-0.25, 0.25)));
        assert_eq!(mention.probability, 0.9123);
    }

    #[test]
    fn sentiment_that_was_not_asked_for_is_not_told() {
        let answer = Case::new("Roth kam.", PLAIN, 0, Analyses::ENTITIES, &["Roth"]).answer();
        assert_eq!(answer.sentiment, None);
        assert_eq!(answer.entities[0].sentiment, None);
        assert_eq!(answer.entities[0].mentions[0].sentiment, None);
    }

    #[test]
    fn an_empty_text_is_neutral() {
        let mut case = Case::new("", PLAIN, 0, Analyses::SENTIMENT, &[]);
        case.tagged.sentiment = None;
        assert_eq!(case.answer().sentiment, Some(Sentiment::default()));
    }

    #[test]
    fn the_language_is_the_tag_that_was_given_or_the_one_detected() {
        let mut case = Case::new("a", PLAIN, 0, Analyses::ENTITIES, &[]);
        let told = |case: &Case| {
            let answer = case.answer();
            (answer.language, answer.language_supported)
        };
        assert_eq!(told(&case), ("de".into(), true));
        case.question.language = "de-AT".into();
        assert_eq!(told(&case), ("de-AT".into(), true));
        case.question.language = String::new();
        case.tagged.language = "ja".into();
        assert_eq!(told(&case), ("ja".into(), false));
    }
}
