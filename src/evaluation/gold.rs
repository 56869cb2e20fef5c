//! Gold files: texts with the annotation that predictions are measured against.
//!
//! JSON lines with offsets in code points, or tab-separated sentences with their tone. A file is read line by line;
//! a line that is wrong ends the reading with an error that names it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;

use crate::pipeline::document::{EntityType, Holder, Polarity};
use crate::pipeline::text::{Span, Text};

/// A text with its annotation.
#[derive(Debug, Clone)]
pub struct GoldText {
    /// Line of the file, counted from 1.
    pub line: usize,
    /// Language as the file gives it.
    pub language: String,
    /// Domain, for example "politik", where the file gives one.
    pub domain: Option<String>,
    /// The text.
    pub text: Text,
    /// The layers that are annotated completely. Others are not measured.
    pub layers: Layers,
    /// Mentions and topics in the order of the text.
    pub mentions: Vec<GoldMention>,
    /// Stances; empty unless annotated.
    pub stances: Vec<GoldStance>,
    /// Quotations in the order of the text; empty unless annotated.
    pub quotes: Vec<GoldQuote>,
    /// Tone of the whole text; absent unless annotated.
    pub tone: Option<Polarity>,
}

/// Layers of annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layers {
    /// All named-entity mentions.
    pub entities: bool,
    /// The polarity toward some mentions.
    pub polarity: bool,
    /// All stances with their holders.
    pub stances: bool,
    /// All quotations with their speakers.
    pub quotes: bool,
    /// The tone of the text.
    pub tone: bool,
}

/// A span that names an entity, or a topic that a stance is about.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldMention {
    /// Id in the file, unique in the text.
    pub id: u32,
    /// Where it stands; never empty.
    pub span: Span,
    /// What it names; absent where the corpus gives no types.
    pub entity_type: Option<GoldType>,
    /// The polarity toward it. Absent where it is not annotated and where stances of both signs are.
    pub polarity: Option<Polarity>,
}

/// What a gold mention names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoldType {
    /// An entity.
    Entity(EntityType),
    /// A common noun that a stance is about: a target, but no entity and never a holder.
    Topic,
}

/// An annotated stance. Indices are those of [`GoldText::mentions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoldStance {
    /// Whose stance it is.
    pub holder: Holder,
    /// What it is about.
    pub target: usize,
    /// Favourable or unfavourable.
    pub polarity: Polarity,
}

/// An annotated quotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoldQuote {
    /// The passage with its marks.
    pub span: Span,
    /// Who speaks; an index is one of [`GoldText::mentions`].
    pub speaker: Holder,
}

/// Why a gold file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// The file does not open.
    #[error("{file}: {source}")]
    Open {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{file}:{line}: {fault}")]
    Line {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: GoldFault,
    },
}

/// What is wrong with a line of a gold file.
#[derive(Debug, thiserror::Error)]
pub enum GoldFault {
    /// Reading failed, or the line is not UTF-8.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The line is not the JSON that is wanted.
    #[error("column {column}: {message}")]
    Json {
        /// Byte of the line, counted from 1.
        column: usize,
        /// What was expected there.
        message: String,
    },
    /// The line does not have three columns.
    #[error("not of the form language<TAB>neg|neu|pos<TAB>sentence")]
    Columns,
    /// The tone is annotated but not given.
    #[error("\"tone\" is annotated but missing")]
    MissingTone,
    /// The text is larger than 4 GiB.
    #[error("the text is larger than 4 GiB")]
    TooLarge,
    /// An offset is out of bounds, or the span is empty or reversed.
    #[error("span {start}..{end} is empty or outside the text of {length} code points")]
    Span {
        /// First code point.
        start: usize,
        /// Code point behind the last.
        end: usize,
        /// Code points of the text.
        length: usize,
    },
    /// Two mentions have the same id.
    #[error("two mentions have the id {0}")]
    DuplicateId(u32),
    /// A stance or quotation refers to a mention that is not there.
    #[error("there is no mention with the id {0}")]
    UnknownId(u32),
    /// A mention holds a stance toward itself.
    #[error("mention {0} is its own holder")]
    OwnHolder(u32),
}

/// A selection of lines, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// The first line.
    pub first: usize,
    /// The last line.
    pub last: usize,
}

impl Lines {
    /// Every line.
    pub const ALL: Self = Self {
        first: 1,
        last: usize::MAX,
    };

    /// Whether a line is selected.
    pub fn contains(self, line: usize) -> bool {
        (self.first..=self.last).contains(&line)
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::ALL
    }
}

/// A selection of lines that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a selection of lines such as 3601-5100, 3601- or 42, counted from 1")]
pub struct LinesError(String);

impl FromStr for Lines {
    type Err = LinesError;

    fn from_str(selection: &str) -> Result<Self, LinesError> {
        let bound = |digits: &str| digits.trim().parse::<usize>().ok();
        let lines = match selection.split_once('-') {
            None => bound(selection).map(|line| Self {
                first: line,
                last: line,
            }),
            Some((first, "")) => bound(first).map(|first| Self { first, ..Self::ALL }),
            Some((first, last)) => bound(first)
                .zip(bound(last))
                .map(|(first, last)| Self { first, last }),
        };
        lines
            .filter(|lines| 1 <= lines.first && lines.first <= lines.last)
            .ok_or_else(|| LinesError(selection.to_owned()))
    }
}

/// How the lines of a gold file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoldFormat {
    /// One JSON object a line.
    JsonLines,
    /// Language, tone (neg, neu or pos) and sentence, separated by tabs.
    ToneTable,
}

impl GoldFormat {
    /// The format that a file's name tells: [`GoldFormat::ToneTable`] for `.tsv`, else JSON lines.
    pub fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("tsv") => Self::ToneTable,
            _ => Self::JsonLines,
        }
    }
}

/// Reads a gold file line by line and yields the selected texts. Blank lines count as lines but hold no text.
///
/// Lines outside the selection are read and checked too, since [`GoldReader::unmarked_types`] speaks of the whole
/// file. Ends after the first error.
#[derive(Debug)]
pub struct GoldReader<R> {
    source: R,
    file: String,
    format: GoldFormat,
    lines: Lines,
    line: usize,
    ended: bool,
    has_entities: bool,
    has_miscellaneous: bool,
}

impl GoldReader<BufReader<File>> {
    /// Opens a file; its name tells the format.
    pub fn open(path: &Path, lines: Lines) -> Result<Self, GoldError> {
        let file = path.display().to_string();
        match File::open(path) {
            Ok(source) => Ok(Self::new(
                BufReader::new(source),
                file,
                GoldFormat::of(path),
                lines,
            )),
            Err(source) => Err(GoldError::Open { file, source }),
        }
    }
}

impl<R: BufRead> GoldReader<R> {
    /// Reads from `source`; errors call it `file`.
    pub fn new(source: R, file: String, format: GoldFormat, lines: Lines) -> Self {
        Self {
            source,
            file,
            format,
            lines,
            line: 0,
            ended: false,
            has_entities: false,
            has_miscellaneous: false,
        }
    }

    /// MISC, where entities are annotated but none of them is MISC in what was read so far: such a corpus does not
    /// know the type. To be asked at the end of the file. Other types are never guessed to be missing.
    pub fn unmarked_types(&self) -> Vec<EntityType> {
        if self.has_entities && !self.has_miscellaneous {
            vec![EntityType::Miscellaneous]
        } else {
            Vec::new()
        }
    }

    fn read(&mut self) -> Result<Option<GoldText>, GoldFault> {
        let mut line = String::new();
        loop {
            line.clear();
            self.line += 1;
            if self.source.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let content = line
                .trim_start_matches('\u{feff}')
                .trim_end_matches(['\n', '\r']);
            if content.trim().is_empty() {
                continue;
            }
            let gold = match self.format {
                GoldFormat::JsonLines => parse_json(content, self.line)?,
                GoldFormat::ToneTable => parse_tone(content, self.line)?,
            };
            self.note_types(&gold);
            if self.lines.contains(self.line) {
                return Ok(Some(gold));
            }
        }
    }

    fn note_types(&mut self, gold: &GoldText) {
        let miscellaneous = Some(GoldType::Entity(EntityType::Miscellaneous));
        self.has_entities |= gold.layers.entities;
        self.has_miscellaneous |= gold
            .mentions
            .iter()
            .any(|mention| mention.entity_type == miscellaneous);
    }
}

impl<R: BufRead> Iterator for GoldReader<R> {
    type Item = Result<GoldText, GoldError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(Some(gold)) => Some(Ok(gold)),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(fault) => {
                self.ended = true;
                Some(Err(GoldError::Line {
                    file: self.file.clone(),
                    line: self.line,
                    fault,
                }))
            }
        }
    }
}

#[derive(Deserialize)]
struct Record {
    lang: String,
    text: String,
    domain: Option<String>,
    annotated: Vec<LayerName>,
    #[serde(default)]
    entities: Vec<MentionRecord>,
    #[serde(default)]
    stances: Vec<StanceRecord>,
    #[serde(default)]
    quotes: Vec<QuoteRecord>,
    tone: Option<Sign>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum LayerName {
    Entities,
    Polarity,
    Stances,
    Quotes,
    Tone,
}

#[derive(Deserialize)]
struct MentionRecord {
    id: u32,
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    label: Option<TypeLabel>,
    polarity: Option<Sign>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum TypeLabel {
    Per,
    Org,
    Loc,
    Misc,
    Topic,
}

#[derive(Deserialize)]
struct StanceRecord {
    holder: HolderRecord,
    target: u32,
    polarity: StanceSign,
}

#[derive(Deserialize)]
struct QuoteRecord {
    speaker: HolderRecord,
    start: usize,
    end: usize,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum HolderRecord {
    Id(u32),
    Kind(HolderKind),
}

#[derive(Deserialize, Clone, Copy)]
enum HolderKind {
    A,
    U,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Sign {
    Negative,
    Neutral,
    Positive,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum StanceSign {
    Negative,
    Positive,
}

impl From<Sign> for Polarity {
    fn from(sign: Sign) -> Self {
        match sign {
            Sign::Negative => Self::Unfavorable,
            Sign::Neutral => Self::Neutral,
            Sign::Positive => Self::Favorable,
        }
    }
}

impl From<StanceSign> for Polarity {
    fn from(sign: StanceSign) -> Self {
        match sign {
            StanceSign::Negative => Self::Unfavorable,
            StanceSign::Positive => Self::Favorable,
        }
    }
}

impl From<TypeLabel> for GoldType {
    fn from(label: TypeLabel) -> Self {
        match label {
            TypeLabel::Per => Self::Entity(EntityType::Person),
            TypeLabel::Org => Self::Entity(EntityType::Organization),
            TypeLabel::Loc => Self::Entity(EntityType::Location),
            TypeLabel::Misc => Self::Entity(EntityType::Miscellaneous),
            TypeLabel::Topic => Self::Topic,
        }
    }
}

fn parse_tone(content: &str, line: usize) -> Result<GoldText, GoldFault> {
    let mut columns = content.splitn(3, '\t');
    let (Some(language), Some(tone), Some(sentence)) =
        (columns.next(), columns.next(), columns.next())
    else {
        return Err(GoldFault::Columns);
    };
    let tone = match tone {
        "neg" => Polarity::Unfavorable,
        "neu" => Polarity::Neutral,
        "pos" => Polarity::Favorable,
        _ => return Err(GoldFault::Columns),
    };
    Ok(GoldText {
        line,
        language: language.to_owned(),
        domain: None,
        text: Text::new(sentence).ok_or(GoldFault::TooLarge)?,
        layers: Layers {
            tone: true,
            ..Layers::default()
        },
        mentions: Vec::new(),
        stances: Vec::new(),
        quotes: Vec::new(),
        tone: Some(tone),
    })
}

fn parse_json(content: &str, line: usize) -> Result<GoldText, GoldFault> {
    let record: Record = serde_json::from_str(content).map_err(json_fault)?;
    let layers = layers(&record.annotated);
    let text = Text::new(record.text).ok_or(GoldFault::TooLarge)?;
    let points = CodePoints::new(&text);
    let mut mentions = mentions(&points, &record.entities, layers)?;
    let indices = indices(&mentions)?;
    let stances = if layers.stances {
        stances(&record.stances, &indices)?
    } else {
        Vec::new()
    };
    if layers.stances {
        judge_by_stances(&mut mentions, &stances);
    }
    let quotes = if layers.quotes {
        quotes(&points, &record.quotes, &indices)?
    } else {
        Vec::new()
    };
    let tone = record.tone.filter(|_| layers.tone).map(Polarity::from);
    if layers.tone && tone.is_none() {
        return Err(GoldFault::MissingTone);
    }
    Ok(GoldText {
        line,
        language: record.lang,
        domain: record.domain.filter(|domain| !domain.is_empty()),
        layers,
        mentions,
        stances,
        quotes,
        tone,
        text,
    })
}

/// The parser counts lines within its input, which is one line: only the column is of use.
fn json_fault(error: serde_json::Error) -> GoldFault {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(what, _)| what);
    GoldFault::Json {
        column: error.column(),
        message: message.to_owned(),
    }
}

fn layers(annotated: &[LayerName]) -> Layers {
    let has = |layer| annotated.contains(&layer);
    Layers {
        entities: has(LayerName::Entities),
        polarity: has(LayerName::Polarity),
        stances: has(LayerName::Stances),
        quotes: has(LayerName::Quotes),
        tone: has(LayerName::Tone),
    }
}

fn mentions(
    points: &CodePoints,
    records: &[MentionRecord],
    layers: Layers,
) -> Result<Vec<GoldMention>, GoldFault> {
    let mut mentions = Vec::with_capacity(records.len());
    for record in records {
        mentions.push(GoldMention {
            id: record.id,
            span: points.span(record.start, record.end)?,
            entity_type: record.label.map(GoldType::from),
            polarity: record
                .polarity
                .filter(|_| layers.polarity)
                .map(Polarity::from),
        });
    }
    mentions.sort_by_key(|mention| (mention.span, mention.id));
    Ok(mentions)
}

fn indices(mentions: &[GoldMention]) -> Result<HashMap<u32, usize>, GoldFault> {
    let mut indices = HashMap::with_capacity(mentions.len());
    for (index, mention) in mentions.iter().enumerate() {
        if indices.insert(mention.id, index).is_some() {
            return Err(GoldFault::DuplicateId(mention.id));
        }
    }
    Ok(indices)
}

fn stances(
    records: &[StanceRecord],
    indices: &HashMap<u32, usize>,
) -> Result<Vec<GoldStance>, GoldFault> {
    let stance = |record: &StanceRecord| {
        let target = index_of(record.target, indices)?;
        let holder = holder(record.holder, indices)?;
        if holder == Holder::Mention(target) {
            return Err(GoldFault::OwnHolder(record.target));
        }
        Ok(GoldStance {
            holder,
            target,
            polarity: record.polarity.into(),
        })
    };
    records.iter().map(stance).collect()
}

fn quotes(
    points: &CodePoints,
    records: &[QuoteRecord],
    indices: &HashMap<u32, usize>,
) -> Result<Vec<GoldQuote>, GoldFault> {
    let mut quotes = Vec::with_capacity(records.len());
    for record in records {
        quotes.push(GoldQuote {
            span: points.span(record.start, record.end)?,
            speaker: holder(record.speaker, indices)?,
        });
    }
    quotes.sort_by_key(|quote| quote.span);
    Ok(quotes)
}

fn index_of(id: u32, indices: &HashMap<u32, usize>) -> Result<usize, GoldFault> {
    indices.get(&id).copied().ok_or(GoldFault::UnknownId(id))
}

fn holder(record: HolderRecord, indices: &HashMap<u32, usize>) -> Result<Holder, GoldFault> {
    Ok(match record {
        HolderRecord::Kind(HolderKind::A) => Holder::Author,
        HolderRecord::Kind(HolderKind::U) => Holder::Unnamed,
        HolderRecord::Id(id) => Holder::Mention(index_of(id, indices)?),
    })
}

/// Where all stances are annotated, a mention without one is neutral and one with both signs has no polarity.
fn judge_by_stances(mentions: &mut [GoldMention], stances: &[GoldStance]) {
    for mention in &mut *mentions {
        mention.polarity = Some(Polarity::Neutral);
    }
    for stance in stances {
        if let Some(mention) = mentions.get_mut(stance.target) {
            mention.polarity = match mention.polarity {
                Some(Polarity::Neutral) => Some(stance.polarity),
                judged => judged.filter(|&polarity| polarity == stance.polarity),
            };
        }
    }
}

/// Turns offsets in code points into spans.
struct CodePoints<'a> {
    text: &'a Text,
    /// The byte of each code point, and the end of the text.
    bytes: Vec<usize>,
}

impl<'a> CodePoints<'a> {
    fn new(text: &'a Text) -> Self {
        let starts = text.as_str().char_indices().map(|(byte, _)| byte);
        Self {
            text,
            bytes: starts.chain([text.len()]).collect(),
        }
    }

    fn span(&self, start: usize, end: usize) -> Result<Span, GoldFault> {
        let bounds = self.bytes.get(start).zip(self.bytes.get(end));
        bounds
            .and_then(|(&start, &end)| self.text.span(start..end))
            .filter(|span| !span.is_empty())
            .ok_or(GoldFault::Span {
                start,
                end,
                length: self.bytes.len() - 1,
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::evaluation::fixtures;

    fn reader(source: &str, format: GoldFormat) -> GoldReader<&[u8]> {
        GoldReader::new(
            source.as_bytes(),
            "gold.jsonl".to_owned(),
            format,
            Lines::ALL,
        )
    }

    /// A text of four mentions "a b c d" with ids 1 to 4 and the given stances.
    fn with_stances(stances: &str) -> GoldText {
        fixtures::gold(&format!(
            r#"{{"lang":"de","text":"a b c d","annotated":["stances"],"entities":[{{"id":1,"start":0,"end":1}},{{"id":2,"start":2,"end":3}},{{"id":3,"start":4,"end":5}},{{"id":4,"start":6,"end":7}}],"stances":[{stances}]}}"#
        ))
    }

    fn fault(json: &str) -> String {
        let mut reader = reader(json, GoldFormat::JsonLines);
        reader.next().unwrap().unwrap_err().to_string()
    }

    #[test]
    fn offsets_count_code_points() {
        let gold = fixtures::gold(
            r#"{"lang":"de","domain":"sport","text":"Zu\u0308rich 👩‍🚀 Köln","annotated":["entities"],"entities":[{"id":5,"start":12,"end":16,"type":"LOC"},{"id":2,"start":0,"end":7,"type":"LOC"}]}"#,
        );
        let surfaces: Vec<&str> = gold
            .mentions
            .iter()
            .map(|m| gold.text.slice(m.span))
            .collect();
        assert_eq!(surfaces, ["Zu\u{308}rich", "Köln"]);
        assert_eq!(gold.domain.as_deref(), Some("sport"));
    }

    #[test]
    fn a_span_outside_the_text_or_without_characters_is_refused() {
        for (start, end) in [(0, 4), (3, 3), (2, 1), (9, 12)] {
            let json = format!(
                r#"{{"lang":"de","text":"Öde","annotated":[],"entities":[{{"id":1,"start":{start},"end":{end}}}]}}"#
            );
            let expected = format!(
                "gold.jsonl:1: span {start}..{end} is empty or outside the text of 3 code points"
            );
            assert_eq!(fault(&json), expected);
        }
    }

    #[test]
    fn a_mention_without_stance_is_neutral_where_all_stances_are_annotated() {
        let gold = with_stances(
            r#"{"holder":"A","target":2,"polarity":"positive"},{"holder":"U","target":3,"polarity":"negative"},{"holder":1,"target":3,"polarity":"negative"}"#,
        );
        let polarities: Vec<_> = gold.mentions.iter().map(|m| m.polarity).collect();
        let neutral = Some(Polarity::Neutral);
        let favorable = Some(Polarity::Favorable);
        let unfavorable = Some(Polarity::Unfavorable);
        assert_eq!(polarities, [neutral, favorable, unfavorable, neutral]);
    }

    #[test]
    fn a_mention_with_stances_of_both_signs_has_no_polarity() {
        let mixed = [
            ("positive", "negative", "positive"),
            ("negative", "positive", "positive"),
        ];
        for (a, b, c) in mixed {
            let stance =
                |holder, sign| format!(r#"{{"holder":"{holder}","target":2,"polarity":"{sign}"}}"#);
            let gold = with_stances(&[stance("A", a), stance("U", b), stance("U", c)].join(","));
            assert_eq!(gold.mentions[1].polarity, None);
        }
    }

    #[test]
    fn ids_become_indices_in_the_order_of_the_text() {
        let gold = fixtures::gold(
            r#"{"lang":"de","text":"a b","annotated":["stances","quotes"],"entities":[{"id":7,"start":2,"end":3},{"id":9,"start":0,"end":1}],"stances":[{"holder":9,"target":7,"polarity":"negative"}],"quotes":[{"speaker":7,"start":0,"end":1}]}"#,
        );
        assert_eq!(gold.stances[0].holder, Holder::Mention(0));
        assert_eq!(gold.stances[0].target, 1);
        assert_eq!(gold.quotes[0].speaker, Holder::Mention(1));
    }

    #[test]
    fn only_annotated_layers_are_read() {
        let gold = fixtures::gold(
            r#"{"lang":"de","text":"a","annotated":["entities"],"entities":[{"id":1,"start":0,"end":1,"polarity":"positive"}],"stances":[{"holder":"A","target":1,"polarity":"positive"}],"quotes":[{"speaker":"A","start":0,"end":1}],"tone":"positive"}"#,
        );
        assert_eq!(gold.mentions[0].polarity, None);
        assert!(gold.stances.is_empty() && gold.quotes.is_empty() && gold.tone.is_none());
    }

    #[test]
    fn an_error_names_file_and_line() {
        let good = r#"{"lang":"de","text":"","annotated":[]}"#;
        let mut reader = reader_of_two(good, "{\"lang\":\"de\"}");
        assert!(reader.next().unwrap().is_ok());
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert_eq!(error, "gold.jsonl:3: column 13: missing field `text`");
        assert!(reader.next().is_none());
    }

    fn reader_of_two(first: &str, second: &str) -> GoldReader<std::io::Cursor<Vec<u8>>> {
        let source = format!("{first}\n\n{second}\n{first}\n").into_bytes();
        let source = std::io::Cursor::new(source);
        GoldReader::new(
            source,
            "gold.jsonl".to_owned(),
            GoldFormat::JsonLines,
            Lines::ALL,
        )
    }

    #[test]
    fn references_that_lead_nowhere_are_refused() {
        let mention = r#"{"id":1,"start":0,"end":1}"#;
        let line = |entities: &str, rest: &str| {
            format!(
                r#"{{"lang":"de","text":"a","annotated":["stances","quotes","tone"],"entities":[{entities}]{rest}}}"#
            )
        };
        let twice = format!("{mention},{mention}");
        let cases = [
            (line(&twice, ""), "two mentions have the id 1"),
            (
                line(
                    mention,
                    r#","stances":[{"holder":"A","target":4,"polarity":"positive"}]"#,
                ),
                "there is no mention with the id 4",
            ),
            (
                line(
                    mention,
                    r#","stances":[{"holder":1,"target":1,"polarity":"positive"}]"#,
                ),
                "mention 1 is its own holder",
            ),
            (
                line(mention, r#","quotes":[{"speaker":3,"start":0,"end":1}]"#),
                "there is no mention with the id 3",
            ),
            (line(mention, ""), "\"tone\" is annotated but missing"),
        ];
        for (json, expected) in cases {
            assert_eq!(fault(&json), format!("gold.jsonl:1: {expected}"));
        }
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_an_error() {
        let source: &[u8] = b"de\tneu\t\xff\n";
        let file = "tone.tsv".to_owned();
        let mut reader = GoldReader::new(source, file, GoldFormat::ToneTable, Lines::ALL);
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("tone.tsv:1: "), "{error}");
        assert!(reader.next().is_none());
    }

    #[test]
    fn a_tone_table_holds_language_tone_and_sentence() {
        let source = "\u{feff}de\tneg\tDer Zug fiel aus.\r\nen\tpos\tIt worked.\nde\tneu\tEs tagt.";
        let texts: Vec<GoldText> = reader(source, GoldFormat::ToneTable)
            .collect::<Result<_, _>>()
            .unwrap();
        let read: Vec<_> = texts
            .iter()
            .map(|g| (g.language.as_str(), g.tone, g.text.as_str()))
            .collect();
        let expected = [
            ("de", Some(Polarity::Unfavorable), "Der Zug fiel aus."),
            ("en", Some(Polarity::Favorable), "It worked."),
            ("de", Some(Polarity::Neutral), "Es tagt."),
        ];
        assert_eq!(read, expected);
        for wrong in ["de\tbad\tx", "de neg x", "de\tneg"] {
            assert!(
                reader(wrong, GoldFormat::ToneTable)
                    .next()
                    .unwrap()
                    .is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_tone_of_a_json_line_is_read() {
        let gold = fixtures::gold(
            r#"{"lang":"fr","text":"Bien.","annotated":["tone"],"tone":"positive"}"#,
        );
        assert_eq!(gold.tone, Some(Polarity::Favorable));
    }

    #[test]
    fn lines_are_selected_with_both_ends() {
        let source = "de\tneu\t1\n\nde\tneu\t3\nde\tneu\t4\n";
        let selected = |selection: &str| -> Vec<usize> {
            let lines = selection.parse().unwrap();
            let file = "tone.tsv".to_owned();
            let reader = GoldReader::new(source.as_bytes(), file, GoldFormat::ToneTable, lines);
            reader.map(|gold| gold.unwrap().line).collect()
        };
        assert_eq!(selected("1-3"), [1, 3]);
        assert_eq!(selected("3-"), [3, 4]);
        assert_eq!(selected("4"), [4]);
        assert!(selected("5-9").is_empty());
    }

    #[test]
    fn a_selection_that_makes_no_sense_is_refused() {
        for selection in ["", "0-3", "5-4", "-", "-3", "a-b", "1-2-3", "0"] {
            assert!(selection.parse::<Lines>().is_err(), "{selection:?}");
        }
    }

    #[test]
    fn a_file_without_misc_does_not_know_the_type() {
        let text = |entity_type: &str, layer: &str| {
            format!(
                r#"{{"lang":"de","text":"a","annotated":["{layer}"],"entities":[{{"id":1,"start":0,"end":1,"type":"{entity_type}"}}]}}"#
            )
        };
        let unmarked = |source: &str, lines| {
            let file = "gold.jsonl".to_owned();
            let mut reader = GoldReader::new(source.as_bytes(), file, GoldFormat::JsonLines, lines);
            assert!(reader.by_ref().all(|gold| gold.is_ok()));
            reader.unmarked_types()
        };
        let (person, misc) = (text("PER", "entities"), text("MISC", "entities"));
        assert_eq!(unmarked(&person, Lines::ALL), [EntityType::Miscellaneous]);
        // The selection is of no matter: the whole file tells.
        let both = format!("{person}\n{misc}\n");
        assert_eq!(unmarked(&both, Lines { first: 1, last: 1 }), []);
        assert_eq!(unmarked(&text("PER", "polarity"), Lines::ALL), []);
    }

    #[test]
    fn labels_and_types_belong_together() {
        for entity_type in EntityType::ALL {
            assert_eq!(
                EntityType::from_label(EntityType::label(entity_type)),
                Some(entity_type)
            );
        }
        assert_eq!(EntityType::from_label("TOPIC"), None);
    }

    /// Lines of the right form with offsets, ids and names that may be of any value.
    fn record() -> impl Strategy<Value = String> {
        let number = || prop_oneof![4 => 0..9_u64, 1 => any::<u64>()];
        let label = prop::sample::select(vec!["PER", "ORG", "LOC", "MISC", "TOPIC", "X"]);
        let mention = (number(), number(), number(), label).prop_map(
            |(id, start, end, label)| json!({"id": id, "start": start, "end": end, "type": label}),
        );
        let holder = || {
            prop_oneof![
                number().prop_map(|id| json!(id)),
                Just(json!("A")),
                Just(json!("U"))
            ]
        };
        let stance = (holder(), number()).prop_map(
            |(holder, target)| json!({"holder": holder, "target": target, "polarity": "negative"}),
        );
        let quote = (holder(), number(), number()).prop_map(
            |(speaker, start, end)| json!({"speaker": speaker, "start": start, "end": end}),
        );
        let layers = prop::sample::subsequence(
            vec!["entities", "polarity", "stances", "quotes", "tone"],
            0..=5,
        );
        (
            any::<String>(),
            layers,
            prop::collection::vec(mention, 0..4),
            prop::collection::vec(stance, 0..3),
            prop::collection::vec(quote, 0..3),
        )
            .prop_map(|(text, annotated, entities, stances, quotes)| {
                json!({
                    "lang": "de", "text": text, "annotated": annotated, "tone": "neutral",
                    "entities": entities, "stances": stances, "quotes": quotes,
                })
                .to_string()
            })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            content in any::<Vec<u8>>(),
            format in prop::sample::select(vec![GoldFormat::JsonLines, GoldFormat::ToneTable]),
        ) {
            let source = content.as_slice();
            let mut reader = GoldReader::new(source, "gold".to_owned(), format, Lines::ALL);
            // Nothing comes behind the first error.
            prop_assert!(reader.by_ref().skip_while(Result::is_ok).count() <= 1);
        }

        #[test]
        fn what_is_read_lies_in_its_text(line in record()) {
            if let Some(Ok(gold)) = reader(&line, GoldFormat::JsonLines).next() {
                let spans = gold.mentions.iter().map(|mention| mention.span);
                for span in spans.chain(gold.quotes.iter().map(|quote| quote.span)) {
                    prop_assert!(!span.is_empty() && gold.text.span(span.range()).is_some());
                }
                for stance in &gold.stances {
                    prop_assert!(stance.target < gold.mentions.len());
                    prop_assert!(stance.holder != Holder::Mention(stance.target));
                }
            }
        }

        #[test]
        fn any_string_is_a_selection_of_lines_or_an_error(selection in "[0-9 -]{0,24}|\\PC{0,9}") {
            if let Ok(lines) = selection.parse::<Lines>() {
                prop_assert!(1 <= lines.first && lines.first <= lines.last);
            }
        }
    }
}
