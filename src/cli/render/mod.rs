//! Renders answers: as JSON, in colours for a terminal, or as a page of HTML.

mod html;
mod json;
mod pretty;

use std::{
    collections::HashMap,
    io::{self, Write},
    ops::Range,
};

use clap::ValueEnum;

pub use self::{html::Escaped, pretty::visible};

use crate::proto::tagwerk::v1::{
    EntityType, HolderKind, Mention, Polarity, Quote, Span, SpeakerKind, StanceRelation,
    TaggedDocument,
};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The article in colours, with a table of entities
    Pretty,
    /// One line of JSON for each document
    Json,
    /// One page of HTML for all documents
    Html,
}

/// The width of lines where there is no terminal to fill.
const DEFAULT_WIDTH: usize = 100;
/// Longer lines are hard to read on however wide a terminal.
const MAX_WIDTH: usize = 120;
/// Narrower than this, tables no longer fit.
const MIN_WIDTH: usize = 40;

/// The columns to fill: those of the terminal, of `COLUMNS`, or 100.
pub fn terminal_width() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = terminal.or_else(columns).unwrap_or(DEFAULT_WIDTH);
    width.clamp(MIN_WIDTH, MAX_WIDTH)
}

/// Writes tagged documents in one format, one after the other.
pub struct Renderer(Kind);

enum Kind {
    Pretty(pretty::Pretty),
    Json,
    Html(html::Html),
}

impl Renderer {
    /// `width` (in columns) and `coloured` are about the pretty format only.
    pub fn new(format: Format, width: usize, coloured: bool) -> Self {
        Self(match format {
            Format::Pretty => Kind::Pretty(pretty::Pretty::new(width, coloured)),
            Format::Json => Kind::Json,
            Format::Html => Kind::Html(html::Html::default()),
        })
    }

    /// Writes what stands before the first document.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        match &mut self.0 {
            Kind::Html(html) => html.begin(out),
            Kind::Pretty(_) | Kind::Json => Ok(()),
        }
    }

    /// Writes one document. For formats other than JSON the spans must count bytes of `text`; those that do not
    /// fit it are passed over.
    ///
    /// # Errors
    /// Those of the writer. `InvalidData`, with nothing written, where JSON has no name for a value of the answer.
    pub fn document(
        &mut self,
        out: &mut impl Write,
        text: &str,
        tagged: &TaggedDocument,
    ) -> io::Result<()> {
        match &mut self.0 {
            Kind::Pretty(pretty) => pretty.document(out, &Annotated::new(text, tagged)),
            Kind::Json => json::document(out, tagged),
            Kind::Html(html) => html.document(out, &Annotated::new(text, tagged)),
        }
    }

    /// Writes what stands behind the last document.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        match &mut self.0 {
            Kind::Html(html) => html.end(out)?,
            Kind::Pretty(_) | Kind::Json => {}
        }
        out.flush()
    }
}

/// A text with its answer, ready to be walked through. Nothing in the answer is trusted: spans and indices that
/// do not fit are left out.
struct Annotated<'a> {
    text: &'a str,
    tagged: &'a TaggedDocument,
    /// Spans of mentions that fit, in the order of the text, without overlap.
    mentions: Vec<Marked>,
    /// Spans of quotations, likewise.
    quotes: Vec<Marked>,
    /// Indices in `tagged.stances` by target.
    by_target: HashMap<u32, Vec<usize>>,
    /// The byte at which the headline begins.
    headline: Option<usize>,
}

/// A byte range and the index of what it belongs to.
#[derive(Debug, Clone, PartialEq)]
struct Marked {
    range: Range<usize>,
    index: usize,
}

/// A stretch of one line over which nothing begins or ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece<'a> {
    text: &'a str,
    /// The byte of the whole text at which it begins.
    start: usize,
    mention: Option<usize>,
    begins_mention: bool,
    ends_mention: bool,
    quote: Option<usize>,
    ends_quote: bool,
}

/// Who holds a stance, or who speaks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Holder<'a> {
    Mention(usize, &'a Mention),
    Author,
    Unnamed,
}

impl<'a> Annotated<'a> {
    fn new(text: &'a str, tagged: &'a TaggedDocument) -> Self {
        let mut by_target: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, stance) in tagged.stances.iter().enumerate() {
            by_target.entry(stance.target).or_default().push(index);
        }
        Self {
            text,
            tagged,
            mentions: marked(text, tagged.mentions.iter().map(|mention| mention.span)),
            quotes: marked(text, tagged.quotes.iter().map(|quote| quote.span)),
            by_target,
            headline: headline(text),
        }
    }

    fn mention(&self, index: u32) -> Option<(usize, &'a Mention)> {
        let index = index as usize;
        Some((index, self.tagged.mentions.get(index)?))
    }

    fn stances_on(&self, mention: usize) -> impl Iterator<Item = &'a StanceRelation> {
        let indices = u32::try_from(mention)
            .ok()
            .and_then(|mention| self.by_target.get(&mention));
        let stances = &self.tagged.stances;
        indices
            .into_iter()
            .flatten()
            .filter_map(move |&index| stances.get(index))
    }

    fn holder(&self, stance: &StanceRelation) -> Holder<'a> {
        match stance.holder_kind() {
            HolderKind::Author => Holder::Author,
            HolderKind::Mention => self.named(stance.holder),
            HolderKind::Unnamed | HolderKind::Unspecified => Holder::Unnamed,
        }
    }

    fn speaker(&self, quote: &Quote) -> Holder<'a> {
        match quote.speaker_kind() {
            SpeakerKind::Author => Holder::Author,
            SpeakerKind::Mention => self.named(quote.speaker),
            SpeakerKind::Unnamed | SpeakerKind::Unspecified => Holder::Unnamed,
        }
    }

    fn named(&self, mention: Option<u32>) -> Holder<'a> {
        match mention.and_then(|index| self.mention(index)) {
            Some((index, mention)) => Holder::Mention(index, mention),
            None => Holder::Unnamed,
        }
    }

    /// The name of a mention's entity, or the mention's own text where entities were not asked for.
    fn name(&self, mention: &'a Mention) -> &'a str {
        let entity = mention
            .entity
            .and_then(|index| self.tagged.entities.get(index as usize));
        match entity {
            Some(entity) if !entity.name.is_empty() => &entity.name,
            _ => &mention.text,
        }
    }

    /// The lines of the text, each in pieces. A line without text has no piece.
    fn lines(&self) -> Lines<'_> {
        Lines {
            text: self.text,
            at: 0,
            mentions: &self.mentions,
            quotes: &self.quotes,
        }
    }

    /// Whether the text separates its paragraphs by empty lines.
    fn has_empty_lines(&self) -> bool {
        let text = self.text.trim();
        text.lines().any(|line| line.trim().is_empty())
    }

    /// Whether a line reads like a headline.
    fn is_headline(&self, line: &[Piece]) -> bool {
        let start = line.first().map(|piece| piece.start);
        start.is_some() && start == self.headline
    }
}

/// The byte at which the first line that is not blank begins, where it reads like a headline: short, no sentence,
/// and not all there is.
fn headline(text: &str) -> Option<usize> {
    let blank = text.len() - text.trim_start().len();
    let start = text.get(..blank)?.rfind('\n').map_or(0, |at| at + 1);
    let (line, rest) = text.get(start..)?.split_once('\n')?;
    let is_sentence = line.trim_end().ends_with(['.', '!', '?', '…', ':']);
    (line.len() <= 140 && !is_sentence && !rest.trim().is_empty()).then_some(start)
}

/// The spans that fit the text, in its order; of two that overlap the first.
fn marked(text: &str, spans: impl Iterator<Item = Option<Span>>) -> Vec<Marked> {
    let mut fitting: Vec<Marked> = spans
        .enumerate()
        .filter_map(|(index, span)| {
            let range = range(text, span?)?;
            Some(Marked { range, index })
        })
        .collect();
    fitting.sort_by_key(|marked| (marked.range.start, marked.range.end));
    let mut end = 0;
    fitting.retain(|marked| {
        let fits = marked.range.start >= end;
        if fits {
            end = marked.range.end;
        }
        fits
    });
    fitting
}

/// The byte range of a span that selects something of the text and cuts no character.
fn range(text: &str, span: Span) -> Option<Range<usize>> {
    let range = span.start as usize..span.end as usize;
    let selected = text.get(range.clone())?;
    (!selected.is_empty()).then_some(range)
}

struct Lines<'a> {
    text: &'a str,
    at: usize,
    /// Mentions that end behind `at`.
    mentions: &'a [Marked],
    /// Quotations that end behind `at`.
    quotes: &'a [Marked],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Vec<Piece<'a>>;

    fn next(&mut self) -> Option<Vec<Piece<'a>>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        let end = self.at + line.len();
        let mut pieces = Vec::new();
        while self.at < end {
            pieces.extend(self.piece(end));
        }
        // The line feed itself is no text; it may be all that the last piece holds.
        if let Some(last) = pieces.last_mut() {
            last.text = last.text.trim_end_matches(['\r', '\n']);
        }
        if pieces.iter().all(|piece| piece.text.trim().is_empty()) {
            pieces.clear();
        }
        Some(pieces)
    }
}

impl<'a> Lines<'a> {
    /// The piece at `at`, which ends at `line_end` at the latest.
    fn piece(&mut self, line_end: usize) -> Option<Piece<'a>> {
        let (mention, mention_bound) = around(self.mentions, self.at);
        let (quote, quote_bound) = around(self.quotes, self.at);
        let end = line_end.min(mention_bound).min(quote_bound);
        let (start, text) = (self.at, self.text.get(self.at..end));
        let begins = mention.is_some_and(|mention| mention.range.start == self.at);
        let ends = |marked: Option<&Marked>| marked.is_some_and(|marked| marked.range.end == end);
        let (ends_mention, ends_quote) = (ends(mention), ends(quote));
        if ends_mention {
            self.mentions = self.mentions.get(1..).unwrap_or_default();
        }
        if ends_quote {
            self.quotes = self.quotes.get(1..).unwrap_or_default();
        }
        self.at = end;
        Some(Piece {
            text: text?,
            start,
            mention: mention.map(|mention| mention.index),
            begins_mention: begins,
            ends_mention,
            quote: quote.map(|quote| quote.index),
            ends_quote,
        })
    }
}

/// What covers a byte, and the next byte at which that changes.
fn around(marked: &[Marked], at: usize) -> (Option<&Marked>, usize) {
    match marked.first() {
        Some(first) if first.range.start <= at => (Some(first), first.range.end),
        Some(first) => (None, first.range.start),
        None => (None, usize::MAX),
    }
}

/// The short name of a type, in the text and in tables.
pub fn type_tag(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Person => "PER",
        EntityType::Organization => "ORG",
        EntityType::Location => "LOC",
        EntityType::Miscellaneous | EntityType::Unspecified => "MISC",
    }
}

/// The word for a type.
fn type_word(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Person => "person",
        EntityType::Organization => "organisation",
        EntityType::Location => "place",
        EntityType::Miscellaneous | EntityType::Unspecified => "other name",
    }
}

/// The four types in the order of a legend.
const TYPES: [EntityType; 4] = [
    EntityType::Person,
    EntityType::Organization,
    EntityType::Location,
    EntityType::Miscellaneous,
];

fn polarity_word(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Favorable => "favourable",
        Polarity::Unfavorable => "unfavourable",
        Polarity::Neutral | Polarity::Unspecified => "neutral",
    }
}

fn polarity_mark(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Favorable => "▲",
        Polarity::Unfavorable => "▼",
        Polarity::Neutral | Polarity::Unspecified => "●",
    }
}

/// A score in [-1, 1] with its sign and two digits.
pub fn score(value: f32) -> String {
    let hundredths = (value * 100.0).round();
    let sign = match hundredths {
        above if above > 0.0 => "+",
        below if below < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{:.2}", hundredths.abs() / 100.0)
}

/// A share or probability in whole percent, held together by a no-break space.
pub fn percent(value: f32) -> String {
    format!("{:.0}\u{a0}%", value * 100.0)
}

/// How many sentences are favourable, neutral and unfavourable.
fn tones(tagged: &TaggedDocument) -> [usize; 3] {
    let count = |wanted| {
        let sentiments = tagged
            .sentences
            .iter()
            .filter_map(|sentence| sentence.sentiment.as_ref());
        sentiments
            .filter(|sentiment| sentiment.polarity() == wanted)
            .count()
    };
    [
        Polarity::Favorable,
        Polarity::Neutral,
        Polarity::Unfavorable,
    ]
    .map(count)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::proto::tagwerk::v1::{
        Coverage, Entity, EntityStance, Model, PolarityProbabilities, Sentence, Sentiment,
    };
    use proptest::prelude::*;

    /// The span of the first `needle` in a text.
    pub fn find(text: &str, needle: &str) -> Span {
        let start = text.find(needle).unwrap();
        Span {
            start: start as u32,
            end: (start + needle.len()) as u32,
        }
    }

    /// A text of two lines and what a tagger might say of it.
    pub fn example() -> (String, TaggedDocument) {
        let text =
            "Streit in Köln\n„Ein Trauerspiel“, sagte Ada Brehm über die Nordwind AG.".to_owned();
        let mention = |name: &str, entity_type: EntityType, entity| Mention {
            span: Some(find(&text, name)),
            text: name.to_owned(),
            r#type: entity_type.into(),
            entity: Some(entity),
            probability: 0.98,
            stance: None,
        };
        let entity = |name: &str, entity_type: EntityType, mention, salience| Entity {
            name: name.to_owned(),
            r#type: entity_type.into(),
            mentions: vec![mention],
            salience,
            stance: Some(EntityStance {
                polarity: Polarity::Neutral.into(),
                ..Default::default()
            }),
        };
        let mut nordwind = entity("Nordwind AG", EntityType::Organization, 2, 0.5);
        nordwind.stance = Some(EntityStance {
            polarity: Polarity::Unfavorable.into(),
            score: -0.82,
            favorable_count: 0,
            unfavorable_count: 1,
        });
        let tagged = TaggedDocument {
            targets: vec![],
            near_duplicate_key: 0,
            id: "a.txt".to_owned(),
            language: "de".to_owned(),
            language_probability: 0.99,
            mentions: vec![
                mention("Köln", EntityType::Location, 2),
                mention("Ada Brehm", EntityType::Person, 1),
                mention("Nordwind AG", EntityType::Organization, 0),
            ],
            entities: vec![
                nordwind,
                entity("Ada Brehm", EntityType::Person, 1, 0.3),
                entity("Köln", EntityType::Location, 0, 0.2),
            ],
            stances: vec![StanceRelation {
                target: 2,
                holder_kind: HolderKind::Mention.into(),
                holder: Some(1),
                polarity: Polarity::Unfavorable.into(),
                probability: 0.9,
                holder_probability: 0.8,
                evidence: Some(find(&text, text.lines().last().unwrap())),
            }],
            quotes: vec![Quote {
                span: Some(find(&text, "„Ein Trauerspiel“")),
                speaker_kind: SpeakerKind::Mention.into(),
                speaker: Some(1),
            }],
            sentences: vec![Sentence {
                span: Some(find(&text, text.lines().last().unwrap())),
                sentiment: Some(sentiment(Polarity::Unfavorable, -0.7)),
            }],
            sentiment: Some(sentiment(Polarity::Unfavorable, -0.4)),
            coverage: Some(Coverage {
                bytes_read: text.len() as u32,
                bytes_total: text.len() as u32,
                windows: 1,
                truncated: false,
            }),
            model: Some(Model {
                name: "small".to_owned(),
                version: "1.0.0".to_owned(),
                fingerprint: "0123456789abcdef0123".to_owned(),
            }),
        };
        (text, tagged)
    }

    fn sentiment(polarity: Polarity, score: f32) -> Sentiment {
        Sentiment {
            polarity: polarity.into(),
            score,
            probabilities: None,
        }
    }

    /// All documents of one run in one string.
    pub fn render(format: Format, width: usize, documents: &[(&str, &TaggedDocument)]) -> String {
        let mut renderer = Renderer::new(format, width, false);
        let mut out = Vec::new();
        renderer.begin(&mut out).unwrap();
        for (text, tagged) in documents {
            renderer.document(&mut out, text, tagged).unwrap();
        }
        renderer.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_cut_where_something_begins_or_ends() {
        let (text, tagged) = example();
        let annotated = Annotated::new(&text, &tagged);
        let pieces = |line: usize| -> Vec<(&str, Option<usize>, Option<usize>)> {
            let line = annotated.lines().nth(line).unwrap();
            let line = line.into_iter();
            line.map(|piece| (piece.text, piece.mention, piece.quote))
                .collect()
        };
        assert_eq!(
            pieces(0),
            [
                ("Streit in ", None, None),
                ("Köln", Some(0), None),
                ("", None, None)
            ]
        );
        assert_eq!(
            pieces(1),
            [
                ("„Ein Trauerspiel“", None, Some(0)),
                (", sagte ", None, None),
                ("Ada Brehm", Some(1), None),
                (" über die ", None, None),
                ("Nordwind AG", Some(2), None),
                (".", None, None),
            ]
        );
    }

    #[test]
    fn only_a_short_first_line_that_is_no_sentence_is_a_headline() {
        for (text, expected) in [
            ("Streit in Köln\nDer Rat tagt.", [true, false]),
            ("\nStreit in Köln\n", [false, false]),
            ("Der Rat tagt.\nStreit", [false, false]),
        ] {
            let tagged = TaggedDocument::default();
            let annotated = Annotated::new(text, &tagged);
            let found: Vec<bool> = annotated
                .lines()
                .map(|line| annotated.is_headline(&line))
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn spans_that_do_not_fit_the_text_are_left_out() {
        let spans = [(0, 3), (3, 4), (2, 5), (4, 4), (5, 3), (4, 99), (6, 8)];
        let spans = spans.map(|(start, end)| Some(Span { start, end }));
        let found = marked("abcdöfgh", spans.into_iter().chain([None]));
        let found: Vec<(Range<usize>, usize)> = found
            .into_iter()
            .map(|marked| (marked.range, marked.index))
            .collect();
        assert_eq!(found, [(0..3, 0), (3..4, 1), (6..8, 6)]);
    }

    #[test]
    fn scores_have_a_sign_and_two_digits() {
        for (value, shown) in [
            (0.617, "+0.62"),
            (-0.617, "−0.62"),
            (0.0, "0.00"),
            (-0.001, "0.00"),
            (1.0, "+1.00"),
            (f32::NAN, "NaN"),
        ] {
            assert_eq!(score(value), shown);
        }
    }

    /// What one document gives, without the ends of a page.
    fn try_render(
        format: Format,
        width: usize,
        text: &str,
        tagged: &TaggedDocument,
    ) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Renderer::new(format, width, width.is_multiple_of(2)).document(&mut out, text, tagged)?;
        Ok(out)
    }

    prop_compose! {
        fn any_span()(start in 0u32..40, length in 0u32..20) -> Option<Span> {
            Some(Span { start, end: start + length })
        }
    }

    prop_compose! {
        fn any_answer()(
            spans in prop::collection::vec((any_span(), any::<String>(), 0i32..6, prop::option::of(0u32..5)), 0..8),
            stances in prop::collection::vec((0u32..9, 0i32..5, prop::option::of(0u32..9), 0i32..5, any_span()), 0..8),
            quotes in prop::collection::vec((any_span(), 0i32..5, prop::option::of(0u32..9)), 0..5),
            names in prop::collection::vec((any::<String>(), 0i32..6, any::<f32>(), prop::collection::vec(0u32..9, 0..4)), 0..5),
            strings in any::<(String, String, String)>(),
            value in any::<f32>(),
        ) -> TaggedDocument {
            TaggedDocument {
                targets: vec![],
                near_duplicate_key: 0,
                id: strings.0,
                language: strings.1.clone(),
                language_probability: value,
                mentions: spans.into_iter().map(|(span, text, kind, entity)| Mention {
                    span, text, r#type: kind, entity, probability: value, stance: None,
                }).collect(),
                entities: names.into_iter().map(|(name, kind, salience, mentions)| Entity {
                    name, r#type: kind, mentions, salience, stance: Some(EntityStance { score: value, ..Default::default() }),
                }).collect(),
                stances: stances.into_iter().map(|(target, holder_kind, holder, polarity, evidence)| StanceRelation {
                    target, holder_kind, holder, polarity, probability: value, holder_probability: value, evidence,
                }).collect(),
                quotes: quotes.iter().map(|&(span, speaker_kind, speaker)| Quote { span, speaker_kind, speaker }).collect(),
                sentences: quotes.into_iter().map(|(span, polarity, _)| Sentence {
                    span, sentiment: Some(Sentiment { polarity, score: value, probabilities: Some(PolarityProbabilities::default()) }),
                }).collect(),
                sentiment: None,
                coverage: None,
                model: Some(Model { name: strings.1, version: String::new(), fingerprint: strings.2 }),
            }
        }
    }

    proptest! {
        #[test]
        fn any_answer_to_any_text_is_rendered(text in "(\\PC|[\n\r\t \u{0}\u{1b}\u{301}\u{200d}<&])*", tagged in any_answer(), width in 0usize..200) {
            for format in [Format::Pretty, Format::Html] {
                prop_assert!(!try_render(format, width, &text, &tagged).unwrap().is_empty());
            }
            // JSON has no names for numbers that the protocol does not define.
            let error = try_render(Format::Json, width, &text, &tagged).err();
            prop_assert!(error.is_none_or(|error| error.kind() == io::ErrorKind::InvalidData));
        }

        #[test]
        fn pieces_put_together_are_the_line(text in "[a-zö„“ \n]{0,60}", tagged in any_answer()) {
            let annotated = Annotated::new(&text, &tagged);
            let lines: Vec<String> = annotated
                .lines()
                .map(|line| line.iter().map(|piece| piece.text).collect())
                .collect();
            let expected: Vec<&str> = text.lines().map(|line| if line.trim().is_empty() { "" } else { line }).collect();
            prop_assert_eq!(lines, expected);
        }
    }
}
